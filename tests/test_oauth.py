"""Logging in by access tokens: at Dovecot, with a stand-in for the token endpoint and for its introspection."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dovecot import BINARY, Dovecot
from granting import Granting
from proxy import Proxy
from running import TRIAGE, Running, configuration, until
from sessions import session

from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack
from bot.mail.imap import ImapMailbox
from bot.mail.tokens import Grant, GrantedTokens, ReadTokens, poster
from bot.store import refresh_token
from classifiers.errors import LoginRefused, MailboxError, Throttled

USER = "security@example.com"
CHANNEL = "C0TRIAGE"


@pytest.fixture
def granting() -> Iterator[Granting]:
    with Granting(USER) as it:
        yield it


@pytest.fixture
def server(dovecot: Dovecot, granting: Granting) -> Iterator[Dovecot]:
    """A Dovecot that takes the stand-in's tokens."""
    assert BINARY.exists()
    dovecot.stop()
    with Dovecot(USER, introspection=granting.introspection) as it:
        yield it


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Unkept:
    """A refresh token that nobody keeps."""

    def __init__(self, value: str) -> None:
        self.value = value

    def replace(self, value: str) -> None:
        self.value = value


def tokens(
    granting: Granting, folder: Path | None = None, *, time: Time | None = None, **changes: Any
) -> GrantedTokens:
    """By refresh token, unless the changes say otherwise."""
    grant = Grant(
        **({"url": granting.token_url, "client_id": "triage", "refresh_token": lambda: "refresh-0"} | changes)
    )
    held = partial(refresh_token, folder, "a") if folder else (lambda given: nullcontext(Unkept(given)))
    return GrantedTokens(grant, poster(3.0, None), held=held, steady=time or Time())


def mailbox(server: Dovecot, source: Any, **more: Any) -> ImapMailbox:
    return session(server, **({"tokens": source, "mechanism": "XOAUTH2"} | more))


# ------------------------------------------------------------------------------------------------ at the server


@pytest.mark.dovecot
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("way", ["refresh token", "client credentials", "read"])
def test_each_way_to_a_token_logs_in(server: Dovecot, granting: Granting, mechanism: str, way: str) -> None:
    """By both mechanisms; and the mailbox is read."""
    granting.good.add("read-somewhere")
    source = {
        "refresh token": lambda: tokens(granting),
        "client credentials": lambda: tokens(granting, refresh_token=None, client_secret=lambda: "sesame", scope="s"),
        "read": lambda: ReadTokens(lambda: "read-somewhere"),
    }[way]()
    box = mailbox(server, source, mechanism=mechanism)
    box.connect()

    assert box.examine("INBOX").folder == "INBOX"
    assert box.describe()["login"] == mechanism
    box.close()


@pytest.mark.dovecot
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_that_the_server_refuses_is_a_refused_login(server: Dovecot, mechanism: str) -> None:
    """A clean end of the exchange, and a sentence without the token."""
    with pytest.raises(LoginRefused, match="refused the login") as error:
        mailbox(server, ReadTokens(lambda: "secret-token"), mechanism=mechanism).connect()

    assert "secret-token" not in str(error.value)


@pytest.mark.dovecot
def test_a_revoked_token_is_tried_once_with_another(server: Dovecot, granting: Granting) -> None:
    """It was good for an hour, said the endpoint; the server knows better."""
    source = tokens(granting)
    first = mailbox(server, source)
    first.connect()
    first.close()
    granting.revoke()
    box = mailbox(server, source)
    box.connect()

    assert box.examine("INBOX").folder == "INBOX"
    assert len(granting.asked) == 2
    box.close()


@pytest.mark.dovecot
def test_tokens_that_are_never_taken_are_not_asked_for_for_ever(server: Dovecot, granting: Granting) -> None:
    """A new one was refused: another would be too."""
    source = tokens(granting)
    granting.introspect = lambda _form: (200, {"active": False})  # type: ignore[method-assign]
    with pytest.raises(LoginRefused):
        mailbox(server, source).connect()

    assert len(granting.asked) == 1


