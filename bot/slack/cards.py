"""A report's card, as Slack's blocks. Pure; what of the mail stands in it is the tier's choice.

From the top: what it is, in a line that a phone shows; the clause and the sentence it rests on; what speaks against; the
word; who said so; what was decided of its like; the asset; ids and how long it waits; what can be pressed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.audit import audited, is_open
from bot.ports import VerdictKind
from bot.slack.alike import alike
from bot.slack.blocks import SECTION, Blocks, context, section
from bot.slack.controls import buttons
from bot.slack.facts import facts, strongest, voices, where, word
from bot.slack.mixed import parts_in_short
from bot.slack.shown import ours, shown, without_look_alikes
from bot.slack.unread import TITLE, safe_facts
from bot.slack.view import REPEAT, SIGNS, TITLES, CardView, Tier, name_of, reason, seen
from classifiers.terms import Disposition, Evidence, Verdict

ALIKE = 700  # characters that name the copies of a template
_SURE = ((0.95, "very likely"), (0.8, "likely"), (0.6, "rather likely"), (0.0, "unsure"))


def card(view: CardView) -> tuple[str, Blocks]:
    """The fallback text and the blocks of a report's card. However long its words are, every part has its place.

    While the report's audit is open, nothing of the bot's opinion is in them.
    """
    if is_open(view.history):
        return _blind(view)
    if view.verdict.is_unread and view.recorded.kind is not VerdictKind.PERSON:
        return _unread(view)
    findings = list(_findings(view))
    parts = [
        (_head(view), 1200),
        (_decided(view), 1600),
        (alike(view), ALIKE),
        (parts_in_short(view.verdict, view.of_the_mail, view.title), 900),
        *((finding, min(SECTION, (4500 - (ALIKE if view.alike else 0)) // len(findings))) for finding in findings),
        (_signs(view), 1000),
        (_against(view), 1400),
        (word(view), 200),
    ]
    beside = [context(voices(view), 700), context(facts(view), 1000), context(where(view), 400)]
    blocks = [*(section(text, most) for text, most in parts if text), *beside, *buttons(view)]
    return _fallback(view), blocks


def _fallback(view: CardView, title: str = "") -> str:
    """What a phone's notification and a screen reader say: as the first line, with the id and the subject."""
    subject = view.of_the_mail(view.head.subject, 120) if view.head else ""
    told = [title] if title else [TITLES[view.verdict.disposition], _named(view, 2), _told(view)]
    return " · ".join(part for part in (*told, view.report, subject) if part)


def _blind(view: CardView) -> tuple[str, Blocks]:
    """The card of an open audit: what the mail is called, where to read it, how to answer."""
    ask = f"The bot's opinion follows after yours.\nRead it in the mailbox, or: `triage show {view.report} --raw`"
    if not view.pressable:
        ask += (
            f'\nAnswer: `triage reclassify {view.report} --as in_scope --reason "…"` '
            "(or out_of_scope with --category, incomplete, not_a_report)"
        )
    blocks = [section(_mail(view, "🟣 *Audit: what is this?*"), 1200), section(ask), context(where(view), 400)]
    return _fallback(view, "Audit"), [*blocks, *buttons(view)]


def _unread(view: CardView) -> tuple[str, Blocks]:
    """The card of a mail that nothing could read: no word of it, and nothing that would have taken reading."""
    head = "\n".join(filter(None, (_mail(view, f"🔵 *{TITLE}*"), _taken_back(view).rstrip())))
    blocks = [section(head, 1200), section(safe_facts(view), 600), context(where(view), 400)]
    return _fallback(view, TITLE), [*blocks, *buttons(view)]


# ------------------------------------------------------------------------------------------------ what it is


def _head(view: CardView) -> str:
    what = view.verdict.disposition
    done = "✅ " if view.recorded.kind is VerdictKind.PERSON else ""
    title = ", ".join(filter(None, (f"{done}{SIGNS[what]} *{TITLES[what]}*", _told(view))))
    return _mail(view, " · ".join(filter(None, (title, _named(view, 4)))))


def _named(view: CardView, most: int) -> str:
    return ", ".join(view.title(f.category) for f in view.verdict.categories[:most])


def _told(view: CardView) -> str:
    """Who decided, else how surely."""
    if view.recorded.kind is VerdictKind.PERSON:
        return f"decided by {name_of(view.recorded.decided_by)}"
    return _surely(view.verdict)


def _surely(v: Verdict) -> str:
    """ "very likely"; "" where it is a person's turn anyway."""
    if v.disposition is Disposition.NEEDS_REVIEW:
        return ""
    return next(word for least, word in _SURE if v.confidence >= least)


