"""Tells the service manager how the bot is (sd_notify(3)); says nothing where there is none."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class Systemd:
    """READY=1, WATCHDOG=1 and the like, to the socket in NOTIFY_SOCKET. Nothing that goes wrong here keeps the bot from working."""

    def __init__(self) -> None:
        # Taken out of the environment: what the bot starts has nothing to say there.
        address = os.environ.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def say(self, *lines: str) -> None:
        """Lines such as "READY=1" or "STATUS=…"."""
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
                s.sendto("\n".join(lines).encode(), self._address)
