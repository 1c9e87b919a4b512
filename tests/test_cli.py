"""The commands that need no configuration, and what all of them say when they are used wrongly."""

from __future__ import annotations

import json
import mailbox
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running import TRIAGE

from bot.local.samples import sample_mails

SPF = sample_mails()[0]


def triage(
    *arguments: object, stdin: bytes = b"", cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [TRIAGE, *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False, cwd=cwd,
        env={k: v for k, v in os.environ.items() if not k.startswith("TRIAGE")} | env,
    )  # fmt: skip
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def answers(*arguments: object, stdin: bytes = b"") -> list[dict[str, Any]]:
    done = triage("judge", "--json", *arguments, stdin=stdin)
    return [json.loads(line) for line in done.stdout.splitlines()]


# ------------------------------------------------------------------------------------------------ judge


def test_the_json_of_a_judged_mail(tmp_path: Path) -> None:
    """Schema 1: other programs rely on these keys and their shapes."""
    (tmp_path / "a.eml").write_bytes(SPF)
    (told,) = answers(tmp_path / "a.eml")

    assert set(told) >= {
        "schema", "source", "message_id", "report", "subject", "disposition", "confidence", "categories", "considered",
        "signs", "parts", "acknowledgement", "missing", "assets", "defects", "versions",
    }  # fmt: skip
    assert told["schema"] == 1
    assert told["source"] == str(tmp_path / "a.eml")
    assert told["parts"] == []
    (category,) = told["categories"]
    assert set(category) >= {"id", "probability", "clause", "clause_kind", "evidence"}
    assert category["clause_kind"] in {"named", "by_extension"}
    assert set(category["evidence"][0]) >= {"source", "for", "weight", "quote", "where"}
    assert set(told["acknowledgement"]) == {"state", "where", "quote"}
    assert set(told["versions"]) == {"rules", "model", "policy"}
    assert set(told["missing"]) <= {"steps_to_reproduce", "software_and_versions"}


def test_a_mixed_mail_is_told_part_by_part(tmp_path: Path) -> None:
    """In JSON and for people, over the judging process."""
    mail = next(m for m in sample_mails() if b"Five missing headers" in m)
    (tmp_path / "a.eml").write_bytes(mail)
    (told,) = answers(tmp_path / "a.eml")

    assert [(p["kind"], p["category"], p["remarks"]) for p in told["parts"][:2]] == [
        ("excluded", "security_headers", 5),
        ("genuine", None, 2),
    ]
    assert "1 genuine · 5 excluded: security_headers (5)" in triage("judge", tmp_path / "a.eml").stdout


def test_judge_takes_files_folders_mboxes_maildirs_and_standard_input(tmp_path: Path) -> None:
    """Every mail in them, each with its source."""
    folder = tmp_path / "mails"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.eml").write_bytes(SPF)
    (folder / "deep" / "b.eml").write_bytes(SPF)
    box = mailbox.mbox(tmp_path / "box.mbox")
    for raw in sample_mails()[:3]:
        box.add(raw)
    box.close()
    maildir = mailbox.Maildir(tmp_path / "maildir")
    maildir.add(SPF)
    maildir.close()

    assert [Path(a["source"]).name for a in answers(folder)] == ["a.eml", "b.eml"]
    assert [a["source"].rpartition("#")[2] for a in answers(tmp_path / "box.mbox")] == ["1", "2", "3"]
    assert len(answers(tmp_path / "maildir")) == 1
    assert [a["disposition"] for a in answers("-", stdin=SPF)] == ["out_of_scope"]


def test_judge_touches_nothing(tmp_path: Path) -> None:
    """Neither the mail's file nor the folder."""
    path = tmp_path / "a.eml"
    path.write_bytes(SPF)
    before = path.stat()
    answers(path)

    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("raw", [b"", b"\x00" * 24, b"\xff\xfe" * 500])
def test_a_mail_that_cannot_be_read_yields_an_answer_too(tmp_path: Path, raw: bytes) -> None:
    """needs_review: a person must look."""
    (tmp_path / "odd.eml").write_bytes(raw)
    (told,) = answers(tmp_path / "odd.eml")

    assert told["disposition"] == "needs_review"


def test_judge_prints_no_escape_sequences(tmp_path: Path) -> None:
    """A mail's subject cannot speak to the terminal."""
    (tmp_path / "a.eml").write_bytes(
        b"Subject: \x1b[2J\x1b]0;owned\x07 SPF\r\n\r\nno SPF record \x1b[31m\xe2\x80\xae\r\n"
    )

    assert "\x1b" not in triage("judge", tmp_path / "a.eml").stdout
    assert "\u202e" not in triage("judge", tmp_path / "a.eml").stdout


# ------------------------------------------------------------------------------------------------ wrong use

WRONG: list[tuple[list[object], int, str]] = [
    (["judge"], 2, "Missing argument"),
    (["judge", "/no/such/file.eml"], 2, "no such file"),
    (["judge", "--policy", "planetscal", "-"], 78, "planetscale"),
    (["judge", "--model", "/no/model.npz", "-"], 78, "cannot be read"),
    (["judge", "--rules", "/nowhere", "-"], 2, "holds no rules"),
    (["frobnicate"], 2, "No such command"),
    (["run", "--config", "/no/config.toml"], 78, "/no/config.toml"),
    (["reclassify", "9f2c51ab", "--as", "fine", "--config", "/no/config.toml"], 2, "fine"),
    (["slack", "preview", "--tier", "all", "-"], 2, "full, reduced or ids"),
    (["evaluate", "/no/labels.jsonl"], 2, "cannot be read"),
    (["evaluate", "/no/labels.jsonl", "--rules", "/nowhere"], 2, "holds no rules"),
    (["evaluate", "/no/labels.jsonl", "--policy", "planetscal"], 78, "planetscale"),
    (["model", "report", "--model", "/no/model.npz"], 78, "cannot be read"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[" ".join(map(str, w[0]))[:40] for w in WRONG])
def test_wrong_use_is_answered_in_a_line(arguments: list[object], code: int, words: str, tmp_path: Path) -> None:
    """The right exit code, what is wrong, no traceback."""
    done = triage(*arguments, stdin=SPF, cwd=tmp_path)

    assert done.returncode == code, done.stderr
    assert words.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "once", "list", "check", "doctor", "health"])
