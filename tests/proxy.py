"""A TCP proxy that misbehaves on cue: cuts, falls silent, trickles, puts words in the server's mouth."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time: close() sends RST instead of FIN
GLANCE = 0.01  # seconds between two looks at what the test wants by now


class Proxy:
    """`with Proxy(port) as p:` connect to 127.0.0.1, p.port. What is set acts on connections that live already, too."""

    def __init__(self, upstream: int) -> None:
        self.refuse = False  # takes a connection and resets it at once
        self.black_hole = False  # takes a connection and never says a byte
        self.silent = False  # a half-open line: it is there, nothing passes any more, in either direction
        self.trickle = 0  # bytes from the server every 50 ms; 0: as they come
        self.cut_after: int | None = None  # bytes from the server, of each connection, from now on
        self.cut_by_reset = False  # cut with RST, not FIN
        self.instead: tuple[bytes, bytes] | None = None  # in what the server says, the one becomes the other
        self.edit: Callable[[bytes], bytes] = bytes  # likewise, by a function
        self.before: tuple[bytes, Callable[[], object]] | None = None  # when a client says so, first do that; once
        self.cut_at: tuple[bytes, bool] | None = None  # when a client says so; whether the server still hears it. Once
        self.asked = b""  # all that clients sent
        self.taken = 0  # connections
        self._upstream = upstream
        self._cuts = 0
        self._words: list[bytes] = []
        self._ending = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(GLANCE)
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending = True
        for thread in self._threads:
            thread.join(5)
        self._listening.close()

    def say(self, words: bytes) -> None:
        """Puts words in the server's mouth, on each connection that lives now."""
        self._words.append(words)

    def cut(self, *, by_reset: bool = False) -> None:
        """Cuts the connections that live now, and returns when they are cut."""
        self.cut_by_reset = by_reset
        self._cuts += 1
        for thread in self._threads[1:]:
            thread.join(5)

    def _listen(self) -> None:
        while not self._ending:
            try:
                client, _ = self._listening.accept()
            except TimeoutError:
                continue
            self.taken += 1
            thread = threading.Thread(target=self._serve, args=(client, self._cuts), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, cuts: int) -> None:
        with client:
            if self.refuse:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            if self.black_hole:
                while not self._ending and self._cuts == cuts:
                    time.sleep(GLANCE)
                return
            try:
                with socket.create_connection(("127.0.0.1", self._upstream), 5) as server:
                    self._pump(client, server, cuts)
            except OSError:
                pass  # one side is gone, so the other goes
            if self.cut_by_reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def _pump(self, client: socket.socket, server: socket.socket, cuts: int) -> None:
        passed, said = 0, len(self._words)
        counted = False
        while not self._ending and self._cuts == cuts:
            if self.silent:
                time.sleep(GLANCE)
                continue
            client.sendall(b"".join(self._words[said:]))
            said = len(self._words)
            for side in select.select([client, server], [], [], GLANCE)[0]:
                data = side.recv(65536)
                if not data:
                    return
                if side is client:
                    if not self._heard(data, server):
                        return
                    continue
                if self.instead:
                    data = data.replace(*self.instead)
                data = self.edit(data)
                if self.cut_after is not None and not counted:
                    passed, counted = 0, True
                if self.cut_after is not None and passed + len(data) >= self.cut_after:
                    client.sendall(data[: self.cut_after - passed])
                    return
                passed += len(data)
                self._say(client, data, cuts)

    def _heard(self, data: bytes, server: socket.socket) -> bool:
        """Passes on what a client says; False where the connection is to be cut."""
        self.asked += data
        if self.before and self.before[0] in data:
            (_, first), self.before = self.before, None
            first()
        if self.cut_at and self.cut_at[0] in data:
            (_, passed_on), self.cut_at = self.cut_at, None
            if passed_on:
                server.sendall(data)
            return False
        server.sendall(data)
        return True

    def _say(self, client: socket.socket, data: bytes, cuts: int) -> None:
        while data and (piece := self.trickle) and not self._ending and self._cuts == cuts:
            client.sendall(data[:piece])
            data = data[piece:]
            time.sleep(0.05)
        client.sendall(data)
