"""How a model is made: examples in, a Learned and its report card out. The one place that imports scikit-learn to train."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.errors import ModelError, Problem
from classifiers.features import DIMENSIONS, features
from classifiers.learned import Learned
from classifiers.policy import Thresholds
from classifiers.regions import find_regions
from classifiers.terms import Disposition, Passage, Place, Report, report_key

FOLDS = 5
STRENGTH = 10.0  # C of the logistic regression: chosen by cross-validation on the corpus, see its README
FEWEST = 10  # examples of a label; fewer are said plainly
DISPOSITIONS = tuple(d.value for d in Disposition if d is not Disposition.NEEDS_REVIEW)
_KEYS = {"id", "subject", "body", "disposition", "categories", "lang", "voice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One text to learn from."""

    id: str
    subject: str
    body: str
    disposition: str
    categories: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCard:
    """How a model was made, and how well it did on folds it had not seen."""

    examples: int
    corpus: str  # digest
    false_dismissal: float
    recall: float
    macro_f1: float
    labels: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    too_few: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        return {
            "examples": self.examples, "corpus": self.corpus, "folds": FOLDS,
            "false_dismissal": round(self.false_dismissal, 4), "recall": round(self.recall, 4),
            "macro_f1": round(self.macro_f1, 4), "labels": {k: dict(v) for k, v in self.labels.items()},
            "too_few": list(self.too_few),
        }  # fmt: skip

    def as_text(self) -> str:
        lines = [
            f"{self.examples} examples (corpus {self.corpus}), {FOLDS}-fold cross-validation, the model alone:",
            f"  false dismissals {self.false_dismissal:.1%}   out-of-scope recall {self.recall:.1%}   macro F1 {self.macro_f1:.3f}",
        ]
        lines += [
            f"  {name:22} n {row['n']:4.0f}  precision {row['precision']:.2f}  recall {row['recall']:.2f}  F1 {row['f1']:.2f}"
            for name, row in self.labels.items()
        ]
        lines += [f"  {name}: fewer than {FEWEST} examples; do not rely on it" for name in self.too_few]
        return "\n".join(lines)


def read_corpus(folder: Path) -> Iterator[Example]:
    """The examples of every .jsonl in a folder. Raises ModelError naming every bad line by file and line."""
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    examples: list[Example] = []
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise ModelError(Problem(str(folder), "holds no .jsonl"))
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if not line.strip():
                continue
            where = f"{path.name} line {number}"
            example = _example(line)
            if isinstance(example, str):
                problems.append(Problem(where, example))
            elif example.id in seen:
                problems.append(Problem(where, f"id {example.id} stands already in {seen[example.id]}"))
            else:
                seen[example.id] = where
                examples.append(example)
    if problems:
        raise ModelError(*problems)
    return iter(examples)


def _example(line: str) -> Example | str:
    """The example on a line, or what is wrong with it."""
    try:
        data = json.loads(line)
    except ValueError:
        return "is no JSON"
    if not isinstance(data, dict) or not _KEYS - {"lang", "voice"} <= set(data) <= _KEYS:
        return f"needs the keys {', '.join(sorted(_KEYS))} and no others"
    if data["disposition"] not in DISPOSITIONS:
        return f"{data['disposition']!r} is no disposition; there are {', '.join(DISPOSITIONS)}"
    if not all(isinstance(data[k], str) for k in ("id", "subject", "body")) or not isinstance(data["categories"], list):
        return "id, subject and body are texts, categories a list"
    return Example(
        id=data["id"], subject=data["subject"], body=data["body"],
        disposition=data["disposition"], categories=tuple(data["categories"]),
    )  # fmt: skip


def report_of(example: Example) -> Report:
    """An example as a report: a subject and a body."""
    text = f"{example.subject}\n{example.body}".encode("utf-8", "replace")
    return Report(
        key=report_key(text),
        size=len(text),
        subject=example.subject,
        passages=(Passage(place=Place.SUBJECT, text=example.subject), Passage(place=Place.BODY, text=example.body)),
    )


