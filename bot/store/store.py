"""The bot's memory. What a method has returned from is on the disk.

Three commits, never merged: `keep` (bytes and cursor), `attempt` (before the work), `record` (verdict and notices).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import case, func, select

from bot.ports import NoticeKind, NoticeState
from bot.store import tables as t
from bot.store.acts import Acts
from bot.store.audits import Audits
from bot.store.beats import Beats
from bot.store.courses import Courses
from bot.store.database import open_engine, soundness
from bot.store.digests import Digests
from bot.store.drafts import Drafts
from bot.store.keeping import Keeping
from bot.store.leases import Leases
from bot.store.looking import Looking
from bot.store.mutes import Mutes
from bot.store.places import Places
from bot.store.saying import Saying
from bot.store.templates import Templates
from bot.store.upkeep import Examined, copy_to, examine
from bot.store.verdicts import Verdicts

RESTORED = "restored"  # the beat of the last restore of a copy


class Store(
    Acts, Audits, Beats, Courses, Digests, Drafts, Keeping, Leases, Looking, Mutes, Places, Saying, Templates, Verdicts
):
    """Reports, verdicts and notices in one database. Thread-safe; several processes may use it at once.

    Every method raises StoreError for what the database or the disk does.
    """

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


def _sum(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))
