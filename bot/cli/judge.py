"""`triage judge`: mail in files, judged and printed; nothing is kept and nobody is told."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from bot import DEFAULT_POLICY
from bot.cli.options import Json, ModelFile, PolicyName, RulesFolder
from classifiers.text import json_line


def judge(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help=".eml, mbox, Maildir or a folder; - for standard input.")
    ],
    as_json: Json = False,
    policy: PolicyName = DEFAULT_POLICY,
    rules: RulesFolder = None,
    model: ModelFile = None,
    no_model: Annotated[bool, typer.Option("--no-model", help="Rules alone.")] = False,
) -> None:
    """Judge mail in files, touching nothing."""
    from bot.answer import as_data, for_people
    from bot.assembly import judging_worker
    from bot.mail.sources import FoundMail, mails
    from bot.tasks import Task

    names: list[str] = []

    def tasks(found: Iterable[FoundMail]) -> Iterator[Task]:
        for mail in found:
            names.append(mail.name)
            yield Task(raw=mail.raw, size=mail.size, truncated=mail.truncated, traced=False)

    broken = 0
    with judging_worker(policy=policy, rules=rules, model=model, use_model=not no_model) as worker:
        found = mails(paths, cap=25 * 1000**2, stdin=sys.stdin.buffer)
        for number, judged in enumerate(worker.judge(tasks(found))):
            broken += bool(judged.broken)
            source = names[number]
            if as_json:
                print(json_line(as_data(source, judged.verdict, judged.letterhead)))
            else:
                print(for_people(source, judged.verdict, judged.letterhead), end="\n\n")
    if not names:
        print("no mail found", file=sys.stderr)
    if broken or not names:
        raise typer.Exit(1)
