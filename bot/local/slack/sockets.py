"""Socket Mode's other end: tickets, connections, envelopes that are sent to one of them, and the acks that come back."""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

PATIENCE = 3.0  # seconds in which Slack wants an ack
# What passes here is mail, and a line that breaks is what tests are for.
_SILENT = logging.Logger("local-sockets", logging.CRITICAL + 1)  # noqa: LOG001 - of this file alone


@dataclass(slots=True)
class Envelope:
    """What was sent, and what came back."""

    id: str
    kind: str
    sent_at: float
    acked_at: float | None = None
    payload: dict[str, Any] = field(default_factory=dict)  # of the ack


class Sockets:
    """The connections of one app. Slack sends each envelope to one of them, whether or not it still lives."""

    def __init__(self) -> None:
        self.ghosts = (
            0  # connections that Slack still counts though nobody is at their end; they get every other envelope
        )
        self.envelopes: list[Envelope] = []
        self._tickets: set[str] = set()
        self._live: list[ServerConnection] = []
        self._changed = threading.Condition()
        self._server = serve(self._connected, "127.0.0.1", 0, process_request=self._admitted, logger=_SILENT)
        self._thread = threading.Thread(target=self._server.serve_forever, name="local-sockets", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self.disconnect_all()
        self._thread.join(5)

    # ------------------------------------------------------------------------------------------ connecting

    def url(self) -> str:
        """Where to connect, once."""
        ticket = secrets.token_hex(16)
        with self._changed:
            self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/link/?ticket={ticket}&app_id=A0LOCAL"

    def _admitted(self, connection: ServerConnection, request: Request) -> Response | None:
        """Nobody comes in without a fresh ticket; a browser's page never does: it always names its origin."""
        ticket = request.path.partition("ticket=")[2].partition("&")[0]
        with self._changed:
            known = ticket in self._tickets
            self._tickets.discard(ticket)
        if "Origin" in request.headers or not known:
            return connection.respond(HTTPStatus.FORBIDDEN, "no\n")
        return None

    def _connected(self, connection: ServerConnection) -> None:
        with self._changed:
            self._live.append(connection)
            number = len(self._live) + self.ghosts
        hello = {"type": "hello", "num_connections": number, "connection_info": {"app_id": "A0LOCAL"}, "debug_info": {}}
        try:
            connection.send(json.dumps(hello))
            with self._changed:
                self._changed.notify_all()
            for message in connection:
                self._acked(json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            with self._changed:
                self._live = [c for c in self._live if c is not connection]
                self._changed.notify_all()

    @property
    def connections(self) -> int:
        with self._changed:
            return len(self._live)

    def refresh(self) -> None:
        """Slack asks the app to connect anew, as it does every few hours."""
        told = json.dumps({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}})
        for connection in self._all():
            with contextlib.suppress(ConnectionClosed):
                connection.send(told)

    def cut(self) -> None:
        """The line breaks, without a word."""
        for connection in self._all():
            connection.close_socket()

    def disconnect_all(self) -> None:
        for connection in self._all():
            connection.close()

    def _all(self) -> list[ServerConnection]:
        with self._changed:
            return list(self._live)

    # ------------------------------------------------------------------------------------------ envelopes

    def send(
        self, kind: str, payload: dict[str, Any], *, accepts_response: bool = False, patience: float = PATIENCE
    ) -> Envelope | None:
        """An envelope, once it was acked or the patience is over; None where no connection was there to take it."""
        envelope = Envelope(id=secrets.token_hex(8), kind=kind, sent_at=time.monotonic())
        message = {
            "type": kind, "envelope_id": envelope.id, "payload": payload, "accepts_response_payload": accepts_response,
        }  # fmt: skip
        with self._changed:
            lost = self.ghosts and len(self.envelopes) % 2 == 0
            live = list(self._live)
            self.envelopes.append(envelope)
        if not lost and not any(_sent(connection, json.dumps(message)) for connection in reversed(live)):
            return None
        with self._changed:
            self._changed.wait_for(lambda: envelope.acked_at is not None, patience)
        return envelope

    def _acked(self, ack: dict[str, Any]) -> None:
        with self._changed:
            for envelope in self.envelopes:
                if envelope.id == ack.get("envelope_id"):
                    envelope.acked_at = time.monotonic()
                    envelope.payload = ack.get("payload") or {}
            self._changed.notify_all()


def _sent(connection: ServerConnection, message: str) -> bool:
    try:
        connection.send(message)
    except (ConnectionClosed, OSError):
        return False
    return True
