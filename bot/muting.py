"""Muting a sender: what is not live of their mail comes in the digest alone, for a month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.ports import KeptReport, Mute
from bot.slack.view import name_of
from bot.store import Store

MUTED = timedelta(days=30)


def mute(store: Store, report: KeptReport, *, by: str, now: datetime) -> str:
    """Mutes a report's sender; what is told then. Raises UserError where nobody vouches for who sent it."""
    until = now + MUTED
    store.mute(report, by=by, at=now, until=until)
    return (
        f"The sender of `{report.short}` is muted until {until:%Y-%m-%d}: their mail comes in the digest, "
        f"but what is in scope or needs review as ever. `/triage unmute {report.short}` ends it."
    )


def unmute(store: Store, report: KeptReport, *, by: str, now: datetime) -> str:
    """Ends it; what is told then. Raises UserError where the sender is not muted."""
    store.unmute(report, by=by, at=now)
    return f"The sender of `{report.short}` is heard again."


def in_lines(mutes: Sequence[Mute]) -> Iterator[str]:
    """One line for each: by the report they were muted on, since an address is no business of Slack's."""
    for m in mutes:
        since = f"{m.mails} mail{'' if m.mails == 1 else 's'} since"
        yield f"the sender of `{m.report}`, by {name_of(m.by)} until {m.until:%Y-%m-%d}, {since}"
