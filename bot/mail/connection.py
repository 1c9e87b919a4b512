"""One connection to an IMAP server: encrypted, verified, and cut when its time is up."""

from __future__ import annotations

import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LINE = 16 * 1024**2
"""Bytes of one line of an answer. A SEARCH answer is one line; imaplib's own limit of 1 MB ends at 140,000 mails."""


class Switch:
    """Cuts a connection, from any thread.

    It holds a second handle of the socket: so it cuts in the middle of a TLS handshake too, and never touches the TLS
    state of a thread that is about to send (SSLSocket.shutdown forgets that state first and what follows is sent plain).
    """

    def __init__(self) -> None:
        self.why = ""  # "deadline", "closed"; empty while nobody cut
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()

    def hold(self, sock: socket.socket) -> None:
        with self._lock:
            self._handle = sock.dup()
        if self.why:
            self.cut(self.why)

    def cut(self, why: str) -> None:
        with self._lock:
            self.why = self.why or why
            if self._handle is not None:
                with suppress(OSError):  # the other side may have been quicker
                    self._handle.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cuts when what is inside takes longer. A timeout of the socket is per read and does not bound a trickle."""
        timer = threading.Timer(seconds, self.cut, ("deadline",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


class Connection(imaplib.IMAP4):
    """What imaplib needs to speak: opened through the switch, with limits on what one answer may hold."""

    def __init__(
        self, host: str, port: int, *, context: ssl.SSLContext | None, timeout: float, switch: Switch, literal: int
    ) -> None:
        self._context = context  # None: plain, or STARTTLS later
        self._switch = switch
        self._literal = literal
        self._begun = b""  # of a line whose end had not come while nobody would wait for it
        super().__init__(host, port, timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), timeout)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._switch.hold(sock)
            if self._context is not None:
                return self._context.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise
        return sock

    def read(self, size: int) -> bytes:
        if size > self._literal:  # imaplib would allocate whatever the server announces
            raise self.abort("literal over the limit")
        return super().read(size)

    def readline(self) -> bytes:
        """A whole line. While IDLE is looked at without blocking, the beginning of one is kept, and nothing is there yet."""
        read = self.file.readline(LINE + 1)
        assert isinstance(read, bytes)  # opened "rb"
        line, self._begun = self._begun + read, b""
        if len(line) > LINE:
            raise self.abort("line over the limit")
        if line and not line.endswith(b"\n") and self.sock.gettimeout() == 0:
            self._begun = line
            raise BlockingIOError
        return line


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Verifies against the system's authorities, and those in `ca_file` too. There is no way to verify nothing."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
