"""The IMAP door against a real server and a line that fails on cue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import make_certificates
from dovecot import Dovecot
from proxy import Proxy
from sessions import session

from bot.mail.access import Access
from bot.mail.imap import PREFIX
from classifiers.errors import LoginRefused, MailboxError, UserError

pytestmark = pytest.mark.dovecot
SMALL = b"From: a@sender.example\r\nSubject: s\r\n\r\n" + b"x" * 2000 + b"\r\n"


@pytest.fixture
def line(dovecot: Dovecot) -> Iterator[Proxy]:
    with Proxy(dovecot.tls_port) as proxy:
        yield proxy


def test_starttls_is_verified_too(dovecot: Dovecot) -> None:
    """The same certificate check on the plain port."""
    box = session(dovecot, port=dovecot.port, tls="starttls")
    box.connect()

    assert str(box.describe()["tls"]).startswith("TLSv1.")
    box.close()


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_certificate_of_another_authority_is_refused(dovecot: Dovecot, tmp_path: Path, tls: str) -> None:
    """With another CA, and with the system's: the sentence says what to do."""
    make_certificates(tmp_path)
    port = dovecot.tls_port if tls == "implicit" else dovecot.port

    for ca_file in (tmp_path / "ca.pem", None):
        with pytest.raises(MailboxError, match="not trusted"):
            session(dovecot, port=port, tls=tls, ca_file=ca_file).connect()


def test_a_certificate_of_another_host_is_refused(dovecot: Dovecot) -> None:
    """127.1 is the same machine and not a name on the certificate."""
    with pytest.raises(MailboxError, match="not trusted"):
        session(dovecot, host="127.1").connect()


def test_plaintext_is_for_loopback_only() -> None:
    """A password never leaves the machine unprotected."""
    with pytest.raises(UserError, match="loopback"):
        Access(host="imap.example.com", port=143, tls="none", user="u", password="p")


def test_a_wrong_password_is_a_refused_login(dovecot: Dovecot) -> None:
    """And its words hold neither password."""
    with pytest.raises(LoginRefused, match="refused the login") as error:
        session(dovecot, password="a-wrong-one").connect()

    assert "a-wrong-one" not in str(error.value)


def test_an_unreachable_server_is_no_refused_login(dovecot: Dovecot) -> None:
    """Nothing listens: MailboxError, to be tried again."""
    dovecot.stop()
    with pytest.raises(MailboxError, match="refused: nothing listens") as error:
        session(dovecot).connect()

    assert not isinstance(error.value, LoginRefused)


def test_reading_changes_no_flag(dovecot: Dovecot) -> None:
    """EXAMINE and PEEK: nobody sees that we were there."""
    dovecot.deliver(SMALL)
    box = session(dovecot)
    box.connect()
    box.examine("INBOX")
    list(box.fetch(box.uids_after(0)))
    box.close()

    assert dovecot.flags() == [""]


def test_a_mail_over_the_cap_is_read_in_part(dovecot: Dovecot) -> None:
    """Its headers and first bytes, its whole size, marked; the others whole."""
    dovecot.deliver(SMALL)
    dovecot.deliver(SMALL + b"y" * 700_000)
    box = session(dovecot, cap=600_000)
    box.connect()
    box.examine("INBOX")
    mails = {m.uid: m for batch in box.fetch(box.uids_after(0)) for m in batch}
    box.close()

    assert [m.truncated for m in mails.values()] == [False, True]
    large = mails[max(mails)]
    assert len(large.raw) == PREFIX
    assert large.size > 700_000


def test_many_mails_come_in_batches(dovecot: Dovecot) -> None:
    """By number, none left out, in order."""
    for _ in range(25):
        dovecot.deliver(SMALL)
    box = session(dovecot, batch_messages=10)
    box.connect()
    box.examine("INBOX")
    batches = list(box.fetch(box.uids_after(0)))
    box.close()

    assert [len(b) for b in batches] == [10, 10, 5]
    assert [m.uid for b in batches for m in b] == sorted(m.uid for b in batches for m in b)


