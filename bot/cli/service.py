"""The bot at work: run, once, demo; and how it is: check, doctor, health."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import Config, Json, settings_of
from classifiers.errors import ConfigError, Problem

if TYPE_CHECKING:
    from bot.settings import Settings

NO_SLACK = "has no [slack], so cards can only be told on a terminal: triage run --to terminal"


class To(StrEnum):
    """Where cards are told."""

    SLACK = "slack"
    TERMINAL = "terminal"


Where = Annotated[To, typer.Option("--to", help="terminal: print the cards here; beside a [slack] that is a trial.")]


def run(config: Config = None, to: Where = To.SLACK) -> None:
    """Run the daemon until it is told to stop (SIGTERM, Ctrl-C). SIGHUP takes up a changed configuration."""
    from bot.configfile import find_file
    from bot.running import run as run_daemon
    from bot.secrecy import keep_to_oneself

    keep_to_oneself()
    path = find_file(config)
    run_daemon(path, lambda: _read(path, to))


def once(config: Config = None, to: Where = To.SLACK) -> None:
    """Read, judge and tell what is there, once, and leave; for cron."""
    from bot.assembly import one_pass
    from bot.configfile import find_file
    from bot.log import set_up
    from bot.secrecy import keep_to_oneself

    keep_to_oneself()
    settings = _read(find_file(config), to)
    set_up(settings.log.level, settings.log.format)
    outcome = one_pass(settings)
    print(
        f"{outcome.read} read, {outcome.judged} judged, {outcome.said} said, {outcome.waiting} still to be said",
        file=sys.stderr,
    )
    if outcome.failed:
        raise outcome.failed[0]
    if outcome.waiting:
        raise typer.Exit(75)


def _read(path: Path, to: To) -> Settings:
    """What the configuration says now, for a bot that tells its cards there."""
    from bot.assembly import on_terminal
    from bot.configfile import load

    settings = load(path)
    if to is To.TERMINAL:
        return on_terminal(settings)
    if not settings.tells_slack:
        raise ConfigError(Problem(str(path), NO_SLACK))
    return settings


def demo(
    keep: Annotated[
        bool,
        typer.Option(
            "--keep/--no-keep", help="Leave the page up until Ctrl-C. Default: on a terminal.", show_default=False
        ),
    ] = sys.stdin.isatty(),
) -> None:
    """The main job on this machine: a mailbox, a dozen mails, the real daemon, and Slack's stand-in. No account, no network."""
    from bot.local.demo import run_demo

    run_demo(keep=keep, say=print)


def check(config: Config = None, as_json: Json = False) -> None:
    """Check the configuration, its secrets and the rules; offline, changing nothing."""
    from bot.assembly import lint_configured, routes_of
    from bot.configfile import find_file, load
    from bot.settings import missing_secrets

    path = find_file(config)
    problems = []
    try:
        settings = load(path)
        problems = [*missing_secrets(settings), *lint_configured(settings)]
        if not problems:
            routes_of(settings)
    except ConfigError as e:
        problems = list(e.problems)
    if as_json:
        print(json.dumps({"schema": 1, "problems": [{"where": p.where, "what": p.what} for p in problems]}))
        if problems:
            raise typer.Exit(78)
    elif problems:
        raise ConfigError(*problems)
    else:
        print(f"{path}: nothing to mend" if settings.tells_slack else f"{path}: nothing to mend; it {NO_SLACK}")


def doctor(config: Config = None, as_json: Json = False) -> None:
    """Connect to everything that is configured, say how it is, change nothing."""
    from bot.doctor import examine

    rows = examine(settings_of(config))
    for row in rows:
        if as_json:
            print(json.dumps({"schema": 1, "part": row.part, "state": row.state, "what": row.what}))
        else:
            print(f"{row.part:12} {row.state:5} {row.what}")
    worst = next((row.exit_code for row in rows if row.exit_code), 0)
    if worst:
        raise typer.Exit(worst)


def health(config: Config = None, as_json: Json = False) -> None:
    """Say whether the daemon runs and gets its work done; exit code 0 when it does, 1 when not."""
    from bot.assembly import open_store
    from bot.clock import now
    from bot.health import health as health_of

    settings = settings_of(config)
    with open_store(settings) as store:
        it = health_of(store, settings, now())
    print(json.dumps(it.as_data()) if as_json else it.as_text())
    if not it.well:
        raise typer.Exit(1)