def test_without_a_configuration_the_way_to_one_is_told(command: str, tmp_path: Path) -> None:
    """Exit 78, and where it was looked for."""
    done = triage(command, cwd=tmp_path)

    assert done.returncode == 78
    assert "config" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_rule_file_is_told_by_file_and_line(tmp_path: Path) -> None:
    """By lint, and by judge."""
    import shutil

    from make import RULES

    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    with (rules / "categories" / "cookie_flags.toml").open("a", encoding="utf-8") as f:
        f.write('\n[[rule]]\nid = "bad"\nreason = "r"\nweight = 1\npatterns = ["("]\nhits = ["a"]\nmisses = ["b"]\n')

    for arguments in (("rules", "lint", "--rules", rules), ("judge", "--rules", rules, "-")):
        done = triage(*arguments, stdin=SPF)
        assert done.returncode == 78
        assert "cookie_flags.toml line" in done.stderr


# ------------------------------------------------------------------------------------------------ the others


def test_the_other_commands_answer() -> None:
    """Help, version, rules, model, manifest: exit 0 and something to read."""
    for arguments, words in (
        (["--help"], "reclassify"), (["--version"], "triage 0."), (["rules", "list"], "rule:email_authentication.missing_spf"),
        (["rules", "lint"], "rules, each proven"), (["rules", "test"], "rules, each proven"), (["model", "report"], "examples"),
        (["slack", "manifest"], "chat:write"),
    ):  # fmt: skip
        done = triage(*arguments)
        assert done.returncode == 0, done.stderr
        assert words in done.stdout


def test_preview_shows_the_card_without_a_token(tmp_path: Path) -> None:
    """The blocks as Slack's builder takes them."""
    (tmp_path / "a.eml").write_bytes(SPF)
    told = json.loads(triage("slack", "preview", "--json", tmp_path / "a.eml").stdout)

    assert told["blocks"][0]["type"] == "section"
    assert "mochi: found, body" in json.dumps(told)
    assert "SPF" not in json.dumps(
        json.loads(triage("slack", "preview", "--tier", "ids", "--json", tmp_path / "a.eml").stdout)["text"]
    )


def test_evaluate_counts(tmp_path: Path) -> None:
    """Labelled reports in, the figures that matter out; false dismissals by id."""
    rows = [
        {"id": "a", "subject": "Missing SPF record", "body": "The domain has no SPF record, please add one.",
         "disposition": "out_of_scope", "categories": ["email_authentication"]},
        {"id": "b", "subject": "IDOR", "body": "I can read other users' invoices by changing the id. Steps below.",
         "disposition": "in_scope", "categories": []},
    ]  # fmt: skip
    (tmp_path / "l.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    told = json.loads(triage("evaluate", "--json", tmp_path / "l.jsonl").stdout)

    assert told["rates"]["false dismissals"]["part"] == 0
    assert told["rates"]["out-of-scope recall"]["part"] == 1
    assert told["dismissed"] == []


def test_the_demo_runs_and_ends_by_itself() -> None:
    """Every sample judged and told, without a terminal."""
    done = triage("demo")

    assert done.returncode == 0, done.stderr
    assert f"{len(sample_mails())} of {len(sample_mails())} mails judged and told" in done.stdout
    for word in ("OUT OF SCOPE", "IN SCOPE", "NEEDS REVIEW", "INCOMPLETE", "NOT A REPORT"):
        assert word in done.stdout


def test_the_demo_keeps_the_libraries_chatter_to_itself() -> None:
    """On a slow machine the scheduler says of each tick that it came too late; of what is wrong with triage the user hears."""
    logs = "lambda **_: [logging.getLogger(n).warning(n) for n in ('apscheduler.scheduler', 'triage.told')]"
    program = f"import logging, sys, bot.local.demo as d; d.run_demo = {logs}; sys.argv = ['triage', 'demo']; import bot.cli.app as a; a.main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "apscheduler" not in done.stderr
    assert "triage.told" in done.stderr


def test_the_module_is_the_command() -> None:
    """`python -m bot` is `triage`."""
    done = subprocess.run([sys.executable, "-m", "bot", "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("triage 0.")
