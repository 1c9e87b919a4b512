"""The door to Slack. It never repeats a call by itself: whether something was said is the outbox's question."""

from __future__ import annotations

import http.client
import logging
import math
import re
import socket
import ssl
import urllib.error
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.ports import Message
from classifiers.errors import MaybeSaid, NotSaid, UserError

EVENT = "triage_notice"
PAGES = 20  # of 200 messages each that are looked through for a key
_UNSURE = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable", "team_added_to_org"})
_LATER = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_TOKEN = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"})
_BEFORE = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)  # no request can have left
_CODE = re.compile(r"[a-z][a-z0-9_]{1,59}")  # the SDK puts what it cannot read into the same field
# The SDK logs an answer that it cannot read, and that may hold our message: its words go nowhere.
_SILENT = logging.Logger("slack", logging.CRITICAL + 1)  # noqa: LOG001 - of this file alone
_HELP = {
    "not_in_channel": "invite the bot to the channel: /invite @triage",
    "channel_not_found": "slack.channel must be the channel's id (C… or G…), and the bot a member of it",
    "no_such_subteam": "slack.allowed_groups must be ids of user groups (S…) of this workspace",
    "invalid_auth": "the bot token is wrong; take it from the app's page (xoxb-…)",
    "not_authed": "the bot token is empty",
    "token_revoked": "the bot token was revoked; install the app again",
    "not_allowed_token_type": "a bot token (xoxb-…) stands where an app-level token (xapp-…) belongs, or the other way round",
    "account_inactive": "the bot token belongs to an app that was removed",
    "expired_trigger_id": "it took longer than the three seconds that Slack waits; press again",
    "missing_scope": "the app lacks a scope; `triage slack manifest` lists those it needs",
}


