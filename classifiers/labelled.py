"""Labelled reports, read from lines of JSON: what people say a report is."""

from __future__ import annotations

import json
from collections.abc import Collection
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from classifiers.errors import Problem, UserError
from classifiers.evaluation import Item
from classifiers.terms import Disposition

KEYS = ("id", "subject", "body", "disposition", "categories")


def read_labelled(path: Path, known: Collection[str]) -> list[Item]:
    """Items of a .jsonl with id, subject, body, disposition, categories; other keys are passed over.

    `known` are the categories there are. Raises UserError naming every bad line.
    """
    problems: list[Problem] = []
    items: list[Item] = []
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as e:
        raise UserError(f"{path} cannot be read: {e.strerror}") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            item = _item(line, known)
            if isinstance(item, str):
                problems.append(Problem(f"{path.name} line {number}", item))
            else:
                items.append(item)
    if problems:
        raise UserError(*problems)
    return items


def _item(line: bytes, known: Collection[str]) -> Item | str:
    """The item on a line, or what is wrong with it."""
    try:
        data = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as e:
        return "is no UTF-8" if isinstance(e, UnicodeDecodeError) else "is no JSON"
    if not isinstance(data, dict):
        return "is no JSON object"
    if lacking := [key for key in KEYS if key not in data]:
        return f"lacks {', '.join(lacking)}"
    texts, categories = [data[key] for key in KEYS[:-1]], data["categories"]
    if not isinstance(categories, list) or not all(isinstance(x, str) for x in (*texts, *categories)):
        return "id, subject, body and disposition are texts, categories a list of texts"
    label = read_label("+".join((data["disposition"], *categories)), known)
    if isinstance(label, str):
        return label
    return Item(
        id=data["id"], subject=data["subject"], body=data["body"], disposition=label[0], categories=label[1]
    )  # fmt: skip


def read_label(text: str, known: Collection[str]) -> tuple[Disposition, frozenset[str]] | str:
    """`disposition` or `disposition+category+category`, or what is wrong with it."""
    disposition, *categories = text.split("+")
    if disposition not in list(Disposition):
        return f"{disposition[:60]!r} is no disposition; there are {', '.join(Disposition)}"
    if strange := [c for c in categories if c not in known]:
        return f"no category is called {', '.join(strange)[:120]!r}; there are {', '.join(sorted(known))}"
    return Disposition(disposition), frozenset(categories)


def as_mail(item: Item) -> bytes:
    """The item as a small plain mail."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
    mail["From"] = "Reporter <reporter@sender.example>"
    mail["Subject"] = " ".join(_plain(item.subject).split())[:400]
    mail.set_content(_plain(item.body), charset="utf-8", cte="base64")
    return mail.as_bytes()


def _plain(text: str) -> str:
    """Without control characters and halves of surrogate pairs: JSON can spell them, a mail cannot."""
    return "".join(c for c in text if c in "\n\t" or c >= " ").encode("utf-8", "replace").decode()
