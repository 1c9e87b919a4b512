"""A notice as the message that it is now: a card, what stands in its thread, a sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.audit import is_open
from bot.history import waiting_since
from bot.pacing import BACK_OFF
from bot.ports import IN_THREAD, Message, Notice, NoticeKind
from bot.routing import card_key
from bot.showing import Wording, shown_first, view_in, with_alike
from bot.slack.cards import card
from bot.slack.details import details, suggestion
from bot.slack.view import REPEAT, CardView, Tier
from bot.store import Store
from classifiers.errors import StoreError

log = logging.getLogger("triage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Whatever was recorded when, what is said is what holds."""

    store: Store
    wording: Wording
    tier: Tier
    now: Callable[[], datetime]
    pressable: bool  # somebody listens to the cards' buttons

    def thread(self, notice: Notice) -> str | None:
        """The message under which it stands; None for what stands in the channel itself."""
        if notice.kind not in IN_THREAD or notice.card_id is None:
            return None
        return self.store.card(notice.card_id).ts

    def message(self, notice: Notice) -> Message | None:
        """The message as things stand now. None where it has to wait or cannot be drawn, and is put off; or where nothing is left to say."""
        try:
            return self._now_said(notice)
        except StoreError:
            raise
        except Exception as e:  # noqa: BLE001 - one notice that a mistake of ours keeps from being drawn must not hold up all
            self.store.put_off(notice.id, self.now() + BACK_OFF[1], f"cannot be drawn ({type(e).__name__})")
            log.error("notice.undrawn", extra={"notice": notice.id, "why": type(e).__name__})  # noqa: TRY400 - its text may quote mail
            return None

    def _now_said(self, notice: Notice) -> Message | None:
        if notice.kind is NoticeKind.TROUBLE:
            return Message(channel=notice.destination, key=notice.key, text=_sentence(notice))
        assert notice.report_id is not None
        assert notice.card_id is not None
        ts = self.store.card(notice.card_id).ts
        if notice.kind is not NoticeKind.CARD and ts is None:
            self.store.put_off(notice.id, self.now() + timedelta(seconds=2), "its card is not said yet")
            return None
        if notice.kind is NoticeKind.REMINDER:
            return self._reminder(notice, ts)
        view = self._view(notice)
        if notice.kind is NoticeKind.REPLY and not view.another_reply:
            self.store.mark_said(notice.id, self.now(), None)  # the details in the thread show it already
            return None
        text, blocks = {NoticeKind.DETAILS: details, NoticeKind.REPLY: suggestion}.get(notice.kind, card)(view)
        facts = {} if is_open(view.history) else {"disposition": view.verdict.disposition.value}
        if notice.kind in {NoticeKind.CARD, NoticeKind.UPDATE}:  # an edited card is still found by its first key
            first = self.store.card(notice.card_id).report_ids[0]
            facts["card"] = card_key(self.store.report(first), notice.destination)
        return Message(
            channel=notice.destination,
            key=notice.key,
            text=text,
            blocks=tuple(blocks),
            thread=ts if notice.kind in IN_THREAD else None,
            facts={"report": view.report, "kind": notice.kind.value, **facts},
        )

    def _reminder(self, notice: Notice, ts: str | None) -> Message | None:
        """None where somebody was faster than it."""
        assert notice.report_id is not None
        waits = waiting_since(self.store.history(notice.report_id)) is not None
        if not waits or self.store.holder(notice.report_id) is not None:
            self.store.withdraw(notice.id)
            return None
        facts = {"report": self.store.report(notice.report_id).short, "kind": notice.kind.value}
        return Message(channel=notice.destination, key=notice.key, text=_sentence(notice), thread=ts, facts=facts)

    def _view(self, notice: Notice) -> CardView:
        """What the message shows: of a card of several reports the one that is shown first, and the others named."""
        assert notice.report_id is not None
        # A follow-up's message is said once and never edited: buttons under it would stay for ever.
        pressable = self.pressable and notice.kind is not NoticeKind.FOLLOW_UP
        whole = notice.card_id is not None and notice.kind in {NoticeKind.CARD, NoticeKind.UPDATE}
        there = self.store.on_card(notice.card_id) if whole and notice.card_id is not None else ()
        report_id = shown_first(there).report_id if there else notice.report_id
        view = view_in(self.store, report_id, self.wording, self.tier, pressable=pressable)
        return replace(with_alike(view, report_id, there), possible_repeat=notice.possible_repeat)


def _sentence(notice: Notice) -> str:
    """Our own words; what may be a repeat says so."""
    return f"{notice.text}\n{REPEAT}" if notice.possible_repeat else notice.text
