"""The parts of a mixed report as Slack shows them: one line on the card, one by one in its thread. Pure.

What of the mail stands in them is the caller's choice: `of_the_mail` gives its words as the tier shows them, or "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.slack.shown import ours, shown
from classifiers.partsummary import KINDS, clause_of, in_short
from classifiers.terms import PartKind, PartVerdict, Verdict

QUOTE = 120  # characters of a part's words on the card
TOGETHER = 6  # parts in one text of the details
OfTheMail = Callable[[str, int], str]


def parts_in_short(verdict: Verdict, of_the_mail: OfTheMail, title: Callable[[str], str]) -> str:
    """The card's line; "" where the report is not mixed."""
    if not verdict.parts:
        return ""
    return f"*Parts* {in_short(verdict.parts, title, lambda p: of_the_mail(p.quote, QUOTE))}"


def parts_in_full(verdict: Verdict, of_the_mail: OfTheMail, title: Callable[[str], str]) -> Iterator[str]:
    """Every part of which something is known, with its clause, what the rules and the model say; some in each text."""
    told = [_part(verdict, p, of_the_mail, title) for p in verdict.parts if p.kind is not PartKind.UNTOLD]
    for at in range(0, len(told), TOGETHER):
        yield "\n".join([*(["*Parts*"] if at == 0 else []), *told[at : at + TOGETHER]])


def _part(verdict: Verdict, part: PartVerdict, of_the_mail: OfTheMail, title: Callable[[str], str]) -> str:
    named = f" {title(part.category)}" if part.category else ""
    quote = f" “{words}”" if (words := of_the_mail(part.quote, QUOTE)) else ""
    clause, kind = clause_of(verdict, part)
    says = [
        *([f"clause “{ours(clause, 100)}”" + (" by extension" if kind == "by_extension" else "")] if clause else []),
        *(f"`{shown(source, 100)}`" for source in part.sources[:3]),
        *([f"model: {part.live:.0%} in scope"] if part.live is not None else []),
    ]
    return f"*{KINDS[part.kind]}*{named}{quote} _({part.where.value})_" + (f"\n{' · '.join(says)}" if says else "")
