"""A mixed report told apart: what each of its parts is by itself, where they say different things. Pure.

The verdict stands before anything here is asked and is not changed by it. A part is a piece of the writer's words, or less
where a piece says more than one thing or where the rules read pasted text. Rules come first: where they fired costs nothing.
The model is heard on a piece where it was asked before, or where no rule fired in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from classifiers.decision import HEARD, LIKELY, TECHNICAL, TELLING
from classifiers.fusion import added
from classifiers.parts import MOST, SHORTEST, Part, find_parts
from classifiers.regions import Region, prose
from classifiers.terms import (
    Disposition,
    Evidence,
    Opinion,
    PartKind,
    PartVerdict,
    Place,
    Report,
    Span,
    Verdict,
)
from classifiers.text import SENTENCE, sentence_around

STRETCHES = 500  # of rules, looked at in one report; hostile mail has more
SURE = 0.9  # the model's probability of a genuine finding from which its word on a part counts by itself
SOURCES = 8  # of one part
IN_SCOPE = Disposition.IN_SCOPE.value
_TOLD_APART = frozenset({Disposition.IN_SCOPE, Disposition.OUT_OF_SCOPE, Disposition.NEEDS_REVIEW})
_RANK = {kind: rank for rank, kind in enumerate(PartKind)}  # which parts are kept where there are too many
KINDS = {
    PartKind.GENUINE: "genuine",
    PartKind.EXCLUDED: "excluded",
    PartKind.CONTESTED: "contested",
    PartKind.NOT_EXCLUDED: "not excluded",
}
"""In the words of a person; of a part of which nothing is known there is nothing to say."""
_Answer = tuple[PartKind, str | None]
_SILENT = (PartKind.UNTOLD, None)
Believed = Mapping[str, float]  # the model's probability of each label
Ask = Callable[[Sequence[Part]], Sequence[tuple[Span, Believed]]]


def kinds_of(verdict: Verdict) -> dict[str, PartKind]:
    """The categories that a part of this report may be of, and what it is then."""
    kinds = {f.category: PartKind.EXCLUDED if f.clause else PartKind.NOT_EXCLUDED for f in verdict.categories}
    if verdict.disposition is Disposition.NEEDS_REVIEW:
        against = [f for f in verdict.considered if f.clause and not all(e.speaks_for for e in f.evidence if e.span)]
        kinds |= {f.category: PartKind.CONTESTED for f in against if _weight(f.evidence) >= TELLING}
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
    shown = _weight(verdict.signs) >= TECHNICAL
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
    case = _Case(report=report, kinds=kinds_of(verdict), genuine=genuine)
    known = (e for f in (*verdict.categories, *verdict.considered) for e in f.evidence)
    remarks = _remarks(case, (*verdict.signs, *known, *islice(stretches, STRETCHES)))
    pieces = sorted(_pieces(case, regions, remarks), key=lambda p: p.span)
    parts = [case.judged(piece) for piece in _heard(case, pieces, opinion, ask)]
    if verdict.disposition is Disposition.IN_SCOPE:
        parts = _with_a_finding(parts)
    parts = _joined(parts)
    if len({(p.kind, p.category) for p in parts} - {_SILENT}) < 2:
        return ()
    kept = sorted(parts, key=lambda p: _RANK[p.kind])[:MOST]
    return tuple(p for p in parts if p in kept)


def in_short(
    parts: Iterable[PartVerdict], title: Callable[[str], str] = str, quoted: Callable[[PartVerdict], str] | None = None
) -> str:
    """ "1 genuine: “…” · 5 excluded: headers (3), cookies (2)". `quoted`: the words of a genuine part, fit to be shown."""
    counts: dict[PartKind, dict[str, int]] = {}
    findings: list[str] = []
    for part in sorted(parts, key=lambda p: _RANK[p.kind]):
        if part.kind is PartKind.UNTOLD:
            continue
        of_kind = counts.setdefault(part.kind, {})
        more = 1 if part.category is None else max(1, part.remarks)  # sentences of one finding are no more findings
        of_kind[part.category or ""] = of_kind.get(part.category or "", 0) + more
        if part.category is None and quoted and (words := quoted(part)):
            findings.append(f"“{words}”")
    told = []
    for kind, of_kind in counts.items():
        named = findings if kind is PartKind.GENUINE else [f"{title(c)} ({n})" for c, n in of_kind.items()]
        told.append(f"{sum(of_kind.values())} {KINDS[kind]}" + (f": {', '.join(named)}" if named else ""))
    return " · ".join(told)


def clause_of(verdict: Verdict, part: PartVerdict) -> tuple[str | None, str | None]:
    """The policy's words on a part, and how they name it; None where no clause does."""
    findings = (f for f in (*verdict.categories, *verdict.considered) if f.category == part.category)
    return next(((f.clause, f.clause_kind) for f in findings), (None, None))


