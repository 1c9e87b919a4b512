"""Pressing in Slack, from the click to the card: taking, deciding, answering an audit."""

from __future__ import annotations

from dataclasses import replace

from office import CHANNEL, Office, labels, shown, words

from bot.local.slack import LocalSlack
from bot.ports import ActKind, Outcome, VerdictKind
from bot.reply import suggested
from classifiers.terms import Disposition, Verdict

# ------------------------------------------------------------------------------------------------ taking


def test_a_live_report_is_taken_first_and_given_back(desk: Office) -> None:
    """ "Take it" comes first; the card names who has it; who comes second is told; giving it back frees it."""
    report = desk.report(Disposition.IN_SCOPE)
    assert labels(desk.card(report)) == ["Take it", "Change…"]

    assert desk.press("U0ANA", report, "triage_take") == ""

    assert "Taken by ana, 2026-11-02 09:00 UTC" in words(desk.card(report))
    assert labels(desk.card(report)) == ["Agree: in scope", "Change…"]
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]
    desk.press("U0ANA", report, "triage_more", "give_back")
    assert "Taken by" not in words(desk.card(report))
    desk.press("U0BEN", report, "triage_take")
    assert "Taken by ben" in words(desk.card(report))
    assert [(a.kind, a.by, a.outcome) for a in desk.store.acts(report)] == [
        (ActKind.TAKE, "person:ana (U0ANA)", Outcome.DONE),
        (ActKind.GIVE_BACK, "person:ana (U0ANA)", Outcome.DONE),
        (ActKind.TAKE, "person:ben (U0BEN)", Outcome.DONE),
    ]


def test_who_takes_second_is_told_who_was_first(desk: Office, slack: LocalSlack) -> None:
    """Both see the button: one has it, the other hears so, alone."""
    report = desk.report(Disposition.NEEDS_REVIEW)
    card = desk.card(report)
    desk.press("U0ANA", report, "triage_take")
    slack.workspace.channels[CHANNEL][0]["blocks"] = card["blocks"]  # what ben still has on his screen

    desk.press("U0BEN", report, "triage_take")

    (said,) = slack.told("U0BEN")
    assert said.startswith("ana took `")
    assert slack.told("U0ANA") == []
    assert desk.store.holder(report).by == "person:ana (U0ANA)"  # type: ignore[union-attr]


def test_a_report_that_is_not_live_has_the_likely_answer_first(desk: Office) -> None:
    assert labels(desk.card(desk.report(Disposition.OUT_OF_SCOPE))) == ["Agree: out of scope", "Change…"]
    assert labels(desk.card(desk.report(Disposition.INCOMPLETE))) == ["Agree: incomplete", "Change…"]


# ------------------------------------------------------------------------------------------------ deciding


def test_agreeing_decides_as_the_command_line_does(desk: Office) -> None:
    """A person's verdict with the bot's categories; the buttons go, the card says who, the bot's guess stays."""
    report = desk.report()

    desk.press("U0ANA", report, "triage_agree")

    current = desk.store.current(report)
    assert current is not None
    assert (current.kind, current.decided_by) == (VerdictKind.PERSON, "person:ana (U0ANA)")
    assert [f.category for f in current.verdict.categories] == ["email_authentication"]
    card = desk.card(report)
    assert shown(card) == []
    assert "*Out of scope*, decided by ana" in words(card)
    assert "The bot recommends: ⚪ Out of scope, very likely" in words(card)
    assert card["text"].startswith("Out of scope · ")


def test_change_says_what_it_is_and_why(desk: Office) -> None:
    """The modal holds what the bot thought; what is saved is a person's verdict with its reason."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None
    inputs = {b["block_id"]: b["element"] for b in modal["blocks"] if b["type"] == "input"}
    assert inputs["what"]["initial_option"]["value"] == "out_of_scope"
    assert [o["value"] for o in inputs["kinds"]["initial_options"]] == ["email_authentication"]
    assert [o["value"] for o in inputs["word"]["initial_options"]] == ["yes"]

    desk.submit("U0ANA", what="in_scope", kinds=[], word=[], why="it takes over accounts")

    current = desk.store.current(report)
    assert current is not None
    assert (current.verdict.disposition, current.reason) == (Disposition.IN_SCOPE, "it takes over accounts")
    assert current.verdict.acknowledgement.state.value == "missing"
    assert "*Decided by ana*: it takes over accounts" in words(desk.card(report))


def test_a_modal_that_makes_no_sense_stays_open(desk: Office) -> None:
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")

    said = desk.submit("U0ANA", what="not_a_report")

    assert said.errors == {"kinds": "A mail that is called not a report has no categories."}
    assert desk.slack.hands.modal("U0ANA") is not None
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_the_word_is_left_as_the_bot_saw_it_where_nobody_touches_it(desk: Office) -> None:
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    desk.submit("U0ANA", why="as it is")

    assert desk.store.current(report).verdict.acknowledgement.state.value == "found"  # type: ignore[union-attr]


def test_of_two_who_decide_at_once_the_second_is_shown_what_the_first_said(desk: Office, slack: LocalSlack) -> None:
    """Both have the modal open; nothing is overwritten, and what the second wrote is not lost either."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    desk.press("U0BEN", report, "triage_change")
    desk.submit("U0ANA", what="in_scope", why="a mail was spoofed")

    desk.submit("U0BEN", what="out_of_scope", why="only SPF <!channel>")

    assert desk.store.current(report).decided_by == "person:ana (U0ANA)"  # type: ignore[union-attr]
    (said,) = slack.told("U0BEN")
    assert "ana decided" in said
    assert "*In scope*: “a mail was spoofed”" in said
    assert "What you said was not saved: Out of scope, “only SPF &lt;!channel&gt;”." in said
    assert desk.store.acts(report)[-1].outcome is Outcome.LATE


