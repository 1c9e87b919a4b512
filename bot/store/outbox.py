"""What is still to be said: notices, their cards, and the digest. A notice leaves here only by being said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from bot.ports import IN_THREAD, Card, NewNotice, Notice, NoticeKind, NoticeState, Room
from bot.store import rows
from bot.store import tables as t
from bot.store.database import told
from bot.store.moments import noted

_APART = (NoticeKind.DIGEST.value, NoticeKind.DRAFT.value)  # what is not said one by one
_UNCLAIMED: dict[str, Any] = {"claimed_by": None, "claimed_until": None}
_OPEN = (NoticeState.PENDING.value, NoticeState.SENDING.value)

_IN_THREAD = tuple(sorted(k.value for k in IN_THREAD))
_RANK = sa.case(
    (t.notices.c.kind.in_((NoticeKind.UPDATE.value, NoticeKind.REPLY.value)), 0),
    (t.notices.c.kind == NoticeKind.DETAILS.value, 2),
    else_=1,
)
EVERYWHERE = Room()
PATIENCE = 5  # attempts, after which a message in a thread holds up those after it no longer


class Outbox:
    """The part of the store that delivery works with."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

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

    # ------------------------------------------------------------------------------------------ adding

    def _add_notice(self, c: sa.Connection, report_id: int, new: NewNotice, at: datetime) -> None:
        """A notice with its card. One whose key is known was said, or will be. An update takes the place of those not sent.

        A sentence waits for the card in its channel, where there is one; a card that was held back is said for its sake.
        """
        n = t.notices
        if c.execute(select(n.c.id).where(n.c.key == new.key)).first():
            return
        card_id = new.join
        if new.join is not None:
            c.execute(t.card_reports.insert().values(card_id=new.join, report_id=report_id))
        elif new.kind not in {NoticeKind.DIGEST, NoticeKind.DRAFT}:
            card_id = self._card_of(c, new.under or report_id, new, at)
        waiting = (n.c.card_id == card_id) & (n.c.state == NoticeState.PENDING.value)
        if new.kind is NoticeKind.UPDATE:
            c.execute(n.delete().where(waiting, n.c.kind == NoticeKind.UPDATE.value))
        if new.kind is NoticeKind.TROUBLE and card_id is not None:
            held = waiting & (n.c.attempts == 0) & (n.c.due_at > new.due_at)
            c.execute(n.update().where(held).values(due_at=new.due_at))
        c.execute(_insert(new, report_id, card_id))

    def _card_of(self, c: sa.Connection, report_id: int, new: NewNotice, at: datetime) -> int | None:
        """The report's card in that channel; made where there is none and the notice is no mere sentence."""
        mine = (
            select(t.cards.c.id)
            .join(t.card_reports, t.card_reports.c.card_id == t.cards.c.id)
            .where(t.card_reports.c.report_id == report_id, t.cards.c.channel == new.destination)
        )
        found: int | None = c.execute(mine).scalar()
        if found is None and new.kind is not NoticeKind.TROUBLE:
            found = row_id(c.execute(t.cards.insert().values(channel=new.destination, made_at=at)))
            c.execute(t.card_reports.insert().values(card_id=found, report_id=report_id))
        return found

    def add(self, report_id: int, new: NewNotice, at: datetime) -> None:
        """Something to say of a report without a new verdict."""
        with self._write() as c:
            self._add_notice(c, report_id, new, at)

    def withdraw(self, notice_id: int) -> None:
        """There is no reason left to say it; a later one with its key is said."""
        with self._write() as c:
            c.execute(t.notices.delete().where(t.notices.c.id == notice_id))

    def trouble(self, text: str, destination: str, key: str, due_at: datetime) -> None:
        """A sentence of the bot's own, said once per key."""
        self._sentence(NewNotice(kind=NoticeKind.TROUBLE, destination=destination, key=key, due_at=due_at, text=text))

    def _sentence(self, new: NewNotice) -> None:
        with self._write() as c:
            if not c.execute(select(t.notices.c.id).where(t.notices.c.key == new.key)).first():
                c.execute(_insert(new, None, None))

    # ------------------------------------------------------------------------------------------ saying

    def due(self, now: datetime, limit: int, room: Room = EVERYWHERE) -> tuple[Notice, ...]:
        """What is to be said now: what people wait for first, then cards, then what stands under them; of each the oldest first.

        What belongs to a card waits until that is said, and in its thread for what came before; it holds up nobody else.
        """
        with self._read() as c:
            return tuple(rows.notice(r) for r in c.execute(_due(now, limit, room)))

    def claim(self, now: datetime, who: str, until: datetime, room: Room = EVERYWHERE) -> Notice | None:
        """The first of what is due that no other copy of the bot has in hand: until then, or until it is settled, it is `who`'s."""
        n = t.notices
        free = n.c.claimed_until.is_(None) | (n.c.claimed_until <= now) | (n.c.claimed_by == who)
        query = _due(now, 1, room).where(free).with_for_update(of=n, skip_locked=True)
        # What others claim right now is passed over, not waited for: so the writers' lock is not taken.
        with self._write() if self._engine.dialect.name == "sqlite" else self._claiming() as c:
            row = c.execute(query).first()
            if row is None:
                return None
            c.execute(n.update().where(n.c.id == row.id).values(claimed_by=who, claimed_until=until))
            return rows.notice(row)

    @contextmanager
    def _claiming(self) -> Iterator[sa.Connection]:
        with told(self._engine.url.database or ""), self._engine.begin() as connection:
            yield connection

    def mark_sending(self, notice_id: int, at: datetime, who: str | None = None) -> bool:
        """Before the request leaves: from now on nobody knows whether it was said, until it is marked so.

        False where it is not `who`'s any more: then it must not leave.
        """
        n = t.notices
        mine = n.c.id == notice_id
        if who is not None:
            mine &= (n.c.claimed_by == who) & (n.c.claimed_until > at) & n.c.state.in_(_OPEN)
        values = {"state": NoticeState.SENDING.value, "touched_at": at, "attempts": n.c.attempts + 1}
        with self._write() as c:
            done = c.execute(n.update().where(mine).values(**values, row_version=n.c.row_version + 1))
            return bool(done.rowcount)

    def mark_said(
        self, notice_id: int, at: datetime, ts: str | None, taken: Mapping[str, datetime] | None = None
    ) -> bool:
        """It was said; a card remembers where, also where an update had to be told in a new message. `taken`: of its buckets.

        False where another copy of the bot said it in another message: that one stands, and `ts` is a repeat.
        """
        n = t.notices
        with self._write() as c:
            row = c.execute(select(n.c.kind, n.c.card_id, n.c.state, n.c.ts).where(n.c.id == notice_id)).one()
            if row.state == NoticeState.SAID.value and row.ts is not None and row.ts != ts:
                return False
            c.execute(
                n.update().where(n.c.id == notice_id).values(
                    state=NoticeState.SAID.value, said_at=at, error="", ts=ts, row_version=n.c.row_version + 1, **_UNCLAIMED
                )
            )  # fmt: skip
            if row.kind in {NoticeKind.CARD.value, NoticeKind.UPDATE.value} and ts is not None:
                c.execute(t.cards.update().where(t.cards.c.id == row.card_id).values(ts=ts))
            for name, moment in (taken or {}).items():
                noted(c, name, moment)
            return True

    def put_off(self, notice_id: int, due_at: datetime, error: str, *, unknown: bool = False) -> None:
        """Due again later. `unknown`: it may have been said, so it stays `sending`; else it surely was not."""
        state = {} if unknown else {"state": NoticeState.PENDING.value}
        self._set(notice_id, due_at=due_at, error=error, **state, **_UNCLAIMED)

    def hasten(self, now: datetime) -> None:
        """What is due later is due now, and nothing was begun later than now: for a clock that was set back."""
        n = t.notices
        with self._write() as c:
            c.execute(n.update().where(n.c.state.in_(_OPEN), n.c.due_at > now).values(due_at=now))
            c.execute(n.update().where(n.c.state.in_(_OPEN), n.c.touched_at > now).values(touched_at=now))

    def mark_possible_repeat(self, notice_id: int) -> None:
        """It will be said though it may have been said before; the message says so."""
        self._set(notice_id, possible_repeat=True)

    def _set(self, notice_id: int, **values: Any) -> None:
        n = t.notices
        with self._write() as c:
            c.execute(n.update().where(n.c.id == notice_id).values(**values, row_version=n.c.row_version + 1))

    def card(self, card_id: int) -> Card:
        with self._read() as c:
            row = c.execute(select(t.cards).where(t.cards.c.id == card_id)).one()
            reports = c.execute(
                select(t.card_reports.c.report_id)
                .where(t.card_reports.c.card_id == card_id)
                .order_by(t.card_reports.c.report_id)
            )
            return Card(id=row.id, channel=row.channel, ts=row.ts, report_ids=tuple(reports.scalars()))

    def resettle(self, old: str, new: str) -> None:
        """Tells in `new` from now on what was told in `old`, where nobody tells any more.

        What is not said yet goes there. A card that stands in `old` is forgotten, with its changes that are not said:
        the report's next change makes a new one.
        """
        n = t.notices
        unsaid = (n.c.destination == old) & (n.c.state != NoticeState.SAID.value)
        with self._write() as c:
            stays = select(t.cards.c.id).where(t.cards.c.channel == old, t.cards.c.ts.is_not(None))
            c.execute(t.card_reports.delete().where(t.card_reports.c.card_id.in_(stays)))
            c.execute(n.delete().where(unsaid, n.c.card_id.in_(stays)))
            c.execute(t.cards.update().where(t.cards.c.channel == old, t.cards.c.ts.is_(None)).values(channel=new))
            c.execute(n.update().where(unsaid).values(destination=new, state=NoticeState.PENDING.value))


