"""What people ask for in Slack beside the cards: `/triage …` and a message's shortcut.

What is done to a report is handed to the desk as the press that it equals: one way to decide, one record of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.correction import take_back
from bot.desk import Desk
from bot.muting import in_lines
from bot.overview import overview
from bot.ports import ActKind, KeptReport, Outcome, Press
from bot.showing import shown_first
from bot.slack import modal
from bot.slack.blocks import section
from bot.slack.cards import card
from bot.slack.command import HELP, Asked, read
from bot.slack.controls import AGAIN, CHANGE, MORE, SHORTCUT, UNMUTE, Handle
from bot.slack.home import REFRESH, closed, home
from bot.slack.overview import Overview, opened, status
from bot.slack.payloads import HOME
from bot.slack.view import TITLES
from classifiers.errors import UserError

NO_CARD = "This message is no card of triage, so there is no verdict to change."


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Where everything comes in that people say; a card's buttons go on to the desk. Thread-safe, as its parts are."""

    desk: Desk
    accounts: tuple[str, ...]

    def take(self, press: Press) -> None:
        """Does what was asked, after Slack was answered. Never raises."""
        if press.action.startswith("/"):
            self._attempt(press, lambda: self._command(press))
        elif press.action == SHORTCUT:
            self._attempt(press, lambda: self._shortcut(press))
        elif press.action in {HOME, REFRESH}:
            self._home(press)
        else:
            self.desk.take(press)
            if not press.channel and press.action in {CHANGE, modal.CHANGED}:  # in App Home: it shows what came of it
                self._home(press)

    def _attempt(self, press: Press, do: Callable[[], None]) -> None:
        at = self.desk.reception
        if refused := at.refused_away(press, self.desk.routes.channels):
            at.note(press, ActKind.LOOK, None, Outcome.REFUSED)
            at.tell(press, refused)
        else:
            at.attempt(press, do, failed=lambda: at.note(press, ActKind.LOOK, None, Outcome.FAILED))

    # ------------------------------------------------------------------------------------------ the command

    def _command(self, press: Press) -> None:
        asked = read(press.value)
        match asked.verb:
            case "help":
                self.desk.reception.tell(press, HELP)
            case "status" | "open":
                self._look(press, asked.verb)
            case "show":
                self._show(press, self._found(asked))
            case "mutes":
                muted = "\n".join(in_lines(self.desk.store.mutes(self.desk.now())))
                self.desk.reception.tell(press, muted or "No sender is muted.")
                self.desk.reception.note(press, ActKind.LOOK, None, Outcome.DONE)
            case "rerun":
                report = self._found(asked)
                self.desk.take(replace(press, action=MORE, value=f"{AGAIN}:{self._handle(report)}"))
            case "mute" | "unmute":
                action = modal.MUTED if asked.verb == "mute" else UNMUTE
                self.desk.take(
                    replace(press, action=action, value=f"{press.channel} {self._handle(self._found(asked))}")
                )
            case _:
                self._reclassify(press, asked)

    def _look(self, press: Press, what: str) -> None:
        desk = self.desk
        stands = self._overview()
        told = (status(stands), ()) if what == "status" else opened(stands, desk.tier, desk.wording.own_domains)
        desk.reception.tell(press, *told)
        desk.reception.note(press, ActKind.LOOK, None, Outcome.DONE)

    def _show(self, press: Press, report: KeptReport) -> None:
        """The card as it stands, to them alone and without buttons: those stay under the one card that all see."""
        self._handle(report)
        text, blocks = card(replace(self.desk.view(report), pressable=False))
        how = f"`/triage reclassify {report.short}` changes it, `/triage rerun {report.short}` judges it again."
        self.desk.reception.tell(press, text, [*blocks, section(how)])
        self.desk.reception.note(press, ActKind.LOOK, report, Outcome.DONE)

    def _reclassify(self, press: Press, asked: Asked) -> None:
        report = self._found(asked)
        if asked.undo:
            self._undo(press, report, asked.reason)
            return
        handle = self._handle(report)
        if asked.given is None:
            self.desk.take(replace(press, action=CHANGE, value=str(handle), channel=self._channel(press)))
            return
        word = {} if asked.word is None else {"word": ("yes",) if asked.word else ()}
        fields = {"what": (asked.given.value,), "kinds": asked.categories, "why": (asked.reason,), **word}
        said = replace(press, action=modal.CHANGED, value=f"{self._channel(press)} {handle}", fields=fields)
        if wrong := self.desk.wrong(said):
            raise UserError(*wrong.values())
        self.desk.take(said)

    def _undo(self, press: Press, report: KeptReport, reason: str) -> None:
        desk = self.desk
        _, said, now = take_back(
            desk.store,
            report.key,
            by=press.by,
            reason=reason,
            routes=desk.routes,
            now=desk.now(),
            account=report.account,
        )
        holds = f"what holds again: *{TITLES[now.verdict.disposition]}*" if now else "it will be judged"
        desk.reception.note(press, ActKind.CHANGE, report, Outcome.DONE)
        desk.reception.tell(
            press, f"`{report.short}` is no longer {TITLES[said.verdict.disposition].lower()}; {holds}."
        )
        desk.told()

    # ------------------------------------------------------------------------------------------ the shortcut

    def _shortcut(self, press: Press) -> None:
        """ "Change the verdict" on a card or a message in its thread, also where its buttons are gone."""
        store = self.desk.store
        there = store.card_at(press.channel, press.message)
        if there is None:
            raise UserError(NO_CARD)
        shown = shown_first(store.on_card(there.id)).report_id
        handle = replace(
            self._handle(store.report(shown)), upto=there.report_ids[-1] if len(there.report_ids) > 1 else 0
        )
        self.desk.take(replace(press, action=CHANGE, value=str(handle)))

    # ------------------------------------------------------------------------------------------ App Home

    def _home(self, press: Press) -> None:
        """What stands in App Home for them now; for who may not see it, why not."""
        at = self.desk.reception
        refused = at.refused_away(press, self.desk.routes.channels)

        def publish() -> None:
            desk = self.desk
            if refused:
                at.slack.publish(press.user, closed(refused))
                return
            stands = self._overview()
            at.slack.publish(press.user, home(stands, desk.tier, desk.wording.own_domains))

        at.attempt(press, publish, failed=lambda: at.note(press, ActKind.LOOK, None, Outcome.FAILED))
        if press.action == HOME:
            at.note(press, ActKind.LOOK, None, Outcome.REFUSED if refused else Outcome.DONE)

    def _overview(self) -> Overview:
        desk = self.desk
        return overview(
            desk.store, desk.worker, desk.wording, routes=desk.routes, accounts=self.accounts, at=desk.now()
        )

    # ------------------------------------------------------------------------------------------ which report

    def _found(self, asked: Asked) -> KeptReport:
        return self.desk.store.find(asked.report)

    def _handle(self, report: KeptReport) -> Handle:
        """What a press on the report's card would carry now. Raises UserError where it is not judged yet."""
        current = self.desk.store.current(report.id)
        if current is None:
            raise UserError(f"{report.short} is not judged yet")
        return Handle(current.id, report.account, report.key[:32])

    def _channel(self, press: Press) -> str:
        """Where they are told what comes of a modal: where they asked, if the bot is there."""
        return press.channel if press.channel in self.desk.routes.channels else self.desk.routes.channel
