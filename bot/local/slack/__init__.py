"""A stand-in for Slack on loopback: the Web API and Socket Mode that we use, failing on cue, and a page to click on."""

from __future__ import annotations

import html
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from bot.local.slack import drawn
from bot.local.slack.hands import Done, Hands
from bot.local.slack.server import handler
from bot.local.slack.sockets import Sockets
from bot.local.slack.workspace import Workspace

LONG_POLL = 5.0  # seconds that the page's question waits for news


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: who asks hangs up on cue, and pages are closed while they wait for news."""


class LocalSlack:
    """`with LocalSlack(channels=("C1",)) as slack:` a workspace at slack.base_url with one bot, slack.token.

    `script("429:2", "500", "reset", …)` makes the next writing calls fail, in this order: "429:<seconds>" not taken,
    "500" taken or not nobody knows (it is taken), "timeout" and "reset" taken without an answer, "refuse" reset before
    it is taken, "garbage" taken and answered by no JSON, "error:<code>" refused, "ok" as usual. With "look:" before it,
    a step waits for the next call that reads a history.
    """

    def __init__(self, *, channels: Sequence[str], token: str = "xoxb-local", port: int = 0) -> None:  # noqa: S107 - opens nothing
        self.workspace = Workspace(token=token, app_token="xapp-local", channels={c: [] for c in channels})
        self.sockets = Sockets()
        self.page_token = secrets.token_urlsafe(16)
        self.calls: list[str] = []  # methods, as they were called
        self._script: deque[str] = deque()
        self._changed = self.workspace.changed
        self._ended = threading.Event()
        self._server = _Server(("127.0.0.1", port), handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="local-slack", daemon=True
        )
        self.hands = Hands(self.workspace, self.sockets, f"http://127.0.0.1:{self.port}/")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self.sockets.stop()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def token(self) -> str:
        return self.workspace.token

    @property
    def app_token(self) -> str:
        return self.workspace.app_token

    @property
    def scopes(self) -> frozenset[str]:
        return self.workspace.scopes

    @scopes.setter
    def scopes(self, scopes: frozenset[str]) -> None:
        self.workspace.scopes = scopes

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    @property
    def page_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.page_token}"

    # ------------------------------------------------------------------------------------------ for tests and the demo

    def script(self, *steps: str) -> None:
        with self._changed:
            self._script.extend(steps)

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """All messages of a channel as they stand now, replies too, oldest first."""
        with self._changed:
            return [dict(m) for m in self.workspace.channels[channel]]

    def told(self, user: str) -> list[str]:
        """What this person alone was told, oldest first."""
        with self._changed:
            return [m["text"] for m in self.workspace.private if m["for"] == user]

    def remove(self, channel: str, ts: str) -> None:
        """Somebody deletes a message."""
        with self._changed:
            self.workspace.delete({"channel": channel, "ts": ts})
            self.workspace.touch()

    def revoke(self, *, revoked: bool = True) -> None:
        """The app is removed from the workspace, or put back."""
        self.workspace.revoked = revoked
        if revoked:
            self.sockets.disconnect_all()

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

    # ------------------------------------------------------------------------------------------ for its server

    def answer(self, method: str, asked: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a call."""
        self.calls.append(method)
        return 200, self.workspace.call(method, asked, token, self.sockets.url)

    def fault(self, method: str) -> str:
        """The next step of the script, where it is for such a call."""
        writes, reads = method.startswith(("chat.", "views.")), method.startswith("conversations.")
        with self._changed:
            if not self._script or not (reads if self._script[0].startswith("look:") else writes):
                return "ok"
            return self._script.popleft().removeprefix("look:")

    def hang(self) -> None:
        self._ended.wait(30)

    def respond(self, name: str, asked: Mapping[str, Any]) -> bool:
        return self.hands.answer(name, asked)

    def page(self) -> str:
        """The page, with what the first of the people sees: it shows something before its script runs, and without."""
        people = "".join(f"<option value={u}>{html.escape(n)}</option>" for u, n in self.workspace.people.items())
        first = self.state(next(iter(self.workspace.people)), -1, home=False)
        return (
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            "<title>triage demo</title><link rel=stylesheet href=/page.css><main><div class=bar><strong>Slack's stand-in</strong>"
            f"<label>You are <select id=who autocomplete=off>{people}</select></label><button type=button id=home>Home</button>"
            "<form id=slash><input name=text placeholder='/triage status' aria-label='Slash command'><button>Send</button></form><p id=notice role=status></p></div>"
            f"<div id=place data-version={first['version']}>{first['place']}</div></main><div id=veil class=veil hidden></div>"
            "<script src=/page.js></script></html>"
        )

    def state(self, user: str, since: int, *, home: bool) -> dict[str, Any]:
        """What one person sees; waits for news where `since` is what there is."""
        w = self.workspace
        with self._changed:
            self._changed.wait_for(lambda: w.version != since or self._ended.is_set(), LONG_POLL)
            views = w.modals.get(user) or []
            return {
                "version": w.version, "place": self._place(user, home=home),
                "modal": drawn.modal(views[-1]) if views else "",
                "modal_id": views[-1]["id"] + views[-1]["hash"] if views else "",
            }  # fmt: skip

    def _place(self, user: str, *, home: bool) -> str:
        w = self.workspace
        with self._changed:
            if home:
                return drawn.home(w.homes.get(user))
            private = [p for p in w.private if p["for"] == user]
            return "".join(
                drawn.channel(name, messages, [p for p in private if p["channel"] == name])
                for name, messages in w.channels.items()
            )

    def act(self, what: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """What somebody did on the page; None for what nobody can do there."""
        user = str(asked.get("user"))
        if user not in self.workspace.people:
            return None
        channel = str(asked.get("channel") or next(iter(self.workspace.channels)))
        ts, option = str(asked.get("ts")), str(asked.get("option") or "")
        do: dict[str, Callable[[], Done]] = {
            "press": lambda: self.hands.press(user, channel, ts, str(asked.get("action")), option),
            "shortcut": lambda: self.hands.shortcut(user, str(asked.get("action")), channel, ts),
            "press_home": lambda: self.hands.press_home(user, str(asked.get("action")), int(asked.get("number") or 0)),
            "submit": lambda: self.hands.submit(user, asked.get("values") or {}),
            "close": lambda: self.hands.close(user),
            "slash": lambda: self.hands.slash(user, str(asked.get("command")), str(asked.get("text")), channel),
            "home": lambda: self.hands.open_home(user),
        }
        if what not in do:
            return None
        done = do[what]()
        return {"trouble": done.trouble, "errors": dict(done.errors or {})}