def _mail(view: CardView, title: str) -> str:
    """A title, and under it what the tier shows of the mail's head."""
    lines = [title]
    if view.head is None:
        lines.append("_the mail's text was purged_")
    elif subject := view.of_the_mail(view.head.subject, 200):
        lines.append(f"Subject: “{subject}”")
    if view.head is not None and view.tier is Tier.FULL and view.head.sender:
        lines.append(f"from {shown(without_look_alikes(view.head.sender), 120)}")
    if view.taken is not None:
        lines.append(f"👤 Taken by {name_of(view.taken.by)}, {view.taken.at:%Y-%m-%d %H:%M} UTC")
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
        return _taken_back(view).rstrip()
    reason = f": {shown(view.recorded.reason, 300)}" if view.recorded.reason else ""
    said = f"*Decided by {name_of(view.recorded.decided_by)}*{reason}\n{_taken_back(view)}".rstrip()
    if (opinion := audited(view.history)) is not None:
        return f"{said}\n{_opinion(view, opinion.verdict)}"
    before = next((h.verdict for h in reversed(view.history) if h.kind is VerdictKind.BOT), None)
    if before is None:
        return said
    return f"{said}\nThe bot recommends: {_recommended(before, f'{SIGNS[before.disposition]} ')}"


def _recommended(v: Verdict, sign: str = "") -> str:
    return ", ".join(filter(None, (f"{sign}{TITLES[v.disposition]}", _surely(v))))


def _taken_back(view: CardView) -> str:
    """That a person's word was taken back, where that is the last thing that happened."""
    undo = view.history[-1] if view.history else None
    if undo is None or undo.kind is not VerdictKind.UNDO:
        return ""
    said_by = next((h.decided_by for h in view.history if h.undone_by == undo.id), undo.decided_by)
    taken, who = name_of(said_by), name_of(undo.decided_by)
    reason = f": {shown(undo.reason, 300)}" if undo.reason else ""
    return f"_{who} took back “{TITLES[undo.verdict.disposition]}” by {taken}_{reason}\n"


def _opinion(view: CardView, v: Verdict) -> str:
    """What the bot had thought of an audited report."""
    surely = f", {_surely(v)}" if _surely(v) else ""
    lines = [f"Asked blind. The bot's opinion: *{TITLES[v.disposition]}*{surely}, because {v.why}."]
    for f in v.categories[:4]:
        clause = f": “{ours(f.clause, 200)}”" if f.clause else ""
        lines.append(f"{view.title(f.category)} {f.probability:.0%}{clause}")
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------ for and against


def _findings(view: CardView) -> Iterator[str]:
    for finding in view.verdict.categories[:4]:
        clause = f"“{ours(finding.clause, 400)}”" if finding.clause else "_no clause of the policy excludes it_"
        kind = " _(by extension: its list is open)_" if finding.clause_kind == "by_extension" else ""
        lines = [f"*{view.title(finding.category)}*", f"Clause: {clause}{kind}"]
        lines += _each_once(view, [e for e in strongest(finding) if e.speaks_for][:2])
        yield "\n".join(lines)


def _each_once(view: CardView, evidence: Sequence[Evidence]) -> list[str]:
    """What was seen; a sentence that several rest on is quoted once, with all their reasons under it."""
    shown_before: set[str] = set()
    lines = []
    for e in evidence:
        lines.append(reason(view, e) if e.quote in shown_before else seen(view, e))
        shown_before |= {e.quote} - {""}
    return lines


def _signs(view: CardView) -> str:
    if not view.verdict.signs:
        return ""
    return "\n".join(["*Signs of a finding*", *_each_once(view, view.verdict.signs[:3])])


def _against(view: CardView) -> str:
    """What argues against excluding it; and each further carve-out of its categories, which was looked for and not found."""
    v = view.verdict
    against = [
        e for f in (*v.categories, *v.considered) for e in f.evidence if not e.speaks_for and e.source != "model"
    ]
    fired = {e.source.rpartition(".")[2] for e in against}
    held = dict.fromkeys(name for f in v.categories for name in view.carve_outs.get(f.category, ()))
    rest = " · ".join(f"{name.replace('_', ' ')}: none" for name in held if name not in fired)
    said = [
        "*Against excluding it*"
        + ("" if against else " none" if v.categories else " none; no clause is held to exclude it")
    ]
    return "\n".join([*said, *_each_once(view, against[:3]), *([shown(rest, 500)] if rest else [])])
