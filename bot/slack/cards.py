"""A report's card, its details and the digest, as Slack's blocks. Pure; what of the mail stands in them is the tier's choice.

full     subject, quotes, the sender
reduced  subject and quotes, without the sender's address (the default)
ids      no word of the mail: ids, dispositions, clauses, rules
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.ports import Letterhead, RecordedVerdict, VerdictKind
from bot.slack.shown import shown
from classifiers.terms import Disposition, Evidence, Finding, Verdict

SECTION = 2900  # characters of a section's text; Slack takes 3000
BLOCKS = 48  # of a message; Slack takes 50
QUOTE = 240
Blocks = list[dict[str, Any]]


class Tier(StrEnum):
    """How much of a mail Slack gets."""

    FULL = "full"
    REDUCED = "reduced"
    IDS = "ids"


TITLES = {
    Disposition.IN_SCOPE: "In scope",
    Disposition.OUT_OF_SCOPE: "Out of scope",
    Disposition.INCOMPLETE: "Incomplete",
    Disposition.NOT_A_REPORT: "Not a report",
    Disposition.NEEDS_REVIEW: "Needs review",
}
_SIGN = {
    Disposition.IN_SCOPE: "🔴",
    Disposition.OUT_OF_SCOPE: "⚪",
    Disposition.INCOMPLETE: "🟡",
    Disposition.NOT_A_REPORT: "⚪",
    Disposition.NEEDS_REVIEW: "🔵",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """Everything a card may need of one report."""

    report: str  # the id people see
    account: str
    received_at: datetime
    from_junk: bool
    recorded: RecordedVerdict
    history: tuple[RecordedVerdict, ...]
    head: Letterhead | None  # None: purged
    tier: Tier
    word: str
    titles: Mapping[str, str]
    requested: Mapping[str, str]
    assets: Mapping[str, str]
    possible_repeat: bool = False

    @property
    def verdict(self) -> Verdict:
        return self.recorded.verdict

    def of_the_mail(self, text: str, limit: int = QUOTE) -> str:
        """Words of the mail as this tier shows them; "" where it shows none."""
        if self.tier is Tier.IDS or not text:
            return ""
        sender = self.head.sender if self.head and self.tier is Tier.REDUCED else ""
        return shown(text, limit, sender=sender)

    def title(self, category: str) -> str:
        return self.titles.get(category, category)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLine:
    """One report in the digest."""

    report: str
    disposition: Disposition
    categories: tuple[str, ...]
    subject: str
    sender: str
    from_junk: bool


# ------------------------------------------------------------------------------------------------ the card


def card(view: CardView) -> tuple[str, Blocks]:
    """The fallback text and the blocks of a report's card."""
    parts = [_head(view), *_decided(view), *_findings(view), _against(view), *_signs(view), _facts(view)]
    blocks = [_section(p) for p in parts if p]
    blocks.append(_context(_foot(view)))
    return _fallback(view), blocks[:BLOCKS]


def _fallback(view: CardView) -> str:
    subject = view.of_the_mail(view.head.subject, 120) if view.head else ""
    return f"{TITLES[view.verdict.disposition]} · {view.report}" + (f" · {subject}" if subject else "")


def _head(view: CardView) -> str:
    v = view.verdict
    named = ", ".join(view.title(f.category) for f in v.categories)
    lines = [f"{_SIGN[v.disposition]} *{TITLES[v.disposition]}*" + (f" · {named}" if named else "")]
    if view.head is None:
        lines.append("_the mail's text was purged_")
    elif subject := view.of_the_mail(view.head.subject, 200):
        lines.append(subject)
    if view.head is not None and view.tier is Tier.FULL and view.head.sender:
        lines.append(f"from {shown(view.head.sender, 120)}")
    if view.from_junk:
        lines.append("_it lay in the junk folder_")
    if view.possible_repeat:
        lines.append("_possible repeat: an earlier attempt may have been said, and could not be looked up_")
    return "\n".join(lines)


def _decided(view: CardView) -> Iterator[str]:
    """A person's word, and what the bot had recommended."""
    if view.recorded.kind is not VerdictKind.PERSON:
        yield f"*Recommended because* {view.verdict.why}."
        return
    reason = f": {shown(view.recorded.reason, 300)}" if view.recorded.reason else ""
    who = shown(view.recorded.decided_by.removeprefix("person:"), 80)
    before = next((h for h in reversed(view.history) if h.kind is VerdictKind.BOT), None)
    said = f"\nThe bot says: {TITLES[before.verdict.disposition]}" if before else ""
    yield f"*Decided by {who}*{reason}{said}"


def _findings(view: CardView) -> Iterator[str]:
    for finding in view.verdict.categories[:4]:
        clause = f"“{shown(finding.clause, 400)}”" if finding.clause else "_no clause of the policy excludes it_"
        kind = " _(by extension: its list is open)_" if finding.clause_kind == "by_extension" else ""
        lines = [f"*{view.title(finding.category)}* {finding.probability:.0%}", f"Clause: {clause}{kind}"]
        lines += [_seen(view, e) for e in _strongest(finding) if e.speaks_for][:2]
        yield "\n".join(lines)


def _strongest(finding: Finding) -> list[Evidence]:
    return sorted(finding.evidence, key=lambda e: (e.source == "model", -e.weight))


