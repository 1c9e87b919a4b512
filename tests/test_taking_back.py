"""A correction taken back: what held before holds again, both words stay, and nothing counts the first any more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from mailroom import MONDAY, READING
from running import configuration
from test_cli import triage as command
from test_following import IN, OUT
from test_likeness import ACME, OTHER
from threads import Bot, working

from bot.audit import Drawing, live_rate, stopped
from bot.correction import take_back
from bot.ports import KeptReport, RecordedVerdict, VerdictKind
from bot.store import Changed
from classifiers.errors import UserError
from classifiers.terms import Disposition

REVIEW = Disposition.NEEDS_REVIEW


@pytest.fixture
def bot(tmp_path: Path, no_proxy: None) -> Iterator[Bot]:  # noqa: ARG001
    with working(tmp_path) as it:
        yield it


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration on the bot's state folder."""
    accounts = '[[accounts]]\nhost = "127.0.0.1"\nuser = "u"\npassword = { env = "TEST_IMAP_PASSWORD" }\n'
    return configuration(tmp_path, accounts, SimpleNamespace(base_url="http://127.0.0.1:9/api/"))


def undo(bot: Bot, report: KeptReport, by: str = "bob", reason: str = "") -> RecordedVerdict | None:
    again = take_back(bot.store, report.key, by=f"person:{by}", reason=reason, routes=bot.triage.routes, now=bot.at)[2]
    bot.tells()
    return again


def test_what_the_bot_said_holds_again_and_the_trail_keeps_both(bot: Bot) -> None:
    """The card follows, and says who took what back; purging and training see no person's word."""
    report = bot.hears(ACME, OUT)
    bot.decides(report, IN)
    assert "Decided by ana" in bot.says()[0]

    again = undo(bot, report, reason="I misread it")

    assert again is not None
    assert (again.kind, again.verdict.disposition) == (VerdictKind.BOT, OUT)
    assert [(h.kind, h.decided_by) for h in bot.store.history(report.id)] == [
        (VerdictKind.BOT, "bot"), (VerdictKind.PERSON, "person:ana"), (VerdictKind.UNDO, "person:bob"),
    ]  # fmt: skip
    _, said, taken = bot.store.history(report.id)
    assert said.undone_by == taken.id
    assert taken.reason == "I misread it"
    card, sentence = bot.says()
    assert f"`{report.short}` was out of scope; ana says it is in scope. See its card." in sentence
    assert "Out of scope" in card
    assert "Decided by" not in card
    assert "bob took back “In scope” by ana_: I misread it" in card
    assert list(bot.store.corrections()) == []
    assert bot.store.purge(MONDAY + timedelta(days=9), keep_corrections=True) == 1


def test_an_earlier_persons_word_holds_again(bot: Bot) -> None:
    """Not the bot's: it was not that one that was taken back. Taken back too, the bot's holds."""
    report = bot.hears(ACME, OUT)
    bot.decides(report, IN)
    bot.decides(report, REVIEW, by="eve")

    again = undo(bot, report)

    assert again is not None
    assert (again.decided_by, again.verdict.disposition) == ("person:ana", IN)
    assert "Decided by ana" in bot.says()[0]
    assert "bob took back “Needs review” by eve" in bot.says()[0]
    undo(bot, report)
    assert bot.holds(report) is OUT


def test_an_undoing_is_corrected_by_deciding_anew(bot: Bot) -> None:
    """Which sticks, as any person's word."""
    report = bot.hears(ACME, OUT)
    bot.decides(report, IN)
    undo(bot, report)
    bot.decides(report, IN, by="eve")

    assert bot.holds(report) is IN
    assert "took back" not in bot.says()[0]
    assert len(list(bot.store.corrections())) == 1


def test_where_no_persons_word_holds_there_is_nothing_to_take_back(bot: Bot) -> None:
    """Neither of the bot's verdict nor twice; nothing is recorded."""
    report = bot.hears(ACME, OUT)
    with pytest.raises(UserError, match=f"{report.short}: no person's verdict holds"):
        undo(bot, report)
    bot.decides(report, IN)
    undo(bot, report)
    with pytest.raises(UserError, match="nothing to take back"):
        undo(bot, report)
    assert len(bot.store.history(report.id)) == 3


def test_a_word_that_holds_no_more_is_not_taken_back_unseen(bot: Bot) -> None:
    """Somebody decided in between: theirs stays."""
    report = bot.hears(ACME, OUT)
    bot.decides(report, IN)
    said = bot.store.current(report.id)
    assert said is not None
    bot.decides(report, REVIEW, by="eve")

    with pytest.raises(Changed):
        bot.store.take_back(said, by="person:bob", at=MONDAY, reason="")
    assert bot.holds(report) is REVIEW
    assert all(h.undone_by is None for h in bot.store.history(report.id))


