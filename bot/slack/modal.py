"""The modals: "Change…", where a person says what a report is, and "why", everything that was seen. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.audit import ANSWERS, is_open
from bot.slack import details
from bot.slack.alike import said_of_all
from bot.slack.blocks import cut, section
from bot.slack.controls import handle_of
from bot.slack.view import TITLES, CardView
from classifiers.terms import AcknowledgementState, Disposition

CHANGED, MUTED = "triage_changed", "triage_muted"
REASON = 500  # characters
_MOST = 100  # options of a menu


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person said in "Change…"."""

    disposition: Disposition
    categories: tuple[str, ...]
    acknowledged: bool | None  # None: nobody was asked
    reason: str


def change(view: CardView, channel: str) -> dict[str, Any]:
    """ "Change…" for a report; for an open audit nothing in it is filled in but that it is out of scope."""
    blind = is_open(view.history)
    offered = [d for d in Disposition if not blind or d in ANSWERS]
    kinds = dict(sorted(view.titles.items(), key=lambda t: t[1].lower())[:_MOST])
    held = () if blind else tuple(f.category for f in view.verdict.categories if f.category in kinds)
    initial = Disposition.OUT_OF_SCOPE if blind else view.verdict.disposition
    subject = view.of_the_mail(view.head.subject, 150) if view.head else ""
    blocks = [
        section(f"`{view.report}`" + (f" “{subject}”" if subject else "")),
        _input("what", "It is", {
            "type": "radio_buttons", "options": [_option(d.value, TITLES[d]) for d in offered],
            "initial_option": _option(initial.value, TITLES[initial]),
        }),
        _input("kinds", "Categories", {
            "type": "multi_static_select", "options": [_option(k, t) for k, t in kinds.items()],
            "placeholder": _plain("None"),
            **({"initial_options": [_option(k, kinds[k]) for k in held]} if held else {}),
        }, optional=True, hint="What the policy excludes of it; also beside a genuine finding."),
    ]  # fmt: skip
    if not blind and (told := said_of_all(view)):
        blocks.insert(1, section(told))
    if view.word:
        blocks.append(_word(view, blind=blind))
    blocks.append(
        _input("why", "Why", {"type": "plain_text_input", "multiline": True, "max_length": REASON}, optional=True,
               hint="Kept with the decision, and what the bot learns from.")
    )  # fmt: skip
    return {
        "type": "modal", "callback_id": CHANGED, "private_metadata": f"{channel} {handle_of(view)}",
        "title": _plain("Change the verdict" if not blind else "What is it?"), "submit": _plain("Save"), "close": _plain("Cancel"),
        "blocks": blocks,
    }  # fmt: skip


def why(view: CardView) -> dict[str, Any]:
    """Everything that was seen of a report, to be read."""
    return {"type": "modal", "title": _plain("Why"), "close": _plain("Close"), "blocks": details.details(view)[1]}


def mute(view: CardView, channel: str) -> dict[str, Any]:
    """What muting a report's sender means, to be agreed to."""
    told = (
        f"Mail of whoever sent `{view.report}` comes as a line in the digest for 30 days. What is *in scope* or *needs review* "
        "gets its card as ever. `/triage unmute` ends it sooner."
    )
    return {
        "type": "modal", "callback_id": MUTED, "private_metadata": f"{channel} {handle_of(view)}",
        "title": _plain("Mute this sender"), "submit": _plain("Mute"), "close": _plain("Cancel"), "blocks": [section(told)],
    }  # fmt: skip


def reply(view: CardView) -> dict[str, Any]:
    """The suggested reply, to be copied."""
    return {
        "type": "modal", "title": _plain("Suggested reply"), "close": _plain("Close"),
        "blocks": [section(details.reply(view))],
    }  # fmt: skip


def said(fields: Mapping[str, Sequence[str]]) -> Said | None:
    """What was filled in; None where it makes no sense, as only a forged one does."""
    chosen = fields.get("what") or ("",)
    if chosen[0] not in {d.value for d in Disposition}:
        return None
    return Said(
        disposition=Disposition(chosen[0]),
        categories=tuple(fields.get("kinds") or ()),
        acknowledged="yes" in fields["word"] if "word" in fields else None,
        reason=" ".join(fields.get("why") or ()).strip()[:REASON],
    )


def wrong(fields: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What has to be mended before it can be saved, by field; looked at before Slack is answered, so it asks nobody."""
    it = said(fields)
    if it is None:
        return {"what": "Say what it is."}
    if it.disposition in {Disposition.INCOMPLETE, Disposition.NOT_A_REPORT} and it.categories:
        return {"kinds": f"A mail that is called {TITLES[it.disposition].lower()} has no categories."}
    return {}


def _word(view: CardView, *, blind: bool) -> dict[str, Any]:
    option = _option("yes", f"The sender did include “{view.word}”")
    found = not blind and view.verdict.acknowledgement.state is AcknowledgementState.FOUND
    element = {"type": "checkboxes", "options": [option], **({"initial_options": [option]} if found else {})}
    return _input("word", "The word", element, optional=True)


def _input(name: str, label: str, element: dict[str, Any], *, optional: bool = False, hint: str = "") -> dict[str, Any]:
    more = {"hint": _plain(hint)} if hint else {}
    return {
        "type": "input", "block_id": name, "optional": optional, "label": _plain(label),
        "element": element | {"action_id": name}, **more,
    }  # fmt: skip


def _option(value: str, text: str) -> dict[str, Any]:
    return {"text": _plain(cut(text, 75)), "value": value}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
