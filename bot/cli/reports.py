"""What was kept: listing and exporting."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.acts import trail
from bot.cli.audit import list_audits
from bot.cli.options import Config, Json, Since, ago, settings_of
from bot.clock import now
from classifiers.errors import UserError
from classifiers.terms import Disposition
from classifiers.text import json_line, printable

if TYPE_CHECKING:
    from bot.ports import KeptReport, Letterhead, RecordedVerdict


def list_reports(
    since: Since = None,
    open_only: Annotated[
        bool, typer.Option("--open", help="Only in_scope and needs_review that no person decided.")
    ] = False,
    disposition: Annotated[
        list[Disposition] | None, typer.Option("--disposition", help="Only these.", show_default=False)
    ] = None,
    audit: Annotated[bool, typer.Option("--audit", help="The blind audit instead: answers, rate, what waits.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """What was kept, newest last."""
    from bot.assembly import open_store

    if audit:
        if since or open_only or disposition:
            raise UserError("--audit counts all audits; it goes with --json alone")
        list_audits(config, as_json=as_json)
        return
    with open_store(settings_of(config)) as store:
        blind = store.open_audits()
        rows = store.listing(
            since=now() - ago(since) if since else None,
            dispositions=tuple(disposition or ()) or None,
            open_only=open_only,
        )
    for report, recorded, head in rows:
        is_blind = report.id in blind
        print(
            json.dumps(_row(report, recorded, head, blind=is_blind))
            if as_json
            else _line(report, recorded, head, blind=is_blind)
        )
    if not as_json:
        print(f"{len(rows)} reports", file=sys.stderr)


def _row(
    report: KeptReport, recorded: RecordedVerdict | None, head: Letterhead | None, *, blind: bool
) -> dict[str, Any]:
    if blind:
        recorded = None
    return {
        "schema": 1,
        "report": report.short,
        "account": report.account,
        "received_at": report.received_at.isoformat(),
        "disposition": recorded.verdict.disposition.value if recorded else None,
        "categories": [f.category for f in recorded.verdict.categories] if recorded else [],
        "decided_by": recorded.decided_by if recorded else None,
        "subject": head.subject if head else None,
        "purged": report.purged,
    } | ({"audit": "open"} if blind else {})


def _line(report: KeptReport, recorded: RecordedVerdict | None, head: Letterhead | None, *, blind: bool) -> str:
    from bot.answer import in_words
    from bot.audit import BLIND

    said = in_words(recorded.verdict) if recorded else "not judged yet"
    said = BLIND if blind else said
    by = f"  ({recorded.decided_by})" if recorded and recorded.decided_by != "bot" else ""
    subject = printable(head.subject, 60) if head else "(text purged)"
    return f"{report.short}  {report.received_at:%Y-%m-%d %H:%M}  {said}{by}  {subject}"


def export(
    what: Annotated[
        str, typer.Argument(metavar="verdicts|corrections|audit", help="What to print, one JSON object a line.")
    ],
    config: Config = None,
) -> None:
    """Print what was decided, for other programs."""
    from bot.assembly import open_store
    from bot.audit import is_open

    if what not in ("verdicts", "corrections", "audit"):
        raise UserError(f"export knows verdicts, corrections and audit, not {what}")
    with open_store(settings_of(config)) as store:
        if what == "audit":
            for line in trail(store):
                print(line)
            return
        for report, _, _ in store.listing():
            history = store.history(report.id)
            for h in () if is_open(history) else history:
                if what == "verdicts" or h.kind.value == "person":
                    print(json_line(_exported(report, h)))


def _exported(report: KeptReport, h: RecordedVerdict) -> dict[str, Any]:
    v = h.verdict
    return {
        "schema": 1,
        "report": report.short,
        "key": report.key,
        "kind": h.kind.value,
        "disposition": v.disposition.value,
        "categories": [f.category for f in v.categories],
        "decided_by": h.decided_by,
        "decided_at": h.decided_at.isoformat(),
        "reason": h.reason,
        "undone": h.undone_by is not None,
        "versions": {"rules": v.versions.rules, "model": v.versions.model or None, "policy": v.versions.policy},
    }
