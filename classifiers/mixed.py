"""A mixed report told apart: what each of its parts is by itself, where they say different things. Pure.

The verdict stands before anything here is asked and is not changed by it. Rules come first: where they fired costs nothing.
The model is heard on a piece where it was asked before, or where no rule fired in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice

from classifiers.decision import TECHNICAL
from classifiers.parts import MOST, Part
from classifiers.partsummary import RANK
from classifiers.pieces import IN_SCOPE, SILENT, SOURCES, SURE, Believed, Case, Piece, find_pieces, weight_of
from classifiers.regions import Region
from classifiers.terms import Disposition, Evidence, Opinion, PartKind, PartVerdict, Report, Span, Verdict
from classifiers.weighing import LIKELY, TELLING

STRETCHES = 500  # of rules, looked at in one report; hostile mail has more
_TOLD_APART = frozenset({Disposition.IN_SCOPE, Disposition.OUT_OF_SCOPE, Disposition.NEEDS_REVIEW})
Ask = Callable[[Sequence[Part]], Sequence[tuple[Span, Believed]]]


def kinds_of(verdict: Verdict) -> dict[str, PartKind]:
    """The categories that a part of this report may be of, and what it is then."""
    kinds = {f.category: PartKind.EXCLUDED if f.clause else PartKind.NOT_EXCLUDED for f in verdict.categories}
    if verdict.disposition is Disposition.NEEDS_REVIEW:
        against = [f for f in verdict.considered if f.clause and not all(e.speaks_for for e in f.evidence if e.span)]
        kinds |= {f.category: PartKind.CONTESTED for f in against if weight_of(f.evidence) >= TELLING}
    return kinds


def may_be_mixed(verdict: Verdict, opinion: Opinion | None) -> bool:
    """Whether the verdict knows of two things that may stand in different parts. Most reports hold one."""
    if verdict.disposition not in _TOLD_APART:
        return False
    return len(kinds_of(verdict)) + _holds_a_finding(verdict, opinion) > 1


def _holds_a_finding(verdict: Verdict, opinion: Opinion | None) -> bool:
    """Whether a part may be genuine: never of a report whose dismissal is recommended."""
    if verdict.disposition is not Disposition.NEEDS_REVIEW:
        return verdict.disposition is Disposition.IN_SCOPE
    shown = weight_of(verdict.signs) >= TECHNICAL
    return shown or any(p.get(IN_SCOPE, 0.0) > SURE for _, p in (opinion.parts if opinion else ()))


def tell_apart(
    report: Report,
    regions: Sequence[Region],
    *,
    verdict: Verdict,
    stretches: Iterable[Evidence],
    opinion: Opinion | None,
    ask: Ask | None,
) -> tuple[PartVerdict, ...]:
    """The parts of a report that may be mixed, neighbours of one answer joined, at most MOST; none where all say one thing.

    `stretches`: wherever a rule saw one of the kinds of the verdict. `ask`: the model's word on a part; None without a model.
    """
    genuine = verdict.disposition is not Disposition.OUT_OF_SCOPE
    case = Case(report=report, kinds=kinds_of(verdict), genuine=genuine)
    known = (e for f in (*verdict.categories, *verdict.considered) for e in f.evidence)
    pieces = find_pieces(case, regions, (*verdict.signs, *known, *islice(stretches, STRETCHES)))
    parts = [case.judged(piece) for piece in _heard(case, pieces, opinion, ask)]
    if verdict.disposition is Disposition.IN_SCOPE:
        parts = _with_a_finding(parts)
    parts = _joined(parts)
    if len({(p.kind, p.category) for p in parts} - {SILENT}) < 2:
        return ()
    kept = sorted(parts, key=lambda p: RANK[p.kind])[:MOST]
    return tuple(p for p in parts if p in kept)


def _heard(case: Case, pieces: Sequence[Piece], opinion: Opinion | None, ask: Ask | None) -> list[Piece]:
    """The pieces with the model's word: what it said before, and of those in which no rule fired what it says now."""
    believed: dict[Span, Believed] = dict(opinion.parts) if opinion else {}
    silent = [p.span for p in pieces if not p.sentences and p.span not in believed]
    if ask is not None and silent:
        believed |= dict(ask([Part(span, case.text(span)) for span in silent[:MOST]]))
    return [replace(p, believed=believed.get(p.span)) for p in pieces]


def _with_a_finding(parts: list[PartVerdict]) -> list[PartVerdict]:
    """Of a report in scope: where no part shows the finding, the one that the model takes for it, if it takes any."""
    silent = [p for p in parts if p.kind is PartKind.UNTOLD and (p.live or 0.0) >= LIKELY]
    if not silent or any(p.kind is PartKind.GENUINE for p in parts):
        return parts
    likeliest = max(silent, key=lambda p: p.live or 0.0)
    return [replace(p, kind=PartKind.GENUINE) if p is likeliest else p for p in parts]


def _joined(parts: Iterable[PartVerdict]) -> list[PartVerdict]:
    """Neighbours of one answer made one."""
    joined: list[PartVerdict] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is None or last.span is None or part.span is None or not _alike(last, part):
            joined.append(part)
            continue
        joined[-1] = replace(
            last,
            span=Span(last.span.passage, last.span.start, max(last.span.end, part.span.end)),
            remarks=last.remarks + part.remarks,
            sources=tuple(dict.fromkeys((*last.sources, *part.sources)))[:SOURCES],
            live=max((p.live for p in (last, part) if p.live is not None), default=None),
            quote=last.quote if last.sources or not part.sources else part.quote,
        )
    return joined


def _alike(one: PartVerdict, other: PartVerdict) -> bool:
    return (
        (one.kind, one.category) == (other.kind, other.category)
        and one.span is not None
        and other.span is not None
        and one.span.passage == other.span.passage
    )
