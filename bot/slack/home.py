"""App Home: how triage stands, what waits, the week's figures. Pure; of the mail, what the tier shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.audit import lasting
from bot.figures import Figures
from bot.slack.blocks import Blocks, context, section
from bot.slack.controls import CHANGE
from bot.slack.overview import Overview, Waiting, in_one_line, mailboxes, still_to_do, versions, waiting_line
from bot.slack.view import TITLES, Tier
from classifiers.terms import Disposition

REFRESH = "triage_refresh"
LISTED = 20  # reports; a view takes a hundred blocks


def home(o: Overview, tier: Tier, own: tuple[str, ...]) -> dict[str, Any]:
    """The whole tab."""
    waiting = [_waiting(w, o, tier, own) for w in o.waiting[:LISTED]]
    if o.waits > len(waiting):
        waiting.append(context(f"and {o.waits - len(waiting)} more: `/triage open`, `triage list --open`", 200))
    blocks: Blocks = [
        _header("What waits for a person"), section(in_one_line(o)), *waiting, {"type": "divider"},
        _header("This week"), section("\n".join(in_figures(o.week))), {"type": "divider"},
        _header("How triage stands"), section("\n".join(filter(None, [*mailboxes(o), still_to_do(o.counts), f"Quiet hours: {o.quiet}", *_muted(o)]))),
        context(versions(o), 1000), _refresh(o),
    ]  # fmt: skip
    return {"type": "home", "blocks": blocks}


def closed(why: str) -> dict[str, Any]:
    """The tab of somebody who may not see it."""
    return {"type": "home", "blocks": [section(why)]}


def in_figures(week: Figures) -> Sequence[str]:
    """Three sentences at most: what came in, what people decided, how long they took."""
    held = ", ".join(f"{week.held[d]} {TITLES[d].lower()}" for d in Disposition if week.held.get(d))
    lines = [f"{week.reports or 'No'} report{'' if week.reports == 1 else 's'} came in" + (f": {held}" if held else "")]
    if week.decided:
        lines.append(f"People decided {week.decided}, {week.agreed} of them as recommended")
    if week.wait is not None:
        lines.append(f"Half of those were decided within {lasting(week.wait)}")
    return lines


def _waiting(w: Waiting, o: Overview, tier: Tier, own: tuple[str, ...]) -> dict[str, Any]:
    change = {
        "type": "button", "action_id": CHANGE, "value": w.handle, "text": {"type": "plain_text", "text": "Change…"},
        "accessibility_label": f"Change the verdict on report {w.report}",
    }  # fmt: skip
    return section(waiting_line(w, o.at, tier, own)) | {"accessory": change}


def _muted(o: Overview) -> list[str]:
    """Who is muted, the latest last."""
    more = [f"and {len(o.muted) - LISTED} more: `/triage mutes`"] if len(o.muted) > LISTED else []
    return ["Muted:", *o.muted[-LISTED:], *more] if o.muted else []


def _refresh(o: Overview) -> dict[str, Any]:
    told = section(f"As of <!date^{int(o.at.timestamp())}^{{date_short_pretty}} {{time}}|{o.at:%Y-%m-%d %H:%M} UTC>")
    button = {"type": "button", "action_id": REFRESH, "text": {"type": "plain_text", "text": "Refresh"}}
    return told | {"accessory": button}


def _header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}
