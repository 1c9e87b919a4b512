"""Once somebody decided, the suggested reply is laid into the mailbox as a draft: for a person to read, change, send or throw away.

One a thread, however often it is decided. None where nobody reads an answer. What was decided before drafts were asked
for, or is taken back before the draft is laid, gets none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from bot.mail.drafts import DraftsMailbox
from bot.mail.letters import answer
from bot.ports import KeptReport, Notice, VerdictKind
from bot.showing import Wording, view_in
from bot.slack.view import Tier
from bot.store import Store
from classifiers.errors import MailboxError

log = logging.getLogger("triage")
FIRST, LOOKED = "drafts:first", "drafts"  # the beats of the first and the last look at what was decided
OVERLAP = timedelta(minutes=10)  # a decision is recorded a moment after its time
BACK_OFF = (timedelta(seconds=30), timedelta(minutes=30))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawer:
    """An account's mailbox, where its drafts go and from whom they are."""

    open: Callable[[], DraftsMailbox]
    folder: str  # "": the one that the server calls so
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """Lays drafts, by account."""

    store: Store
    wording: Wording
    drawers: Mapping[str, Drawer]
    now: Callable[[], datetime]

    def tick(self) -> None:
        """Notes what was decided since the last look, and lays what is due. Raises StoreError alone."""
        self._note_decided()
        due = self.store.drafts_due(self.now())
        for account, notices in groupby(due, lambda n: n.destination):
            self._lay_all(account, list(notices))

    # ------------------------------------------------------------------------------------------ what is wanted

    def _note_decided(self) -> None:
        at, first = self.now(), self.store.last_beat(FIRST)
        if first is None:
            self.store.beat(FIRST, at)
        else:
            last = self.store.last_beat(LOOKED) or first
            for report in self.store.decided_since(max(first, last - OVERLAP)):
                if self._text(report):
                    self.store.want_draft(report, self._thread(report), at)
        self.store.beat(LOOKED, at)

    def _thread(self, report: KeptReport) -> str:
        thread = self.store.thread_of(report)
        return thread.first.key if thread and thread.first else report.key

    def _text(self, report: KeptReport) -> str:
        """What to answer; "" where nobody reads it, there is nothing to say, or a person's word does not hold any more."""
        view = view_in(self.store, report.id, self.wording, Tier.IDS, pressable=False)
        drawer = self.drawers.get(report.account)
        if drawer is None or view.head is None or view.recorded.kind is not VerdictKind.PERSON:
            return ""
        to = view.head.answer_to
        return view.reply if to and to.lower() != drawer.sender.lower() else ""

    # ------------------------------------------------------------------------------------------ what is laid

    def _lay_all(self, account: str, notices: list[Notice]) -> None:
        drawer, laid = self.drawers.get(account), 0
        if drawer is None:
            self._put_off(account, notices, "the account is configured no more")
            return
        box = drawer.open()
        try:
            box.connect()
            folder = box.drafts(drawer.folder)
            for notice in notices:
                self._lay(box, folder, drawer, notice)
                laid += 1
        except MailboxError as e:
            self._put_off(account, notices[laid:], str(e))
        finally:
            box.close()

    def _put_off(self, account: str, notices: list[Notice], why: str) -> None:
        first, most = BACK_OFF
        for notice in notices:
            self.store.mark_sending(notice.id, self.now())  # counts the attempt
            self.store.put_off(notice.id, self.now() + min(most, first * 2 ** min(notice.attempts, 8)), why)
        log.warning("draft.put_off", extra={"account": account, "drafts": len(notices), "why": why[:200]})

    def _lay(self, box: DraftsMailbox, folder: str, drawer: Drawer, notice: Notice) -> None:
        """Lays one; nothing where it lies there already, or is not wanted any more."""
        assert notice.report_id is not None
        report, at = self.store.report(notice.report_id), self.now()
        text, head = self._text(report), self.store.letterhead(report.id)
        if text and head is not None:
            message_id = f"triage.{notice.key.rpartition(':')[2][:32]}@{drawer.sender.rpartition('@')[2]}"
            if not box.holds(folder, message_id):
                box.lay(folder, answer(head, text, sender=drawer.sender, message_id=message_id, at=at), at)
                log.info("draft.laid", extra={"account": notice.destination, "report": report.short})
        self.store.mark_said(notice.id, at, None)
