"""How a model is made: examples in, a Learned and its report card out. The one place that imports scikit-learn to train."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.errors import ModelError
from classifiers.examples import DISPOSITIONS, Example, Origin, near_duplicates, report_of
from classifiers.features import DIMENSIONS, Features, features
from classifiers.fusion import DISPOSITIONS as FUSED
from classifiers.fusion import Fusion, is_worth_taking_apart, most_genuine, of_category, of_report
from classifiers.learned import Learned
from classifiers.parts import find_parts
from classifiers.policy import Clause, Policy, Thresholds, decide, grouped, head_of
from classifiers.regions import Region, find_regions
from classifiers.reportcard import FEWEST, ReportCard
from classifiers.rulebook import Rulebook
from classifiers.terms import (
    DISMISSALS,
    Acknowledgement,
    AcknowledgementState,
    Disposition,
    Evidence,
    Opinion,
    Report,
    Span,
    Versions,
)

FOLDS = 5
STRENGTH = 10.0  # C of the logistic regression: chosen by cross-validation on the corpus, see its README
SHRUNK = 0.005  # C of the fusion: strong, so that it leans on no single number; see `fusion`
LET_THROUGH = 0.03  # of what is not genuine may count as genuine: it costs a person a minute each
ALIKE = 0.3  # shared five-word runs from which two examples are kept in one fold


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """The examples as numbers, and as the rules see them."""

    examples: Sequence[Example]
    labels: tuple[str, ...]
    truth: npt.NDArray[np.bool_]  # examples x labels
    known: npt.NDArray[np.bool_]  # examples x labels: where somebody said whether the label applies
    weight: npt.NDArray[np.float64]
    matrix: Any  # examples x DIMENSIONS
    headlines: Any  # the same of their subjects alone
    parts: Any  # all examples' parts x DIMENSIONS
    owner: npt.NDArray[np.int64]  # the example of each part
    spans: Sequence[Span]
    reports: Sequence[Report]
    regions: Sequence[tuple[Region, ...]]
    evidence: Sequence[tuple[Evidence, ...]]
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


def train(
    examples: Sequence[Example], rulebook: Rulebook, *, seed: int, budget: float = 0.01
) -> tuple[Learned, ReportCard]:
    """A model of all examples, and how rules and model are weighed together, with thresholds for the false-dismissal budget.

    One logistic regression a label, both sides counting alike, made a probability by Platt's method; then the fusion. Both
    are fitted on scores of folds that the words' weights had not seen, and the thresholds are chosen on verdicts of folds
    that neither had seen. Raises ModelError where there is nothing to learn from.
    """
    m = _material(examples, rulebook, seed)
    if not all(0 < m.is_a(d).sum() < len(examples) for d in ("in_scope", "out_of_scope")):
        raise ModelError("a model needs examples that are in scope and examples that are out of scope")
    scores, of_parts, by_subject = _cross_validate(m)
    steepness, shift = _calibrate(scores, m.truth, m.known)
    (steep,), (moved,) = _calibrate(by_subject, m.live, m.sure)
    opinions = _opinions(
        m,
        _sigmoid(scores * steepness + shift),
        _sigmoid(of_parts * steepness + shift),
        _sigmoid(by_subject[:, 0] * steep + moved),
    )
    trials = _trials(m, opinions)
    thresholds = _choose(m, opinions, trials, budget)
    scale = _rarity(m.matrix)
    coef, bias = _fit(_scaled(m.matrix, scale), m.truth, m.known, m.weight)
    subject, base = _fit(_scaled(m.headlines, scale), m.live, m.sure, m.weight)
    learned = Learned(
        labels=m.labels, scale=scale.astype(np.float32), weights=np.ascontiguousarray((coef * steepness[:, None]).T, dtype=np.float32),
        bias=(bias * steepness + shift).astype(np.float32),
        headline=np.append(subject[0] * steep, base * steep + moved).astype(np.float32), thresholds=thresholds, fusion=_fuse(m, opinions, np.ones(len(examples), dtype=bool)),
        version="", card={},
    )  # fmt: skip
    return learned, _card(m, _judged(m, opinions, trials, thresholds), trials)


def _material(examples: Sequence[Example], rulebook: Rulebook, seed: int) -> _Material:
    labels = (*sorted({c for e in examples for c in e.categories}), *DISPOSITIONS)
    known = frozenset(labels) - frozenset(DISPOSITIONS)
    reports = [report_of(e) for e in examples]
    regions = [find_regions(r, ()) for r in reports]
    seen = [features(r, g) for r, g in zip(reports, regions, strict=True)]
    parts = [(i, part) for i, (r, g) in enumerate(zip(reports, regions, strict=True)) for part in find_parts(r, g)]
    return _Material(
        examples=examples,
        labels=labels,
        truth=np.array([[label == e.disposition or label in e.categories for label in labels] for e in examples]),
        known=np.array([[label in DISPOSITIONS or e.says_categories for label in labels] for e in examples]),
        weight=np.array([e.weight for e in examples]),
        matrix=_matrix(seen),
        headlines=_matrix([f.of_subject() for f in seen]),
        parts=_matrix([features(part.as_report(), ()) for _, part in parts]),
        owner=np.array([i for i, _ in parts], dtype=np.int64),
        spans=[part.span for _, part in parts],
        reports=reports,
        regions=regions,
        evidence=[rulebook.weigh_for(r, g, known) for r, g in zip(reports, regions, strict=True)],
        fold=_folds(examples, seed),
    )


def _matrix(rows: Sequence[Features]) -> Any:
    from scipy.sparse import csr_matrix

    if not rows:
        return csr_matrix((0, DIMENSIONS))
    return csr_matrix(
        (
            np.concatenate([r.value for r in rows]),
            np.concatenate([r.index for r in rows]),
            np.cumsum([0, *(len(r.index) for r in rows)]),
        ),
        shape=(len(rows), DIMENSIONS),
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


def _sigmoid(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    p: npt.NDArray[np.float64] = 1 / (1 + np.exp(-x))
    return p


def _opinions(
    m: _Material, p: npt.NDArray[np.float64], of_parts: npt.NDArray[np.float64], by_subject: npt.NDArray[np.float64]
) -> list[Opinion]:
    """What the model says of each example and of its parts, as `Learned.opine` would."""
    parts: dict[int, list[tuple[Span, dict[str, float]]]] = {}
    for owner, span, row in zip(m.owner, m.spans, of_parts, strict=True):
        parts.setdefault(int(owner), []).append((span, _named(m.labels, row)))
    return [
        Opinion(
            categories={k: v for k, v in _named(m.labels, row).items() if k not in DISPOSITIONS},
            dispositions={k: v for k, v in _named(m.labels, row).items() if k in DISPOSITIONS},
            headline=float(by_subject[i]),
            parts=tuple(parts.get(i, ())) if is_worth_taking_apart(_named(m.labels, row)) else (),
        )
        for i, row in enumerate(p)
    ]


def _named(labels: Sequence[str], row: npt.NDArray[np.float64]) -> dict[str, float]:
    return {label: float(x) for label, x in zip(labels, row, strict=True)}


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


def _fit(
    matrix: Any, truth: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64]
) -> tuple[Any, Any]:
    """Weights and intercepts of one logistic regression a label, where it is known, to so many digits that any machine finds
    the same.
    """
    from sklearn.linear_model import LogisticRegression

    coef = np.zeros((truth.shape[1], matrix.shape[1]))
    bias = np.full(truth.shape[1], -20.0)
    for i in range(truth.shape[1]):
        rows = known[:, i]
        true = truth[rows, i]
        if true.all() or not true.any():
            continue  # a fold without this label: constant no
        model = LogisticRegression(
            C=STRENGTH, class_weight="balanced", tol=1e-9, max_iter=1000, solver="liblinear", intercept_scaling=5.0
        )
        model.fit(matrix[rows], true, sample_weight=weight[rows])
        coef[i], bias[i] = model.coef_[0], model.intercept_[0]
    return coef, bias


def _cross_validate(
    m: _Material,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Each example's scores, each part's, and each subject's of being in scope, by a model that had not seen it."""
    out, of_parts, by_subject = np.zeros(m.truth.shape), np.zeros((len(m.spans), len(m.labels))), np.zeros(m.live.shape)
    for k in range(FOLDS):
        seen = m.fold != k
        if seen.all() or not seen.any():
            continue
        scale = _rarity(m.matrix[seen])
        coef, bias = _fit(_scaled(m.matrix[seen], scale), m.truth[seen], m.known[seen], m.weight[seen])
        out[~seen] = _scaled(m.matrix[~seen], scale) @ coef.T + bias
        theirs = ~seen[m.owner]
        of_parts[theirs] = _scaled(m.parts[theirs], scale) @ coef.T + bias
        coef, bias = _fit(_scaled(m.headlines[seen], scale), m.live[seen], m.sure[seen], m.weight[seen])
        by_subject[~seen] = _scaled(m.headlines[~seen], scale) @ coef.T + bias
    return out, of_parts, by_subject


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


