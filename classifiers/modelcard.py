"""A model's card, read with care: it comes out of a file, and later versions may add to it or leave things out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from classifiers.curves import Bin, Point
from classifiers.rates import Counts, Rate
from classifiers.reportcard import FIGURES, HIDDEN

Z_NOTE = "95 % intervals by Wilson; F1's follow from the share it rises with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a model's card holds, as far as it can be read."""

    whole: Mapping[str, Any]  # as it stands in the file
    facts: Mapping[str, str]  # examples, corpus, folds …
    rates: Mapping[str, Rate]  # the figures of the whole by name, cross-validated like all that follows
    labels: Mapping[str, Counts]
    reliability: Mapping[str, tuple[Bin, ...]]
    precision_recall: Mapping[str, tuple[Point, ...]]
    learned_from: frozenset[str]  # the ids of reports that people corrected

    def as_text(self) -> str:
        """The figures of the whole and a label, for people."""
        lines = [f"  {name:24} {rate}" for name, rate in self.rates.items()]
        lines += [f"  {label:24} n {c.recall.whole:4}  {c}" for label, c in self.labels.items()]
        return "\n".join([*lines, f"  ({Z_NOTE})"] if lines else ["  no figures a label"])

    def as_data(self) -> dict[str, Any]:
        """The card as it stands, and beside it the figures a label with their intervals."""
        return {**self.whole, "measured": {label: counts.as_data() for label, counts in self.labels.items()}}


def read_card(card: Any) -> Card:
    """Whatever of a card has the shape it should have; the rest is passed over."""
    card = card if isinstance(card, Mapping) else {}
    counted = {str(label): _counts(row) for label, row in _items(card.get("labels"))}
    whole = card.get("counted")
    rates = {key: _rate(whole.get(key)) for key in (*FIGURES, *HIDDEN)} if isinstance(whole, Mapping) else {}
    told = {key: rate for key, rate in rates.items() if rate is not None}
    return Card(
        whole=card,
        facts={str(k): str(v)[:200] for k, v in card.items() if isinstance(v, str | int | float) and k not in told},
        rates={(FIGURES | HIDDEN)[key]: rate for key, rate in told.items()},
        labels={label: counts for label, counts in counted.items() if counts is not None},
        reliability={str(k): tuple((p, s, int(n)) for p, s, n in _rows(v, 3)) for k, v in _items(card.get("curve"))},
        precision_recall={str(k): tuple((r, p) for r, p in _rows(v, 2)) for k, v in _items(card.get("pr"))},
        learned_from=frozenset(str(x) for x in _list(card.get("learned_from"))),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _items(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []


def _number(value: Any) -> float | None:
    """A number from nothing to a thousand million, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
        return None
    return float(value)


def _rows(value: Any, width: int) -> list[list[float]]:
    """The rows of so many numbers, the first two of them shares."""
    found = []
    for row in _list(value):
        numbers = [_number(x) for x in row] if isinstance(row, list) else []
        clean = [x for x in numbers if x is not None]
        if len(clean) == len(numbers) == width and max(clean[:2]) <= 1:
            found.append(clean)
    return found


def _rate(value: Any) -> Rate | None:
    """So many of so many."""
    numbers = [_number(x) for x in _list(value)]
    part, whole = numbers if len(numbers) == 2 else (None, None)
    return Rate(int(part), int(whole)) if part is not None and whole is not None and part <= whole else None


def _counts(row: Any) -> Counts | None:
    """The counts that shares were made of: hits from recall, what was said from precision."""
    if not isinstance(row, Mapping):
        return None
    n, precision, recall = (_number(row.get(k)) for k in ("n", "precision", "recall"))
    if n is None or precision is None or recall is None or max(precision, recall) > 1:
        return None
    hits = round(recall * n)
    said = round(hits / precision) if precision else 0  # without a hit nobody knows how often it was said
    return Counts(hits, max(0, said - hits), max(0, round(n) - hits))
