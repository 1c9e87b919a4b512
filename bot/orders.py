"""What the process is told from outside: SIGTERM and SIGINT to stop, SIGHUP to take up what changed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from bot.settings import Settings
from bot.systemd import Systemd


class Orders:
    """Outlives the daemons that obey: an order that comes between two of them is not lost."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.reloading = threading.Event()
        self._obey: Callable[[], None] = lambda: None

    def listen(self) -> None:
        """From now on signals are orders. A handler sets a flag; nothing is torn down inside it."""
        for number, order in ((signal.SIGTERM, self.stop), (signal.SIGINT, self.stop), (signal.SIGHUP, self.reload)):
            signal.signal(number, _handler(order))

    def obeyed_by(self, stop: Callable[[], None]) -> None:
        """Who stops when it is told to; at once, where that was told before."""
        self._obey = stop
        if self.stopping.is_set():
            stop()

    def stop(self) -> None:
        self.stopping.set()
        self._obey()

    def reload(self) -> None:
        self.reloading.set()


@dataclass(frozen=True, slots=True)
class Service:
    """How a daemon stands to who runs it."""

    orders: Orders
    systemd: Systemd
    renewed: Callable[[], Settings]  # the configuration as it stands now, tried; raises TriageError where it is no good


def _handler(order: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
    def handle(_signal: int, _frame: FrameType | None) -> None:
        order()

    return handle
