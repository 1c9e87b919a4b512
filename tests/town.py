"""Two copies of the bot, a mailbox, Slack and people, a step at a time; each copy can be ended in the middle of a step."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import sqlalchemy as sa
from copies import Changing, Copy, Ended
from fakes import ScriptedMailbox
from fakeslack import ScriptedNotifier
from hypothesis import event
from mailroom import MONDAY

from bot.store import Store
from bot.store.database import open_engine
from classifiers.terms import report_key

FOLDERS, JOBS = ("INBOX", "Junk"), ("poll", "judge", "deliver")
REACHED: Counter[str] = Counter()
"""The states that walks came to, of all towns together."""
MEMORY = Path("/dev/shm")  # where the thousand commits of a walk cost no disk


@dataclass(frozen=True, slots=True)
class Seen:
    """A report as the database has it at a moment."""

    id: int
    key: str
    current: int | None
    verdicts: tuple[tuple[int, str, str], ...]  # id, kind, disposition; the oldest first
    channels: tuple[str, ...]  # of its cards

    def kind(self, verdict: int | None) -> str:
        return next((kind for v, kind, _ in self.verdicts if v == verdict), "")


class Town:
    """Everything around one database."""

    def __init__(self) -> None:
        self._path, engines = _ground()
        for end in ("-wal", "-shm"):
            self._path.with_name(f"t.db{end}").unlink(missing_ok=True)
        shutil.copy(self._path.with_name("empty.db"), self._path)
        self._looking = sqlite3.connect(self._path, isolation_level=None)
        self.time = MONDAY  # the world's
        self.skew = timedelta()  # of our clock
        self.box = ScriptedMailbox("INBOX", "Junk", batch=2)
        self.slack = ScriptedNotifier(lambda: self.time)
        self.worker = Changing()
        self.away = False  # the junk folder has another name
        self.received = 0
        self.first = ""  # the key of the mail that others follow up
        self.lives = 0
        self.copies = [self._born(engine) for engine in engines]
        self.speaking: Copy | None = None
        self.slack.about = self._about_slack
        self.hooks: list[Callable[[], object]] = []  # done once, before the next message leaves
        self.people: dict[str, list[tuple[int, bool]]] = defaultdict(list)  # key -> (verdict's id, taken back)
        self.judged_again: Counter[str] = Counter()
        for copy in self.copies:
            copy.poll()  # the first look: what comes from now on is new

    def reaches(self, what: str, it_does: bool = True) -> None:
        """A state that a walk should come to."""
        if it_does:
            REACHED[what] += 1
            event(what)

    def now(self) -> datetime:
        return self.time + self.skew

    def close(self) -> None:
        for copy in self.copies:
            copy.close()
        self._looking.close()

    def _born(self, engine: sa.Engine) -> Copy:
        self.lives += 1
        return Copy(
            f"life {self.lives}", engine=engine, box=self.box.beside(), slack=self.slack, worker=self.worker, now=self.now,
        )  # fmt: skip

    def _about_slack(self, moment: str) -> None:
        while moment == "before" and self.hooks:
            self.hooks.pop()()
        if self.speaking is not None:
            self.speaking.about(moment)

    def calms_down(self) -> None:
        """Everything is up again."""
        self.slack.weather, self.slack.barred = "fair", False
        self.hooks.clear()
        self.box.calm()
        if self.away:
            self.rename_junk()

    # ------------------------------------------------------------------------------------------ the mailbox

    def receives(self, raw: bytes, folder: str) -> None:
        self.received += 1
        self.first = self.first or report_key(raw)
        self.box.deliver(raw, self.folder(folder), received_at=self.time)

    def folder(self, name: str) -> str:
        """What it is called by now."""
        return "Old junk" if self.away and name == "Junk" else name

    def rename_junk(self) -> None:
        """Or give it its name back."""
        before = self.folder("Junk")
        self.away = not self.away
        self.box.rename_folder(before, self.folder("Junk"))

    def mails(self) -> list[tuple[str, int]]:
        """Where mail lies."""
        return [(folder, uid) for folder in map(self.folder, FOLDERS) for uid in self.box.mails(folder)]

    # ------------------------------------------------------------------------------------------ the copies

    def does(self, which: int, job: str) -> None:
        """A copy does one of its jobs; where it is ended in the middle, another life begins."""
        copy, before = self.copies[which], self.speaking
        self.speaking = copy
        try:
            getattr(copy, job)()
        except Ended:
            self.dies(which)
        finally:
            self.speaking = before
            copy.lives_on()

    def dies(self, which: int) -> None:
        """What it had in memory is gone."""
        self.copies[which].close()
        self.copies[which] = self._born(self.copies[which].engine)
        self.reaches("ended with a notice in sending", self.notices("sending") > 0)
        self.reaches("ended between keeping and verdict", any(seen.current is None for seen in self.seen()))

    @property
    def store(self) -> Store:
        """As people's commands see it."""
        return self.copies[0].store

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Looked at past the store, which is what is looked at."""
        return self._looking.execute(query).fetchall()

    def notices(self, *states: str) -> int:
        """How many are in these states."""
        return sum(state in states for (state,) in self.rows("select state from notices"))

    def known(self) -> set[str]:
        return {key for (key,) in self.rows("select key from reports")}

    def seen(self) -> list[Seen]:
        verdicts, cards = defaultdict(list), defaultdict(list)
        for report, *verdict in self.rows("select report_id, id, kind, disposition from verdicts order by id"):
            verdicts[report].append(tuple(verdict))
        for report, channel in self.rows(
            "select report_id, channel from card_reports join cards on cards.id = card_id"
        ):
            cards[report].append(channel)
        found = self.rows("select id, key, current_verdict_id from reports order by id")
        return [Seen(*row, tuple(verdicts[row[0]]), tuple(cards[row[0]])) for row in found]


@cache
def _ground() -> tuple[Path, tuple[sa.Engine, sa.Engine]]:
    """A place for a database, an empty one beside it, and two ways in, which know by heart how its queries are said."""
    folder = Path(mkdtemp(prefix="town-", dir=MEMORY if MEMORY.is_dir() else None))
    atexit.register(shutil.rmtree, folder)
    path = folder / "t.db"
    Store.open(f"sqlite:///{path}", now=lambda: MONDAY).close()
    shutil.copy(path, folder / "empty.db")
    engines = open_engine(f"sqlite:///{path}"), open_engine(f"sqlite:///{path}")
    for engine in engines:
        engine.dispose()
    return path, engines
