"""The suggested reply: which text, with what filled in, in whose language, where it is shown, and whom nobody answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from make import RULES, judge, make_report
from office import CHANNEL, Office

from bot.assembly import judging_worker
from bot.judge import letterhead
from bot.mail.mime import parse
from bot.reply import suggested
from bot.tasks import Task
from classifiers.policyfiles import load_policy
from classifiers.proofs import lint
from classifiers.rulebook import Rulebook
from classifiers.terms import Acknowledgement, AcknowledgementState, Disposition, Verdict

FOUND = Acknowledgement(state=AcknowledgementState.FOUND, where="body")
REQUESTED = {"steps_to_reproduce": "the steps", "software_and_versions": "the software"}
LANGUAGES = ("de", "es", "fr", "id", "pt")


@pytest.fixture(scope="module")
def replies() -> dict[str, str]:
    return dict(load_policy(RULES, "planetscale", Rulebook.load(RULES)).replies)


def verdict(disposition: Disposition, *missing: str, acknowledgement: Acknowledgement = FOUND) -> Verdict:
    return Verdict(
        report="0" * 64, disposition=disposition, confidence=1, why="", missing=missing, acknowledgement=acknowledgement
    )


def say(replies: dict[str, str], it: Verdict, language: str = "") -> str:
    return suggested(
        replies, it, requested=REQUESTED, url="https://policy.example", word="mochi", language=language
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ what it says


def test_a_dismissal_quotes_its_clause_and_says_what_would_reopen_it(replies: dict[str, str]) -> None:
    text = say(replies, judge(make_report("No SPF record", "Your domain has no SPF record. mochi")))

    assert "    “Sender Policy Framework (SPF) configuration suggestions”\n" in text
    assert "tell us how to reproduce it" in text
    assert "{" not in text


def test_a_clause_that_covers_only_by_extension_says_so(replies: dict[str, str]) -> None:
    text = say(replies, judge(make_report("DMARC", "There is no DMARC record for example.com, the policy is missing.")))

    assert "but aren't limited to:” (its list is not complete: your report is of that kind)" in text


def test_an_incomplete_report_is_told_what_is_missing_the_word_too(replies: dict[str, str]) -> None:
    """Where the word was there, nothing is said of it; where it was not, the reply does not give it away."""
    asked = verdict(Disposition.INCOMPLETE, "steps_to_reproduce", "software_and_versions")
    without = replace(asked, acknowledgement=Acknowledgement(state=AcknowledgementState.MISSING))

    assert "the finding itself: the steps; the software\n\nOur policy" in say(replies, asked)
    assert "the software\n\nWe did not see the word that our guidelines ask for either.\n\n" in say(replies, without)
    assert "mochi" not in say(replies, without)


def test_a_live_report_is_thanked_and_asked_only_for_what_is_missing(replies: dict[str, str]) -> None:
    whole = say(replies, verdict(Disposition.IN_SCOPE))

    assert whole == "Thank you for your report. We are looking into it and will come back to you."
    assert "help us to have: the steps" in say(replies, verdict(Disposition.IN_SCOPE, "steps_to_reproduce"))


@pytest.mark.parametrize("disposition", [Disposition.NEEDS_REVIEW, Disposition.NOT_A_REPORT, Disposition.OUT_OF_SCOPE])
def test_where_there_is_nothing_to_say_there_is_no_reply(replies: dict[str, str], disposition: Disposition) -> None:
    """What a person must look at first, what is no report, and a dismissal without a clause to quote."""
    assert say(replies, verdict(disposition)) == ""


# ------------------------------------------------------------------------------------------------ in whose language


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("disposition", ["out_of_scope", "in_scope", "incomplete"])
def test_every_text_of_a_language_says_what_the_english_says(
    replies: dict[str, str], language: str, disposition: str
) -> None:
    """The same paragraphs with the same places; and every item it names has its words."""
    own, english = replies[f"{disposition}.{language}"], replies[disposition]

    assert own.count("\n\n") == english.count("\n\n")
    assert all(own.count(place) == english.count(place) for place in ("{clause}", "{missing}", "{word}", "{url}"))
    for name in ("word", "by_extension", *REQUESTED):
        assert replies[f"{name}.{language}"]


def test_a_reporter_is_answered_in_their_language_where_the_policy_has_it(replies: dict[str, str]) -> None:
    """All of it, the missing items too; and the clause as the policy has it."""
    asked = verdict(Disposition.IN_SCOPE, "steps_to_reproduce")

    assert say(replies, asked, "de").startswith("Vielen Dank für Ihre Meldung.")
    assert "die Schritte" in say(replies, asked, "de")
    assert say(replies, asked, "nl").startswith("Thank you")
    assert say(replies, asked, "en") == say(replies, asked)
    dismissed = judge(make_report("No SPF record", "Your domain has no SPF record. mochi"))
    assert "“Sender Policy Framework (SPF) configuration suggestions”" in say(replies, dismissed, "fr")


def test_the_language_is_that_of_the_reports_own_words() -> None:
    """Told by the worker beside the verdict; the subject does not count."""
    texts = {
        "es": "Buenos días, el dominio no tiene una política DMARC y un atacante podría enviar correos falsos en nombre de la empresa.",
        "de": "Guten Tag, die Domain hat keinen Eintrag und ein Angreifer kann damit Mails in Ihrem Namen verschicken, das ist nicht gut.",
        "en": "Hello, the domain has no record and anybody can send mail in your name with this, which is not good for you.",
        "": "mochi",
    }
    with judging_worker(policy="planetscale", rules=None, model=None) as worker:
        raws = [f"Subject: No DMARC record\r\n\r\n{text}\r\n".encode() for text in texts.values()]
        judged = list(worker.judge(Task(raw=raw, size=len(raw), truncated=False) for raw in raws))

    assert [j.letterhead.language for j in judged] == list(texts)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[replies.de]", "[replies.german]", "two small letters"),
        ("[replies.de]\n", "[replies.de]\nmaybe = 'x'\n", "[replies] holds texts"),
        ("[replies.de]\n", "[replies.de]\ndrafts = 1\n", "[replies] holds texts"),
    ],
)
def test_a_wrong_language_is_told(tmp_path: Path, old: str, new: str, problem: str) -> None:
    import shutil

    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    path = rules / "policies/planetscale.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    assert any(problem in str(p) and "planetscale.toml" in str(p) for p in lint(rules))


# ------------------------------------------------------------------------------------------------ where it is shown


def thread(desk: Office) -> list[str]:
    return [json.dumps(m, ensure_ascii=False) for m in desk.slack.messages(CHANNEL) if "thread_ts" in m]


def test_the_thread_shows_the_reply_and_another_once_somebody_decides_otherwise(desk: Office) -> None:
    """With the details first; agreeing adds nothing; what a person changed has its own."""
    first, second = desk.report(), desk.report()
    details = thread(desk)
    assert all("*Suggested reply*" in d and "We do not seek this:" in d for d in details)

    desk.press("U0ANA", first, "triage_agree")
    assert thread(desk) == details
    desk.press("U0ANA", second, "triage_change")
    desk.submit("U0ANA", what="incomplete", kinds=[], word=[])

    (_, _, new) = thread(desk)
    assert new.startswith('{"type": "message"')
    assert "Send " in new
    assert json.loads(new)["thread_ts"] == desk.card(second)["ts"]
    assert desk.store.counts()["notices_due"] == 0


def test_of_an_audit_the_reply_comes_with_the_details_and_once(desk: Office) -> None:
    report = desk.report(audited=True)
    assert "Suggested reply" not in "".join(thread(desk))

    desk.press("U0ANA", report, "triage_answer_incomplete")

    assert "".join(thread(desk)).count("*Suggested reply*") == 1


def test_a_category_that_only_a_person_named_has_its_clause(desk: Office) -> None:
    """On the card and in the reply: the bot had not thought of it, the policy has."""
    report = desk.report(Disposition.IN_SCOPE)
    desk.press("U0ANA", report, "triage_change")
    desk.submit("U0ANA", what="out_of_scope", kinds=["cookie_flags"], why="only a cookie")

    assert "Clause: “Flags on cookies” _(by extension" in json.dumps(desk.card(report), ensure_ascii=False)
    assert "We do not seek this:\\n“Flags on cookies”" in thread(desk)[-1]


# ------------------------------------------------------------------------------------------------ whom nobody answers


def mail(**fields: str) -> bytes:
    told = {"From": "Ravi <ravi@hunter.example>", "Subject": "s"} | {k.replace("_", "-"): v for k, v in fields.items()}
    return "".join(f"{k}: {v}\r\n" for k, v in told.items()).encode() + b"\r\nhello\r\n"


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({}, "ravi@hunter.example"),
        ({"Reply_To": "Ravi <r@home.example>"}, "r@home.example"),
        ({"Reply_To": "r@home.example, list@lists.example"}, "ravi@hunter.example"),  # which of them?
        ({"Reply_To": "no address at all"}, "ravi@hunter.example"),
        ({"From": "no-reply@platform.example"}, ""),
        ({"From": "noreply@platform.example", "Reply_To": "person@home.example"}, "person@home.example"),
        ({"Reply_To": "do_not_reply@hunter.example"}, ""),
        ({"From": "notifications-noreply@platform.example"}, ""),
        ({"From": "MAILER-DAEMON@mx.example"}, ""),
        ({"From": "security-bounces@lists.example"}, ""),
        ({"From": "bounces+77@mailer.example"}, ""),
        ({"List_Id": "<news.example>"}, ""),
        ({"Precedence": "bulk"}, ""),
        ({"Auto_Submitted": "auto-replied"}, ""),
        ({"Auto_Submitted": "auto-generated"}, ""),  # a scanner, a ticket system
        ({"Auto_Submitted": "no"}, "ravi@hunter.example"),
        ({"Return_Path": "<>"}, ""),
        ({"X_Autoreply": "yes"}, ""),
        ({"To": "security@company.example", "List_Id": "<security.company.example>"}, "ravi@hunter.example"),  # our own group
        ({"From": ""}, ""),
    ],
)  # fmt: skip
def test_a_machine_a_list_and_who_wants_none_get_no_answer(fields: dict[str, str], address: str) -> None:
    assert letterhead(parse(mail(**fields))).answer_to == address


def test_what_an_answer_needs_survives_the_store_and_the_worker() -> None:
    """Address, thread and language come from the worker; a row of before has none of them."""
    from bot.store import rows

    raw = mail(Message_ID="<3@h.example>", References="<1@h.example> <2@h.example>", In_Reply_To="<2@h.example>")
    with judging_worker(policy="planetscale", rules=None, model=None) as worker:
        (judged,) = worker.judge([Task(raw=raw, size=len(raw), truncated=False)])
    head = judged.letterhead

    assert (head.answer_to, head.message_id, head.references) == (
        "ravi@hunter.example", "3@h.example", ("1@h.example", "2@h.example"),
    )  # fmt: skip
    assert rows.letterhead(rows.letterhead_to_json(head)) == head
    old: dict[str, Any] = {"subject": "s", "sender": "a@b.example", "message_id": None, "attachments": []}
    before = rows.letterhead(json.dumps(old))
    assert before is not None
    assert (before.answer_to, before.references, before.language) == ("", (), "")
