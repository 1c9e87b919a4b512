"""`triage mute`: a sender of whom only what is live gets a card."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bot.cli.options import Config, Json, settings_of, who
from bot.clock import now
from classifiers.errors import UserError


def mute(
    report: Annotated[
        str | None, typer.Argument(metavar="ID", help="A report: its sender is meant.", show_default=False)
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Hear the sender again.")] = False,
    by: Annotated[str | None, typer.Option("--by", help="Who says so. Default: you.", show_default=False)] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Mute a report's sender for 30 days: what is not live comes in the digest alone. Without an ID: who is muted."""
    from bot.assembly import open_store
    from bot.muting import in_lines
    from bot.muting import mute as mute_sender
    from bot.muting import unmute as unmute_sender

    if end and report is None:
        raise UserError("--end goes with the ID of a report: its sender is heard again")
    with open_store(settings_of(config)) as store:
        if report is not None:
            act = unmute_sender if end else mute_sender
            print(act(store, store.find(report), by=who(by), now=now()).replace("`", ""))
            return
        muted = store.mutes(now())
    for line, m in zip(in_lines(muted), muted, strict=True):
        data = {"schema": 1, "report": m.report, "by": m.by, "until": m.until.isoformat(), "mails": m.mails}
        print(json.dumps(data) if as_json else line.replace("`", ""))
    if not muted and not as_json:
        print("no sender is muted")
