"""What of the running bot is out of order. Logged when it changes, not at every try."""

from __future__ import annotations

import logging

from classifiers.errors import StoreDamaged, StoreError

log = logging.getLogger("triage")


class Watch:
    """Keeps what went wrong last in each job. Thread-safe: each job is one key."""

    def __init__(self) -> None:
        self.damaged = (
            ""  # what is wrong with the database, where it is damaged: then nothing may be read or written any more
        )
        self._troubles: dict[str, str] = {}

    def failed(self, job: str, error: BaseException) -> None:
        """A job raised; it runs again at its next tick."""
        what = str(error) if isinstance(error, StoreError) else ""  # another's text may quote mail
        trouble = f"{type(error).__name__}: {what}"
        if self._troubles.get(job) != trouble:
            self._troubles[job] = trouble
            log.error("job.failed", extra={"job": job, "error": type(error).__name__, "what": what})
        if isinstance(error, StoreDamaged) and not self.damaged:
            self.damaged = what
            log.error("store.damaged", extra={"what": f"reading has stopped: {what}"})

    def went_well(self, job: str) -> None:
        """A job ran through."""
        if not self.damaged and self._troubles.pop(job, None) is not None:
            log.info("job.well", extra={"job": job})
