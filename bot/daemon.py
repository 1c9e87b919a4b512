"""The clock: every job has its time, until the daemon is told to stop or to take up what changed."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from datetime import timedelta
from time import CLOCK_MONOTONIC, clock_gettime_ns
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.clock import WallClock, steady
from bot.jobs import TICK, Jobs, Parts
from bot.settings import Settings
from bot.slack.shown import shown
from classifiers.errors import LoginRefused, StoreError, TriageError

log = logging.getLogger("triage")
LATE = timedelta(minutes=3)  # longer than a lease


class Daemon:
    """Runs until it is told to stop; then finishes the message in hand."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.renewal: Settings | None = None  # what to be started anew with
        self.stopping = threading.Event()
        self.jobs = Jobs(parts, self.stopping, self._soon)
        self._wall = WallClock(parts.now, steady)
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(len(parts.readers) + 7)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self) -> None:
        """Blocks. Raises LoginRefused when no account has ever logged in and all were refused."""
        self.parts.service.orders.obeyed_by(self.stop)
        self.parts.work.renew()
        self._plan()
        watchers = [
            threading.Thread(target=r.watch, args=(lambda r=r: self.jobs.arrived(r),), name=f"idle-{r.reading.account}")
            for r in self.parts.readers
        ]
        self._scheduler.start()
        for watcher in watchers:
            watcher.start()
        if self.parts.probes is not None:
            self.parts.probes.start()
        self.parts.service.systemd.say("READY=1")
        log.info("daemon.started", extra={"accounts": len(self.parts.readers)})
        try:
            self._keep_time()
        finally:
            self._end(watchers)

    def stop(self) -> None:
        self.stopping.set()

    def deliver_soon(self) -> None:
        """There is something to say that need not wait for the next tick."""
        self._soon("deliver")

    # ------------------------------------------------------------------------------------------ while it runs

    def _plan(self) -> None:
        p = self.parts
        start = p.now()
        for period, name, job in self.jobs.all():
            every = IntervalTrigger(seconds=period.total_seconds(), timezone="UTC")
            self._scheduler.add_job(self.jobs.watched(name, job), every, id=name, next_run_time=start)
        if p.digest_at is not None:
            at = CronTrigger(hour=p.digest_at.hour, minute=p.digest_at.minute, timezone=ZoneInfo(p.timezone))
            self._scheduler.add_job(self.jobs.watched("digest", self._digest), at, id="digest")

    def _digest(self) -> None:
        """One copy of the bot says it. Where that one dies just then, the others look once more: what was said is not said again."""
        if not self.jobs.digest():
            later = self.parts.now() + LATE
            self._scheduler.add_job(self.jobs.watched("late digest", self.jobs.digest), "date", run_date=later)

    def _keep_time(self) -> None:
        """Until it is told to stop."""
        while not self.stopping.wait(TICK.total_seconds()):
            if self._wall.was_set_back():
                self._plan_anew()
            if self.parts.service.orders.reloading.is_set():
                self._renew()
            self._leave_if_all_refused()

    def _plan_anew(self) -> None:
        """After the clock was set back: what waits for a moment that was near would wait for as long again."""
        log.warning("clock.set_back")
        with suppress(StoreError):  # a job that needs the store will tell
            self.parts.store.hasten(self.parts.now())
        self.parts.delivery.forget_waits()
        self.jobs.forget_times()
        for job in self._scheduler.get_jobs():
            if isinstance(job.trigger, IntervalTrigger):
                self._soon(job.id)
            else:
                job.reschedule(job.trigger)

    def _renew(self) -> None:
        """Takes up a changed configuration by stopping, to be started anew with it; keeps the old one and says why where it is bad."""
        service = self.parts.service
        service.orders.reloading.clear()
        service.systemd.say("RELOADING=1", f"MONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1000}")
        try:
            self.renewal = service.renewed()
        except TriageError as e:
            log.error("reload.refused", extra={"what": str(e)})  # noqa: TRY400 - its sentences say it all
            self.parts.voice.say(
                f"The changed configuration was not taken; the one before stays in use: {shown(str(e), 600)}",
                f"reload:{self.parts.now().isoformat()}",
            )
            service.systemd.say("READY=1")
        else:
            log.info("reload.taken")
            self.stop()

    def _leave_if_all_refused(self) -> None:
        standings = [r.standing for r in self.parts.readers]
        if all(s.refused for s in standings) and not any(s.ever_logged_in for s in standings):
            raise LoginRefused(standings[0].trouble)

    def _soon(self, job: str) -> None:
        """Runs a job now instead of at its next tick. If it is running, its next tick is at most a second away."""
        if not self.stopping.is_set():
            self._scheduler.modify_job(job, next_run_time=self.parts.now())

    def _end(self, watchers: list[threading.Thread]) -> None:
        self.stopping.set()
        if self.renewal is None:
            self.parts.service.systemd.say("STOPPING=1")
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
