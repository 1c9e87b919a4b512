"""Dovecot behind a line that misbehaves on cue: whatever happens to a session, each mail is kept once, and the next goes on."""

from __future__ import annotations

import re
import threading

import pytest
from dovecot import Dovecot
from proxy import Proxy
from sessions import session
from weather import kept, mail, opened, reader

from bot.mail.access import Access
from bot.mail.imap import ImapMailbox
from bot.store import Store
from classifiers.errors import FolderRefused, LoginRefused, MailboxError, Throttled

pytestmark = pytest.mark.dovecot


# ------------------------------------------------------------------------------------------------ cut at each command


@pytest.mark.parametrize("heard", [False, True], ids=["unheard", "unanswered"])
@pytest.mark.parametrize(
    "command", ["AUTHENTICATE", "CAPABILITY", "EXAMINE", "UID SEARCH", "RFC822.SIZE", "BODY.PEEK[]", "EXAMINE Junk"]
)
def test_cut_at_each_command(dovecot: Dovecot, line: Proxy, store: Store, command: str, *, heard: bool) -> None:
    """Before the server hears it, or before its answer: told, and read whole the next time."""
    for n in range(3):
        dovecot.deliver(mail(n))
    dovecot.deliver(mail(9), "Junk")
    it = reader(dovecot, line, store, "INBOX", "Junk")
    line.cut_at = (command.encode(), heard)
    # Whether Dovecot tells its capabilities by itself is its own affair.
    asked = command != "CAPABILITY" or not heard

    it.poll()
    assert it.standing.trouble or line.cut_at or not asked
    it.poll()

    assert it.standing.trouble == ""
    assert kept(store) == 4
    it.stop()


@pytest.mark.parametrize("command", ["NOOP", "IDLE", "DONE"])
def test_cut_while_waiting(dovecot: Dovecot, line: Proxy, command: str) -> None:
    """An IDLE that ends so is an error, not silence."""
    box = opened(dovecot, line)
    box.examine("INBOX")
    line.cut_at = (command.encode(), False)

    with pytest.raises(MailboxError):
        box.wait(1)


def test_cut_before_the_greeting(dovecot: Dovecot, line: Proxy) -> None:
    """Not one byte came."""
    line.cut_after = 0
    with pytest.raises(MailboxError):
        opened(dovecot, line)


def test_a_lost_farewell_is_nothing(dovecot: Dovecot, line: Proxy) -> None:
    """We only ever read."""
    box = opened(dovecot, line)
    line.cut_at = (b"LOGOUT", False)
    box.close()


# ------------------------------------------------------------------------------------------------ silence and drips


def test_an_idle_that_dies_silently_is_found_out(dovecot: Dovecot, line: Proxy) -> None:
    """A half-open line says nothing, for ever; the renewal of the IDLE gets no answer."""
    box = opened(dovecot, line, renew_every=1.0, read_timeout=1.0)
    box.examine("INBOX")
    timer = threading.Timer(0.3, setattr, (line, "silent", True))
    timer.start()

    with pytest.raises(MailboxError, match="silent"):
        box.wait(60)
    timer.join()


@pytest.mark.parametrize("fault", ["black_hole", "silent"])
def test_a_server_that_never_greets_is_given_up(dovecot: Dovecot, line: Proxy, fault: str) -> None:
    """The connection stands, nobody speaks."""
    setattr(line, fault, True)
    with pytest.raises(MailboxError, match="no answer in time"):
        opened(dovecot, line, connect_timeout=1.0)


def test_a_login_that_drips_is_cut_at_the_deadline(dovecot: Dovecot, line: Proxy) -> None:
    """Byte by byte, never silent for long."""
    line.trickle = 1
    with pytest.raises(MailboxError, match="too long"):
        opened(dovecot, line, deadline=1.0)


# ------------------------------------------------------------------------------------------------ what a server says


def test_a_bye_ends_the_session_and_the_next_one_goes_on(dovecot: Dovecot, line: Proxy, store: Store) -> None:
    """A restart, say: in the midst of reading."""
    for n in range(3):
        dovecot.deliver(mail(n))
    it = reader(dovecot, line, store)
    line.before = (b"UID SEARCH", lambda: line.say(b"* BYE Server shutting down.\r\n"))

    it.poll()
    assert it.standing.trouble
    it.poll()

    assert (it.standing.trouble, kept(store)) == ("", 3)
    it.stop()


def test_a_bye_while_idling_is_told(dovecot: Dovecot, line: Proxy) -> None:
    """With its code: an expired token, an eviction."""
    box = opened(dovecot, line)
    box.examine("INBOX")
    timer = threading.Timer(0.3, line.say, (b"* BYE [LIMIT] Too many simultaneous connections\r\n",))
    timer.start()

    with pytest.raises(Throttled, match="LIMIT"):
        box.wait(30)
    timer.join()


