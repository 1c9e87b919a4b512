"""Precedents and follow-ups from the mail to what Slack shows: the real store, delivery and local Slack, verdicts on cue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_likeness import ACME, FOREIGN, OTHER
from threads import Bot, working

from bot.audit import Drawing
from bot.correction import apply, judge_again
from bot.triage import Reading
from classifiers.terms import Disposition

READING = Reading(account="a", folders=("INBOX",), junk=frozenset(), start=None)
OUT, IN = Disposition.OUT_OF_SCOPE, Disposition.IN_SCOPE


@pytest.fixture
def bot(tmp_path: Path, no_proxy: None) -> Iterator[Bot]:  # noqa: ARG001
    with working(tmp_path) as it:
        yield it


# ------------------------------------------------------------------------------------------------ precedents


def test_a_card_says_what_was_decided_of_its_like(bot: Bot) -> None:
    """One line, and the disposition as it was."""
    first = bot.hears(ACME, OUT, number=1)
    second = bot.hears(OTHER, OUT, sender="eve@other.example", number=2)
    bot.decides(first, OUT)
    bot.decides(second, OUT)

    third = bot.hears(ACME, OUT, sender="bob@third.example", number=3)

    assert f"2 similar, all out of scope by @ana (latest {second.short})" in bot.says()[1]
    assert bot.holds(third) is OUT
    assert "similar" not in bot.says()[0]


def test_a_person_who_called_the_like_in_scope_keeps_it_from_being_dismissed(bot: Bot) -> None:
    """needs_review, with the report's id; the same when it is judged again."""
    first = bot.hears(ACME, OUT, number=1)
    bot.decides(first, IN)

    second = bot.hears(OTHER, OUT, sender="eve@other.example", number=2)

    assert bot.holds(second) is Disposition.NEEDS_REVIEW
    assert f"a person called the similar report {first.short} in scope" in bot.says()[2]
    assert f"1 similar, in scope by @ana ({first.short})" in bot.says()[2]
    (change,) = judge_again(bot.store, bot.triage.worker, [second])
    assert not change.changes


def test_a_bots_in_scope_changes_nothing(bot: Bot) -> None:
    """Only people's words weigh."""
    bot.hears(ACME, IN, number=1)

    assert bot.holds(bot.hears(OTHER, OUT, sender="eve@other.example", number=2)) is OUT
    assert "1 similar, in scope by the bot" in bot.says()[1]


def test_an_open_audit_shows_nothing_of_its_like(bot: Bot) -> None:
    """What was decided of similar reports would tell what the bot thinks of this one."""
    bot.hears(ACME, OUT, number=1)
    bot.triage = replace(bot.triage, drawing=Drawing(share=1.0, seed=b"a seed for tests"))
    bot.hears(OTHER, OUT, sender="eve@other.example", number=2)

    assert "Audit: what is this?" in bot.says()[1]
    assert "similar" not in bot.says()[1]


# ------------------------------------------------------------------------------------------------ follow-ups


def test_a_follow_up_stands_in_its_thread(bot: Bot) -> None:
    """No card of its own; of the same disposition it changes nothing."""
    first = bot.hears(ACME, OUT, number=1)
    second = bot.hears("Any news?", OUT, number=2, answers=1)
    third = bot.hears("Hello again?", OUT, number=3, answers=2)

    (_,) = bot.says()
    one, other = bot.under()
    assert second.short in one
    assert f"a follow-up to_ `{first.short}`" in one
    assert third.short in other
    assert [f.id for f in bot.store.follow_ups(first.id)] == [second.id, third.id]
    assert len(bot.store.history(first.id)) == 1


@pytest.mark.parametrize("live", [IN, Disposition.NEEDS_REVIEW])
def test_a_live_follow_up_raises_a_bots_dismissal(bot: Bot, live: Disposition) -> None:
    """Appended, the card changed, the channel told; a later dismissed one lowers nothing, nor does judging again."""
    first = bot.hears(ACME, OUT, number=1)
    second = bot.hears(FOREIGN, live, number=2, answers=1)

    card, sentence = bot.says()
    said = live.value.replace("_", " ")
    assert bot.holds(first) is live
    assert f"a follow-up raised it: {second.short}" in card
    assert f"`{first.short}` was recommended as out of scope; a follow-up raised it to {said}" in sentence
    assert [h.verdict.disposition for h in bot.store.history(first.id)] == [OUT, live]
    assert len(bot.under()) == 1

    bot.hears("Thanks.", OUT, number=3, answers=1)
    (change,) = judge_again(bot.store, bot.triage.worker, [first])
    apply(bot.store, change, routes=bot.triage.routes, now=lambda: bot.at)
    assert bot.holds(first) is live
    assert len(bot.says()) == 2


