"""The daemon, made of its parts."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.assembly.chores import drafting_of, filing_of, reminders_of, weekly_of
from bot.assembly.chosen import model_file
from bot.assembly.pressing import socket_of
from bot.assembly.told import teller
from bot.assembly.wiring import Wired, wired
from bot.clock import now, steady

if TYPE_CHECKING:
    from bot.accounts import Accounts
    from bot.accountsettings import Account
    from bot.daemon import Daemon
    from bot.orders import Service
    from bot.probes import Probes
    from bot.reading import AccountReader
    from bot.retraining import Retraining
    from bot.settings import Settings
    from bot.voice import Voice
    from bot.watch import Watch


@contextmanager
def daemon(
    settings: Settings, pace: timedelta | None = None, config: Path | None = None, service: Service | None = None
) -> Iterator[Daemon]:
    """The daemon, ready to run. `pace`: between two messages, where it is not Slack's.

    `config`: the file that the settings were read from; without one nothing is trained by schedule. `service`: who runs it,
    where that is not the caller alone.
    """
    from bot.accounts import Accounts
    from bot.daemon import Daemon
    from bot.jobs import Parts
    from bot.orders import Orders, Service
    from bot.silence import Silences
    from bot.systemd import Systemd
    from bot.voice import Voice
    from bot.watch import Watch

    with wired(settings, pace, pressable=settings.slack.app_token is not None) as parts:
        accounts = Accounts(settings)
        watch, voice = Watch(), Voice(parts.store, teller(settings), settings.slack.channel, now)
        readers = [_reader(a, parts, accounts, voice) for a in settings.accounts]
        it = Daemon(
            Parts(
                # The daemon that they ask is made of them.
                socket=socket_of(settings, parts, lambda: it.deliver_soon()),  # noqa: PLW0108
                probes=_probes(settings, parts, watch, lambda: it.jobs.unready()),  # noqa: PLW0108
                watch=watch, voice=voice, readers=readers, now=now,
                silences=Silences(parts.store, readers, watch, voice, after=settings.watch.silent_after, now=now),
                service=service or Service(Orders(), Systemd(), renewed=lambda: settings),
                work=parts.work, store=parts.store, triage=parts.triage, delivery=parts.delivery,
                retraining=_retraining(settings, parts, config),
                digest_at=settings.slack.digest_at, timezone=settings.slack.timezone,
                keep_text=settings.state.keep_text, keep_corrections=settings.state.keep_corrections,
                weekly=weekly_of(settings, parts),
                reminders=reminders_of(settings, parts.store),
                drafts=drafting_of(settings, parts, accounts),
                filing=filing_of(settings, parts.store, accounts, voice.say),
            )
        )  # fmt: skip
        yield it


def _reader(account: Account, parts: Wired, accounts: Accounts, voice: Voice) -> AccountReader:
    from bot.accounts import reading_of
    from bot.reading import AccountReader

    return AccountReader(
        parts.triage,
        reading_of(account),
        partial(accounts.mailbox, account),
        every=account.poll_every,
        say=voice.say,
        now=now,
        steady=steady,
        jitter=random.Random(),
    )


def _probes(settings: Settings, parts: Wired, watch: Watch, ready: Callable[[], Sequence[str]]) -> Probes | None:
    """What probes may ask, where a port is configured."""
    if settings.watch.token is None:
        return None
    from bot.metrics import Metrics
    from bot.probes import Probes

    metrics = Metrics(parts.store, parts.worker, watch, parts.delivery.waits, [a.name for a in settings.accounts])
    token = settings.watch.token.read()
    return Probes(settings.watch.port, token, alive=watch.stuck, ready=ready, metrics=metrics.page)


def _retraining(settings: Settings, parts: Wired, config: Path | None) -> Retraining:
    from bot.retraining import PERIODS, Retraining

    train = ["-I", "-m", "bot", "model", "train", "--json", "--config", str(config.resolve() if config else "")]
    return Retraining(
        parts.store,
        parts.worker,
        model=partial(model_file, settings),
        every=PERIODS.get(settings.model.retrain) if config else None,
        command=[sys.executable, *train],
        channel=settings.slack.channel,
        now=now,
    )