class SlackNotifier:
    """bot.ports.Notifier over Slack's Web API."""

    def __init__(self, *, token: Callable[[], str], base_url: str, timeout: float) -> None:
        self._token = token
        self._base_url = base_url if base_url.endswith("/") else base_url + "/"
        self._timeout = timeout
        self._client: WebClient | None = None

    def post(self, message: Message) -> str:
        body = _body(message) | {"unfurl_links": False, "unfurl_media": False, "parse": "none"}
        if message.thread:
            body["thread_ts"] = message.thread
        answer = self._call("chat.postMessage", **body)
        ts = answer.get("ts")
        if not isinstance(ts, str):
            raise MaybeSaid("Slack's answer names no message")
        return ts

    def update(self, message: Message, ts: str) -> None:
        self._call("chat.update", **_body(message), ts=ts, parse="none")

    def remove(self, channel: str, ts: str) -> None:
        try:
            self._call("chat.delete", channel=channel, ts=ts)
        except NotSaid as e:
            if e.code != "message_not_found":
                raise

    def find(self, channel: str, key: str, since: datetime, thread: str | None = None) -> str | None:
        method = "conversations.replies" if thread else "conversations.history"
        asked: dict[str, Any] = {
            "channel": channel, "oldest": f"{since.timestamp():.6f}", "limit": 200, "include_all_metadata": True,
        }  # fmt: skip
        if thread:
            asked["ts"] = thread
        for _ in range(PAGES):
            answer = self._call(method, **asked)
            for found in answer.get("messages", ()):
                metadata = found.get("metadata") or {}
                told = metadata.get("event_payload") or {}
                if metadata.get("event_type") == EVENT and key in {told.get("key"), told.get("card")}:
                    return str(found["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
            asked["cursor"] = cursor
        return None

    def whisper(self, channel: str, user: str, text: str) -> None:
        """Tells one person something, which nobody else in the channel sees."""
        self._call("chat.postEphemeral", channel=channel, user=user, text=text, parse="none")

    def answer(self, url: str, text: str, blocks: Sequence[Mapping[str, Any]] = ()) -> None:
        """Answers a command or a shortcut where it was given; one person sees it. Slack takes five within half an hour."""
        if urlsplit(url).scheme != urlsplit(self._base_url).scheme:
            raise NotSaid("Slack named no place to answer at", final=True)
        line = WebhookClient(url, timeout=max(1, round(self._timeout)), retry_handlers=[], logger=_SILENT)
        line.proxy = None
        try:
            answer = line.send_dict(
                {"text": text, "response_type": "ephemeral"} | ({"blocks": list(blocks)} if blocks else {})
            )
        except (SlackClientError, OSError, http.client.HTTPException, ValueError) as e:
            raise MaybeSaid(f"no answer from Slack ({type(e).__name__})") from None
        if answer.status_code != http.client.OK:
            raise NotSaid(f"Slack took no answer to a command ({answer.status_code})", final=True)

    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None:
        """Opens a modal for whoever pressed something within the last three seconds."""
        self._call("views.open", trigger_id=trigger, view=view)

    def publish(self, user: str, view: Mapping[str, Any]) -> None:
        """Shows this person the home tab, in place of what stood there."""
        self._call("views.publish", user_id=user, view=view)

    def members(self, group: str) -> frozenset[str]:
        """The ids of a user group's members."""
        users = self._call("usergroups.users.list", usergroup=group).get("users")
        return frozenset(str(u) for u in users) if isinstance(users, list) else frozenset()

    def looks_into(self, channel: str) -> None:
        """Looks into a channel as `find` does. Raises NotSaid where the bot is no member, or may not look."""
        self._call("conversations.history", channel=channel, limit=1)

    def whoami(self) -> str:
        """The bot's name and its team's. Raises NotSaid or MaybeSaid."""
        answer = self._call("auth.test")
        return f"{answer.get('user', '?')} in {answer.get('team', '?')}"

    def opens_a_line(self) -> None:
        """Asks for an address of Socket Mode, with an app-level token, and leaves it alone."""
        self._call("apps.connections.open")

    def scopes(self) -> frozenset[str] | None:
        """What the token may do; None where Slack does not say."""
        headers = {k.lower(): v for k, v in self._call("auth.test", whole=True).headers.items()}
        told = headers.get("x-oauth-scopes")
        if told is None:
            return None
        return frozenset(
            s.strip() for s in (",".join(told) if isinstance(told, list) else str(told)).split(",") if s.strip()
        )

    # ------------------------------------------------------------------------------------------ the call

    def _call(self, method: str, *, whole: bool = False, **arguments: Any) -> Any:
        client = self._connected()
        try:
            answer = (
                client.api_call(method, json=arguments)
                if _as_json(method)
                else client.api_call(method, params=arguments)
            )
        except SlackApiError as e:
            refusal = _refused(e)
            if isinstance(refusal, NotSaid) and refusal.code in _TOKEN:
                self._client = None  # the token is read anew: it may have been replaced
            raise refusal from None
        except urllib.error.URLError as e:
            raise _unsent(e) from None
        except (SlackClientError, OSError, http.client.HTTPException, ValueError) as e:
            # A reset, a timeout, an answer that is none: the request had left. Not chained, it may quote the request.
            raise MaybeSaid(f"no answer from Slack ({type(e).__name__})") from None
        return answer if whole else answer.data

    def _connected(self) -> WebClient:
        if self._client is None:
            try:
                token = self._token()
            except UserError as e:
                raise NotSaid(str(e), final=True) from None
            timeout = max(1, round(self._timeout))
            self._client = WebClient(
                token=token, base_url=self._base_url, timeout=timeout, retry_handlers=[], logger=_SILENT
            )
            self._client.proxy = None  # the SDK's own reading of the environment knows no NO_PROXY; urllib's does
        return self._client


def _as_json(method: str) -> bool:
    return method.startswith(("chat.", "views."))


def _body(message: Message) -> dict[str, Any]:
    return {
        "channel": message.channel, "text": message.text, "blocks": list(message.blocks),
        "metadata": {"event_type": EVENT, "event_payload": {"key": message.key, **message.facts}},
    }  # fmt: skip


def _unsent(error: urllib.error.URLError) -> NotSaid | MaybeSaid:
    """urllib wraps what fails before or while the request is sent in a URLError; only the former is surely not said."""
    reason = error.reason
    kind = type(reason).__name__
    if isinstance(reason, _BEFORE):
        return NotSaid(f"Slack cannot be reached ({kind})")
    return MaybeSaid(f"the line to Slack broke ({kind})")


def _refused(error: SlackApiError) -> NotSaid | MaybeSaid:
    response = error.response
    status, headers = int(response.status_code or 0), response.headers or {}
    data = response.data if isinstance(response.data, Mapping) else {}
    told = str(data.get("error", ""))[:100]
    code = told if _CODE.fullmatch(told) else ""
    if status == 429 or code in _LATER:
        return NotSaid("Slack asks to slow down", retry_after=_retry_after(headers), code=code or "ratelimited")
    if status >= 500 or code in _UNSURE or not code:
        return MaybeSaid(f"Slack answered {status}{f' {code}' if code else ''}")
    needed = f" (needed: {str(data['needed'])[:80]})" if data.get("needed") else ""
    help_ = f": {_HELP[code]}" if code in _HELP else ""
    return NotSaid(f"Slack refused: {code}{needed}{help_}", final=True, code=code)


def _retry_after(headers: Mapping[str, Any]) -> float:
    told = next((v for k, v in headers.items() if k.lower() == "retry-after"), "30")
    try:
        seconds = float(told[0] if isinstance(told, list) else told)
    except (TypeError, ValueError):
        return 30.0
    return 30.0 if math.isnan(seconds) else min(3600.0, max(1.0, seconds))
