"""How triage stands, and what waits for a person: for `/triage` and App Home. Pure; of the mail, what the tier shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.audit import age
from bot.figures import Figures
from bot.slack.blocks import Blocks, packed, section
from bot.slack.shown import escaped
from bot.slack.view import SIGNS, TITLES, Tier, words_of
from classifiers.terms import Disposition, Versions

LISTED = 40  # reports that are listed one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A live report that nobody decided yet."""

    report: str  # the id people see
    handle: str  # what a press on it carries
    disposition: Disposition
    audit: bool  # asked blind: nothing of the bot's opinion may be told
    categories: tuple[str, ...]  # titles
    subject: str
    sender: str
    received_at: datetime
    taken_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How triage stands at a time."""

    at: datetime
    polls: Mapping[str, datetime | None]  # by account: when it was last read
    quiet: str  # when it says nothing that can wait, in words
    policy: str
    versions: Versions
    counts: Mapping[str, int]  # as the store counts
    waiting: tuple[Waiting, ...]  # the first LISTED, the longest waiting first
    waits: int  # how many wait altogether
    muted: tuple[str, ...]  # a line for each muted sender
    week: Figures  # of the last seven days


def status(o: Overview) -> str:
    """A few lines: mailboxes, what is open, what is still to be done, versions."""
    lines = [*mailboxes(o), in_one_line(o), still_to_do(o.counts), f"Quiet hours: {o.quiet}", versions(o)]
    return "\n".join(line for line in lines if line)


def mailboxes(o: Overview) -> list[str]:
    return [f"Mailbox {escaped(name)}: {_read(at, o.at)}" for name, at in o.polls.items()]


def opened(o: Overview, tier: Tier, own: tuple[str, ...]) -> tuple[str, Blocks]:
    """What waits for a person, one line each; as much as one message takes."""
    lines = [waiting_line(w, o.at, tier, own) for w in o.waiting]
    if o.waits > len(lines):
        lines.append(f"and {o.waits - len(lines)} more: `triage list --open`")
    title = in_one_line(o)
    return title, [section(text) for text in packed([f"*{title}*", *lines])]


def in_one_line(o: Overview) -> str:
    """ "3 reports wait for a person, the longest for 2 d"."""
    if not o.waits:
        return "Nothing waits for a person."
    return (
        f"{o.waits} report{'s wait' if o.waits > 1 else ' waits'} for a person, the longest for "
        f"{age(o.at, o.waiting[0].received_at)}"
    )


def waiting_line(w: Waiting, at: datetime, tier: Tier, own: tuple[str, ...]) -> str:
    what = "🟣 Audit" if w.audit else f"{SIGNS[w.disposition]} {TITLES[w.disposition]}"
    named = f" ({escaped(', '.join(w.categories[:3]))})" if w.categories and not w.audit else ""
    subject = words_of(w.subject, 80, tier=tier, sender=w.sender, own_domains=own)
    taken = f", taken by {w.taken_by}" if w.taken_by else ""
    return f"`{w.report}` {what}{named}, {age(at, w.received_at)}{taken}" + (f": “{subject}”" if subject else "")


def still_to_do(counts: Mapping[str, int]) -> str:
    """ "2 to be judged, 3 messages to be said (1 stuck), 4 lines for the digest"; "" where there is nothing."""
    stuck = f" ({counts['notices_stuck']} stuck)" if counts.get("notices_stuck") else ""
    told = [
        f"{counts['waiting']} to be judged" if counts.get("waiting") else "",
        f"{_some(counts['notices_due'], 'message')} to be said{stuck}" if counts.get("notices_due") else "",
        f"{_some(counts['for_the_digest'], 'line')} for the digest" if counts.get("for_the_digest") else "",
    ]
    return ", ".join(t for t in told if t)


def _some(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def versions(o: Overview) -> str:
    v = o.versions
    return f"rules {v.rules} · model {v.model or 'none'} · policy {escaped(o.policy)} {v.policy}"


def _read(then: datetime | None, at: datetime) -> str:
    return "not read yet" if then is None else f"last read {max(0, round((at - then).total_seconds()))} s ago"
