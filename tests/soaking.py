"""The real daemon between Dovecot, a line and Slack's stand-in, with mail that keeps coming: what a soak runs in."""

from __future__ import annotations

import heapq
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dovecot import Dovecot
from proxy import Proxy
from running import Running, account, until
from soakmail import mails

from bot.local.slack import LocalSlack
from bot.store import Store

MAIN, LIVE = "C0TRIAGE", "C0LIVE"
ANA = "U0ANA"
FOLDERS = ("INBOX", "Junk")


class World:
    """Everything around one state folder. `tick` does what is due; nothing here is done by two threads."""

    def __init__(self, folder: Path, server: Dovecot, line: Proxy, slack: LocalSlack, seed: int) -> None:
        self.folder, self.server, self.line, self.slack = folder, server, line, slack
        self.random = random.Random(seed)
        self.delivered: list[bytes] = []
        self.faults: Counter[str] = Counter()
        self.words: Counter[tuple[str, str, str]] = Counter()  # of people, that were taken: report, who, what
        self.lives: list[Running] = []
        self.ended: list[int] = []  # exit codes that nobody asked for
        self._mails = mails(seed)
        self.uidvalidity = itertools.count(2_000_000_000)
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self.digest_at("")
        self.start()
        until(self._looked)

    # ------------------------------------------------------------------------------------------ the bot

    @property
    def bot(self) -> Running:
        return self.lives[-1]

    def start(self) -> None:
        secrets = {"IMAP": self.server.password, "TOKEN": self.slack.token, "APP": self.slack.app_token}
        self.lives.append(Running(self.folder / "config.toml", secrets).__enter__())

    def kill(self) -> None:
        self.bot.process.kill()
        self.bot.__exit__(None, None, None)

    def end(self) -> None:
        """SIGTERM, and no other exit code than 0. Not before it is up, when signals still end it at once."""
        self.bot.wait_for("daemon.started")
        if (code := self.bot.terminate(60)) != 0:
            self.ended.append(code)
        self.bot.__exit__(None, None, None)

    def look_after(self) -> None:
        """What ended by itself is noted, and started again."""
        if (code := self.bot.process.poll()) is not None:
            self.ended.append(code)
            self.bot.__exit__(None, None, None)
            self.start()

    def _looked(self) -> bool:
        """Whether both folders were looked at: what comes from now on is new."""
        if not (self.folder / "state" / "triage.db").exists():
            return False
        with self.store() as store:
            return all(store.cursor("security", folder) for folder in FOLDERS)

    def digest_at(self, at: str) -> None:
        mailbox = account(
            self.server, port=self.line.port, tls="none", folders=list(FOLDERS), poll_every="2s", connect_timeout="3s", read_timeout="3s",
        ).replace("TEST_IMAP_PASSWORD", "IMAP")  # fmt: skip
        (self.folder / "config.toml").write_text(
            f'{mailbox}\n[slack]\nchannel = "{MAIN}"\nbase_url = "{self.slack.base_url}"\nbot_token = {{ env = "TOKEN" }}\n'
            f'app_token = {{ env = "APP" }}\nallowed_users = ["{ANA}"]\ngrace = "2s"\ntimeout = "2s"\ndigest_at = "{at}"\n'
            f'weekly_on = ""\n[slack.routes]\nin_scope = "{LIVE}"\n[audit]\nshare = 0.1\n[state]\nfolder = "state"\n[log]\nformat = "json"\n'
        )

    def ask_for_digest(self) -> None:
        """The configuration names the next minute, and is taken up."""
        self.bot.wait_for("daemon.started")
        self.digest_at(f"{datetime.now(UTC) + timedelta(seconds=62):%H:%M}")
        self.bot.process.send_signal(signal.SIGHUP)

    @contextmanager
    def store(self) -> Iterator[Store]:
        with Store.open(f"sqlite:///{self.folder}/state/triage.db", now=lambda: datetime.now(UTC)) as it:
            yield it

    # ------------------------------------------------------------------------------------------ what comes when

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (time.monotonic() + seconds, next(self._order), what))

    def often(self, mean: float, what: Callable[[], object], until: float, *, punctual: bool = False) -> None:
        """At random moments, on average so many seconds apart, until then; `punctual`: one that came late delays no next one."""

        def once(planned: float) -> None:
            what()
            plan(planned if punctual else time.monotonic())

        def plan(since: float) -> None:
            at = since + self.random.expovariate(1 / mean)
            if at < until:
                heapq.heappush(self._agenda, (at, next(self._order), lambda: once(at)))

        plan(time.monotonic())

    def tick(self) -> None:
        self.look_after()
        while self._agenda and self._agenda[0][0] <= time.monotonic():
            heapq.heappop(self._agenda)[2]()

    def mail(self) -> None:
        for _ in range(self.random.choice((1, 1, 1, 1, 1, 1, 4))):
            raw, folder = next(self._mails)
            self.server.deliver(raw, folder)
            self.delivered.append(raw)

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self._agenda.clear()
        self.line.refuse = self.line.silent = False
        self.line.trickle, self.line.cut_at = 0, None
        self.slack._script.clear()

    def settled(self) -> bool:
        """Whether all mail is judged and told."""
        with self.store() as store:
            counts = store.counts()
        unsaid = counts["waiting"] + counts["notices_due"] + counts["for_the_digest"]
        return counts["reports"] >= len(self.delivered) and not unsaid


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.glob("*/children") for child in task.read_text().split()]


def memory(pid: int) -> float:
    """What a process holds in memory, in MB."""
    (line,) = [x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024
