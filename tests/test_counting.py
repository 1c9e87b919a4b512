"""What a model's card counts, on folds that the model had not seen."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from classifiers.counting import DRAWN, count
from classifiers.examples import DISPOSITIONS, Example
from classifiers.material import Material, Seen
from classifiers.modelcard import read_card
from classifiers.pages import model_page
from classifiers.rates import Rate
from classifiers.stacking import Trial
from classifiers.terms import Disposition

LIVE, OUT, NONE, REVIEW = (
    Disposition.IN_SCOPE, Disposition.OUT_OF_SCOPE, Disposition.NOT_A_REPORT, Disposition.NEEDS_REVIEW,
)  # fmt: skip
LABELS = ("mail", *DISPOSITIONS)


def example(number: int, disposition: Disposition, *, hidden: bool = False, says: bool = True) -> Example:
    named = ("mail",) if disposition is OUT else ()
    return Example(
        id=str(number), subject="s", body="b", disposition=disposition, categories=named, hidden=hidden, says_categories=says
    )  # fmt: skip


def of(*examples: Example) -> Material:
    return Material(
        examples=examples, labels=LABELS, weight=np.ones(len(examples)), whole=cast("Seen", None), parts=None,
        truth=np.array([[label == e.disposition or label in e.categories for label in LABELS] for e in examples]),
        known=np.array([[label in DISPOSITIONS or e.says_categories for label in LABELS] for e in examples]),
        owner=np.zeros(0, dtype=np.int64), spans=(), fold=np.zeros(len(examples), dtype=np.int64),
    )  # fmt: skip


def trial(live: float, mail: float = 0.0, quiet: float = 0.0) -> Trial:
    return cast("Trial", type("Trial", (), {"live": live, "held": {"mail": mail}, "quiet": quiet}))


# Three genuine ones, one of which hides; two excluded; one that is no report.
EXAMPLES = (example(0, LIVE), example(1, LIVE), example(2, LIVE, hidden=True), example(3, OUT), example(4, OUT), example(5, NONE))  # fmt: skip
TRIALS = (trial(0.9), trial(0.2, 0.3), trial(0.1, quiet=0.9), trial(0.1, 0.9), trial(0.4, 0.2), trial(0.0, quiet=0.8))
SAID = (LIVE, OUT, NONE, OUT, REVIEW, NONE)


def test_the_figures_are_counted_and_what_hides_is_counted_apart() -> None:
    """Each as so many of so many, so that its interval can be told."""
    card = count(of(*EXAMPLES), SAID, TRIALS)

    assert card.counted == {"false_dismissal": (1, 2), "recall": (1, 2), "review": (1, 6), "hidden_dismissed": (1, 1)}
    assert (card.false_dismissal, card.recall, card.hidden_dismissed) == (0.5, 0.5, 1.0)
    assert card.review == pytest.approx(1 / 6)
    told = " ".join(card.as_text().split())
    assert "false dismissals 50.0% (1 of 2; 9.5% to 90.5%)" in told
    assert "hidden, dismissed 100.0% (1 of 1; " in told


def test_curves_are_drawn_of_all_that_has_a_probability() -> None:
    """Of examples where somebody knows what is true, in no more points than can be told apart."""
    unsaid = replace(EXAMPLES[4], id="6", says_categories=False, categories=())
    card = count(of(*EXAMPLES, unsaid), (*SAID, REVIEW), (*TRIALS, trial(0.3, 0.99)))

    assert set(card.curve) == set(card.precision_recall) == {"mail", "in_scope", "not_a_report"}
    assert card.precision_recall["mail"] == [[0.5, 1.0], [1.0, 0.6667]]
    assert card.curve["in_scope"][-1] == [0.9, 1.0, 1]

    many = [example(n, LIVE if n % 3 else NONE) for n in range(400)]
    drawn = count(of(*many), [LIVE] * 400, [trial(n / 400) for n in range(400)]).precision_recall["in_scope"]
    assert [int(recall * DRAWN) for recall, _ in drawn] == list(range(DRAWN + 1))
    assert drawn[-1][0] == 1.0


def test_a_model_report_shows_all_that_was_counted() -> None:
    """The figures with their intervals, once, and the curves."""
    card = read_card(count(of(*EXAMPLES), SAID, TRIALS).as_data())

    assert card.rates["false dismissals"] == Rate(1, 2)
    assert "false_dismissal" not in card.facts
    assert "false dismissals 50.0% (1 of 2; 9.5% to 90.5%)" in " ".join(card.as_text().split())
    page = model_page(card, version="v", words={}, live=Rate(3, 7))
    assert "false dismissals, live" in page
    assert "3 of 7; 15.8% to 75.0%" in page
    assert "1 of 2; 9.5% to 90.5%" in page
    assert page.count('class="curve"') == 2 * 3  # reliability, and recall against precision
    assert page.count("There is nothing to show") == 1  # of words, which were not given


@pytest.mark.parametrize("strange", [None, [], [1], [2, 1], ["1", 2], [1, -2], [1, 2, 3], 7])
def test_strange_counts_are_passed_over(strange: object) -> None:
    """A model file may come from anybody."""
    card = read_card({"recall": 0.5, "counted": {"recall": strange}})

    assert card.rates == {}
    assert card.facts == {"recall": "0.5"}
