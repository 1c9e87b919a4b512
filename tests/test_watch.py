"""A silent bot is noticed: by people in Slack, by systemd, by probes, by Prometheus."""

from __future__ import annotations

import http.client
import os
import random
import re
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dovecot import Dovecot
from fakes import ScriptedMailbox
from proxy import Proxy
from running import Running, account, configuration, until
from test_faults import cards, secrets, triage
from test_journey_thread import GENUINE, mail
from test_triage import Instant

from bot.local.slack import LocalSlack
from bot.metrics import Metrics
from bot.ports import FolderState, NoticeKind
from bot.probes import Probes
from bot.reading import AccountReader
from bot.routing import Routes
from bot.silence import Silences
from bot.store import Store
from bot.systemd import Systemd
from bot.triage import Reading, Triage
from bot.voice import Voice
from bot.waits import Waits
from bot.watch import BEAT, STUCK, Watch
from classifiers.errors import ConfigError, MailboxError, NotSaid, StoreDamaged, StoreError

CHANNEL = "C0TRIAGE"
TOKEN = "known-to-prometheus"


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 2, 9, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def pass_(self, **span: float) -> None:
        self.seconds += timedelta(**span).total_seconds()


class Listener:
    """bot.ports.Notifier that remembers, or is out of reach."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.away = False

    def post(self, message: object) -> str:
        if self.away:
            raise NotSaid("away")
        self.said.append(message.text)  # type: ignore[attr-defined]
        return "1"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=clock.now) as it:
        yield it


class Box(ScriptedMailbox):
    """A mailbox that can be broken for a while."""

    broken = False

    def examine(self, folder: str) -> FolderState:
        if self.broken:
            self.close()
            raise MailboxError("mail.example.com:993: <!channel> cut")
        return super().examine(folder)


class Office:
    """One mailbox that can be broken, and who looks at it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock, self.watch, self.slack = store, clock, Watch(clock.monotonic), Listener()
        self.box = Box("INBOX")
        self.reader = AccountReader(
            Triage(store=store, worker=Instant(), routes=Routes(channel=CHANNEL), now=clock.now),
            Reading(account="security", folders=("INBOX",), junk=frozenset(), start=None),
            lambda: self.box, every=timedelta(minutes=1), say=lambda *_: None, now=clock.now, steady=clock.now, jitter=random.Random(1),
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        voice = Voice(self.store, self.slack, CHANNEL, self.clock.now)  # type: ignore[arg-type]
        self.silences = Silences(
            self.store, [self.reader], self.watch, voice, after=timedelta(minutes=15), now=self.clock.now, monotonic=self.clock.monotonic,
        )  # fmt: skip

    def minutes(self, count: int, *, broken: bool = False) -> None:
        for _ in range(count):
            self.clock.pass_(minutes=1)
            self.box.broken = broken
            self.reader.poll()
            self.silences.tick()

    def told(self) -> list[str]:
        return [
            n.text for n in self.store.due(self.clock.now() + timedelta(days=1), 99) if n.kind is NoticeKind.TROUBLE
        ]


# ------------------------------------------------------------------------------------------------ the dead man's line


def test_a_silent_mailbox_is_told_once_and_when_it_is_back(store: Store, clock: Clock) -> None:
    """Not while it is merely slow; with the reason, made harmless; again at the next silence."""
    office = Office(store, clock)
    office.minutes(2)
    office.minutes(14, broken=True)
    assert office.told() == []

    office.minutes(60, broken=True)
    (line,) = office.told()
    assert line.startswith("Mailbox security could not be read for 16 minutes: mail[.]example")
    assert "<!channel>" not in line

    office.minutes(10)
    assert office.told()[1:] == ["Mailbox security is read again; what came meanwhile is being read."]
    office.minutes(40, broken=True)
    assert len(office.told()) == 3


def test_a_restart_repeats_no_silence_and_forgets_none(store: Store, clock: Clock) -> None:
    """What was told before the restart counts; so does a silence that began before it."""
    office = Office(store, clock)
    office.minutes(2)
    office.minutes(20, broken=True)
    office.start()
    office.minutes(20, broken=True)
    assert len(office.told()) == 1
    office.start()
    office.minutes(12)
    assert len(office.told()) == 2

    office.clock.pass_(hours=3)  # nobody ran
    office.start()
    office.minutes(1, broken=True)
    assert len(office.told()) == 2, "the first poll takes its time"
    office.minutes(3, broken=True)
    assert "for 182 minutes" in office.told()[2]


def test_a_clock_that_is_set_is_no_silence(store: Store, clock: Clock) -> None:
    """An hour forward: no line; the mailbox was read a minute ago."""
    office = Office(store, clock)
    office.minutes(5)
    set_ = clock.now
    clock.now = lambda: set_() + timedelta(hours=1)  # type: ignore[method-assign]
    office.silences._now = clock.now
    office.silences.tick()

    assert office.told() == []


def test_a_mailbox_that_is_not_read_for_some_polls_is_told_to_who_probes(store: Store, clock: Clock) -> None:
    """Three polls and three minutes; ready again with the next that goes well. Before the first nothing is ready."""
    office = Office(store, clock)
    assert office.silences.not_read() == ("security",)

    office.minutes(1)
    office.minutes(6, broken=True)
    assert office.silences.not_read() == ()
    office.minutes(1, broken=True)
    assert office.silences.not_read() == ("security",)
    office.minutes(20)
    assert office.silences.not_read() == ()


def test_silence_is_told_without_a_store_too(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full: straight to Slack, once; while Slack is away too, as soon as it is back."""
    office = Office(store, clock)
    office.minutes(2)

    def full(*_: object, **__: object) -> None:
        raise StoreError("no room is left on the disk")

    for method in ("trouble", "beat", "last_beat", "keep"):
        monkeypatch.setattr(store, method, full)
    office.slack.away = True
    office.minutes(20)
    assert office.slack.said == []

    office.slack.away = False
    office.minutes(20)
    (line,) = office.slack.said
    assert "no room is left on the disk" in line


def test_a_damaged_database_is_told_at_once(store: Store, clock: Clock) -> None:
    """Past the outbox, which lies in it; once."""
    office = Office(store, clock)
    office.watch.failed("check", StoreDamaged("the database is damaged"))
    office.silences.tick()
    office.silences.tick()

    assert office.slack.said == ["triage has stopped reading: the database is damaged"]


@pytest.mark.dovecot
def test_the_daemon_tells_its_silence_in_slack(dovecot: Dovecot, tmp_path: Path) -> None:
    """The real program, its mail server gone and back."""
    with LocalSlack(channels=(CHANNEL,)) as slack, Proxy(dovecot.tls_port) as line:
        where = account(dovecot, host="localhost", port=line.port, poll_every="1s")
        config = configuration(tmp_path, where, slack, more='[watch]\nsilent_after = "3s"')
        with Running(config, secrets(dovecot, slack)) as bot:
            bot.looked()
            line.refuse = True
            line.cut()
            slack.wait_for(lambda: any("could not be read" in c["text"] for c in cards(slack)), 60)
            line.refuse = False
            slack.wait_for(lambda: any("is read again" in c["text"] for c in cards(slack)), 60)
            assert bot.terminate() == 0


# ------------------------------------------------------------------------------------------------ jobs


def test_a_job_that_hangs_is_noticed(clock: Clock) -> None:
    """Not one that gives signs of life; nor one that is done."""
    watch = Watch(clock.monotonic)

    def after(seconds: float) -> tuple[str, ...]:
        clock.pass_(seconds=seconds)
        watch.tick()
        return watch.stuck()

    with watch.at_work("judge"), watch.at_work("deliver"):
        assert after(STUCK - 1) == ()
        watch.sign("judge")
        assert after(2) == ("deliver",)
    assert after(STUCK) == ()
    clock.pass_(seconds=BEAT + 1)
    assert watch.stuck() == ("clock",)


def test_a_jobs_trouble_is_logged_when_it_changes(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Not a line a second; and never the words of a foreign exception, which may quote mail."""
    watch = Watch(clock.monotonic)
    caplog.set_level("INFO", "triage")

    def job(error: Exception | None = None) -> None:
        with watch.at_work("judge"):
            if error:
                raise error

    for error in (StoreError("full"), StoreError("full"), ValueError("the words of a mail"), None, None):
        job(error)

    assert [r.message for r in caplog.records] == ["job.failed", "job.failed", "job.well"]
    assert [r.what for r in caplog.records[:2]] == ["full", ""]  # type: ignore[attr-defined]
    assert watch.troubles() == ()


# ------------------------------------------------------------------------------------------------ probes


def ask(port: int, path: str, token: str = "") -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = line.getresponse()
    body = answer.read().decode()
    line.close()
    return answer.status, body


@pytest.fixture
def probes() -> Iterator[Callable[[], Probes]]:
    made: list[Probes] = []

    def make(port: int = 0, **more: object) -> Probes:
        told = {
            "alive": lambda: (),
            "ready": lambda: ("mailbox security is not read",),
            "metrics": lambda: b"figures\n",
        }
        made.append(Probes(port, TOKEN, **(told | more)))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield make
    for it in made:
        it.stop()


@pytest.mark.parametrize(
    ("path", "token", "status", "body"),
    [
        ("/healthz", "", 200, "ok\n"),
        ("/readyz", "", 503, "no\n"),
        ("/readyz", "wrong", 503, "no\n"),
        ("/readyz", TOKEN, 503, "mailbox security is not read\n"),
        ("/metrics", "", 401, None),
        ("/metrics", "wrong", 401, None),
        ("/metrics", "ü", 401, None),
        ("/metrics", TOKEN, 200, "figures\n"),
        ("/", TOKEN, 404, None),
        ("/../metrics", "", 404, None),
    ],
)
def test_probes_answer_one_word_and_the_rest_to_who_knows_the_token(
    probes: Callable[[], Probes], path: str, token: str, status: int, body: str | None
) -> None:
    """Reasons and figures are not for everybody on the machine."""
    assert ask(probes().port, path, token)[0] == status
    assert body is None or ask(probes().port, path, token)[1] == body


def test_probes_listen_on_loopback_alone(probes: Callable[[], Probes]) -> None:
    """No other address of this machine answers."""
    port = probes().port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))  # sends nothing; names the address that leads out
        outer = s.getsockname()[0]

    if outer.startswith("127."):
        pytest.skip("this machine has loopback alone")
    with pytest.raises(OSError, match=r"refused|timed out"):
        socket.create_connection((outer, port), 2)


