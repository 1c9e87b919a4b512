"""What a stranger's words reach: a mail's while it is read, and those of rules that came from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import surfaces
from hostile import MAIL
from make import MODEL, ROOT, RULES
from surfaces import OURS, invisible, texts, view

from bot.answer import for_people
from bot.ports import Context
from bot.slack.cards import card
from bot.slack.details import details
from bot.slack.view import Tier
from bot.tasks import Task
from bot.worker import Worker

NO_SPF = b"From: a@s.example\r\nSubject: Missing SPF record\r\n\r\nThe domain has no SPF record. Please add one.\r\n"
ACTING = "<!channel> <https://evil.example|here> \\u001b[31m "  # as TOML has it


def heard(*arguments: str) -> list[str]:
    """What Python's audit hooks heard while every mail of tests/mail was read."""
    program = [sys.executable, str(ROOT / "tests" / "reaching.py"), *arguments]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT}/tests", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(program, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.splitlines()


@pytest.mark.timeout(300)
def test_reading_mail_opens_nothing_starts_nothing_runs_nothing() -> None:
    """All of the tests' mail, hostile mail too; beside it what does reach out is heard, so that silence says something."""
    mails = len([p for p in MAIL.rglob("*") if p.suffix == ".eml" or p.parent.name == "hostile"])

    assert heard("outward") == [
        "outward: exec <string>",
        "outward: open '/etc/passwd'",
        "outward: os.system",
        "outward: socket.__new__",
        f"mails {mails}",
    ]


def test_the_judging_process_may_write_no_file_and_start_no_process() -> None:
    """The kernel holds it, from before the first mail on."""
    with Worker(Context(rules=RULES, policy="planetscale", model=None)) as worker:
        worker.versions  # noqa: B018 - starts it
        list(worker.judge([Task(raw=NO_SPF, size=len(NO_SPF))]))  # it is confined by then
        assert worker._child is not None
        limits = Path(f"/proc/{worker._child.pid}/limits").read_text()

    for what in ("file size", "processes", "core file size"):
        assert re.search(rf"^Max {what}\s+0\s+0\s", limits, re.MULTILINE), what


@pytest.fixture
def strangers_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Rules whose every title, reason and clause would act wherever it is shown."""
    folder = tmp_path / "rules"
    shutil.copytree(RULES, folder)
    acting = r'^(title|reason|text) = "(?=[A-Za-z])'
    for path in [*(folder / "categories").glob("*.toml"), folder / "policies" / "planetscale.toml"]:
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(acting, lambda m: m[0] + ACTING, text, flags=re.MULTILINE), encoding="utf-8")
    monkeypatch.setattr(surfaces, "RULES", folder)
    surfaces.wording.cache_clear()
    yield folder
    surfaces.wording.cache_clear()


def test_rules_from_elsewhere_speak_with_no_voice_of_ours(strangers_rules: Path) -> None:
    """They may judge wrongly; no mention, no link, no escape of theirs acts in Slack or on a terminal."""
    with Worker(Context(rules=strangers_rules, policy="planetscale", model=MODEL)) as worker:
        (judged,) = worker.judge([Task(raw=NO_SPF, size=len(NO_SPF))])

    shown = view(judged, Tier.REDUCED)
    for _, blocks in (card(shown), details(shown)):
        told = [OURS.sub("", words) for words in texts(blocks)]
        assert any("&lt;!channel&gt;" in words for words in told), "it is shown"
        assert [words for words in told if re.search(r"<[!@#h]|\x1b", words)] == []
    assert not invisible(for_people("a.eml", judged.verdict, judged.letterhead).replace("\n", ""))
