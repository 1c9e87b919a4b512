"""Slack's blocks of our own words, always within its limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

SECTION = 2900  # characters of a section's text; Slack takes 3000
BLOCKS = 48  # of a message; Slack takes 50
ALTOGETHER = 12_000  # characters of a message's blocks; Slack refuses more than about 13,200 (slackapi/bolt-js#2509)
Blocks = list[dict[str, Any]]


def section(text: str, most: int = SECTION) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": cut(text, most)}}


def context(text: str, most: int) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "verbatim": True, "text": cut(text, most)}]}


def units(text: str) -> int:
    """UTF-16 units: whichever way Slack counts, these are no fewer."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """At most so long, and no half of a character or an escape at the end."""
    if units(text) <= most:
        return text
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (most - 1)].decode("utf-16-le", "ignore")
    amp = kept.rfind("&", max(0, len(kept) - 5))
    return (kept[:amp] if amp >= 0 and ";" not in kept[amp:] else kept) + "…"


def fitting(blocks: Blocks, report: str) -> Blocks:
    """As many blocks from the first on as one message takes; where some are left out, how to see them."""
    kept: Blocks = []
    room = ALTOGETHER - 600
    for block in blocks[: BLOCKS - 2]:
        room -= units(block["text"]["text"])
        if room < 0:
            break
        kept.append(block)
    if len(kept) < len(blocks):
        kept.append(section(f"{len(blocks) - len(kept)} more: `triage show {report}`"))
    return kept


def packed(lines: Sequence[str]) -> Iterator[str]:
    """Lines joined to texts that fit a section."""
    text = ""
    for line in lines:
        if text and units(text) + units(line) + 1 > SECTION:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
    if text:
        yield text