def train(examples: Sequence[Example], *, seed: int, budget: float = 0.01) -> tuple[Learned, ReportCard]:
    """A model of all examples, with thresholds chosen on folds it had not seen for the false-dismissal budget.

    One logistic regression a label, both sides counting alike, then made a probability by Platt's method on the held-out
    scores. Raises ModelError where there is nothing to learn from.
    """
    from scipy.sparse import csr_matrix

    labels = (*sorted({c for e in examples for c in e.categories}), *DISPOSITIONS)
    rows = [features(r, find_regions(r, ())) for r in map(report_of, examples)]
    matrix = csr_matrix(
        (
            np.concatenate([r.value for r in rows]),
            np.concatenate([r.index for r in rows]),
            np.cumsum([0, *(len(r.index) for r in rows)]),
        ),
        shape=(len(rows), DIMENSIONS),
    )
    truth = np.array([[label == e.disposition or label in e.categories for label in labels] for e in examples])
    weight = np.array([e.weight for e in examples])
    counts = Counter({label: int(truth[:, i].sum()) for i, label in enumerate(labels)})
    if not all(0 < counts[d] < len(examples) for d in ("in_scope", "out_of_scope")):
        raise ModelError("a model needs examples that are in scope and examples that are out of scope")
    scores = _cross_validate(matrix, truth, weight, [e.id for e in examples], seed)
    steepness, shift = _calibrate(scores, truth)
    held_out = 1 / (1 + np.exp(-(scores * steepness + shift)))
    thresholds = _choose(held_out, truth, labels, budget)
    scale = _rarity(matrix)
    coef, bias = _fit(_scaled(matrix, scale), truth, weight)
    learned = Learned(
        labels=labels, scale=scale.astype(np.float32), weights=np.ascontiguousarray((coef * steepness[:, None]).T, dtype=np.float32),
        bias=(bias * steepness + shift).astype(np.float32), thresholds=thresholds, version="", card={},
    )  # fmt: skip
    return learned, _card(examples, labels, held_out, truth, thresholds=thresholds, counts=counts)


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


def _fit(matrix: Any, truth: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    """Weights and intercepts of one logistic regression a label, to so many digits that any machine finds the same."""
    from sklearn.linear_model import LogisticRegression

    coef = np.zeros((truth.shape[1], matrix.shape[1]))
    bias = np.full(truth.shape[1], -20.0)
    for i in range(truth.shape[1]):
        if truth[:, i].all() or not truth[:, i].any():
            continue  # a fold without this label: constant no
        model = LogisticRegression(
            C=STRENGTH, class_weight="balanced", tol=1e-9, max_iter=1000, solver="liblinear", intercept_scaling=5.0
        )
        model.fit(matrix, truth[:, i], sample_weight=weight)
        coef[i], bias[i] = model.coef_[0], model.intercept_[0]
    return coef, bias


def _cross_validate(
    matrix: Any, truth: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64], ids: Sequence[str], seed: int
) -> npt.NDArray[np.float64]:
    """Each example's scores, by a model that had not seen it. Folds by digest of the id: stable as the corpus grows."""
    fold = np.array([int(hashlib.sha256(f"{seed}:{i}".encode()).hexdigest()[:8], 16) % FOLDS for i in ids])
    out = np.zeros(truth.shape)
    for k in range(FOLDS):
        seen = fold != k
        if seen.all() or not seen.any():
            continue
        scale = _rarity(matrix[seen])
        coef, bias = _fit(_scaled(matrix[seen], scale), truth[seen], weight[seen])
        out[~seen] = _scaled(matrix[~seen], scale) @ coef.T + bias
    return out


