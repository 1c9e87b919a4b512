"""Everything that was seen of a report, for its card's thread; and how to correct it. Pure."""

from __future__ import annotations

from bot.slack.blocks import Blocks, context, cut, fitting, section
from bot.slack.mixed import parts_in_full
from bot.slack.shown import escaped, flatten, ours
from bot.slack.view import REPEAT, TITLE, CardView, reason
from classifiers.terms import Evidence


def details(view: CardView) -> tuple[str, Blocks]:
    """Everything that was seen, for the card's thread; and how to correct it."""
    v = view.verdict
    parts = [f"*Everything that was seen of* `{view.report}`" + (f"\n{REPEAT}" if view.possible_repeat else "")]
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
        parts.append(f"*{ours(view.word, TITLE)}* “{quote}”")
    parts += [f"asked for and missing: “{ours(view.requested[m], 300)}”" for m in v.missing if m in view.requested]
    if view.reply:
        parts.append(reply(view))
    versions = f"rules {v.versions.rules} · model {v.versions.model or 'none'} · policy {v.policy} {v.versions.policy}"
    foot = context(versions, 400)
    return f"Details of {view.report}", [*fitting([section(p) for p in parts], view.report), foot]


def reply(view: CardView) -> str:
    """The suggested reply, to be copied."""
    text = escaped("\n".join(map(flatten, view.reply.splitlines()))).replace("```", "'''")
    where = "once somebody decided, a draft of it lies in the mailbox" if view.drafts else "to be copied"
    return f"*Suggested reply*, {where}; triage sends nothing.\n```{cut(text, 2700)}```"


def suggestion(view: CardView) -> tuple[str, Blocks]:
    """The suggested reply as a message of its own, for the card's thread: a person decided, and it is another now."""
    again = [section(REPEAT)] if view.possible_repeat else []
    return f"Suggested reply to {view.report}", [*again, section(reply(view))]


def _weighed(view: CardView, e: Evidence) -> str:
    quote = view.of_the_mail(e.quote)
    where = f" _({e.where.value})_" if e.where else ""
    return f"`{e.source}` {_signed(e)}: {reason(view, e)}" + (f"\n&gt; “{quote}”{where}" if quote else "")


def _signed(e: Evidence) -> str:
    return f"{e.weight if e.speaks_for or e.source == 'model' else -e.weight:+.1f}"
