"""What can be pressed on a card, and what a press names: the report and the verdict that was looked at. Pure.

Everything a press needs travels in it, so that a card of before a restart works like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bot.audit import is_open
from bot.ports import VerdictKind
from bot.routing import LOUD
from bot.slack.view import TITLES, CardView
from classifiers.terms import Disposition

TAKE, AGREE, CHANGE, MORE, ANSWER = "triage_take", "triage_agree", "triage_change", "triage_more", "triage_answer_"
UNMUTE = "triage_unmute"  # a command's press
SHORTCUT = "triage_change_verdict"  # of a message
SHORTCUTS = {SHORTCUT: "Change the verdict"}  # with their titles
WHY, AGAIN, REPLY, GIVE_BACK, MUTE = "why", "again", "reply", "give_back", "mute"
ANSWERED_AT_ONCE = (Disposition.IN_SCOPE, Disposition.INCOMPLETE, Disposition.NOT_A_REPORT)
_HANDLE = re.compile(r"(\d{1,18}):([A-Za-z0-9_.@-]{1,60}):([0-9a-f]{4,64})(?::(\d{1,18}))?")


@dataclass(frozen=True, slots=True)
class Handle:
    """What a press is about."""

    verdict: int  # the id of the verdict that the card showed
    account: str
    key: str  # the first half of the report's key
    upto: int = 0  # of a card of several: the id of the last one that it named

    def __str__(self) -> str:
        return f"{self.verdict}:{self.account}:{self.key}" + (f":{self.upto}" if self.upto else "")

    @classmethod
    def read(cls, text: str) -> Handle | None:
        """None for what is no handle: a press of something older or foreign."""
        found = _HANDLE.fullmatch(text)
        return cls(int(found[1]), found[2], found[3], int(found[4] or 0)) if found else None


def handle_of(view: CardView) -> Handle:
    return Handle(view.recorded.id, view.account, view.key[:32], view.upto)


def buttons(view: CardView) -> list[dict[str, Any]]:
    """The row of buttons under a card; none where nobody listens, and none once a person has decided."""
    if not view.pressable or view.recorded.kind is VerdictKind.PERSON:
        return []
    handle = str(handle_of(view))
    pressed = _blind(view, handle) if is_open(view.history) else _open(view, handle)
    return [{"type": "actions", "elements": pressed}]


def _open(view: CardView, handle: str) -> list[dict[str, Any]]:
    what = view.verdict.disposition
    elements: list[dict[str, Any]] = []
    if what in LOUD and view.taken is None:
        elements.append(_button(view, TAKE, f"Take it{_of_all(view)}", handle, primary=True))
    elif what is not Disposition.NEEDS_REVIEW:
        elements.append(_button(view, AGREE, f"Agree: {TITLES[what].lower()}{_of_all(view)}", handle, primary=True))
    elements.append(_button(view, CHANGE, "Change…", handle, primary=not elements))
    entries = [(WHY, "Show why"), (AGAIN, "Run again")]
    if view.reply:
        entries.append((REPLY, "Suggested reply"))
    if view.taken is not None:
        entries.append((GIVE_BACK, "Give it back"))
    entries.append((MUTE, "Mute this sender…"))
    return [*elements, {"type": "overflow", "action_id": MORE, "options": [_entry(*e, handle) for e in entries]}]


def _of_all(view: CardView) -> str:
    """Of how many reports it is said, where it is more than one."""
    return f" ({len(view.same) + 1} reports)" if view.same else ""


def _blind(view: CardView, handle: str) -> list[dict[str, Any]]:
    """The answers to an audit: none is first among them. What is out of scope has a category to be named."""
    told = {d: _button(view, ANSWER + d.value, TITLES[d], handle) for d in ANSWERED_AT_ONCE}
    excluded = _button(view, CHANGE, f"{TITLES[Disposition.OUT_OF_SCOPE]}…", handle)
    return [told[Disposition.IN_SCOPE], excluded, told[Disposition.INCOMPLETE], told[Disposition.NOT_A_REPORT]]


def _button(view: CardView, action: str, text: str, handle: str, *, primary: bool = False) -> dict[str, Any]:
    return {
        "type": "button", "action_id": action, "value": handle, "text": {"type": "plain_text", "text": text},
        "accessibility_label": f"{text}, report {view.report}", **({"style": "primary"} if primary else {}),
    }  # fmt: skip


def _entry(what: str, text: str, handle: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": text}, "value": f"{what}:{handle}"}