def _seen(view: CardView, e: Evidence) -> str:
    quote = view.of_the_mail(e.quote)
    where = f" _({e.where.value})_" if e.where else ""
    # What the model names are the mail's own words.
    reason = shown(e.reason.split(" for “")[0] if view.tier is Tier.IDS else e.reason, 200)
    return f"&gt; “{quote}”{where}\n{reason}" if quote else f"{reason}"


def _against(view: CardView) -> str:
    v = view.verdict
    against = [
        e for f in (*v.categories, *v.considered) for e in f.evidence if not e.speaks_for and e.source != "model"
    ]
    if not against:
        return "*Against excluding it* nothing found"
    return "*Against excluding it*\n" + "\n".join(_seen(view, e) for e in against[:3])


def _signs(view: CardView) -> Iterator[str]:
    if view.verdict.signs:
        yield "*Signs of a finding*\n" + "\n".join(_seen(view, e) for e in view.verdict.signs[:3])


def _facts(view: CardView) -> str:
    v = view.verdict
    lines = []
    if view.word:
        where = f", {v.acknowledgement.where}" if v.acknowledgement.where else ""
        lines.append(f"{view.word}: {v.acknowledgement.state.value.replace('_', ' ')}{where}")
    if v.missing:
        lines.append("missing: " + ", ".join(m.replace("_", " ") for m in v.missing))
    if v.assets:
        lines.append("names: " + ", ".join(view.assets.get(a, a) for a in v.assets))
    if view.head is not None and view.tier is not Tier.IDS:
        lines += [f"attached: {view.of_the_mail(a, 120)}" for a in view.head.attachments[:5]]
    if v.defects:
        lines.append("defects: " + shown(", ".join(v.defects), 200))
    return "\n".join(lines)


def _foot(view: CardView) -> str:
    v = view.verdict
    voices = f"rules: {_said(v.rules_say)} · model: {_said(v.model_says)}"
    return f"`{view.report}` · {view.account} · {view.received_at:%Y-%m-%d %H:%M} UTC · {voices} · {v.confidence:.0%}"


def _said(disposition: str) -> str:
    return disposition.replace("_", " ") or "silent"


# ------------------------------------------------------------------------------------------------ details, digest


def details(view: CardView) -> tuple[str, Blocks]:
    """Everything that was seen, for the card's thread; and how to correct it."""
    v = view.verdict
    parts = [f"*Everything that was seen of* `{view.report}`"]
    for name, findings in (("held", v.categories), ("considered", v.considered)):
        for f in findings[:8]:
            lines = [f"*{view.title(f.category)}* {name}, {f.probability:.0%}"]
            lines += [f"`{e.source}` {_signed(e)}: {_seen(view, e)}" for e in f.evidence[:8]]
            parts.append("\n".join(lines))
    if v.signs:
        parts.append(
            "*Signs of a finding*\n"
            + "\n".join(f"`{e.source}` {e.weight:+.1f}: {_seen(view, e)}" for e in v.signs[:10])
        )
    if quote := view.of_the_mail(v.acknowledgement.quote, 120):
        parts.append(f"*{view.word}* “{quote}”")
    parts += [f"asked for and missing: “{view.requested[m]}”" for m in v.missing if m in view.requested]
    parts.append(
        f'To correct: `triage reclassify {view.report} --as in_scope --reason "…"` '
        "(or out_of_scope with --category, incomplete, not_a_report)"
    )
    blocks = [_section(p) for p in parts][: BLOCKS - 1]
    versions = f"rules {v.versions.rules} · model {v.versions.model or 'none'} · policy {v.policy} {v.versions.policy}"
    return f"Details of {view.report}", [*blocks, _context(versions)]


def _signed(e: Evidence) -> str:
    return f"{e.weight if e.speaks_for or e.source == 'model' else -e.weight:+.1f}"


def digest(lines: Sequence[DigestLine], *, tier: Tier) -> tuple[str, Blocks]:
    """One line each of what did not need a card."""
    title = f"{len(lines)} quiet {'mail' if len(lines) == 1 else 'mails'}"
    said = [f"*{title}*"]
    for line in lines:
        subject = (
            "" if tier is Tier.IDS else shown(line.subject, 100, sender=line.sender if tier is Tier.REDUCED else "")
        )
        named = f" ({', '.join(line.categories)})" if line.categories else ""
        junk = ", junk" if line.from_junk else ""
        said.append(f"`{line.report}` {TITLES[line.disposition]}{named}{junk}" + (f": {subject}" if subject else ""))
    return title, [_section(s) for s in _packed(said)][:BLOCKS]


def _packed(lines: Sequence[str]) -> Iterator[str]:
    """Lines joined to texts that fit a section."""
    text = ""
    for line in lines:
        if text and len(text) + len(line) + 1 > SECTION:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
    if text:
        yield text


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": _cut(text)}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "verbatim": True, "text": _cut(text)}]}


def _cut(text: str) -> str:
    """At most a section's length, and no half of an escape at the end."""
    if len(text) <= SECTION:
        return text
    kept = text[: SECTION - 1]
    amp = kept.rfind("&", len(kept) - 5)
    return (kept[:amp] if amp >= 0 and ";" not in kept[amp:] else kept) + "…"
