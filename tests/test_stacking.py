"""Where thresholds stand for a budget."""

from __future__ import annotations

import math

import pytest

from classifiers.stacking import affordable


def test_a_threshold_stands_where_the_budget_is_used_up() -> None:
    """Within one standard deviation of the count, so that no single text moves it far; a text that is rare moves it less."""
    wrong = [(float(n), 1.0) for n in range(30)]

    assert affordable(wrong, 9.0) == pytest.approx(8.0)  # the 6th to the 12th
    assert affordable([*wrong[:8], (20.5, 1.0), *wrong[9:]], 9.0) < 10.0
    assert affordable([(score, 0.1) for score, _ in wrong], 1.0) > affordable(wrong, 1.0)


def test_without_as_many_wrong_ones_as_allowed_nothing_is_held_back() -> None:
    """Then the threshold is wherever else it must be."""
    assert affordable([(0.5, 1.0)], 4.0) == math.inf
    assert affordable([], 4.0) == math.inf


def test_a_budget_of_less_than_one_text_lets_none_through() -> None:
    """As few examples have it: the threshold stands at the first that would be lost."""
    assert affordable([(2.0, 1.0), (1.0, 1.0)], 0.2) == 1.0