@pytest.mark.dovecot
def test_a_server_without_the_mechanism_is_told(dovecot: Dovecot) -> None:
    """That is no matter of the token."""
    with pytest.raises(LoginRefused, match="takes no XOAUTH2"):
        mailbox(dovecot, ReadTokens(lambda: "t")).connect()


@pytest.mark.dovecot
def test_a_token_that_expires_in_mid_idle(server: Dovecot, granting: Granting, tmp_path: Path) -> None:
    """The server ends the session as Microsoft's does; the daemon comes back with another token, and the mail is told."""
    with LocalSlack(channels=(CHANNEL,)) as slack, Proxy(server.port) as line:
        account = (
            f'[[accounts]]\nhost = "127.0.0.1"\nport = {line.port}\ntls = "none"\nuser = "{USER}"\npoll_every = "600s"\n'
            f'[accounts.oauth]\ntoken_url = "{granting.token_url}"\nclient_id = "triage"\nrefresh_token = {{ env = "TEST_REFRESH" }}\n'
        )
        config = configuration(tmp_path, account, slack)
        with Running(config, {"TEST_REFRESH": "refresh-0", "TEST_SLACK_TOKEN": slack.token}) as bot:
            until(lambda: b"IDLE" in line.asked, 60)
            granting.revoke()
            asked = len(granting.asked)
            line.asked = b""
            line.say(b"* BYE Session invalidated - AccessTokenExpired\r\n")
            bot.wait_for("idle.lost")
            until(lambda: b"IDLE" in line.asked, 60)
            server.deliver(sample_mails()[0])
            until(lambda: slack.messages(CHANNEL), 60)
            assert bot.terminate() == 0
        logged = json.dumps(bot.events)

    assert len(granting.asked) > asked
    assert "access-" not in logged
    assert "refresh-0" not in logged


@pytest.mark.dovecot
def test_a_token_command_from_the_configuration(server: Dovecot, granting: Granting, tmp_path: Path) -> None:
    """`triage doctor` says how it logs in; `triage check` tells a command that gives none."""
    granting.good.add("of-a-command")
    command = [sys.executable, "-c", "print('of-a-command')"]
    told = {}
    with LocalSlack(channels=(CHANNEL,)) as slack:
        for name, words in (("good", command), ("bad", ["false"])):
            account = (
                f'[[accounts]]\nhost = "localhost"\nport = {server.tls_port}\nuser = "{USER}"\nca_file = "{server.ca_file}"\n'
                f'[accounts.oauth]\nmechanism = "OAUTHBEARER"\ntoken = {{ command = {json.dumps(words)} }}\n'
            )
            config = configuration(tmp_path, account, slack)
            for verb in ("doctor", "check"):
                told[name, verb] = subprocess.run(
                    [TRIAGE, verb, "--config", str(config)], capture_output=True, text=True, timeout=60, check=False,
                    env={"TEST_SLACK_TOKEN": slack.token, "PATH": "/usr/bin:/bin"},
                )  # fmt: skip

    assert "login: OAUTHBEARER" in told["good", "doctor"].stdout
    assert told["good", "doctor"].returncode == 0, told["good", "doctor"].stdout
    assert told["good", "check"].returncode == 0
    assert told["bad", "doctor"].returncode == 77
    assert "oauth.token" in told["bad", "check"].stderr
    assert "of-a-command" not in "".join(t.stdout + t.stderr for t in told.values())


# ------------------------------------------------------------------------------------------------ at the endpoint


def test_a_token_is_used_until_shortly_before_it_expires(granting: Granting) -> None:
    """By a clock that nobody sets; all sessions share it."""
    time = Time()
    source = tokens(granting, time=time)
    first = source.token()
    time.now += timedelta(minutes=58)
    assert source.token() == first
    time.now += timedelta(minutes=2)

    assert source.token() != first
    assert len(granting.asked) == 2


