"""Drafts of answers: how they are written, when they are laid into the mailbox, and when not. Nothing is ever sent."""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from dovecot import Dovecot
from hypothesis import given, settings
from hypothesis import strategies as st
from running import Running, account, configuration
from sessions import session_of
from test_faults import triage

from bot.correction import Correction, correct, take_back
from bot.drafting import Drafting, Drawer
from bot.judge import letterhead, traces
from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack
from bot.mail.drafts import DraftsMailbox
from bot.mail.letters import answer
from bot.mail.mime import parse
from bot.ports import Cursor, Letterhead, NewReport, RawMessage, VerdictKind
from bot.routing import Routes
from bot.settings import Settings
from bot.showing import Wording
from bot.store import Store
from classifiers.errors import MailboxError
from classifiers.terms import Disposition, Verdict, report_key

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HEAD = Letterhead(
    subject="No SPF record", answer_to="ravi@hunter.example", message_id="3@hunter.example",
    references=("1@hunter.example", "2@company.example"),
)  # fmt: skip


def written(head: Letterhead, text: str = "Thank you.\n\n    “a clause”") -> EmailMessage:
    raw = answer(head, text, sender="security@company.example", message_id="triage.0@company.example", at=AT)
    message = email.message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def said(draft: EmailMessage) -> str:
    return str(draft.get_content()).replace("\r\n", "\n")


# ------------------------------------------------------------------------------------------------ how it is written


def test_an_answer_stands_in_its_thread() -> None:
    """RFC 5322, 3.6.4: In-Reply-To is the mail, References the whole thread, the mail last."""
    draft = written(HEAD)

    assert draft["From"] == "security@company.example"
    assert [a.addr_spec for a in draft["To"].addresses] == ["ravi@hunter.example"]
    assert draft["Subject"] == "Re: No SPF record"
    assert draft["In-Reply-To"] == "<3@hunter.example>"
    assert draft["References"] == "<1@hunter.example> <2@company.example> <3@hunter.example>"
    assert draft["Message-ID"] == "<triage.0@company.example>"
    assert draft["Date"].datetime == AT
    assert said(draft) == "Thank you.\n\n    “a clause”\n"
    assert draft["Cc"] is draft["Bcc"] is None


@pytest.mark.parametrize(
    ("subject", "answered"),
    [
        ("x", "Re: x"),
        ("Re: x", "Re: x"),
        ("RE : x", "RE : x"),
        ("AW: x", "AW: x"),
        ("Re[2]: x", "Re[2]: x"),
        ("Report: x", "Re: Report: x"),
        ("", "Re:"),
        ("política de correo — é", "Re: política de correo — é"),
        ("two\r\nBcc: eve@evil.example", "Re: two Bcc: eve@evil.example"),  # no field of the sender's making
        ("x" * 400, "Re: " + "x" * 400),
    ],
)
def test_the_subject_is_the_mails(subject: str, answered: str) -> None:
    assert written(replace(HEAD, subject=subject))["Subject"] == answered


def test_long_message_ids_stay_whole() -> None:
    """Outlook's have 90 characters and more; broken or encoded, no client finds the thread."""
    long = "AM0PR04MB" + "x" * 120 + "@eurprd04.prod.outlook.com"
    raw = answer(replace(HEAD, message_id=long), "x", sender="a@b.example", message_id="m@b.example", at=AT)

    assert f"In-Reply-To: <{long}>\r\n".encode() in raw
    assert b"=?" not in raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("message_id", [None, "no id <at> all", "späm@x.example", "a b@x.example"])
