"""A stand-in for Slack on loopback: it speaks the Web API that we use, fails on cue, and draws the messages on a page."""

from __future__ import annotations

import html
import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

SCOPES = ("chat:write", "channels:history", "groups:history", "metadata.message:read")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time: close() sends RST
_MOST_BLOCKS, _MOST_TEXT = 50, 3000
_LONGEST, _MOST_ALTOGETHER = 40_000, 13_200  # characters of a text; of all blocks (bolt-js#2509)


class LocalSlack:
    """`with LocalSlack(channels=("C1",)) as slack:` a workspace at slack.base_url with one bot, slack.token.

    `script("429:2", "500", "reset", …)` makes the next writing calls fail, in this order: "429:<seconds>" not taken,
    "500" taken or not nobody knows (it is taken), "timeout" and "reset" taken without an answer, "refuse" reset before
    it is taken, "garbage" taken and answered by no JSON, "error:<code>" refused, "ok" as usual.
    """

    def __init__(self, *, channels: Sequence[str], token: str = "xoxb-local", port: int = 0) -> None:  # noqa: S107 - opens nothing
        self.token = token
        self.scopes = frozenset(SCOPES)
        self.calls: list[str] = []  # methods, as they were called
        self._channels: dict[str, list[dict[str, Any]]] = {c: [] for c in channels}
        self._script: deque[str] = deque()
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._last = 0.0
        local = self

        class Handler(_Handler):
            slack = local

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="local-slack", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    @property
    def page_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    # ------------------------------------------------------------------------------------------ for tests and the demo

    def script(self, *steps: str) -> None:
        with self._changed:
            self._script.extend(steps)

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """All messages of a channel as they stand now, replies too, oldest first."""
        with self._changed:
            return [dict(m) for m in self._channels[channel]]

    def remove(self, channel: str, ts: str) -> None:
        """Somebody deletes a message."""
        with self._changed:
            self._channels[channel] = [m for m in self._channels[channel] if m["ts"] != ts]

    def wait_for(self, what: Callable[[], Any], seconds: float) -> Any:
        """What `what` returns as soon as it is true; an AssertionError after that many seconds."""
        until = time.monotonic() + seconds
        while True:
            if found := what():
                return found
            with self._changed:
                left = until - time.monotonic()
                assert left > 0, f"not in Slack within {seconds} s"
                self._changed.wait(min(left, 0.2))

    # ------------------------------------------------------------------------------------------ the Web API

    def answer(self, method: str, asked: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a call."""
        self.calls.append(method)
        if token != self.token:
            return 200, {"ok": False, "error": "invalid_auth"}
        known: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "auth.test": _who,
            "chat.postMessage": self._post, "chat.update": self._update,
            "conversations.history": self._history, "conversations.replies": self._history,
            "conversations.info": self._info,
        }  # fmt: skip
        with self._changed:
            result = known[method](asked) if method in known else {"ok": False, "error": "unknown_method"}
            self._changed.notify_all()
        return 200, result

    def fault(self, method: str) -> str:
        """The next step of the script, for a writing call."""
        if not method.startswith("chat."):
            return "ok"
        with self._changed:
            return self._script.popleft() if self._script else "ok"

    def _post(self, asked: dict[str, Any]) -> dict[str, Any]:
        if problem := self._wrong_with(asked):
            return {"ok": False, "error": problem}
        messages = self._channels[asked["channel"]]
        self._last = max(time.time(), self._last + 0.000001)
        message = {"type": "message", "user": "U0LOCAL", "ts": f"{self._last:.6f}", **_kept(asked)}
        if thread := asked.get("thread_ts"):
            message["thread_ts"] = thread
        messages.append(message)
        return {"ok": True, "channel": asked["channel"], "ts": message["ts"], "message": message}

    def _update(self, asked: dict[str, Any]) -> dict[str, Any]:
        if problem := self._wrong_with(asked):
            return {"ok": False, "error": problem}
        for message in self._channels[asked["channel"]]:
            if message["ts"] == asked.get("ts"):
                message.update(_kept(asked), edited={"user": "U0LOCAL", "ts": f"{time.time():.6f}"})
                return {"ok": True, "channel": asked["channel"], "ts": message["ts"]}
        return {"ok": False, "error": "message_not_found"}

    def _wrong_with(self, asked: dict[str, Any]) -> str:
        if "chat:write" not in self.scopes:
            return "missing_scope"
        if asked.get("channel") not in self._channels:
            return "channel_not_found"
        return _block_problem(asked.get("blocks") or [], asked.get("text") or "")

    def _info(self, asked: dict[str, Any]) -> dict[str, Any]:
        channel = asked.get("channel")
        if channel not in self._channels:
            return {"ok": False, "error": "channel_not_found"}
        return {"ok": True, "channel": {"id": channel, "name": str(channel).lower(), "is_member": True}}

    def _history(self, asked: dict[str, Any]) -> dict[str, Any]:
        if not self.scopes & {"channels:history", "groups:history"}:
            return {"ok": False, "error": "missing_scope", "needed": "channels:history"}
        if asked.get("channel") not in self._channels:
            return {"ok": False, "error": "channel_not_found"}
        thread = asked.get("ts")
        oldest = float(asked.get("oldest", 0) or 0)
        wanted = [
            m for m in self._channels[asked["channel"]]
            if float(m["ts"]) >= oldest and (thread in {m["ts"], m.get("thread_ts")} if thread else "thread_ts" not in m)
        ]  # fmt: skip
        start, limit = int(asked.get("cursor") or 0), min(int(asked.get("limit") or 100), 200)
        page = list(reversed(wanted))[start : start + limit]
        with_metadata = str(asked.get("include_all_metadata", "")).lower() in {"1", "true"}
        page = [m if with_metadata else {k: v for k, v in m.items() if k != "metadata"} for m in page]
        more = str(start + limit) if start + limit < len(wanted) else ""
        return {"ok": True, "messages": page, "has_more": bool(more), "response_metadata": {"next_cursor": more}}

    # ------------------------------------------------------------------------------------------ the page

    def page(self) -> str:
        """The channels, drawn. Everything of a message is escaped; the page runs nothing."""
        with self._changed:
            drawn = "".join(_channel(name, messages) for name, messages in self._channels.items())
        return (
            "<!doctype html><html lang=en><meta charset=utf-8><title>triage demo</title><meta http-equiv=refresh content=3>"
            "<style>body{font:15px/1.45 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;background:#fff;color:#1d1c1d}"
            "article{border:1px solid #ddd;border-left:4px solid #888;border-radius:6px;padding:.4rem 1rem;margin:1rem 0}"
            "article.reply{margin-left:2rem;font-size:13px;color:#444}p{margin:.45rem 0;white-space:pre-wrap;overflow-wrap:anywhere}"
            f"p.context{{color:#666;font-size:12px}}time{{color:#888;font-size:12px}}</style><h1>Slack's stand-in</h1>{drawn}</html>"
        )


def _who(_asked: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "team": "Local", "user": "triage", "team_id": "T0LOCAL", "user_id": "U0LOCAL"}


def _block_problem(blocks: Sequence[dict[str, Any]], text: str) -> str:
    """What Slack would refuse; "" where nothing. Lengths in UTF-16 units: whichever Slack counts, these are no fewer."""
    lengths = []
    for block in blocks:
        kind = block.get("type")
        if kind not in {"section", "context"}:
            return "invalid_blocks"
        texts = [block["text"]] if kind == "section" else block["elements"]
        lengths += [len(t["text"].encode("utf-16-le")) // 2 for t in texts]
        if len(texts) > 10 or any(t["type"] != "mrkdwn" for t in texts):
            return "invalid_blocks"
    if len(blocks) > _MOST_BLOCKS or any(not 0 < n <= _MOST_TEXT for n in lengths):
        return "invalid_blocks"
    if sum(lengths) > _MOST_ALTOGETHER:
        return "msg_blocks_too_long"
    if len(text) > _LONGEST:
        return "msg_too_long"
    return "" if text or blocks else "no_text"


def _kept(asked: dict[str, Any]) -> dict[str, Any]:
    return {"text": asked.get("text", ""), "blocks": asked.get("blocks") or [], "metadata": asked.get("metadata") or {}}


def _channel(name: str, messages: Sequence[dict[str, Any]]) -> str:
    drawn = [f"<h2>#{html.escape(name)}</h2>"]
    for card in reversed([m for m in messages if "thread_ts" not in m]):
        drawn.append(_message(card, ""))
        drawn += [_message(m, "reply") for m in messages if m.get("thread_ts") == card["ts"]]
    return "".join(drawn)


def _message(message: dict[str, Any], kind: str) -> str:
    parts = []
    for block in message["blocks"]:
        texts = [block["text"]] if "text" in block else block.get("elements", [])
        css = " class=context" if block.get("type") == "context" else ""
        parts += [f"<p{css}>{_mrkdwn(t.get('text', ''))}</p>" for t in texts]
    edited = " (edited)" if "edited" in message else ""
    at = time.strftime("%H:%M:%S", time.localtime(float(message["ts"])))
    body = "".join(parts) or f"<p>{_mrkdwn(message['text'])}</p>"
    return f"<article class='{kind}'><time>{at}{edited}</time>{body}</article>"


def _mrkdwn(text: str) -> str:
    """Slack's markup, the little of it that cards use. Slack undoes three escapes; what it shows is escaped anew here."""
    shown = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    escaped = html.escape(shown)
    escaped = re.sub(r"(?m)(^|[\s(])\*([^*\n]{1,300})\*", r"\1<b>\2</b>", escaped)
    escaped = re.sub(r"(?m)(^|[\s(])_([^_\n]{1,300})_", r"\1<i>\2</i>", escaped)
    return re.sub(r"`([^`\n]{1,300})`", r"<code>\1</code>", escaped)


class _Handler(BaseHTTPRequestHandler):
    slack: LocalSlack
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """The page; conversations.* may be asked so too."""
        url = urlsplit(self.path)
        if url.path.startswith("/api/"):
            self._api(url.path.removeprefix("/api/"), {k: v[0] for k, v in parse_qs(url.query).items()})
        elif url.path == "/":
            self._send(200, self.slack.page().encode(), "text/html; charset=utf-8")
        else:
            self._send(404, b"not here", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        asked = {k: v[0] for k, v in parse_qs(url.query).items()}
        if "json" in (self.headers.get("Content-Type") or ""):
            asked |= json.loads(body or b"{}")
        else:
            asked |= {k: v[0] for k, v in parse_qs(body.decode()).items()}
        self._api(url.path.removeprefix("/api/"), asked)

    def _api(self, method: str, asked: dict[str, Any]) -> None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        fault = self.slack.fault(method)
        if fault.startswith("429"):
            self._send(429, b'{"ok": false, "error": "ratelimited"}', retry_after=fault.partition(":")[2] or "1")
            return
        if fault.startswith("error:"):
            self._send(200, json.dumps({"ok": False, "error": fault.partition(":")[2]}).encode())
            return
        if fault == "refuse":
            self._reset()
            return
        status, answer = self.slack.answer(method, asked, token)
        if fault == "timeout":
            self.slack._ended.wait(30)  # noqa: SLF001 - the answer never comes
            self.close_connection = True
        elif fault == "reset":
            self._reset()
        elif fault == "500":
            self._send(500, b"upstream error", "text/plain")
        elif fault == "garbage":
            self._send(200, b"<html>proxy</html>", "text/html")
        else:
            self._send(status, json.dumps(answer).encode())

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def _send(
        self, status: int, body: bytes, kind: str = "application/json; charset=utf-8", retry_after: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("X-OAuth-Scopes", ",".join(sorted(self.slack.scopes)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Says nothing: what passes here is mail."""
