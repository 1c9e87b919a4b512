"""How well a new model does, counted on the folds that it had not seen."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from classifiers.curves import precision_recall, reliability
from classifiers.examples import DISPOSITIONS, Origin
from classifiers.material import FOLDS, Material
from classifiers.reportcard import FEWEST, ReportCard
from classifiers.stacking import Trial
from classifiers.terms import DISMISSALS, Disposition

DRAWN = 50  # steps of recall, of each of which a curve keeps a point; more look the same


def count(m: Material, said: Sequence[Disposition], trials: Sequence[Trial]) -> ReportCard:
    """The card of a model, by what was `said` of its examples on folds that it had not seen."""
    everything = np.ones(len(m.examples), dtype=bool)
    origins = Counter(e.origin for e in m.examples)
    corpus = np.array([e.origin is Origin.CORPUS for e in m.examples])
    mixed = corpus.any() and not corpus.all()
    rows = _rows(m, said, trials, everything)
    counted = _counted(m, said, everything)
    probable = _probable(m, trials)
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
        curve={label: [_rounded(b) for b in reliability(pairs)] for label, pairs in probable.items()},
        precision_recall={label: _drawn(pairs) for label, pairs in probable.items()},
        counted=counted,
        too_few=tuple(label for label in m.labels if m.is_a(label).sum() < FEWEST),
        corrections=origins[Origin.CORRECTION],
        labelled=origins[Origin.LABELLED],
        on_corpus=_shares(m, said, _rows(m, said, trials, corpus), corpus) if mixed else {},
        on_own=_shares(m, said, _rows(m, said, trials, ~corpus), ~corpus) if mixed else {},
        learned_from=tuple(e.said.report for e in m.examples if e.said),
        hidden_dismissed=_share(counted["hidden_dismissed"]),
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
    f1 = [rows[c]["f1"] for c in m.categories if rows[c]["n"]]
    counted = _counted(m, said, of)
    shares = {figure: _share(counted[figure]) for figure in ("false_dismissal", "recall", "review")}
    return shares | {"macro_f1": float(np.mean(f1)) if f1 else 0.0}


def _counted(m: Material, said: Sequence[Disposition], of: npt.NDArray[np.bool_]) -> dict[str, tuple[int, int]]:
    """Of how many examples marked in `of` how many are so."""
    hidden = np.array([e.hidden for e in m.examples])
    live, out = m.is_a("in_scope") & of, m.is_a("out_of_scope") & of
    dismissed = np.array([s in DISMISSALS for s in said])
    excluded, reviewed = (
        np.array([s is d for s in said]) for d in (Disposition.OUT_OF_SCOPE, Disposition.NEEDS_REVIEW)
    )
    return {
        "false_dismissal": _among(live & ~hidden, dismissed),
        "recall": _among(out, excluded),
        "review": _among(of, reviewed),
        "hidden_dismissed": _among(live & hidden, dismissed),
    }


def _among(these: npt.NDArray[np.bool_], such: npt.NDArray[np.bool_]) -> tuple[int, int]:
    return int((these & such).sum()), int(these.sum())


def _share(counted: tuple[int, int]) -> float:
    return counted[0] / max(1, counted[1])


def _probable(m: Material, trials: Sequence[Trial]) -> dict[str, list[tuple[float, bool]]]:
    """Of what a probability was said: that, and whether it is so, for each example where somebody knows."""
    told = {
        c: [(t.held[c], bool(true)) for t, true, known in zip(trials, m.is_a(c), m.known[:, n], strict=True) if known]
        for n, c in enumerate(m.categories)
    }
    live = [(t.live, bool(true)) for t, true in zip(trials, m.is_a("in_scope"), strict=True)]
    quiet = [(t.quiet, bool(true)) for t, true in zip(trials, m.is_a("not_a_report"), strict=True)]
    return {"in_scope": live, "not_a_report": quiet} | told


def _drawn(pairs: Sequence[tuple[float, bool]]) -> list[list[float]]:
    """The curve of recall and precision, by the first of its points on each step of recall."""
    kept: dict[int, list[float]] = {}
    for recall, precision in precision_recall(pairs, sum(true for _, true in pairs)):
        kept.setdefault(int(recall * DRAWN), _rounded((recall, precision)))
    return list(kept.values())


def _rounded(numbers: Sequence[float]) -> list[float]:
    return [round(float(x), 4) for x in numbers]


def _figures(said: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> dict[str, float]:
    hit = float((said & true).sum())
    return {
        "n": float(true.sum()),
        "precision": round(hit / max(1.0, float(said.sum())), 4),
        "recall": round(hit / max(1.0, float(true.sum())), 4),
        "f1": round(2 * hit / max(1.0, float(said.sum() + true.sum())), 4),
    }
