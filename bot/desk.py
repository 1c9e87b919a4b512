"""What people do in Slack, done: who it is, whether they may, the same act as on the command line, and what they are told.

Everything is recorded, what was refused too. Whatever goes wrong is told to the one who pressed, and to nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.alike import decide_each, judged_like, named_with
from bot.audit import is_open, stopped
from bot.correction import Correction, apply, correct, judge_again, says_the_same
from bot.muting import mute, unmute
from bot.ports import Act, ActKind, KeptReport, NewNotice, Outcome, Press, RecordedVerdict, VerdictKind
from bot.reception import Reception
from bot.routing import Routes, card_changes
from bot.showing import Wording, view_in, with_alike
from bot.slack import modal
from bot.slack.controls import MORE, Handle
from bot.slack.pressed import answer_of, handle_in, kind_of
from bot.slack.shown import shown
from bot.slack.view import TITLES, CardView, Tier, name_of
from bot.store import Changed, Store
from bot.worker import Worker
from classifiers.errors import UserError
from classifiers.terms import AcknowledgementState

UNKNOWN = "triage does not know this button any more: the card may be of another version. `triage list --open` shows what waits."


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where presses arrive. Thread-safe, as its parts are."""

    store: Store
    worker: Worker
    reception: Reception
    wording: Wording
    known: Sequence[str]  # the ids of all categories
    routes: Routes
    tier: Tier
    now: Callable[[], datetime]
    told: Callable[[], None]  # there is something to say: it need not wait for the next tick

    def wrong(self, press: Press) -> Mapping[str, str]:
        """What has to be mended in a submitted modal; asks nobody, so that Slack is answered at once."""
        return modal.wrong(press.fields) if press.action == modal.CHANGED else {}

    def take(self, press: Press) -> None:
        """Does what was pressed, after Slack was answered. Never raises."""
        kind = kind_of(press)
        self.reception.attempt(
            press,
            lambda: self._take(kind, press),
            failed=lambda: self.reception.note(press, kind, self._about(press)[0], Outcome.FAILED),
        )

    def _take(self, kind: ActKind, press: Press) -> None:
        report, handle = self._about(press)
        refused = self.reception.refused(press)
        if refused or report is None or handle is None:
            self.reception.note(press, kind, report, Outcome.REFUSED if refused else Outcome.FAILED)
            self.reception.tell(press, refused or UNKNOWN)
        else:
            self._do(kind, press, report, handle)

    # ------------------------------------------------------------------------------------------ which report

    def _about(self, press: Press) -> tuple[KeptReport | None, Handle | None]:
        """The report that a press is about, and the verdict its card showed; None where it names none that is known."""
        handle = handle_in(press)
        if handle is None:
            return None, None
        try:
            report = self.store.find(handle.key, handle.account)
        except UserError:  # the state folder is another than the card's
            return None, None
        return report, replace(handle, verdict=self._seen(report, handle.verdict))

    def _seen(self, report: KeptReport, verdict: int) -> int:
        """The verdict that was looked at; where it was judged again and nothing changed by that, the one that holds."""
        current = self.store.current(report.id)
        looked_at = next((h for h in self.store.history(report.id) if h.id == verdict), None)
        if current is None or looked_at is None or {current.kind, looked_at.kind} != {VerdictKind.BOT}:
            return verdict
        return current.id if says_the_same(looked_at.verdict, current.verdict) else verdict

    def view(self, report: KeptReport, upto: int = 0) -> CardView:
        view = view_in(self.store, report.id, self.wording, self.tier, pressable=True)
        return with_alike(view, report.id, named_with(self.store, report, upto))

    # ------------------------------------------------------------------------------------------ what is done

    def _do(self, kind: ActKind, press: Press, report: KeptReport, handle: Handle) -> None:
        match kind:
            case ActKind.TAKE | ActKind.GIVE_BACK:
                self._hold(kind, press, report, handle.upto)
            case ActKind.AGREE:
                current = self.store.current(report.id)
                assert current is not None, "what has a card was judged"
                given = answer_of(press) or current.verdict.disposition
                held = () if is_open(self.store.history(report.id)) else current.verdict.categories
                self._decide(kind, press, report, Correction(
                    disposition=given, categories=tuple(f.category for f in held), by=press.by, seen=handle.verdict
                ), handle.upto)  # fmt: skip
            case ActKind.CHANGE if press.action == modal.CHANGED:
                self._decide(kind, press, report, self._changed(press, report, handle.verdict), handle.upto)
            case ActKind.CHANGE:
                if self._still(press, report, handle.verdict):
                    view = self.view(report, handle.upto)
                    self.reception.slack.open_modal(press.trigger, modal.change(view, press.channel))
            case ActKind.WHY | ActKind.REPLY:
                self._show(kind, press, report)
            case ActKind.AGAIN:
                self._again(press, report)
            case ActKind.MUTE | ActKind.UNMUTE:
                self._mute(kind, press, report)
            case ActKind.OTHER:
                self.reception.note(press, kind, report, Outcome.FAILED)
                self.reception.tell(press, UNKNOWN)

    def _hold(self, kind: ActKind, press: Press, report: KeptReport, upto: int) -> None:
        """Of a card of several reports also those that it named and that were judged the same."""
        at = self.now()
        current = self.store.current(report.id)
        assert current is not None, "what has a card was judged"
        if current.kind is VerdictKind.PERSON:
            self.reception.note(press, kind, report, Outcome.LATE)
            self.reception.tell(press, _first(report, current))
            return
        act = Act(report_id=report.id, kind=kind, by=press.by, at=at, outcome=Outcome.DONE)
        first = self.store.hold(act, self._updates(report, at, press))
        for other in () if first else judged_like(report, named_with(self.store, report, upto)):
            self.store.hold(replace(act, report_id=other.report_id), ())  # where somebody else has it, it stays theirs
        if first is not None:
            self.reception.tell(press, f"{name_of(first.by)} took `{report.short}` at {first.at:%H:%M} UTC.")
        self.told()

    def _updates(self, report: KeptReport, at: datetime, press: Press) -> Sequence[NewNotice]:
        """What is said where the verdict stays and only the card changes."""
        return card_changes(self.store.cards_of(report.id), f"{press.by}:{at.isoformat()}", at)

    def _changed(self, press: Press, report: KeptReport, seen: int) -> Correction:
        it = modal.said(press.fields)
        assert it is not None, "wrong() let nothing else through"
        current = self.store.current(report.id)
        blind = is_open(self.store.history(report.id))
        found = (
            current is not None and current.verdict.acknowledgement.state is AcknowledgementState.FOUND and not blind
        )
        return Correction(
            disposition=it.disposition, categories=it.categories, reason=it.reason, by=press.by, seen=seen,
            acknowledged=it.acknowledged if it.acknowledged != found else None,
        )  # fmt: skip

    def _decide(self, kind: ActKind, press: Press, report: KeptReport, correction: Correction, upto: int) -> None:
        """Of a card of several reports also those that it named and that were judged the same."""
        others, now = judged_like(report, named_with(self.store, report, upto)), self.now()
        try:
            correct(
                self.store, report.key, correction, known=self.known, routes=self.routes, now=now,
                account=report.account,
            )  # fmt: skip
        except Changed:
            self.reception.note(press, kind, report, Outcome.LATE)
            current = self.store.current(report.id)
            assert current is not None, "it was changed"
            said = TITLES[correction.disposition] + (
                f", “{shown(correction.reason, 300)}”" if correction.reason else ""
            )
            self.reception.tell(press, f"{_first(report, current)}\nWhat you said was not saved: {said}.")
        else:
            decide_each(
                self.store, others, correction, account=report.account, known=self.known, routes=self.routes, now=now
            )
            self.reception.note(press, kind, report, Outcome.DONE)
            if press.answer_url:  # a command's: nobody may see the card change from there
                self.reception.tell(press, f"`{report.short}`: *{TITLES[correction.disposition]}*, as you said.")
        self.told()

    def _still(self, press: Press, report: KeptReport, seen: int) -> bool:
        """Whether what the card showed still holds; they are told where it does not."""
        current = self.store.current(report.id)
        if current is not None and current.id == seen:
            return True
        assert current is not None, "what has a card was judged"
        self.reception.note(press, ActKind.CHANGE, report, Outcome.LATE)
        self.reception.tell(press, _first(report, current))
        return False

    def _show(self, kind: ActKind, press: Press, report: KeptReport) -> None:
        if is_open(self.store.history(report.id)):
            self.reception.tell(press, f"`{report.short}` is an audit: the bot's opinion follows after yours.")
            return
        drawn = modal.why if kind is ActKind.WHY else modal.reply
        self.reception.slack.open_modal(press.trigger, drawn(self.view(report)))
        self.reception.note(press, kind, report, Outcome.DONE)

    def _mute(self, kind: ActKind, press: Press, report: KeptReport) -> None:
        """The menu's entry asks first; a modal and a command have said it."""
        if press.action == MORE:
            if why := self.store.mutable(report):
                raise UserError(why)
            self.reception.slack.open_modal(press.trigger, modal.mute(self.view(report), press.channel))
            return
        told = (mute if kind is ActKind.MUTE else unmute)(self.store, report, by=press.by, now=self.now())
        self.reception.note(press, kind, report, Outcome.DONE)
        self.reception.tell(press, told)

    def _again(self, press: Press, report: KeptReport) -> None:
        stops = stopped(self.store.audits(), self.store.clearances(), self.wording.budget)
        changes = list(judge_again(self.store, self.worker, [report], stops))
        for change in changes:
            apply(self.store, change, routes=self.routes, now=self.now)
            if not change.changes:  # the same with today's reasons
                for update in self._updates(report, self.now(), press):
                    self.store.add(report.id, update, self.now())
            told = TITLES[change.after.verdict.disposition]
            self.reception.tell(
                press, f"Judged `{report.short}` again: {'now' if change.changes else 'still'} *{told}*."
            )
        if not changes:
            self.reception.tell(
                press, f"`{report.short}` cannot be judged again: its text was purged, or its audit is open."
            )
        self.reception.note(press, ActKind.AGAIN, report, Outcome.DONE if changes else Outcome.FAILED)
        self.told()


def _first(report: KeptReport, current: RecordedVerdict) -> str:
    """What somebody who comes second is told."""
    what = f"*{TITLES[current.verdict.disposition]}*"
    if current.kind is not VerdictKind.PERSON:
        return f"`{report.short}` was judged again meanwhile, now {what}; look at its card before you say it again."
    reason = f": “{shown(current.reason, 300)}”" if current.reason else ""
    return f"{name_of(current.decided_by)} decided `{report.short}` at {current.decided_at:%H:%M} UTC: {what}{reason}"