def test_a_port_that_is_taken_is_told(probes: Callable[..., Probes]) -> None:
    """With its place in the configuration."""
    port = probes().port
    with pytest.raises(ConfigError, match=rf"watch\.port.*{port}"):
        probes(port)


def test_figures_tell_what_was_done_and_not_a_word_of_mail(store: Store, clock: Clock) -> None:
    """Polls, queue, verdicts, corrections, audits, deaths, the time to a card; without the store, what is known without it."""
    office = Office(store, clock)
    office.minutes(1)
    office.box.deliver(mail("ravi@hunter.example", 1, "Secret subject", GENUINE), received_at=clock.now())
    office.minutes(1)
    worker, waits = Instant(), Waits()
    Triage(store=store, worker=worker, routes=Routes(channel=CHANNEL), now=clock.now).judge_waiting()
    waits.note(timedelta(seconds=3))
    page = Metrics(store, worker, office.watch, waits, ["security", "never"]).page().decode()

    for line in (
        f'triage_last_poll_timestamp_seconds{{account="security"}} {clock.now().timestamp() / 1e9!r}e+09',
        "triage_reports_total 1.0", "triage_reports_waiting 0.0", "triage_notices_due 2.0", "triage_digest_lines 0.0",
        'triage_verdicts_total{disposition="in_scope",kind="bot"} 1.0', 'triage_verdicts_total{disposition="",kind="audit"} 0.0',
        "triage_corrections_total 0.0", "triage_audits_open 0.0", "triage_audits_answered 0.0", "triage_audits_false_dismissals 0.0",
        "triage_worker_deaths_total 0.0", "triage_store_up 1.0", "triage_failing 0.0",
        'triage_arrival_to_card_seconds_bucket{le="2.0"} 0.0', 'triage_arrival_to_card_seconds_bucket{le="5.0"} 1.0',
        "triage_arrival_to_card_seconds_sum 3.0", "triage_arrival_to_card_seconds_count 1.0",
    ):  # fmt: skip
        assert re.search(f"^{re.escape(line)}$", page, re.MULTILINE), (line, page)
    assert 'account="never"' not in page
    assert "ubject" not in page
    assert "hunter" not in page


