"""A report's card, its details and the digest, as Slack's blocks. Pure; what of the mail stands in them is the tier's choice.

full     subject, quotes, the sender
reduced  subject and quotes, without mail addresses but our own (the default)
ids      no word of the mail: ids, dispositions, clauses, rules
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.audit import audited, is_open
from bot.ports import Letterhead, RecordedVerdict, VerdictKind
from bot.precedent import Precedent, in_one_line
from bot.slack.mixed import parts_in_full, parts_in_short
from bot.slack.shown import escaped, shown
from classifiers.terms import Acknowledgement, AcknowledgementState, Disposition, Evidence, Finding, Verdict

SECTION = 2900  # characters of a section's text; Slack takes 3000
BLOCKS = 48  # of a message; Slack takes 50
ALTOGETHER = 12_000  # characters of a message's blocks; Slack refuses more than about 13,200 (slackapi/bolt-js#2509)
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
_REPEAT = "_possible repeat: an earlier attempt may have been said, and could not be looked up_"
_SWALLOWED = {"word": "inside another word", "address": "in an address", "url": "in a URL", "host": "in a host name"}
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
    own_domains: tuple[str, ...] = ()
    possible_repeat: bool = False
    precedents: tuple[Precedent, ...] = ()  # the latest first
    follows: str = ""  # the id of the report whose thread it belongs to
    claimed: str = ""  # the id of a report of another sender that it names as its thread

    @property
    def verdict(self) -> Verdict:
        return self.recorded.verdict

    def of_the_mail(self, text: str, limit: int = QUOTE) -> str:
        """Words of the mail as this tier shows them; "" where it shows none."""
        if self.tier is Tier.IDS or not text:
            return ""
        if self.tier is Tier.FULL:
            return shown(text, limit)
        return shown(text, limit, sender=self.head.sender if self.head else "", own_domains=self.own_domains)

    def title(self, category: str) -> str:
        return escaped(self.titles.get(category, category))


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
    """The fallback text and the blocks of a report's card. However long its words are, every part has its place.

    While the report's audit is open, nothing of the bot's opinion is in them.
    """
    if is_open(view.history):
        return _blind(view)
    findings = list(_findings(view))
    parts = [
        (_head(view), 1200),
        (_decided(view), 1700),
        (parts_in_short(view.verdict, view.of_the_mail, view.title), 900),
        *((finding, min(SECTION, 4500 // len(findings))) for finding in findings),
        (_against(view), 1200),
        (_signs(view), 1000),
        (_facts(view), 1100),
    ]
    return _fallback(view), [*(_section(text, most) for text, most in parts if text), _context(_foot(view), 400)]


def _fallback(view: CardView, title: str = "") -> str:
    subject = view.of_the_mail(view.head.subject, 120) if view.head else ""
    return f"{title or TITLES[view.verdict.disposition]} · {view.report}" + (f" · {subject}" if subject else "")


def _blind(view: CardView) -> tuple[str, Blocks]:
    """The card of an open audit: what the mail is called, where to read it, how to answer."""
    ask = (
        "The bot's opinion follows after yours.\n"
        f"Read it in the mailbox, or: `triage show {view.report} --raw`\n"
        f'Answer: `triage reclassify {view.report} --as in_scope --reason "…"` '
        "(or out_of_scope with --category, incomplete, not_a_report)"
    )
    blocks = [_section(_mail(view, "🟣 *Audit: what is this?*"), 1200), _section(ask), _context(_where(view), 400)]
    return _fallback(view, "Audit"), blocks


def _head(view: CardView) -> str:
    v = view.verdict
    named = ", ".join(view.title(f.category) for f in v.categories[:4])
    return _mail(view, f"{_SIGN[v.disposition]} *{TITLES[v.disposition]}*" + (f" · {named}" if named else ""))


def _mail(view: CardView, title: str) -> str:
    """A title, and under it what the tier shows of the mail's head."""
    lines = [title]
    if view.head is None:
        lines.append("_the mail's text was purged_")
    elif subject := view.of_the_mail(view.head.subject, 200):
        lines.append(f"Subject: “{subject}”")
    if view.head is not None and view.tier is Tier.FULL and view.head.sender:
        lines.append(f"from {shown(view.head.sender, 120)}")
    if view.from_junk:
        lines.append("_it lay in the junk folder_")
    if view.follows:
        lines.append(f"_a follow-up to_ `{view.follows}`")
    if view.claimed:
        lines.append(
            f"_it names_ `{view.claimed}` _as what it answers, but another sender sent that: not joined to it_"
        )
    if view.possible_repeat:
        lines.append(_REPEAT)
    return "\n".join(lines)


