"""A workspace in memory: channels, people, groups, modals and home tabs, and the Web API methods that change them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.local.slack.limits import block_problem, view_problem

BOT, TEAM = "U0LOCAL", "T0LOCAL"
PEOPLE = {"U0ANA": "ana", "U0BEN": "ben", "U0EVE": "eve"}
GROUPS = {"S0SECURITY": ("U0ANA", "U0BEN")}
SCOPES = ("chat:write", "commands", "channels:history", "groups:history", "metadata.message:read", "usergroups:read")
TRIGGER = 3.0  # seconds in which a trigger opens a modal
Answer = dict[str, Any]


@dataclass(slots=True)
class Workspace:
    """What Slack holds. Every method is one call of the Web API: arguments in, answer out. Callers hold `changed`."""

    token: str
    app_token: str
    channels: dict[str, list[dict[str, Any]]]
    people: dict[str, str] = field(default_factory=lambda: dict(PEOPLE))
    groups: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(GROUPS))
    scopes: frozenset[str] = frozenset(SCOPES)
    private: list[dict[str, Any]] = field(default_factory=list)  # ephemeral messages, each with its `for`
    modals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # per user, the topmost last
    homes: dict[str, dict[str, Any]] = field(default_factory=dict)
    triggers: dict[str, tuple[str, float]] = field(default_factory=dict)  # trigger id -> user and when
    replies: dict[str, dict[str, str]] = field(default_factory=dict)  # response url's last part -> where it goes
    revoked: bool = False
    version: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    last: float = 0.0

    def call(self, method: str, asked: dict[str, Any], token: str, ws_url: Callable[[], str]) -> Answer:
        """The answer to one call."""
        if self.revoked:
            return _refused("token_revoked")
        if method == "apps.connections.open":
            known = {self.app_token: {"ok": True, "url": ws_url()}, self.token: _refused("not_allowed_token_type")}
            return known.get(token, _refused("invalid_auth"))
        if token != self.token:
            return _refused("invalid_auth")
        do = self._methods().get(method)
        if do is None:
            return _refused("unknown_method")
        with self.changed:
            answer = do(asked)
            self.touch()
        return answer

    def touch(self) -> None:
        """Something may look different now."""
        self.version += 1
        self.changed.notify_all()

    def _methods(self) -> Mapping[str, Callable[[dict[str, Any]], Answer]]:
        return {
            "auth.test": _who, "api.test": lambda _: {"ok": True},
            "chat.postMessage": self.post, "chat.update": self.update, "chat.delete": self.delete,
            "chat.postEphemeral": self.whisper,
            "conversations.history": self.history, "conversations.replies": self.history,
            "conversations.info": self.info, "users.info": self.user, "usergroups.users.list": self.group,
            "views.open": self.open_view, "views.update": self.update_view, "views.publish": self.publish,
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------ messages

    def post(self, asked: dict[str, Any]) -> Answer:
        if refused := self._wrong_message(asked):
            return refused
        message = {"type": "message", "user": BOT, "ts": self.now(), **_kept(asked)}
        if thread := asked.get("thread_ts"):
            message["thread_ts"] = thread
        self.channels[asked["channel"]].append(message)
        return {"ok": True, "channel": asked["channel"], "ts": message["ts"], "message": message}

    def update(self, asked: dict[str, Any]) -> Answer:
        if refused := self._wrong_message(asked):
            return refused
        message = self.message(asked["channel"], str(asked.get("ts")))
        if message is None:
            return _refused("message_not_found")
        message.update(_kept(asked), edited={"user": BOT, "ts": f"{time.time():.6f}"})
        return {"ok": True, "channel": asked["channel"], "ts": message["ts"]}

    def delete(self, asked: dict[str, Any]) -> Answer:
        messages = self.channels.get(str(asked.get("channel")), [])
        kept = [m for m in messages if m["ts"] != asked.get("ts")]
        if len(kept) == len(messages):
            return _refused("message_not_found")
        messages[:] = kept
        return {"ok": True, "channel": asked["channel"], "ts": asked["ts"]}

    def whisper(self, asked: dict[str, Any]) -> Answer:
        if refused := self._wrong_message(asked):
            return refused
        if asked.get("user") not in self.people:
            return _refused("user_not_in_channel")
        return {"ok": True, "message_ts": self.say_to(asked["user"], asked["channel"], asked)}

    def say_to(self, user: str, channel: str, asked: Mapping[str, Any]) -> str:
        """A message that one person sees; until they read on, as Slack keeps none."""
        message = {"ts": self.now(), "user": BOT, "for": user, "channel": channel, **_kept(asked)}
        if thread := asked.get("thread_ts"):
            message["thread_ts"] = thread
        self.private.append(message)
        return str(message["ts"])

    def message(self, channel: str, ts: str) -> dict[str, Any] | None:
        return next((m for m in self.channels.get(channel, ()) if m["ts"] == ts), None)

    def now(self) -> str:
        """A ts: seconds with six digits, each later than the last."""
        self.last = max(time.time(), self.last + 0.000001)
        return f"{self.last:.6f}"

    def _wrong_message(self, asked: Mapping[str, Any]) -> Answer | None:
        if "chat:write" not in self.scopes:
            return _refused("missing_scope", needed="chat:write")
        if asked.get("channel") not in self.channels:
            return _refused("channel_not_found")
        return refusal(*block_problem(asked.get("blocks") or [], asked.get("text") or ""))

    # ------------------------------------------------------------------------------------------ looking

    def info(self, asked: dict[str, Any]) -> Answer:
        channel = str(asked.get("channel"))
        if channel not in self.channels:
            return _refused("channel_not_found")
        return {"ok": True, "channel": {"id": channel, "name": channel.lower(), "is_member": True}}

    def user(self, asked: dict[str, Any]) -> Answer:
        name = self.people.get(str(asked.get("user")))
        if name is None:
            return _refused("user_not_found")
        return {
            "ok": True,
            "user": {"id": asked["user"], "team_id": TEAM, "name": name, "profile": {"display_name": name}},
        }

    def group(self, asked: dict[str, Any]) -> Answer:
        if "usergroups:read" not in self.scopes:
            return _refused("missing_scope", needed="usergroups:read")
        members = self.groups.get(str(asked.get("usergroup")))
        return _refused("no_such_subteam") if members is None else {"ok": True, "users": list(members)}

    def history(self, asked: dict[str, Any]) -> Answer:
        if not self.scopes & {"channels:history", "groups:history"}:
            return _refused("missing_scope", needed="channels:history")
        if asked.get("channel") not in self.channels:
            return _refused("channel_not_found")
        thread, oldest = asked.get("ts"), float(asked.get("oldest", 0) or 0)
        wanted = [
            m for m in self.channels[asked["channel"]]
            if float(m["ts"]) >= oldest and (thread in {m["ts"], m.get("thread_ts")} if thread else "thread_ts" not in m)
        ]  # fmt: skip
        start, limit = int(asked.get("cursor") or 0), min(int(asked.get("limit") or 100), 200)
        page = list(reversed(wanted))[start : start + limit]
        with_metadata = str(asked.get("include_all_metadata", "")).lower() in {"1", "true"}
        page = [m if with_metadata else {k: v for k, v in m.items() if k != "metadata"} for m in page]
        more = str(start + limit) if start + limit < len(wanted) else ""
        return {"ok": True, "messages": page, "has_more": bool(more), "response_metadata": {"next_cursor": more}}

    # ------------------------------------------------------------------------------------------ views

    def trigger(self, user: str) -> str:
        """What lets an app open one modal, within three seconds."""
        name = f"{time.time_ns()}.{secrets.token_hex(8)}"
        self.triggers[name] = (user, time.monotonic())
        return name

    def open_view(self, asked: dict[str, Any]) -> Answer:
        view = asked.get("view") or {}
        if refused := refusal(*view_problem(view)):
            return refused
        user, at = self.triggers.pop(str(asked.get("trigger_id")), ("", 0.0))
        if not user:
            return _refused("invalid_trigger_id")
        if time.monotonic() - at > TRIGGER:
            return _refused("expired_trigger_id")
        shown = self.as_shown(view)
        self.modals.setdefault(user, []).append(shown)
        return {"ok": True, "view": shown}

    def update_view(self, asked: dict[str, Any]) -> Answer:
        view = asked.get("view") or {}
        if refused := refusal(*view_problem(view)):
            return refused
        for views in self.modals.values():
            for n, there in enumerate(views):
                if there["id"] == asked.get("view_id"):
                    if asked.get("hash") not in {None, there["hash"]}:
                        return _refused("hash_conflict")
                    views[n] = self.as_shown(view, there["id"])
                    return {"ok": True, "view": views[n]}
        return _refused("not_found")

    def publish(self, asked: dict[str, Any]) -> Answer:
        view = asked.get("view") or {}
        if refused := refusal(*view_problem(view)):
            return refused
        if asked.get("user_id") not in self.people:
            return _refused("user_not_found")
        self.homes[asked["user_id"]] = self.as_shown(view)
        return {"ok": True, "view": self.homes[asked["user_id"]]}

    def as_shown(self, view: Mapping[str, Any], view_id: str = "") -> dict[str, Any]:
        """A view as Slack hands it back: with ids, also of blocks that had none."""
        blocks = [{"block_id": secrets.token_hex(3), **b} for b in view.get("blocks", ())]
        return {
            "private_metadata": "", "callback_id": "", **view, "blocks": blocks, "team_id": TEAM, "app_id": "A0LOCAL",
            "bot_id": "B0LOCAL", "id": view_id or f"V{secrets.token_hex(5).upper()}", "hash": secrets.token_hex(8),
        }  # fmt: skip


def _who(_asked: dict[str, Any]) -> Answer:
    return {"ok": True, "team": "Local", "user": "triage", "team_id": TEAM, "user_id": BOT, "bot_id": "B0LOCAL"}


def _refused(error: str, **more: str) -> Answer:
    return {"ok": False, "error": error, **more}


def refusal(error: str, problems: Sequence[str]) -> Answer | None:
    """Slack's answer to what it does not take; None where it takes it."""
    if not error:
        return None
    return {"ok": False, "error": error} | ({"response_metadata": {"messages": list(problems)}} if problems else {})


def _kept(asked: Mapping[str, Any]) -> dict[str, Any]:
    blocks = [{"block_id": secrets.token_hex(3), **b} for b in asked.get("blocks") or []]
    return {"text": asked.get("text", ""), "blocks": blocks, "metadata": asked.get("metadata") or {}}
