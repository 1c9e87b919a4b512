"""How a model is made: examples in, a Learned and its report card out; with `logistic`, `stacking` and `counting`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.counting import count
from classifiers.errors import ModelError
from classifiers.examples import DISPOSITIONS, Example
from classifiers.learned import Learned
from classifiers.logistic import Fitted, fit
from classifiers.material import FOLDS, Material, material
from classifiers.partwise import is_worth_taking_apart
from classifiers.reportcard import ReportCard
from classifiers.rulebook import Rulebook
from classifiers.stacking import choose, fuse, judged, seen_of, trials_of
from classifiers.terms import Opinion, Span

STRENGTH = 10.0  # C of the logistic regression: chosen by cross-validation on the corpus, see its README


def train(
    examples: Sequence[Example], rulebook: Rulebook, *, seed: int, budget: float = 0.01
) -> tuple[Learned, ReportCard]:
    """A model of all examples, and how rules and model are weighed together, with thresholds for the false-dismissal budget.

    One logistic regression a label, both sides counting alike, made a probability by Platt's method; then the fusion. Both
    are fitted on scores of folds that the words' weights had not seen, and the thresholds are chosen on verdicts of folds
    that neither had seen. Raises ModelError where there is nothing to learn from.
    """
    m = material(examples, rulebook, seed=seed)
    if not all(0 < m.is_a(d).sum() < len(examples) for d in ("in_scope", "out_of_scope")):
        raise ModelError("a model needs examples that are in scope and examples that are out of scope")
    everything = np.ones(len(examples), dtype=bool)
    words = _words(m, everything)
    held_out = _cross_validate(m, words)
    steepness, shift = _calibrate(held_out.whole, m.truth, m.known)
    (steep,), (moved,) = _calibrate(held_out.subject, m.live, m.sure)
    seen = seen_of(m, _opinions(m, held_out.calibrated(steepness, shift, steep, moved)))
    trials = trials_of(m, seen)
    thresholds = choose(m, trials, budget)
    learned = Learned(
        labels=m.labels, scale=words.scale.astype(np.float32), weights=(words.whole.weights * steepness).astype(np.float32),
        bias=(words.whole.bias * steepness + shift).astype(np.float32),
        headline=np.append(words.subject.weights * steep, words.subject.bias * steep + moved).astype(np.float32),
        thresholds=thresholds, fusion=fuse(m, seen, everything),
        version="", card={},
    )  # fmt: skip
    return learned, count(m, judged(m, trials, thresholds), trials)


# ------------------------------------------------------------------------------------------------ held-out predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldOut:
    """What models that had not seen the examples say: scores first, probabilities once calibrated."""

    whole: npt.NDArray[np.float64]  # examples x labels
    parts: npt.NDArray[np.float64]  # parts x labels
    subject: npt.NDArray[np.float64]  # examples x 1: in scope by the subject alone

    def calibrated(
        self, steepness: npt.NDArray[np.float64], shift: npt.NDArray[np.float64], steep: float, moved: float
    ) -> _HeldOut:
        return _HeldOut(
            whole=_sigmoid(self.whole * steepness + shift),
            parts=_sigmoid(self.parts * steepness + shift),
            subject=_sigmoid(self.subject * steep + moved),
        )


def _cross_validate(m: Material, of_all: _Words) -> _HeldOut:
    """Every example scored by a model of the other folds, which is sought from the one of all: the same, found sooner."""
    out = _HeldOut(
        whole=np.zeros(m.truth.shape),
        parts=np.zeros((len(m.spans), len(m.labels))),
        subject=np.zeros(m.live.shape),
    )
    for k in range(FOLDS):
        seen = m.fold != k
        if seen.all() or not seen.any():
            continue
        words = _words(m, seen, of_all)
        theirs = ~seen[m.owner]
        out.whole[~seen] = words.whole.scores(_scaled(m.whole.matrix[~seen], words.scale))
        out.parts[theirs] = words.whole.scores(_scaled(m.parts[theirs], words.scale))
        out.subject[~seen] = words.subject.scores(_scaled(m.whole.headlines[~seen], words.scale))
    return out


def _opinions(m: Material, p: _HeldOut) -> list[Opinion]:
    """The same as `Learned.opine` would say it."""
    parts: dict[int, list[tuple[Span, dict[str, float]]]] = {}
    for owner, span, row in zip(m.owner, m.spans, p.parts, strict=True):
        parts.setdefault(int(owner), []).append((span, _named(m.labels, row)))
    return [
        _opinion(m.labels, row, headline, parts.get(i, ()))
        for i, (row, (headline,)) in enumerate(zip(p.whole, p.subject, strict=True))
    ]


def _opinion(
    labels: Sequence[str],
    row: npt.NDArray[np.float64],
    headline: float,
    parts: Sequence[tuple[Span, dict[str, float]]],
) -> Opinion:
    p = _named(labels, row)
    return Opinion(
        categories={k: v for k, v in p.items() if k not in DISPOSITIONS},
        dispositions={k: v for k, v in p.items() if k in DISPOSITIONS},
        headline=float(headline),
        parts=tuple(parts) if is_worth_taking_apart(p) else (),
    )


def _named(labels: Sequence[str], row: npt.NDArray[np.float64]) -> dict[str, float]:
    return {label: float(x) for label, x in zip(labels, row, strict=True)}


# ------------------------------------------------------------------------------------------------ the words' weights


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What each word adds."""

    scale: npt.NDArray[np.float64]
    whole: Fitted  # to each label
    subject: Fitted  # to being in scope, where it stands in the subject


