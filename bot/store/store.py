"""The bot's memory. What a method has returned from is on the disk.

Three commits, never merged: `keep` (bytes and cursor), `attempt` (before the work), `record` (verdict and notices).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import case, func, select

from bot.ports import (
    Card,
    Cursor,
    KeptReport,
    Letterhead,
    NewReport,
    NoticeKind,
    NoticeState,
    RecordedVerdict,
    VerdictKind,
)
from bot.store import rows
from bot.store import tables as t
from bot.store.acts import Acts
from bot.store.audits import Audits
from bot.store.courses import Courses
from bot.store.database import open_engine, soundness
from bot.store.digests import Digests
from bot.store.drafts import Drafts
from bot.store.leases import Leases
from bot.store.moments import noted
from bot.store.mutes import Mutes
from bot.store.outbox import row_id
from bot.store.places import Places, note_places
from bot.store.templates import Templates
from bot.store.upkeep import Examined, copy_to, examine
from bot.store.verdicts import Verdicts, with_text
from classifiers.errors import UserError
from classifiers.terms import Disposition

RESTORED = "restored"  # the beat of the last restore of a copy
LIVE = (Disposition.IN_SCOPE.value, Disposition.NEEDS_REVIEW.value)


class Store(Acts, Audits, Courses, Digests, Drafts, Leases, Mutes, Places, Templates, Verdicts):
    """Reports, verdicts and notices in one database. Thread-safe; several processes may use it at once.

    Every method raises StoreError for what the database or the disk does.
    """

    def __init__(self, engine: sa.Engine, *, now: Callable[[], datetime]) -> None:
        super().__init__(engine)
        self._now = now

    @classmethod
    def open(cls, url: str, *, now: Callable[[], datetime], password: str = "") -> Self:
        """Opens a database, makes a SQLite file where it is not there, and brings it to today's schema."""
        return cls(open_engine(url, password), now=now)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def sound(self) -> None:
        """Reads all of it once. Raises StoreDamaged where its file is damaged."""
        soundness(self._engine)

    def copy_to(self, target: Path) -> None:
        """A whole copy of a SQLite database, made beside whoever reads and writes. Raises StoreError."""
        copy_to(self._engine, target)

    def examine(self) -> Examined:
        """Looks through all of it."""
        return examine(self._engine)

    # ------------------------------------------------------------------------------------------ keeping

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

    # ------------------------------------------------------------------------------------------ looking

    def letterhead(self, report_id: int) -> Letterhead | None:
        """What a card may show of the mail; None before it was judged and after it was purged."""
        with self._read() as c:
            return rows.letterhead(
                c.execute(select(t.letterheads.c.data).where(t.letterheads.c.report_id == report_id)).scalar()
            )

    def find(self, prefix: str, account: str | None = None) -> KeptReport:
        """The report whose key begins so, by four or more hex digits. Raises UserError where that is none, or several."""
        wanted = prefix.strip().lower()
        if len(wanted) < 4 or not set(wanted) <= set("0123456789abcdef"):
            raise UserError(f"{prefix!r} is no report's id: give four or more of the hex digits that a card shows")
        query = select(t.reports).where(t.reports.c.key.like(f"{wanted}%")).order_by(t.reports.c.id).limit(6)
        if account is not None:
            query = query.where(t.reports.c.account == account)
        with self._read() as c:
            found = [rows.kept_report(r) for r in c.execute(query)]
        if not found:
            raise UserError(f"there is no report {wanted}; `triage list` shows those there are")
        if len(found) > 1:
            several = ", ".join(f"{r.key[: max(12, len(wanted) + 2)]} ({r.account})" for r in found[:5])
            raise UserError(f"{wanted} fits several reports: {several}; give more digits")
        return found[0]

    def listing(
        self,
        *,
        since: datetime | None = None,
        dispositions: Sequence[Disposition] | None = None,
        open_only: bool = False,
    ) -> list[tuple[KeptReport, RecordedVerdict | None, Letterhead | None]]:
        """Reports with what holds of them, oldest first; `open_only`: live ones that no person decided."""
        reports, verdicts = t.reports, t.verdicts
        query = select(reports).order_by(reports.c.received_at, reports.c.id)
        if since is not None:
            query = query.where(reports.c.received_at >= since)
        if dispositions or open_only:
            query = query.join(verdicts, verdicts.c.id == reports.c.current_verdict_id)
        if dispositions:
            query = query.where(verdicts.c.disposition.in_([d.value for d in dispositions]))
        if open_only:
            query = query.where(verdicts.c.disposition.in_(LIVE), verdicts.c.kind != VerdictKind.PERSON.value)
        with self._read() as c:
            found = c.execute(query).all()
            ids = [r.current_verdict_id for r in found if r.current_verdict_id is not None]
            verdicts_of = {
                r.id: r for part in _parts(ids) for r in c.execute(with_text().where(verdicts.c.id.in_(part)))
            }
            heads = {
                r.report_id: r.data
                for part in _parts([r.id for r in found])
                for r in c.execute(select(t.letterheads).where(t.letterheads.c.report_id.in_(part)))
            }
        return [
            (
                rows.kept_report(r),
                rows.recorded_verdict(verdicts_of[r.current_verdict_id]) if r.current_verdict_id else None,
                rows.letterhead(heads.get(r.id)),
            )
            for r in found
        ]

    def unreminded(self, before: datetime) -> tuple[KeptReport, ...]:
        """Live reports that came before then and that no person decided, with a card to remind at and no reminder so far.

        Open audits are none of them. A follow-up is reminded at its thread's card.
        """
        r, v, n = t.reports, t.verdicts, t.notices
        reminded = select(n.c.report_id).where(n.c.kind == NoticeKind.REMINDER.value)
        audited = select(v.c.report_id).where(v.c.kind == VerdictKind.AUDIT.value)
        on_cards = t.card_reports.join(t.cards, t.cards.c.id == t.card_reports.c.card_id)
        carded = select(t.card_reports.c.report_id).select_from(on_cards).where(t.cards.c.ts.is_not(None))
        under = select(t.threads.c.report_id).where(t.threads.c.first_id.in_(carded))
        query = (
            select(r)
            .join(v, v.c.id == r.c.current_verdict_id)
            .where(v.c.disposition.in_(LIVE), v.c.kind == VerdictKind.BOT.value, r.c.received_at <= before)
            .where(r.c.id.not_in(reminded), r.c.id.not_in(audited), r.c.id.in_(carded) | r.c.id.in_(under))
            .order_by(r.c.id)
        )
        with self._read() as c:
            return tuple(rows.kept_report(row) for row in c.execute(query))

    def cards_of(self, report_id: int) -> tuple[Card, ...]:
        """The cards that show a report."""
        query = select(t.card_reports.c.card_id).where(t.card_reports.c.report_id == report_id)
        with self._read() as c:
            ids = list(c.execute(query.order_by(t.card_reports.c.card_id)).scalars())
        return tuple(self.card(i) for i in ids)

    def card_at(self, channel: str, ts: str) -> Card | None:
        """The card that is this message; None where it is none."""
        query = select(t.cards.c.id).where(t.cards.c.channel == channel, t.cards.c.ts == ts)
        with self._read() as c:
            found = c.execute(query).scalar()
        return self.card(found) if found is not None else None

    # ------------------------------------------------------------------------------------------ forgetting

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
            for part in _parts(ids):
                mine = select(v.c.id).where(v.c.report_id.in_(part))
                c.execute(t.verdict_texts.delete().where(t.verdict_texts.c.verdict_id.in_(mine)))
                c.execute(t.letterheads.delete().where(t.letterheads.c.report_id.in_(part)))
                c.execute(t.raw_mails.delete().where(t.raw_mails.c.report_id.in_(part)))
                c.execute(r.update().where(r.c.id.in_(part)).values(purged_at=self._now()))
        return len(ids)

    # ------------------------------------------------------------------------------------------ beats and counts

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

    def counts(self) -> dict[str, int]:
        """How much there is: reports, those waiting and purged; notices due, stuck (tried five times), for the digest."""
        r, n = t.reports, t.notices
        unsaid = n.c.state != NoticeState.SAID.value
        digest, draft = n.c.kind == NoticeKind.DIGEST.value, n.c.kind == NoticeKind.DRAFT.value
        apart = digest | draft
        with self._read() as c:
            reports = c.execute(select(func.count(), _sum(r.c.current_verdict_id.is_(None)), _sum(r.c.purged_at.is_not(None))).select_from(r)).one()  # fmt: skip
            notices = c.execute(
                select(
                    _sum(unsaid & ~apart), _sum(unsaid & ~apart & (n.c.attempts >= 5)), _sum(unsaid & digest),
                    _sum(n.c.possible_repeat == sa.true()), _sum(unsaid & draft),
                )
            ).one()  # fmt: skip
        return {
            "reports": reports[0], "waiting": reports[1] or 0, "purged": reports[2] or 0,
            "notices_due": notices[0] or 0, "notices_stuck": notices[1] or 0, "for_the_digest": notices[2] or 0,
            "possible_repeats": notices[3] or 0, "drafts_due": notices[4] or 0,
        }  # fmt: skip


def _move(c: sa.Connection, account: str, folder: str, cursor: Cursor) -> None:
    mine = (t.cursors.c.account == account) & (t.cursors.c.folder == folder)
    values = {"uidvalidity": cursor.uidvalidity, "uid": cursor.uid}
    if not c.execute(t.cursors.update().where(mine).values(**values)).rowcount:
        c.execute(t.cursors.insert().values(account=account, folder=folder, **values))


def _sum(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _parts(ids: Sequence[int], size: int = 500) -> Iterator[Sequence[int]]:
    for i in range(0, len(ids), size):
        yield ids[i : i + size]
