"""What runs triage elsewhere: a systemd unit, a Dockerfile."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

import bot

deploy_app = typer.Typer(help="Files to run triage as a service.", no_args_is_help=True)
FILES = Path(bot.__file__).parent / "deploy"


@deploy_app.command("unit")
def unit() -> None:
    """Print a systemd unit, locked down, for this installation. Its first lines say what to do with it."""
    here = str(Path(sys.executable).with_name("triage"))
    print((FILES / "triage.service").read_text(encoding="utf-8").replace("@TRIAGE@", here), end="")


@deploy_app.command("dockerfile")
def dockerfile() -> None:
    """Print a Dockerfile, for a checkout. Its first lines say how to build and run it."""
    print((FILES / "Dockerfile").read_text(encoding="utf-8"), end="")
