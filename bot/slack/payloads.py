"""What Slack sends, as presses: buttons, shortcuts, submitted modals, commands, a home tab that is opened. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.ports import Press

HOME = "app_home_opened"
_NAME = re.compile(r"[^\w.-]+")


def press_of(body: Mapping[str, Any]) -> Press:
    """A button, an entry of a menu, a shortcut; a message's shortcut names the message, or the one whose thread it is in."""
    action = (body.get("actions") or [{}])[0]
    option = action.get("selected_option") or {}
    message = (body.get("message") or {}) if body.get("type") == "message_action" else {}
    return _of(
        body, action=str(action.get("action_id") or body.get("callback_id") or ""),
        value=str(action.get("value") or option.get("value") or ""),
        channel=str((body.get("channel") or {}).get("id") or ""),
        message=str(message.get("thread_ts") or message.get("ts") or ""),
        answer_url=str(body.get("response_url") or "") if message else "",
    )  # fmt: skip


def submission_of(body: Mapping[str, Any]) -> Press:
    """A modal; the channel it belongs to is the first word of what we gave it to carry."""
    view = body.get("view") or {}
    value = str(view.get("private_metadata") or "")
    state = (view.get("state") or {}).get("values") or {}
    fields = {str(block): tuple(_given(given)) for block, inputs in state.items() for given in inputs.values()}
    action = str(view.get("callback_id") or "")
    return _of(body, action=action, value=value, channel=value.partition(" ")[0], fields=fields)


def command_of(body: Mapping[str, Any]) -> Press:
    """A slash command; what follows it is its value. Only a workspace's own people can give an app's commands."""
    name = _NAME.sub("", str(body.get("user_name") or ""))[:60]
    user = str(body.get("user_id") or "")
    return Press(
        action=str(body.get("command") or "/"), value=str(body.get("text") or "")[:3000], user=user, name=name or user,
        own_team=True, channel=str(body.get("channel_id") or ""), trigger=str(body.get("trigger_id") or ""),
        answer_url=str(body.get("response_url") or ""),
    )  # fmt: skip


def event_of(body: Mapping[str, Any]) -> Press | None:
    """The home tab that somebody opened, which an app's own workspace alone can; None for every other event."""
    event = body.get("event") or {}
    if event.get("type") != HOME or event.get("tab") != "home":
        return None
    user = str(event.get("user") or "")
    return Press(action=HOME, value="", user=user, name=user, own_team=True)


def _given(said: Mapping[str, Any]) -> list[str]:
    if said.get("value"):
        return [str(said["value"])]
    one = said.get("selected_option")
    return [str(o.get("value")) for o in (said.get("selected_options") or ([one] if one else []))]


def _of(body: Mapping[str, Any], **what: Any) -> Press:
    user = body.get("user") or {}
    user_id = str(user.get("id") or "")
    name = _NAME.sub("", str(user.get("username") or user.get("name") or ""))[:60]
    team = (body.get("team") or {}).get("id")
    return Press(
        user=user_id, name=name or user_id, own_team=user.get("team_id") == team, trigger=str(body.get("trigger_id") or ""),
        **what,
    )  # fmt: skip
