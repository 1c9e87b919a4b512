"""Who says messages, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One Slack message, ready to be sent. `key` travels in its metadata, so that a repeat can be recognised."""

    channel: str
    key: str
    text: str  # the fallback: notifications and screen readers
    blocks: tuple[Mapping[str, Any], ...] = ()
    thread: str | None = None  # the ts of the card it belongs under
    facts: Mapping[str, str] = field(default_factory=dict)  # further metadata: ids and versions, never report text


class Notifier(Protocol):
    """Says messages. Raises NotSaid or MaybeSaid and nothing else for what the other side or the line does."""

    def post(self, message: Message) -> str:
        """Says it and returns its ts."""
        ...

    def update(self, message: Message, ts: str) -> None:
        """Makes the message with this ts say `message` instead. Repeating it does no harm."""
        ...

    def remove(self, channel: str, ts: str) -> None:
        """Takes back a message of ours that says again what another says. One that is gone already is no failure."""
        ...

    def find(self, channel: str, key: str, since: datetime, thread: str | None = None) -> str | None:
        """The ts of the message of ours with this key, or of the card with it, posted at `since` or later; None where there is none.

        Raises NotSaid(final=True) where looking is not permitted (no history scope).
        """
        ...
