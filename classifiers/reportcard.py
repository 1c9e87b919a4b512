"""A new model's report card: how it was made, how well it did on folds it had not seen, and what that is against another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from classifiers.rates import Rate

FEWEST = 10  # examples of a label; fewer are said plainly
SLACK = {"false_dismissal": 0.005, "recall": -0.03, "macro_f1": -0.03}  # how much worse a figure may be by chance
FIGURES = {
    "false_dismissal": "false dismissals",
    "recall": "out-of-scope recall",
    "review": "to a person",
    "macro_f1": "macro F1",
}
HIDDEN = {"hidden_dismissed": "hidden, dismissed"}  # findings in mail of another kind, to be overlooked


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCard:
    """How a model was made, and how well it did on folds it had not seen."""

    examples: int
    corpus: str  # digest
    folds: int
    false_dismissal: float  # of findings that are not hidden in other mail
    recall: float
    review: float
    macro_f1: float
    labels: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    curve: Mapping[str, Sequence[Sequence[float]]] = field(
        default_factory=dict
    )  # reliability: mean, share true, how many
    precision_recall: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)  # recall, precision
    counted: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # the figures as so many of so many
    too_few: tuple[str, ...] = ()
    corrections: int = 0
    labelled: int = 0  # examples of the team's own history
    on_corpus: Mapping[str, float] = field(
        default_factory=dict
    )  # the figures there alone, where there are other examples
    on_own: Mapping[str, float] = field(default_factory=dict)  # and on those
    learned_from: tuple[str, ...] = ()  # the ids of the reports that people corrected
    hidden_dismissed: float = 0.0  # of findings that are hidden in other mail, to be overlooked

    def as_data(self) -> dict[str, Any]:
        own = {
            "corrections": self.corrections, "labelled": self.labelled, "on_corpus": _rounded(self.on_corpus),
            "on_own": _rounded(self.on_own), "learned_from": list(self.learned_from), "hidden_dismissed": round(self.hidden_dismissed, 4),
        }  # fmt: skip
        return {
            "examples": self.examples, "corpus": self.corpus, "folds": self.folds,
            "false_dismissal": round(self.false_dismissal, 4), "recall": round(self.recall, 4),
            "review": round(self.review, 4), "macro_f1": round(self.macro_f1, 4), "labels": {k: dict(v) for k, v in self.labels.items()},
            "curve": {k: [list(bin_) for bin_ in v] for k, v in self.curve.items()}, "too_few": list(self.too_few),
            "pr": {k: [list(point) for point in v] for k, v in self.precision_recall.items()},
            "counted": {k: list(v) for k, v in self.counted.items()},
        } | {k: v for k, v in own.items() if v}  # fmt: skip

    def as_text(self) -> str:
        lines = [
            f"{self.examples} examples (corpus {self.corpus}), {self.folds}-fold cross-validation, rules and model together:",
            *(
                f"  {n:22} {Rate(*self.counted[k])}"
                for k, n in (FIGURES | HIDDEN).items()
                if any(self.counted.get(k, ()))
            ),
            f"  {FIGURES['macro_f1']:22} {self.macro_f1:.3f}",
        ]
        lines += [
            f"  {name:22} n {row['n']:4.0f}  precision {row['precision']:.2f}  recall {row['recall']:.2f}  F1 {row['f1']:.2f}"
            for name, row in self.labels.items()
        ]
        lines += [f"  {name}: fewer than {FEWEST} examples; do not rely on it" for name in self.too_few]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure of the model in use and of a new one, both on the corpus; None where it is not known."""

    name: str
    before: float | None
    after: float

    def __str__(self) -> str:
        return f"{self.name:20} {'unknown' if self.before is None else f'{self.before:.1%}'} → {self.after:.1%}"


def moved(new: ReportCard, old: Mapping[str, Any]) -> tuple[Moved, ...]:
    """What changes from an old model's card to a new one's."""
    before, after = _yardstick(old), _yardstick(new.as_data())
    return tuple(Moved(name, _share(before.get(key)), float(after[key])) for key, name in FIGURES.items())


def worse(new: ReportCard, old: Mapping[str, Any]) -> tuple[str, ...]:
    """What a new model does worse than an old one by its card, a sentence each; none where it may take its place."""
    told = []
    old_figures, new_figures = _yardstick(old), _yardstick(new.as_data())
    for figure, slack in SLACK.items():
        before, after = _share(old_figures.get(figure)), new_figures[figure]
        if before is not None and (after > before + slack if slack > 0 else after < before + slack):
            told.append(f"{figure.replace('_', ' ')} was {before:.1%} and would be {after:.1%}")
    return tuple(told)


def _yardstick(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """A card's figures on the corpus alone: a team's own examples may be harder, and that is no fault of the model."""
    figures = card.get("on_corpus")
    return figures if isinstance(figures, Mapping) and figures else card


def _share(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}
