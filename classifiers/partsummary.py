"""The parts of a mixed report in the words of a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from classifiers.terms import PartKind, PartVerdict, Verdict

RANK = {kind: rank for rank, kind in enumerate(PartKind)}  # which are told first, and kept where there are too many
KINDS = {
    PartKind.GENUINE: "genuine",
    PartKind.EXCLUDED: "excluded",
    PartKind.CONTESTED: "contested",
    PartKind.NOT_EXCLUDED: "not excluded",
}
"""In the words of a person; of a part of which nothing is known there is nothing to say."""


def in_short(
    parts: Iterable[PartVerdict], title: Callable[[str], str] = str, quoted: Callable[[PartVerdict], str] | None = None
) -> str:
    """ "1 genuine: “…” · 5 excluded: headers (3), cookies (2)". `quoted`: the words of a genuine part, fit to be shown."""
    counts: dict[PartKind, dict[str, int]] = {}
    findings: list[str] = []
    for part in sorted(parts, key=lambda p: RANK[p.kind]):
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
