"""What was kept: listing, showing, exporting."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.acts import trail
from bot.cli.audit import list_audits
from bot.cli.options import Config, Json, Since, ago, now, settings_of
from classifiers.errors import UserError
from classifiers.terms import Disposition
from classifiers.text import json_line, printable

if TYPE_CHECKING:
    from bot.ports import KeptReport, Letterhead, RecordedVerdict
    from bot.settings import Settings
    from bot.store import Store


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


def show(
    report: Annotated[str, typer.Argument(metavar="ID", help="A report's id.")],
    as_json: Json = False,
    raw: Annotated[bool, typer.Option("--raw", help="The mail's bytes as they were kept, to standard output.")] = False,
    reply: Annotated[bool, typer.Option("--reply", help="The suggested reply alone, to be copied.")] = False,
    config: Config = None,
) -> None:
    """One report: its verdict, the reasons, and everything that was ever decided."""
    from bot.answer import as_blind_data, as_data, blind_for_people, for_people, in_words
    from bot.assembly import open_store
    from bot.audit import is_open
    from bot.cli.acts import as_data as act_data
    from bot.cli.acts import lines as act_lines
    from bot.ports import Letterhead
    from bot.precedent import as_data as known_data
    from bot.precedent import lines

    settings = settings_of(config)
    with open_store(settings) as store:
        kept = store.find(report)
        if reply:
            print(_suggested(store, settings, kept))
            return
        if raw:
            mail = store.raw(kept.id)
            if mail is None:
                raise UserError(f"{kept.short}: its text was purged")
            sys.stdout.buffer.write(mail.raw)
            return
        current, history = store.current(kept.id), store.history(kept.id)
        head = store.letterhead(kept.id) or Letterhead()
        # Of an open audit not even what was decided of its like: it would tell what the bot thinks.
        similar = () if is_open(history) else store.similar(kept)
        known = similar, store.thread_of(kept), store.follow_ups(kept.id)
        done = store.acts(kept.id)
    if current is None:
        raise UserError(f"{kept.short} was kept at {kept.kept_at:%Y-%m-%d %H:%M} and is not judged yet")
    blind = is_open(history)
    history = () if blind else history
    if as_json:
        data = (as_blind_data if blind else as_data)(kept.short, current.verdict, head) | {
            "account": kept.account, "folder": kept.folder, "received_at": kept.received_at.isoformat(),
            "decided_by": current.decided_by, "decided_at": current.decided_at.isoformat(), "reason": current.reason,
            "history": [
                {"disposition": h.verdict.disposition.value, "kind": h.kind.value, "decided_by": h.decided_by, "decided_at": h.decided_at.isoformat(),
                 "reason": h.reason, "undone": h.undone_by is not None}
                for h in history
            ],
            "acts": [act_data(a) for a in done],
        } | known_data(*known)  # fmt: skip
        print(json_line(data))
        return
    print(blind_for_people(kept.short, head) if blind else for_people(kept.short, current.verdict, head))
    print(f"  Received  {kept.received_at:%Y-%m-%d %H:%M} UTC in {kept.account}/{kept.folder}, {kept.size} bytes")
    print(f"  Key       {kept.key}")
    for line in lines(*known):
        print(line[:14] + printable(line[14:], 400))  # the first columns are ours
    for h in history:
        reason = f": {printable(h.reason)}" if h.reason else ""
        reason += " (held back for the audit)" if h.kind.value == "audit" else ""
        reason += " (taken back)" if h.undone_by is not None else ""
        took = "took back " if h.kind.value == "undo" else ""
        print(f"  {h.decided_at:%Y-%m-%d %H:%M}  {h.decided_by}  {took}{in_words(h.verdict)}{reason}")
    for line in act_lines(done):
        print(line)


def _suggested(store: Store, settings: Settings, kept: KeptReport) -> str:
    """The suggested reply. Raises UserError where there is none, and while an audit must not give the bot's opinion away."""
    from bot.assembly import wording
    from bot.audit import is_open
    from bot.showing import view_in
    from bot.slack.view import Tier

    if store.current(kept.id) is None or is_open(store.history(kept.id)):
        raise UserError(f"{kept.short} waits to be judged, or for the answer to its audit")
    text = view_in(store, kept.id, wording(settings), Tier.IDS, pressable=False).reply
    if not text:
        raise UserError(f"{kept.short}: the policy has no text for this, or there is nothing to fill it in with")
    return text


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
