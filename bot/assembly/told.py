"""Who tells the cards, where, and in the words of which policy."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.assembly.chosen import MODEL, known_categories, model_file, rules_folder
from classifiers.errors import ConfigError, Problem

if TYPE_CHECKING:
    from bot.ports import Notifier
    from bot.routing import Routes
    from bot.settings import Settings
    from bot.showing import Wording
    from bot.slack.client import SlackNotifier


def wording(settings: Settings) -> Wording:
    """The policy's words that cards need."""
    domains = {account.user.rpartition("@")[2].lower() for account in settings.accounts if "@" in account.user}
    words = policy_wording(
        rules_folder(settings.policy.rules), settings.policy.name, own_domains=tuple(sorted(domains))
    )
    return replace(words, drafts=settings.replies.draft)


def policy_wording(rules: Path, name: str, own_domains: tuple[str, ...] = ()) -> Wording:
    from bot.showing import Wording
    from classifiers.policyfiles import load_policy
    from classifiers.rulebook import Rulebook

    rulebook = Rulebook.load(rules)
    policy = load_policy(rules, name, rulebook)
    return Wording(
        policy=policy.title,
        word=policy.word,
        titles={c.id: c.title for c in rulebook.categories},
        carve_outs={
            c.id: tuple(r.source.rpartition(".")[2] for r in rulebook.rules if r.group == c.id and not r.speaks_for)
            for c in rulebook.categories
        },
        requested={r.id: r.title for r in policy.requested},
        assets={a.id: a.title for a in policy.assets},
        own_domains=own_domains,
        budget=policy.budget,
        replies=policy.replies,
        clauses={
            c.id: (text, kind)
            for c in rulebook.categories
            for text, kind in [policy.clause_of(c.id, ())]
            if text and kind
        },
        url=policy.url,
    )


def notifier(settings: Settings) -> SlackNotifier:
    from bot.slack.client import SlackNotifier

    slack = settings.slack
    return SlackNotifier(token=slack.bot_token.read, base_url=slack.base_url, timeout=slack.timeout.total_seconds())


def teller(settings: Settings) -> Notifier:
    """Who tells the cards: Slack, or the terminal where no Slack is configured."""
    if settings.tells_slack:
        return notifier(settings)
    from bot.terminal import TerminalNotifier

    bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return TerminalNotifier(sys.stdout, width=shutil.get_terminal_size().columns, bold=bold)


def on_terminal(settings: Settings) -> Settings:
    """The settings of a bot that tells its cards on a terminal.

    Beside a configured Slack that is a trial: it remembers in a folder of its own, so that nothing is missing in Slack.
    """
    from bot.settings import TERMINAL

    if not settings.tells_slack:
        return settings
    folder = Path(settings.state.folder) / "terminal"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (own := model_file(settings)) != MODEL:
        shutil.copyfile(own, folder / "model.npz")
    return settings.model_copy(
        update={
            "slack": settings.slack.model_copy(
                update={"channel": TERMINAL, "app_token": None, "routes": settings.slack.routes.in_one(TERMINAL)}
            ),
            "state": settings.state.model_copy(update={"folder": str(folder), "url": ""}),
            "model": settings.model.model_copy(update={"retrain": ""}),
            "replies": settings.replies.model_copy(update={"draft": False}),
        }
    )


def routes_of(settings: Settings) -> Routes:
    """Where and when verdicts are told. Raises ConfigError where a category is routed that there is not."""
    routed = settings.slack.routes.categories
    known = known_categories(settings) if routed else ()
    unknown = [c for c in routed if c not in known]
    if unknown:
        raise ConfigError(*(Problem("slack.routes.categories", f"there is no category {c}") for c in unknown))
    return settings.slack.routed
