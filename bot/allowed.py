"""Who may press: people named in the configuration, and the members of user groups named there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.ports import Press
from classifiers.errors import NotifierError

EVERYBODY = "*"
REMEMBERED = timedelta(minutes=5)  # how long a group's members are not asked for again


class Allowed:
    """Thread-safe. `members` asks Slack who is in a group; it raises NotifierError where that cannot be asked."""

    def __init__(
        self,
        users: Sequence[str],
        groups: Sequence[str],
        members: Callable[[str], frozenset[str]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._users = frozenset(users)
        self._groups = tuple(groups)
        self._members = members
        self._now = now
        self._known: dict[str, tuple[datetime, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def may(self, press: Press) -> bool:
        """Raises NotifierError where it depends on a group that cannot be asked now."""
        if EVERYBODY in self._users and press.own_team:  # a channel may be shared with another company
            return True
        return self.by_name(press)

    def by_name(self, press: Press) -> bool:
        """Whether they are named, or a group of theirs is: "everybody" is not enough. Raises as `may`."""
        if press.user in self._users:
            return True
        unasked: NotifierError | None = None
        for group in self._groups:
            try:
                if press.user in self._of(group):
                    return True
            except NotifierError as e:  # another group may have them
                unasked = e
        if unasked is not None:
            raise unasked
        return False

    def _of(self, group: str) -> frozenset[str]:
        with self._lock:
            at, members = self._known.get(group, (None, frozenset[str]()))
            if at is None or self._now() - at > REMEMBERED:
                members = self._members(group)
                self._known[group] = (self._now(), members)
            return members