def test_waits_are_counted_by_their_bounds() -> None:
    """A clock that went back counts as no time."""
    waits = Waits()
    for seconds in (-5, 1, 1.5, 10**9):
        waits.note(timedelta(seconds=seconds))

    assert (waits.counts[0], waits.counts[1], waits.counts[-1]) == (2, 1, 1)
    assert waits.total == 10**9 + 2.5


@pytest.mark.dovecot
def test_the_daemon_answers_its_probes(dovecot: Dovecot, tmp_path: Path) -> None:
    """Alive, and ready once it reads; a card counts; the token is in no log."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    more = f'[watch]\nport = {port}\ntoken = {{ env = "TEST_WATCH_TOKEN" }}'
    with LocalSlack(channels=(CHANNEL,)) as slack:
        config = configuration(tmp_path, account(dovecot), slack, more=more)
        assert triage(config, secrets(dovecot, slack), "check").returncode == 78
        with Running(config, secrets(dovecot, slack, TEST_WATCH_TOKEN=TOKEN)) as bot:
            bot.wait_for("daemon.started")
            until(lambda: ask(port, "/readyz") == (200, "ok\n"))
            dovecot.deliver(mail("ravi@hunter.example", 1, "SPF", GENUINE))
            until(lambda: "triage_arrival_to_card_seconds_count 1.0" in ask(port, "/metrics", TOKEN)[1])
            assert ask(port, "/healthz") == (200, "ok\n")
            assert "process_resident_memory_bytes" in ask(port, "/metrics", TOKEN)[1]
            assert bot.terminate() == 0
        assert not [e for e in bot.events if TOKEN in str(e)]


# ------------------------------------------------------------------------------------------------ systemd


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@triage-nobody-listens"])
def test_without_a_manager_nothing_is_said(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing breaks."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    Systemd().say("READY=1")
    assert "NOTIFY_SOCKET" not in os.environ


@pytest.mark.dovecot
def test_the_daemon_tells_the_service_manager(dovecot: Dovecot, tmp_path: Path) -> None:
    """Ready, alive again and again, stopping; and no child has the socket's name."""
    path = tmp_path / "notify"
    with LocalSlack(channels=(CHANNEL,)) as slack, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(60)
        config = configuration(tmp_path, account(dovecot), slack)
        with Running(config, secrets(dovecot, slack, NOTIFY_SOCKET=str(path))) as bot:
            heard = [manager.recv(999) for _ in range(2)]
            assert set(heard) == {b"READY=1", b"WATCHDOG=1"}
            assert manager.recv(999) == b"WATCHDOG=1"
            bot.process.send_signal(signal.SIGTERM)
            last = b""
            while last != b"STOPPING=1":
                last = manager.recv(999)
            assert bot.process.wait(20) == 0
