"""What other people, and the server itself, do to a mailbox while it is read; and a mailbox with years of mail in it."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from dovecot import Dovecot
from proxy import Proxy
from running import until
from weather import kept, mail, reader

from bot.clock import now
from bot.store import Store

pytestmark = pytest.mark.dovecot


@pytest.mark.parametrize("command", ["RFC822.SIZE", "BODY.PEEK[]"])
def test_mail_expunged_between_search_and_fetch(dovecot: Dovecot, line: Proxy, store: Store, command: str) -> None:
    """Left out; the others are kept, and nobody asks for it again."""
    for n in range(3):
        dovecot.deliver(mail(n))
    it = reader(dovecot, line, store)
    line.before = (command.encode(), lambda: dovecot.remove(2))

    it.poll()

    assert (it.standing.trouble, kept(store)) == ("", 2)
    line.asked = b""
    it.poll()
    assert b"FETCH" not in line.asked
    it.stop()


def test_all_mail_expunged_between_search_and_fetch(dovecot: Dovecot, line: Proxy, store: Store) -> None:
    """A person empties the folder."""
    for n in range(3):
        dovecot.deliver(mail(n))
    it = reader(dovecot, line, store)
    line.before = (b"RFC822.SIZE", dovecot.remove_all)
    it.poll()
    dovecot.deliver(mail(7))
    it.poll()

    assert (it.standing.trouble, kept(store)) == ("", 1)
    it.stop()


def test_uidvalidity_changes_in_mid_session(dovecot: Dovecot, line: Proxy, store: Store) -> None:
    """The server numbers anew while we look: everything is read again, nothing is kept twice."""
    for n in range(3):
        dovecot.deliver(mail(n))
    it = reader(dovecot, line, store)
    it.poll()
    dovecot.deliver(mail(3))
    line.before = (b"UID SEARCH", lambda: dovecot.set_uidvalidity(4_000_000))
    for _ in range(3):
        it.poll()

    assert (it.standing.trouble, kept(store)) == ("", 4)
    cursor = store.cursor("a", "INBOX")
    assert cursor is not None
    assert cursor.uidvalidity == 4_000_000
    it.stop()


def test_a_restored_copy_with_lower_numbers_is_read_anew(dovecot: Dovecot, line: Proxy, store: Store) -> None:
    """UIDNEXT went back though UIDVALIDITY stayed: what comes now has numbers that were read before."""
    for n in range(3):
        dovecot.deliver(mail(n))
    it = reader(dovecot, line, store)
    it.poll()
    line.edit = lambda said: re.sub(rb"UIDNEXT \d+", b"UIDNEXT 2", said)
    line.asked = b""
    it.poll()

    assert b"UID SEARCH UID 1:*" in line.asked
    assert kept(store) == 3
    it.stop()


def test_a_folder_that_vanishes_and_comes_back(dovecot: Dovecot, line: Proxy, store: Store) -> None:
    """INBOX is read all the while; what is in the new folder is read too."""
    dovecot.create("Reports")
    dovecot.deliver(mail(1), "Reports")
    it = reader(dovecot, line, store, "Reports", "INBOX")
    it.poll()
    dovecot.delete("Reports")
    dovecot.deliver(mail(2))
    it.poll()

    assert "Reports" in it.standing.trouble
    assert kept(store) == 2
    dovecot.create("Reports")
    dovecot.deliver(mail(3), "Reports")
    until(lambda: it.poll() or kept(store) == 3)
    assert it.standing.trouble == ""
    it.stop()


def test_mail_that_comes_all_the_while_is_kept_once(dovecot: Dovecot, line: Proxy, store: Store) -> None:
    """A delivery agent and a reader at once, two hundred mails: none skipped, none twice."""
    it = reader(dovecot, line, store, batch_messages=7)
    delivering = threading.Thread(target=lambda: [dovecot.deliver(mail(n)) for n in range(200)])
    delivering.start()
    while delivering.is_alive():
        it.poll()
    delivering.join()
    it.poll()

    assert (it.standing.trouble, kept(store)) == ("", 200)
    it.stop()


# ------------------------------------------------------------------------------------------------ years of mail


@pytest.mark.timeout(300)
def test_50000_mails_at_the_first_look(
    dovecot: Dovecot, line: Proxy, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Only those of the last nine days are asked for; cut off twice it goes on where it was, and says how far it is."""
    caplog.set_level("INFO", "triage")
    month = timedelta(days=30)
    dovecot.deliver_many(mail(0), 47_500, received=(now() - month).timestamp())
    for n in range(2_500):
        dovecot.deliver(mail(n))
    it = reader(dovecot, line, store, read_timeout=60.0, deadline=120.0)
    line.cut_after = 150_000
    it.poll()
    first = kept(store)
    it.poll()
    second = kept(store)
    line.cut_after = None
    it.poll()

    assert 0 < first < second < 2_500
    assert kept(store) == 2_500
    assert [(r.read, r.of) for r in caplog.records if r.getMessage() == "folder.reading"]  # type: ignore[attr-defined]
    assert line.asked.count(b"RFC822.SIZE") < 60, "the old ones are not even listed"
    it.stop()
