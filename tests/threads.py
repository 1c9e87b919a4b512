"""A mailroom in whose threads follow-ups stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from mailroom import Mailroom, mailroom, words

from bot.ports import KeptReport
from classifiers.terms import Disposition


class Bot(Mailroom):
    """A mailroom in whose threads follow-ups stand."""

    def hears(self, body: str, verdict: Disposition, **more: Any) -> KeptReport:
        """A mail arrives, is judged and told, and nothing is left to say."""
        report = self.receives(verdict.value, body, **more)
        assert self.store.due(self.at + timedelta(days=1), 9) == ()
        return report

    def holds(self, report: KeptReport) -> Disposition:
        current = self.store.current(report.id)
        assert current is not None
        return current.verdict.disposition

    def says(self) -> list[str]:
        """What stands in the channel itself, oldest first."""
        return [words(m) for m in self.posts()]

    def under(self, nth_post: int = 0) -> list[str]:
        """What stands in the thread of a post, without its details."""
        return self.replies(self.posts()[nth_post])


@contextmanager
def working(folder: Path) -> Iterator[Bot]:
    """A bot with a state folder and a Slack of its own."""
    with mailroom(f"sqlite:///{folder}/state/triage.db", kind=Bot) as it:
        yield it