def _due(now: datetime, limit: int, room: Room) -> sa.Select[Any]:
    n, earlier = t.notices, t.notices.alias("earlier")
    ready = sa.or_(n.c.card_id.is_(None), n.c.kind == NoticeKind.CARD.value, t.cards.c.ts.is_not(None))
    before = select(earlier.c.id).where(
        earlier.c.card_id == n.c.card_id, earlier.c.id < n.c.id, earlier.c.kind.in_(_IN_THREAD),
        earlier.c.state.in_(_OPEN), earlier.c.attempts < PATIENCE,
    )  # fmt: skip
    edit = n.c.kind == NoticeKind.UPDATE.value
    roomy = sa.or_(edit & sa.literal(room.edits), ~edit & sa.literal(room.posts) & n.c.destination.not_in(room.busy))
    return (
        select(n)
        .outerjoin(t.cards, t.cards.c.id == n.c.card_id)
        .where(n.c.state.in_(_OPEN), n.c.kind.not_in(_APART), n.c.due_at <= now, ready, roomy)
        .where(n.c.destination.not_in(room.held), sa.or_(n.c.kind.not_in(_IN_THREAD), ~before.exists()))
        .order_by(_RANK, n.c.id)
        .limit(limit)
    )


def row_id(inserted: sa.CursorResult[Any]) -> int:
    """The id of the row that was just added."""
    key = inserted.inserted_primary_key
    assert key is not None
    return int(key[0])


def _insert(new: NewNotice, report_id: int | None, card_id: int | None) -> Any:
    return t.notices.insert().values(
        key=new.key, kind=new.kind.value, destination=new.destination, report_id=report_id, card_id=card_id,
        state=NoticeState.PENDING.value, attempts=0, due_at=new.due_at, text=new.text, error="", possible_repeat=False,
        row_version=1,
    )  # fmt: skip
