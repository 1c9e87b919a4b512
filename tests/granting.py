"""A stand-in for whoever grants access to a mailbox: a token endpoint, and the introspection that Dovecot asks."""

from __future__ import annotations

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl


class Granting:
    """`with Granting(user) as g:` tokens at g.token_url, for the client "triage" with the secret "sesame"; see g.introspection.

    `script` holds answers to the next askings for a token: an HTTP status with a body, or "cut". `rotates`: each use of a
    refresh token gives another, and voids the one that was used.
    """

    def __init__(self, user: str) -> None:
        self.user = user
        self.refresh = "refresh-0"
        self.rotates = False
        self.lives: Any = 3600
        self.good: set[str] = set()
        self.asked: list[dict[str, str]] = []  # forms, as they came
        self.script: deque[tuple[int, bytes] | str] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        base = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.token_url, self.introspection = f"{base}/token", f"{base}/introspect"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def revoke(self) -> None:
        """No access token is good any more."""
        self.good.clear()

    def grant(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append(form)
        kind = form.get("grant_type")
        if form.get("client_id") != "triage" or (
            kind == "client_credentials" and form.get("client_secret") != "sesame"
        ):
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret sesame"}
        if kind == "refresh_token" and form.get("refresh_token") != self.refresh:
            return 400, {"error": "invalid_grant"}
        token = f"access-{len(self.asked)}"
        self.good.add(token)
        more = {}
        if kind == "refresh_token" and self.rotates:
            self.refresh = f"refresh-{len(self.asked)}"
            more = {"refresh_token": self.refresh}
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lives} | more

    def introspect(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        return 200, {"active": form.get("token") in self.good, "username": self.user}


def _handler(granting: Granting) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            if self.path == "/token" and granting.script:
                granting.asked.append(form)
                scripted = granting.script.popleft()
                if scripted == "cut":
                    self.connection.close()
                    return
                self._answer(*scripted)
                return
            status, data = granting.grant(form) if self.path == "/token" else granting.introspect(form)
            self._answer(status, json.dumps(data).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", granting.introspection)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    return Handler
