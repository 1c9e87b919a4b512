"""The digest: one line each of what did not need a card. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.slack.blocks import ALTOGETHER, Blocks, packed, section, units
from bot.slack.shown import escaped
from bot.slack.view import TITLES, Tier, words_of
from classifiers.terms import Disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLine:
    """One report in the digest."""

    report: str
    disposition: Disposition
    categories: tuple[str, ...]
    subject: str
    sender: str
    from_junk: bool
    muted: bool = False  # its sender


def digest(
    lines: Sequence[DigestLine], *, tier: Tier, own: tuple[str, ...] = (), sentences: Sequence[str] = ()
) -> tuple[str, Blocks]:
    """One line each of what did not need a card, after `sentences` of our own. Every line is there; subjects shrink."""
    title = f"{len(lines) or 'No'} quiet {'mails' if len(lines) > 1 else 'mail'}"
    texts: list[str] = []
    for subject in (100, 30, 0):
        texts = list(packed([f"*{title}*", *sentences, *(_digested(line, tier, own, subject) for line in lines)]))
        if sum(map(units, texts)) <= ALTOGETHER:
            break
    return title, [section(s) for s in texts]


def _digested(line: DigestLine, tier: Tier, own: tuple[str, ...], limit: int) -> str:
    subject = words_of(line.subject, limit, tier=tier, sender=line.sender, own_domains=own) if limit else ""
    named = f" ({escaped(', '.join(line.categories[:3]))})" if line.categories else ""
    junk = ", junk" if line.from_junk else ""
    muted = ", muted" if line.muted else ""
    return f"`{line.report}` {TITLES[line.disposition]}{named}{junk}{muted}" + (f": “{subject}”" if subject else "")
