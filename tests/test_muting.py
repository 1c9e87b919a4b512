"""Muting a sender: from the menu, by a command, on the command line; what it hides, what it never hides, whom it takes."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from mailroom import MONDAY, Mailroom, mailroom, words
from office import ACCOUNT, Office
from running import configuration
from test_cli import triage

from bot.muting import MUTED, mute, unmute
from bot.ports import ActKind, Outcome
from bot.precedent import Traces, is_proven
from bot.store.mutes import UNPROVEN
from classifiers.errors import UserError
from classifiers.terms import Authentication

PASSES = "Authentication-Results: mx.us.example; dkim=pass header.d=hunter.example; dmarc=pass\r\n"
FAILS = "Authentication-Results: mx.us.example; dkim=none; dmarc=fail\r\n"
FOREIGN = "Authentication-Results: mx.else.example; dmarc=pass\r\n"


def muted(room: Mailroom) -> Mailroom:
    """ravi@hunter.example is muted since the first mail."""
    first = room.receives("out_of_scope", number=100, head=PASSES)
    mute(room.store, first, by="person:ana", now=room.at)
    return room


# ------------------------------------------------------------------------------------------------ what it hides


def test_a_muted_senders_mail_comes_in_the_digest(room: Mailroom) -> None:
    """Whatever is not live, and marked as muted there."""
    muted(room)
    for number, said in enumerate(("out_of_scope", "incomplete", "not_a_report")):
        room.receives(said, number=number, head=PASSES)
    assert len(room.posts()) == 1

    room.delivery.say_digest()

    digest = words(room.posts()[-1])
    assert digest.count(", muted: ") == 3


@pytest.mark.parametrize("said", ["in_scope", "needs_review"])
def test_what_is_live_is_never_hidden(room: Mailroom, said: str) -> None:
    muted(room).receives(said, number=1, head=PASSES)

    assert "mail 1" in room.titles()[-1]


def test_what_turns_out_live_later_gets_its_card(room: Mailroom) -> None:
    """A follow-up raises what had gone to the digest."""
    muted(room).receives("out_of_scope", number=1, head=PASSES)
    room.receives("in_scope", number=2, head=PASSES, answers=1)

    assert "In scope" in room.titles()[-1]
    assert "mail 1" in room.titles()[-1]


@pytest.mark.parametrize(
    ("head", "sender"),
    [
        ("", "ravi@hunter.example"),  # nobody vouches for it
        (FAILS, "ravi@hunter.example"),  # a forgery
        (FOREIGN, "ravi@hunter.example"),  # a server that is not ours says so
        (PASSES, "ana@hunter.example"),  # somebody else of that domain
    ],
)
def test_only_who_is_proven_to_be_the_muted_sender_is_muted(room: Mailroom, head: str, sender: str) -> None:
    muted(room).receives("out_of_scope", number=1, head=head, sender=sender)

    assert len(room.posts()) == 2


def test_a_mute_ends_after_thirty_days_or_when_somebody_says_so(room: Mailroom) -> None:
    muted(room)
    (it,) = room.store.mutes(room.at)
    assert it.until == room.at + MUTED == room.at + timedelta(days=30)
    room.receives("out_of_scope", number=1, head=PASSES)
    assert room.store.mutes(room.at)[0].mails == 1

    room.at += MUTED
    room.receives("out_of_scope", number=2, head=PASSES)
    assert len(room.posts()) == 2
    assert room.store.mutes(room.at) == ()

    again = room.store.listing()[-1][0]
    mute(room.store, again, by="person:ana", now=room.at)
    mute(room.store, again, by="person:ben", now=room.at)
    assert [m.by for m in room.store.mutes(room.at)] == ["person:ben"]
    unmute(room.store, again, by="person:ana", now=room.at)
    room.receives("out_of_scope", number=3, head=PASSES)
    assert len(room.posts()) == 3
    with pytest.raises(UserError, match="is not muted"):
        unmute(room.store, again, by="person:ana", now=room.at)


@pytest.mark.parametrize("head", ["", FAILS, FOREIGN])
def test_who_is_not_proven_cannot_be_muted(room: Mailroom, head: str) -> None:
    """Else anybody could have another person muted by writing in their name."""
    report = room.receives("out_of_scope", head=head)

    with pytest.raises(UserError, match="trusted_authserv"):
        mute(room.store, report, by="person:ana", now=room.at)
    assert room.store.mutes(room.at) == ()


@pytest.mark.parametrize(
    ("sender", "dmarc", "signed_by", "proven"),
    [
        ("a@x.example", "pass", (), True),
        ("a@x.example", None, ("x.example",), True),
        ("a@mail.x.example", None, ("x.example",), True),
        ("a@x.example", None, ("mail.x.example",), False),
        ("a@x.example", None, ("mailer.example",), False),  # a mailing service signed for itself
        ("a@x.example", None, ("example",), False),  # no domain of anybody's
        ("a@x.example", "fail", ("x.example",), False),
        ("a@gmail.com", None, ("gmail.com",), True),  # the house vouches for its own address
        ("nobody", "pass", (), False),
    ],
)
def test_who_is_proven(sender: str, dmarc: str | None, signed_by: tuple[str, ...], *, proven: bool) -> None:
    assert is_proven(sender, Authentication(dmarc=dmarc, signed_by=signed_by)) is proven
    assert is_proven(sender, None) is False


# ------------------------------------------------------------------------------------------------ who says so


def proven(desk: Office) -> int:
    """A report whose sender is proven."""
    report = desk.report()
    current = desk.store.current(report)
    assert current is not None
    traces = Traces(signature=(), message_id=None, references=(), sender="ravi@hunter.example", domain="", proven=True)
    desk.store.record(report, current.verdict, kind=current.kind, decided_by="bot", decided_at=MONDAY, traces=traces)
    return report


def test_the_menu_asks_before_it_mutes(desk: Office) -> None:
    """A modal says what it means; then it is so, it is recorded, and who did it is told how to end it."""
    report = proven(desk)
    desk.press("U0ANA", report, "triage_more", "mute")
    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None
    assert "for 30 days" in words({"text": "", "blocks": modal["blocks"]})
    assert desk.store.mutes(desk.store.report(report).kept_at) == ()

    desk.submit("U0ANA")

    short = desk.store.report(report).short
    assert [m.report for m in desk.store.mutes(desk.store.report(report).kept_at)] == [short]
    assert f"`/triage unmute {short}` ends it" in desk.slack.told("U0ANA")[-1]
    assert [(a.kind, a.outcome) for a in desk.store.acts(report)] == [(ActKind.MUTE, Outcome.DONE)]


def test_the_menu_says_why_a_sender_cannot_be_muted(desk: Office) -> None:
    report = desk.report()
    desk.press("U0ANA", report, "triage_more", "mute")

    assert desk.slack.hands.modal("U0ANA") is None
    assert UNPROVEN.split(":", maxsplit=1)[0] in desk.slack.told("U0ANA")[-1]


def test_commands_mute_list_and_unmute(desk: Office) -> None:
    report = proven(desk)
    short = desk.store.report(report).short

    assert "is muted until 2026-12-02" in desk.say("U0ANA", f"mute {short}")
    assert desk.say("U0BEN", "mutes") == f"the sender of `{short}`, by ana until 2026-12-02, 0 mails since"
    assert f"the sender of `{short}`" in words({"text": "", "blocks": desk.home("U0BEN")["blocks"]})
    assert desk.say("U0BEN", f"unmute {short}") == f"The sender of `{short}` is heard again."
    assert desk.say("U0BEN", "mutes") == "No sender is muted."
    assert desk.say("U0EVE", f"mute {short}").startswith("You may read this")
    kinds = [(a.kind, a.outcome) for a in desk.store.acts(report)]
    assert kinds == [(ActKind.MUTE, Outcome.DONE), (ActKind.UNMUTE, Outcome.DONE)]


@pytest.mark.usefixtures("no_proxy")
def test_the_command_line_does_the_same(tmp_path: Path) -> None:
    config = configuration(tmp_path, ACCOUNT, SimpleNamespace(base_url="http://127.0.0.1:9/api/"))
    with mailroom(f"sqlite:///{tmp_path}/state/triage.db") as room:
        report = room.receives("out_of_scope", head=PASSES)
    steps = itertools.chain.from_iterable([[(report.short,), (), (report.short, "--end"), ()]])
    said = [triage("mute", *step, "--by", "ana", "--config", config).stdout for step in steps]

    assert said[0].startswith(f"The sender of {report.short} is muted until ")
    assert said[1].startswith(f"the sender of {report.short}, by ana until ")
    assert said[2:] == [f"The sender of {report.short} is heard again.\n", "no sender is muted\n"]
    assert triage("mute", "--end", "--config", config).returncode == 2
    triage("mute", report.short, "--config", config)
    data = json.loads(triage("mute", "--json", "--config", config).stdout)
    assert (data["report"], data["mails"]) == (report.short, 0)
