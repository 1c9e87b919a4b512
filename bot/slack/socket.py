"""The door to Socket Mode: a line to Slack that we open, on which presses come in. Each is acknowledged before anything else.

Slack sends a press once, to one of an app's connections; where another copy of the bot, or a connection that nobody reads,
gets it, it is lost. So their number is watched.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import socket
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.builtin.connection import Connection
from slack_sdk.socket_mode.client import BaseSocketModeClient

from bot.ports import Press
from bot.slack.payloads import command_of, event_of, press_of, submission_of
from classifiers.errors import UserError

log = logging.getLogger("triage")
BACK_OFF = (timedelta(seconds=1), timedelta(minutes=2))  # between attempts to connect; Slack takes about one a minute
PING = 5.0  # seconds; a line without an answer to four of them is dead
AT_ONCE = 8  # presses
_ANY = re.compile(".*", re.DOTALL)
_SILENT = logging.Logger("slack-socket", logging.CRITICAL + 1)  # noqa: LOG001 - the SDK's words may quote a payload


class SlackSocket:
    """Presses, handed on. `wrong` looks at a submitted modal without asking anybody; `take` does what was pressed."""

    def __init__(
        self,
        *,
        app_token: Callable[[], str],
        bot_token: Callable[[], str],
        base_url: str,
        wrong: Callable[[Press], Mapping[str, str]],
        take: Callable[[Press], None],
        now: Callable[[], datetime],
        ping: float = PING,
    ) -> None:
        self.connections = 0  # of the app, as Slack told at the last hello, without one of ours that is closed next
        self._parting = 0  # lines of ours that Slack asked to have replaced
        self._app_token = app_token
        self._wrong = wrong
        self._take = take
        self._now = now
        self._tries = 0
        self._next = now()
        self._was_up = False
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="press")
        self._answering = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ack")  # apart: no ack waits for a press
        client = WebClient(base_url=base_url, timeout=10, retry_handlers=[], logger=_SILENT)
        client.proxy = None
        self._app = App(
            client=client, authorize=_with_token(bot_token), logger=_SILENT, listener_executor=self._answering,
            request_verification_enabled=False, ssl_check_enabled=False, url_verification_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )  # fmt: skip
        self._listen()
        self._line = SocketModeHandler(
            self._app,
            app_token="read at each attempt",  # noqa: S106 - none
            auto_reconnect_enabled=False,
            ping_interval=ping,
        )
        self._line.client.proxy = _proxy(base_url)
        self._line.client.on_message_listeners.append(self._heard)

    # ------------------------------------------------------------------------------------------ the line

    @property
    def connected(self) -> bool:
        return bool(self._line.client.is_connected())

    def keep(self) -> bool:
        """Connects where there is no line, but not more often than Slack takes; whether there is one now. Never raises."""
        up = self.connected
        if self._was_up and not up:
            log.warning("socket.lost")
            self._tries, self._next = 0, self._now()
        self._was_up = up
        if up or self._now() < self._next:
            return up
        why = self._connect()
        first, most = BACK_OFF
        self._next = self._now() + min(most, first * 2 ** min(self._tries, 7))
        self._tries += 1
        self._was_up = self.connected
        if not self._was_up:
            log.warning("socket.unconnected", extra={"why": why or "the line did not open", "attempts": self._tries})
        return self._was_up

    def _connect(self) -> str:
        """Why it could not; "" where it could."""
        try:
            self._line.client.app_token = self._app_token()
            self._line.client.connect_to_new_endpoint()
        except UserError as e:
            return str(e)
        except SlackApiError as e:
            return f"Slack refused: {str(e.response.get('error', ''))[:60]}"
        except Exception as e:  # noqa: BLE001 - whatever the line does, the rest of the bot goes on
            return type(e).__name__
        return ""

    def _heard(self, text: str) -> None:
        """Of all that comes in, the hello that says how many connections Slack counts; and that it asks to connect anew."""
        if '"disconnect"' in text[:200]:
            self._parting += 1
            part_at_once(self._line.client)
        if '"hello"' not in text[:200]:
            return
        counted = int(json.loads(text).get("num_connections") or 0)
        self.connections = counted - (1 if self._parting and counted > 1 else 0)  # that one stands until this one does
        self._parting = max(0, self._parting - 1)
        self._tries = 0
        log.info("socket.connected", extra={"connections": self.connections})
        if self.connections > 1:
            # One more is usual for a minute after a line broke. Where it stays, every other press may go astray.
            log.warning("socket.others", extra={"connections": self.connections})

    def stop(self) -> None:
        """Hangs up; what is being done is done to its end."""
        hang_up(self._line.client)
        self._line.close()  # type: ignore[no-untyped-call]
        self._answering.shutdown(wait=True)
        self._workers.shutdown(wait=True)

    # ------------------------------------------------------------------------------------------ what comes in

    def _listen(self) -> None:
        self._app.action(_ANY)(self._pressed)
        self._app.shortcut(_ANY)(self._pressed)
        self._app.view(_ANY)(self._submitted)
        self._app.view_closed(_ANY)(_only_ack)
        self._app.options(_ANY)(_only_ack)
        self._app.command(_ANY)(self._commanded)
        self._app.event(_ANY)(self._happened)

    def _pressed(self, ack: Callable[..., Any], body: dict[str, Any]) -> None:
        ack()
        self._workers.submit(self._done, press_of(body))

    def _commanded(self, ack: Callable[..., Any], body: dict[str, Any]) -> None:
        ack()
        self._workers.submit(self._done, command_of(body))

    def _happened(self, ack: Callable[..., Any], body: dict[str, Any]) -> None:
        ack()
        if (press := event_of(body)) is not None:
            self._workers.submit(self._done, press)

    def _submitted(self, ack: Callable[..., Any], body: dict[str, Any]) -> None:
        press = submission_of(body)
        if errors := self._wrong(press):
            ack(response_action="errors", errors=dict(errors))
            return
        ack()
        self._workers.submit(self._done, press)

    def _done(self, press: Press) -> None:
        try:
            self._take(press)
        except Exception as e:  # noqa: BLE001 - the store may be out of reach: the line stays, the log tells
            log.error("press.lost", extra={"error": type(e).__name__})  # noqa: TRY400 - its text may quote mail


def hang_up(client: BaseSocketModeClient) -> None:
    """Breaks the line. The SDK's own close waits for a lock that its reader holds nearly always: seconds, often many."""
    if isinstance(client, SocketModeClient) and client.current_session:
        _break(client.current_session)


