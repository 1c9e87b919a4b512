"""What cards and modals need of a report, gathered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.audit import audited
from bot.ports import KeptReport, Letterhead, OnCard, RecordedVerdict, VerdictKind
from bot.precedent import Precedent, Thread
from bot.reply import suggested
from bot.routing import LOUD
from bot.slack.view import CardView, Tier
from bot.store import Store
from classifiers.terms import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The policy's words that cards need."""

    policy: str
    word: str
    titles: Mapping[str, str]  # category id -> title
    requested: Mapping[str, str]
    assets: Mapping[str, str]
    own_domains: tuple[str, ...] = ()  # mail addresses there are ours, and shown
    budget: float = 0.01  # of false dismissals
    carve_outs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # category -> what is looked for against it
    replies: Mapping[str, str] = field(
        default_factory=dict
    )  # disposition, or disposition.language -> the policy's text
    url: str = ""  # of the policy
    clauses: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # category -> what excludes it, and its kind
    drafts: bool = False  # once somebody decided, the reply lies in the mailbox as a draft


def view_in(store: Store, report_id: int, wording: Wording, tier: Tier, *, pressable: bool) -> CardView:
    """What a card may need of a judged report, as things stand in the store."""
    report, current = store.report(report_id), store.current(report_id)
    assert current is not None, "what is shown was judged"
    view = view_of(
        report,
        current,
        history=store.history(report_id),
        head=store.letterhead(report_id),
        wording=wording,
        tier=tier,
        precedents=store.similar(report),
        thread=store.thread_of(report),
    )
    return replace(view, taken=store.holder(report_id), pressable=pressable)


def shown_first(reports: Sequence[OnCard]) -> OnCard:
    """The one that a card of several shows in full: what is live and open before what is open before what is decided, the oldest."""
    return min(reports, key=lambda r: (r.kind is VerdictKind.PERSON, r.disposition not in LOUD, r.report_id))


def with_alike(view: CardView, report_id: int, there: Sequence[OnCard]) -> CardView:
    """The same as part of a card of several reports, which it names."""
    others = tuple(r for r in there if r.report_id != report_id)
    return replace(view, alike=others, upto=max(r.report_id for r in there) if others else 0)


def view_of(
    report: KeptReport,
    current: RecordedVerdict,
    *,
    history: Sequence[RecordedVerdict],
    head: Letterhead | None,
    wording: Wording,
    tier: Tier,
    precedents: Sequence[Precedent] = (),
    thread: Thread | None = None,
) -> CardView:
    """What a card may need, gathered."""
    current = replace(current, verdict=_with_clauses(current.verdict, wording))
    reply = _reply(current.verdict, wording, head)
    return CardView(
        report=report.short,
        account=report.account,
        received_at=report.received_at,
        from_junk=report.from_junk,
        recorded=current,
        history=tuple(history),
        head=head,
        tier=tier,
        word=wording.word,
        titles=wording.titles,
        requested=wording.requested,
        assets=wording.assets,
        own_domains=wording.own_domains,
        precedents=tuple(precedents),
        follows=thread.first.short if thread and thread.first else "",
        claimed=thread.claimed if thread else "",
        key=report.key,
        folder=report.folder,
        size=report.size,
        carve_outs=wording.carve_outs,
        reply=reply,
        drafts=wording.drafts,
        another_reply=reply not in {"", _before(current, history, wording, head)},
    )


def _with_clauses(verdict: Verdict, wording: Wording) -> Verdict:
    """The verdict with the clause of each category that a person named and the bot had not thought of."""
    told = (
        replace(f, clause=wording.clauses[f.category][0], clause_kind=wording.clauses[f.category][1])
        if f.clause is None and not f.evidence and f.category in wording.clauses
        else f
        for f in verdict.categories
    )
    return replace(verdict, categories=tuple(told))


def _reply(verdict: Verdict, wording: Wording, head: Letterhead | None) -> str:
    language = head.language if head else ""
    return suggested(
        wording.replies, verdict, requested=wording.requested, url=wording.url, word=wording.word, language=language
    )


def _before(
    current: RecordedVerdict, history: Sequence[RecordedVerdict], wording: Wording, head: Letterhead | None
) -> str:
    """The suggested reply that a card's thread showed before a person decided; of an audit it was held back until now."""
    if current.kind is not VerdictKind.PERSON or audited(history) is not None:
        return _reply(current.verdict, wording, head)
    spoken = (VerdictKind.BOT, VerdictKind.PERSON)
    before = next((h for h in reversed(history) if h.id < current.id and h.kind in spoken and not h.undone_by), None)
    return _reply(before.verdict, wording, head) if before else ""