def test_it_is_no_precedent_any_more(bot: Bot) -> None:
    """A dismissal of the like is held back by it no longer."""
    report = bot.hears(ACME, OUT)
    bot.decides(report, IN)
    assert bot.holds(bot.hears(OTHER, OUT, sender="eve@other.example", number=2)) is REVIEW
    undo(bot, report)

    assert bot.holds(bot.hears(OTHER, OUT, sender="bob@third.example", number=3)) is OUT


def test_a_report_that_the_bot_had_not_judged_waits_again(bot: Bot) -> None:
    """A person was faster; once that is taken back, the bot judges and the card follows."""
    bot.box.deliver(
        b"From: a@b.example\r\nX-Verdict: out_of_scope\r\nSubject: s\r\n\r\n" + ACME.encode(), received_at=bot.at
    )
    bot.triage.read(bot.box, READING)
    ((report, _, _),) = bot.store.listing()
    bot.decides(report, IN)

    again = take_back(bot.store, report.key, by="person:bob", reason="", routes=bot.triage.routes, now=bot.at)[2]
    assert again is None
    bot.triage.judge_waiting()
    bot.tells()

    assert bot.holds(report) is OUT
    assert "Out of scope" in bot.says()[0]


# ------------------------------------------------------------------------------------------------ audits


def test_an_audit_whose_answer_was_taken_back_is_open_again(bot: Bot) -> None:
    """It counts for nothing, stops nothing, is asked blind; the next answer counts."""
    bot.triage = replace(bot.triage, drawing=Drawing(share=1.0, seed=b"s" * 32))
    report = bot.hears(ACME, OUT)
    bot.decides(report, IN)
    assert live_rate(bot.store.audits()).part == 1

    undo(bot, report)

    (audit,) = bot.store.audits()
    assert audit.answer is None
    assert live_rate([audit]).whole == 0
    assert stopped([audit], (), 0.01) == frozenset()
    assert bot.store.open_audits() == {report.id}
    assert "Audit · " in bot.says()[0]
    assert "its rules say so" not in bot.says()[0]
    bot.decides(report, OUT)
    (audit,) = bot.store.audits()
    assert (live_rate([audit]).part, live_rate([audit]).whole) == (0, 1)


# ------------------------------------------------------------------------------------------------ at the command line


def told(config: Path, *arguments: str, code: int = 0) -> str:
    done = command(*arguments, "--config", config)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_undo_by_command(bot: Bot, config: Path) -> None:
    """reclassify --undo; show tells the whole story, export marks what no longer counts."""
    report = bot.hears(ACME, OUT)
    told(config, "reclassify", report.short, "--as", "in_scope", "--reason", "a link was stolen", "--by", "ana")
    data = json.loads(
        command(
            "reclassify", report.short, "--undo", "--reason", "no", "--by", "bob", "--json", "--config", config
        ).stdout
    )

    assert data == {
        "schema": 1, "report": report.short, "taken_back": "in_scope", "taken_back_by": "person:bob",
        "disposition": "out_of_scope", "decided_by": "bot",
    }  # fmt: skip
    shown = told(config, "show", report.short)
    assert "person:ana  IN SCOPE: a link was stolen (taken back)" in shown
    assert "person:bob  took back IN SCOPE: no" in shown
    history = json.loads(command("show", report.short, "--json", "--config", config).stdout)["history"]
    assert [(h["kind"], h["undone"]) for h in history] == [("bot", False), ("person", True), ("undo", False)]
    (exported,) = [json.loads(x) for x in command("export", "corrections", "--config", config).stdout.splitlines()]
    assert (exported["decided_by"], exported["undone"]) == ("person:ana", True)
    assert "nothing to take back" in told(config, "reclassify", report.short, "--undo", code=2)
    bot.tells()
    assert "Out of scope" in bot.says()[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--undo", "--since", "3d"), ("abcd", "--undo", "--as", "in_scope"), ("abcd", "--undo", "--apply"),
        ("abcd", "--undo", "--category", "cookie_flags"), ("abcd", "--undo", "--policy", "p"), ("abcd", "--reason", "r"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(config: Path, arguments: tuple[str, ...]) -> None:
    """With a sentence; nothing is changed."""
    assert "--" in told(config, "reclassify", *arguments, code=2)
