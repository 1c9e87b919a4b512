"""The blind audit: some would-be dismissals are asked before the bot's opinion is shown, and the answers are counted. Pure.

The bot's verdict on such a report is kept as kind `audit`, which never holds. What holds until a person answers is a
stand-in without an opinion, so that whoever shows what holds shows nothing of the bot's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from typing import Any

from bot.ports import KeptReport, RecordedVerdict, VerdictKind
from classifiers.rates import Rate
from classifiers.terms import DISMISSALS, Disposition, Verdict

BLIND = "audit: the bot's opinion follows after yours"
QUIET_A_DAY = 3
"""Audits in 24 hours of reports that would get no card of their own: a backlog or a spam wave must not flood the channel."""

ANSWERS = DISMISSALS | {Disposition.IN_SCOPE}
_NAMED = 20  # open audits that the digest names one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How audits are drawn, and how many false dismissals a category may have."""

    share: float = 0.0  # of would-be dismissals; 0: none
    seed: bytes = field(default=b"", repr=False)  # secret: who knows it knows which mail is audited
    budget: float = 0.01  # the policy's


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A would-be dismissal that was asked blind."""

    report: KeptReport
    opinion: RecordedVerdict  # what the bot thinks; nobody is shown it before there is an answer
    answer: RecordedVerdict | None  # a person's first word that was not undone

    @property
    def false_dismissal(self) -> bool:
        return self.answer is not None and self.answer.verdict.disposition not in DISMISSALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """Somebody looked at a stopped category, and says that it may recommend dismissals again."""

    category: str
    decided_by: str
    decided_at: datetime
    reason: str


# ------------------------------------------------------------------------------------------------ asking


def drawn(key: str, drawing: Drawing) -> bool:
    """Whether a would-be dismissal of the report with this key is audited: HMAC-SHA256, the same answer for ever."""
    digest = hmac.new(drawing.seed, key.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") < drawing.share * 2**64


def blind(verdict: Verdict) -> Verdict:
    """What holds while an audit is open: a person must look, and not a word of what the bot saw."""
    return Verdict(
        report=verdict.report, disposition=Disposition.NEEDS_REVIEW, confidence=0.0, why=BLIND,
        policy=verdict.policy, versions=verdict.versions,
    )  # fmt: skip


def audited(history: Sequence[RecordedVerdict]) -> RecordedVerdict | None:
    """The opinion that an audit held back, answered or not; None where the report was not audited."""
    return next((h for h in reversed(history) if h.kind is VerdictKind.AUDIT), None)


def said_last(history: Sequence[RecordedVerdict]) -> RecordedVerdict | None:
    """The bot's latest opinion, held back or not; None where it has none yet."""
    return next((h for h in reversed(history) if h.kind in {VerdictKind.BOT, VerdictKind.AUDIT}), None)


def is_open(history: Sequence[RecordedVerdict]) -> bool:
    """Whether the report is audited and no person's word on it holds: nothing of the bot's opinion may be shown."""
    return audited(history) is not None and not any(
        h.kind is VerdictKind.PERSON and h.undone_by is None for h in history
    )


# ------------------------------------------------------------------------------------------------ counting


def grounds(verdict: Verdict) -> tuple[str, ...]:
    """What a dismissal rests on: the excluded categories that were held, else its disposition."""
    if verdict.disposition is Disposition.OUT_OF_SCOPE:
        return tuple(f.category for f in verdict.categories if f.clause is not None)
    return (verdict.disposition.value,)


def live_rate(audits: Sequence[Audit]) -> Rate:
    """False dismissals of the answered audits. What nobody answered is not counted: it agrees with nothing."""
    answered = [a for a in audits if a.answer is not None]
    return Rate(sum(a.false_dismissal for a in answered), len(answered))


def rates_by_ground(audits: Sequence[Audit]) -> dict[str, Rate]:
    """The same by what the dismissals rested on. Of answered audits alone: open ones would give the opinion away."""
    answered = [a for a in audits if a.answer is not None]
    names = sorted({g for a in answered for g in grounds(a.opinion.verdict)})
    return {name: live_rate([a for a in answered if name in grounds(a.opinion.verdict)]) for name in names}