# ------------------------------------------------------------------------------------------------ rules and model together


def _fuse(m: _Material, opinions: Sequence[Opinion], seen: npt.NDArray[np.bool_]) -> Fusion:
    """The fusion's weights, fitted on the examples marked in `seen`."""
    from sklearn.linear_model import LogisticRegression

    which = [int(i) for i in np.flatnonzero(seen)]
    told_of = [i for i in which if m.examples[i].says_categories]
    numbers = [of_category(e, p) for i in told_of for e, p in _seen(m, opinions, i).values()]
    held = LogisticRegression(C=10.0, tol=1e-10, max_iter=200, solver="newton-cholesky")
    held.fit(np.array(numbers), np.array([m.is_a(c)[i] for i in told_of for c in m.categories]))
    category = (*map(float, held.coef_[0]), float(held.intercept_[0]))
    told = np.array([_numbers(m, opinions, i) for i in which])
    middle, spread = told.mean(axis=0), told.std(axis=0) + 1e-9
    joint = LogisticRegression(C=SHRUNK, tol=1e-10, max_iter=500, solver="newton-cg")
    truth = np.array([m.examples[i].disposition for i in which])
    joint.fit((told - middle) / spread, truth)
    sure = _steepness(joint.decision_function((told - middle) / spread), joint.classes_, truth)
    rows = {
        str(d): (*map(float, w * sure), float(b * sure))
        for d, w, b in zip(joint.classes_, joint.coef_, joint.intercept_, strict=True)
    }
    never = (*([0.0] * told.shape[1]), -30.0)
    return Fusion(
        category=category, middle=tuple(map(float, middle)), spread=tuple(map(float, spread)),
        dispositions=tuple(rows.get(d.value, never) for d in FUSED),
    )  # fmt: skip


