"""The facts beside a verdict on a card: the word, who said so, what is known of its like, the asset, ids and the wait. Pure."""

from __future__ import annotations

from bot.audit import age, audited, is_open
from bot.ports import VerdictKind
from bot.precedent import in_one_line
from bot.routing import LOUD
from bot.slack.shown import escaped, ours, shown
from bot.slack.view import TITLE, CardView, Tier
from classifiers.terms import Acknowledgement, AcknowledgementState, Evidence, Finding, Verdict

_SWALLOWED = {"word": "inside another word", "address": "in an address", "url": "in a URL", "host": "in a host name"}
_RULES = 4  # that are named on a card; its thread has all


def word(view: CardView) -> str:
    said = "nobody could look" if view.verdict.is_unread else _acknowledged(view.verdict.acknowledgement)
    return f"{ours(view.word, TITLE)}: {said}" if view.word else ""


def _acknowledged(a: Acknowledgement) -> str:
    """ "found, body"; "missing"; "missing (only in a URL)"."""
    if a.state is AcknowledgementState.MISSING:
        return f"missing (only {_SWALLOWED.get(a.where, a.where)})" if a.where else "missing"
    state = a.state.value.replace("_", " ")
    return f"{state}, {a.where}" if a.where and not state.startswith(a.where) else state


def voices(view: CardView) -> str:
    """Rules and model apart, which rules spoke, and which step settled it."""
    said = _bots(view)
    told = f"*Rules* {_said(said.rules_say)} · *Model* {_said(said.model_says)}"
    if said.rules_say and said.model_says:
        told += " · they agree" if said.rules_say == said.model_says else " · they disagree"
    percent = f"{said.confidence:.0%}" if said.confidence <= 0.99 else "over 99%"
    return "\n".join(filter(None, (told, _rules(said), f"{percent}: {shown(said.why, 300)}")))


def _rules(v: Verdict) -> str:
    """The rules that spoke, the strongest first of each category."""
    spoke = [e for f in v.categories for e in strongest(f) if e.speaks_for and e.source != "model"]
    names = list(dict.fromkeys(e.source.partition(":")[2] for e in (*spoke, *v.signs)))
    more = f" +{len(names) - _RULES}" if len(names) > _RULES else ""
    return ", ".join(f"`{escaped(name)}`" for name in names[:_RULES]) + more


def _bots(view: CardView) -> Verdict:
    """The bot's own verdict, which stays visible after a person's."""
    if view.recorded.kind is not VerdictKind.PERSON:
        return view.verdict
    if (opinion := audited(view.history)) is not None:
        return opinion.verdict
    return next((h.verdict for h in reversed(view.history) if h.kind is VerdictKind.BOT), view.verdict)


def _said(disposition: str) -> str:
    return disposition.replace("_", " ") or "silent"


def facts(view: CardView) -> str:
    v = view.verdict
    lines = [shown(in_one_line(view.precedents) or "no precedent", 400)]
    named = ", ".join(view.assets.get(a, a) for a in v.assets)
    lines.append(f"asset: {named or 'none of the policy is named'}")
    if v.missing:
        lines.append("missing: " + ", ".join(m.replace("_", " ") for m in v.missing))
    if view.head is not None and view.tier is not Tier.IDS:
        lines += [f"attached: {view.of_the_mail(a, 120)}" for a in view.head.attachments[:5]]
    if v.defects:
        # What follows a colon, a character set's name, is the sender's word.
        kinds = shown(", ".join(d.split(":")[0] for d in v.defects), 200)
        lines.append("defects: " + (view.of_the_mail(", ".join(v.defects), 200) or kinds))
    return "\n".join(lines)


def where(view: CardView) -> str:
    """Ids, when it came, and how long it waits: Slack counts that where it is shown; a decided one waited until then."""
    at = view.received_at
    form, waits = "{date_short_pretty} {time}", ""
    if view.recorded.kind is VerdictKind.PERSON:
        waits = f" · waited {age(view.recorded.decided_at, at)}"
    elif is_open(view.history) or view.verdict.disposition in LOUD:
        form, waits = form + ", {ago}", " · waits for a person"
    came = f"<!date^{int(at.timestamp())}^{form}|{at:%Y-%m-%d %H:%M} UTC>"
    return f"`{view.report}` · {view.account} · received {came}{waits}"


def strongest(finding: Finding) -> list[Evidence]:
    return sorted(finding.evidence, key=lambda e: (e.source == "model", -e.weight))
