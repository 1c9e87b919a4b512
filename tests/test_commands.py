"""`/triage …` and a message's shortcut, from what somebody types to the card: against the stand-in, as in test_pressing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from office import CHANNEL, Office, office, shown, words

from bot.commands import NO_CARD
from bot.local.slack import LocalSlack
from bot.local.slack.limits import block_problem
from bot.ports import ActKind, Outcome, VerdictKind
from bot.reception import NOT_ALLOWED, NOT_ASKED, NOT_HERE
from bot.slack.command import Asked, read
from classifiers.errors import UserError
from classifiers.terms import Disposition

ELSEWHERE = "C0ELSEWHERE"  # the bot is no member there


def short(desk: Office, report: int) -> str:
    return desk.store.report(report).short


# ------------------------------------------------------------------------------------------------ what is typed


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", Asked(verb="help")),
        ("9f2c51ab", Asked(verb="show", report="9f2c51ab")),
        ("show 9f2c", Asked(verb="show", report="9f2c")),
        ("reclassify 9f2c", Asked(verb="reclassify", report="9f2c")),
        ("reclassify 9f2c --undo", Asked(verb="reclassify", report="9f2c", undo=True)),
        (
            "reclassify 9f2c \u2014as out_of_scope \u2014category a --category b --reason \u201cit doesn\u2019t\u201d \u2014no-word",
            Asked(
                verb="reclassify", report="9f2c", given=Disposition.OUT_OF_SCOPE, categories=("a", "b"), reason="it doesn't",
                word=False,
            ),
        ),  # as a telephone types it
        (
            "reclassify 9f2c --reason it doesn't matter --as in_scope",
            Asked(verb="reclassify", report="9f2c", given=Disposition.IN_SCOPE, reason="it doesn't matter"),
        ),
    ],
)  # fmt: skip
def test_what_is_typed_is_read_as_on_the_command_line(text: str, asked: Asked) -> None:
    assert read(text) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frobnicate 9f2c", "there is no “frobnicate”. `/triage help` lists"),
        ("show", "required: ID"),
        ("open now", "unrecognized"),
        ("reclassify 9f2c --as spam", "none of in_scope"),
        ("reclassify 9f2c --word", "go with --as"),
        ("reclassify 9f2c --undo --as in_scope", "one of the two"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read(text)


# ------------------------------------------------------------------------------------------------ looking


def test_open_lists_what_waits_and_status_how_triage_stands(desk: Office) -> None:
    """To them alone, with who has what; an audit is listed without the bot's opinion."""
    live, audit = desk.report(Disposition.IN_SCOPE), desk.report(audited=True)
    desk.report(Disposition.OUT_OF_SCOPE)
    desk.press("U0BEN", live, "triage_take")

    said = desk.say("U0ANA", "open")
    status = desk.say("U0ANA", "status")

    message = desk.slack.workspace.private[0]
    assert said.startswith("2 reports wait for a person")
    told = re.sub(r"\d+ min", "N min", words(message))  # the clock goes on with every look at it
    assert f"`{short(desk, live)}` 🔴 In scope (E-mail authentication), N min, taken by ben: “number 0”" in told
    assert f"`{short(desk, audit)}` 🟣 Audit, N min: “number 1”" in told
    assert block_problem(message["blocks"], message["text"]) == ("", [])
    assert "Mailbox security: not read yet" in status
    assert "rules r1 · model m1 · policy p p1" in status
    assert [m for m in desk.slack.messages(CHANNEL) if "thread_ts" not in m] == [
        desk.card(r.id) for r, _, _ in desk.store.listing()
    ]


def test_show_is_the_card_as_it_stands_without_buttons(desk: Office) -> None:
    report = desk.report()

    desk.say("U0ANA", f"show {short(desk, report)[:5]}", ELSEWHERE)

    message = desk.slack.workspace.private[-1]
    card = [b for b in desk.card(report)["blocks"] if b["type"] != "actions"]
    assert [b.get("text") for b in message["blocks"]][: len(card)] == [b.get("text") for b in card]
    assert shown(message) == []
    assert block_problem(message["blocks"], message["text"]) == ("", [])
    assert [(a.kind, a.outcome) for a in desk.store.acts(report)] == [(ActKind.LOOK, Outcome.DONE)]


def test_an_audit_is_shown_blind(desk: Office) -> None:
    report = desk.report(audited=True)
    desk.say("U0ANA", short(desk, report))

    assert "Audit: what is this?" in words(desk.slack.workspace.private[-1])
    assert "authentication" not in words(desk.slack.workspace.private[-1])


# ------------------------------------------------------------------------------------------------ deciding


def test_reclassify_decides_as_a_press_does(desk: Office) -> None:
    """Said elsewhere, where the bot is no member: the verdict, its record and the card; they are told how it went."""
    report = desk.report()

    said = desk.say(
        "U0ANA", f"reclassify {short(desk, report)} --as in_scope --no-word --reason it takes over accounts", ELSEWHERE
    )

    current = desk.store.current(report)
    assert current is not None
    assert (current.kind, current.decided_by, current.reason) == (
        VerdictKind.PERSON, "person:ana (U0ANA)", "it takes over accounts",
    )  # fmt: skip
    assert current.verdict.acknowledgement.state.value == "missing"
    assert "*In scope*, decided by ana" in words(desk.card(report))
    assert said == f"`{short(desk, report)}`: *In scope*, as you said."
    assert [(a.kind, a.outcome) for a in desk.store.acts(report)] == [(ActKind.CHANGE, Outcome.DONE)]


