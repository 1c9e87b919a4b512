"""The waiting clock: a live report that nobody took is brought back once, in its card's thread; the copies on a card together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.alike import judged_like
from bot.history import waiting_since
from bot.hours import Quiet
from bot.ports import KeptReport, NewNotice, NoticeKind
from bot.store import Store

log = logging.getLogger("triage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    """Whoever takes or decides a report stops its clock; in quiet hours it stands still."""

    store: Store
    quiet: Quiet
    after: timedelta
    group: str  # a user group that is mentioned; "": nobody
    now: Callable[[], datetime]

    def tick(self) -> int:
        """Has the reminders said that are due now; how many."""
        now = self.now()
        if self.quiet.holds(now):
            return 0
        return sum(self._remind(report, now) for report in self.store.unreminded(now - self.after))

    def _remind(self, report: KeptReport, now: datetime) -> bool:
        since = waiting_since(self.store.history(report.id))
        if since is None or self.store.holder(report.id) is not None or self.quiet.after(since, self.after) > now:
            return False
        first = self.store.thread_of(report).first
        under = report if self.store.cards_of(report.id) or first is None else first
        said = False
        for card in self.store.cards_of(under.id):
            copies = judged_like(report, self.store.on_card(card.id))
            if not card.ts or any(copy.report_id < report.id for copy in copies):  # the first of them speaks for all
                continue
            notice = NewNotice(
                kind=NoticeKind.REMINDER, destination=card.channel, due_at=now, text=self._text(report, since, len(copies)),
                key=f"reminder:{report.account}:{report.key}:{card.channel}", under=under.id,
            )  # fmt: skip
            self.store.add(report.id, notice, now)
            log.info("report.reminded", extra={"report": report.short})
            said = True
        return said

    def _text(self, report: KeptReport, since: datetime, copies: int) -> str:
        whom = f"<!subteam^{self.group}> " if self.group else ""
        when = f"<!date^{int(since.timestamp())}^{{date_short_pretty}} {{time}}|{since:%Y-%m-%d %H:%M} UTC>"
        alike, waits, it = (f" with {copies} more alike", "wait", "them") if copies else ("", "waits", "it")
        return f"⏰ {whom}`{report.short}`{alike} {waits} for a person since {when}, and nobody has taken {it}."
