"""The command `triage`: what it offers, and how it says that something went wrong."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from bot import __version__
from bot.cli import audit, db, deploy, judge, making, mute, reclassify, reports, service, show
from bot.log import set_up
from classifiers.errors import Problem, TriageError, UserError

SAME = 30  # times that one problem is told with its place

app = typer.Typer(
    name="triage",
    help="Reads a security@ mailbox, holds every report against the disclosure policy, and tells the verdict in Slack.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, and so mail
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"triage {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


app.command()(service.run)
app.command()(service.once)
app.command()(service.demo)
app.command()(judge.judge)
app.command()(reclassify.reclassify)
app.command("list")(reports.list_reports)
app.command()(show.show)
app.command()(reports.export)
app.command()(mute.mute)
app.add_typer(audit.audit_app, name="audit")
app.add_typer(making.rules_app, name="rules")
app.add_typer(making.model_app, name="model")
app.command()(making.evaluate)
app.command()(service.check)
app.command()(service.doctor)
app.command()(service.health)
app.add_typer(db.db_app, name="db")
app.add_typer(deploy.deploy_app, name="deploy")
app.add_typer(making.slack_app, name="slack")


def main() -> None:
    """Runs a command. A person's mistake is a list without a traceback; the exit code says its kind."""
    set_up("warning", "text")  # what `run` and `once` log instead is configured
    try:
        app()
    except UserError as e:
        print(*_list_of(e.problems), sep="\n", file=sys.stderr)
        sys.exit(e.exit_code)
    except TriageError as e:
        print(e, file=sys.stderr)
        sys.exit(e.exit_code)
    except BrokenPipeError:  # `triage list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _list_of(problems: Sequence[Problem]) -> Iterator[str]:
    """A line each, and how many; where one thing is wrong in many places, of a whole file with other keys, the first few."""
    told: Counter[str] = Counter()
    for problem in problems:
        told[problem.what] += 1
        if told[problem.what] <= SAME:
            yield str(problem)
    yield from (f"{n - SAME} more: {what}" for what, n in told.items() if n > SAME)
    if len(problems) > 1:
        yield f"{len(problems)} problems"
