"""What follows from a report's history: which verdict holds, and since when it waits for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.ports import RecordedVerdict, VerdictKind
from bot.routing import LOUD

_HOLDING = frozenset({VerdictKind.PERSON, VerdictKind.BOT})


def holding(history: Iterable[RecordedVerdict]) -> RecordedVerdict | None:
    """The verdict that holds: a person's last word that was not undone, else the bot's last; audits decide nothing."""
    told = [h for h in history if h.undone_by is None and h.kind in _HOLDING]
    return max(told, key=lambda h: (h.kind is VerdictKind.PERSON, h.id), default=None)


def waiting_since(history: Sequence[RecordedVerdict]) -> datetime | None:
    """Since when the bot's word alone has held that a person must look; None where that does not hold now.

    Judged again and live still, a report goes on waiting; once a person's word is taken back, it begins anew.
    """
    since = None
    for n, latest in enumerate(history):
        holds = holding(_as_of(h, latest.id) for h in history[: n + 1])
        waits = holds is not None and holds.kind is VerdictKind.BOT and holds.verdict.disposition in LOUD
        since = (since or latest.decided_at) if waits else None
    return since


def _as_of(h: RecordedVerdict, last: int) -> RecordedVerdict:
    """An entry as it stood when `last` was the latest: what was undone later held until then."""
    return replace(h, undone_by=None) if h.undone_by is not None and h.undone_by > last else h
