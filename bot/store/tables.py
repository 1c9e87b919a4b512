"""The tables. Text of mails lies in rows of its own, so that a purge takes it and leaves the facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class UtcTime(sa.TypeDecorator[datetime]):
    """Aware times in, aware UTC times out; SQLite keeps no zone of its own."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        assert value.tzinfo is not None, "times are aware"
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _clean(value: str | None) -> str | None:
    """Without what PostgreSQL takes into no text (NUL), and no database does (half of a surrogate pair)."""
    return None if value is None else value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class Name(sa.TypeDecorator[str]):
    """What a person is called or calls a thing: cut at the column's length."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002
        cleaned = _clean(value)
        return cleaned and cleaned[: getattr(self.impl_instance, "length", None)]


class Words(sa.TypeDecorator[str]):
    """What a person wrote."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002
        return _clean(value)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts rows only in INTEGER PRIMARY KEY

cursors = sa.Table(
    "cursors", metadata,
    sa.Column("account", sa.String(200), primary_key=True),
    sa.Column("folder", sa.String(500), primary_key=True),
    sa.Column("uidvalidity", sa.BigInteger, nullable=False),
    sa.Column("uid", sa.BigInteger, nullable=False),
)  # fmt: skip

reports = sa.Table(
    "reports", metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String(200), nullable=False),
    sa.Column("folder", sa.String(500), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("kept_at", UtcTime, nullable=False),
    sa.Column("truncated", sa.Boolean, nullable=False),
    sa.Column("from_junk", sa.Boolean, nullable=False),
    sa.Column("backlog", sa.Boolean, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("current_verdict_id", _BIG, nullable=True),  # the verdict that holds; no foreign key: verdicts point here
    sa.Column("purged_at", UtcTime, nullable=True),
    sa.Column("row_version", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.String(200), nullable=True),
    sa.Column("claimed_until", UtcTime, nullable=True),
    sa.UniqueConstraint("account", "key"),
    sa.Index(None, "key"),
    sa.Index(None, "current_verdict_id"),
    sa.Index(None, "received_at"),
)  # fmt: skip

places = sa.Table(
    "places", metadata,  # where each mail was last found, and what was done there
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), primary_key=True, autoincrement=False),
    sa.Column("folder", sa.String(500), nullable=False),
    sa.Column("uidvalidity", sa.BigInteger, nullable=False),
    sa.Column("uid", sa.BigInteger, nullable=False),
    sa.Column("filed_verdict_id", _BIG, nullable=True),  # the verdict that the mailbox shows
    sa.Column("target", sa.String(500), nullable=True),  # of a move that was begun
    sa.Column("target_uid", sa.BigInteger, nullable=True),
)  # fmt: skip

raw_mails = sa.Table(
    "raw_mails", metadata,
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), primary_key=True, autoincrement=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
)  # fmt: skip

letterheads = sa.Table(
    "letterheads", metadata,
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), primary_key=True, autoincrement=False),
    sa.Column("data", sa.Text, nullable=False),
)  # fmt: skip

verdicts = sa.Table(
    "verdicts", metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("disposition", sa.String(40), nullable=False),
    sa.Column("policy", sa.String(200), nullable=False),
    sa.Column("decided_by", Name(200), nullable=False),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("reason", Words, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),  # JSON, without a word of the mail
    sa.Column("undone_by", _BIG, sa.ForeignKey("verdicts.id"), nullable=True),
    sa.Index(None, "report_id"),
    sa.Index(None, "kind"),
)  # fmt: skip

verdict_texts = sa.Table(
    "verdict_texts", metadata,
    sa.Column("verdict_id", _BIG, sa.ForeignKey("verdicts.id"), primary_key=True, autoincrement=False),
    sa.Column("data", sa.Text, nullable=False),  # JSON, with the quotes
)  # fmt: skip

audit_clearances = sa.Table(
    "audit_clearances", metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("category", sa.String(200), nullable=False),
    sa.Column("decided_by", Name(200), nullable=False),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("reason", Words, nullable=False),
)  # fmt: skip

