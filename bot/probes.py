"""What probes may ask on loopback: /healthz whether the bot is alive, /readyz whether it gets its work done, /metrics figures.

The first two answer anybody with one word; the reasons and the figures are for who has the token.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from classifiers.errors import ConfigError, Problem

TEXT = "text/plain; charset=utf-8"
FIGURES = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format


class Probes:
    """A server on 127.0.0.1. Raises ConfigError where the port is taken."""

    def __init__(
        self,
        port: int,
        token: str,
        *,
        alive: Callable[[], Sequence[str]],
        ready: Callable[[], Sequence[str]],
        metrics: Callable[[], bytes],
    ) -> None:
        """`alive`, `ready`: what is wrong, in sentences; nothing where all is well."""

        class Handler(_Handler):
            answers = {"/healthz": alive, "/readyz": ready}  # noqa: RUF012 - made here, and never changed
            figures = staticmethod(metrics)
            secret = token.encode()

        try:
            self._server = _Server(("127.0.0.1", port), Handler)
        except OSError as e:
            raise ConfigError(Problem("watch.port", f"{port} cannot be opened: {e.strerror}; choose another")) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="probes", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: who asks may hang up."""


class _Handler(BaseHTTPRequestHandler):
    answers: dict[str, Callable[[], Sequence[str]]]
    figures: Callable[[], bytes]
    secret: bytes
    timeout = 10
    server_version = "triage"
    sys_version = ""

    def do_GET(self) -> None:
        known = hmac.compare_digest(self.headers.get("Authorization", "").encode(), b"Bearer " + self.secret)
        if self.path in self.answers:
            wrong = self.answers[self.path]()
            words = "\n".join(wrong) if wrong and known else "no" if wrong else "ok"
            self._send(503 if wrong else 200, words.encode() + b"\n")
        elif self.path != "/metrics":
            self._send(404, b"there are /healthz, /readyz and /metrics\n")
        elif not known:
            self._send(401, b"/metrics needs the token: Authorization: Bearer ...\n")
        else:
            self._send(200, self.figures(), FIGURES)

    def _send(self, status: int, body: bytes, kind: str = TEXT) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Says nothing: a probe a second is no event."""
