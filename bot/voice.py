"""Sentences of the bot's own to people: through the outbox, and past it where the store cannot be written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.ports import Message, Notifier
from bot.store import Store
from classifiers.errors import MaybeSaid, NotSaid, StoreError


class Voice:
    """Thread-safe, as its parts are."""

    def __init__(self, store: Store, notifier: Notifier, channel: str, now: Callable[[], datetime]) -> None:
        self._store, self._notifier, self._channel, self._now = store, notifier, channel, now

    def say(self, sentence: str, key: str) -> bool:
        """Says it once per key; whether it is said, or surely will be."""
        try:
            self._store.trouble(sentence, self._channel, key, self._now())
        except StoreError:
            return self.say_at_once(sentence, key)
        return True

    def say_at_once(self, sentence: str, key: str) -> bool:
        """Says it without the store, now: whether it is said, or may be."""
        try:
            self._notifier.post(Message(channel=self._channel, key=key, text=sentence))
        except NotSaid:
            return False
        except MaybeSaid:  # nobody looks it up: twice would be worse than perhaps never
            return True
        return True