def _calibrate(
    scores: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Steepness and shift that make each label's scores log-odds: a logistic regression on the score alone (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    steepness, shift = np.ones(scores.shape[1]), np.zeros(scores.shape[1])
    for i in range(scores.shape[1]):
        if truth[:, i].all() or not truth[:, i].any():
            continue
        curve = LogisticRegression(C=100.0, tol=1e-10, max_iter=200, solver="newton-cholesky")
        curve.fit(scores[:, [i]], truth[:, i])
        # A label whose held-out scores say nothing must not be turned upside down.
        steepness[i], shift[i] = max(0.0, curve.coef_[0, 0]), curve.intercept_[0]
    return steepness, shift


def _choose(
    p: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_], labels: Sequence[str], budget: float
) -> Thresholds:
    """Thresholds on held-out probabilities: `clear` for the budget of false dismissals, the others for at most as many."""
    at = {label: i for i, label in enumerate(labels)}
    live = truth[:, at["in_scope"]]
    categories = [i for i, label in enumerate(labels) if label not in DISPOSITIONS]
    category = 0.5
    named = p[:, categories].max(axis=1) >= category if categories else np.zeros(len(p), dtype=bool)
    dangerous = np.sort(p[live & named, at["in_scope"]])
    allowed = int(budget * live.sum())
    clear = float(dangerous[allowed]) if len(dangerous) > allowed else 0.5
    return Thresholds(
        category=category,
        clear=min(0.5, clear),
        not_a_report=_least(p[live, at["not_a_report"]], budget),
        incomplete=_least(p[live, at["incomplete"]], budget),
    )


def _least(of_live: npt.NDArray[np.float64], budget: float) -> float:
    """The lowest probability, at least a half, that no more than the budget's share of live reports reaches."""
    ordered = np.sort(of_live)[::-1]
    return max(0.5, float(ordered[min(len(ordered) - 1, int(budget * len(ordered)))]))


def _card(
    examples: Sequence[Example], labels: Sequence[str], p: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_],
    *, thresholds: Thresholds, counts: Mapping[str, int],
) -> ReportCard:  # fmt: skip
    at = {label: i for i, label in enumerate(labels)}
    categories = [i for i, label in enumerate(labels) if label not in DISPOSITIONS]
    said = p >= 0.5
    said[:, categories] = p[:, categories] >= thresholds.category
    dismissed = said[:, categories].any(axis=1) & (p[:, at["in_scope"]] <= thresholds.clear)
    live, out = truth[:, at["in_scope"]], truth[:, at["out_of_scope"]]
    rows = {label: _figures(said[:, i], truth[:, i]) for label, i in at.items()}
    digest = hashlib.sha256(
        "\n".join(sorted(f"{e.id}\t{e.subject}\t{e.body}\t{e.disposition}\t{e.categories}" for e in examples)).encode()
    )
    return ReportCard(
        examples=len(examples),
        corpus=digest.hexdigest()[:12],
        false_dismissal=float((dismissed & live).sum() / max(1, live.sum())),
        recall=float((dismissed & out).sum() / max(1, out.sum())),
        macro_f1=float(np.mean([rows[labels[i]]["f1"] for i in categories])) if categories else 0.0,
        labels=rows,
        too_few=tuple(label for label in labels if counts[label] < FEWEST),
    )


def _figures(said: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> dict[str, float]:
    hit = float((said & true).sum())
    return {
        "n": float(true.sum()),
        "precision": round(hit / max(1.0, float(said.sum())), 4),
        "recall": round(hit / max(1.0, float(true.sum())), 4),
        "f1": round(2 * hit / max(1.0, float(said.sum() + true.sum())), 4),
    }


def near_duplicates(examples: Iterable[Example], share: float = 0.6) -> list[tuple[str, str]]:
    """Pairs of texts that share more than that part of their five-word runs."""
    owners: dict[tuple[str, ...], list[str]] = {}
    size: dict[str, int] = {}
    shared: Counter[tuple[str, str]] = Counter()
    for example in examples:
        words = f"{example.subject} {example.body}".lower().split()
        runs = {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}
        size[example.id] = len(runs)
        for run in runs:
            for other in owners.setdefault(run, []):
                shared[other, example.id] += 1
            owners[run].append(example.id)
    return [pair for pair, n in shared.items() if n > share * min(size[pair[0]], size[pair[1]])]
