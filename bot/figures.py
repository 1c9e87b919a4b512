"""What came in during some days and what became of it, counted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from classifiers.terms import Disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What became of one report."""

    received_at: datetime
    disposition: Disposition | None  # that holds; None: not judged yet
    categories: tuple[str, ...] = ()  # that were held to apply
    recommended: Disposition | None = None  # the bot's own, where a person has decided
    decided_at: datetime | None = None  # by a person; None: by none yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of the reports that came in: how many, what holds of them, how many people decided, as the bot had said or not."""

    reports: int
    held: Mapping[Disposition, int]
    excluded: Mapping[str, int]  # categories of what is out of scope
    decided: int
    agreed: int
    wait: timedelta | None  # the median from arrival to a person's decision


def counted(courses: Sequence[Course]) -> Figures:
    """Reports that nobody judged yet count among the reports alone."""
    decided = [c for c in courses if c.decided_at is not None]
    waits = [(c.decided_at - c.received_at).total_seconds() for c in decided if c.decided_at is not None]
    return Figures(
        reports=len(courses),
        held=Counter(c.disposition for c in courses if c.disposition is not None),
        excluded=Counter(k for c in courses if c.disposition is Disposition.OUT_OF_SCOPE for k in c.categories),
        decided=len(decided),
        agreed=sum(c.disposition is c.recommended for c in decided),
        wait=timedelta(seconds=median(waits)) if waits else None,
    )
