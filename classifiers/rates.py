"""Shares and counts of right answers, each with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

Z = 1.96  # two-sided 95 %


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its Wilson interval (E. B. Wilson, JASA 22, 1927)."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        if not self.whole:
            return (0.0, 1.0)
        n, p = self.whole, self.value
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return (max(0.0, middle - half), min(1.0, middle + half))

    def as_data(self) -> dict[str, Any]:
        value = self.value if self.whole else None
        return {"value": value, "part": self.part, "whole": self.whole, "interval": self.interval}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:6.1%}  ({self.part} of {self.whole}; {low:.1%} to {high:.1%})" if self.whole else "   none"


@dataclass(frozen=True, slots=True)
class Counts:
    """How often one label was rightly said, wrongly said, and not said."""

    hits: int
    false_alarms: int
    misses: int

    @property
    def precision(self) -> Rate:
        return Rate(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> Rate:
        return Rate(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        return _f1(self._overlap.value)

    @property
    def f1_interval(self) -> tuple[float, float]:
        low, high = self._overlap.interval
        return _f1(low), _f1(high)

    @property
    def f1_told(self) -> str:
        low, high = self.f1_interval
        return "none" if math.isnan(self.f1) else f"{self.f1:.3f} ({low:.3f} to {high:.3f})"

    @property
    def _overlap(self) -> Rate:
        # F1 is no share of anything, but rises with one: the hits among all that were said or true. Its interval is theirs.
        return Rate(self.hits, self.hits + self.false_alarms + self.misses)

    def as_data(self) -> dict[str, Any]:
        return {
            "hits": self.hits, "false_alarms": self.false_alarms, "misses": self.misses,
            "precision": self.precision.as_data(), "recall": self.recall.as_data(),
            "f1": {"value": None if math.isnan(self.f1) else self.f1, "interval": self.f1_interval},
        }  # fmt: skip

    def __str__(self) -> str:
        return f"precision {self.precision}   recall {self.recall}   F1 {self.f1_told}"


def _f1(overlap: float) -> float:
    return 2 * overlap / (1 + overlap)
