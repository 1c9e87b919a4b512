"""The promises of bot.ports.Mailbox, kept by all its keepers: IMAP at Dovecot, IMAP at the demo's server, the scripted one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from dovecot import Dovecot
from fakes import ScriptedMailbox
from sessions import session

from bot.local.imap import EmbeddedImap
from bot.mail.access import Access
from bot.mail.imap import ImapMailbox
from bot.ports import Mailbox
from classifiers.errors import FolderRefused, MailboxError

MAIL = b"From: a@sender.example\r\nSubject: %d\r\n\r\nbody %d\r\n"
OLD = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Keeper:
    """A mailbox to test, and a way to put mail into it."""

    open: Callable[[], Mailbox]
    deliver: Callable[[bytes, str, datetime], object]
    renumber: Callable[[int], object] | None = None  # INBOX's UIDVALIDITY, by another hand
    move: Callable[[str, str], object] | None = None  # the oldest mail, from a folder to another


@pytest.fixture(params=["dovecot", "embedded", "scripted"])
def keeper(request: pytest.FixtureRequest) -> Iterator[Keeper]:
    if request.param == "dovecot":
        server: Dovecot = request.getfixturevalue("dovecot")
        yield Keeper(
            lambda: session(server),
            lambda raw, folder, at: server.deliver(raw, folder, at.timestamp()),
            server.set_uidvalidity,
            server.move_first,
        )
    elif request.param == "embedded":
        with EmbeddedImap() as embedded:
            yield Keeper(
                lambda: ImapMailbox(
                    Access(
                        host="127.0.0.1", port=embedded.port, tls="none", user=embedded.user, password=embedded.password
                    )
                ),
                embedded.deliver,
            )
    else:
        scripted = ScriptedMailbox()
        yield Keeper(
            lambda: scripted,
            scripted.deliver,
            scripted.set_uidvalidity,
            lambda here, there: scripted.move(min(scripted.mails(here)), here, there),
        )


@pytest.fixture
def mailbox(keeper: Keeper) -> Iterator[Mailbox]:
    box = keeper.open()
    box.connect()
    yield box
    box.close()


def deliver(keeper: Keeper, *numbers: int, folder: str = "INBOX", at: datetime = OLD) -> None:
    for n in numbers:
        keeper.deliver(MAIL % (n, n), folder, at)


def test_what_was_delivered_is_fetched_oldest_first(keeper: Keeper, mailbox: Mailbox) -> None:
    """Bytes, size, UID, folder, UIDVALIDITY and arrival time are the mail's own."""
    deliver(keeper, 1, 2, 3)
    state = mailbox.examine("INBOX")
    uids = mailbox.uids_after(0)

    mails = [m for batch in mailbox.fetch(uids) for m in batch]

    assert [m.uid for m in mails] == sorted(uids)
    assert [m.raw.replace(b"\r\n", b"\n") for m in mails] == [
        (MAIL % (n, n)).replace(b"\r\n", b"\n") for n in (1, 2, 3)
    ]
    assert {(m.folder, m.uidvalidity, m.truncated) for m in mails} == {("INBOX", state.uidvalidity, False)}
    assert all(abs(m.received_at - OLD) < timedelta(minutes=5) for m in mails)
    assert all(m.size == len(m.raw) for m in mails)


def test_only_what_lies_beyond_the_cursor_is_named(keeper: Keeper, mailbox: Mailbox) -> None:
    """Not the last mail again, as `n:*` alone would (RFC 3501, 6.4.8)."""
    deliver(keeper, 1, 2)
    mailbox.examine("INBOX")
    last = mailbox.uids_after(0)[-1]

    assert mailbox.uids_after(last) == ()

    deliver(keeper, 3)
    mailbox.examine("INBOX")
    assert mailbox.uids_after(last) == (last + 1,)


def test_since_leaves_out_what_is_older(keeper: Keeper, mailbox: Mailbox) -> None:
    """By the day of arrival; a day more is allowed for time zones."""
    deliver(keeper, 1, at=OLD)
    deliver(keeper, 2, at=OLD + timedelta(days=30))
    mailbox.examine("INBOX")

    assert len(mailbox.uids_after(0, (OLD + timedelta(days=20)).date())) == 1


