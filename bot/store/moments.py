"""Moments noted under names: what happens once, what is alive, when a bucket is full again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bot.store import tables as t


def noted(c: sa.Connection, name: str, at: datetime) -> None:
    """Notes a moment in place of the one before."""
    if not c.execute(t.beats.update().where(t.beats.c.name == name).values(at=at)).rowcount:
        c.execute(t.beats.insert().values(name=name, at=at))
