"""Examples as numbers, and as the rules see them: what a model is fitted to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.examples import DISPOSITIONS, Example, near_duplicates, report_of
from classifiers.features import DIMENSIONS, Features, Stack, features, stacked
from classifiers.marking import find_regions
from classifiers.parts import find_parts
from classifiers.regions import Region
from classifiers.rulebook import Rulebook
from classifiers.terms import Disposition, Evidence, Report, Span

FOLDS = 5
ALIKE = 0.3  # shared five-word runs from which two examples are kept in one fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Texts as rules and model see them, one a row."""

    reports: Sequence[Report]
    regions: Sequence[tuple[Region, ...]]
    evidence: Sequence[tuple[Evidence, ...]]
    matrix: Any  # texts x DIMENSIONS
    headlines: Any  # the same of their subjects alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The examples, whole and in parts."""

    examples: Sequence[Example]
    labels: tuple[str, ...]
    truth: npt.NDArray[np.bool_]  # examples x labels
    known: npt.NDArray[np.bool_]  # examples x labels: where somebody said whether the label applies
    weight: npt.NDArray[np.float64]
    whole: Seen
    parts: Any  # all examples' parts x DIMENSIONS
    owner: npt.NDArray[np.int64]  # the example of each part
    spans: Sequence[Span]
    fold: npt.NDArray[np.int64]

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(label for label in self.labels if label not in DISPOSITIONS)

    @property
    def live(self) -> npt.NDArray[np.bool_]:
        """Which are in scope, as a column."""
        return self.is_a(Disposition.IN_SCOPE)[:, None]

    @property
    def sure(self) -> npt.NDArray[np.bool_]:
        """Of which that is known, as a column: of all."""
        return np.ones_like(self.live)

    def is_a(self, label: str) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.truth[:, self.labels.index(label)]
        return found


def material(examples: Sequence[Example], rulebook: Rulebook, *, seed: int) -> Material:
    """The examples weighed by every rule, counted, and dealt into folds."""
    labels = (*sorted({c for e in examples for c in e.categories}), *DISPOSITIONS)
    known = frozenset(labels) - frozenset(DISPOSITIONS)
    whole = _seen([report_of(e) for e in examples], rulebook, known)
    parts = [
        (i, part)
        for i, (r, g) in enumerate(zip(whole.reports, whole.regions, strict=True))
        for part in find_parts(r, g)
    ]
    return Material(
        examples=examples,
        labels=labels,
        truth=np.array([[label == e.disposition or label in e.categories for label in labels] for e in examples]),
        known=np.array([[label in DISPOSITIONS or e.says_categories for label in labels] for e in examples]),
        weight=np.array([e.weight for e in examples]),
        whole=whole,
        parts=_below_each_other(stacked(part.text for _, part in parts)),
        owner=np.array([i for i, _ in parts], dtype=np.int64),
        spans=[part.span for _, part in parts],
        fold=_folds(examples, seed),
    )


def _seen(reports: Sequence[Report], rulebook: Rulebook, known: frozenset[str]) -> Seen:
    regions = [find_regions(r, ()) for r in reports]
    counted = [features(r, g) for r, g in zip(reports, regions, strict=True)]
    return Seen(
        reports=reports,
        regions=regions,
        evidence=[rulebook.weigh_for(r, g, known) for r, g in zip(reports, regions, strict=True)],
        matrix=_matrix_of(counted),
        headlines=_matrix_of([f.of_subject() for f in counted]),
    )


def _below_each_other(texts: Stack) -> Any:
    """As one sparse matrix, a row a text."""
    from scipy.sparse import csr_matrix

    bounds = np.append(texts.starts, len(texts.index))
    return csr_matrix((texts.value, texts.index, bounds), shape=(len(texts.starts), DIMENSIONS))


def _matrix_of(rows: Sequence[Features]) -> Any:
    """The same of features one by one."""
    starts = np.cumsum([0, *(len(r.index) for r in rows)])[:-1]
    return _below_each_other(
        Stack(np.concatenate([r.index for r in rows]), np.concatenate([r.value for r in rows]), starts)
    )


def _folds(examples: Sequence[Example], seed: int) -> npt.NDArray[np.int64]:
    """The fold of each example, by digest: stable as the corpus grows. Near-duplicates share one: none is tested on its twin."""
    first: dict[str, str] = {e.id: e.id for e in examples}
    for one, other in near_duplicates(examples, ALIKE):
        root = min(first[one], first[other])
        first = {i: root if r in (first[one], first[other]) else r for i, r in first.items()}
    return np.array(
        [int(hashlib.sha256(f"{seed}:{first[e.id]}".encode()).hexdigest()[:8], 16) % FOLDS for e in examples]
    )
