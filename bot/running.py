"""The daemon as a service: run until it is told to stop, and run anew with what changed when it is told to reload."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.assembly import daemon, lint_configured, open_store, routes_of, worker_of
from bot.log import set_up
from bot.memory import give_back, hold_little
from bot.orders import Orders, Service
from bot.systemd import Systemd
from classifiers.errors import ConfigError, TriageError

if TYPE_CHECKING:
    from bot.settings import Settings

log = logging.getLogger("triage")


def run(path: Path, read: Callable[[], Settings]) -> None:
    """Blocks. `read`: the configuration as it stands now, checked. Raises TriageError where the first one cannot be started.

    A changed configuration is taken whole, with its rules, policy, model and secrets, or not at all: it is tried beside
    the running daemon first, and where it cannot be started after all the one before is.
    """
    hold_little()
    service = Service(Orders(), Systemd(), partial(renewed, read))
    service.orders.listen()
    settings, before = read(), None
    while True:
        set_up(settings.log.level, settings.log.format)
        try:
            with daemon(settings, config=path, service=service) as it:
                it.run()
        except TriageError as e:
            if before is None:
                raise
            log.error("reload.failed", extra={"what": f"the configuration before is in use: {e}"})  # noqa: TRY400
            settings, before = before, None
            continue
        if it.renewal is None:
            return
        settings, before = it.renewal, settings


def renewed(read: Callable[[], Settings]) -> Settings:
    """The configuration as it stands now, tried: secrets, rules, policy, model, database. Raises TriageError with all that is wrong."""
    from bot.settings import missing_secrets

    try:
        settings = read()
        problems = (*missing_secrets(settings), *lint_configured(settings))
        if problems:
            raise ConfigError(*problems)
        routes_of(settings)
        with open_store(settings), worker_of(settings) as worker:
            worker.versions  # noqa: B018 - starts it
    finally:
        give_back()  # proving the rules takes half as much as the whole daemon
    return settings
