"""How every part of the store reads and writes: one moment, one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.store.database import told


class Commits:
    """What all parts of the store stand on."""

    def __init__(self, engine: sa.Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        """One moment: what is read together belongs together."""
        level = {"isolation_level": "REPEATABLE READ"} if self._engine.dialect.name == "postgresql" else {}
        with (
            told(self._engine.url.database or ""),
            self._engine.connect().execution_options(**level) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        """One commit: all of it, or nothing."""
        with (
            told(self._engine.url.database or ""),
            self._engine.connect().execution_options(writing=True) as connection,
            connection.begin(),
        ):
            yield connection


def row_id(inserted: sa.CursorResult[Any]) -> int:
    """The id of the row that was just added."""
    key = inserted.inserted_primary_key
    assert key is not None
    return int(key[0])


def in_parts(ids: Sequence[int], size: int = 500) -> Iterator[Sequence[int]]:
    """So many at once: a database takes only so many values in one statement."""
    for i in range(0, len(ids), size):
        yield ids[i : i + size]
