"""What the bot remembers, and what of its audits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot.assembly.told import wording
from bot.clock import now
from classifiers.errors import ConfigError, Problem

if TYPE_CHECKING:
    from bot.audit import Audit, Drawing
    from bot.settings import Settings
    from bot.store import Store

SHORTEST_SEED = 16


def database_url(settings: Settings) -> str:
    """Where the bot remembers."""
    return settings.state.url or f"sqlite:///{Path(settings.state.folder)}/triage.db"


def open_store(settings: Settings) -> Store:
    """What the bot remembers."""
    from bot.store import Store

    secret = settings.state.password
    return Store.open(database_url(settings), now=now, password=secret.read() if secret else "")


def drawing(settings: Settings, budget: float) -> Drawing:
    """How audits are drawn. Call it while holding the state folder: the first start makes the seed."""
    from bot.audit import Drawing
    from bot.store import audit_seed

    share, given = settings.audit.share, settings.audit.seed
    if not share:
        return Drawing(budget=budget)
    seed = given.read().encode() if given else audit_seed(Path(settings.state.folder))
    if len(seed) < SHORTEST_SEED:
        raise ConfigError(Problem("audit.seed", f"is too short to be secret: {SHORTEST_SEED} characters or more"))
    return Drawing(share=share, seed=seed, budget=budget)


def audit_state(settings: Settings, store: Store) -> tuple[tuple[Audit, ...], frozenset[str], float]:
    """All audits, the categories they stopped, and the policy's budget."""
    from bot.audit import stopped

    audits, budget = store.audits(), wording(settings).budget
    return audits, stopped(audits, store.clearances(), budget), budget
