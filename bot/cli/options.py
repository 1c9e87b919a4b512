"""Options that several commands share."""

from __future__ import annotations

import getpass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifiers.errors import UserError

if TYPE_CHECKING:
    from bot.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The configuration. Default: $TRIAGE_CONFIG, ./config.toml, /etc/triage/config.toml.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print data: one JSON object a line.")]
PolicyName = Annotated[str, typer.Option("--policy", help="The policy's name, or its file: acme.toml.")]
RulesFolder = Annotated[
    Path | None,
    typer.Option("--rules", help="A folder of rules. Default: those that came with triage.", show_default=False),
]
ModelFile = Annotated[
    Path | None,
    typer.Option("--model", help="A model file. Default: the one that came with triage.", show_default=False),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page with the plots, too.", show_default=False),
]

Since = Annotated[str | None, typer.Option("--since", help="Reports of the last 30d, 12h, …", show_default=False)]


def ago(since: str) -> timedelta:
    """How far back `--since` reaches."""
    from bot.sections import duration

    try:
        return duration(since)
    except ValueError as e:
        raise UserError(f"--since: {since!r} {e}") from None


def write_page(path: Path, page: str) -> None:
    """Writes a page that its owner alone may read: it may quote mail."""
    try:
        path.touch(mode=0o600)
        path.write_text(page, encoding="utf-8")
    except OSError as e:
        raise UserError(f"{path} cannot be written: {e.strerror}") from None


def settings_of(config: Path | None) -> Settings:
    """The configuration that this command needs."""
    from bot.configfile import find_file, load

    return load(find_file(config))


def who(by: str | None) -> str:
    """`person:<who>` for the record: --by, else the user of this session."""
    return f"person:{by or getpass.getuser()}"
