"""Copies of one template: one card that names each, decided together, and what never disappears into it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from mailroom import LOUD_ONES, MAIN, READING, Mailroom, words
from office import CHANNEL, NOW, Office, labels, shown
from test_likeness import ACME, OTHER

from bot.correction import apply, judge_again, take_back
from bot.local.slack import LocalSlack
from bot.local.slack.limits import block_problem
from bot.ports import Act, ActKind, KeptReport, Outcome, VerdictKind
from bot.precedent import Traces
from bot.routing import Routes, joined_notices
from bot.store.templates import MOST
from bot.triage import TEMPLATES
from classifiers.likeness import signature
from classifiers.terms import Disposition

OUT, IN = Disposition.OUT_OF_SCOPE, Disposition.IN_SCOPE


def copy(room: Mailroom, number: int, said: str = "out_of_scope spf", body: str = "") -> KeptReport:
    """One template, each time of another sender and under another subject."""
    text = body or ACME.replace("Acme", f"Company {number}")
    return room.receives(said, text, number=number, sender=f"hunter{number}@x{number}.example")


# ------------------------------------------------------------------------------------------------ one card


def test_twenty_copies_make_one_card_that_names_each(room: Mailroom) -> None:
    """The channel hears of the first; the rest stands on its card, with a count and every id."""
    copies = [copy(room, n) for n in range(20)]

    (card,) = room.posts()
    assert "*19 more alike, judged the same:*" in words(card)
    assert all(c.short in words(card) for c in copies)
    assert block_problem(card["blocks"], card["text"]) == ("", [])
    assert len(room.slack.messages(MAIN)) == 2  # the card, and the details of the first in its thread
    assert room.store.counts()["notices_due"] == 0


def test_copies_that_come_faster_than_they_are_told_are_all_told(room: Mailroom) -> None:
    """One change of the card stands for several; a look through the database misses nobody."""
    room.slack.script("error:fatal_error")  # unknown: the card waits for its grace
    copies = [copy(room, n) for n in range(4)]

    assert room.store.examine().problems == ()
    room.at += timedelta(minutes=1)
    room.tells()
    (card,) = room.posts()
    assert all(c.short in words(card) for c in copies)


def test_a_copy_that_has_a_card_of_its_own_joins_no_other(room: Mailroom) -> None:
    """Somebody decided it before the bot had judged it, and took that back: its own card shows what the bot says."""
    first = copy(room, 1)
    text = ACME.replace("Acme", "Company 2")
    room.box.deliver(
        f"From: a@b.example\r\nX-Verdict: out_of_scope spf\r\nSubject: two\r\n\r\n{text}".encode(), received_at=room.at
    )
    room.triage.read(room.box, READING)
    second = room.store.listing()[-1][0]
    room.decides(second, IN)
    take_back(room.store, second.key, by="person:ana", reason="", routes=room.triage.routes, now=room.at)

    room.triage.judge_waiting()
    room.at += timedelta(hours=1)
    room.tells()

    (theirs,), (its,) = room.store.cards_of(first.id), room.store.cards_of(second.id)
    assert theirs.report_ids == (first.id,)
    assert its.report_ids == (second.id,)
    assert [title.partition(" · ")[0] for title in room.titles()] == ["Out of scope", "Out of scope"]


def test_a_card_names_no_more_than_it_can_show(room: Mailroom) -> None:
    """The next copy begins another."""
    copies = [copy(room, n) for n in range(MOST + 3)]

    first, second = room.posts()
    assert block_problem(first["blocks"], first["text"]) == ("", [])
    assert all(c.short in words(first) for c in copies[:MOST])
    assert all(c.short in words(second) for c in copies[MOST:])


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ("out_of_scope cookies", ""),  # other categories
        ("incomplete", ""),
        ("out_of_scope spf", OTHER),  # another text
        ("in_scope spf", ""),  # live: almost the same is not the same
        ("needs_review spf", ""),
    ],
)
def test_what_is_judged_otherwise_or_reads_otherwise_has_a_card_of_its_own(
    room: Mailroom, said: str, body: str
) -> None:
    copy(room, 1)
    copy(room, 2, said, body)

    assert len(room.posts()) == 2


def test_live_copies_share_a_card_only_where_they_are_the_same_to_the_letter(room: Mailroom) -> None:
    """Of two findings alike but for the host, each is told."""
    body = "Read other tenants' backups at https://{}.example/api with these steps: " + ACME
    for number, host in enumerate(("a", "b", "c")):
        room.receives("in_scope", body.format(host), number=number)
    assert len(room.posts()) == 3

    room.receives("needs_review", body.format("a"), number=7, head="Subject: again\r\n")
    again = room.receives("needs_review", body.format("a"), number=7, head="Subject: again\r\nX-Sent: twice\r\n")
    assert len(room.posts()) == 4
    assert again.short in words(room.posts()[3])


def test_a_copy_of_what_a_person_decided_has_a_card_of_its_own(room: Mailroom) -> None:
    """It says what was decided; whoever decided saw the others, not this one."""
    first = copy(room, 1)
    room.decides(first, OUT)
    copy(room, 2)
    copy(room, 3)

    assert len(room.posts()) == 2
    assert "1 similar, out of scope by @ana" in words(room.posts()[1])


def test_a_template_of_long_ago_begins_anew(room: Mailroom) -> None:
    copy(room, 1)
    room.at += TEMPLATES + timedelta(hours=1)
    copy(room, 2)

    assert len(room.posts()) == 2


# ------------------------------------------------------------------------------------------------ what turns out live


def test_a_copy_that_turns_out_live_comes_to_the_front(room: Mailroom) -> None:
    """The card shows it first, the channel is told, and the others stand below."""
    copies = [copy(room, n) for n in range(3)]
    (change,) = judge_again(room.store, room.triage.worker, [copies[1]])
    live = replace(change, after=replace(change.after, verdict=replace(change.after.verdict, disposition=IN)))
    apply(room.store, live, routes=room.triage.routes, now=lambda: room.at)
    room.tells()

    card, told = room.posts()
    assert card["text"].startswith("In scope")
    assert copies[1].short in card["text"]
    assert f"*Alike, but:* `{copies[0].short}` ⚪ Out of scope, `{copies[2].short}` ⚪ Out of scope" in words(card)
    assert told["text"] == f"`{copies[1].short}` was out of scope and turns out in scope: see its card."


def test_a_copy_that_turns_out_live_has_its_card_where_live_ones_are(room: Mailroom) -> None:
    room.routed(Routes(channel=MAIN, dispositions={IN: LOUD_ONES}))
    copies = [copy(room, n) for n in range(3)]
    room.decides(copies[2], IN)

    (live,) = room.posts(LOUD_ONES)
    assert copies[2].short in live["text"]
    assert len(room.posts()) == 1
    assert f"`{copies[2].short}` 🔴 In scope by ana" in words(room.posts()[0])


# ------------------------------------------------------------------------------------------------ deciding together


def template(desk: Office, number: int) -> list[int]:
    """So many copies on one card."""
    first = desk.report()
    return [first, *itertools.islice((joined(desk, first) for _ in itertools.count()), number - 1)]


def joined(desk: Office, first: int) -> int:
    """A further copy, as triage records it."""
    report, current = desk.kept(), desk.store.current(first)
    assert current is not None
    (card,) = desk.store.cards_of(first)
    kept = desk.store.report(report)
    desk.store.record(
        report, replace(current.verdict, report=kept.key), kind=VerdictKind.BOT, decided_by="bot", decided_at=kept.kept_at,
        notices=joined_notices(kept, card.id, CHANNEL, kept.kept_at),
        traces=Traces(signature=signature(ACME, ""), message_id=None, references=(), sender="", domain=""),
    )  # fmt: skip
    desk.tell()
    return report


def decided(desk: Office, report: int) -> str:
    current = desk.store.current(report)
    assert current is not None
    return current.decided_by


def test_agreeing_decides_all_that_the_card_named(desk: Office) -> None:
    """One press, one decision each on record; the card says so, and nothing else is told."""
    copies = template(desk, 4)
    before = len(desk.slack.messages(CHANNEL))
    assert "3 more alike" in words(desk.card(copies[0]))
    assert labels(desk.card(copies[0])) == ["Agree: out of scope (4 reports)", "Change…"]

    desk.press("U0ANA", copies[0], "triage_agree")

    assert [decided(desk, c) for c in copies] == ["person:ana (U0ANA)"] * 4
    assert shown(desk.card(copies[0])) == []
    assert "3 more alike, judged the same" in words(desk.card(copies[0]))
    assert len(desk.slack.messages(CHANNEL)) == before


def test_taking_takes_all_that_the_card_named(desk: Office) -> None:
    """But none that somebody else has, and none that came after the look; given back, all are free."""
    first = desk.report(IN)
    copies = [first, joined(desk, first), joined(desk, first)]
    assert labels(desk.card(first)) == ["Take it (3 reports)", "Change…"]
    theirs = Act(report_id=copies[2], kind=ActKind.TAKE, by="person:ben", at=NOW, outcome=Outcome.DONE)
    desk.store.hold(theirs, ())

    desk.press("U0ANA", first, "triage_take")
    copies.append(joined(desk, first))
    assert [held(desk, c) for c in copies] == ["person:ana (U0ANA)", "person:ana (U0ANA)", "person:ben", ""]

    desk.press("U0ANA", first, "triage_more", "give_back")
    assert [held(desk, c) for c in copies] == ["", "", "person:ben", ""]


def held(desk: Office, report: int) -> str:
    holder = desk.store.holder(report)
    return holder.by if holder else ""


def test_a_copy_that_came_after_the_look_is_not_decided_unseen(desk: Office, slack: LocalSlack) -> None:
    """Ana presses on the card of three; the fourth joined meanwhile. It is shown next, with its buttons."""
    copies = template(desk, 3)
    old = desk.card(copies[0])["blocks"]
    late = joined(desk, copies[0])
    slack.workspace.channels[CHANNEL][0]["blocks"] = old

    desk.press("U0ANA", copies[0], "triage_agree")

    assert [decided(desk, c) for c in (*copies, late)] == ["person:ana (U0ANA)"] * 3 + ["bot"]
    card = desk.card(copies[0])
    assert desk.store.report(late).short in card["text"]
    assert labels(card) == ["Agree: out of scope", "Change…"]


def test_the_modal_says_how_many_it_decides(desk: Office) -> None:
    """And one that was decided by itself in the meantime keeps its word."""
    copies = template(desk, 3)
    desk.press("U0ANA", copies[0], "triage_change")
    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None
    assert "This is said of 3 reports alike" in words({"text": "", **modal})
    desk.say("U0BEN", f"reclassify {desk.store.report(copies[2]).short} --as in_scope")

    desk.submit("U0ANA", what="incomplete", kinds=[], why="no steps")

    assert [decided(desk, c) for c in copies] == ["person:ana (U0ANA)", "person:ana (U0ANA)", "person:ben (U0BEN)"]
    card = words(desk.card(copies[0]))
    assert "*In scope*, decided by ben" in card
    assert f"*Alike, but:* `{desk.store.report(copies[0]).short}` 🟡 Incomplete by ana" in card


def test_what_was_decided_together_is_changed_together(desk: Office) -> None:
    """By the message's shortcut, once the buttons are gone; a command names one report and means one."""
    copies = template(desk, 3)
    desk.press("U0ANA", copies[0], "triage_agree")
    desk.change_verdict("U0BEN", desk.card(copies[0])["ts"])
    desk.submit("U0BEN", what="incomplete", kinds=[], why="rather")
    assert [decided(desk, c) for c in copies] == ["person:ben (U0BEN)"] * 3

    desk.say("U0ANA", f"reclassify {desk.store.report(copies[1]).short} --as in_scope")
    assert [decided(desk, c) for c in copies] == ["person:ben (U0BEN)", "person:ana (U0ANA)", "person:ben (U0BEN)"]


def test_who_decides_second_is_told(desk: Office, slack: LocalSlack) -> None:
    copies = template(desk, 3)
    old = desk.card(copies[0])["blocks"]
    desk.press("U0ANA", copies[0], "triage_agree")
    slack.workspace.channels[CHANNEL][0]["blocks"] = old
    desk.press("U0BEN", copies[0], "triage_agree")

    assert slack.told("U0BEN")[0].startswith("ana decided `")
    assert [decided(desk, c) for c in copies] == ["person:ana (U0ANA)"] * 3
    assert desk.store.acts(copies[0])[-1].outcome is Outcome.LATE