@pytest.mark.parametrize("by_reset", [False, True])
def test_a_line_cut_in_mid_fetch_is_a_broken_session(dovecot: Dovecot, line: Proxy, by_reset: bool) -> None:
    """FIN or RST while a body comes: MailboxError, and a new session reads everything."""
    for _ in range(20):
        dovecot.deliver(SMALL * 20)
    box = session(dovecot, port=line.port)
    box.connect()
    box.examine("INBOX")
    uids = box.uids_after(0)
    line.cut_by_reset = by_reset
    line.cut_after = 100_000

    with pytest.raises(MailboxError):
        list(box.fetch(uids))

    line.cut_after = None
    again = session(dovecot, port=line.port)
    again.connect()
    again.examine("INBOX")
    assert len([m for b in again.fetch(uids) for m in b]) == 20
    again.close()


def test_a_silent_server_is_given_up(dovecot: Dovecot, line: Proxy) -> None:
    """A half-open line: the read timeout ends it."""
    box = session(dovecot, port=line.port, read_timeout=1.0)
    box.connect()
    line.silent = True

    with pytest.raises(MailboxError, match="silent"):
        box.examine("INBOX")


def test_a_trickling_server_is_cut_at_the_deadline(dovecot: Dovecot, line: Proxy) -> None:
    """A byte now and then resets every socket timeout; the deadline of the whole does not care."""
    dovecot.deliver(SMALL * 50)
    box = session(dovecot, port=line.port, deadline=2.0)
    box.connect()
    box.examine("INBOX")
    uids = box.uids_after(0)
    line.trickle = 100

    with pytest.raises(MailboxError, match="too long"):
        list(box.fetch(uids))


def test_a_dead_idle_is_found_out(dovecot: Dovecot, line: Proxy) -> None:
    """The line is cut while idling: the wait ends with MailboxError, not with silence."""
    box = session(dovecot, port=line.port)
    box.connect()
    box.examine("INBOX")
    timer = threading.Timer(0.5, line.cut)
    timer.start()

    with pytest.raises(MailboxError):
        box.wait(60)
    timer.join()


def test_what_idle_tells_may_come_in_pieces(dovecot: Dovecot) -> None:
    """A line that is not whole yet is waited for, not taken for a closed connection."""
    with Proxy(dovecot.port) as plain:
        box = session(dovecot, host="127.0.0.1", port=plain.port, tls="none")
        box.connect()
        box.examine("INBOX")
        plain.trickle = 3
        timer = threading.Timer(0.5, dovecot.deliver, (SMALL,))
        timer.start()

        assert box.wait(30)
        timer.join()
        plain.trickle = 0
        assert len(box.uids_after(0)) == 1
        box.close()


def test_a_changed_uidvalidity_is_told(dovecot: Dovecot) -> None:
    """The caller sees another number and reads anew."""
    dovecot.deliver(SMALL)
    box = session(dovecot)
    box.connect()
    before = box.examine("INBOX")
    box.close()
    dovecot.set_uidvalidity(before.uidvalidity + 5)
    box = session(dovecot)
    box.connect()

    assert box.examine("INBOX").uidvalidity == before.uidvalidity + 5
    box.close()


def test_commands_hold_nothing_of_a_mail(dovecot: Dovecot) -> None:
    """What a mail says never enters a command; the log stays silent too."""
    dovecot.deliver(b'From: a@sender.example\r\nSubject: x\r\nMessage-ID: <a"\r\n b> LOGOUT\r\n\r\nhi\r\n')
    with Proxy(dovecot.port) as plain:
        box = session(dovecot, host="127.0.0.1", port=plain.port, tls="none")
        box.connect()
        box.examine("INBOX")
        list(box.fetch(box.uids_after(0)))
        box.close()

        verbs = [b.split()[1] for b in plain.asked.split(b"\r\n") if len(b.split()) > 1]

    assert set(verbs) <= {b"CAPABILITY", b"AUTHENTICATE", b"EXAMINE", b"UID", b"LOGOUT", b"LOGIN"}, verbs
    assert b"STORE" not in plain.asked
