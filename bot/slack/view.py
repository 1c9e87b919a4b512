"""What a card may need of a report, and how much of the mail a tier lets it show. Pure.

full     subject, quotes, the sender
reduced  subject and quotes, without mail addresses but our own (the default)
ids      no word of the mail: ids, dispositions, clauses, rules
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.ports import Act, Letterhead, OnCard, RecordedVerdict
from bot.precedent import Precedent
from bot.slack.shown import ours, shown
from classifiers.terms import Disposition, Evidence, Verdict

QUOTE = 240
TITLE = 80  # of a category, or the word
REPEAT = "_possible repeat: an earlier attempt may have been said, and could not be looked up_"


class Tier(StrEnum):
    """How much of a mail Slack gets."""

    FULL = "full"
    REDUCED = "reduced"
    IDS = "ids"


TITLES = {
    Disposition.IN_SCOPE: "In scope",
    Disposition.OUT_OF_SCOPE: "Out of scope",
    Disposition.INCOMPLETE: "Incomplete",
    Disposition.NOT_A_REPORT: "Not a report",
    Disposition.NEEDS_REVIEW: "Needs review",
}

SIGNS = {
    Disposition.IN_SCOPE: "🔴",
    Disposition.OUT_OF_SCOPE: "⚪",
    Disposition.INCOMPLETE: "🟡",
    Disposition.NOT_A_REPORT: "⚪",
    Disposition.NEEDS_REVIEW: "🔵",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """Everything a card may need of one report."""

    report: str  # the id people see
    account: str
    received_at: datetime
    from_junk: bool
    recorded: RecordedVerdict
    history: tuple[RecordedVerdict, ...]
    head: Letterhead | None  # None: purged
    tier: Tier
    word: str
    titles: Mapping[str, str]
    requested: Mapping[str, str]
    assets: Mapping[str, str]
    own_domains: tuple[str, ...] = ()
    possible_repeat: bool = False
    precedents: tuple[Precedent, ...] = ()  # the latest first
    follows: str = ""  # the id of the report whose thread it belongs to
    claimed: str = ""  # the id of a report of another sender that it names as its thread
    key: str = ""  # the report's whole key
    folder: str = ""  # where the mail lay
    size: int = 0  # bytes
    taken: Act | None = None  # who looks after it
    reply: str = ""  # the suggested one; "" where the policy has none
    drafts: bool = False  # once somebody decided, it lies in the mailbox as a draft
    another_reply: bool = False  # a person decided, and it is another than what the card's thread shows
    alike: tuple[OnCard, ...] = ()  # the other reports on the same card
    upto: int = 0  # the last report's id on a card of several
    pressable: bool = False  # whether somebody listens to buttons
    carve_outs: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # by category: what is looked for against it

    @property
    def said(self) -> tuple[object, ...]:
        """As ports.OnCard.said."""
        return (
            self.verdict.disposition,
            tuple(sorted(f.category for f in self.verdict.categories)),
            self.recorded.decided_by,
        )

    @property
    def same(self) -> tuple[OnCard, ...]:
        """The others on its card that are decided with it."""
        return tuple(r for r in self.alike if r.said == self.said)

    @property
    def verdict(self) -> Verdict:
        return self.recorded.verdict

    def of_the_mail(self, text: str, limit: int = QUOTE) -> str:
        """Words of the mail as this tier shows them; "" where it shows none."""
        sender = self.head.sender if self.head else ""
        return words_of(text, limit, tier=self.tier, sender=sender, own_domains=self.own_domains)

    def title(self, category: str) -> str:
        return ours(self.titles.get(category, category), TITLE)


def words_of(text: str, limit: int, *, tier: Tier, sender: str, own_domains: tuple[str, ...]) -> str:
    """Words of a mail as a tier shows them; "" where it shows none."""
    if tier is Tier.IDS or not text:
        return ""
    if tier is Tier.FULL:
        return shown(text, limit)
    return shown(text, limit, sender=sender, own_domains=own_domains)


def seen(view: CardView, e: Evidence) -> str:
    quote = view.of_the_mail(e.quote)
    where = f" _({e.where.value})_" if e.where else ""
    return f"&gt; “{quote}”{where}\n{reason(view, e)}" if quote else reason(view, e)


def reason(view: CardView, e: Evidence) -> str:
    """Our sentence; the model's names words of the mail, which are shown as the tier shows them."""
    if e.source != "model":
        return shown(e.reason, 200)
    return view.of_the_mail(e.reason, 200) or shown(e.reason.split(" for “")[0], 200)


def name_of(decided_by: str) -> str:
    """Who it was, as people call them: "ana" of "person:ana (U0ANA)"."""
    name = decided_by.removeprefix("person:")
    return shown(re.sub(r" \([UW][A-Z0-9]{1,30}\)$", "", name), 80)