def stopped(audits: Sequence[Audit], clearances: Sequence[Clearance], budget: float) -> frozenset[str]:
    """Categories that recommend no dismissal: their rate lies above the budget, by its lower bound.

    Only dismissals made after the last clearance count: whoever cleared a category had looked at those before.
    """
    looked = {c.category: c.decided_at for c in sorted(clearances, key=lambda c: c.decided_at)}
    dismissed = [a for a in audits if a.opinion.verdict.disposition is Disposition.OUT_OF_SCOPE]
    found = set()
    for name in {g for a in dismissed for g in grounds(a.opinion.verdict)}:
        rate = live_rate(
            [
                a for a in dismissed
                if name in grounds(a.opinion.verdict) and (name not in looked or a.opinion.decided_at > looked[name])
            ]
        )  # fmt: skip
        if rate.part and rate.interval[0] > budget:
            found.add(name)
    return frozenset(found)


def without_stopped(verdict: Verdict, stopped: frozenset[str]) -> Verdict:
    """The verdict, or, where it would dismiss on the strength of a stopped category, one that sends it to a person."""
    rests_on = [g for g in grounds(verdict) if g in stopped]
    if verdict.disposition is not Disposition.OUT_OF_SCOPE or not rests_on:
        return verdict
    named = ", ".join(rests_on)
    return replaced(
        verdict, disposition=Disposition.NEEDS_REVIEW, confidence=0.9,
        why=f"audits found too many false dismissals by {named}; it dismisses nothing until somebody looks (triage audit clear)",
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ telling


def as_data(audits: Sequence[Audit], stops: frozenset[str], budget: float) -> dict[str, Any]:
    """What `triage list --audit --json` prints. Nothing of an open audit but its id and when it was asked."""
    rate = live_rate(audits)
    return {
        "schema": 1, "open": len(audits) - rate.whole, **_rate_data(rate), "budget": budget,
        "categories": {name: _rate_data(r) | {"stopped": name in stops} for name, r in rates_by_ground(audits).items()},
        "audits": [
            {
                "report": a.report.short, "asked_at": a.opinion.decided_at.isoformat(),
                "answer": a.answer.verdict.disposition.value if a.answer else None,
                "answered_at": a.answer.decided_at.isoformat() if a.answer else None,
                "answered_by": a.answer.decided_by if a.answer else None,
                "opinion": a.opinion.verdict.disposition.value if a.answer else None,
            }
            for a in audits
        ],
    }  # fmt: skip


def _rate_data(rate: Rate) -> dict[str, Any]:
    return {
        "answered": rate.whole,
        "false_dismissals": rate.part,
        "rate": rate.value if rate.whole else None,
        "interval": rate.interval,
    }


def as_text(audits: Sequence[Audit], stops: frozenset[str], now: datetime) -> str:
    """The same for people: the whole, by what the dismissals rested on, and what waits for an answer."""
    rate = live_rate(audits)
    lines = [
        f"{rate.whole} answered, {len(audits) - rate.whole} open",
        f"{'false dismissals':24} {rate}",
        *(f"{name:24} {r}{'  stopped' if name in stops else ''}" for name, r in rates_by_ground(audits).items()),
        *(f"open  {a.report.short}  asked {age(now, a.opinion.decided_at)} ago" for a in audits if a.answer is None),
    ]
    return "\n".join(lines)


def in_digest(audits: Sequence[Audit], stops: frozenset[str], titles: Mapping[str, str], now: datetime) -> str:
    """The digest's line: what waits for an answer and for how long, the live rate, what is stopped."""
    waiting = [a for a in audits if a.answer is None]
    named = ", ".join(f"`{a.report.short}` ({age(now, a.opinion.decided_at)})" for a in waiting[:_NAMED])
    more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
    says = [f"Audits: {len(waiting)} without an answer" + (f": {named}{more}" if waiting else "")]
    rate = live_rate(audits)
    says.append(f"live false dismissals: {str(rate).strip()}")
    says += [f'{titles.get(c, c)} dismisses nothing: `triage audit clear {c} --reason "…"`' for c in sorted(stops)]
    return "; ".join(says)


def age(now: datetime, then: datetime) -> str:
    """ "3 d", "5 h", "12 min", at least "1 min"."""
    return lasting(now - then)


def lasting(span: timedelta) -> str:
    """The same of a time that passed."""
    minutes = max(60, int(span.total_seconds())) // 60
    if minutes >= 48 * 60:
        return f"{minutes // 1440} d"
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"
