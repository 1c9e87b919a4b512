"""The weekly digest's words: what came in, what people made of it, what waits. Pure; no word of any mail."""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.home import in_figures
from bot.slack.overview import Overview, in_one_line
from bot.slack.shown import escaped

KINDS = 5  # categories that are named
NAMED = 10  # waiting reports that are named


def weekly(o: Overview, audits: str, titles: Mapping[str, str]) -> str:
    """The whole message; `audits`: the daily digest's line on them."""
    muted = f"{len(o.muted)} sender{' is' if len(o.muted) == 1 else 's are'} muted: `/triage mutes`" if o.muted else ""
    lines = ["*The week*", *in_figures(o.week), _kinds(o, titles), _waiting(o), audits, muted]
    return "\n".join(line for line in lines if line)


def _kinds(o: Overview, titles: Mapping[str, str]) -> str:
    """ "Excluded most: Cookie flags (12), SPF (3)"; "" where nothing was."""
    most = sorted(o.week.excluded.items(), key=lambda kind: (-kind[1], kind[0]))[:KINDS]
    named = ", ".join(f"{escaped(titles.get(kind, kind))} ({n})" for kind, n in most)
    return f"Excluded most: {named}" if named else ""


def _waiting(o: Overview) -> str:
    named = ", ".join(f"`{w.report}`" for w in o.waiting[:NAMED])
    more = f" and {o.waits - NAMED} more" if o.waits > NAMED else ""
    return in_one_line(o) + (f": {named}{more}" if named else "")