def _seen(m: _Material, opinions: Sequence[Opinion], i: int) -> dict[str, tuple[list[Evidence], float]]:
    """What rules and model saw of each category in an example."""
    mine = {c: [e for e in m.evidence[i] if e.category == c] for c in m.categories}
    return {c: (e, opinions[i].categories[c]) for c, e in mine.items()}


def _numbers(m: _Material, opinions: Sequence[Opinion], i: int) -> list[float]:
    return of_report(
        m.reports[i],
        head_of(m.reports[i], m.regions[i]),
        grouped(m.reports[i], m.evidence[i]),
        opinions[i],
        m.categories,
    )


def _steepness(scores: npt.NDArray[np.float64], classes: npt.NDArray[np.str_], truth: npt.NDArray[np.str_]) -> float:
    """By how much shrunk scores must be stretched to be log-odds again: where the likelihood is greatest."""
    from scipy.optimize import minimize_scalar

    right = np.searchsorted(classes, truth)

    def loss(stretch: float) -> float:
        stretched = scores * stretch
        top = stretched.max(axis=1)
        every = top + np.log(np.exp(stretched - top[:, None]).sum(axis=1))
        return float((every - stretched[np.arange(len(right)), right]).mean())

    return float(minimize_scalar(loss, bounds=(0.1, 20.0), method="bounded", options={"xatol": 1e-9}).x)


