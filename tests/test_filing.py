"""What is done in a mailbox after a verdict, where that is wished: keywords or folders, undone on correction, nothing else ever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from dovecot import Dovecot
from proxy import Proxy
from running import Running, account, configuration, until
from sessions import Box, session_of
from test_triage import Instant

from bot.correction import Correction, correct, take_back
from bot.filing import Cabinet, Filing
from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack
from bot.mail.filing import FilingMailbox
from bot.mail.imap import ImapMailbox
from bot.routing import Routes
from bot.store import Store
from bot.triage import Reading, Triage
from classifiers.errors import MailboxError
from classifiers.terms import Disposition

pytestmark = pytest.mark.dovecot
OUT, NOISE = "Triage/Out of scope", "Triage/Noise"
FOLDERS = {"out_of_scope": OUT, "not_a_report": NOISE}
ROUTES = Routes(channel="C1")


def mail(n: int) -> bytes:
    return b"From: a@sender.example\r\nSubject: %d\r\n\r\nmail number %d\r\n" % (n, n)


class Office:
    """A mailbox that is read, judged as a test wants, and kept in order; each step by hand, each on a clock of its own."""

    def __init__(self, store: Store, server: Dovecot, line: Proxy, mode: Literal["keywords", "move"]) -> None:
        self.store, self.server, self.line = store, server, line
        self.at = datetime.now(UTC)
        self.told: list[str] = []
        self.worker = Instant(Disposition.OUT_OF_SCOPE)
        self.triage = Triage(store=store, worker=self.worker, routes=ROUTES, now=lambda: self.at)
        cabinet = Cabinet(open=lambda: self.box(FilingMailbox), mode=mode, folders=FOLDERS if mode == "move" else {})
        self.filing = Filing(
            store,
            {"a": cabinet},
            now=lambda: self.at,
            steady=lambda: self.at,
            say=lambda text, _key: self.told.append(text),
        )
        self.filing.tick()  # from now on

    def box(self, kind: type[Box]) -> Box:
        return session_of(kind, self.server, host="127.0.0.1", port=self.line.port, tls="none")

    def reads(self, *folders: str) -> None:
        box = self.box(ImapMailbox)
        box.connect()
        self.triage.read(
            box, Reading(account="a", folders=folders or ("INBOX",), junk=frozenset(), start=timedelta(days=9))
        )
        box.close()
        self.triage.judge_waiting()

    def files(self, after: timedelta = timedelta(hours=1)) -> None:
        self.at += after
        self.filing.tick()

    def arrives(self, n: int = 1) -> str:
        """A mail comes, is read and judged; its report's id."""
        self.server.deliver(mail(n))
        self.reads()
        return self.store.listing()[-1][0].key

    def corrects(self, key: str, disposition: Disposition) -> None:
        self.at += timedelta(seconds=1)
        correct(
            self.store, key, Correction(disposition=disposition, by="person:ana"), known=(), routes=ROUTES, now=self.at
        )

    def takes_back(self, key: str) -> None:
        self.at += timedelta(seconds=1)
        take_back(self.store, key, by="person:ana", reason="", routes=ROUTES, now=self.at)

    def lies(self) -> dict[str, int]:
        """How many mails lie in each folder."""
        return {f: n for f in ("INBOX", OUT, NOISE) if (n := len(self.server.flags(f)))}


@pytest.fixture
def line(dovecot: Dovecot) -> Iterator[Proxy]:
    dovecot.create(OUT)
    dovecot.create(NOISE)
    with Proxy(dovecot.port) as it:
        yield it


@pytest.fixture
def marking(store: Store, dovecot: Dovecot, line: Proxy) -> Office:
    return Office(store, dovecot, line, "keywords")


@pytest.fixture
def moving(store: Store, dovecot: Dovecot, line: Proxy) -> Office:
    return Office(store, dovecot, line, "move")


# ------------------------------------------------------------------------------------------------ keywords


def test_a_verdict_is_a_keyword_and_a_correction_another(marking: Office) -> None:
    """One of ours at a time; a word taken back brings the first back. No other flag is touched."""
    key = marking.arrives()
    seen = []
    marking.files()
    seen.append(marking.server.flags())
    marking.corrects(key, Disposition.IN_SCOPE)
    marking.files()
    seen.append(marking.server.flags())
    marking.takes_back(key)
    marking.files()
    seen.append(marking.server.flags())

    assert seen == [["triage_out_of_scope"], ["triage_in_scope"], ["triage_out_of_scope"]]


def test_what_was_filed_is_left_in_peace(marking: Office) -> None:
    """Nothing to be done: no session is opened."""
    marking.arrives()
    marking.files()
    taken = marking.line.taken
    marking.files()

    assert marking.line.taken == taken


def test_peoples_own_flags_stay(marking: Office) -> None:
    """Theirs are theirs: read, starred, a keyword of their own."""
    key = marking.arrives()
    marking.server.flag("\\Seen \\Flagged mine")
    marking.files()
    marking.corrects(key, Disposition.IN_SCOPE)
    marking.files()

    assert set(marking.server.flags()[0].split()) == {"\\Seen", "\\Flagged", "mine", "triage_in_scope"}


