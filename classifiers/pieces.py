"""The pieces of a report, and what each says by itself. Pure.

A piece is a stretch of the writer's words, or less where a stretch says more than one thing or where the rules read pasted text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from classifiers.decision import TECHNICAL
from classifiers.fusion import added
from classifiers.parts import MOST, SHORTEST, find_parts
from classifiers.regions import Region, prose
from classifiers.terms import Disposition, Evidence, PartKind, PartVerdict, Place, Report, Span
from classifiers.text import SENTENCE, sentence_around
from classifiers.weighing import HEARD, LIKELY

SURE = 0.9  # the model's probability of a genuine finding from which its word on a part counts by itself
SOURCES = 8  # of one part
IN_SCOPE = Disposition.IN_SCOPE.value
SILENT = (PartKind.UNTOLD, None)
_Answer = tuple[PartKind, str | None]
Believed = Mapping[str, float]  # the model's probability of each label


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the report, what the rules saw in each of its sentences, and what the model believes of it."""

    span: Span
    sentences: tuple[tuple[Evidence, ...], ...] = ()
    believed: Believed | None = None

    @property
    def evidence(self) -> list[Evidence]:
        return [e for sentence in self.sentences for e in sentence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
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
        weights = {c: weight_of([e for e in evidence if e.category == c]) for c in {e.category for e in evidence}}
        named = max((c for c in self.kinds if c in weights), key=lambda c: weights[c], default=None)
        contested = named is not None and self.kinds[named] is PartKind.CONTESTED
        if self.genuine and self._is_genuine(
            evidence, weights[named] if named else 0.0, None if contested else believed
        ):
            return PartKind.GENUINE, None
        if named is None and believed is not None:
            best = max(self.kinds, key=lambda c: believed.get(c, 0.0), default="")
            named = best if believed.get(best, 0.0) >= LIKELY else None
        return (self.kinds[named], named) if named else SILENT

    def _is_genuine(self, evidence: Sequence[Evidence], named: float, believed: Believed | None) -> bool:
        live = believed.get(IN_SCOPE, 0.0) if believed is not None else None
        if live is not None and (live > SURE or live < HEARD):
            return live > SURE
        return weight_of([e for e in evidence if _is_sign(e)]) >= max(TECHNICAL, named)

    def judged(self, piece: Piece) -> PartVerdict:
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


def weight_of(evidence: Iterable[Evidence]) -> float:
    """What the rules saw for something, each rule once."""
    return added([*{e.source: e.weight for e in evidence if e.speaks_for and e.span}.values()])


def find_pieces(case: Case, regions: Sequence[Region], seen: Iterable[Evidence]) -> list[Piece]:
    """The report's pieces with what was `seen` in them, in the order of the text."""
    return sorted(_pieces(case, regions, _remarks(case, seen)), key=lambda p: p.span)


def _remarks(case: Case, seen: Iterable[Evidence]) -> Iterator[Piece]:
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
            yield Piece(span, (tuple(evidence),))
        else:
            yield from _runs(case, span, evidence)


def _runs(case: Case, span: Span, evidence: Sequence[Evidence]) -> Iterator[Piece]:
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
        yield Piece(span, (tuple(evidence),))
        return
    starts = [span.start, *(_span(run[0]).start for run in runs[1:]), span.end]
    for run, start, end in zip(runs, starts, starts[1:], strict=False):
        mine = Span(span.passage, start, end)
        quote = case.text(mine).strip()[:SENTENCE]
        yield Piece(mine, (tuple(replace(e, quote=quote) for e in run),))


def _pieces(case: Case, regions: Sequence[Region], remarks: Iterable[Piece]) -> Iterator[Piece]:
    """The report's pieces; of one that says more than one thing its remarks and what stands between them."""
    left = list(remarks)
    for span in _places(case, regions):
        mine = [
            r for r in left if r.span.passage == span.passage and span.start <= _span(r.evidence[0]).start < span.end
        ]
        if not mine:
            yield Piece(span)
        elif len({case.answer(r.evidence) for r in mine}) > 1:
            yield from map(Piece, _gaps(case, span, mine))
        else:
            left = [r for r in left if r not in mine]
            yield Piece(span, tuple(s for r in mine for s in r.sentences))
    yield from left


def _places(case: Case, regions: Sequence[Region]) -> Sequence[Span]:
    """Where the pieces of the writer's own words stand."""
    if found := find_parts(case.report, regions):
        return [part.span for part in found]
    own = [c for c in prose(case.report, regions) if c.place is not Place.SUBJECT]
    return [Span(c.passage, c.start, c.start + len(c.text)) for c in own[:MOST]]


def _gaps(case: Case, span: Span, remarks: Sequence[Piece]) -> Iterator[Span]:
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
