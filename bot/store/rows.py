"""Rows as the values of the ports."""

from __future__ import annotations

import json
from typing import Any

from bot.codec import verdict_from_json
from bot.ports import KeptReport, Letterhead, Notice, NoticeKind, NoticeState, RecordedVerdict, VerdictKind


def kept_report(row: Any) -> KeptReport:
    return KeptReport(
        id=row.id, account=row.account, folder=row.folder, key=row.key, size=row.size, received_at=row.received_at,
        kept_at=row.kept_at, truncated=row.truncated, attempts=row.attempts, from_junk=row.from_junk,
        backlog=row.backlog, purged=row.purged_at is not None,
    )  # fmt: skip


def recorded_verdict(row: Any) -> RecordedVerdict:
    """A verdict's row, joined with its text (`data`) where that was not purged."""
    return RecordedVerdict(
        id=row.id, report_id=row.report_id, kind=VerdictKind(row.kind),
        verdict=verdict_from_json(json.loads(row.data if row.data is not None else row.facts)),
        decided_by=row.decided_by, decided_at=row.decided_at, reason=row.reason, undone_by=row.undone_by,
    )  # fmt: skip


def notice(row: Any) -> Notice:
    return Notice(
        id=row.id, key=row.key, kind=NoticeKind(row.kind), destination=row.destination, report_id=row.report_id,
        card_id=row.card_id, state=NoticeState(row.state), attempts=row.attempts, due_at=row.due_at,
        touched_at=row.touched_at, text=row.text, possible_repeat=row.possible_repeat,
    )  # fmt: skip


def letterhead_to_json(head: Letterhead) -> str:
    return json.dumps(
        {
            "subject": head.subject, "sender": head.sender, "message_id": head.message_id, "attachments": head.attachments,
            "language": head.language, "references": head.references, "answer_to": head.answer_to,
        }
    )  # fmt: skip


def letterhead(data: str | None) -> Letterhead | None:
    if data is None:
        return None
    d = json.loads(data)
    return Letterhead(
        subject=d["subject"], sender=d["sender"], message_id=d["message_id"], attachments=tuple(d["attachments"]),
        language=d.get("language", ""), references=tuple(d.get("references", ())), answer_to=d.get("answer_to", ""),
    )  # fmt: skip
