"""Rules and model fitted together on what neither had seen, judged on what the fit had not seen, thresholds chosen by that.

Trained after the words' weights: a fusion on their held-out predictions, five trial fusions for held-out verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from classifiers.decision import decide
from classifiers.fusion import DISPOSITIONS as FUSED
from classifiers.fusion import Fusion, Seen, Thresholds, logit, of_category, of_report, sigmoid
from classifiers.language import Tongue
from classifiers.material import FOLDS, Material
from classifiers.partwise import most_genuine_part, no_report
from classifiers.policy import Clause, Policy
from classifiers.readable import spoken
from classifiers.terms import (
    DISMISSALS,
    Acknowledgement,
    AcknowledgementState,
    Disposition,
    Opinion,
    Versions,
)

SHRUNK = 0.003  # C of the fusion: strong, so that it leans on no single number; see `fusion`
LET_THROUGH = 0.05  # of what is not genuine may count as genuine by one step: it costs a person a minute each
RARE = 0.1  # as much a text counts whose finding hides in other mail: one in twenty of ours, far fewer in a mailbox
BY_CLAUSE = 0.75  # of the budget may be lost by a clause: what both voices see in one part is held back besides
MISSING = Acknowledgement(state=AcknowledgementState.MISSING)
NONE = Versions(rules="", model="", policy="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An example as weighed by a fusion that had not seen it."""

    fusion: Fusion
    opinion: Opinion
    live: float  # probability of in_scope
    held: Mapping[str, float]  # of each category
    part: float  # how genuine its most genuine part reads
    quiet: float  # how surely it is no report


# ------------------------------------------------------------------------------------------------ fitting


def seen_of(m: Material, opinions: Sequence[Opinion]) -> list[Seen]:
    """What rules and model say of each example, and what both are about."""
    rows = zip(m.whole.reports, m.whole.regions, m.whole.evidence, opinions, strict=True)
    return [Seen.of(report, regions, evidence, opinion, m.categories) for report, regions, evidence, opinion in rows]


def fuse(m: Material, seen: Sequence[Seen], rows: npt.NDArray[np.bool_]) -> Fusion:
    """The fusion's weights, fitted on the examples marked in `rows`."""
    which = [int(i) for i in np.flatnonzero(rows)]
    told = np.array([of_report(seen[i]) for i in which])
    middle, spread = told.mean(axis=0), told.std(axis=0) + 1e-9
    live = m.is_a(Disposition.IN_SCOPE)
    alone = _fit_category(m, seen, [i for i in which if not live[i]])
    return Fusion(
        category=alone,
        beside=_fit_category(m, seen, [i for i in which if live[i]]) or alone,
        middle=tuple(map(float, middle)),
        spread=tuple(map(float, spread)),
        dispositions=_fit_dispositions((told - middle) / spread, np.array([m.examples[i].disposition for i in which])),
    )


def _fit_category(m: Material, seen: Sequence[Seen], which: Sequence[int]) -> tuple[float, ...]:
    """One row of weights for all categories; empty where these examples tell nothing."""
    from sklearn.linear_model import LogisticRegression

    told_of = [i for i in which if m.examples[i].says_categories]
    numbers = [
        of_category(seen[i].groups.get(c, ()), seen[i].opinion.categories[c]) for i in told_of for c in m.categories
    ]
    truth = [bool(m.is_a(c)[i]) for i in told_of for c in m.categories]
    if len(set(truth)) < 2:
        return ()
    model = LogisticRegression(C=10.0, tol=1e-10, max_iter=200, solver="newton-cholesky")
    model.fit(np.array(numbers), np.array(truth))
    return (*map(float, model.coef_[0]), float(model.intercept_[0]))