def test_a_mail_without_an_id_is_answered_outside_any_thread(message_id: str | None) -> None:
    """Naming what it answered would put the answer to the wrong mail."""
    assert written(replace(HEAD, message_id=message_id))["In-Reply-To"] is None


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=80), st.lists(st.text(max_size=80), max_size=5), st.text(max_size=300))
def test_whatever_a_stranger_wrote_one_person_is_addressed(
    subject: str, own: str, others: list[str], text: str
) -> None:
    """No field, no address, no part of the sender's making."""
    draft = written(replace(HEAD, subject=subject, message_id=own, references=tuple(others)), text)

    assert [a.addr_spec for a in draft["To"].addresses] == ["ravi@hunter.example"]
    assert set(draft.keys()) <= {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip
    assert not draft.is_multipart()


# ------------------------------------------------------------------------------------------------ when it is laid


@dataclass
class Clerk:
    """A store, the drafting beside it, and a clock that a test moves."""

    store: Store
    dovecot: Dovecot
    folder: str = ""
    lost: int = 0  # answers that are lost after the draft was taken
    clock: list[datetime] = field(default_factory=lambda: [AT])

    def __post_init__(self) -> None:
        wording = Wording(
            policy="p", word="", titles={}, requested={}, assets={},
            replies={"out_of_scope": "We do not seek this:\n\n    {clause}", "in_scope": "Thank you.", "incomplete": "Send it."},
        )  # fmt: skip
        self.drafting = Drafting(
            store=self.store, wording=wording, now=lambda: self.clock[0],
            drawers={"security": Drawer(open=self._open, folder=self.folder, sender="security@company.example")},
        )  # fmt: skip
        self.drafting.tick()  # the first look: what was decided before is left alone

    def _open(self) -> DraftsMailbox:
        clerk = self

        class Box(DraftsMailbox):
            def lay(self, folder: str, raw: bytes, at: datetime) -> None:
                super().lay(folder, raw, at)
                if clerk.lost:
                    clerk.lost -= 1
                    self._drop()
                    raise MailboxError("the connection was cut; trying again helps")

        return session_of(Box, self.dovecot)

    def report(self, *fields: str, text: str = "There is no SPF record.") -> int:
        """A judged report, with these further header fields."""
        number = len(self.store.listing()) + 1
        lines = (f"Message-ID: <{number}@hunter.example>", f"Subject: number {number}", *fields)
        sender = "" if any(f.startswith("From:") for f in fields) else "From: Ravi <ravi@hunter.example>\r\n"
        raw = (sender + "\r\n".join(lines) + f"\r\n\r\n{text}\r\n").encode()
        message = RawMessage(folder="INBOX", uidvalidity=1, uid=number, size=len(raw), received_at=AT, raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        (report_id,) = self.store.keep("security", "INBOX", [new], Cursor(1, number))
        verdict = Verdict(report=new.key, disposition=Disposition.NEEDS_REVIEW, confidence=0.5, why="w")
        parsed = parse(raw)
        self.store.record(
            report_id, verdict, kind=VerdictKind.BOT, decided_by="bot", decided_at=AT, letterhead=letterhead(parsed),
            traces=traces(parsed, text),
        )  # fmt: skip
        return report_id

    def decide(self, report_id: int, disposition: Disposition = Disposition.IN_SCOPE) -> None:
        self.clock[0] += timedelta(seconds=1)
        correction = Correction(disposition=disposition, by="person:ana")
        correct(self.store, self._key(report_id), correction, known=(), routes=Routes(channel="C1"), now=self.clock[0])

    def take_back(self, report_id: int) -> None:
        self.clock[0] += timedelta(seconds=1)
        take_back(
            self.store, self._key(report_id), by="person:ana", reason="", routes=Routes(channel="C1"), now=self.clock[0]
        )

    def _key(self, report_id: int) -> str:
        return self.store.report(report_id).key

    def laid(self, after: timedelta = timedelta(seconds=5), folder: str = "Concepten") -> list[EmailMessage]:
        """What lies in the folder for drafts after another tick."""
        self.clock[0] += after
        self.drafting.tick()
        found = [email.message_from_bytes(raw, policy=default) for raw in self.dovecot.mails(folder)]
        return [m for m in found if isinstance(m, EmailMessage)]


@pytest.fixture
def clerk(tmp_path: Path, dovecot: Dovecot) -> Iterator[Clerk]:
    dovecot.create("Concepten")
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=lambda: AT) as store:
        yield Clerk(store, dovecot)


@pytest.mark.dovecot
def test_once_somebody_decided_a_draft_lies_in_the_mailbox(clerk: Clerk, dovecot: Dovecot) -> None:
    """In the folder that the server calls so, flagged as a draft, in the thread; the bot's own verdict lays none."""
    dovecot.deliver(b"Subject: x\r\n\r\nx\r\n")
    report = clerk.report("References: <0@hunter.example>")
    assert clerk.laid() == []

    clerk.decide(report)

    (draft,) = clerk.laid()
    assert said(draft) == "Thank you.\n"
    assert draft["In-Reply-To"] == "<1@hunter.example>"
    assert draft["References"] == "<0@hunter.example> <1@hunter.example>"
    assert draft["To"] == "ravi@hunter.example"
    assert {"\\Draft", "\\Seen"} == set(dovecot.flags("Concepten")[0].split())
    assert dovecot.flags("INBOX") == [""]
    assert clerk.store.counts()["drafts_due"] == 0


@pytest.mark.dovecot
def test_a_thread_gets_one_draft_ever(clerk: Clerk) -> None:
    """Decided otherwise, decided again, followed up: who sends the first has it in hand."""
    report = clerk.report()
    clerk.decide(report)
    assert len(clerk.laid()) == 1

    clerk.decide(report, Disposition.INCOMPLETE)
    follow_up = clerk.report("In-Reply-To: <1@hunter.example>", "References: <1@hunter.example>", text="Any news?")
    thread = clerk.store.thread_of(clerk.store.report(follow_up))
    assert thread.first is not None
    clerk.decide(follow_up)

    assert len(clerk.laid()) == 1


@pytest.mark.dovecot
@pytest.mark.parametrize(
    "fields",
    [
        ("From: no-reply@platform.example",),
        ("List-Id: <news.example>",),
        ("Auto-Submitted: auto-replied",),
        ("Auto-Submitted: auto-generated",),
        ("From: MAILER-DAEMON@mx.example",),
        ("Return-Path: <>",),
        ("Reply-To: security@company.example",),  # we would answer ourselves
        ('From: "a,b"@hunter.example',),  # read by another program that may be two addresses
    ],
)
def test_nobody_who_reads_no_answer_gets_a_draft(clerk: Clerk, fields: tuple[str, ...]) -> None:
    clerk.decide(clerk.report(*fields))

    assert clerk.laid() == []
    assert clerk.store.counts()["drafts_due"] == 0


@pytest.mark.dovecot
@pytest.mark.parametrize("disposition", [Disposition.NOT_A_REPORT, Disposition.NEEDS_REVIEW, Disposition.OUT_OF_SCOPE])
def test_where_there_is_nothing_to_say_there_is_no_draft(clerk: Clerk, disposition: Disposition) -> None:
    """The last is a dismissal of no category: there is no clause to quote."""
    clerk.decide(clerk.report(), disposition)

    assert clerk.laid() == []


@pytest.mark.dovecot
def test_what_is_taken_back_before_it_is_laid_is_not_wanted(clerk: Clerk) -> None:
    report = clerk.report()
    clerk.decide(report)
    clerk.take_back(report)

    assert clerk.laid() == []


@pytest.mark.dovecot
def test_a_draft_whose_answer_was_lost_is_not_laid_twice(clerk: Clerk) -> None:
    """It is looked up by its own id before another attempt."""
    clerk.lost = 1
    clerk.decide(clerk.report())

    assert len(clerk.laid()) == 1
    assert clerk.store.counts()["drafts_due"] == 1
    assert len(clerk.laid(timedelta(minutes=1))) == 1
    assert clerk.store.counts()["drafts_due"] == 0


@pytest.mark.dovecot
def test_a_mailbox_that_cannot_be_written_gets_it_later(clerk: Clerk, dovecot: Dovecot) -> None:
    """The server is down for an hour; then everything is laid, of each thread one."""
    dovecot.stop()
    for _ in range(3):
        clerk.decide(clerk.report())
    for _ in range(6):
        assert clerk.laid(timedelta(minutes=10)) == []
    dovecot.start()

    assert len(clerk.laid(timedelta(minutes=31))) == 3
    assert len(clerk.laid(timedelta(minutes=31))) == 3


@pytest.mark.dovecot
def test_without_a_folder_for_drafts_the_log_says_so_and_once_there_it_is_laid(
    tmp_path: Path, dovecot: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder is never made: its name is the team's affair. One that is named is taken, whatever letters it has."""
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=lambda: AT) as store:
        clerk = Clerk(store, dovecot)
        clerk.decide(clerk.report())
        clerk.drafting.tick()
        assert "name one in replies.folder" in str([r.__dict__ for r in caplog.records])

        dovecot.create("Drafts")  # no special use, but the usual name
        assert len(clerk.laid(timedelta(minutes=1), "Drafts")) == 1
        dovecot.create("Entwürfe")
        named = Clerk(store, dovecot, folder="Entwürfe")
        named.clock[0] += timedelta(hours=1)
        named.decide(named.report())
        named.clock[0] += timedelta(seconds=5)
        named.drafting.tick()
        assert dovecot.flags("Entwürfe")


# ------------------------------------------------------------------------------------------------ the whole program


@pytest.mark.dovecot
def test_the_daemon_lays_a_draft_in_the_reporters_language(dovecot: Dovecot, tmp_path: Path) -> None:
    """A Spanish report, called out of scope by command: a Spanish draft with the clause; doctor knew where it would go."""
    dovecot.create("Concepten")
    (mail,) = [m for m in sample_mails() if b"ana@correo.example" in m]
    with LocalSlack(channels=("C0TRIAGE",)) as slack:
        config = configuration(tmp_path, account(dovecot), slack, more="[replies]\ndraft = true\n")
        secrets = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token}
        assert "drafts go to Concepten, from security@example.com" in triage(config, secrets, "doctor").stdout
        with Running(config, secrets) as bot:
            bot.wait_for("account.connected")
            bot.looked()
            dovecot.deliver(mail)
            bot.until_health(lambda told: told["counts"].items() >= {"reports": 1, "waiting": 0}.items())
            (row,) = map(json.loads, bot.command("list", "--json").stdout.splitlines())
            assert dovecot.mails("Concepten") == []
            bot.command("reclassify", row["report"], "--as", "out_of_scope", "--category", "email_authentication")

            bot.wait_for("draft.laid")
            (raw,) = dovecot.mails("Concepten")
            assert bot.terminate() == 0
    draft = email.message_from_bytes(raw, policy=default)
    assert isinstance(draft, EmailMessage)
    assert said(draft).startswith("Gracias por escribirnos.")
    assert "Sender Policy Framework" in said(draft) or "aren't limited to" in said(draft)
    assert "ana@correo.example" not in json.dumps(bot.events)


def test_drafts_need_somebody_whom_they_are_from() -> None:
    """An account's user may be no address; then the configuration has to say."""
    told = {
        "accounts": [{"host": "h", "user": "login", "password": {"env": "X"}}],
        "slack": {"channel": "C1", "bot_token": {"env": "X"}},
    }
    with pytest.raises(ValueError, match=r"replies\.draft: the user of security is no address"):
        Settings.model_validate(told | {"replies": {"draft": True}})

    Settings.model_validate(told | {"replies": {"draft": True, "sender": "security@company.example"}})
