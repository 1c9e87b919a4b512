"""The door to Slack. It never repeats a call by itself: whether something was said is the outbox's question."""

from __future__ import annotations

import http.client
import urllib.error
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.ports import Message
from classifiers.errors import MaybeSaid, NotSaid

EVENT = "triage_notice"
PAGES = 20  # of 200 messages each that are looked through for a key
_UNSURE = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable", "team_added_to_org"})
_LATER = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_HELP = {
    "not_in_channel": "invite the bot to the channel: /invite @triage",
    "channel_not_found": "slack.channel must be the channel's id (C… or G…), and the bot a member of it",
    "invalid_auth": "the bot token is wrong; take it from the app's page (xoxb-…)",
    "not_authed": "the bot token is empty",
    "token_revoked": "the bot token was revoked; install the app again",
    "account_inactive": "the bot token belongs to an app that was removed",
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
                if metadata.get("event_type") == EVENT and metadata.get("event_payload", {}).get("key") == key:
                    return str(found["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
            asked["cursor"] = cursor
        return None

    def whoami(self) -> str:
        """The bot's name and its team's. Raises NotSaid or MaybeSaid."""
        answer = self._call("auth.test")
        return f"{answer.get('user', '?')} in {answer.get('team', '?')}"

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
        if self._client is None:
            self._client = WebClient(
                token=self._token(), base_url=self._base_url, timeout=max(1, round(self._timeout)), retry_handlers=[]
            )
        try:
            answer = (
                self._client.api_call(method, json=arguments)
                if _as_json(method)
                else self._client.api_call(method, params=arguments)
            )
        except SlackApiError as e:
            raise _refused(e) from None
        except urllib.error.URLError as e:
            raise _unsent(e) from None
        except (SlackClientError, OSError, http.client.HTTPException, ValueError) as e:
            # A reset, a timeout, an answer that is none: the request had left. Not chained, it may quote the request.
            raise MaybeSaid(f"no answer from Slack ({type(e).__name__})") from None
        return answer if whole else answer.data


def _as_json(method: str) -> bool:
    return method.startswith("chat.")


def _body(message: Message) -> dict[str, Any]:
    return {
        "channel": message.channel, "text": message.text, "blocks": list(message.blocks),
        "metadata": {"event_type": EVENT, "event_payload": {"key": message.key, **message.facts}},
    }  # fmt: skip


def _unsent(error: urllib.error.URLError) -> NotSaid | MaybeSaid:
    """urllib wraps what fails before or while the request is sent in a URLError."""
    reason = error.reason
    if isinstance(reason, TimeoutError | ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return MaybeSaid(f"the line to Slack broke ({type(reason).__name__})")
    return NotSaid(f"Slack cannot be reached ({type(reason).__name__})")


def _refused(error: SlackApiError) -> NotSaid | MaybeSaid:
    response = error.response
    status = int(getattr(response, "status_code", 0) or 0)
    data = response.data if isinstance(getattr(response, "data", None), Mapping) else {}
    code = str(data.get("error", ""))[:60] if data else ""
    if status == 429 or code in _LATER:
        return NotSaid("Slack asks to slow down", retry_after=_retry_after(response.headers))
    if status >= 500 or code in _UNSURE or not code:
        return MaybeSaid(f"Slack answered {status}{f' {code}' if code else ''}")
    needed = f" (needed: {data['needed']})" if data.get("needed") else ""
    help_ = f": {_HELP[code]}" if code in _HELP else ""
    return NotSaid(f"Slack refused: {code}{needed}{help_}", final=True)


def _retry_after(headers: Mapping[str, Any]) -> float:
    told = next((v for k, v in headers.items() if k.lower() == "retry-after"), "30")
    try:
        return min(3600.0, max(1.0, float(told[0] if isinstance(told, list) else told)))
    except (TypeError, ValueError):
        return 30.0
