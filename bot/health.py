"""Whether the daemon runs and gets its work done, by what it left in the store: asked from beside it, by people and machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.jobs import HEARTBEAT, OTHERS, SOCKET
from bot.settings import Settings
from bot.store import Store
from bot.watch import STALE, is_stale

ANOTHER_COPY = (
    "          at the last connecting Slack counted other lines of this app too (another copy of triage?): "
    "presses may go to those"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the daemon is at a moment."""

    at: datetime
    heartbeat: datetime | None
    polls: Mapping[str, datetime | None]  # by account: when it was read last
    not_read: Sequence[str]  # the accounts of which that is too long ago
    pressable: bool  # whether a line is wished for on which presses come in
    line: datetime | None  # when it was last up
    alone: bool  # whether Slack counted no other line of this app
    counts: Mapping[str, int]

    @property
    def alive(self) -> bool:
        return self.heartbeat is not None and self.at - self.heartbeat < STALE

    @property
    def well(self) -> bool:
        return self.alive and not self.not_read

    def as_data(self) -> dict[str, Any]:
        """What `triage health --json` prints."""
        return {
            "schema": 1, "alive": self.alive, "heartbeat": _iso(self.heartbeat),
            "polls": {name: _iso(polled) for name, polled in self.polls.items()}, "not_read": list(self.not_read),
            "counts": dict(self.counts), "socket": _iso(self.line), "socket_alone": self.alone if self.line else None,
        }  # fmt: skip

    def as_text(self) -> str:
        """The same for people."""
        lines = [
            f"daemon    {'runs' if self.alive else 'does not run'}; last heartbeat {_ago(self.heartbeat, self.at)}"
        ]
        lines += [f"{name:9} last read {_ago(polled, self.at)}" for name, polled in self.polls.items()]
        if self.pressable:
            lines.append(f"socket    last up {_ago(self.line, self.at)}; without it nobody's press arrives")
            lines += [] if self.alone else [ANOTHER_COPY]
        lines.append("          " + ", ".join(f"{k.replace('_', ' ')}: {v}" for k, v in sorted(self.counts.items())))
        return "\n".join(lines)


def health(store: Store, settings: Settings, at: datetime) -> Health:
    """By the beats that the daemon's jobs leave."""
    polls = {a.name: store.last_beat(f"poll:{a.name}") for a in settings.accounts}
    line = store.last_beat(SOCKET) if settings.slack.app_token else None
    return Health(
        at=at,
        heartbeat=store.last_beat(HEARTBEAT),
        polls=polls,
        not_read=[a.name for a in settings.accounts if is_stale(polls[a.name], a.poll_every, at)],
        pressable=settings.slack.app_token is not None,
        line=line,
        alone=line is None or store.last_beat(OTHERS) != line,
        counts=store.counts(),
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _ago(then: datetime | None, at: datetime) -> str:
    return "never" if then is None else f"{max(0, round((at - then).total_seconds()))} s ago"
