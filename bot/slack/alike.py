"""The line of a card that names the copies it stands for. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports import OnCard, VerdictKind
from bot.slack.view import SIGNS, TITLES, CardView, name_of


def alike(view: CardView) -> str:
    """ "*2 more alike, judged the same:* `9f2c51ab`, `0c1d2e3f`"; "" where it stands for one report alone."""
    others = [r for r in view.alike if r not in view.same]
    lines = [f"*{len(view.same)} more alike, judged the same:* {_ids(view.same)}"] if view.same else []
    lines += [f"*Alike, but:* {', '.join(map(_otherwise, others))}"] if others else []
    return "\n".join(lines)


def said_of_all(view: CardView) -> str:
    """What the modal says of them; "" where nothing else is decided with this report."""
    if not view.same:
        return ""
    return f"This is said of {len(view.same) + 1} reports alike: `{view.report}`, {_ids(view.same)}."


def _ids(reports: Sequence[OnCard]) -> str:
    return ", ".join(f"`{r.short}`" for r in reports)


def _otherwise(r: OnCard) -> str:
    by = f" by {name_of(r.decided_by)}" if r.kind is VerdictKind.PERSON else ""
    return f"`{r.short}` {SIGNS[r.disposition]} {TITLES[r.disposition]}{by}"