@dataclass(frozen=True, slots=True)
class _Trial:
    """An example as judged by a fusion that had not seen it."""

    fusion: Fusion
    live: float  # probability of in_scope
    held: Mapping[str, float]  # of each category
    part: float  # the most genuine part's
    quiet: float  # probability of not_a_report


def _trials(m: _Material, opinions: Sequence[Opinion]) -> list[_Trial]:
    whole = np.ones(len(m.examples), dtype=bool)
    fusions = [_fuse(m, opinions, m.fold != k if (m.fold != k).any() else whole) for k in range(FOLDS)]
    trials = []
    for i, report in enumerate(m.reports):
        fusion, groups = fusions[m.fold[i]], grouped(report, m.evidence[i])
        held = {c: fusion.of_category(e, p) for c, (e, p) in _seen(m, opinions, i).items()}
        p = fusion.of_dispositions(report, head_of(report, m.regions[i]), groups, opinions[i], m.categories)
        trials.append(
            _Trial(fusion, p[Disposition.IN_SCOPE], held, most_genuine(opinions[i]), p[Disposition.NOT_A_REPORT])
        )
    return trials


def _judged(m: _Material, opinions: Sequence[Opinion], trials: Sequence[_Trial], at: Thresholds) -> list[Disposition]:
    """The verdicts on the examples by these thresholds, under a policy that excludes every category."""
    every = Policy(name="training", title="", clauses=(Clause(id="all", text="all", categories=m.categories),))
    return [
        decide(
            report, regions=m.regions[i], evidence=m.evidence[i], opinion=opinions[i], thresholds=at, policy=every,
            acknowledgement=Acknowledgement(state=AcknowledgementState.MISSING),
            versions=Versions(rules="", model="", policy=""), fusion=trials[i].fusion,
        ).disposition
        for i, report in enumerate(m.reports)
    ]  # fmt: skip