def _decided(view: CardView) -> str:
    """A person's word, and what the bot had recommended; of an audit after it, with its reasons: it came after."""
    if view.recorded.kind is not VerdictKind.PERSON:
        return f"{_taken_back(view)}*Recommended because* {view.verdict.why}."
    reason = f": {shown(view.recorded.reason, 300)}" if view.recorded.reason else ""
    who = shown(view.recorded.decided_by.removeprefix("person:"), 80)
    reason += f"\n{_taken_back(view)}".rstrip()
    if (opinion := audited(view.history)) is not None:
        return f"*Decided by {who}*{reason}\n{_opinion(view, opinion.verdict)}"
    before = next((h for h in reversed(view.history) if h.kind is VerdictKind.BOT), None)
    said = f"The bot recommends: {TITLES[before.verdict.disposition]}\n" if before else ""
    return f"{said}*Decided by {who}*{reason}"


def _taken_back(view: CardView) -> str:
    """That a person's word was taken back, where that is the last thing that happened."""
    undo = view.history[-1] if view.history else None
    if undo is None or undo.kind is not VerdictKind.UNDO:
        return ""
    said_by = next((h.decided_by for h in view.history if h.undone_by == undo.id), undo.decided_by)
    taken, who = (shown(name.removeprefix("person:"), 80) for name in (said_by, undo.decided_by))
    reason = f": {shown(undo.reason, 300)}" if undo.reason else ""
    return f"_{who} took back “{TITLES[undo.verdict.disposition]}” by {taken}_{reason}\n"


def _opinion(view: CardView, v: Verdict) -> str:
    """What the bot had thought of an audited report."""
    lines = [f"Asked blind. The bot's opinion: *{TITLES[v.disposition]}* {v.confidence:.0%}, because {v.why}."]
    for f in v.categories[:4]:
        clause = f": “{shown(f.clause, 200)}”" if f.clause else ""
        lines.append(f"{view.title(f.category)} {f.probability:.0%}{clause}")
    return "\n".join(lines)


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
    return f"&gt; “{quote}”{where}\n{_reason(view, e)}" if quote else _reason(view, e)


def _reason(view: CardView, e: Evidence) -> str:
    """Our sentence; the model's names words of the mail, which are shown as the tier shows them."""
    if e.source != "model":
        return shown(e.reason, 200)
    return view.of_the_mail(e.reason, 200) or shown(e.reason.split(" for “")[0], 200)


def _against(view: CardView) -> str:
    v = view.verdict
    against = [
        e for f in (*v.categories, *v.considered) for e in f.evidence if not e.speaks_for and e.source != "model"
    ]
    if not against:
        return "*Against excluding it* nothing found"
    return "*Against excluding it*\n" + "\n".join(_seen(view, e) for e in against[:3])


def _signs(view: CardView) -> str:
    if not view.verdict.signs:
        return ""
    return "*Signs of a finding*\n" + "\n".join(_seen(view, e) for e in view.verdict.signs[:3])


def _facts(view: CardView) -> str:
    v = view.verdict
    lines = [shown(line, 400)] if (line := in_one_line(view.precedents)) else []
    if view.word:
        lines.append(f"{view.word}: {_acknowledged(v.acknowledgement)}")
    if v.missing:
        lines.append("missing: " + ", ".join(m.replace("_", " ") for m in v.missing))
    if v.assets:
        lines.append("names: " + ", ".join(view.assets.get(a, a) for a in v.assets))
    if view.head is not None and view.tier is not Tier.IDS:
        lines += [f"attached: {view.of_the_mail(a, 120)}" for a in view.head.attachments[:5]]
    if v.defects:
        # What follows a colon, a character set's name, is the sender's word.
        named = v.defects if view.tier is not Tier.IDS else tuple(d.split(":")[0] for d in v.defects)
        lines.append("defects: " + shown(", ".join(named), 200))
    return "\n".join(lines)


def _acknowledged(a: Acknowledgement) -> str:
    """ "found, body"; "missing"; "missing (only in a URL)"."""
    if a.state is AcknowledgementState.MISSING:
        return f"missing (only {_SWALLOWED.get(a.where, a.where)})" if a.where else "missing"
    return a.state.value.replace("_", " ") + (f", {a.where}" if a.where else "")


def _foot(view: CardView) -> str:
    v = view.verdict
    voices = f"rules: {_said(v.rules_say)} · model: {_said(v.model_says)}"
    return f"{_where(view)} · {voices} · {v.confidence:.0%}"


def _where(view: CardView) -> str:
    return f"`{view.report}` · {view.account} · {view.received_at:%Y-%m-%d %H:%M} UTC"