def test_a_quiet_thread_that_is_raised_gets_a_card(bot: Bot) -> None:
    """The first mail had gone to the digest; its card and the follow-up under it tell the channel."""
    first = bot.hears(ACME, Disposition.NOT_A_REPORT, number=1)
    assert bot.says() == []

    bot.hears(FOREIGN, IN, number=2, answers=1)

    (card,) = bot.says()
    assert first.short in card
    assert len(bot.under()) == 1


def test_a_quiet_thread_that_is_not_raised_stays_quiet(bot: Bot) -> None:
    """No card is made for the sake of a follow-up that needs none."""
    bot.hears(ACME, Disposition.NOT_A_REPORT, number=1)
    bot.hears("Hello again", Disposition.NOT_A_REPORT, number=2, answers=1)

    assert bot.says() == []
    assert bot.store.counts()["for_the_digest"] == 2


def test_a_persons_verdict_is_left_alone_and_the_channel_is_told(bot: Bot) -> None:
    """Only a notice: what ana said holds."""
    first = bot.hears(ACME, OUT, number=1)
    bot.decides(first, OUT)
    bot.hears(FOREIGN, IN, number=2, answers=1)

    card, sentence = bot.says()
    assert bot.holds(first) is OUT
    assert "Decided by ana" in card
    assert (
        f"A follow-up to `{first.short}` is recommended as in scope. A person called that report out of scope"
        in sentence
    )
    assert len(bot.store.history(first.id)) == 2


def test_a_person_who_is_faster_is_not_overruled(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decided between the look and the write: looked at again, and told as a person's."""
    first = bot.hears(ACME, OUT, number=1)
    cards_of = bot.store.cards_of

    def decide_meanwhile(report_id: int) -> Any:
        monkeypatch.undo()
        bot.decides(first, OUT)
        return cards_of(report_id)

    monkeypatch.setattr(bot.store, "cards_of", decide_meanwhile)
    bot.hears(FOREIGN, IN, number=2, answers=1)

    assert bot.holds(first) is OUT
    assert "and so it stays" in bot.says()[1]


def test_a_stranger_who_names_a_report_joins_nothing(bot: Bot) -> None:
    """A card of its own that says so; the thread is untouched, and what follows the stranger's mail is the stranger's."""
    first = bot.hears(ACME, OUT, number=1)
    bot.hears(FOREIGN, IN, sender="eve@other.example", number=2, answers=1)

    assert bot.holds(first) is OUT
    assert f"it names_ `{first.short}` _as what it answers, but another sender sent that" in bot.says()[1]
    assert bot.under() == []


def test_a_known_message_id_taken_again_takes_over_no_thread(bot: Bot) -> None:
    """A stranger's mail under the same Message-ID: the true sender's follow-up still finds the true thread."""
    first = bot.hears(ACME, OUT, number=1)
    bot.hears(FOREIGN, OUT, sender="eve@other.example", number=1)
    bot.hears("Any news?", OUT, number=3, answers=1)

    assert len(bot.store.follow_ups(first.id)) == 1


SIGNED = "Authentication-Results: mx.us.example; dkim=pass header.d={0}\r\n"
FORGED = "Authentication-Results: mx.us.example; dkim=none; dmarc=fail\r\n"


@pytest.mark.parametrize(
    ("sender", "head", "joins"),
    [
        ("ravi@hunter.example", "", True),
        ("RAVI@hunter.example", "", True),  # the same address
        ("ana@hunter.example", SIGNED.format("hunter.example"), True),  # a colleague, by a good signature
        ("ana@hunter.example", "", False),  # a colleague, as anybody could write
        ("ana@evil.example", SIGNED.format("evil.example"), False),
        ("ravi@hunter.example", FORGED, False),  # our server saw that it is forged
    ],
)
def test_who_may_join_a_thread(bot: Bot, sender: str, head: str, *, joins: bool) -> None:
    """The earlier sender, or the domain that a trusted server saw to have signed both."""
    first = bot.hears(ACME, OUT, number=1, head=SIGNED.format("hunter.example"))
    bot.hears("Any news?", OUT, sender=sender, number=2, answers=1, head=head)

    assert len(bot.store.follow_ups(first.id)) == int(joins)
    assert len(bot.says()) == (1 if joins else 2)


def test_a_follow_up_survives_the_purge_of_its_thread(bot: Bot) -> None:
    """Threads are joined by digests, which stay."""
    first = bot.hears(ACME, OUT, number=1)
    bot.store.purge(bot.at + timedelta(days=1), keep_corrections=False)
    bot.hears(FOREIGN, IN, number=2, answers=1)

    assert bot.holds(first) is IN
    assert len(bot.under()) == 1