def test_a_server_that_keeps_no_keywords_is_left_alone(marking: Office) -> None:
    """As Microsoft's: told once, nothing sent that it would choke on."""
    marking.line.edit = lambda said: re.sub(rb"PERMANENTFLAGS \([^)]*\)", rb"PERMANENTFLAGS (\\Seen \\Deleted)", said)
    marking.arrives()
    marking.files()
    marking.files()

    assert len(set(marking.told)) == 1
    assert "keeps no keywords" in marking.told[0]
    assert b"STORE" not in marking.line.asked
    assert marking.server.flags() == [""]


def test_a_read_only_folder_is_left_alone(marking: Office) -> None:
    """The server opens it, and says that nothing can be changed."""
    marking.line.edit = lambda said: said.replace(b"[READ-WRITE]", b"[READ-ONLY]")
    marking.arrives()
    marking.files()

    assert "read-only" in marking.told[0]
    assert b"STORE" not in marking.line.asked


# ------------------------------------------------------------------------------------------------ folders


def test_a_verdict_moves_a_mail_and_a_correction_brings_it_back(moving: Office) -> None:
    """Where it was found first; another dismissal moves it on. Unread all the while."""
    key = moving.arrives()
    seen = []
    for disposition in (None, Disposition.IN_SCOPE, Disposition.NOT_A_REPORT, Disposition.OUT_OF_SCOPE):
        if disposition is not None:
            moving.corrects(key, disposition)
        moving.files()
        seen.append(moving.lies())
    moving.takes_back(key)
    moving.files()
    seen.append(moving.lies())

    assert seen == [{OUT: 1}, {"INBOX": 1}, {NOISE: 1}, {OUT: 1}, {NOISE: 1}]
    assert moving.server.flags(NOISE) == [""]


def test_a_moved_mail_is_no_new_one(moving: Office) -> None:
    """Its folder is read as well: it is known there, and comes back from there."""
    key = moving.arrives()
    moving.files()
    moving.reads("INBOX", OUT)
    assert len(moving.store.listing()) == 1

    moving.corrects(key, Disposition.IN_SCOPE)
    moving.files()
    moving.reads("INBOX", OUT)
    moving.files()

    assert moving.lies() == {"INBOX": 1}
    assert len(moving.store.listing()) == 1


@pytest.mark.parametrize("heard", [False, True], ids=["unheard", "unanswered"])
def test_a_move_whose_answer_was_lost_is_found(moving: Office, *, heard: bool) -> None:
    """Whether the server heard it or not: it lies there once, and a correction finds it."""
    key = moving.arrives()
    moving.line.cut_at = (b"UID MOVE", heard)
    moving.files()
    moving.files()
    assert moving.lies() == {OUT: 1}

    moving.corrects(key, Disposition.IN_SCOPE)
    moving.files()
    assert moving.lies() == {"INBOX": 1}


@pytest.mark.parametrize("command", ["SELECT", "UID SEARCH", "STATUS", "UID MOVE", "EXAMINE", "BODY.PEEK[]"])
def test_cut_at_each_step_of_a_move(moving: Office, command: str) -> None:
    """Done the next time, once."""
    moving.arrives()
    moving.line.cut_at = (command.encode(), True)
    for _ in range(3):
        moving.files()

    assert moving.lies() == {OUT: 1}
    assert moving.store.to_file("a", moving.at - timedelta(days=1)) == ()


def test_a_mail_that_a_person_moved_stays_there(moving: Office) -> None:
    """Nobody's own order is fought."""
    key = moving.arrives()
    moving.server.move("INBOX", NOISE)
    moving.files()
    moving.corrects(key, Disposition.IN_SCOPE)
    moving.files()

    assert moving.lies() == {NOISE: 1}
    assert moving.told == []


def test_a_folder_that_is_not_there_is_told_and_others_are_served(moving: Office) -> None:
    """A folder is never made. Once it is there, what waited is moved."""
    moving.server.delete(OUT)
    moving.arrives(1)
    moving.worker.disposition = Disposition.NOT_A_REPORT
    moving.arrives(2)
    moving.files()

    assert len(moving.server.flags()) == 1
    assert len(moving.server.flags(NOISE)) == 1
    assert OUT in moving.told[0]
    moving.server.create(OUT)
    moving.files()
    assert moving.lies() == {OUT: 1, NOISE: 1}


def test_a_server_without_move_moves_nothing(moving: Office) -> None:
    """COPY and EXPUNGE would delete: never."""
    moving.line.edit = lambda said: said.replace(b" MOVE", b"")
    moving.arrives()
    moving.files()

    assert "no MOVE" in moving.told[0]
    assert moving.lies() == {"INBOX": 1}
    assert b"EXPUNGE" not in moving.line.asked


