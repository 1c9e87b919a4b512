"""What people did with reports in Slack, and what they decided anywhere: for `show` and `export audit`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from classifiers.text import json_line

if TYPE_CHECKING:
    from bot.ports import Act
    from bot.store import Store


def as_data(act: Act) -> dict[str, Any]:
    return {"act": act.kind.value, "by": act.by, "at": act.at.isoformat(), "outcome": act.outcome.value}


def lines(acts: Sequence[Act]) -> Iterator[str]:
    """What `triage show` prints: "  2026-11-02 09:00  person:ana (U0ANA)  take, done"."""
    for act in acts:
        yield f"  {act.at:%Y-%m-%d %H:%M}  {act.by}  {act.kind.value.replace('_', ' ')}, {act.outcome.value}"


def trail(store: Store) -> Iterator[str]:
    """Every act in Slack and every decision of a person, by time, one JSON object a line; without a word of a mail."""
    from bot.ports import VerdictKind

    names = {VerdictKind.PERSON: "decide", VerdictKind.UNDO: "take_back"}
    shorts = {report.id: report.short for report, _, _ in store.listing()}
    told = [
        (act.at, {"schema": 1, "report": shorts.get(act.report_id) if act.report_id else None} | as_data(act))
        for act in store.acts()
    ]
    for report_id, short in shorts.items():
        told += [
            (h.decided_at, {
                "schema": 1, "report": short, "act": names[h.kind], "by": h.decided_by, "at": h.decided_at.isoformat(),
                "outcome": h.verdict.disposition.value, "reason": h.reason, "undone": h.undone_by is not None,
            })
            for h in store.history(report_id) if h.kind in names
        ]  # fmt: skip
    for _, data in sorted(told, key=lambda entry: entry[0]):
        yield json_line(data)