def at_login(line: Proxy, answer: bytes) -> None:
    """The server's answer to the login is this one instead."""
    line.edit = lambda said: re.sub(rb"^(\w+) OK (?:\[[^\]]*\] )?Logged in", rb"\1 " + answer, said, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("answer", "raised", "told"),
    [
        (b"NO [AUTHENTICATIONFAILED] Invalid credentials", LoginRefused, "Check user and password"),
        (b"NO [UNAVAILABLE] Temporary authentication failure", MailboxError, "UNAVAILABLE"),
        (b"NO [LIMIT] Too many simultaneous connections", Throttled, "LIMIT"),
        (b"NO [ALERT] Too many simultaneous connections. (Failure)", Throttled, "ALERT"),
        (b"NO [THROTTLED] Request is throttled. Suggested Backoff Time: 300000 milliseconds", Throttled, "THROTTLED"),
        (b"BAD Error in IMAP command", MailboxError, "refused the command"),
    ],
)
def test_a_login_is_refused_only_where_the_server_means_it(
    dovecot: Dovecot, line: Proxy, answer: bytes, raised: type[MailboxError], told: str
) -> None:
    """For now, or for good: only one of them is a matter of the password."""
    at_login(line, answer)
    with pytest.raises(MailboxError, match=told) as error:
        opened(dovecot, line)

    assert type(error.value) is raised


def test_throttled_commands_are_waited_for(dovecot: Dovecot, line: Proxy, store: Store) -> None:
    """A SEARCH that the server will not do now: told, and done later."""
    dovecot.deliver(mail(1))
    it = reader(dovecot, line, store)
    line.edit = lambda said: re.sub(rb"^(\w+) OK Search completed[^\r]*", rb"\1 NO [THROTTLED] Slow down", said, flags=re.MULTILINE)  # fmt: skip

    it.poll()
    assert "THROTTLED" in it.standing.trouble
    line.edit = bytes
    it.poll()

    assert (it.standing.trouble, kept(store)) == ("", 1)
    it.stop()


@pytest.mark.parametrize("code", [b"[NOPERM] Permission denied", b"[NONEXISTENT] Mailbox doesn't exist", b"Denied"])
def test_a_folder_that_may_not_be_read_is_told_by_name(dovecot: Dovecot, line: Proxy, code: bytes) -> None:
    """The session goes on with the others."""
    box = opened(dovecot, line)
    line.edit = lambda said: re.sub(rb"^(\w+) OK \[READ-ONLY\] Examine[^\r]*", rb"\1 NO " + code, said, flags=re.MULTILINE)  # fmt: skip
    with pytest.raises(FolderRefused, match="INBOX"):
        box.examine("INBOX")

    line.edit = bytes
    assert box.examine("Junk").folder == "Junk"
    box.close()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"* 1 FETCH (UID 1 BODY[] {2147483647}\r\n", "ended the session"),
        (b"* SEARCH " + b"9" * 20_000_000, "ended the session"),
        (b"\xff\xfe\x00 what is this\r\n", ""),
        (b"* 99999999999999999999 EXISTS\r\n", ""),
        (b'* LIST ("\\', ""),
    ],
    ids=["two gigabytes announced", "a line without an end", "no IMAP", "a number beyond all", "half a string"],
)
def test_nonsense_ends_the_session_at_most(dovecot: Dovecot, line: Proxy, store: Store, said: bytes, told: str) -> None:
    """Neither memory nor a foreign exception; and the next session goes on."""
    dovecot.deliver(mail(1))
    it = reader(dovecot, line, store)
    line.before = (b"UID SEARCH", lambda: line.say(said))

    it.poll()
    assert told in it.standing.trouble
    it.poll()
    it.poll()

    assert (it.standing.trouble, kept(store)) == ("", 1)
    it.stop()


# ------------------------------------------------------------------------------------------------ TLS


def test_an_expired_certificate_is_refused(dovecot: Dovecot) -> None:
    """Though the authority is ours and the name is right."""
    dovecot.stop()
    dovecot.expire_certificate()
    dovecot.start()
    with pytest.raises(MailboxError, match="expired"):
        session(dovecot).connect()


def test_no_password_goes_over_a_line_that_hides_starttls(dovecot: Dovecot, line: Proxy) -> None:
    """Somebody between strips it from what the server can: then there is no session, and no password was said."""
    line.edit = lambda said: said.replace(b" STARTTLS", b"")
    box = session(dovecot, port=line.port, tls="starttls")
    with pytest.raises(MailboxError):
        box.connect()

    assert b"AUTHENTICATE" not in line.asked
    assert b"LOGIN" not in line.asked


def test_a_server_that_speaks_no_tls_is_told(line: Proxy) -> None:
    """The plain port, asked for TLS."""
    with pytest.raises(MailboxError, match="TLS"):
        ImapMailbox(Access(host="localhost", port=line.port, tls="implicit", user="u", password="p")).connect()
