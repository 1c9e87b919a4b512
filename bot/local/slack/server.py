"""The stand-in's HTTP side: the Web API with its faults, response urls, and the page with what it asks.

It answers on loopback only, to a Host that is loopback, and to no page of another origin; the page and what it asks
need the token that was printed with its address.
"""

from __future__ import annotations

import hmac
import json
import socket
import struct
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time: close() sends RST
_FILES = {"/page.css": "text/css", "/page.js": "text/javascript"}
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_MOST = 2_000_000  # bytes of a request


class Backend(Protocol):
    """What the handler asks of the stand-in."""

    page_token: str

    @property
    def port(self) -> int: ...
    @property
    def scopes(self) -> frozenset[str]: ...
    def answer(self, method: str, asked: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]: ...
    def fault(self, method: str) -> str: ...
    def hang(self) -> None: ...
    def respond(self, name: str, asked: Mapping[str, Any]) -> bool: ...
    def page(self) -> str: ...
    def state(self, user: str, since: int, *, home: bool) -> dict[str, Any]: ...
    def act(self, what: str, asked: Mapping[str, Any]) -> dict[str, Any] | None: ...


def handler(backend: Backend) -> type[BaseHTTPRequestHandler]:
    """The request handler of this stand-in."""

    class Handler(_Handler):
        slack = backend

    return Handler


class _Handler(BaseHTTPRequestHandler):
    slack: Backend
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """The page and its files; conversations.* may be asked so too."""
        if not self._local():
            return
        url = urlsplit(self.path)
        asked = {k: v[0] for k, v in parse_qs(url.query).items()}
        if url.path.startswith("/api/"):
            self._api(url.path.removeprefix("/api/"), asked)
        elif url.path in _FILES:
            self._send(200, Path(__file__).with_name(url.path[1:]).read_bytes(), _FILES[url.path])
        elif url.path == "/":
            if self._knows(asked.get("token", "")):
                self._send(200, self.slack.page().encode(), "text/html; charset=utf-8")
        elif url.path == "/state":
            if self._knows(self.headers.get("X-Page-Token", "")):
                state = self.slack.state(
                    asked.get("user", ""), int(asked.get("since", -1)), home=asked.get("home") == "1"
                )
                self._json(state)
        else:
            self._send(404, b"not here", "text/plain")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST or not self._local():
            self.close_connection = True
            return
        body, url = self.rfile.read(length), urlsplit(self.path)
        asked: dict[str, Any] = {k: v[0] for k, v in parse_qs(url.query).items()}
        if "json" in (self.headers.get("Content-Type") or ""):
            asked |= json.loads(body or b"{}")
        else:
            asked |= {k: v[0] for k, v in parse_qs(body.decode()).items()}
        if url.path.startswith("/api/"):
            self._api(url.path.removeprefix("/api/"), asked)
        elif url.path.startswith("/response/"):
            taken = self.slack.respond(url.path.removeprefix("/response/"), asked)
            self._send(200 if taken else 404, b"ok" if taken else b"expired_url", "text/plain")
        elif self._knows(self.headers.get("X-Page-Token", "")):
            done = self.slack.act(url.path[1:], asked)
            if done is None:
                self._send(404, b"not here", "text/plain")
            else:
                self._json(done)

    # ------------------------------------------------------------------------------------------ who may ask

    def _local(self) -> bool:
        """A page of elsewhere that a browser here has open must reach nothing, by whatever name it calls this place."""
        hosts = {f"127.0.0.1:{self.slack.port}", f"localhost:{self.slack.port}"}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") in hosts and origin in {None, *(f"http://{h}" for h in hosts)}:
            return True
        self.close_connection = True
        self._send(403, b"this answers on loopback only", "text/plain")
        return False

    def _knows(self, token: str) -> bool:
        if hmac.compare_digest(token.encode(), self.slack.page_token.encode()):
            return True
        self._send(403, b"the address with its token is printed where the stand-in was started", "text/plain")
        return False

    # ------------------------------------------------------------------------------------------ the Web API

    def _api(self, method: str, asked: dict[str, Any]) -> None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        fault = self.slack.fault(method)
        if fault.startswith("429"):
            self._send(429, b'{"ok": false, "error": "ratelimited"}', retry_after=fault.partition(":")[2] or "1")
            return
        if fault.startswith("error:"):
            self._json({"ok": False, "error": fault.partition(":")[2]})
            return
        if fault == "refuse":
            self._reset()
            return
        status, answer = self.slack.answer(method, asked, token)
        after: dict[str, Callable[[], None]] = {
            "timeout": self._never,
            "reset": self._reset,
            "500": lambda: self._send(500, b"upstream error", "text/plain"),
            "garbage": lambda: self._send(200, b"<html>proxy</html>", "text/html"),
        }
        after.get(fault, lambda: self._send(status, json.dumps(answer).encode()))()

    def _never(self) -> None:
        self.slack.hang()
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def _json(self, answer: Mapping[str, Any]) -> None:
        self._send(200, json.dumps(answer).encode())

    def _send(
        self, status: int, body: bytes, kind: str = "application/json; charset=utf-8", retry_after: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-OAuth-Scopes", ",".join(sorted(self.slack.scopes)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Says nothing: what passes here is mail."""
