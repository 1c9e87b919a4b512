"""Where each mail lies in its mailbox, and which verdict the mailbox shows: for what is done there after a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import select

from bot.ports import NewReport
from bot.store import tables as t
from bot.store.commits import Commits
from classifiers.terms import Disposition


@dataclass(frozen=True, slots=True)
class Place:
    """A mail in a mailbox."""

    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToFile:
    """A report whose mailbox does not show yet what holds of it."""

    report_id: int
    key: str
    verdict_id: int
    disposition: Disposition
    place: Place
    origin: str  # the folder where it was first found
    target: str = ""  # the folder where a move was begun to
    target_uid: int = 0  # the highest UID there before that


class Places(Commits):
    """The part of the store that filing works with."""

    def to_file(self, account: str, since: datetime, limit: int = 200) -> tuple[ToFile, ...]:
        """What was decided since then, or was filed before and is decided otherwise now; oldest first."""
        r, v, p = t.reports, t.verdicts, t.places
        query = (
            select(r.c.id, r.c.key, r.c.folder.label("origin"), v.c.id.label("verdict_id"), v.c.disposition, p)
            .join(p, p.c.report_id == r.c.id)
            .join(v, v.c.id == r.c.current_verdict_id)
            .where(
                r.c.account == account,
                p.c.filed_verdict_id.is_distinct_from(v.c.id),
                sa.or_(v.c.decided_at >= since, p.c.filed_verdict_id.is_not(None)),
            )
            .order_by(r.c.id)
            .limit(limit)
        )
        with self._read() as c:
            return tuple(
                ToFile(
                    report_id=row.id, key=row.key, verdict_id=row.verdict_id, disposition=Disposition(row.disposition), origin=row.origin,
                    place=Place(row.folder, row.uidvalidity, row.uid), target=row.target or "", target_uid=row.target_uid or 0,
                )
                for row in c.execute(query)
            )  # fmt: skip

    def begin_move(self, report_id: int, target: str, target_uid: int) -> None:
        """Before a mail is moved: where to look for it should the answer be lost."""
        self._set_place(report_id, target=target, target_uid=target_uid)

    def moved(self, report_id: int, place: Place) -> None:
        """It lies there now."""
        self._set_place(
            report_id, folder=place.folder, uidvalidity=place.uidvalidity, uid=place.uid, target=None, target_uid=None
        )

    def filed(self, report_id: int, verdict_id: int) -> None:
        """Nothing is left to be done for this verdict."""
        self._set_place(report_id, filed_verdict_id=verdict_id, target=None, target_uid=None)

    def _set_place(self, report_id: int, **values: object) -> None:
        with self._write() as c:
            c.execute(t.places.update().where(t.places.c.report_id == report_id).values(**values))


def note_places(c: sa.Connection, account: str, mails: Sequence[NewReport]) -> None:
    """Where these mails were found; of one that was known, where it lies now."""
    keys = {m.key: m.message for m in mails}
    found = select(t.reports.c.id, t.reports.c.key).where(
        t.reports.c.account == account, t.reports.c.key.in_(list(keys))
    )
    for row in c.execute(found).all():
        m = keys[row.key]
        values = {"folder": m.folder, "uidvalidity": m.uidvalidity, "uid": m.uid}
        if not c.execute(t.places.update().where(t.places.c.report_id == row.id).values(**values)).rowcount:
            c.execute(t.places.insert().values(report_id=row.id, **values))
