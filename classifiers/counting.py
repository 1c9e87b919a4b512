"""How well a new model does, counted on the folds that it had not seen."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from classifiers.examples import DISPOSITIONS, Origin
from classifiers.material import FOLDS, Material
from classifiers.reportcard import FEWEST, ReportCard
from classifiers.stacking import Trial
from classifiers.terms import DISMISSALS, Disposition


def count(m: Material, said: Sequence[Disposition], trials: Sequence[Trial]) -> ReportCard:
    """The card of a model, by what was `said` of its examples on folds that it had not seen."""
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
        hidden_dismissed=_hidden_dismissed(m, said),
    )


def _rows(
    m: Material, said: Sequence[Disposition], trials: Sequence[Trial], of: npt.NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """The figures a label, counted on the examples marked in `of`."""
    rows = {}
    for n, c in enumerate(m.categories):
        known = of & m.known[:, n]
        rows[c] = _figures(np.array([t.held[c] >= 0.5 for t in trials])[known], m.is_a(c)[known])
    return rows | {d: _figures(np.array([s.value == d for s in said])[of], m.is_a(d)[of]) for d in DISPOSITIONS}


def _shares(
    m: Material, said: Sequence[Disposition], rows: Mapping[str, Mapping[str, float]], of: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """The figures of the whole, likewise."""
    hidden = np.array([e.hidden for e in m.examples])
    live, out = m.is_a("in_scope") & of & ~hidden, m.is_a("out_of_scope") & of
    called = {d: np.array([s is d for s in said]) for d in Disposition}
    dismissed = np.array([s in DISMISSALS for s in said])
    f1 = [rows[c]["f1"] for c in m.categories if rows[c]["n"]]
    return {
        "false_dismissal": float((dismissed & live).sum() / max(1, live.sum())),
        "recall": float((called[Disposition.OUT_OF_SCOPE] & out).sum() / max(1, out.sum())),
        "review": float(called[Disposition.NEEDS_REVIEW][of].mean()),
        "macro_f1": float(np.mean(f1)) if f1 else 0.0,
    }


def _hidden_dismissed(m: Material, said: Sequence[Disposition]) -> float:
    """How many of the findings that hide in other mail are dismissed."""
    dismissed = [s in DISMISSALS for e, s in zip(m.examples, said, strict=True) if e.hidden]
    return float(np.mean(dismissed)) if dismissed else 0.0


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