def _choose(m: _Material, opinions: Sequence[Opinion], trials: Sequence[_Trial], budget: float) -> Thresholds:
    """`part` and `live`: the lowest at which at most LET_THROUGH of what is not genuine counts as genuine. `not_a_report`: the
    lowest at which it takes a quarter of the budget. `clear`: the highest at which the rest is not exceeded.
    """
    live = m.is_a("in_scope")
    others = [t for t, is_live in zip(trials, live, strict=True) if not is_live]
    most = _rare([t.live for t in others])
    at = Thresholds(
        category=0.5,
        clear=0.0,
        live=min(0.5, most),
        part=_rare([t.part for t in others]),
        not_a_report=0.5,
        incomplete=0.5,
    )
    quiet = sorted((t.quiet for t in _wrong(m, opinions, trials, at)), reverse=True)
    allowed = int(budget * live.sum())
    if len(quiet) > allowed // 4:
        at = replace(at, not_a_report=max(0.5, quiet[allowed // 4] + 1e-6))
    missed = {id(t) for t in _wrong(m, opinions, trials, at)}  # whatever `clear` is
    wrong = sorted(t.live for t in _wrong(m, opinions, trials, replace(at, clear=0.5)) if id(t) not in missed)
    left = allowed - len(missed)
    return replace(at, clear=min(at.live, max(0.0, wrong[left] - 1e-6)) if len(wrong) > left else at.live)


def _wrong(m: _Material, opinions: Sequence[Opinion], trials: Sequence[_Trial], at: Thresholds) -> list[_Trial]:
    """The genuine reports that these thresholds dismiss."""
    said = _judged(m, opinions, trials, at)
    return [t for t, d, is_live in zip(trials, said, m.is_a("in_scope"), strict=True) if is_live and d in DISMISSALS]


def _rare(p: Sequence[float]) -> float:
    """What at most LET_THROUGH of these exceed."""
    ordered = sorted(p, reverse=True)
    return float(ordered[min(len(ordered) - 1, int(LET_THROUGH * len(ordered)))])


def _card(m: _Material, said: Sequence[Disposition], trials: Sequence[_Trial]) -> ReportCard:
    everything = np.ones(len(m.examples), dtype=bool)
    origins = Counter(e.origin for e in m.examples)
    corpus = np.array([e.origin is Origin.CORPUS for e in m.examples])
    mixed = corpus.any() and not corpus.all()
    rows = _rows(m, said, trials, everything)
    digest = hashlib.sha256(
        "\n".join(
            sorted(f"{e.id}\t{e.subject}\t{e.body}\t{e.disposition}\t{e.categories}" for e in m.examples)
        ).encode()
    )
    return ReportCard(
        examples=len(m.examples),
        corpus=digest.hexdigest()[:12],
        folds=FOLDS,
        **_shares(m, said, rows, everything),
        labels=rows,
        curve={"in_scope": _reliability([t.live for t in trials], m.is_a("in_scope"))},
        too_few=tuple(label for label in m.labels if m.is_a(label).sum() < FEWEST),
        corrections=origins[Origin.CORRECTION],
        labelled=origins[Origin.LABELLED],
        on_corpus=_shares(m, said, _rows(m, said, trials, corpus), corpus) if mixed else {},
        on_own=_shares(m, said, _rows(m, said, trials, ~corpus), ~corpus) if mixed else {},
        learned_from=tuple(e.said.report for e in m.examples if e.said),
    )


def _rows(
    m: _Material, said: Sequence[Disposition], trials: Sequence[_Trial], of: npt.NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """The figures a label, counted on the examples marked in `of`."""
    rows = {}
    for n, c in enumerate(m.categories):
        known = of & m.known[:, n]
        rows[c] = _figures(np.array([t.held[c] >= 0.5 for t in trials])[known], m.is_a(c)[known])
    return rows | {d: _figures(np.array([s.value == d for s in said])[of], m.is_a(d)[of]) for d in DISPOSITIONS}


def _shares(
    m: _Material, said: Sequence[Disposition], rows: Mapping[str, Mapping[str, float]], of: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """The figures of the whole, likewise."""
    live, out = m.is_a("in_scope") & of, m.is_a("out_of_scope") & of
    called = {d: np.array([s is d for s in said]) for d in Disposition}
    dismissed = np.array([s in DISMISSALS for s in said])
    f1 = [rows[c]["f1"] for c in m.categories if rows[c]["n"]]
    return {
        "false_dismissal": float((dismissed & live).sum() / max(1, live.sum())),
        "recall": float((called[Disposition.OUT_OF_SCOPE] & out).sum() / max(1, out.sum())),
        "review": float(called[Disposition.NEEDS_REVIEW][of].mean()),
        "macro_f1": float(np.mean(f1)) if f1 else 0.0,
    }


def _reliability(p: Sequence[float], true: npt.NDArray[np.bool_]) -> list[list[float]]:
    """Ten bins: mean probability, share that is true, how many."""
    ordered = np.array(p)
    bins = np.minimum((ordered * 10).astype(int), 9)
    return [
        [round(float(ordered[bins == b].mean()), 4), round(float(true[bins == b].mean()), 4), int((bins == b).sum())]
        for b in range(10)
        if (bins == b).any()
    ]


def _figures(said: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> dict[str, float]:
    hit = float((said & true).sum())
    return {
        "n": float(true.sum()),
        "precision": round(hit / max(1.0, float(said.sum())), 4),
        "recall": round(hit / max(1.0, float(true.sum())), 4),
        "f1": round(2 * hit / max(1.0, float(said.sum() + true.sum())), 4),
    }