cards = sa.Table(
    "cards", metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("channel", sa.String(100), nullable=False),
    sa.Column("ts", sa.String(100), nullable=True),
    sa.Column("made_at", UtcTime, nullable=False),
)  # fmt: skip

card_reports = sa.Table(
    "card_reports", metadata,
    sa.Column("card_id", _BIG, sa.ForeignKey("cards.id"), primary_key=True, autoincrement=False),
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), primary_key=True, autoincrement=False),
    sa.Index(None, "report_id"),
)  # fmt: skip

notices = sa.Table(
    "notices", metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(300), nullable=False, unique=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("destination", sa.String(100), nullable=False),
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), nullable=True),
    sa.Column("card_id", _BIG, sa.ForeignKey("cards.id"), nullable=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("touched_at", UtcTime, nullable=True),
    sa.Column("said_at", UtcTime, nullable=True),
    sa.Column("ts", sa.String(100), nullable=True),  # of the message that says it; null: it made none, or is of before 0008
    sa.Column("text", Words, nullable=False),  # of a trouble, our own words; else empty
    sa.Column("error", Name(300), nullable=False),
    sa.Column("possible_repeat", sa.Boolean, nullable=False),
    sa.Column("row_version", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.String(200), nullable=True),
    sa.Column("claimed_until", UtcTime, nullable=True),
    sa.Index(None, "state", "due_at"),
    sa.Index(None, "card_id"),
    sa.Index(None, "report_id"),
)  # fmt: skip

leases = sa.Table(
    "leases", metadata,
    sa.Column("name", sa.String(300), primary_key=True),
    sa.Column("holder", Name(200), nullable=False),
    sa.Column("until", UtcTime, nullable=False),
)  # fmt: skip

beats = sa.Table(
    "beats", metadata,
    sa.Column("name", sa.String(700), primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)  # fmt: skip

traces = sa.Table(
    "traces", metadata,
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), primary_key=True, autoincrement=False),
    sa.Column("signature", sa.LargeBinary(256), nullable=False),  # 64 numbers; empty where there is nothing to compare
    sa.Column("message_id", sa.String(32), nullable=False),  # digests, as the next two; "" where none is known
    sa.Column("sender", sa.String(32), nullable=False),
    sa.Column("domain", sa.String(32), nullable=False),
    sa.Column("proven", sa.Boolean, nullable=False, server_default=sa.false()),  # a server of ours vouches for the sender
    sa.Column("words", sa.String(32), nullable=False, server_default=""),  # a digest of all that it says
    sa.Index(None, "message_id"),
)  # fmt: skip

signature_bands = sa.Table(
    "signature_bands", metadata,
    sa.Column("band", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), primary_key=True, autoincrement=False),
    sa.Index(None, "report_id"),
)  # fmt: skip

threads = sa.Table(
    "threads", metadata,
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), primary_key=True, autoincrement=False),
    sa.Column("first_id", _BIG, sa.ForeignKey("reports.id"), nullable=True),  # the report that it follows up
    sa.Column("claimed_id", _BIG, sa.ForeignKey("reports.id"), nullable=True),  # one that it names without a right to
    sa.Index(None, "first_id"),
)  # fmt: skip

mutes = sa.Table(
    "mutes", metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), nullable=False),  # the one they were muted on
    sa.Column("account", sa.String(200), nullable=False),
    sa.Column("sender", sa.String(32), nullable=False),  # a digest
    sa.Column("muted_by", sa.String(200), nullable=False),
    sa.Column("muted_at", UtcTime, nullable=False),
    sa.Column("until", UtcTime, nullable=False),
    sa.Column("ended_by", sa.String(200), nullable=True),  # null: until its time is over
    sa.Index(None, "account", "sender"),
)  # fmt: skip

acts = sa.Table(
    "acts", metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("report_id", _BIG, sa.ForeignKey("reports.id"), nullable=True),  # null: of no report that is known
    sa.Column("act", sa.String(40), nullable=False),
    sa.Column("by", Name(200), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("outcome", sa.String(40), nullable=False),
    sa.Index(None, "report_id"),
)  # fmt: skip
