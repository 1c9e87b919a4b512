"""A copy of the bot without its threads, in which other rules may hold, and which can be ended in the middle of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from fakes import ScriptedMailbox
from fakeslack import ScriptedNotifier
from mailroom import LOUD_ONES, MAIN, READING, Scripted

from bot.audit import Drawing
from bot.delivery import Delivery
from bot.routing import Routes
from bot.showing import Wording
from bot.slack.view import Tier
from bot.store import Store
from bot.tasks import Judged, Task
from bot.triage import Triage
from classifiers.errors import MailboxError
from classifiers.terms import Disposition

ROUTES = Routes(channel=MAIN, dispositions={Disposition.IN_SCOPE: LOUD_ONES, Disposition.NOT_A_REPORT: "digest"})
WORDING = Wording(policy="p", word="mochi", titles={"spf": "E-mail"}, requested={}, assets={})
GRACE = timedelta(seconds=60)
OTHER_RULES = {
    Disposition.OUT_OF_SCOPE: Disposition.NEEDS_REVIEW,
    Disposition.NEEDS_REVIEW: Disposition.IN_SCOPE,
    Disposition.IN_SCOPE: Disposition.OUT_OF_SCOPE,
}


class Ended(BaseException):
    """The process is gone: nothing of ours may survive it, no handler either."""


class Changing(Scripted):
    """Says of a mail what it wants, or what other rules would say."""

    other_rules = False

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for judged in super().judge(tasks):
            said = judged.verdict
            other = OTHER_RULES.get(said.disposition, said.disposition) if self.other_rules else said.disposition
            yield replace(judged, verdict=replace(said, disposition=other))


class Copy:
    """One copy of the bot. `ends_at(name, n)`: it is gone the n-th time that this is about to happen to it."""

    def __init__(
        self,
        name: str,
        *,
        engine: sa.Engine,
        box: ScriptedMailbox,
        slack: ScriptedNotifier,
        worker: Changing,
        now: Callable[[], datetime],
    ) -> None:
        self.engine, self.box = engine, box
        self._ends: tuple[str, int] | None = None
        self.store = Store(engine, now=now)
        sa.event.listen(engine, "commit", self._commits)
        self.triage = Triage(
            store=self.store,
            worker=worker,
            routes=ROUTES,
            now=now,
            drawing=Drawing(share=0.5, seed=b"s" * 32),
        )
        self.delivery = Delivery(
            self.store, slack, WORDING, channel=MAIN, tier=Tier.REDUCED, grace=GRACE, now=now,
            pace=timedelta(), who=name,
        )  # fmt: skip

    def close(self) -> None:
        """Nothing of it is left but what it wrote."""
        sa.event.remove(self.engine, "commit", self._commits)
        self.store.close()

    def _commits(self, connection: sa.Connection) -> None:
        if connection.get_execution_options().get("writing"):
            self.about("commit")

    def ends_at(self, name: str, n: int) -> None:
        self._ends = (name, n)

    def lives_on(self) -> None:
        self._ends = None

    def about(self, name: str) -> None:
        if self._ends is None or self._ends[0] != name:
            return
        self._ends = (name, self._ends[1] - 1)
        if self._ends[1] < 0:
            raise Ended

    # ------------------------------------------------------------------------------------------ its jobs

    def poll(self) -> None:
        try:
            self.box.connect()
            self.triage.read(self.box, READING)
        except MailboxError:
            self.box.close()

    def judge(self) -> None:
        self.triage.judge_waiting()

    def deliver(self) -> None:
        self.delivery.deliver()

    def digest(self) -> None:
        self.delivery.say_digest()
