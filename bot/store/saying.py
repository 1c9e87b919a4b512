"""What is to be said next and how that went: a notice leaves the outbox only by being said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from bot.ports import IN_THREAD, Notice, NoticeKind, NoticeState, Room
from bot.store import rows
from bot.store import tables as t
from bot.store.beats import noted
from bot.store.commits import Commits
from bot.store.database import told

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


class Saying(Commits):
    """The part of the store that delivery works with."""

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
