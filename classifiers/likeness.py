"""How alike two reports are: a short signature of each (MinHash), which can be compared but not read.

One template sent to many companies, a resend and a chaser share most of their five-word runs. A signature keeps, for
64 orders of all possible runs, the number of the run that comes first; two texts agree in as many places as they share
runs. Hosts, the names in them and numbers are made alike before: they are what a template fills in.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any

from classifiers.text import fold

SIZE = 64  # values of a signature; the estimate is off by about 0.06
RUN = 5  # words
SHORT = 12  # words; a text with fewer is like another only where both are the same
BANDS = 16  # of four values: two texts that are 0.7 alike share one in 99 of 100 cases, those 0.3 alike in 12
MOST_WORDS = 3_000
MOST_TEXT = 60_000  # characters that are looked at
LARGEST = 2**32 - 1

_TOKEN = re.compile(r"[^\W_]+(?:[.@_-][^\W_]+)*")
_PART = re.compile(r"[.@_-]")
_DIGITS = re.compile(r"\d+")
_FILES = frozenset(
    [
        "asp",
        "aspx",
        "bak",
        "conf",
        "config",
        "css",
        "csv",
        "db",
        "doc",
        "docx",
        "env",
        "exe",
        "git",
        "gz",
        "htm",
        "html",
        "ini",
        "jar",
        "java",
        "jpg",
        "js",
        "json",
        "jsp",
        "log",
        "md",
        "mp4",
        "pdf",
        "php",
        "png",
        "py",
        "rb",
        "sh",
        "sql",
        "svg",
        "tar",
        "toml",
        "ts",
        "txt",
        "xls",
        "xlsx",
        "xml",
        "yaml",
        "yml",
        "zip",
    ]
)
_BETWEEN = frozenset(
    ["ac", "co", "com", "edu", "gov", "net", "org"]
)  # of a host like shop.co.uk: its name stands before them
_HOST = "host"


@cache
def _constants(name: str) -> Any:
    import numpy as np  # takes longer to load than most commands run, and only a new signature needs it

    digests = (blake2b(f"{name} {i}".encode(), digest_size=8, person=b"likeness").digest() for i in range(SIZE))
    return np.array([int.from_bytes(d, "big") | 1 for d in digests], dtype=np.uint64)


def signature(own: str, everything: str) -> tuple[int, ...]:
    """The signature of a report whose writer's own words are `own`; () where there is nothing to compare.

    Where those are few ("see the request below"), `everything` the mail holds has to be the same.
    """
    import numpy as np

    words = _words(own)
    if len(words) >= SHORT:
        runs = set(map(" ".join, zip(*(words[i:] for i in range(RUN)), strict=False)))
    else:
        whole = " ".join(everything[:MOST_TEXT].split())
        if not whole:
            return ()
        runs = {f"the whole of {len(everything)} characters: {whole}"}
    digests = b"".join(_digest(run.encode("utf-8", "surrogatepass")) for run in runs)
    numbers = np.frombuffer(digests, dtype=">u8").astype(np.uint64)
    ordered = (numbers[:, None] * _constants("factor") + _constants("added")) >> np.uint64(32)
    return tuple(ordered.min(axis=0).tolist())


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """The share of runs that both texts have, 0 to 1, as far as their signatures tell."""
    if len(one) != SIZE or len(other) != SIZE:
        return 0.0
    return sum(a == b for a, b in zip(one, other, strict=True)) / SIZE


def bands(one: Sequence[int]) -> tuple[int, ...]:
    """Numbers (63 bits) to look a signature up by: texts that are much alike share at least one of them."""
    rows = SIZE // BANDS
    return tuple(
        int.from_bytes(_digest(struct.pack(f">{rows + 1}I", i, *one[i * rows : (i + 1) * rows])), "big") >> 1
        for i in range(len(one) // rows)
    )


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8, person=b"likeness").digest()


def _words(text: str) -> list[str]:
    """The words of a text, folded; a host, a name that stands in one of its hosts, and a number each made alike."""
    tokens = _TOKEN.findall(fold(text[:MOST_TEXT]).text)[:MOST_WORDS]
    distinct = set(tokens)
    hosts = {token for token in distinct if "." in token and _is_host(token)}
    names = {name for host in hosts for name in _names(host)}
    made = {token: _made_alike(token, hosts, names) for token in distinct}
    return [word for token in tokens for word in made[token]][:MOST_WORDS]


def _made_alike(token: str, hosts: Collection[str], names: Collection[str]) -> tuple[str, ...]:
    if token in hosts or token in names:
        return (_HOST,)
    if token.isalpha():
        return (token[:40],)
    return tuple(_HOST if part in names else _alike(part) for part in _PART.split(token))


def _is_host(token: str) -> bool:
    rest, dot, last = token.rpartition(".")
    return bool(dot and rest) and 2 <= len(last) <= 24 and last.isalpha() and last not in _FILES


def _names(host: str) -> Iterator[str]:
    """The company's name in a host: "acme" of shop.acme.co.uk."""
    labels = host.rpartition("@")[2].split(".")[:-1]
    while len(labels) > 1 and labels[-1] in _BETWEEN:
        labels.pop()
    if labels and len(labels[-1]) >= 3:
        yield labels[-1]
        yield labels[-1].replace("-", "")


def _alike(word: str) -> str:
    """Numbers as one number; a long word with digits in it is an id."""
    if not _DIGITS.search(word):
        return word[:40]
    return "0" if len(word) >= 8 else _DIGITS.sub("0", word)
