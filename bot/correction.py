"""A person's word, and judging again: verdicts that follow a verdict. Nothing is overwritten; a person's sticks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.audit import ANSWERS, audited, is_open, said_last, without_stopped
from bot.history import holding
from bot.ports import Card, KeptReport, Letterhead, NewNotice, RecordedVerdict, VerdictKind
from bot.precedent import held_back, kept_up
from bot.routing import Routes, answered_notices, card_changes, changed_notices, in_words
from bot.slack.view import name_of
from bot.store import Changed, Store
from bot.tasks import Judged, Task
from bot.worker import Worker
from classifiers.errors import UserError
from classifiers.terms import AcknowledgementState, Disposition, Finding, Verdict

CORRECTABLE = tuple(d for d in Disposition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a person says of a report."""

    disposition: Disposition
    categories: tuple[str, ...] = ()
    reason: str = ""
    by: str  # "person:<who>"
    acknowledged: bool | None = None  # "the sender did include the word"; None: as the bot saw it
    seen: int | None = None  # the id of the verdict that they looked at; None: whatever holds now
    beside: bool = False  # said together with another report of its card: nothing but the card tells it


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What judging again would make of a report."""

    report: KeptReport
    before: RecordedVerdict | None
    said: Verdict | None  # the bot's own before, also where a person decided otherwise
    after: Judged
    person: bool  # a person has decided: the bot's new verdict is recorded beside it, and theirs stays

    @property
    def changes(self) -> bool:
        """Whether what people see would be another."""
        if self.before is None:
            return True
        return not self.person and not says_the_same(self.before.verdict, self.after.verdict)


def correct(
    store: Store,
    prefix: str,
    correction: Correction,
    *,
    known: Sequence[str],
    routes: Routes,
    now: datetime,
    account: str | None = None,
) -> tuple[KeptReport, RecordedVerdict]:
    """Appends a person's verdict and what is to be said of it; it may be the answer to an audit.

    Raises UserError for an unknown report or category, and for an answer that says nothing; Changed where another
    verdict holds than the one they looked at.
    """
    unknown = [c for c in correction.categories if c not in known]
    if unknown:
        raise UserError(*(f"no category {c}; there are: {', '.join(known)}" for c in unknown))
    report = store.find(prefix, account)
    before = store.current(report.id)
    if correction.seen is not None and (before is None or before.id != correction.seen):
        raise Changed("somebody decided this report in the meantime; look at it and say it again")
    history, cards = store.history(report.id), store.cards_of(report.id)
    asked = audited(history) if is_open(history) else None
    if asked is not None and correction.disposition not in ANSWERS:
        raise UserError(
            f"{report.short} is an audit: say {', '.join(sorted(ANSWERS))}; needs_review would be no answer"
        )
    said = asked or before
    verdict = _corrected(report, said.verdict if said else None, correction)
    recorded = store.record(
        report.id,
        verdict,
        kind=VerdictKind.PERSON,
        decided_by=correction.by,
        decided_at=now,
        reason=correction.reason,
        notices=_told(report, cards, before, verdict, correction, routes=routes, now=now)
        + (answered_notices(report, cards, now) if asked else ()),
        expected_current=before.id if before else None,
    )
    return report, recorded


def _told(
    report: KeptReport,
    cards: tuple[Card, ...],
    before: RecordedVerdict | None,
    verdict: Verdict,
    correction: Correction,
    *,
    routes: Routes,
    now: datetime,
) -> tuple[NewNotice, ...]:
    mark = f"{correction.by}:{now.isoformat()}"
    if correction.beside:
        return card_changes(cards, mark, now)
    was = before.verdict if before else None
    says = f"{name_of(correction.by)} says it is {in_words(verdict)}. See its card."
    return changed_notices(
        report, cards, was, verdict, kind=VerdictKind.PERSON, routes=routes, mark=mark, now=now,
        why=f"`{report.short}` was {in_words(was)}; {says}" if was else "",
    )  # fmt: skip


def take_back(
    store: Store, prefix: str, *, by: str, reason: str, routes: Routes, now: datetime, account: str | None = None
) -> tuple[KeptReport, RecordedVerdict, RecordedVerdict | None]:
    """Undoes the person's verdict that holds: the report, that verdict, and what held before and holds again.

    None holds where the bot had not judged yet; it will. An audit that is without an answer again is asked anew.
    Raises UserError for an unknown report, and where no person's verdict holds.
    """
    report = store.find(prefix, account)
    said = store.current(report.id)
    if said is None or said.kind is not VerdictKind.PERSON:
        raise UserError(f"{report.short}: no person's verdict holds, so there is nothing to take back")
    held = holding(h for h in store.history(report.id) if h.id != said.id)
    changes = changed_notices(
        report,
        store.cards_of(report.id),
        said.verdict,
        (held or said).verdict,
        kind=VerdictKind.UNDO,
        routes=routes,
        mark=f"undo:{said.id}",
        now=now,
    )
    store.take_back(said, by=by, at=now, reason=reason, notices=changes)
    return report, said, store.current(report.id)


def judge_again(
    store: Store, worker: Worker, reports: Sequence[KeptReport], stops: frozenset[str] = frozenset()
) -> Iterator[Change]:
    """What today's rules, model and policy make of kept reports, `stops` being the categories that audits stopped.

    Reports whose text was purged must not be among them. Those whose audit is open are left out: theirs stays unsaid.
    """
    tasks: list[tuple[KeptReport, Task]] = []
    blind = store.open_audits()
    for report in reports:
        mail = store.raw(report.id) if report.id not in blind else None
        if mail is not None:
            tasks.append((report, Task(raw=mail.raw, size=mail.size, truncated=mail.truncated, key=report.key)))
    for (report, _), judged in zip(tasks, worker.judge(t for _, t in tasks), strict=True):
        before = store.current(report.id)
        verdict = held_back(without_stopped(judged.verdict, stops), store.similar(report, judged.traces))
        said = said_last(store.history(report.id))
        yield Change(
            report=report,
            before=before,
            said=said.verdict if said else None,
            after=replace(judged, verdict=kept_up(before.verdict if before else None, verdict)),
            person=before is not None and before.kind is VerdictKind.PERSON,
        )


def apply(store: Store, change: Change, *, routes: Routes, now: Callable[[], datetime]) -> None:
    """Records a verdict of judging again; the card changes where people see another."""
    at = now()
    store.record(
        change.report.id,
        change.after.verdict,
        kind=VerdictKind.BOT,
        decided_by="bot",
        decided_at=at,
        letterhead=change.after.letterhead if change.after.letterhead != Letterhead() else None,
        traces=change.after.traces,
        notices=changed_notices(
            change.report,
            store.cards_of(change.report.id),
            change.before.verdict if change.before else None,
            change.after.verdict,
            kind=VerdictKind.BOT,
            routes=routes,
            mark=f"bot:{at.isoformat()}",
            now=at,
        )
        if change.changes
        else (),
    )


def says_the_same(one: Verdict, other: Verdict) -> bool:
    """Whether they call a report the same, for the same categories; of their reasons nothing is said."""
    return one.disposition is other.disposition and _held(one) == _held(other)


def _held(verdict: Verdict) -> tuple[str, ...]:
    return tuple(sorted(f.category for f in verdict.categories))


def _corrected(report: KeptReport, before: Verdict | None, correction: Correction) -> Verdict:
    """The verdict before, with what the person says in place of what the bot said; their evidence is their reason."""
    base = before or Verdict(report=report.key, disposition=correction.disposition, confidence=1.0, why="")
    findings = {f.category: f for f in (*base.considered, *base.categories)}
    state = base.acknowledgement.state
    if correction.acknowledged is not None:
        state = AcknowledgementState.FOUND if correction.acknowledged else AcknowledgementState.MISSING
    return replace(
        base,
        disposition=correction.disposition,
        confidence=1.0,
        why=f"decided by {correction.by.removeprefix('person:')}",
        categories=tuple(
            replace(findings[c], probability=1.0)
            if c in findings
            else Finding(category=c, probability=1.0, clause=None, clause_kind=None)
            for c in correction.categories
        ),
        considered=tuple(f for c, f in findings.items() if c not in correction.categories),
        acknowledgement=replace(base.acknowledgement, state=state),
    )
