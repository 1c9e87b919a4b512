"""Which copy of the bot does what: each piece of work is one copy's until its lease is over, and is renewed before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from bot.store import tables as t
from bot.store.commits import Commits


class Leases(Commits):
    """The part of the store by which several copies of the bot share the work."""

    def take(self, name: str, holder: str, at: datetime, until: datetime) -> bool:
        """Takes or renews a lease; whether it is this holder's now. One that is over is anybody's."""
        it = t.leases
        with self._write() as c:
            row = c.execute(select(it.c.holder, it.c.until).where(it.c.name == name)).first()
            if row is None:
                c.execute(it.insert().values(name=name, holder=holder, until=until))
            elif row.holder == holder or row.until <= at:
                c.execute(it.update().where(it.c.name == name).values(holder=holder, until=until))
            else:
                return False
            return True

    def give_back(self, name: str, holder: str) -> None:
        """Ends a lease, if it is this holder's."""
        it = t.leases
        with self._write() as c:
            c.execute(it.delete().where(it.c.name == name, it.c.holder == holder))

    def leased(self, prefix: str, at: datetime) -> dict[str, str]:
        """The leases with these names that are not over, and who holds each."""
        it = t.leases
        query = select(it.c.name, it.c.holder).where(it.c.name.startswith(prefix, autoescape=True), it.c.until > at)
        with self._read() as c:
            return {row.name: row.holder for row in c.execute(query)}
