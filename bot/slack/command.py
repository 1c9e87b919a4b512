"""`/triage …`: what is asked, read from what somebody typed into Slack. Pure.

The words are those of the command line. A telephone's keyboard makes “curved” quotes and one dash of two: both are undone.
"""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import dataclass
from typing import NoReturn

from classifiers.errors import UserError
from classifiers.terms import Disposition

VERBS = ("status", "open", "mutes", "show", "rerun", "mute", "unmute", "reclassify")
USAGE = "status | open | show ID | rerun ID | reclassify ID | mute ID | unmute ID | mutes | help"
HELP = """\
`/triage status` how triage stands · `/triage open` what waits for a person · `/triage show ID` one report
`/triage rerun ID` judges it again · `/triage reclassify ID` opens “Change…”; or at once: \
`/triage reclassify ID --as out_of_scope --category NAME --reason "…"`, `--word`, `--no-word`, \
`--undo` takes a person's word back · `/triage mute ID` its sender, `/triage unmute ID`, `/triage mutes` who is muted"""
_TYPED = str.maketrans(dict.fromkeys("\u201c\u201d\u201e", '"') | dict.fromkeys("\u2018\u2019", "'") | {"\u00a0": " "})
_DASHES = re.compile(r"(?<!\S)[\u2013\u2014](?=[a-z])")
_ID = re.compile(r"[0-9a-fA-F]{4,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for."""

    verb: str
    report: str = ""
    given: Disposition | None = None
    categories: tuple[str, ...] = ()
    reason: str = ""
    word: bool | None = None
    undo: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}. `/triage help` lists what there is")


def read(text: str) -> Asked:
    """What is asked. Raises UserError for what makes no sense."""
    words = _words(text)
    if not words or words == ["help"]:
        return Asked(verb="help")
    if len(words) == 1 and _ID.fullmatch(words[0]):
        return Asked(verb="show", report=words[0])
    if words[0] not in VERBS:
        raise UserError(f"there is no “{words[0][:40]}”. `/triage help` lists what there is")
    said = vars(_parser().parse_args(words))
    asked = Asked(
        verb=said["verb"], report=said.get("report", ""), given=said.get("given"), word=said.get("word"),
        categories=tuple(said.get("categories") or ()), reason=" ".join(said.get("reason") or ()), undo=said.get("undo", False),
    )  # fmt: skip
    if asked.given is None and (asked.categories or asked.word is not None):
        raise UserError("--category and --word go with --as")
    if asked.undo and asked.given is not None:
        raise UserError("--undo takes a person's word back, --as says one; one of the two")
    return asked


def _words(text: str) -> list[str]:
    plain = _DASHES.sub("--", text.translate(_TYPED))
    try:
        return shlex.split(plain)
    except ValueError:  # an apostrophe in a reason
        return plain.split()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="/triage", add_help=False, allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", parser_class=_Parser, required=True)
    for verb in VERBS:
        of = verbs.add_parser(verb, add_help=False, allow_abbrev=False)
        if verb not in {"status", "open", "mutes"}:
            of.add_argument("report", metavar="ID")
    of.add_argument("--as", dest="given", type=_disposition, metavar="WHAT")
    of.add_argument("--category", dest="categories", action="append", metavar="CATEGORY")
    of.add_argument("--reason", nargs="+")
    of.add_argument("--word", action=argparse.BooleanOptionalAction, default=None)
    of.add_argument("--undo", action="store_true")
    return parser


def _disposition(text: str) -> Disposition:
    try:
        return Disposition(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(Disposition)}") from None