def _said(disposition: str) -> str:
    return disposition.replace("_", " ") or "silent"


# ------------------------------------------------------------------------------------------------ details, digest


def details(view: CardView) -> tuple[str, Blocks]:
    """Everything that was seen, for the card's thread; and how to correct it."""
    v = view.verdict
    parts = [f"*Everything that was seen of* `{view.report}`" + (f"\n{_REPEAT}" if view.possible_repeat else "")]
    parts.append(
        f'To correct: `triage reclassify {view.report} --as in_scope --reason "…"` '
        "(or out_of_scope with --category, incomplete, not_a_report)"
    )
    for name, findings in (("held", v.categories), ("considered", v.considered)):
        for f in findings[:8]:
            lines = [f"*{view.title(f.category)}* {name}, {f.probability:.0%}"]
            parts.append("\n".join([*lines, *(_weighed(view, e) for e in f.evidence[:8])]))
    if v.signs:
        parts.append("\n".join(["*Signs of a finding*", *(_weighed(view, e) for e in v.signs[:10])]))
    parts += parts_in_full(v, view.of_the_mail, view.title)
    if quote := view.of_the_mail(v.acknowledgement.quote, 120):
        parts.append(f"*{view.word}* “{quote}”")
    parts += [f"asked for and missing: “{view.requested[m]}”" for m in v.missing if m in view.requested]
    versions = f"rules {v.versions.rules} · model {v.versions.model or 'none'} · policy {v.policy} {v.versions.policy}"
    foot = _context(versions, 400)
    return f"Details of {view.report}", [*_fitting([_section(p) for p in parts], view.report), foot]


def _weighed(view: CardView, e: Evidence) -> str:
    return f"`{e.source}` {_signed(e)}: {_seen(view, e)}"


def _fitting(blocks: Blocks, report: str) -> Blocks:
    """As many blocks from the first on as one message takes; where some are left out, how to see them."""
    kept: Blocks = []
    room = ALTOGETHER - 600
    for block in blocks[: BLOCKS - 2]:
        room -= _units(block["text"]["text"])
        if room < 0:
            break
        kept.append(block)
    if len(kept) < len(blocks):
        kept.append(_section(f"{len(blocks) - len(kept)} more: `triage show {report}`"))
    return kept


def _signed(e: Evidence) -> str:
    return f"{e.weight if e.speaks_for or e.source == 'model' else -e.weight:+.1f}"


def digest(
    lines: Sequence[DigestLine], *, tier: Tier, own: tuple[str, ...] = (), sentences: Sequence[str] = ()
) -> tuple[str, Blocks]:
    """One line each of what did not need a card, after `sentences` of our own. Every line is there; subjects shrink."""
    title = f"{len(lines) or 'No'} quiet {'mails' if len(lines) > 1 else 'mail'}"
    packed: list[str] = []
    for subject in (100, 30, 0):
        packed = list(_packed([f"*{title}*", *sentences, *(_digested(line, tier, own, subject) for line in lines)]))
        if sum(map(_units, packed)) <= ALTOGETHER:
            break
    return title, [_section(s) for s in packed]


def _digested(line: DigestLine, tier: Tier, own: tuple[str, ...], limit: int) -> str:
    subject = ""
    if limit and tier is Tier.FULL:
        subject = shown(line.subject, limit)
    elif limit and tier is Tier.REDUCED:
        subject = shown(line.subject, limit, sender=line.sender, own_domains=own)
    named = f" ({escaped(', '.join(line.categories[:3]))})" if line.categories else ""
    junk = ", junk" if line.from_junk else ""
    return f"`{line.report}` {TITLES[line.disposition]}{named}{junk}" + (f": “{subject}”" if subject else "")


def _packed(lines: Sequence[str]) -> Iterator[str]:
    """Lines joined to texts that fit a section."""
    text = ""
    for line in lines:
        if text and _units(text) + _units(line) + 1 > SECTION:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
    if text:
        yield text


def _section(text: str, most: int = SECTION) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": _cut(text, most)}}


def _context(text: str, most: int) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "verbatim": True, "text": _cut(text, most)}]}


def _units(text: str) -> int:
    """UTF-16 units: whichever way Slack counts, these are no fewer."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, most: int) -> str:
    """At most so long, and no half of a character or an escape at the end."""
    if _units(text) <= most:
        return text
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (most - 1)].decode("utf-16-le", "ignore")
    amp = kept.rfind("&", max(0, len(kept) - 5))
    return (kept[:amp] if amp >= 0 and ";" not in kept[amp:] else kept) + "…"
