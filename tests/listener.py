"""An app that hears what comes in from the stand-in: the SDK's own client; a message and a modal to try it with."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Self

from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.local.slack import LocalSlack
from bot.slack.socket import hang_up

CHANNEL = "C0TRIAGE"
WORDS = {"type": "mrkdwn", "text": "*Out of scope* &amp; `code` _soft_"}
BUTTON = {
    "type": "button",
    "action_id": "take",
    "style": "primary",
    "value": "r1",
    "text": {"type": "plain_text", "text": "Take it"},
}
OPTION = {"text": {"type": "plain_text", "text": "Run again"}, "value": "again"}
MENU = {"type": "overflow", "action_id": "more", "options": [OPTION]}
BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "A head"}},
    {"type": "section", "text": WORDS, "accessory": MENU},
    {"type": "divider"},
    {"type": "actions", "elements": [BUTTON]},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "ids"}]},
]
KINDS = [{"text": {"type": "plain_text", "text": t}, "value": t.lower()} for t in ("Cookies", "SPF")]
MODAL: dict[str, Any] = {
    "type": "modal", "callback_id": "change", "private_metadata": "r1", "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Change"}, "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {"type": "input", "block_id": "what", "label": {"type": "plain_text", "text": "It is"},
         "element": {"type": "static_select", "action_id": "what", "options": KINDS, "initial_option": KINDS[0]}},
        {"type": "input", "block_id": "many", "optional": True, "label": {"type": "plain_text", "text": "Kinds"},
         "element": {"type": "multi_static_select", "action_id": "many", "options": KINDS}},
        {"type": "input", "block_id": "word", "optional": True, "label": {"type": "plain_text", "text": "The word"},
         "element": {"type": "checkboxes", "action_id": "word", "options": [OPTION]}},
        {"type": "input", "block_id": "why", "label": {"type": "plain_text", "text": "Why"},
         "element": {"type": "plain_text_input", "action_id": "why", "multiline": True, "max_length": 500}},
    ],
}  # fmt: skip


class Listener:
    """The SDK's client with one answer for every envelope."""

    def __init__(
        self, slack: LocalSlack, answer: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: {}
    ) -> None:
        self.web = WebClient(token=slack.token, base_url=slack.base_url)
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.hellos: list[int] = []
        self.answer = answer
        self._new = threading.Condition()
        self.client = SocketModeClient(app_token=slack.app_token, web_client=self.web, ping_interval=0.3)
        self.client.socket_mode_request_listeners.append(self._heard)
        self.client.on_message_listeners.append(self._raw)

    def __enter__(self) -> Self:
        self.client.connect()
        return self

    def __exit__(self, *_: object) -> None:
        hang_up(self.client)
        self.client.close()

    def _raw(self, text: str) -> None:
        if text.startswith("{") and (told := json.loads(text)).get("type") == "hello":
            self.hellos.append(told["num_connections"])

    def _heard(self, _client: object, request: SocketModeRequest) -> None:
        self.got.append((request.type, request.payload))
        answer = self.answer(request.payload)
        if answer is not None:
            response = SocketModeResponse(envelope_id=request.envelope_id, payload=answer or None)
            self.client.send_socket_mode_response(response)


def posted(slack: LocalSlack, blocks: list[dict[str, Any]] = BLOCKS) -> str:
    answer = slack.answer("chat.postMessage", {"channel": CHANNEL, "text": "a card", "blocks": blocks}, slack.token)[1]
    assert answer["ok"], answer
    return str(answer["ts"])


def text(words: str, kind: str = "mrkdwn") -> dict[str, str]:
    return {"type": kind, "text": words}
