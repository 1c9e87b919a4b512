"""Mail that lies in files: .eml, mbox, Maildir, or a folder of anything; read, never touched."""

from __future__ import annotations

import mailbox
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from classifiers.errors import UserError

PREFIX = 256 * 1024  # bytes that are kept of a mail over the cap
_MBOX = b"From "


@dataclass(frozen=True, slots=True)
class FoundMail:
    """One mail and where it was found; `name` ends in #<n> in a mbox, counted from 1."""

    name: str
    raw: bytes
    size: int
    truncated: bool = False


def mails(paths: Iterable[str], *, cap: int, stdin: BinaryIO | None = None) -> Iterator[FoundMail]:
    """The mails in these files and folders, in the order of their names; "-" is standard input.

    Raises UserError for paths that do not exist, before the first mail.
    """
    paths = list(paths)
    missing = [p for p in paths if p != "-" and not Path(p).exists()]
    if missing:
        raise UserError(*(f"{p}: no such file or folder" for p in missing))
    for path in paths:
        if path == "-":
            assert stdin is not None
            data = stdin.read(cap + 1)
            yield from _cut("-", data, len(data), cap)
        elif Path(path).is_dir():
            for file in sorted(f for f in Path(path).rglob("*") if f.is_file() and not _is_maildir_tmp(f)):
                yield from _in_file(file, cap)
        else:
            yield from _in_file(Path(path), cap)


def _is_maildir_tmp(file: Path) -> bool:
    # Half-delivered mail; and Dovecot's own files, which are no mail.
    beside = file.parent.parent
    return (file.parent.name == "tmp" and (beside / "cur").is_dir()) or file.name.startswith(
        ("dovecot", "maildirfolder")
    )


def _in_file(path: Path, cap: int) -> Iterator[FoundMail]:
    try:
        size = path.stat().st_size
        with path.open("rb") as f:
            start = f.read(min(size, cap) if size <= cap else PREFIX)
    except OSError as e:
        raise UserError(f"{path} cannot be read: {e.strerror}") from None
    if start.startswith(_MBOX):
        yield from _in_mbox(path, cap)
    else:
        yield from _cut(str(path), start, size, cap)


def _in_mbox(path: Path, cap: int) -> Iterator[FoundMail]:
    box = mailbox.mbox(path, create=False)
    try:
        for number, key in enumerate(box.keys(), 1):
            raw = box.get_bytes(key)
            yield from _cut(f"{path}#{number}", raw, len(raw), cap)
    finally:
        box.close()


def _cut(name: str, raw: bytes, size: int, cap: int) -> Iterator[FoundMail]:
    if size > cap:
        yield FoundMail(name, raw[:PREFIX], size, truncated=True)
    else:
        yield FoundMail(name, raw, size)