def test_numbers_that_mean_something_else_now_are_not_used(moving: Office) -> None:
    """UIDVALIDITY changed: first it is read anew, then filed."""
    moving.arrives(1)
    moving.server.set_uidvalidity(4_000_000)
    moving.files()
    assert moving.lies() == {"INBOX": 1}

    moving.reads()
    moving.files()
    assert moving.lies() == {OUT: 1}


def test_a_folder_of_ours_that_was_made_anew_holds_up_nothing(moving: Office) -> None:
    """There the mail is known by its bytes; where it is gone, that is the end of it. No other mail is touched by its number."""
    key = moving.arrives(1)
    moving.files()
    moving.server.deliver(mail(7), OUT)
    moving.server.set_uidvalidity(4_000_000, OUT)
    moving.corrects(key, Disposition.IN_SCOPE)
    moving.files()
    assert moving.lies() == {"INBOX": 1, OUT: 1}

    moving.takes_back(key)
    moving.files()
    moving.server.remove_all(OUT)
    moving.server.set_uidvalidity(5_000_000, OUT)
    moving.server.deliver(mail(8), OUT)
    moving.corrects(key, Disposition.IN_SCOPE)
    moving.files()
    assert moving.lies() == {OUT: 1}
    assert moving.store.to_file("a", moving.at - timedelta(days=1)) == ()


def test_what_was_decided_before_it_was_wished_stays(store: Store, dovecot: Dovecot, line: Proxy) -> None:
    """A mailbox of years is not turned over; a correction of then counts from now on."""
    before = Office(store, dovecot, line, "move")
    store.beat("filing:first:a", before.at + timedelta(minutes=1))
    key = before.arrives()
    before.files()
    assert before.lies() == {"INBOX": 1}

    before.corrects(key, Disposition.NOT_A_REPORT)
    before.files()
    assert before.lies() == {NOISE: 1}


# ------------------------------------------------------------------------------------------------ what is never done


@pytest.mark.parametrize("mode", ["keywords", "move"])
def test_its_commands_delete_nothing_and_mark_nothing_read(
    store: Store, dovecot: Dovecot, line: Proxy, mode: Literal["keywords", "move"]
) -> None:
    """Only these verbs, only keywords of ours, PEEK alone reads; nothing of a mail is in any of them."""
    office = Office(store, dovecot, line, mode)
    dovecot.deliver(b'From: a@sender.example\r\nSubject: x\r\nMessage-ID: <a"\r\n b> LOGOUT\r\n\r\nhi\r\n')
    office.reads()
    office.files()
    office.corrects(office.store.listing()[-1][0].key, Disposition.IN_SCOPE)
    office.files()
    commands = [c.split(b" ", 1)[1] for c in line.asked.split(b"\r\n") if c.count(b" ")]

    verbs = {c.removeprefix(b"UID ").split()[0] for c in commands}
    assert verbs <= {b"CAPABILITY", b"AUTHENTICATE", b"EXAMINE", b"SELECT", b"SEARCH", b"FETCH", b"STORE", b"MOVE", b"STATUS", b"LOGOUT"}  # fmt: skip
    stored = [re.sub(rb"triage_\w+", b"", c.split(b"(", 1)[1]) for c in commands if b"STORE" in c]
    assert all(s.strip(b" )") == b"" for s in stored), stored
    assert not [c for c in commands if b"BODY[" in c or b"Deleted" in c or b"Seen" in c]


def test_the_daemon_files_and_undoes_on_a_correction(dovecot: Dovecot, tmp_path: Path) -> None:
    """From the mail's arrival to its folder, and back by a command."""
    dovecot.create(OUT)
    more = f'filing = {{ mode = "move", folders = {{ out_of_scope = "{OUT}" }} }}\n'
    with LocalSlack(channels=("C0TRIAGE",)) as slack:
        config = configuration(tmp_path, account(dovecot) + more, slack)
        secrets = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token}
        with Running(config, secrets) as bot:
            bot.looked()
            dovecot.deliver(sample_mails()[0])
            until(lambda: len(dovecot.flags(OUT)) == 1, 60)
            assert dovecot.flags() == []
            report = bot.command("list").stdout.split()[0]
            bot.command("reclassify", report, "--as", "in_scope", "--reason", "it is real")
            until(lambda: len(dovecot.flags()) == 1, 60)
            assert "filing" in bot.command("doctor").stdout
            assert bot.terminate() == 0
    assert dovecot.flags() == [""]


def test_a_mailbox_out_of_reach_is_filed_later(moving: Office) -> None:
    """The server is down for a while; nothing is told to people for that alone."""
    moving.arrives()
    moving.server.stop()
    for _ in range(4):
        moving.files(timedelta(minutes=31))
    moving.server.start()
    moving.files(timedelta(minutes=31))

    assert moving.lies() == {OUT: 1}
    assert moving.told == []


def test_a_session_for_filing_needs_the_folder_first(dovecot: Dovecot, line: Proxy) -> None:
    """As any session: connected, and then a folder."""
    box = session_of(FilingMailbox, dovecot, host="127.0.0.1", port=line.port, tls="none")
    with pytest.raises(MailboxError, match="session is over"):
        box.last_uid("INBOX")