def test_reclassify_without_a_verdict_opens_the_modal(desk: Office) -> None:
    """The word is left as the bot saw it where nobody touches it."""
    report = desk.report()
    desk.say("U0ANA", f"reclassify {short(desk, report)}", ELSEWHERE)
    desk.submit("U0ANA", what="in_scope", kinds=[])

    current = desk.store.current(report)
    assert current is not None
    assert current.verdict.disposition is Disposition.IN_SCOPE
    assert current.verdict.acknowledgement.state.value == "found"


def test_what_the_modal_refuses_the_command_refuses(desk: Office) -> None:
    report = desk.report()
    said = desk.say("U0ANA", f"reclassify {short(desk, report)} --as not_a_report --category cookie_flags")
    unknown = desk.say("U0ANA", f"reclassify {short(desk, report)} --as out_of_scope --category nonsense")

    assert said == "That was not done: A mail that is called not a report has no categories."
    assert "no category nonsense" in unknown
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_a_word_is_taken_back_and_a_report_judged_again(desk: Office) -> None:
    report = desk.report()
    desk.press("U0ANA", report, "triage_agree")

    undone = desk.say("U0ANA", f"reclassify {short(desk, report)} --undo --reason slipped")
    again = desk.say("U0ANA", f"rerun {short(desk, report)}")

    assert undone == f"`{short(desk, report)}` is no longer out of scope; what holds again: *Out of scope*."
    assert again == f"Judged `{short(desk, report)}` again: now *Needs review*."
    assert [h.kind for h in desk.store.history(report)] == [
        VerdictKind.BOT, VerdictKind.PERSON, VerdictKind.UNDO, VerdictKind.BOT,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("show ffffffff", "there is no report ffffffff"),
        ("rerun xyz", "is no report's id"),
        ("dance", "there is no “dance”"),
    ],
)
def test_what_cannot_be_done_is_told(desk: Office, text: str, said: str) -> None:
    assert said in desk.say("U0ANA", text)
    assert [a.outcome for a in desk.store.acts()] == [Outcome.FAILED]


# ------------------------------------------------------------------------------------------------ who may


def test_who_is_not_named_learns_nothing(desk: Office) -> None:
    """Not even whether there is such a report."""
    report = desk.report()
    for text in (
        "open",
        f"show {short(desk, report)}",
        "show ffffffff",
        f"reclassify {short(desk, report)} --as in_scope",
    ):
        assert desk.say("U0EVE", text) == NOT_ALLOWED
    desk.change_verdict("U0EVE", desk.card(report)["ts"])

    assert desk.slack.told("U0EVE") == [NOT_ALLOWED] * 5
    assert desk.slack.hands.modal("U0EVE") is None
    assert {a.outcome for a in desk.store.acts()} == {Outcome.REFUSED}


def test_everybody_who_sees_the_channel_asks_there(tmp_path: Path, slack: LocalSlack) -> None:
    """Elsewhere nobody knows whether they see it."""
    with office(tmp_path, slack, users=("*",)) as desk:
        assert desk.say("U0EVE", "open", ELSEWHERE) == NOT_HERE
        assert desk.say("U0EVE", "open") == "Nothing waits for a person."


def test_everybody_is_answered_where_a_group_cannot_be_looked_up(tmp_path: Path, slack: LocalSlack) -> None:
    """Where the cards are everybody may; elsewhere, and in Home, they are told why it cannot be known whether they may."""
    with office(tmp_path, slack, users=("*",), groups=("S0NOBODY",)) as desk:
        report = desk.report()

        assert desk.say("U0EVE", "status").startswith("Mailbox security")
        assert desk.say("U0EVE", "open", ELSEWHERE) == NOT_ASKED
        assert desk.say("U0BEN", f"reclassify {short(desk, report)} --as in_scope", ELSEWHERE) == NOT_ASKED
        assert desk.home("U0EVE")["blocks"][0]["text"]["text"] == NOT_ASKED
        assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------ the shortcut


def test_the_shortcut_works_when_the_buttons_are_gone(desk: Office) -> None:
    """On the card, and on a message in its thread."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_agree")
    (reply,) = [m for m in desk.slack.messages(CHANNEL) if m.get("thread_ts") == desk.card(report)["ts"]]
    for ts, reason in ((desk.card(report)["ts"], "on the card"), (reply["ts"], "in the thread")):
        assert desk.change_verdict("U0BEN", ts) == ""
        desk.submit("U0BEN", what="in_scope", why=reason)

    assert [h.reason for h in desk.store.history(report)][-2:] == ["on the card", "in the thread"]
    assert "*In scope*, decided by ben" in words(desk.card(report))


def test_the_shortcut_on_another_message_says_so(desk: Office) -> None:
    said: dict[str, Any] = {"channel": CHANNEL, "text": "good morning"}
    ts = desk.slack.answer("chat.postMessage", said, desk.slack.token)[1]["ts"]
    desk.change_verdict("U0ANA", ts)

    assert desk.slack.told("U0ANA") == [f"That was not done: {NO_CARD}"]
