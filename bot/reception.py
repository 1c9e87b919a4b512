"""Who comes with a press: whether they may, what they alone are told, and the record of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.allowed import Allowed
from bot.ports import Act, ActKind, KeptReport, Outcome, Press
from bot.slack.shown import escaped
from bot.store import Store
from classifiers.errors import NotifierError, UserError

log = logging.getLogger("triage")
NOT_ALLOWED = "You may read this, but not decide here. Ask whoever runs triage to name you in slack.allowed_users."
NOT_ASKED = "Who may press could not be looked up in Slack now. Try again, or say it on the command line."
NOT_HERE = "Say it in a channel where the cards are: whoever reads those may ask there."


class Whisperer(Protocol):
    """What is needed of Slack; slack.client has it."""

    def whisper(self, channel: str, user: str, text: str) -> None: ...
    def answer(self, url: str, text: str, blocks: Sequence[Mapping[str, Any]] = ()) -> None: ...
    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None: ...
    def publish(self, user: str, view: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Thread-safe, as its parts are."""

    store: Store
    slack: Whisperer
    allowed: Allowed
    channel: str  # where somebody is told who pressed in App Home, which is no channel
    now: Callable[[], datetime]

    def attempt(self, press: Press, do: Callable[[], None], failed: Callable[[], None]) -> None:
        """Does it; whatever goes wrong is told to the one who pressed, and to nobody else. Never raises.

        `failed` notes what was not done for a reason that people understand.
        """
        try:
            try:
                do()
            except (UserError, NotifierError) as e:
                failed()
                self.tell(press, f"That was not done: {escaped(str(e))}")
        except Exception as e:  # noqa: BLE001 - a mistake of ours in one press must not end the line
            log.error("press.failed", extra={"error": type(e).__name__})  # noqa: TRY400 - its text may quote mail
            self.tell(press, "That went wrong on triage's side; its log has a line. The command line may still work.")

    def refused(self, press: Press) -> str:
        """Why this person may not; "" where they may."""
        return _unless(self.allowed.may, press, NOT_ALLOWED)

    def refused_away(self, press: Press, cards: Collection[str]) -> str:
        """As `refused`, of what is no card's button: who may because everybody may has to ask in a channel of `cards`.

        Elsewhere nobody knows whether they see the cards.
        """
        here = press.channel in cards
        return self.refused(press) or ("" if here else _unless(self.allowed.by_name, press, NOT_HERE))

    def note(self, press: Press, kind: ActKind, report: KeptReport | None, outcome: Outcome) -> None:
        self.store.note(
            Act(report_id=report.id if report else None, kind=kind, by=press.by, at=self.now(), outcome=outcome)
        )
        log.info("press", extra={"act": kind.value, "outcome": outcome.value, "report": report.short if report else ""})

    def tell(self, press: Press, text: str, blocks: Sequence[Mapping[str, Any]] = ()) -> None:
        """To the one who pressed, alone; where that cannot be said, the log has it."""
        try:
            if press.answer_url:
                self.slack.answer(press.answer_url, text, blocks)
            else:
                self.slack.whisper(press.channel or self.channel, press.user, text)
        except NotifierError as e:
            log.warning("press.unanswered", extra={"why": str(e)[:200]})


def _unless(may: Callable[[Press], bool], press: Press, why_not: str) -> str:
    """Why not; "" where they may. A group that cannot be asked is a reason of its own."""
    try:
        return "" if may(press) else why_not
    except NotifierError as e:
        log.warning("press.unchecked", extra={"why": str(e)[:200]})
        return NOT_ASKED