def _words(m: Material, seen: npt.NDArray[np.bool_], start: _Words | None = None) -> _Words:
    """Fitted on the examples marked in `seen`."""
    scale = _rarity(m.whole.matrix[seen])

    def fitted(matrix: Any, truth: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_], near: Fitted | None) -> Fitted:
        rows = _scaled(matrix[seen], scale)
        return fit(rows, truth[seen], known[seen], m.weight[seen], strength=STRENGTH, start=near)

    return _Words(
        scale=scale,
        whole=fitted(m.whole.matrix, m.truth, m.known, start.whole if start else None),
        subject=fitted(m.whole.headlines, m.live, m.sure, start.subject if start else None),
    )


def _rarity(matrix: Any) -> npt.NDArray[np.float64]:
    """How much each feature counts: the logarithm of how few examples have it. One that none has counts nothing."""
    have = np.asarray((matrix > 0).sum(axis=0)).ravel()
    return np.where(have > 0, np.log((1 + matrix.shape[0]) / (1 + have)), 0.0)


def _scaled(matrix: Any, scale: npt.NDArray[np.float64]) -> Any:
    """Rows with every feature scaled, of Euclidean length 1 again. `Learned.scaled` does the same to one report."""
    from scipy.sparse import diags

    scaled = matrix @ diags(scale)
    length = np.sqrt(np.asarray(scaled.multiply(scaled).sum(axis=1)).ravel())
    return (diags(1 / np.where(length > 0, length, 1.0)) @ scaled).tocsr()


def _sigmoid(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    p: npt.NDArray[np.float64] = 1 / (1 + np.exp(-x))
    return p


def _calibrate(
    scores: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Steepness and shift that make each label's scores log-odds: a logistic regression on the score alone (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    steepness, shift = np.ones(scores.shape[1]), np.zeros(scores.shape[1])
    for i in range(scores.shape[1]):
        true = truth[known[:, i], i]
        if true.all() or not true.any():
            continue
        curve = LogisticRegression(C=100.0, tol=1e-10, max_iter=200, solver="newton-cholesky")
        curve.fit(scores[known[:, i]][:, [i]], true)
        # A label whose held-out scores say nothing must not be turned upside down.
        steepness[i], shift[i] = max(0.0, curve.coef_[0, 0]), curve.intercept_[0]
    return steepness, shift
