"""The rules at work: RE2 matches them, in time linear in the mail, and every match is quoted with its sentence."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import re2

from classifiers.errors import RuleError
from classifiers.regions import CAP, Region, RegionKind, opening
from classifiers.rulefiles import WHERES, Category, Rule, RuleFiles, options
from classifiers.terms import Evidence, Passage, Place, Report, Span
from classifiers.text import Folded, fold, sentence_around

_PASTED = frozenset({RegionKind.HTTP, RegionKind.CODE, RegionKind.TOOL, RegionKind.EXPORT})
_NOT_SAID = frozenset(RegionKind) - {RegionKind.EXPORT}
_SAID_BY_OTHERS = frozenset({RegionKind.POLICY, RegionKind.DISCLAIMED})
_OWN = frozenset({Place.BODY, Place.HTML, Place.FORWARDED, Place.ATTACHMENT})
_WRAP = re.compile(r"\n(?<!\n\n)(?![\n \t]*(?:\n|[-*#>]|\d{1,2}[.)]))")  # a line end inside a paragraph
_GAP = "\x01"  # stands where a region was cut out; no pattern matches it


@dataclass(frozen=True, slots=True)
class _Patterns:
    """All patterns of one place, behind a filter of the literal strings they need."""

    owners: tuple[Rule, ...]  # of each pattern
    filtered: Any

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> _Patterns:
        owners = []
        # A Filter, not a Set: patterns that span words (".{0,60}") make a Set's automaton thrash. On the labelled sample
        # a Set of these took 5.1 ms a report, one after the other 2.7 ms, a Filter 0.6 ms (tests/bench_rules.py).
        filtered = re2.Filter()
        for rule in rules:
            for pattern in rule.patterns:
                filtered.Add(pattern, options())
                owners.append(rule)
        filtered.Compile()
        return cls(tuple(owners), filtered)

    def search(self, text: str, known: Container[str]) -> Iterator[tuple[Rule, int, int]]:
        """The first match of every pattern that matches; of rules whose source is not `known` by then."""
        data = _for_re2(text)
        for i in sorted(self.filtered.Match(data, False) or ()) if self.owners else ():
            rule, pattern = self.owners[i], self.filtered.re(i)
            if rule.source in known:
                continue
            every = pattern.finditer(data) if rule.claimed else filter(None, (pattern.search(data),))
            found = next((m for m in every if not (rule.claimed and _claims_nothing(text, *m.span()))), None)
            if found:
                yield rule, *found.span()

    def search_all(self, text: str, groups: frozenset[str]) -> Iterator[tuple[Rule, int, int]]:
        """Every match of the patterns that speak of these groups, for or against."""
        data = _for_re2(text)
        # Few rules speak of them: only those are searched of all whose literal strings the text holds.
        for i in sorted(self.filtered.Match(data, True) or ()) if self.owners else ():
            if self.owners[i].group in groups:
                for found in self.filtered.re(i).finditer(data):
                    yield self.owners[i], found.start(), found.end()


# How people tell what might be, what things are for, and what is known of a version. In it an attack's name claims nothing.
_POSSIBILITY = re.compile(
    r"\b(?:could|may|might|would|possibl[ey]|potential(?:ly)?|theoretical(?:ly)?|in case|if (?:this|the|an?|it|any|you)|such as|"
    r"e\.g\.|can (?:also |then |easily )?(?:lead|result|allow|cause|help|use|try|do|perform|"
    r"be (?:used|ab?used|misused|exploited|leveraged|stolen|combined|chained|tricked|forced|lured|able|at risk|vulnerable))|"
    r"help\w* (?:to )?(?:prevent|mitigate|protect|reduce)|prevents?|mitigat\w+|protects?|"
    r"researchers? (?:have )?(?:found|discovered|shown)|(?:attackers?|hackers?|they|adversary|criminals?|someone|anyone|malicious \w+) can|allow\w* (?:an? |the )?(?:attackers?|hackers?)|"
    r"cve-\d{4}-\d{4,}|in order to|is (?:an?|the) (?:type|kind|technique|attack|flag|attribute|mechanism|policy|header|security|method))\b"
)

# And what something is said to come to, behind an arrow: "no flag => account takeover".
_CONSEQUENCE = re.compile(r"=>|->|\u2192|\bimpact\b|\b(?:leads?|leading) to\b|\b(?:results?|resulting) in\b")


def _claims_nothing(text: str, start: int, end: int) -> bool:
    first, last = sentence_around(text, start, end)
    return _POSSIBILITY.search(text, first, last) is not None or _CONSEQUENCE.search(text, first, start) is not None


def _for_re2(text: str) -> str | bytes:
    """In ASCII bytes count like characters, and RE2 need not translate."""
    return text.encode() if text.isascii() else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """Every rule of a folder, proven and compiled."""

    categories: tuple[Category, ...]
    rules: tuple[Rule, ...]
    groups: frozenset[str]  # of signs
    version: str  # 12 hex digits of all rule files
    _compiled: Mapping[str, _Patterns]

    @classmethod
    def load(cls, folder: Path) -> Rulebook:
        """Reads and compiles the rules of a folder. Raises RuleError with every problem that stands in their files."""
        files = RuleFiles(folder)
        if files.problems:
            raise RuleError(*files.problems)
        return cls.of(files)

    @classmethod
    def of(cls, files: RuleFiles) -> Rulebook:
        """Compiles rules that were read without a problem."""
        compiled = {where: _Patterns.of([r for r in files.rules if r.where == where]) for where in WHERES}
        return cls(
            categories=tuple(files.categories), rules=tuple(files.rules), groups=frozenset(files.groups),
            version=files.version, _compiled=compiled,
        )  # fmt: skip

    def weigh(self, report: Report, regions: Sequence[Region]) -> tuple[Evidence, ...]:
        """What every rule sees in a report, once each, with the sentence it stands in."""
        found: dict[str, Evidence] = {}
        for index, passage in enumerate(report.passages):
            mine = [r for r in regions if r.span.passage == index]
            for where, view in _views(passage, mine):
                for rule, start, end in self._compiled[where].search(view.text, known=found):
                    span = view.original(start, end)
                    if self._may_speak(rule, span, mine):
                        found[rule.source] = _evidence(rule, passage, index, span)
        if (head := opening(report, regions)) is not None:
            view = fold(head.text)
            for rule, start, end in self._compiled["subject"].search(view.text, known=found):
                first, last = (head.start + at for at in view.original(start, end))
                found[rule.source] = _evidence(rule, report.passages[head.passage], head.passage, (first, last))
        return tuple(sorted(found.values(), key=_order))

    def _may_speak(self, rule: Rule, found: tuple[int, int], regions: Sequence[Region]) -> bool:
        """In a scanner's file only what the scanner says of a category: it shows no finding and speaks against nothing."""
        if rule.speaks_for and rule.group not in self.groups:
            return True
        return not any(r.kind is RegionKind.EXPORT and r.span.start <= found[0] < r.span.end for r in regions)

    def weigh_for(self, report: Report, regions: Sequence[Region], excluded: frozenset[str]) -> tuple[Evidence, ...]:
        """Like weigh, under a policy that excludes these categories.

        What a policy excludes by name is no sign of a genuine finding by its name alone. So the groups that a category
        mutes are weighed again without the words that name it; unless something speaks against excluding it. What
        speaks against a category speaks against the wider one too, which would else exclude the same report.
        """
        seen = self.weigh(report, regions)
        named = [c for c in self.categories if c.id in excluded]
        wider = {c.id: c.within for c in named if c.within}
        seen += tuple(replace(e, category=wider[e.category]) for e in seen if not e.speaks_for and e.category in wider)
        against = {e.category for e in seen if not e.speaks_for}
        speaking = {e.category for e in seen if e.speaks_for} - against
        quiet = [c for c in named if c.mutes and c.id in speaking]
        if quiet:
            muted = {group for c in quiet for group in c.mutes}
            named_in = self.weigh_all(report, regions, frozenset(c.id for c in quiet))
            spans = {e.span for e in named_in if e.speaks_for and e.span}
            cut = sorted((*regions, *(Region(span=s, kind=RegionKind.DISCLAIMED) for s in spans)))
            again = [e for e in self.weigh(report, cut) if e.category in muted]
            seen = (*(e for e in seen if e.category not in muted), *again)
        return tuple(sorted(seen, key=_order))

    def weigh_all(self, report: Report, regions: Sequence[Region], groups: frozenset[str]) -> Iterator[Evidence]:
        """Like weigh, but one by one every stretch that speaks of these groups: a rule may see many."""
        for index, passage in enumerate(report.passages):
            mine = [r for r in regions if r.span.passage == index]
            for where, view in _views(passage, mine):
                for rule, start, end in self._compiled[where].search_all(view.text, groups):
                    yield _evidence(rule, passage, index, view.original(start, end))


