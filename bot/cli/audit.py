"""The blind audit at the command line: what was answered, and letting a stopped category dismiss again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import Config, Json, settings_of, who
from bot.clock import now
from classifiers.errors import UserError
from classifiers.text import json_line

audit_app = typer.Typer(help="The blind audit; `triage list --audit` shows it.", no_args_is_help=True)


@audit_app.callback()
def _root() -> None:
    pass


@audit_app.command("clear")
def clear(
    category: Annotated[str, typer.Argument(metavar="CATEGORY", help="A category that audits stopped.")],
    reason: Annotated[str, typer.Option("--reason", help="What you found and mended; kept.")],
    by: Annotated[str | None, typer.Option("--by", help="Who looked. Default: you.", show_default=False)] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Let a stopped category recommend dismissals again: somebody looked."""
    from bot.assembly import audit_state, open_store
    from bot.audit import Clearance

    settings = settings_of(config)
    if not reason.strip():
        raise UserError('say what you found: --reason "…"')
    with open_store(settings) as store:
        _, stops, _ = audit_state(settings, store)
        if category not in stops:
            now_stopped = ", ".join(sorted(stops)) or "none"
            raise UserError(f"{category} is not stopped, so there is nothing to clear; stopped: {now_stopped}")
        clearance = Clearance(category=category, decided_by=who(by), decided_at=now(), reason=reason.strip())
        store.clear(clearance)
    if as_json:
        print(json.dumps({"schema": 1, "category": category, "cleared_by": clearance.decided_by}))
    else:
        print(f"{category} recommends dismissals again. `triage reclassify --since 30d` shows what it would change.")


def list_audits(config: Path | None, *, as_json: bool) -> None:
    """What `triage list --audit` prints."""
    from bot.assembly import audit_state, open_store
    from bot.audit import as_data, as_text

    settings = settings_of(config)
    with open_store(settings) as store:
        audits, stops, budget = audit_state(settings, store)
        cleared = store.clearances()
    if as_json:
        data = as_data(audits, stops, budget) | {
            "cleared": [
                {"category": c.category, "by": c.decided_by, "at": c.decided_at.isoformat(), "reason": c.reason}
                for c in cleared
            ]
        }
        print(json_line(data))
        return
    print(as_text(audits, stops, now()))
    for c in cleared:
        print(f"{c.decided_at:%Y-%m-%d %H:%M}  {c.category} cleared by {c.decided_by}", file=sys.stderr)
