"""Finds the regions of a report: all that was pasted, quoted, denied or is furniture."""

from __future__ import annotations

from collections.abc import Sequence

from classifiers.denials import find_denials
from classifiers.furniture import find_furniture
from classifiers.pasted import find_exports, find_fences, find_pasted_lines
from classifiers.policypaste import find_pasted_policy
from classifiers.regions import CAP, Region, RegionKind
from classifiers.terms import Place, Report, Span


def find_regions(report: Report, policy_texts: Sequence[str]) -> tuple[Region, ...]:
    """All regions of a report, by passage and place; they may overlap. Linear in its length."""
    found: list[Region] = []
    clauses = tuple(policy_texts)
    for index, passage in enumerate(report.passages):
        text = passage.text[:CAP]
        spans: list[tuple[RegionKind, tuple[int, int]]] = []
        if passage.place is not Place.SUBJECT:
            spans += [(RegionKind.CODE, s) for s in find_fences(text)]
            spans += find_pasted_lines(text)
            spans += [(RegionKind.EXPORT, s) for s in find_exports(text)]
            spans += [(RegionKind.FURNITURE, s) for s in find_furniture(text)]
        spans += [(RegionKind.POLICY, s) for s in find_pasted_policy(text, clauses)]
        spans += [(RegionKind.DISCLAIMED, s) for s in find_denials(text)]
        found += [Region(Span(index, start, end), kind) for kind, (start, end) in spans if end > start]
    return tuple(sorted(found))