def test_a_mail_that_is_gone_is_left_out(keeper: Keeper, mailbox: Mailbox) -> None:
    """The caller knows what it asked for."""
    deliver(keeper, 1)
    mailbox.examine("INBOX")
    (uid,) = mailbox.uids_after(0)

    assert [m.uid for batch in mailbox.fetch([uid, uid + 7]) for m in batch] == [uid]


def test_folders_are_apart(keeper: Keeper, mailbox: Mailbox) -> None:
    """Junk is a folder like another."""
    deliver(keeper, 1)
    deliver(keeper, 2, folder="Junk")
    mailbox.examine("Junk")

    (mail,) = [m for batch in mailbox.fetch(mailbox.uids_after(0)) for m in batch]

    assert (mail.folder, b"body 2" in mail.raw) == ("Junk", True)


def test_a_folder_that_is_not_there_ends_nothing(mailbox: Mailbox) -> None:
    """FolderRefused, and the session goes on."""
    with pytest.raises(FolderRefused):
        mailbox.examine("Nowhere")

    assert mailbox.examine("INBOX").folder == "INBOX"


def test_new_mail_ends_a_wait(keeper: Keeper, mailbox: Mailbox) -> None:
    """IDLE tells of what arrives while waiting."""
    if not mailbox.can_idle:
        pytest.skip("this server has no IDLE")
    mailbox.examine("INBOX")
    timer = threading.Timer(0.3, deliver, (keeper, 1))
    timer.start()

    assert mailbox.wait(30)
    timer.join()


def test_a_quiet_wait_ends_in_time(mailbox: Mailbox) -> None:
    """Nothing came: False, and the session is still good."""
    mailbox.examine("INBOX")

    assert not mailbox.wait(0.3)
    assert mailbox.uids_after(0) == ()


def test_close_ends_a_wait_from_another_thread(keeper: Keeper) -> None:
    """The daemon stops within seconds though it idles."""
    box = keeper.open()
    box.connect()
    box.examine("INBOX")
    timer = threading.Timer(0.3, box.close)
    timer.start()
    began = time.monotonic()

    with pytest.raises(MailboxError):
        box.wait(60)

    timer.join()
    assert time.monotonic() - began < 30
    with pytest.raises(MailboxError):
        box.uids_after(0)


def test_numbers_of_before_are_never_told_as_new_ones(keeper: Keeper) -> None:
    """Whoever has the folder open while it is numbered anew loses the session, or is told the old numbers to its end."""
    if keeper.renumber is None:
        pytest.skip("nobody can do so at this server")
    deliver(keeper, 1, 2)
    box = keeper.open()
    box.connect()
    before = box.examine("INBOX").uidvalidity
    keeper.renumber(before + 1000)
    try:
        told = [m.uidvalidity for batch in box.fetch(box.uids_after(0)) for m in batch]
    except MailboxError:
        told = []

    assert set(told) <= {before}
    again = keeper.open()
    again.connect()
    assert again.examine("INBOX").uidvalidity == before + 1000
    assert len(again.uids_after(0)) == 2
    again.close()


def test_a_mail_that_was_moved_keeps_its_time_of_arrival_and_is_new_there(keeper: Keeper, mailbox: Mailbox) -> None:
    """So it is read there, and is as old as it was."""
    if keeper.move is None:
        pytest.skip("nobody can do so at this server")
    deliver(keeper, 1)
    deliver(keeper, 2, folder="Junk", at=OLD + timedelta(days=30))
    mailbox.examine("Junk")
    (there,) = mailbox.uids_after(0)

    keeper.move("INBOX", "Junk")

    mailbox.examine("Junk")
    (uid,) = mailbox.uids_after(there)
    (mail,) = [m for batch in mailbox.fetch([uid]) for m in batch]
    assert b"body 1" in mail.raw
    assert abs(mail.received_at - OLD) < timedelta(minutes=5)
    mailbox.examine("INBOX")
    assert mailbox.uids_after(0) == ()
