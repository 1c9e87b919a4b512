"""The emoji that triage uses, drawn: Slack shows pictures, while a machine may have no font for them. Pure."""

from __future__ import annotations

import re


def _disc(fill: str, edge: str) -> str:
    return f"<circle cx=10 cy=10 r=8 fill='{fill}' stroke='{edge}' />"


_DRAWN = {
    "🔴": _disc("#dd2e44", "#b3202f"),
    "⚪": _disc("#e6e7e8", "#9a9da1"),
    "🟡": _disc("#fdcb58", "#c8963a"),
    "🔵": _disc("#3b88d8", "#2a66a8"),
    "🟣": _disc("#9c6ad6", "#7444ae"),
    "✅": "<rect x=2 y=2 width=16 height=16 rx=3 fill='#3f9142' />"
    "<path d='M5.5 10.5l3 3 6-7' fill=none stroke='#fff' stroke-width=2.4 stroke-linecap=round />",
    "👤": "<circle cx=10 cy=6.5 r=4 fill='#6d7b88' /><path d='M2.5 18c0-9 15-9 15 0z' fill='#6d7b88' />",
    "⏰": "<circle cx=10 cy=11 r=7 fill='#fff' stroke='#dd2e44' stroke-width=2 />"
    "<path d='M10 7v4l3 2M3 4l3-2M17 4l-3-2' fill=none stroke='#8a2130' stroke-width=1.8 stroke-linecap=round />",
    "👁": "<path d='M1.5 10c4-7 13-7 17 0-4 7-13 7-17 0z' fill='#fff' stroke='#6d7b88' stroke-width=1.5 />"
    "<circle cx=10 cy=10 r=3 fill='#6d7b88' />",
}
_ANY = re.compile(f"[{''.join(_DRAWN)}]")


def pictured(markup: str) -> str:
    """Escaped text with our emoji as pictures. Each stays in the text too, for who copies, searches or listens to it."""
    return _ANY.sub(
        lambda m: f"<span class=emoji><svg viewBox='0 0 20 20' aria-hidden=true>{_DRAWN[m[0]]}</svg>{m[0]}</span>",
        markup,
    )
