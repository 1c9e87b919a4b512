"""The bot's parts, wired: what reads, judges, keeps and tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.assembly.chosen import worker_of
from bot.assembly.kept import drawing, open_store
from bot.assembly.told import routes_of, teller, wording
from bot.clock import now
from bot.worker import Worker

if TYPE_CHECKING:
    from bot.delivery import Delivery
    from bot.routing import Routes
    from bot.settings import Settings
    from bot.shares import Work
    from bot.showing import Wording
    from bot.store import Store
    from bot.triage import Triage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """The bot's parts, wired."""

    store: Store
    worker: Worker
    triage: Triage
    delivery: Delivery
    work: Work
    wording: Wording
    routes: Routes


@contextmanager
def wired(settings: Settings, pace: timedelta | None = None, *, pressable: bool = False) -> Iterator[Wired]:
    """The bot's parts, ready; the rules, the model and the secrets were found good.

    Refuses a second bot on one state folder, but where a database server keeps what several share.

    `pressable`: somebody will listen to what people press, so that cards have buttons.
    """
    from bot.settings import TERMINAL
    from bot.store import lock_state_folder
    from bot.triage import Triage

    if settings.tells_slack:
        settings.slack.bot_token.read()
    words = wording(settings)
    routes = routes_of(settings)
    folder = Path(settings.state.folder)
    alone = nullcontext() if settings.state.shared else lock_state_folder(folder)
    with open_store(settings) as store, alone, worker_of(settings) as worker:
        work = _work(settings, store)
        worker.versions  # noqa: B018  starts it, so that bad rules are told now and not at the first mail
        if settings.tells_slack:
            store.resettle(TERMINAL, routes.channel)
        yield Wired(
            store=store,
            worker=worker,
            triage=Triage(store=store, worker=worker, routes=routes, now=now, drawing=drawing(settings, words.budget)),
            delivery=_delivery(settings, store, words, work, pace=pace, pressable=pressable),
            work=work,
            wording=words,
            routes=routes,
        )


def _work(settings: Settings, store: Store) -> Work:
    """What of all the work is this copy's."""
    from bot.shares import All, Share

    if not settings.state.shared:
        return All()
    return Share(store, [a.name for a in settings.accounts], lasting=settings.state.lease, now=now)


def _delivery(
    settings: Settings, store: Store, words: Wording, work: Work, *, pace: timedelta | None, pressable: bool
) -> Delivery:
    """What tells the cards. `pace`: between two messages, where it is not Slack's."""
    from bot.delivery import Delivery
    from bot.pacing import PACE
    from bot.slack.view import Tier

    return Delivery(
        store,
        teller(settings),
        words,
        channel=settings.slack.routed.channel,
        tier=Tier(settings.slack.tier),
        grace=settings.slack.grace,
        now=now,
        pace=(PACE if settings.tells_slack else timedelta()) if pace is None else pace,
        pressable=pressable,
        who=work.name,
        claim=settings.state.lease,
    )
