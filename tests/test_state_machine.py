"""Whatever comes in whatever order: no mail is lost, none is told twice in silence, a person's word holds.

Two copies of the bot on one database, a mailbox, Slack and people: tests/walks.py says what may happen, tests/holding.py what
must hold. `make walks` goes on for long.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from town import REACHED
from walks import Machine

WANTED = {
    "ended with a notice in sending", "ended before new mail was kept", "ended between keeping and verdict", "decided while Slack was down", "numbered anew with unsent notices",
    "moved before it was read", "numbered in the middle of a look", "removed in the middle of a look", "moved in the middle of a look",
    "polled in the middle of a look", "mail in the middle of a look", "a late message was taken back", "clock set back with unsent notices",
    "decided before the bot had judged", "an audit answered", "a word taken back", "judged again where a person had decided",
    "a possible repeat said", "found by its key", "several on one card", "a follow-up in its thread", "a line of the digest",
}  # fmt: skip
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
FEW = settings(max_examples=4, stateful_step_count=40, deadline=None, suppress_health_check=SLOW)
SAME = settings(FEW, max_examples=60, stateful_step_count=20, derandomize=True, database=None)


@pytest.mark.timeout(3600)  # of many walks, and of finding the shortest that breaks it
def test_whatever_happens_in_whatever_order(request: pytest.FixtureRequest) -> None:
    """Other walks at each run; what breaks it is told as a program to be run again."""
    many = request.config.getoption("--hypothesis-profile") == "walks"

    run_state_machine_as_test(Machine, settings=settings(FEW, max_examples=2_000) if many else FEW)


@pytest.mark.timeout(600)
def test_the_walks_come_to_where_it_is_dangerous() -> None:
    """The same walks at each run, so that a rule that leads nowhere any more is noticed."""
    REACHED.clear()

    run_state_machine_as_test(Machine, settings=SAME)

    assert WANTED - set(REACHED) == set()
