"""Mail that came: its bytes and how far a folder was read, in one commit; what waits to be judged; text that is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import select

from bot.ports import Cursor, KeptReport, NewReport, NoticeState, VerdictKind
from bot.store import rows
from bot.store import tables as t
from bot.store.commits import Commits, in_parts, row_id
from bot.store.places import note_places


class Keeping(Commits):
    """The part of the store that reading and judging begin with."""

    def cursor(self, account: str, folder: str) -> Cursor | None:
        """Where reading of a folder stands; None before the first look."""
        with self._read() as c:
            row = c.execute(
                select(t.cursors).where(t.cursors.c.account == account, t.cursors.c.folder == folder)
            ).first()
        return Cursor(row.uidvalidity, row.uid) if row else None

    def set_cursor(self, account: str, folder: str, cursor: Cursor) -> None:
        with self._write() as c:
            _move(c, account, folder, cursor)

    def keep(self, account: str, folder: str, mails: Sequence[NewReport], cursor: Cursor) -> tuple[int, ...]:
        """Commit (a): the mails' bytes and the cursor, together; ids of those that are new to this account."""
        new: list[int] = []
        with self._write() as c:
            known = set(
                c.execute(
                    select(t.reports.c.key).where(
                        t.reports.c.account == account, t.reports.c.key.in_([m.key for m in mails])
                    )
                ).scalars()
            )
            for mail in mails:
                if mail.key not in known:
                    known.add(mail.key)
                    new.append(self._insert(c, account, folder, mail))
            note_places(c, account, mails)
            _move(c, account, folder, cursor)
        return tuple(new)

    def _insert(self, c: sa.Connection, account: str, folder: str, mail: NewReport) -> int:
        m = mail.message
        inserted = c.execute(
            t.reports.insert().values(
                account=account, folder=folder, key=mail.key, size=m.size, received_at=m.received_at, kept_at=self._now(),
                truncated=m.truncated, from_junk=mail.from_junk, backlog=mail.backlog, attempts=0, row_version=1,
            )
        )  # fmt: skip
        report_id = row_id(inserted)
        c.execute(t.raw_mails.insert().values(report_id=report_id, raw=m.raw))
        return report_id

    def waiting(self, limit: int, besides: Sequence[str] = ()) -> tuple[KeptReport, ...]:
        """Reports nobody has judged yet, oldest first; those of the accounts `besides` are left to others."""
        waits = t.reports.c.current_verdict_id.is_(None) & t.reports.c.account.not_in(list(besides))
        query = select(t.reports).where(waits).order_by(t.reports.c.id).limit(limit)
        with self._read() as c:
            return tuple(rows.kept_report(r) for r in c.execute(query))

    def attempt(self, report_id: int) -> int:
        """Commit (b): notes that judging begins; how often it has begun, this time too."""
        with self._write() as c:
            c.execute(
                t.reports.update()
                .where(t.reports.c.id == report_id)
                .values(attempts=t.reports.c.attempts + 1, row_version=t.reports.c.row_version + 1)
            )
            return int(c.execute(select(t.reports.c.attempts).where(t.reports.c.id == report_id)).scalar_one())

    def purge(self, before: datetime, keep_corrections: bool) -> int:
        """Removes the text of judged reports kept before that time, of which nothing is left to say; how many.

        Key, facts and verdicts stay, so that the same mail is known again. With `keep_corrections` what a person
        decided keeps its text: training reads it.
        """
        r, v, n = t.reports, t.verdicts, t.notices
        unsaid = select(n.c.report_id).where(n.c.state != NoticeState.SAID.value, n.c.report_id.is_not(None))
        old = (
            select(r.c.id)
            .join(v, v.c.id == r.c.current_verdict_id)
            .where(r.c.kept_at < before, r.c.purged_at.is_(None), r.c.id.not_in(unsaid))
        )
        if keep_corrections:
            old = old.where(v.c.kind != VerdictKind.PERSON.value)
        with self._write() as c:
            ids = list(c.execute(old).scalars())
            for part in in_parts(ids):
                mine = select(v.c.id).where(v.c.report_id.in_(part))
                c.execute(t.verdict_texts.delete().where(t.verdict_texts.c.verdict_id.in_(mine)))
                c.execute(t.letterheads.delete().where(t.letterheads.c.report_id.in_(part)))
                c.execute(t.raw_mails.delete().where(t.raw_mails.c.report_id.in_(part)))
                c.execute(r.update().where(r.c.id.in_(part)).values(purged_at=self._now()))
        return len(ids)


def _move(c: sa.Connection, account: str, folder: str, cursor: Cursor) -> None:
    mine = (t.cursors.c.account == account) & (t.cursors.c.folder == folder)
    values = {"uidvalidity": cursor.uidvalidity, "uid": cursor.uid}
    if not c.execute(t.cursors.update().where(mine).values(**values)).rowcount:
        c.execute(t.cursors.insert().values(account=account, folder=folder, **values))
