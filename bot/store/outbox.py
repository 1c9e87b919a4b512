"""What is to be said, and the cards that it is said on: put into the outbox, withdrawn, said elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from bot.ports import Card, NewNotice, NoticeKind, NoticeState
from bot.store import tables as t
from bot.store.commits import Commits, row_id


class Outbox(Commits):
    """The part of the store that notices are put into. What was put in leaves by being said (`saying`)."""

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


def _insert(new: NewNotice, report_id: int | None, card_id: int | None) -> Any:
    return t.notices.insert().values(
        key=new.key, kind=new.kind.value, destination=new.destination, report_id=report_id, card_id=card_id,
        state=NoticeState.PENDING.value, attempts=0, due_at=new.due_at, text=new.text, error="", possible_repeat=False,
        row_version=1,
    )  # fmt: skip