# ------------------------------------------------------------------------------------------------ what a part says


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the report, what the rules saw in each of its sentences, and what the model believes of it."""

    span: Span
    sentences: tuple[tuple[Evidence, ...], ...] = ()
    believed: Believed | None = None

    @property
    def evidence(self) -> list[Evidence]:
        return [e for sentence in self.sentences for e in sentence]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What can be heard in a part of this report."""

    report: Report
    kinds: Mapping[str, PartKind]
    genuine: bool  # whether a part may be called so

    def hears(self, e: Evidence) -> bool:
        return e.span is not None and e.where is not Place.SUBJECT and (_is_sign(e) or e.category in self.kinds)

    def text(self, span: Span) -> str:
        return self.report.passages[span.passage].text[span.start : span.end]

    def answer(self, evidence: Sequence[Evidence], believed: Believed | None = None) -> _Answer:
        """What a part is: by the rules that fired in it, else by the model's word."""
        weights = {c: _weight([e for e in evidence if e.category == c]) for c in {e.category for e in evidence}}
        named = max((c for c in self.kinds if c in weights), key=lambda c: weights[c], default=None)
        contested = named is not None and self.kinds[named] is PartKind.CONTESTED
        if self.genuine and self._is_genuine(
            evidence, weights[named] if named else 0.0, None if contested else believed
        ):
            return PartKind.GENUINE, None
        if named is None and believed is not None:
            best = max(self.kinds, key=lambda c: believed.get(c, 0.0), default="")
            named = best if believed.get(best, 0.0) >= LIKELY else None
        return (self.kinds[named], named) if named else _SILENT

    def _is_genuine(self, evidence: Sequence[Evidence], named: float, believed: Believed | None) -> bool:
        live = believed.get(IN_SCOPE, 0.0) if believed is not None else None
        if live is not None and (live > SURE or live < HEARD):
            return live > SURE
        return _weight([e for e in evidence if _is_sign(e)]) >= max(TECHNICAL, named)

    def judged(self, piece: _Piece) -> PartVerdict:
        """The verdict on one piece."""
        kind, category = self.answer(piece.evidence, piece.believed)
        saying = [
            [e for e in sentence if (_is_sign(e) if kind is PartKind.GENUINE else e.category == category)]
            for sentence in piece.sentences
        ]
        telling = sorted((e for sentence in saying for e in sentence), key=lambda e: -e.weight)
        return PartVerdict(
            kind=kind, where=self.report.passages[piece.span.passage].place, span=piece.span, category=category,
            remarks=sum(map(bool, saying)),
            sources=tuple(dict.fromkeys(e.source for e in telling))[:SOURCES],
            live=round(piece.believed.get(IN_SCOPE, 0.0), 4) if piece.believed is not None else None,
            quote=telling[0].quote if telling else self.text(piece.span).strip()[:SENTENCE],
        )  # fmt: skip


def _is_sign(e: Evidence) -> bool:
    return e.source.startswith("sign:")


def _weight(evidence: Iterable[Evidence]) -> float:
    """What the rules saw for something, each rule once."""
    return added([*{e.source: e.weight for e in evidence if e.speaks_for and e.span}.values()])


# ------------------------------------------------------------------------------------------------ taken apart