def _order(e: Evidence) -> tuple[str, bool, float, str]:
    return e.category, not e.speaks_for, -e.weight, e.source


def _evidence(rule: Rule, passage: Passage, index: int, found: tuple[int, int]) -> Evidence:
    first, last = sentence_around(passage.text, *found)
    return Evidence(
        source=rule.source, category=rule.group, speaks_for=rule.speaks_for, weight=rule.weight, reason=rule.reason,
        span=Span(index, *found), quote=passage.text[first:last].replace(_GAP, " "), where=passage.place,
    )  # fmt: skip


def _views(passage: Passage, regions: Sequence[Region]) -> Iterator[tuple[str, Folded]]:
    """The passage as the rules of each place see it: with everything cut out that is not theirs."""
    text = passage.text[:CAP].replace(_GAP, " ")
    if passage.place is Place.SUBJECT:
        view = fold(_without(text, regions, _SAID_BY_OTHERS))
        yield from (("subject", view), ("words", view), ("anywhere", view))
    elif passage.place in _OWN:
        anywhere = fold(_without(text, regions, _SAID_BY_OTHERS))
        said = all(r.kind in _SAID_BY_OTHERS or r.kind is RegionKind.EXPORT for r in regions)
        yield "words", _unwrapped(anywhere if said else fold(_without(text, regions, _NOT_SAID)))
        yield "anywhere", anywhere
        pasted = [r for r in regions if r.kind in _PASTED]
        if pasted:
            yield "pasted", fold(_only(text, pasted))


def _without(text: str, regions: Sequence[Region], kinds: frozenset[RegionKind]) -> str:
    pieces: list[str] = []
    at = 0
    for r in sorted(regions):
        if r.kind in kinds and r.span.end > at:
            start = max(r.span.start, at)
            pieces += (text[at:start], _GAP * (r.span.end - start))
            at = r.span.end
    return "".join((*pieces, text[at:]))


def _only(text: str, regions: Sequence[Region]) -> str:
    pieces: list[str] = []
    at = 0
    for r in sorted(regions):
        start = max(r.span.start, at)
        if r.span.end > start:
            pieces += ("\n" * (start - at), text[start : r.span.end])
            at = r.span.end
    return "".join(pieces)


def _unwrapped(folded: Folded) -> Folded:
    """Single line ends made blanks: a sentence goes on over them. Same length, so the way back stays true."""
    text = _WRAP.sub(" ", folded.text)
    return Folded(text, folded.source, folded.steps)
