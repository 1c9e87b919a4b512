"""One pass: what `triage once` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.assembly.chores import drafting_of, filing_of, reminders_of
from bot.assembly.wiring import wired
from classifiers.errors import LoginRefused, MailboxError

if TYPE_CHECKING:
    from bot.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass did."""

    read: int
    judged: int
    said: int
    waiting: int
    failed: tuple[MailboxError, ...]


def one_pass(settings: Settings) -> Pass:
    """Reads, judges and tells once. An account that fails does not keep the others from being read."""
    import time

    from bot.accounts import Accounts, reading_of

    accounts = Accounts(settings)
    failed: list[MailboxError] = []
    read = judged = said = 0
    with wired(settings) as parts:
        for account in settings.accounts:
            box = accounts.mailbox(account)
            try:
                box.connect()
                read += parts.triage.read(box, reading_of(account))
            except MailboxError as e:
                failed.append(e)
            finally:
                box.close()
        while n := parts.triage.judge_waiting():
            judged += n
        if (reminders := reminders_of(settings, parts.store)) is not None:
            reminders.tick()
        if (drafts := drafting_of(settings, parts, accounts)) is not None:
            drafts()
        if (filing := filing_of(settings, parts.store, accounts, lambda *_: None)) is not None:
            filing()
        until = time.monotonic() + 5 + 2.5 * parts.store.counts().get("notices_due", 0)
        while parts.store.counts().get("notices_due", 0) and time.monotonic() < until:
            said += parts.delivery.deliver()
            time.sleep(0.1)
        waiting = parts.store.counts().get("notices_due", 0)
    failed.sort(key=lambda e: not isinstance(e, LoginRefused))
    return Pass(read=read, judged=judged, said=said, waiting=waiting, failed=tuple(failed))