def part_at_once(client: BaseSocketModeClient) -> None:
    """Once the SDK has opened the next line, as it does when Slack asks for it, this one is closed without that wait.

    Else nobody would read the next one meanwhile, and what is pressed would be lost.
    """
    if not isinstance(client, SocketModeClient) or client.current_session is None:
        return
    session = client.current_session

    def close() -> None:
        _break(session)
        session.disconnect()

    session.close = close  # type: ignore[method-assign]


def _break(session: Connection) -> None:
    if session.sock is not None:
        with contextlib.suppress(OSError):
            session.sock.shutdown(socket.SHUT_RDWR)


def _with_token(bot_token: Callable[[], str]) -> Callable[[], AuthorizeResult]:
    """Bolt's question who this is for, answered without asking Slack: the ack must not wait for that."""

    def authorized() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=bot_token(), bot_id="", bot_user_id="")

    return authorized


def _proxy(base_url: str) -> str | None:
    """The environment's proxy for Slack, where it is not excepted; the SDK's own reading knows no NO_PROXY."""
    url = urlsplit(base_url)
    if urllib.request.proxy_bypass(url.hostname or ""):
        return None
    return urllib.request.getproxies().get(url.scheme)


def _only_ack(ack: Callable[..., Any]) -> None:
    ack()
