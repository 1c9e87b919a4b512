"""Mail that others collected to break parsers: it lies beside the project, and none of it is copied into it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from running import TRIAGE

from bot.local.slack.limits import block_problem

SUITES = Path(__file__).parent.parent.parent / "shared" / "mail-corpora"


@pytest.fixture(scope="module")
def files() -> list[str]:
    """Every file of the suites; skips where they are not."""
    if not SUITES.is_dir():
        pytest.skip(f"the outside mail suites are not here ({SUITES})")
    return sorted(str(f) for f in SUITES.rglob("*") if f.is_file())


@pytest.mark.timeout(600)
def test_every_file_is_answered_within_its_limits(files: list[str]) -> None:
    """One answer a mail at least, none left to the safe facts, nothing said but that."""
    done = subprocess.run([TRIAGE, "judge", "--json", str(SUITES)], capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.stderr == ""
    assert done.returncode == 0
    assert sorted({a["source"].partition("#")[0] for a in answers}) == files
    assert [a["source"] for a in answers if any(d.startswith("unreadable") for d in a["defects"])] == []
    assert {(a["schema"], a["disposition"] != "") for a in answers} == {(1, True)}


@pytest.mark.timeout(600)
def test_every_file_makes_a_card(files: list[str]) -> None:
    """A message that Slack takes, by the command that shows it."""
    done = subprocess.run(
        [TRIAGE, "slack", "preview", "--json", str(SUITES)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    cards = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(cards) >= len(files)
    assert {block_problem(card["blocks"], card["text"]) == ("", []) for card in cards} == {True}
