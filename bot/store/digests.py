"""The lines of the digest that are still to be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from bot.ports import NewNotice, Notice, NoticeKind, NoticeState
from bot.store import rows
from bot.store import tables as t
from bot.store.beats import noted
from bot.store.outbox import Outbox


class Digests(Outbox):
    """The part of the store that the digest is said from."""

    def digest_sentence(self, text: str, destination: str, key: str, due_at: datetime) -> None:
        """A line of the bot's own in the next digest, said once per key."""
        self._sentence(NewNotice(kind=NoticeKind.DIGEST, destination=destination, key=key, due_at=due_at, text=text))

    def digest_waiting(self, limit: int) -> tuple[Notice, ...]:
        """Lines for one digest message: those of one whose outcome is unknown, all of them, else the oldest of one channel."""
        n = t.notices
        lines = select(n).where(n.c.kind == NoticeKind.DIGEST.value).order_by(n.c.id)
        with self._read() as c:
            sending = c.execute(lines.where(n.c.state == NoticeState.SENDING.value)).all()
            found = sending or c.execute(lines.where(n.c.state == NoticeState.PENDING.value).limit(limit)).all()
        channel = found[0].destination if found else ""
        return tuple(rows.notice(r) for r in found if r.destination == channel)

    def mark_digest_sending(self, ids: Sequence[int], at: datetime) -> None:
        n = t.notices
        values = {"state": NoticeState.SENDING.value, "touched_at": at, "attempts": n.c.attempts + 1}
        with self._write() as c:
            c.execute(n.update().where(n.c.id.in_(list(ids))).values(**values))

    def put_off_digest(self, ids: Sequence[int]) -> None:
        """It surely was not said: the lines wait for the next digest."""
        n = t.notices
        with self._write() as c:
            c.execute(n.update().where(n.c.id.in_(list(ids))).values(state=NoticeState.PENDING.value))

    def say_digest(self, ids: Sequence[int], at: datetime, taken: Mapping[str, datetime]) -> None:
        """These lines were said; `taken`: of the buckets."""
        n = t.notices
        with self._write() as c:
            c.execute(n.update().where(n.c.id.in_(list(ids))).values(state=NoticeState.SAID.value, said_at=at))
            for name, moment in taken.items():
                noted(c, name, moment)
