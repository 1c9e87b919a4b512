"""What of the running bot is out of order: jobs that fail or hang, a damaged database, mailboxes that nobody reads.

Logged when it changes, not at every try.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from classifiers.errors import StoreDamaged, StoreError

STALE = timedelta(minutes=3)  # without a heartbeat, or beyond three polls: nobody is at work
STUCK = 900.0  # seconds that a job may go without a sign of life; the worst mail costs a minute
BEAT = 60.0  # seconds within which the clock must have ticked

log = logging.getLogger("triage")


def is_stale(polled: datetime | None, every: timedelta, at: datetime) -> bool:
    """Whether an account that is polled so often has not been read for too long."""
    return polled is None or at - polled > 3 * every + STALE


class Watch:
    """Keeps how each job stands, by its name. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.damaged = (
            ""  # what is wrong with the database, where it is damaged: then nothing may be read or written any more
        )
        self._monotonic = monotonic
        self._troubles: dict[str, str] = {}
        self._signs: dict[str, float] = {}  # of the jobs in hand: when each gave its last sign of life
        self._ticked = monotonic()
        self._lock = threading.Lock()

    @contextmanager
    def at_work(self, job: str) -> Iterator[None]:
        """A job is in hand. What it raises is noted, and ends here: it runs again at its next tick."""
        self.sign(job)
        try:
            yield
        except Exception as e:  # noqa: BLE001 - one job's mistake must not end the others
            self.failed(job, e)
        else:
            if self._troubles.pop(job, None) is not None:
                log.info("job.well", extra={"job": job})
        finally:
            with self._lock:
                self._signs.pop(job, None)

    def sign(self, job: str) -> None:
        """A job that takes long is still alive."""
        with self._lock:
            self._signs[job] = self._monotonic()

    def tick(self) -> None:
        """The clock ticks."""
        self._ticked = self._monotonic()

    def failed(self, job: str, error: BaseException) -> None:
        """A job raised."""
        what = str(error) if isinstance(error, StoreError) else ""  # another's text may quote mail
        trouble = f"{type(error).__name__}: {what}"
        if self._troubles.get(job) != trouble:
            self._troubles[job] = trouble
            log.error("job.failed", extra={"job": job, "error": type(error).__name__, "what": what})
        if isinstance(error, StoreDamaged) and not self.damaged:
            self.damaged = what
            log.error("store.damaged", extra={"what": f"reading has stopped: {what}"})

    def stuck(self) -> tuple[str, ...]:
        """The jobs that hang, and `clock` where it does not tick; () while all is alive."""
        at = self._monotonic()
        with self._lock:
            hanging = [job for job, sign in self._signs.items() if at - sign > STUCK]
        return tuple(hanging) if at - self._ticked <= BEAT else ("clock", *hanging)

    def troubles(self) -> tuple[str, ...]:
        """What failed last and has not gone well since, in sentences without a word of mail."""
        return (self.damaged,) if self.damaged else tuple(f"{job}: {what}" for job, what in self._troubles.items())