@pytest.mark.parametrize("lives", [None, "soon", -5, 0, 1e30, "300"])
def test_a_strange_lifetime_is_bounded(granting: Granting, lives: Any) -> None:
    """Neither asked for without end nor kept for ever."""
    granting.lives = lives
    time = Time()
    source = tokens(granting, time=time)
    first = source.token()
    time.now += timedelta(days=1)

    assert source.token() != first


def test_sessions_at_once_ask_once(granting: Granting) -> None:
    """Polling and waiting log in at the same moment."""
    source = tokens(granting)
    had: list[str] = []
    threads = [threading.Thread(target=lambda: had.append(source.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(had)) == 1
    assert len(granting.asked) == 1


def test_a_replaced_refresh_token_outlives_the_process(granting: Granting, tmp_path: Path) -> None:
    """Each use voids the one before; it is readable by its own user alone."""
    granting.rotates = True
    for _ in range(3):
        assert tokens(granting, tmp_path).token() in granting.good

    (kept,) = tmp_path.glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_newly_configured_refresh_token_counts(granting: Granting, tmp_path: Path) -> None:
    """Somebody consented anew: what descends from the old one is forgotten."""
    granting.rotates = True
    tokens(granting, tmp_path).token()
    granting.refresh = "consented-anew"
    with pytest.raises(LoginRefused, match="invalid_grant"):
        tokens(granting, tmp_path).token()

    assert tokens(granting, tmp_path, refresh_token=lambda: "consented-anew").token() in granting.good


def test_a_damaged_file_of_a_replaced_token_is_as_good_as_none(granting: Granting, tmp_path: Path) -> None:
    """The configured one is tried."""
    (tmp_path / "oauth-a.json").write_bytes(b"\x00{")
    assert tokens(granting, tmp_path).token() in granting.good


ANSWERS: list[tuple[Any, type[MailboxError], str]] = [
    ((400, b'{"error": "invalid_grant"}'), LoginRefused, "consent again"),
    ((401, b'{"error": "invalid_client", "error_description": "of refresh-0"}'), LoginRefused, "secrets expire"),
    ((400, b'{"error": "invalid_scope"}'), LoginRefused, "check scope"),
    ((400, b'{"error": "<!channel>\\r\\n"}'), MailboxError, "HTTP 400"),
    ((429, b"{}"), Throttled, "asks for less"),
    ((500, b"oops"), MailboxError, "HTTP 500"),
    ((503, b'{"error": "temporarily_unavailable"}'), MailboxError, "HTTP 503"),
    ((302, b""), MailboxError, "HTTP 302"),
    ((200, b"<html>a captive portal</html>"), MailboxError, "HTTP 200"),
    ((200, b"[" * 30_000), MailboxError, "HTTP 200"),
    ((200, b"{}"), MailboxError, "without an access token"),
    ((200, b'{"access_token": "a\\r\\nb"}'), MailboxError, "without an access token"),
    ((200, b'{"access_token": 7}'), MailboxError, "without an access token"),
    ("cut", MailboxError, "cut|closed|HTTP"),
]


@pytest.mark.parametrize(("answer", "raised", "told"), ANSWERS, ids=[str(a)[:40] for a, _, _ in ANSWERS])
def test_an_endpoint_that_gives_no_token_is_told(
    granting: Granting, answer: Any, raised: type[MailboxError], told: str
) -> None:
    """For good, or for now; never with what we sent; and a redirection is not followed."""
    granting.script.append(answer)
    source = tokens(granting)
    with pytest.raises(MailboxError, match=re.compile(told)) as error:
        source.token()

    assert type(error.value) is raised
    assert "refresh-0" not in str(error.value)
    assert len(granting.asked) == 1
    assert source.token() in granting.good, "the next asking is a new one"


def test_an_endpoint_out_of_reach_is_told() -> None:
    """As a mail server is."""
    grant = Grant(url="http://127.0.0.1:9/token", client_id="triage", client_secret=lambda: "sesame")
    source = GrantedTokens(grant, poster(3.0, None), held=lambda v: nullcontext(Unkept(v)), steady=Time())
    with pytest.raises(MailboxError, match=r"127\.0\.0\.1.*nothing listens"):
        source.token()
