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
    scale = _rarity(m.whole.matrix)
    whole = fit(_scaled(m.whole.matrix, scale), m.truth, m.known, m.weight, strength=STRENGTH)
    subject = fit(_scaled(m.whole.headlines, scale), m.live, m.sure, m.weight, strength=STRENGTH)
    held_out = _cross_validate(m, whole, subject)
    steepness, shift = _calibrate(held_out.whole, m.truth, m.known)
    (steep,), (moved,) = _calibrate(held_out.subject, m.live, m.sure)
    seen = seen_of(m, _opinions(m, held_out.calibrated(steepness, shift, steep, moved)))
    trials = trials_of(m, seen)
    thresholds = choose(m, trials, budget)
    learned = Learned(
        labels=m.labels, scale=scale.astype(np.float32), weights=(whole.weights * steepness).astype(np.float32),
        bias=(whole.bias * steepness + shift).astype(np.float32),
        headline=np.append(subject.weights * steep, subject.bias * steep + moved).astype(np.float32), thresholds=thresholds,
        fusion=fuse(m, seen, np.ones(len(examples), dtype=bool)),
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


def _cross_validate(m: Material, whole: Fitted, subject: Fitted) -> _HeldOut:
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
        scale = _rarity(m.whole.matrix[seen])
        fold = fit(
            _scaled(m.whole.matrix[seen], scale),
            m.truth[seen],
            m.known[seen],
            m.weight[seen],
            strength=STRENGTH,
            start=whole,
        )
        theirs = ~seen[m.owner]
        out.whole[~seen] = fold.scores(_scaled(m.whole.matrix[~seen], scale))
        out.parts[theirs] = fold.scores(_scaled(m.parts[theirs], scale))
        fold = fit(
            _scaled(m.whole.headlines[seen], scale),
            m.live[seen],
            m.sure[seen],
            m.weight[seen],
            strength=STRENGTH,
            start=subject,
        )
        out.subject[~seen] = fold.scores(_scaled(m.whole.headlines[~seen], scale))
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
