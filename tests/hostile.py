"""Hostile mail: each case a file in tests/mail/hostile, and what must come of it in tests/mail/outcomes.toml.

A small mail lies there as it is (.eml). Of a large one there is a recipe (.toml): pieces, each so many times, with {n}
counted up in it; or random bytes from a seed.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MAIL = Path(__file__).parent / "mail"


@dataclass(frozen=True)
class Outcome:
    """What must come of a mail."""

    what: str
    disposition: frozenset[str]  # one of these
    defects: frozenset[str] = frozenset()  # all of these, and others perhaps
    sender: str | None = None  # None: whatever
    subject: str | None = None
    word: str = "missing"  # the state of the acknowledgement


@cache
def outcomes() -> dict[str, Outcome]:
    """By case."""
    table = tomllib.loads((MAIL / "outcomes.toml").read_text(encoding="utf-8"))
    return {
        name: Outcome(**values | {k: frozenset(values.get(k, ())) for k in ("disposition", "defects")})
        for name, values in table.items()
    }


def files() -> dict[str, Path]:
    """By case."""
    return {p.stem: p for p in sorted((MAIL / "hostile").iterdir())}


def mail(name: str) -> bytes:
    """A case's bytes; the same every time."""
    path = files()[name]
    if path.suffix == ".eml":
        return path.read_bytes()
    recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    seeded = random.Random(name)
    return b"".join(_piece(seeded, **piece) for piece in recipe["pieces"])


def _piece(seeded: random.Random, *, text: str = "", times: int = 1, random: int = 0) -> bytes:
    """`text` holds bytes: a character below U+0100 each."""
    if random:
        return seeded.randbytes(random)
    if "{n}" not in text:
        return text.encode("latin-1") * times
    return "".join(text.replace("{n}", str(n)) for n in range(times)).encode("latin-1")
