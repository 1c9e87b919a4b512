"""What a press asks for, and of which report: read from what a button, a menu, a modal or a command carries. Pure."""

from __future__ import annotations

from bot.ports import ActKind, Press
from bot.slack import modal
from bot.slack.controls import AGAIN, AGREE, ANSWER, CHANGE, GIVE_BACK, MORE, MUTE, REPLY, TAKE, UNMUTE, WHY, Handle
from classifiers.terms import Disposition

_NAMED = {
    TAKE: ActKind.TAKE, AGREE: ActKind.AGREE, CHANGE: ActKind.CHANGE, modal.CHANGED: ActKind.CHANGE,
    WHY: ActKind.WHY, REPLY: ActKind.REPLY, AGAIN: ActKind.AGAIN, GIVE_BACK: ActKind.GIVE_BACK,
    MUTE: ActKind.MUTE, modal.MUTED: ActKind.MUTE, UNMUTE: ActKind.UNMUTE,
}  # fmt: skip


def kind_of(press: Press) -> ActKind:
    if answer_of(press) is not None:
        return ActKind.AGREE
    entry = press.value.partition(":")[0] if press.action == MORE else ""
    return _NAMED.get(entry or press.action, ActKind.OTHER)


def answer_of(press: Press) -> Disposition | None:
    """The answer to an audit that a button gives."""
    told = press.action.removeprefix(ANSWER)
    return Disposition(told) if press.action.startswith(ANSWER) and told in {d.value for d in Disposition} else None


def handle_in(press: Press) -> Handle | None:
    """None where it carries none that we know."""
    value = press.value
    if press.action == MORE:  # "why:" and the like before it
        value = value.partition(":")[2]
    elif press.action in {modal.CHANGED, modal.MUTED, UNMUTE}:  # a channel before it
        value = value.partition(" ")[2]
    return Handle.read(value)
