"""A message's blocks as plain text, for a terminal or any notifier that draws none. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_DATE = re.compile(r"<!date\^[^|<>]{1,200}\|([^<>]{0,200})>")
_BOLD = re.compile(r"(?<![^\W_])\*([^*\n]{1,500})\*(?![^\W_])")
_SLANTED = re.compile(r"(?<![^\W_])_([^_\n]{1,500})_(?![^\W_])")
_ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_BAR = "│ "  # before what is quoted
_FROM, _TO = (
    "\ue000",
    "\ue001",
)  # around bold words while lines are wrapped: no stranger's word holds them (slack.shown)


def plain(text: str, blocks: Sequence[Mapping[str, Any]], *, width: int, bold: tuple[str, str] = ("", "")) -> str:
    """The blocks' words, wrapped; `text` where there are none. `bold`: what stands before and after bold words."""
    texts = [t for block in blocks for t in _texts(block)] or [text]
    drawn = "\n\n".join("\n".join(w for line in t.split("\n") for w in _wrapped(line, width)) for t in texts)
    return drawn.replace(_FROM, bold[0]).replace(_TO, bold[1])


def _texts(block: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a section, a context or a header; what can be pressed has none here."""
    told = [block["text"]] if "text" in block else [*block.get("fields", ()), *block.get("elements", ())]
    yield from (t["text"] for t in told if isinstance(t.get("text"), str))


def _wrapped(line: str, width: int) -> list[str]:
    quoted = line.startswith("&gt; ")
    words = _SLANTED.sub(r"\1", _DATE.sub(r"\1", line.removeprefix("&gt; ").replace("`", "")))
    words = _BOLD.sub(f"{_FROM}\\1{_TO}", words)
    for escape, character in _ESCAPES:
        words = words.replace(escape, character)
    bar = _BAR if quoted else ""
    return textwrap.wrap(words, width, initial_indent=bar, subsequent_indent=bar, break_on_hyphens=False) or [""]
