"""The notifier port: Slack's, the terminal's, and one by a webhook that is written here, in under fifty lines."""

from __future__ import annotations

import inspect
import io
import json
import re
import threading
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fakeslack import ScriptedNotifier
from make import judge, make_report, rulebook
from running import Running, configuration, until
from test_cli import triage

from bot.correction import Correction, correct
from bot.delivery import Delivery
from bot.local.imap import EmbeddedImap
from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack
from bot.ports import Cursor, Letterhead, Message, NewReport, Notifier, RawMessage, VerdictKind
from bot.routing import Routes, first_notices
from bot.settings import TERMINAL
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.plain import plain
from bot.slack.view import Tier
from bot.store import Store
from bot.terminal import TerminalNotifier
from classifiers.errors import MaybeSaid, NotSaid
from classifiers.terms import Disposition, report_key

pytestmark = pytest.mark.usefixtures("no_proxy")

CHANNEL = "C0TRIAGE"
SPF = "Your domain has no SPF record, so anyone can forge mail. mochi"


# ------------------------------------------------------------------------------------------------ a second kind of notifier


class WebhookNotifier:
    """bot.ports.Notifier that posts each message to an address, as JSON: its key, its thread, its words."""

    def __init__(self, url: str) -> None:
        self._url = url

    def post(self, message: Message) -> str:
        return self._send(message, replaces=None)

    def update(self, message: Message, ts: str) -> None:
        self._send(message, replaces=ts)

    def remove(self, channel: str, ts: str) -> None:  # noqa: ARG002
        raise NotSaid("a webhook takes nothing back", final=True)

    def find(self, channel: str, key: str, since: datetime, thread: str | None = None) -> str | None:  # noqa: ARG002
        raise NotSaid("a webhook tells nothing of what it got", final=True)

    def _send(self, message: Message, replaces: str | None) -> str:
        told = {"key": message.key, "thread": message.thread, "replaces": replaces, "title": message.text}
        told["text"] = plain(message.text, message.blocks, width=100)
        request = urllib.request.Request(
            self._url, json.dumps(told).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return str(json.load(answer)["id"])
        except urllib.error.HTTPError as e:
            if e.code >= 500:
                raise MaybeSaid(f"the webhook answered {e.code}") from None
            raise NotSaid(f"the webhook refused: {e.code}", final=True) from None
        except urllib.error.URLError as e:
            if isinstance(e.reason, ConnectionRefusedError):
                raise NotSaid("the webhook cannot be reached") from None
            raise MaybeSaid("the line to the webhook broke") from None
        except (OSError, ValueError, KeyError) as e:
            raise MaybeSaid(f"the webhook's answer is none ({type(e).__name__})") from None


class Receiver:
    """Somebody's webhook, on loopback; answers what `script` says, then 200."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.script: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = outer.script.pop(0) if outer.script else 200
                if status == 200:
                    outer.got.append(body)
                answer = json.dumps({"id": f"m{len(outer.got)}"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    it = Receiver()
    thread = threading.Thread(target=it.server.serve_forever, args=(0.05,))
    thread.start()
    yield it
    it.server.shutdown()
    it.server.server_close()
    thread.join()


# ------------------------------------------------------------------------------------------------ the outbox through it


class Told:
    """One judged report, told by this notifier; the clock is moved by hand."""

    def __init__(self, folder: Path, notifier: Notifier) -> None:
        self.at = datetime.now(UTC)
        self.store = Store.open(f"sqlite:///{folder}/t.db", now=lambda: self.at)
        wording = Wording(
            policy="p", word="mochi", titles={c.id: c.title for c in rulebook().categories}, requested={}, assets={}
        )
        self.delivery = Delivery(
            self.store, notifier, wording, channel=CHANNEL, tier=Tier.REDUCED, grace=timedelta(seconds=60),
            now=lambda: self.at, pace=timedelta(),
        )  # fmt: skip
        raw = f"Subject: No SPF record\r\n\r\n{SPF}".encode()
        message = RawMessage(folder="INBOX", uidvalidity=1, uid=1, size=len(raw), received_at=self.at, raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        (report_id,) = self.store.keep("security", "INBOX", [new], Cursor(1, 1))
        self.report = self.store.report(report_id)
        verdict = replace(judge(make_report("No SPF record", SPF)), report=self.report.key)
        self.store.record(
            report_id, verdict, kind=VerdictKind.BOT,
            decided_by="bot", decided_at=self.at, letterhead=Letterhead(subject="No SPF record"),
            notices=first_notices(self.report, verdict, Routes(channel=CHANNEL), self.at),
        )  # fmt: skip

    def say(self) -> None:
        for _ in range(6):
            while self.delivery.deliver():
                pass
            self.at += timedelta(minutes=11)

    def decide(self) -> None:
        correction = Correction(disposition=Disposition.INCOMPLETE, by="person:ana", reason="a mail was spoofed")
        correct(self.store, self.report.key, correction, known=(), routes=Routes(channel=CHANNEL), now=self.at)


def test_a_second_notifier_takes_under_fifty_lines(tmp_path: Path, receiver: Receiver) -> None:
    """Written against the port alone: a card, its thread, and its change arrive by a webhook."""
    assert len(inspect.getsource(WebhookNotifier).splitlines()) < 50
    told = Told(tmp_path, WebhookNotifier(receiver.url))

    told.say()
    told.decide()
    told.say()

    card, details, changed = receiver.got
    assert "⚪ Out of scope, very likely · E-mail authentication" in card["text"]
    assert "│ “No SPF record” (subject)" in card["text"]
    assert details["thread"] == changed["replaces"] == "m1"
    assert "decided by ana" in changed["text"]


@pytest.mark.parametrize("status", [500, 400, 429])
def test_what_a_webhook_does_not_take_is_told_later(tmp_path: Path, receiver: Receiver, status: int) -> None:
    """The outbox keeps its promise with any notifier: nothing is lost; what may be a repeat says so."""
    receiver.script = [status]
    told = Told(tmp_path, WebhookNotifier(receiver.url))

    told.say()

    assert [r["thread"] for r in receiver.got] == [None, "m1"]
    assert ("possible repeat" in receiver.got[0]["text"]) == (status == 500)
    assert told.store.counts()["notices_due"] == 0


# ------------------------------------------------------------------------------------------------ the port's promises


@pytest.fixture(params=["slack", "terminal", "webhook", "scripted"])
def notifier(request: pytest.FixtureRequest, receiver: Receiver) -> Iterator[Notifier]:
    with LocalSlack(channels=(CHANNEL,)) as slack:
        yield {
            "slack": SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=5),
            "terminal": TerminalNotifier(io.StringIO()),
            "webhook": WebhookNotifier(receiver.url),
            "scripted": ScriptedNotifier(lambda: datetime.now(UTC)),
        }[request.param]


def test_every_notifier_keeps_the_ports_promises(notifier: Notifier) -> None:
    """A message gets a name; by it it is changed, twice without harm; looking it up finds it, or is refused for good."""
    message = Message(channel=CHANNEL, key="card:1", text="one", facts={"report": "9f2c51ab"})

    ts = notifier.post(message)
    notifier.update(replace(message, text="two"), ts)
    notifier.update(replace(message, text="two"), ts)
    other = notifier.post(replace(message, key="card:2"))

    assert ts
    assert ts != other
    found, refusal = None, None
    try:
        found = notifier.find(CHANNEL, "card:2", datetime.now(UTC) - timedelta(hours=1))
    except NotSaid as e:
        refusal = e
    assert found == other or (refusal is not None and refusal.final)


# ------------------------------------------------------------------------------------------------ a terminal


def test_a_terminal_that_is_gone_is_not_said() -> None:
    """The outbox puts it off; nobody gets a traceback."""
    stream = io.StringIO()
    stream.close()

    with pytest.raises(NotSaid, match="cannot be written"):
        TerminalNotifier(stream).post(Message(channel=CHANNEL, key="k", text="x"))


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("*Out of scope*, very likely", "[Out of scope], very likely"),
        ("`9f2c51ab` · received <!date^1^{date}|2026-11-02 09:00 UTC>", "9f2c51ab · received 2026-11-02 09:00 UTC"),
        ("&gt; “a &lt;b&gt; &amp;lt; c” _(body)_", "│ “a <b> &lt; c” (body)"),  # each escape is undone once
        ("_it lay in the junk folder_", "it lay in the junk folder"),
        ("rule email_authentication.missing_spf 2*3*4", "rule email_authentication.missing_spf 2*3*4"),
        ("one two three " * 5, "one two three one two three one two three one two\nthree one two three"),
        ("*a bold title that is longer than one line of fifty columns*", "[a bold title that is longer than one line of\nfifty columns]"),
        ("", ""),
    ],
)  # fmt: skip
def test_blocks_are_drawn_as_plain_text(text: str, drawn: str) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}

    assert plain("", [block], width=50, bold=("[", "]")) == drawn


def mailbox(imap: EmbeddedImap) -> str:
    return (
        f'[[accounts]]\nhost = "127.0.0.1"\nport = {imap.port}\ntls = "none"\nuser = "{imap.user}"\n'
        'password = { env = "P" }\npoll_every = "1s"\n'
    )


HOSTILE = sample_mails()[0].replace(
    b"No SPF record on planetscale.com", b"No SPF record <!channel> *bold* \xe2\x80\xae\x1b[31m https://evil.example"
)


def test_cards_stream_to_a_terminal_and_settle_in_slack_later(tmp_path: Path) -> None:
    """No [slack]: a card is printed, then its change. Once there is one, the report's next change makes a card there."""
    config = tmp_path / "config.toml"
    with EmbeddedImap() as imap, LocalSlack(channels=(CHANNEL,)) as slack:
        config.write_text(f'{mailbox(imap)}[audit]\nshare = 0\n[state]\nfolder = "state"\n')
        secrets = {"P": imap.password, "TEST_SLACK_TOKEN": slack.token}
        with Running(config, secrets, "--to", "terminal") as bot:
            bot.looked()
            imap.deliver(HOSTILE)
            until(lambda: "mochi: found, body" in bot.printed)
            (row,) = [json.loads(line) for line in bot.command("list", "--json").stdout.splitlines()]
            bot.command("reclassify", row["report"], "--as", "in_scope", "--by", "ana")
            until(lambda: f"── {row['report']} changed ─" in bot.printed)
            assert bot.terminate() == 0
        printed = bot.printed
        replied = triage("show", row["report"], "--reply", "--config", config, **secrets)
        assert replied.stdout.startswith("Thank you for your report. We are looking into it")
        assert printed.index(f"── {row['report']} ─") < printed.index(
            "⚪ Out of scope, very likely · E-mail authentication"
        )
        assert "Clause: “Sender Policy Framework (SPF) configuration suggestions”" in printed
        assert "✅ 🔴 In scope, decided by ana" in printed
        assert "Subject: “No SPF record <!channel>" in printed
        assert "evil.example" not in printed
        assert not [c for c in printed if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n"]
        assert max(map(len, printed.splitlines())) <= 100

        configuration(tmp_path, mailbox(imap), slack)
        with Running(config, secrets) as bot:
            bot.wait_for("daemon.started")
            bot.command("reclassify", row["report"], "--as", "out_of_scope", "--by", "ben")
            slack.wait_for(lambda: "decided by ben" in json.dumps(slack.messages(CHANNEL)), 20)
            assert bot.terminate() == 0
        assert len([m for m in slack.messages(CHANNEL) if "thread_ts" not in m]) == 1


def test_a_trial_beside_slack_tells_nothing_there_and_leaves_its_state_alone(tmp_path: Path) -> None:
    with EmbeddedImap() as imap, LocalSlack(channels=(CHANNEL,)) as slack:
        config = configuration(tmp_path, mailbox(imap), slack)
        with Running(config, {"P": imap.password}, "--to", "terminal") as bot:
            bot.wait_for("account.connected")
            with Store.open(f"sqlite:///{tmp_path}/state/terminal/triage.db", now=lambda: datetime.now(UTC)) as trial:
                until(lambda: trial.cursor("security", "INBOX"))
            imap.deliver(sample_mails()[0])
            until(lambda: "mochi: found, body" in bot.printed)
            assert bot.terminate() == 0
        assert slack.calls == []
        assert not (tmp_path / "state" / "triage.db").exists()


def test_without_slack_run_says_what_to_do(tmp_path: Path) -> None:
    """And check and doctor, which find nothing wrong with it."""
    config = tmp_path / "config.toml"
    config.write_text(
        '[[accounts]]\nhost = "127.0.0.1"\nport = 1\ntls = "none"\nuser = "u"\npassword = { env = "P" }\n'
    )

    for command in ("run", "once"):
        done = triage(command, "--config", config, P="x")
        assert done.returncode == 78
        assert "no [slack]" in done.stderr
        assert "--to terminal" in done.stderr
    checked = triage("check", "--config", config, P="x")
    assert (checked.returncode, "--to terminal" in checked.stdout) == (0, True)
    assert re.search(r"slack +warn +there is no \[slack\]", triage("doctor", "--config", config, P="x").stdout)


def test_what_is_not_said_yet_goes_where_cards_are_told_now(tmp_path: Path) -> None:
    """A card that was not printed, and a line of the digest."""
    told = Told(tmp_path, TerminalNotifier(io.StringIO()))
    told.store.digest_sentence("a line", CHANNEL, "d:1", told.at)

    told.store.resettle(CHANNEL, "C0OTHER")

    assert {n.destination for n in told.store.due(told.at, 9)} == {"C0OTHER"}
    assert [c.channel for c in told.store.cards_of(told.report.id)] == ["C0OTHER"]
    assert [n.destination for n in told.store.digest_waiting(9)] == ["C0OTHER"]
    assert TERMINAL.startswith("D")
