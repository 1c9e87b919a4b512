"""A database looked through for damage, and copied while it is in use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import func, select

from bot.store import tables as t
from bot.store.database import known_version, told
from classifiers.errors import StoreDamaged, StoreError
from classifiers.terms import report_key

SHOWN = 20  # problems of one kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a database holds, and what is wrong with it; `problems` is empty where it is sound. A damaged one is not counted."""

    schema: str
    reports: int
    verdicts: int
    problems: tuple[str, ...]


def examine(engine: sa.Engine) -> Examined:
    """Looks through all of it: pages, references, each kept mail against its key, each verdict that holds, each report told."""
    with told(engine.url.database or ""), engine.connect() as c:
        version = known_version(c)
        if version is None:
            raise StoreDamaged("this is no database of triage: it has no schema")
        if engine.dialect.name == "sqlite" and (damage := tuple(_pages(c))):
            return Examined(schema=version, reports=0, verdicts=0, problems=damage)
        return Examined(
            schema=version,
            reports=c.execute(select(func.count()).select_from(t.reports)).scalar_one(),
            verdicts=c.execute(select(func.count()).select_from(t.verdicts)).scalar_one(),
            problems=(*_mails(c), *_verdicts(c), *_untold(c)),
        )


def _pages(c: sa.Connection) -> Iterator[str]:
    try:
        found = c.exec_driver_sql(f"PRAGMA integrity_check({SHOWN})").scalars().all()
    except sa.exc.DatabaseError:  # so damaged that not even the check gets through
        found = ["its pages cannot be read"]
    if found != ["ok"]:
        yield from (f"damaged: {what}" for what in found)
        return
    for row in c.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(SHOWN):
        yield f"a row of {row[0]} refers to one of {row[2]} that is not there"


def _mails(c: sa.Connection) -> Iterator[str]:
    r, m = t.reports, t.raw_mails
    kept = c.execute(select(r.c.key, r.c.size, r.c.truncated, m.c.raw).join(m, m.c.report_id == r.c.id))
    for row in kept:
        if report_key(bytes(row.raw), size=row.size, truncated=row.truncated) != row.key:
            yield f"report {row.key[:8]}: the kept mail is not the one that came"


def _verdicts(c: sa.Connection) -> Iterator[str]:
    r, v = t.reports, t.verdicts
    wrong = (
        select(r.c.key)
        .outerjoin(v, v.c.id == r.c.current_verdict_id)
        .where(r.c.current_verdict_id.is_not(None), v.c.id.is_(None) | (v.c.report_id != r.c.id))
    )
    for key in c.execute(wrong.limit(SHOWN)).scalars():
        yield f"report {key[:8]}: the verdict that holds is not there"


def _untold(c: sa.Connection) -> Iterator[str]:
    r, n, x = t.reports, t.notices, t.card_reports
    said = select(n.c.report_id).where(n.c.report_id.is_not(None))
    # A copy's own change of the card that it joined may have given way to a later one, which tells of both.
    joined = select(x.c.report_id).join(n, n.c.card_id == x.c.card_id)
    untold = select(r.c.key).where(r.c.current_verdict_id.is_not(None), r.c.id.not_in(said), r.c.id.not_in(joined))
    for key in c.execute(untold.limit(SHOWN)).scalars():
        yield f"report {key[:8]}: nobody was told of it"


# ------------------------------------------------------------------------------------------------ copying


def copy_to(engine: sa.Engine, target: Path) -> None:
    """A whole copy in a file that its owner alone may read, made beside whoever reads and writes. Raises StoreError.

    It takes `target`'s place in one step: there is the old file or the new one.
    """
    fresh = target.with_name(f"{target.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with told(str(target)), engine.connect().execution_options(no_transaction=True) as c:
            c.exec_driver_sql("VACUUM INTO ?", (str(fresh),))
        on_disk(fresh)
        fresh.replace(target)
        on_disk(target.parent)
    except OSError as e:
        raise StoreError(f"{target}: cannot be written: {e.strerror}") from None
    finally:
        fresh.unlink(missing_ok=True)


def on_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
