"""A report's card, as Slack's blocks. Pure; what of the mail stands in it is the tier's choice."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit import audited, is_open
from bot.ports import VerdictKind
from bot.precedent import in_one_line
from bot.slack.blocks import SECTION, Blocks, context, section
from bot.slack.shown import shown
from bot.slack.view import REPEAT, TITLES, CardView, Tier, seen
from classifiers.terms import Acknowledgement, AcknowledgementState, Disposition, Evidence, Finding, Verdict

_SWALLOWED = {"word": "inside another word", "address": "in an address", "url": "in a URL", "host": "in a host name"}
_SIGN = {
    Disposition.IN_SCOPE: "🔴",
    Disposition.OUT_OF_SCOPE: "⚪",
    Disposition.INCOMPLETE: "🟡",
    Disposition.NOT_A_REPORT: "⚪",
    Disposition.NEEDS_REVIEW: "🔵",
}


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
        *((finding, min(SECTION, 5200 // len(findings))) for finding in findings),
        (_against(view), 1200),
        (_signs(view), 1200),
        (_facts(view), 1100),
    ]
    return _fallback(view), [*(section(text, most) for text, most in parts if text), context(_foot(view), 400)]


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
    blocks = [section(_mail(view, "🟣 *Audit: what is this?*"), 1200), section(ask), context(_where(view), 400)]
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
        lines.append(REPEAT)
    return "\n".join(lines)


def _decided(view: CardView) -> str:
    """A person's word, and what the bot had recommended; of an audit after it, with its reasons: it came after."""
    if view.recorded.kind is not VerdictKind.PERSON:
        return f"*Recommended because* {view.verdict.why}."
    reason = f": {shown(view.recorded.reason, 300)}" if view.recorded.reason else ""
    who = shown(view.recorded.decided_by.removeprefix("person:"), 80)
    if (opinion := audited(view.history)) is not None:
        return f"*Decided by {who}*{reason}\n{_opinion(view, opinion.verdict)}"
    before = next((h for h in reversed(view.history) if h.kind is VerdictKind.BOT), None)
    said = f"The bot recommends: {TITLES[before.verdict.disposition]}\n" if before else ""
    return f"{said}*Decided by {who}*{reason}"


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
        lines += [seen(view, e) for e in _strongest(finding) if e.speaks_for][:2]
        yield "\n".join(lines)


def _strongest(finding: Finding) -> list[Evidence]:
    return sorted(finding.evidence, key=lambda e: (e.source == "model", -e.weight))


def _against(view: CardView) -> str:
    v = view.verdict
    against = [
        e for f in (*v.categories, *v.considered) for e in f.evidence if not e.speaks_for and e.source != "model"
    ]
    if not against:
        return "*Against excluding it* nothing found"
    return "*Against excluding it*\n" + "\n".join(seen(view, e) for e in against[:3])


def _signs(view: CardView) -> str:
    if not view.verdict.signs:
        return ""
    return "*Signs of a finding*\n" + "\n".join(seen(view, e) for e in view.verdict.signs[:3])


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
