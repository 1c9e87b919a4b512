"""What the bot remembers, looked after: backup, restore, verify."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import Config, Json, settings_of
from bot.clock import now
from classifiers.errors import UserError

if TYPE_CHECKING:
    from bot.settings import Settings

db_app = typer.Typer(help="The database: back it up, restore it, look through it.", no_args_is_help=True)


@db_app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; one that is there is replaced.")],
    config: Config = None,
) -> None:
    """Copy the database into one file, beside a running daemon. It holds mail: only you may read it."""
    from bot.assembly import open_store

    settings = settings_of(config)
    _sqlite(settings, "pg_dump --format=custom")
    with open_store(settings) as store:
        store.copy_to(file)
    print(
        f"{file} holds all reports and verdicts. The model and the seed of audits are files of their own in "
        f"{settings.state.folder}; `triage db restore {file}` puts this one back",
        file=sys.stderr,
    )


@db_app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `triage db backup` made.")], config: Config = None
) -> None:
    """Put a copy in the database's place. Stop the daemon first."""
    from bot.store import restore as put_back

    settings = settings_of(config)
    aside = put_back(file, _sqlite(settings, "pg_restore"), Path(settings.state.folder), now=now)
    print(
        f"{file} is in use from the next start on. Mail since then is read again; what was told of it is looked up in "
        "Slack and not told twice, but for lines of the digest. People's decisions since then are lost."
        + (f" What was there before is {aside}: remove it when you need it no more, it holds mail." if aside else ""),
        file=sys.stderr,
    )


@db_app.command("verify")
def verify(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A copy. Default: the database in use.", show_default=False)
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Look through the whole database, or a copy: pages, references, every kept mail against its key. Changes nothing."""
    from bot.assembly import open_store
    from bot.store import examine_file

    if file is not None:
        found = examine_file(file)
    else:
        with open_store(settings_of(config)) as store:
            found = store.examine()
    if as_json:
        data = {"schema": 1, "version": found.schema, "reports": found.reports, "verdicts": found.verdicts}
        print(json.dumps(data | {"problems": found.problems}))
    else:
        for problem in found.problems:
            print(problem)
        said = f"{len(found.problems)} problems" if found.problems else "sound"
        print(f"{said}: schema {found.schema}, {found.reports} reports, {found.verdicts} verdicts", file=sys.stderr)
    if found.problems:
        raise typer.Exit(1)


def _sqlite(settings: Settings, instead: str) -> str:
    """The database's URL. Raises UserError where it is a server's, which has its own tools."""
    from bot.assembly import database_url

    url = database_url(settings)
    if not url.startswith("sqlite"):
        raise UserError(f"state.url names a database server: use its own tool, {instead}")
    return url
