"""Stores for tests, and what is kept, decided and said in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from make import judge, make_report

from bot.ports import Cursor, Letterhead, NewNotice, NewReport, NoticeKind, RawMessage, VerdictKind
from bot.store import Store
from classifiers.terms import Disposition, Verdict, report_key

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CHANNEL = "C0TRIAGE"


def opened(url: str) -> Store:
    return Store.open(url, now=lambda: NOW)


def mail(n: int = 1, uid: int | None = None) -> NewReport:
    raw = b"Subject: %d\r\n\r\nthe words of mail %d\r\n" % (n, n)
    message = RawMessage(folder="INBOX", uidvalidity=7, uid=uid or n, size=len(raw), received_at=NOW, raw=raw)
    return NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)


def verdict(key: str = "0" * 64, disposition: Disposition = Disposition.OUT_OF_SCOPE) -> Verdict:
    made = judge(make_report("SPF", "There is no SPF record. mochi"), with_model=False)
    return replace(made, report=key, disposition=disposition)


def kept(store: Store, n: int = 1) -> int:
    (report_id,) = store.keep("a", "INBOX", [mail(n)], Cursor(7, n))
    return report_id


def notice(kind: NoticeKind, key: str, due_at: datetime = NOW) -> NewNotice:
    return NewNotice(kind=kind, destination=CHANNEL, key=key, due_at=due_at)


def decide(
    store: Store, report_id: int, *notices: NewNotice, kind: VerdictKind = VerdictKind.BOT, **more: object
) -> int:
    by = "bot" if kind is VerdictKind.BOT else "person:ana"
    key = store.report(report_id).key
    values = {"decided_by": by, "decided_at": NOW, "notices": notices, "letterhead": Letterhead(subject="SPF")} | more
    disposition = values.pop("disposition", Disposition.OUT_OF_SCOPE)
    return store.record(report_id, verdict(key, disposition), kind=kind, **values).id  # type: ignore[arg-type]


def differences(store: Store) -> list[object]:
    """Between the database and the code's tables."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from bot.store.tables import metadata

    with store._engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))
