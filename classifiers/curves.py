"""Curves of probabilities held against what is true, as points to draw."""

from __future__ import annotations

from collections.abc import Iterable

BINS = 10

Bin = tuple[float, float, int]  # mean probability, share that is true, how many
Point = tuple[float, float]  # recall, precision


def reliability(pairs: Iterable[tuple[float, bool]], bins: int = BINS) -> tuple[Bin, ...]:
    """Pairs of probability and truth in bins of equal width; empty ones are left out."""
    held: dict[int, list[tuple[float, bool]]] = {}
    for p, true in pairs:
        held.setdefault(min(bins - 1, int(p * bins)), []).append((p, true))
    return tuple(
        (sum(p for p, _ in inside) / len(inside), sum(true for _, true in inside) / len(inside), len(inside))
        for _, inside in sorted(held.items())
    )


def precision_recall(pairs: Iterable[tuple[float, bool]], positives: int) -> tuple[Point, ...]:
    """One point for each score as a threshold, from the highest down; none where nothing is positive.

    `positives` counts those too that have no score: the curve then ends before full recall.
    """
    ordered = sorted(pairs, reverse=True)
    points: list[Point] = []
    hits = 0
    for said, (score, true) in enumerate(ordered, 1):
        hits += true
        last_of_its_score = said == len(ordered) or ordered[said][0] != score
        if positives and last_of_its_score:
            points.append((hits / positives, hits / said))
    return tuple(points)
