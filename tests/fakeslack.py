"""A notifier in memory that does what a test tells it to, and keeps the promises of bot.ports.Notifier."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.ports import Message
from bot.slack.view import REPEAT
from classifiers.errors import MaybeSaid, NotSaid


@dataclass(slots=True)
class Said:
    """One message as it stands."""

    message: Message
    at: datetime
    marked: bool  # it said that it may be a repeat when it was posted

    @property
    def keys(self) -> set[str]:
        return {self.message.key, self.message.facts.get("card", "")}


class ScriptedNotifier:
    """bot.ports.Notifier. `weather` is how it answers until told otherwise:

    "fair"; "down" (not reached), "busy" (asks to slow down), "swallows" (takes it, and the answer is lost), "drops" (its
    answer is lost, and it was not taken). `barred`: nothing may be looked up. `about(moment)` is called "before" a message
    is taken and "after" it stands there.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.weather = "fair"
        self.barred = False
        self.was_barred = False  # at any time
        self.about: Callable[[str], object] = lambda _: None
        self.standing: dict[str, Said] = {}  # by ts
        self.found = 0  # messages that were looked up and there
        self.removed = 0
        self._now = now
        self._count = 0

    def post(self, message: Message) -> str:
        self.about("before")
        self._answer(taken=lambda: self._put(message))
        ts = self._put(message)
        self.about("after")
        return ts

    def update(self, message: Message, ts: str) -> None:
        self.about("before")
        self._answer(taken=lambda: self._edit(message, ts))
        self._edit(message, ts)
        self.about("after")

    def remove(self, channel: str, ts: str) -> None:  # noqa: ARG002 - each ts is of one channel
        self._answer(taken=lambda: self.standing.pop(ts, None))
        self.removed += self.standing.pop(ts, None) is not None

    def find(self, channel: str, key: str, since: datetime, thread: str | None = None) -> str | None:
        if self.barred:
            self.was_barred = True
            raise NotSaid("scripted: looking is not permitted", final=True, code="missing_scope")
        self._answer(taken=lambda: None)
        for ts, said in self.standing.items():
            where = (said.message.channel, said.message.thread)
            if where == (channel, thread) and key in said.keys and said.at >= since:
                self.found += 1
                return ts
        return None

    def posted(self, key: str) -> list[Said]:
        """The messages that stand with this key, or of the card with it, the oldest first."""
        return [said for said in self.standing.values() if key in said.keys]

    def _answer(self, taken: Callable[[], object]) -> None:
        if self.weather == "down":
            raise NotSaid("scripted: out of reach")
        if self.weather == "busy":
            raise NotSaid("scripted: slow down", retry_after=30.0, code="ratelimited")
        if self.weather == "swallows":
            taken()
        if self.weather in {"swallows", "drops"}:
            raise MaybeSaid("scripted: no answer")

    def _put(self, message: Message) -> str:
        self._count += 1
        ts = f"{self._now().timestamp():.0f}.{self._count:06}"
        self.standing[ts] = Said(message, self._now(), REPEAT in json.dumps([message.text, message.blocks]))
        return ts

    def _edit(self, message: Message, ts: str) -> None:
        if ts not in self.standing:
            raise NotSaid("scripted: no such message", final=True, code="message_not_found")
        self.standing[ts].message = message
