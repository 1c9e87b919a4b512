"""Moments noted under names: what happens once, what is alive, when a bucket is full again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import select

from bot.store import tables as t
from bot.store.commits import Commits


class Beats(Commits):
    """The part of the store that moments are noted in."""

    def beat(self, name: str, at: datetime) -> None:
        """Notes that something happened, for `triage health` and for what happens once."""
        with self._write() as c:
            noted(c, name, at)

    def beats(self, prefix: str) -> Mapping[str, datetime]:
        """The moments noted under names that begin so."""
        with self._read() as c:
            found = c.execute(
                select(t.beats.c.name, t.beats.c.at).where(t.beats.c.name.startswith(prefix, autoescape=True))
            )
            return {row.name: row.at for row in found}

    def forget_beats(self, prefix: str) -> None:
        with self._write() as c:
            c.execute(t.beats.delete().where(t.beats.c.name.startswith(prefix, autoescape=True)))

    def last_beat(self, name: str) -> datetime | None:
        with self._read() as c:
            at: datetime | None = c.execute(select(t.beats.c.at).where(t.beats.c.name == name)).scalar()
        return at


def noted(c: sa.Connection, name: str, at: datetime) -> None:
    """Notes a moment in place of the one before."""
    if not c.execute(t.beats.update().where(t.beats.c.name == name).values(at=at)).rowcount:
        c.execute(t.beats.insert().values(name=name, at=at))