def test_a_press_on_a_card_that_changed_meanwhile_says_so(desk: Office, slack: LocalSlack) -> None:
    """The bot judged it again while somebody was about to agree: what they saw no longer holds."""
    report = desk.report()
    old = desk.card(report)
    desk.press("U0BEN", report, "triage_more", "again")
    assert "now *Needs review*" in slack.told("U0BEN")[0]
    slack.workspace.channels[CHANNEL][0]["blocks"] = old["blocks"]

    desk.press("U0ANA", report, "triage_agree")

    assert "was judged again meanwhile, now *Needs review*" in slack.told("U0ANA")[0]
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_judged_again_with_nothing_changed_a_card_can_be_pressed_still(desk: Office, slack: LocalSlack) -> None:
    """Also the card of before, as a mass of reports judged again leaves it; the one who asked gets a card of today's reasons."""
    report = desk.report()
    desk.worker.disposition = Disposition.INCOMPLETE
    desk.press("U0BEN", report, "triage_more", "again")
    old = desk.card(report)
    desk.press("U0BEN", report, "triage_more", "again")
    assert "still *Incomplete*" in slack.told("U0BEN")[-1]
    assert shown(desk.card(report))[0]["value"] != shown(old)[0]["value"]
    slack.workspace.channels[CHANNEL][0]["blocks"] = old["blocks"]

    desk.press("U0ANA", report, "triage_agree")

    assert slack.told("U0ANA") == []
    assert desk.store.current(report).decided_by == "person:ana (U0ANA)"  # type: ignore[union-attr]


def test_why_shows_everything_that_was_seen(desk: Office) -> None:
    report = desk.report()
    desk.press("U0ANA", report, "triage_more", "why")

    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None
    assert "`rule:email_authentication." in words(modal)


def test_the_suggested_reply_is_shown_to_be_copied(desk: Office) -> None:
    """The policy's text with the clause; offered where there is one, and never for an audit."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_more", "reply")

    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None
    assert (
        "We do not seek this:\\n“Sender Policy Framework (SPF) configuration suggestions”\\nSee https://a.example"
        in words(modal)
    )
    in_scope = words(desk.card(desk.report(Disposition.IN_SCOPE)))
    assert "Suggested reply" not in in_scope + words(desk.card(desk.report(audited=True)))


def test_a_reply_with_a_hole_in_it_is_none() -> None:
    """ "Please send: ." is worse than nothing."""
    verdict = Verdict(report="0" * 64, disposition=Disposition.INCOMPLETE, confidence=1, why="")
    replies = {"incomplete": "Send {missing}."}

    assert suggested(replies, verdict, requested={}, url="") == ""
    asked = replace(verdict, missing=("steps_to_reproduce",))
    assert suggested(replies, asked, requested={"steps_to_reproduce": "the steps"}, url="") == "Send the steps."


# ------------------------------------------------------------------------------------------------ audits


def test_an_audit_is_answered_by_a_button_and_stays_blind_until_then(desk: Office) -> None:
    report = desk.report(audited=True)
    card = desk.card(report)
    assert labels(card) == ["In scope", "Out of scope…", "Incomplete", "Not a report"]
    assert not [e for e in shown(card) if e.get("style")]  # none is recommended
    assert "mail authentication" not in words(card).lower()

    desk.press("U0ANA", report, "triage_answer_in_scope")

    assert desk.store.current(report).verdict.disposition is Disposition.IN_SCOPE  # type: ignore[union-attr]
    assert "Asked blind. The bot's opinion: *Out of scope*" in words(desk.card(report))


def test_an_audits_modal_gives_nothing_away(desk: Office) -> None:
    report = desk.report(audited=True)
    desk.press("U0ANA", report, "triage_change")
    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None

    inputs = {b["block_id"]: b["element"] for b in modal["blocks"] if b["type"] == "input"}
    assert "initial_options" not in inputs["kinds"]
    assert "initial_options" not in inputs["word"]
    assert "needs_review" not in [o["value"] for o in inputs["what"]["options"]]
    desk.submit("U0ANA", kinds=["email_authentication"])
    assert desk.store.current(report).verdict.disposition is Disposition.OUT_OF_SCOPE  # type: ignore[union-attr]