def _fit_dispositions(scaled: npt.NDArray[np.float64], truth: npt.NDArray[np.str_]) -> tuple[tuple[float, ...], ...]:
    """All dispositions counting alike, however few their examples; then stretched and moved to be probabilities again."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=SHRUNK, class_weight="balanced", tol=1e-10, max_iter=500, solver="newton-cg")
    model.fit(scaled, truth)
    stretch, moved = _calibration(model.decision_function(scaled), model.classes_, truth)
    rows = {
        str(d): (*map(float, w * stretch), float(b * stretch + m))
        for d, w, b, m in zip(model.classes_, model.coef_, model.intercept_, moved, strict=True)
    }
    never = (*([0.0] * scaled.shape[1]), -30.0)
    return tuple(rows.get(d.value, never) for d in FUSED)


def _calibration(
    scores: npt.NDArray[np.float64], classes: npt.NDArray[np.str_], truth: npt.NDArray[np.str_]
) -> tuple[float, npt.NDArray[np.float64]]:
    """By how much shrunk scores must be stretched, and each disposition moved, where the likelihood is greatest."""
    from scipy.optimize import minimize

    right = np.searchsorted(classes, truth)
    rows = np.arange(len(right))

    def loss(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        moved = scores * x[0] + np.append(0.0, x[1:])
        moved -= moved.max(axis=1)[:, None]
        p = np.exp(moved) / np.exp(moved).sum(axis=1)[:, None]
        short = -np.log(p[rows, right])
        p[rows, right] -= 1.0
        return float(short.mean()), np.append((p * scores).sum(), p.sum(axis=0)[1:]) / len(right)

    best = minimize(loss, np.append(1.0, np.zeros(len(classes) - 1)), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return float(best[0]), np.append(0.0, best[1:])


# ------------------------------------------------------------------------------------------------ trying


def trials_of(m: Material, seen: Sequence[Seen]) -> list[Trial]:
    """Every example weighed by a fusion of the other folds."""
    everything = np.ones(len(m.examples), dtype=bool)
    fusions = [fuse(m, seen, m.fold != k if (m.fold != k).any() else everything) for k in range(FOLDS)]
    return [_trial(m, one, fusions[fold]) for one, fold in zip(seen, m.fold, strict=True)]


def _trial(m: Material, seen: Seen, fusion: Fusion) -> Trial:
    p = fusion.of_dispositions(seen)
    live, part = p[Disposition.IN_SCOPE], most_genuine_part(seen)
    return Trial(
        fusion=fusion,
        opinion=seen.opinion,
        live=live,
        held={c: fusion.of_category(seen.groups.get(c, ()), seen.opinion.categories[c], live) for c in m.categories},
        part=part,
        quiet=no_report(p[Disposition.NOT_A_REPORT], part),
    )


def judged(m: Material, trials: Sequence[Trial], at: Thresholds) -> list[Disposition]:
    """The verdicts on the examples by these thresholds, under a policy that excludes every category."""
    return [_judged(m, trials[i], at, i) for i in range(len(trials))]


def _judged(m: Material, trial: Trial, at: Thresholds, i: int) -> Disposition:
    every = Policy(name="training", title="", clauses=(Clause(id="all", text="all", categories=m.categories),))
    return decide(
        m.whole.reports[i], regions=m.whole.regions[i], evidence=m.whole.evidence[i], opinion=trial.opinion,
        fusion=trial.fusion, thresholds=at, acknowledgement=MISSING, policy=every, versions=NONE,
    ).disposition  # fmt: skip


# ------------------------------------------------------------------------------------------------ choosing


def choose(m: Material, trials: Sequence[Trial], budget: float) -> Thresholds:
    """`live`, `part`: the lowest at which at most LET_THROUGH of what is not genuine counts as genuine. `not_a_report`, in each
    language apart, and `clear`: where as much of what is genuine is lost as the budget allows, as no report or by a clause.
    """
    others = [t for t, is_live in zip(trials, m.is_a(Disposition.IN_SCOPE), strict=True) if not is_live]
    at = Thresholds(
        category=0.5,
        clear=0.0,
        live=min(0.5, _rare([t.live for t in others])),
        part=_rare([t.part for t in others]),
        not_a_report=0.5,
        not_a_report_short=0.5,
        not_a_report_other=0.5,
        incomplete=0.5,
    )
    wrong = frozenset(_wrong(m, trials, at))
    at = replace(
        at,
        not_a_report=_quiet(m, trials, budget, Tongue.MOST, wrong),
        not_a_report_short=_quiet(m, trials, budget, Tongue.SHORT, wrong),
        not_a_report_other=_quiet(m, trials, budget, Tongue.OTHER, wrong),
    )
    allowed = budget * sum(_counts(m, i) for i in _genuine(m))
    missed = set(_wrong(m, trials, at))  # whatever `clear` is
    cleared = [i for i in _wrong(m, trials, replace(at, clear=at.live)) if i not in missed]
    clear = sigmoid(affordable([(logit(trials[i].live), _counts(m, i)) for i in cleared], BY_CLAUSE * allowed))
    return replace(at, clear=min(at.live, clear))


def _quiet(m: Material, trials: Sequence[Trial], budget: float, tongue: Tongue, wrong: Collection[int]) -> float:
    """From where on a mail in this tongue counts as no report, so that the budget is lost; without examples, as by hand."""
    among = [i for i in _genuine(m) if Tongue.of(spoken(m.whole.reports[i], m.whole.regions[i])) is tongue]
    if not among:
        return Thresholds().no_report(tongue)
    lost = [(-logit(trials[i].quiet), _counts(m, i)) for i in among if i in wrong]
    return max(0.5, sigmoid(-affordable(lost, budget * sum(_counts(m, i) for i in among))))


def affordable(wrong: Sequence[tuple[float, float]], allowed: float) -> float:
    """The log-odds below which so many of these, each counted by its weight, stand; infinite where there are fewer.

    The mean over all that stand within one standard deviation of that count: which single one stands there is chance.
    """
    total, near, beyond = 0.0, [], math.inf
    for score, count in sorted(wrong):
        total += count
        if abs(total - allowed) <= allowed**0.5:
            near.append(score)
        if total > allowed:
            beyond = min(beyond, score)
    return float(np.mean(near)) if near and total > allowed else beyond


def _genuine(m: Material) -> list[int]:
    return [int(i) for i in np.flatnonzero(m.is_a(Disposition.IN_SCOPE))]


def _counts(m: Material, i: int) -> float:
    return RARE if m.examples[i].hidden else 1.0


def _wrong(m: Material, trials: Sequence[Trial], at: Thresholds) -> list[int]:
    """The genuine reports that these thresholds dismiss."""
    return [i for i in _genuine(m) if _judged(m, trials[i], at, i) in DISMISSALS]


def _rare(p: Sequence[float]) -> float:
    """What at most LET_THROUGH of these exceed."""
    ordered = sorted(p, reverse=True)
    return float(ordered[min(len(ordered) - 1, int(LET_THROUGH * len(ordered)))])
