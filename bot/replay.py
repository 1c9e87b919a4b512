"""What judging again would change, measured by what people decided: before a policy, a rule or a model is deployed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from bot.correction import Change
from classifiers.rates import Rate
from classifiers.terms import DISMISSALS, Disposition

_COSTS = {"agrees": 0, "left to a person": 1, "wrong": 2, "false dismissal": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A report that a person decided, what the bot had said of it, and what it would say."""

    report: str  # the id people see
    person: Disposition
    before: Disposition
    after: Disposition

    @property
    def is_worse(self) -> bool:
        return _cost(self.person, self.after) > _cost(self.person, self.before)

    @property
    def is_better(self) -> bool:
        return _cost(self.person, self.after) < _cost(self.person, self.before)

    def __str__(self) -> str:
        was, would = (_told(self.person, said) for said in (self.before, self.after))
        return f"{self.report}  a person said {_words(self.person)}; was {was}, would be {would}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """The bot before and after, by people's verdicts."""

    decided: tuple[Decided, ...]
    learned: int  # so many of them the model has learned from: there it knows the answer

    @classmethod
    def of(cls, decided: Iterable[Decided], learned_from: Collection[str]) -> Yardstick:
        found = tuple(decided)
        return cls(decided=found, learned=sum(d.report in learned_from for d in found))

    def rates(self) -> dict[str, tuple[Rate, Rate]]:
        """Each figure before and after."""
        d = self.decided
        live = [x for x in d if x.person is Disposition.IN_SCOPE]
        review = Disposition.NEEDS_REVIEW
        return {
            "agree": _both(sum(x.before is x.person for x in d), sum(x.after is x.person for x in d), len(d)),
            "false dismissals": _both(
                sum(x.before in DISMISSALS for x in live), sum(x.after in DISMISSALS for x in live), len(live)
            ),
            "left to a person": _both(sum(x.before is review for x in d), sum(x.after is review for x in d), len(d)),
        }

    @property
    def worse(self) -> tuple[Decided, ...]:
        return tuple(x for x in self.decided if x.is_worse)

    @property
    def better(self) -> tuple[Decided, ...]:
        return tuple(x for x in self.decided if x.is_better)

    def as_data(self) -> dict[str, Any]:
        """What `triage reclassify --json` prints last. No word of any report."""
        return {
            "schema": 1,
            "yardstick": {
                "decided": len(self.decided),
                "learned_from": self.learned,
                "rates": {
                    name: {"before": before.as_data(), "after": after.as_data()}
                    for name, (before, after) in self.rates().items()
                },
                "better": [_data(x) for x in self.better],
                "worse": [_data(x) for x in self.worse],
            },
        }

    def as_text(self) -> str:
        """The same for people."""
        if not self.decided:
            return "None of these was decided by a person and by the bot, so there is nothing to measure a change by."
        known = f"; of {self.learned} the model has learned the answer" if self.learned else ""
        lines = [f"By what people decided ({len(self.decided)}{known}):"]
        lines += [f"  {name:18}{before}  →  {after}" for name, (before, after) in self.rates().items()]
        lines.append(f"  {len(self.better)} better, {len(self.worse)} worse")
        return "\n".join([*lines, *(f"    {x}" for x in self.worse)])


def decided(change: Change) -> tuple[Decided, ...]:
    """The one comparison that a change allows; none without a person's verdict and one of the bot's.

    "A person must look" is no yardstick, whoever said it.
    """
    before, said = change.before, change.said
    if not change.person or before is None or said is None or before.verdict.disposition is Disposition.NEEDS_REVIEW:
        return ()
    return (
        Decided(
            report=change.report.short,
            person=before.verdict.disposition,
            before=said.disposition,
            after=change.after.verdict.disposition,
        ),
    )


def _how(person: Disposition, said: Disposition) -> str:
    if said is person:
        return "agrees"
    if person is Disposition.IN_SCOPE and said in DISMISSALS:
        return "false dismissal"
    return "left to a person" if said is Disposition.NEEDS_REVIEW else "wrong"


def _cost(person: Disposition, said: Disposition) -> int:
    return _COSTS[_how(person, said)]


def _told(person: Disposition, said: Disposition) -> str:
    return _words(said) + (" (a false dismissal)" if _how(person, said) == "false dismissal" else "")


def _words(disposition: Disposition) -> str:
    return disposition.value.replace("_", " ")


def _both(before: int, after: int, whole: int) -> tuple[Rate, Rate]:
    return Rate(before, whole), Rate(after, whole)


def _data(x: Decided) -> dict[str, str]:
    return {"report": x.report, "person": x.person.value, "before": x.before.value, "after": x.after.value}
