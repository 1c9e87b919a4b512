"""What people do in Slack, as the envelopes that an app gets: a press, a submitted or closed modal, a command, a shortcut."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.local.slack.limits import block_problem, view_problem
from bot.local.slack.sockets import PATIENCE, Envelope, Sockets
from bot.local.slack.workspace import TEAM, Workspace

UNANSWERED = "triage did not answer in time"
UNCONNECTED = "triage is not connected"


@dataclass(frozen=True, slots=True)
class Done:
    """How it went for the person: "" where the app took it, else what Slack tells them."""

    trouble: str = ""
    errors: Mapping[str, str] | None = None  # of a modal's fields, by block


class Hands:
    """People at work in a workspace."""

    def __init__(self, workspace: Workspace, sockets: Sockets, base: str) -> None:
        self._w = workspace
        self._sockets = sockets
        self._base = base  # of response urls
        self.patience = PATIENCE

    # ------------------------------------------------------------------------------------------ messages

    def press(self, user: str, channel: str, ts: str, action_id: str, option: str = "") -> Done:
        """A click on a button or an entry of a menu of a message; `option` is the entry's value."""
        with self._w.changed:
            message = self._w.message(channel, ts) or next((m for m in self._w.private if m["ts"] == ts), None)
            if message is None:
                return Done("this message is gone")
            found = next(((b, e) for b in message["blocks"] for e in elements(b) if e["action_id"] == action_id), None)
            if found is None or not _offers(found[1], option):
                return Done("this button is gone")
            payload = self._of(user, "block_actions") | {
                "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": "for" in message},
                "channel": {"id": channel, "name": channel.lower()},
                "message": {k: v for k, v in message.items() if k not in {"for", "channel"}},
                "state": {"values": {}},
                "response_url": self._answer_url(user, channel, message.get("thread_ts", "")),
                "actions": [_action(*found, option)],
            }  # fmt: skip
        return _how(self._sockets.send("interactive", payload, patience=self.patience))

    def press_home(self, user: str, action_id: str, number: int = 0) -> Done:
        """A click in the home tab: on the button of this kind, counted from the top."""
        with self._w.changed:
            view = self._w.homes.get(user)
            found = [(b, e) for b in (view or {}).get("blocks", ()) for e in elements(b) if e["action_id"] == action_id]
            if view is None or len(found) <= number:
                return Done("this button is gone")
            payload = self._of(user, "block_actions") | {
                "container": {"type": "view", "view_id": view["id"]}, "view": view, "actions": [_action(*found[number], "")],
            }  # fmt: skip
        return _how(self._sockets.send("interactive", payload, patience=self.patience))

    def shortcut(self, user: str, callback_id: str, channel: str = "", ts: str = "") -> Done:
        """A shortcut; with a message's place, that message's."""
        with self._w.changed:
            payload = self._of(user, "message_action" if ts else "shortcut") | {"callback_id": callback_id}
            if ts:
                payload |= {
                    "message_ts": ts, "channel": {"id": channel, "name": channel.lower()},
                    "message": self._w.message(channel, ts), "response_url": self._answer_url(user, channel),
                }  # fmt: skip
        return _how(self._sockets.send("interactive", payload, patience=self.patience))

    def slash(self, user: str, command: str, text: str, channel: str) -> Done:
        """A slash command. What the ack carries is told to them alone."""
        with self._w.changed:
            payload = {
                "token": "local", "team_id": TEAM, "team_domain": "local", "channel_id": channel,
                "channel_name": channel.lower(), "user_id": user, "user_name": self._w.people[user], "command": command,
                "text": text, "api_app_id": "A0LOCAL", "trigger_id": self._w.trigger(user),
                "response_url": self._answer_url(user, channel),
            }  # fmt: skip
        sent = self._sockets.send("slash_commands", payload, accepts_response=True, patience=self.patience)
        if sent is not None and sent.payload:
            self.answer(payload["response_url"].rsplit("/", 1)[1], sent.payload)
        return _how(sent)

    def open_home(self, user: str) -> Done:
        """The app's home tab is opened."""
        event = {"type": "app_home_opened", "user": user, "channel": "D0HOME", "tab": "home", "event_ts": self._w.now()}
        payload = {
            "type": "event_callback", "event": event, "team_id": TEAM, "api_app_id": "A0LOCAL", "event_id": "Ev0", "event_time": 0,
        }  # fmt: skip
        return _how(self._sockets.send("events_api", payload, patience=self.patience))

    # ------------------------------------------------------------------------------------------ modals

    def modal(self, user: str) -> dict[str, Any] | None:
        """The topmost modal that this person sees."""
        with self._w.changed:
            views = self._w.modals.get(user) or []
            return views[-1] if views else None

    def submit(self, user: str, values: Mapping[str, Any]) -> Done:
        """The topmost modal is submitted, with a value or a list of values for each block; the ack says what follows."""
        view = self.modal(user)
        if view is None:
            return Done("there is no modal")
        state, errors = _state(view, values)
        if errors:
            return Done("fill in what is needed", errors)
        payload = self._of(user, "view_submission") | {
            "view": view | {"state": {"values": state}}, "response_urls": [],
        }  # fmt: skip
        sent = self._sockets.send("interactive", payload, accepts_response=True, patience=self.patience)
        done = _how(sent)
        if done.trouble or sent is None:
            return done
        return self._follow(user, view, sent.payload)

    def _follow(self, user: str, view: dict[str, Any], ack: Mapping[str, Any]) -> Done:
        action = ack.get("response_action")
        if action == "errors":
            return Done("", ack["errors"])
        with self._w.changed:
            views = [v for v in self._w.modals.get(user, []) if v["id"] != view["id"]]
            if action in {"update", "push"}:
                error, problems = view_problem(ack["view"])
                if error:
                    return Done("; ".join(problems))
                views += [view] if action == "push" else []
                views.append(self._w.as_shown(ack["view"], view["id"] if action == "update" else ""))
            self._w.modals[user] = [] if action == "clear" else views
            self._w.touch()
        return Done()

    def close(self, user: str) -> Done:
        """The topmost modal is closed; the app hears of it where it asked to."""
        view = self.modal(user)
        if view is None:
            return Done()
        with self._w.changed:
            self._w.modals[user] = self._w.modals[user][:-1]
            self._w.touch()
        if not view.get("notify_on_close"):
            return Done()
        payload = self._of(user, "view_closed") | {"view": view, "is_cleared": False}
        return _how(self._sockets.send("interactive", payload, patience=self.patience))

    # ------------------------------------------------------------------------------------------ answers

    def answer(self, name: str, asked: Mapping[str, Any]) -> bool:
        """A post to a response url: to one person, or for all where it says so. Five times at most, and nothing malformed."""
        with self._w.changed:
            place = self._w.replies.get(name)
            malformed = block_problem(asked.get("blocks") or [], asked.get("text") or "")[0]
            if place is None or place["left"] == "0" or malformed:
                return False
            place["left"] = str(int(place["left"]) - 1)
            if asked.get("response_type") == "in_channel":
                self._w.post({"channel": place["channel"], **asked})
            else:
                self._w.say_to(place["user"], place["channel"], {"thread_ts": place["thread"], **asked})
            self._w.touch()
        return True

    def _answer_url(self, user: str, channel: str, thread: str = "") -> str:
        name = secrets.token_hex(8)
        self._w.replies[name] = {"user": user, "channel": channel, "thread": thread, "left": "5"}
        return f"{self._base}response/{name}"

    def _of(self, user: str, kind: str) -> dict[str, Any]:
        """What every interactive payload holds."""
        name = self._w.people[user]
        return {
            "type": kind, "user": {"id": user, "username": name, "name": name, "team_id": TEAM}, "api_app_id": "A0LOCAL",
            "team": {"id": TEAM, "domain": "local"}, "enterprise": None, "is_enterprise_install": False,
            "token": "local", "trigger_id": self._w.trigger(user),
        }  # fmt: skip


