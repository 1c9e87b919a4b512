"""Cards as a stream on a terminal, for who has no Slack yet. What was told there is told: a terminal forgets nothing and edits nothing."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import TextIO

from bot.ports import Message, NoticeKind
from bot.slack.plain import plain
from classifiers.errors import NotSaid

WIDTH = 100  # columns at most: lines that are longer are hard to read


class TerminalNotifier:
    """bot.ports.Notifier on a stream: each card once, then again whenever it changes."""

    def __init__(self, stream: TextIO, *, width: int = WIDTH, bold: bool = False) -> None:
        self._stream = stream
        self._width = min(width, WIDTH)
        self._bold = ("\033[1m", "\033[0m") if bold else ("", "")
        self._numbers = itertools.count(1)

    def post(self, message: Message) -> str:
        if message.facts.get("kind") != NoticeKind.DETAILS:  # a card says the most; `triage show` has the rest
            self._write(message, "in its thread" if message.thread else "")
        return f"terminal-{next(self._numbers)}"

    def update(self, message: Message, ts: str) -> None:  # noqa: ARG002 - the stream goes on
        self._write(message, "changed")

    def remove(self, channel: str, ts: str) -> None:
        """What was printed stays."""

    def find(self, channel: str, key: str, since: datetime, thread: str | None = None) -> str | None:  # noqa: ARG002
        raise NotSaid("a terminal cannot be searched for what was said", final=True)

    def _write(self, message: Message, what: str) -> None:
        report = message.facts.get("report", "")
        rule = f"── {report} {what}".rstrip() + " " if report else ""
        drawn = plain(message.text, message.blocks, width=self._width, bold=self._bold)
        how = f"\ntriage show {report} · triage reclassify {report} --as …" if report else ""
        try:
            self._stream.write(f"{rule.ljust(self._width, '─')}\n{drawn}{how}\n\n")
            self._stream.flush()
        except (OSError, ValueError) as e:
            raise NotSaid(f"the terminal cannot be written to ({type(e).__name__})") from None
