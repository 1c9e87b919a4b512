"""Judges labelled mail as the bot would, in the worker, and counts how often that was right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from bot.mail.sources import mails
from bot.tasks import Judged, Task
from bot.worker import Worker
from classifiers.errors import Problem, UserError
from classifiers.evaluation import Answer, Item, evaluate
from classifiers.labelled import as_mail, read_label, read_labelled
from classifiers.scorecard import Evaluation
from classifiers.terms import Disposition

CAP = 25 * 1000**2  # bytes of a mail that are read
LOOSE = frozenset({".eml", ".mbox"})


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label, and the mail it is of."""

    item: Item
    task: Task


def measure(path: Path, worker: Worker, known: Collection[str]) -> Evaluation:
    """The figures for labelled reports at `path`: a .jsonl, or a folder of .jsonl and of folders and mboxes named by label.

    `known` are the categories there are. Raises UserError naming everything that cannot be read, before any is judged,
    and where there is nothing to judge.
    """
    items: list[Item] = []

    def tasks() -> Iterator[Task]:
        for labelled in find(path, known):
            items.append(labelled.item)
            yield labelled.task

    answers: list[Answer] = []
    for number, judged in enumerate(worker.judge(tasks())):
        answers.append(Answer(verdict=judged.verdict, opinion=judged.opinion))
        items[number] = _filled(items[number], judged)
    if not items:
        raise UserError(f"{path} holds no labelled report")
    return evaluate(items, answers)


def _filled(item: Item, judged: Judged) -> Item:
    """A mail's words are known only once it was read."""
    return replace(item, subject=item.subject or judged.letterhead.subject, body=item.body or judged.text)


def find(path: Path, known: Collection[str]) -> Iterator[Labelled]:
    """Everything labelled at `path`, in the order of names; mails are read one at a time."""
    if not path.is_dir():
        return map(_of_item, read_labelled(path, known))
    problems: list[Problem] = []
    sources: list[Iterator[Labelled]] = []
    for entry in sorted(p for p in path.iterdir() if not p.name.startswith(".")):
        if entry.is_dir():
            label = read_label(entry.name, known)
            if isinstance(label, str):
                problems.append(Problem(f"{entry}/", label))
            else:
                sources.append(_in_files(path, _in_folder(entry), *label))
        elif entry.suffix == ".jsonl":
            try:
                sources.append(map(_of_item, read_labelled(entry, known)))
            except UserError as e:
                problems += e.problems
        elif entry.suffix == ".mbox" and not isinstance(label := read_label(entry.stem, known), str):
            sources.append(_in_files(path, [entry], *label))
        elif entry.suffix in LOOSE:
            problems.append(
                Problem(str(entry), "has no label: put it into a folder that is named by one, or name a .mbox so")
            )
    if problems:
        raise UserError(*problems)
    return chain.from_iterable(sources)


def _of_item(item: Item) -> Labelled:
    raw = as_mail(item)
    return Labelled(item, Task(raw=raw, size=len(raw), traced=False, closely=True))


def _in_folder(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith("."))


def _in_files(
    root: Path, files: Sequence[Path], disposition: Disposition, categories: frozenset[str]
) -> Iterator[Labelled]:
    for mail in mails(map(str, files), cap=CAP):
        name = mail.name.removeprefix(f"{root}/")
        item = Item(id=name, subject="", body="", disposition=disposition, categories=categories)
        yield Labelled(item, Task(raw=mail.raw, size=mail.size, truncated=mail.truncated, traced=False, closely=True))
