"""A copy put back as the database of a state folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from bot.store.database import told
from bot.store.lock import lock_state_folder
from bot.store.store import RESTORED, Store
from bot.store.upkeep import Examined, copy_to, examine, on_disk
from classifiers.errors import StoreDamaged, StoreError, UserError

_PARTS = ("", "-wal", "-shm")  # of a SQLite database, by the ends of their names


def examine_file(path: Path) -> Examined:
    """Looks through a SQLite file and changes nothing in it. Raises StoreError, UserError."""
    with _read_only(path) as engine:
        return _looked_through(engine, path)


def _looked_through(engine: sa.Engine, path: Path) -> Examined:
    """What `examine` finds in a copy. One that is no database is the mistake of who named it, and nothing to be restored."""
    try:
        return examine(engine)
    except StoreDamaged:
        raise UserError(
            f"{path} is damaged, or no database of triage; nothing was changed, take another copy"
        ) from None


@contextmanager
def _read_only(path: Path) -> Iterator[sa.Engine]:
    """A SQLite file that is looked at and not changed, whatever its schema. Raises StoreError."""
    if not path.is_file():
        raise UserError(f"{path} is no file")
    with told(str(path)):
        engine = sa.create_engine(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true")
        try:
            yield engine
        finally:
            engine.dispose()


def restore(copy: Path, url: str, folder: Path, *, now: Callable[[], datetime]) -> Path | None:
    """Makes a copy the SQLite database at `url`, with today's schema; where the one that lay there stands now.

    Notes when, so that what may have been told since the copy is looked up before it is told again. Raises UserError for
    a copy that is damaged, StoreError where a daemon holds the folder; then nothing is changed.
    """
    path = Path(sa.make_url(url).database or "")
    fresh = path.with_name(f"{path.name}.new")
    with lock_state_folder(folder):
        with _read_only(copy) as engine:
            found = _looked_through(engine, copy)
            if found.problems:
                raise UserError(*(f"{copy}: {problem}" for problem in found.problems))
            copy_to(engine, fresh)
        with Store.open(f"sqlite:///{fresh}", now=now) as store:
            store.beat(RESTORED, now())
        return _put_in_place(fresh, path)


def _put_in_place(fresh: Path, path: Path) -> Path | None:
    """A kill at any moment leaves the old database or the new one: an empty one in their place would read no old mail."""
    aside = path.with_name(f"{path.name}.replaced")
    there = path.exists()
    try:
        for part in _PARTS if there else ():  # the log beside it belongs to it
            aside.with_name(aside.name + part).unlink(missing_ok=True)
            if (old := path.with_name(path.name + part)).exists():
                os.link(old, aside.with_name(aside.name + part))
        for part in _PARTS[1:]:
            path.with_name(path.name + part).unlink(missing_ok=True)
        fresh.replace(path)
        on_disk(path.parent)
    except OSError as e:
        raise StoreError(f"{path}: cannot be written: {e.strerror}") from None
    return aside if there else None