def elements(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What can be clicked in a block."""
    if block["type"] == "actions":
        yield from block["elements"]
    elif "accessory" in block:
        yield block["accessory"]


def _offers(element: Mapping[str, Any], option: str) -> bool:
    """Whether an entry of a menu is still there; a button has none."""
    return element["type"] == "button" or any(o["value"] == option for o in element["options"])


def _action(block: Mapping[str, Any], element: Mapping[str, Any], option: str) -> dict[str, Any]:
    action = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": "0",
    }
    if element["type"] == "button":
        return action | {"text": element["text"], "value": element.get("value", "")}
    return action | {"selected_option": next((o for o in element["options"] if o["value"] == option), None)}


def _state(view: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A modal's state as the app gets it, and what Slack itself refuses: a needed field without a value."""
    state: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        given = values.get(block["block_id"], _initial(element))
        if not given and not block.get("optional"):
            errors[block["block_id"]] = "This is needed."
        said: dict[str, Any] = {"type": element["type"]}
        if element["type"] == "plain_text_input":
            said["value"] = str(given)[: element.get("max_length", 3000)] if given else None
        else:
            chosen = [
                o for o in element["options"] if o["value"] in ([given] if isinstance(given, str) else given or [])
            ]
            many = element["type"] in {"multi_static_select", "checkboxes"}
            said |= {"selected_options": chosen} if many else {"selected_option": chosen[0] if chosen else None}
        state[block["block_id"]] = {element["action_id"]: said}
    return state, errors


def _initial(element: Mapping[str, Any]) -> str | list[str]:
    """What stands in a field before anybody touches it."""
    if "initial_option" in element:
        return str(element["initial_option"]["value"])
    return element.get("initial_value") or [o["value"] for o in element.get("initial_options", ())]


def _how(sent: Envelope | None) -> Done:
    if sent is None:
        return Done(UNCONNECTED)
    return Done() if sent.acked_at is not None else Done(UNANSWERED)
