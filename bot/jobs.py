"""What the daemon does at each tick: accounts are polled, what waits is judged, what is to be said is said, the old is purged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Protocol

from bot.delivery import Delivery
from bot.orders import Service
from bot.probes import Probes
from bot.reading import AccountReader
from bot.reminding import Reminders
from bot.retraining import Retraining
from bot.shares import Work
from bot.silence import Silences
from bot.store import Store
from bot.triage import Triage
from bot.voice import Voice
from bot.watch import Watch
from bot.weekly import Weekly
from classifiers.errors import StoreDamaged

log = logging.getLogger("triage")
TICK = timedelta(seconds=1)  # commands beside the daemon are delivered within 3 seconds
SOMETIMES = timedelta(seconds=5)
NOTED = timedelta(seconds=10)
REMINDED = timedelta(minutes=1)
LOOKED_THROUGH = timedelta(hours=6)
FOR_ALL = frozenset({"purge", "weekly", "remind", "drafts", "filing"})  # the jobs that one copy of the bot does for all
UNDAMAGED = frozenset({"heartbeat", "silence"})  # the jobs that go on with a damaged database
HEARTBEAT = "daemon"
SOCKET = "socket"  # the beat of the line on which presses come in
OTHERS = "socket:others"  # that of Slack counting more lines than ours: presses may go to those
Job = Callable[[], object]


class Socket(Protocol):
    """The line on which presses come in; slack.socket has it, which is loaded only where it is used."""

    @property
    def connections(self) -> int: ...
    def keep(self) -> bool: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the daemon drives."""

    store: Store
    triage: Triage
    delivery: Delivery
    readers: Sequence[AccountReader]
    retraining: Retraining
    digest_at: time | None
    timezone: str
    keep_text: timedelta
    keep_corrections: bool
    now: Callable[[], datetime]
    watch: Watch
    silences: Silences
    service: Service
    voice: Voice
    work: Work  # what of it all is this copy's
    socket: Socket | None = None  # None: nobody presses anything
    weekly: Weekly | None = None  # None: no weekly digest
    reminders: Reminders | None = None  # None: nobody is reminded
    drafts: Callable[[], None] | None = None  # lays drafts of answers; None: nobody wants any
    filing: Callable[[], None] | None = None  # shows verdicts in the mailbox; None: it stays as it is
    probes: Probes | None = None  # None: nobody asks


class Jobs:
    """The daemon's jobs. `soon` has one run now instead of at its next tick; `stopping` ends those that take long."""

    def __init__(self, parts: Parts, stopping: threading.Event, soon: Callable[[str], None]) -> None:
        self._parts, self._stopping, self._soon = parts, stopping, soon
        self._socket_noted = datetime.min.replace(tzinfo=UTC)

    def all(self) -> Iterator[tuple[timedelta, str, Job]]:
        """Every how long, by what name, and what."""
        p = self._parts
        for number, reader in enumerate(p.readers):
            yield TICK, f"poll:{number}", partial(self._poll, reader)
        yield TICK, "work", p.work.renew
        yield TICK, "judge", self._judge
        yield TICK, "deliver", self._deliver
        yield NOTED, "heartbeat", self._beat
        yield NOTED, "silence", p.silences.tick
        yield NOTED, "model", self._model
        yield LOOKED_THROUGH, "check", p.store.sound
        yield LOOKED_THROUGH, "purge", self._purge
        if p.weekly is not None:
            yield REMINDED, "weekly", p.weekly.tick
        if p.reminders is not None:
            yield REMINDED, "remind", p.reminders.tick
        if p.drafts is not None:
            yield SOMETIMES, "drafts", p.drafts
        if p.filing is not None:
            yield SOMETIMES, "filing", p.filing
        if p.socket is not None:
            yield TICK, "socket", partial(self._keep_socket, p.socket)

    def watched(self, name: str, job: Job) -> Callable[[], None]:
        """Nothing is read, judged or told on a damaged database: what it says may be wrong, and the mail is safe where it lies."""
        p = self._parts

        def run() -> None:
            mine = p.work.keeps_house or name not in FOR_ALL
            if mine and (not p.watch.damaged or name in UNDAMAGED):
                with p.watch.at_work(name):
                    job()

        return run

    def arrived(self, reader: AccountReader) -> None:
        """IDLE tells that something may have come."""
        p = self._parts
        try:
            if not p.watch.damaged and p.work.reads(reader.reading.account) and reader.poll():
                self._soon("judge")
        except StoreDamaged as e:
            p.watch.failed("idle", e)

    def digest(self) -> bool:
        """Says it; False where another copy of the bot does."""
        if not self._parts.work.keeps_house:
            return False
        self._parts.delivery.say_digest()
        return True

    def unready(self) -> tuple[str, ...]:
        """Why the bot does not get its work done now, in sentences; () where all is well."""
        p = self._parts
        silent = tuple(f"mailbox {name} is not read" for name in p.silences.not_read())
        hanging = tuple(f"{job} hangs" for job in p.watch.stuck())
        return (*p.watch.troubles(), *hanging, *silent)

    def forget_times(self) -> None:
        """The clock was set back: what was noted by it means nothing any more."""
        self._socket_noted = datetime.min.replace(tzinfo=UTC)

    # ------------------------------------------------------------------------------------------ the jobs

    def _poll(self, reader: AccountReader) -> None:
        if self._parts.work.reads(reader.reading.account) and reader.tick():
            self._soon("judge")

    def _judge(self) -> None:
        p = self._parts
        besides = [r.reading.account for r in p.readers if not p.work.reads(r.reading.account)]
        while not self._stopping.is_set() and p.triage.judge_waiting(stop=self._going_on("judge"), besides=besides):
            self._soon("deliver")

    def _deliver(self) -> None:
        """Goes on while something waits for the pace alone: by ticks of a second every second moment would be missed."""
        delivery, stop = self._parts.delivery, self._going_on("deliver")
        while not stop():
            delivery.deliver(stop)
            pause = delivery.pause()
            if pause is None or self._stopping.wait(pause.total_seconds()):
                return

    def _going_on(self, job: str) -> Callable[[], bool]:
        """For a job that takes long: asked between two mails, it says whether to stop, and hears that the job lives."""

        def stop() -> bool:
            self._parts.watch.sign(job)
            return self._stopping.is_set()

        return stop

    def _beat(self) -> None:
        p = self._parts
        p.watch.tick()
        if not p.watch.stuck():
            p.service.systemd.say("WATCHDOG=1")
        if not p.watch.damaged:
            p.store.beat(HEARTBEAT, p.now())

    def _model(self) -> None:
        self._parts.retraining.tick(stop=self._stopping.is_set, trains=self._parts.work.keeps_house)

    def _keep_socket(self, line: Socket) -> None:
        """Looks after the line every second, and notes once in a while that it is up."""
        p, now = self._parts, self._parts.now()
        if line.keep() and now - self._socket_noted > NOTED:
            p.store.beat(SOCKET, now)
            if line.connections > 1:
                p.store.beat(OTHERS, now)
            self._socket_noted = now

    def _purge(self) -> None:
        p = self._parts
        purged = p.store.purge(p.now() - p.keep_text, p.keep_corrections)
        if purged:
            log.info("text.purged", extra={"reports": purged})
