"""The clock: accounts are polled, what waits is judged, what is to be said is said, the old is purged; until told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import FrameType
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.clock import WallClock, steady
from bot.delivery import Delivery
from bot.probes import Probes
from bot.reading import AccountReader
from bot.reminding import Reminders
from bot.retraining import Retraining
from bot.shares import Work
from bot.silence import Silences
from bot.store import Store
from bot.systemd import Systemd
from bot.triage import Triage
from bot.watch import Watch
from bot.weekly import Weekly
from classifiers.errors import LoginRefused, StoreDamaged, StoreError

log = logging.getLogger("triage")
TICK = timedelta(seconds=1)  # commands beside the daemon are delivered within 3 seconds
DRAFTED = timedelta(seconds=5)
FILED = timedelta(seconds=5)
NOTED = timedelta(seconds=10)
SHARED = timedelta(seconds=1)
LATE = timedelta(minutes=3)  # longer than a lease
HOUSEKEEPING = frozenset({"purge", "weekly", "remind", "drafts"})  # the jobs that one copy of the bot does for all
UNDAMAGED = frozenset({"heartbeat", "silence"})  # the jobs that go on with a damaged database
LOOKED_THROUGH = timedelta(hours=6)
REMINDED = timedelta(minutes=1)
HEARTBEAT = "daemon"
SOCKET = "socket"  # the beat of the line on which presses come in
OTHERS = "socket:others"  # that of Slack counting more lines than ours: presses may go to those


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
    systemd: Systemd
    work: Work  # what of it all is this copy's
    socket: Socket | None = None  # None: nobody presses anything
    weekly: Weekly | None = None  # None: no weekly digest
    reminders: Reminders | None = None  # None: nobody is reminded
    drafts: Callable[[], None] | None = None  # lays drafts of answers; None: nobody wants any
    filing: Callable[[], None] | None = None  # shows verdicts in the mailbox; None: it stays as it is
    probes: Probes | None = None  # None: nobody asks


class Daemon:
    """Runs until SIGTERM, SIGINT or `stop`; then finishes the message in hand."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.stopping = threading.Event()
        self.watch = parts.watch
        self._failure: Exception | None = None
        self._wall = WallClock(parts.now, steady)
        self._socket_noted = datetime.min.replace(tzinfo=UTC)
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(len(parts.readers) + 7)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self) -> None:
        """Blocks. Raises LoginRefused when no account has ever logged in and all were refused."""
        self.parts.work.renew()
        self._plan()
        watchers = [
            threading.Thread(target=r.watch, args=(lambda r=r: self._arrived(r),), name=f"idle-{r.reading.account}")
            for r in self.parts.readers
        ]
        self._scheduler.start()
        for watcher in watchers:
            watcher.start()
        if self.parts.probes is not None:
            self.parts.probes.start()
        self.parts.systemd.say("READY=1")
        log.info("daemon.started", extra={"accounts": len(self.parts.readers)})
        try:
            while not self.stopping.wait(TICK.total_seconds()):
                if self._wall.was_set_back():
                    self._plan_anew()
        finally:
            self.parts.systemd.say("STOPPING=1")
            for reader in self.parts.readers:
                reader.stop()
            self._scheduler.shutdown(wait=True)
            for part in (self.parts.socket, self.parts.probes):
                if part is not None:
                    part.stop()
            for watcher in watchers:
                watcher.join(10)
            with suppress(StoreError):  # without it the others wait until the leases are over
                self.parts.work.end()
            log.info("daemon.stopped")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        self.stopping.set()

    def on_signals(self) -> None:
        """SIGTERM and SIGINT set a flag; nothing is torn down inside a handler."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)

    # ------------------------------------------------------------------------------------------ the jobs

    def _plan(self) -> None:
        p = self.parts
        start = p.now()

        def every(period: timedelta, name: str, job: Callable[..., object], *arguments: object) -> None:
            seconds = period.total_seconds()
            self._scheduler.add_job(
                self._watched(name, job), "interval", seconds=seconds, args=arguments, id=name, next_run_time=start
            )

        for number, reader in enumerate(p.readers):
            every(TICK, f"poll:{number}", self._poll, reader)
        every(SHARED, "work", p.work.renew)
        every(TICK, "judge", self._judge)
        every(TICK, "deliver", self._deliver)
        every(NOTED, "heartbeat", self._beat)
        every(NOTED, "silence", p.silences.tick)
        every(NOTED, "model", self._model)
        every(LOOKED_THROUGH, "check", p.store.sound)
        every(LOOKED_THROUGH, "purge", self._purge)
        if p.weekly is not None:
            every(REMINDED, "weekly", p.weekly.tick)
        if p.reminders is not None:
            every(REMINDED, "remind", p.reminders.tick)
        if p.drafts is not None:
            every(DRAFTED, "drafts", p.drafts)
        if p.filing is not None:
            every(FILED, "filing", p.filing)
        if p.socket is not None:
            every(TICK, "socket", self._keep_socket)
        if p.digest_at is not None:
            at = CronTrigger(hour=p.digest_at.hour, minute=p.digest_at.minute, timezone=ZoneInfo(p.timezone))
            self._scheduler.add_job(self._watched("digest", self._digest), at, id="digest")

    def _watched(self, name: str, job: Callable[..., object]) -> Callable[..., None]:
        """Nothing is read, judged or told on a damaged database: what it says may be wrong, and the mail is safe where it lies."""

        def run(*arguments: object) -> None:
            mine = self.parts.work.keeps_house or name not in HOUSEKEEPING
            if mine and (not self.watch.damaged or name in UNDAMAGED):
                with self.watch.at_work(name):
                    job(*arguments)

        return run

    def _poll(self, reader: AccountReader) -> None:
        if self.parts.work.reads(reader.reading.account) and reader.tick():
            self._soon("judge")
        self._leave_if_all_refused()

    def _arrived(self, reader: AccountReader) -> None:
        try:
            if not self.watch.damaged and self.parts.work.reads(reader.reading.account) and reader.poll():
                self._soon("judge")
        except StoreDamaged as e:
            self.watch.failed("idle", e)

    def _judge(self) -> None:
        p = self.parts
        besides = [r.reading.account for r in p.readers if not p.work.reads(r.reading.account)]
        while not self.stopping.is_set() and p.triage.judge_waiting(stop=self._going_on("judge"), besides=besides):
            self._soon("deliver")

    def _digest(self) -> None:
        """One copy says it. Where that dies just then, the others look once more: what was said is not said again."""
        if self.parts.work.keeps_house:
            self.parts.delivery.say_digest()
        else:
            self._scheduler.add_job(
                self._watched("late digest", self._late_digest), "date", run_date=self.parts.now() + LATE
            )

    def _late_digest(self) -> None:
        if self.parts.work.keeps_house:
            self.parts.delivery.say_digest()

    def _deliver(self) -> None:
        self.parts.delivery.deliver(stop=self._going_on("deliver"))

    def _going_on(self, job: str) -> Callable[[], bool]:
        """For a job that takes long: asked between two mails, it says whether to stop, and hears that the job lives."""

        def stop() -> bool:
            self.watch.sign(job)
            return self.stopping.is_set()

        return stop

    def _beat(self) -> None:
        self.watch.tick()
        if not self.watch.stuck():
            self.parts.systemd.say("WATCHDOG=1")
        if not self.watch.damaged:
            self.parts.store.beat(HEARTBEAT, self.parts.now())

    def unready(self) -> tuple[str, ...]:
        """Why the bot does not get its work done now, in sentences; () where all is well."""
        silent = tuple(f"mailbox {name} is not read" for name in self.parts.silences.not_read())
        hanging = tuple(f"{job} hangs" for job in self.watch.stuck())
        return (*self.watch.troubles(), *hanging, *silent)

    def _model(self) -> None:
        self.parts.retraining.tick(stop=self.stopping.is_set, trains=self.parts.work.keeps_house)

    def _keep_socket(self) -> None:
        """Looks after the line every second, and notes once in a while that it is up."""
        now, line = self.parts.now(), self.parts.socket
        if line is not None and line.keep() and now - self._socket_noted > NOTED:
            self.parts.store.beat(SOCKET, now)
            if line.connections > 1:
                self.parts.store.beat(OTHERS, now)
            self._socket_noted = now

    def deliver_soon(self) -> None:
        """There is something to say that need not wait for the next tick."""
        self._soon("deliver")

    def _purge(self) -> None:
        purged = self.parts.store.purge(self.parts.now() - self.parts.keep_text, self.parts.keep_corrections)
        if purged:
            log.info("text.purged", extra={"reports": purged})

    # ------------------------------------------------------------------------------------------ the rest

    def _plan_anew(self) -> None:
        """After the clock was set back: what waits for a moment that was near would wait for as long again."""
        log.warning("clock.set_back")
        with suppress(StoreError):  # a job that needs the store will tell
            self.parts.store.hasten(self.parts.now())
        self.parts.delivery.forget_waits()
        self._socket_noted = datetime.min.replace(tzinfo=UTC)
        for job in self._scheduler.get_jobs():
            if isinstance(job.trigger, IntervalTrigger):
                self._soon(job.id)
            else:
                job.reschedule(job.trigger)

    def _soon(self, job: str) -> None:
        """Runs a job now instead of at its next tick. If it is running, its next tick is at most a second away."""
        if not self.stopping.is_set():
            self._scheduler.modify_job(job, next_run_time=self.parts.now())

    def _leave_if_all_refused(self) -> None:
        standings = [r.standing for r in self.parts.readers]
        if all(s.refused for s in standings) and not any(s.ever_logged_in for s in standings):
            self._failure = LoginRefused(standings[0].trouble)
            self.stop()