def _remarks(case: _Case, seen: Iterable[Evidence]) -> Iterator[_Piece]:
    """Every sentence in which something was seen, in order; more than one of a sentence that names several categories."""
    distinct = {(e.source, e.span): e for e in seen if case.hears(e)}
    sentences: list[tuple[Span, list[Evidence]]] = []
    for e in sorted(distinct.values(), key=lambda e: (_span(e), e.source)):
        at = _span(e)
        start, end = sentence_around(case.report.passages[at.passage].text, at.start, at.end)
        last = sentences[-1][0] if sentences else None
        if last is not None and last.passage == at.passage and start < last.end:
            sentences[-1] = Span(at.passage, last.start, max(end, last.end)), [*sentences[-1][1], e]
        else:
            sentences.append((Span(at.passage, start, end), [e]))
    for span, evidence in sentences:
        if case.answer(evidence)[0] is PartKind.GENUINE:
            yield _Piece(span, (tuple(evidence),))
        else:
            yield from _runs(case, span, evidence)


def _runs(case: _Case, span: Span, evidence: Sequence[Evidence]) -> Iterator[_Piece]:
    """A sentence cut where it goes on to another category."""
    runs: list[list[Evidence]] = []
    for e in evidence:
        last = runs[-1] if runs else []
        goes_on = _is_sign(e) or e.category in {x.category for x in last} or all(map(_is_sign, last))
        if last and (goes_on or _span(e).start < max(_span(x).end for x in last)):
            last.append(e)
        else:
            runs.append([e])
    if len(runs) < 2:
        yield _Piece(span, (tuple(evidence),))
        return
    starts = [span.start, *(_span(run[0]).start for run in runs[1:]), span.end]
    for run, start, end in zip(runs, starts, starts[1:], strict=False):
        mine = Span(span.passage, start, end)
        quote = case.text(mine).strip()[:SENTENCE]
        yield _Piece(mine, (tuple(replace(e, quote=quote) for e in run),))


def _pieces(case: _Case, regions: Sequence[Region], remarks: Iterable[_Piece]) -> Iterator[_Piece]:
    """The report's pieces; of one that says more than one thing its remarks and what stands between them."""
    left = list(remarks)
    for span in _places(case, regions):
        mine = [
            r for r in left if r.span.passage == span.passage and span.start <= _span(r.evidence[0]).start < span.end
        ]
        if not mine:
            yield _Piece(span)
        elif len({case.answer(r.evidence) for r in mine}) > 1:
            yield from map(_Piece, _gaps(case, span, mine))
        else:
            left = [r for r in left if r not in mine]
            yield _Piece(span, tuple(s for r in mine for s in r.sentences))
    yield from left


def _places(case: _Case, regions: Sequence[Region]) -> Sequence[Span]:
    """Where the pieces of the writer's own words stand."""
    if found := find_parts(case.report, regions):
        return [part.span for part in found]
    own = [c for c in prose(case.report, regions) if c.place is not Place.SUBJECT]
    return [Span(c.passage, c.start, c.start + len(c.text)) for c in own[:MOST]]


def _heard(case: _Case, pieces: Sequence[_Piece], opinion: Opinion | None, ask: Ask | None) -> list[_Piece]:
    """The pieces with the model's word: what it said before, and of those in which no rule fired what it says now."""
    believed: dict[Span, Believed] = dict(opinion.parts) if opinion else {}
    silent = [p.span for p in pieces if not p.sentences and p.span not in believed]
    if ask is not None and silent:
        believed |= dict(ask([Part(span, case.text(span)) for span in silent[:MOST]]))
    return [replace(p, believed=believed.get(p.span)) for p in pieces]


def _gaps(case: _Case, span: Span, remarks: Sequence[_Piece]) -> Iterator[Span]:
    """What of a piece lies between its remarks, and says enough to be a part."""
    at = span.start
    for start, end in (*((r.span.start, r.span.end) for r in remarks), (span.end, span.end)):
        gap = Span(span.passage, at, start)
        if len(case.text(gap).strip()) >= SHORTEST:
            yield gap
        at = max(at, end)


def _span(e: Evidence) -> Span:
    assert e.span is not None, "hears lets none pass"
    return e.span


# ------------------------------------------------------------------------------------------------ put together


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
