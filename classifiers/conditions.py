"""Where and when a policy's clauses hold: filters a policy for one report, before it is decided. Pure.

A clause may hold for some assets only, or from and until a day; an asset may be out of scope, or retired since a day.
The day is the one the mail was sent, in UTC. It is the sender's word; but whoever bends it can only bring a person to
look, or have a report excluded that a clause names anyhow. A mail without a date is met only by what always holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from classifiers.policy import Asset, Clause, Policy, assets_named
from classifiers.terms import Disposition, Report, Verdict

CLAUSE_KEYS = frozenset({"assets", "except_assets", "from", "until"})
ASSET_KEYS = frozenset({"out_of_scope", "retired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When and where one clause holds. The empty one: always and everywhere."""

    assets: tuple[str, ...] = ()  # only for reports that name one of these, and no other
    except_assets: tuple[str, ...] = ()  # not for reports that name one of these
    since: date | None = None  # the first day
    until: date | None = None  # the last day

    def holds(self, named: Sequence[str], day: date | None) -> bool:
        """For a report that names these assets and was sent that day."""
        if self.assets and not (named and set(named) <= set(self.assets)):
            return False
        if set(named) & set(self.except_assets):
            return False
        if day is None:
            return self.since is None and self.until is None
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    def meets(self, other: Condition) -> bool:
        """Whether some report lies under both."""
        if self.assets and other.assets and not set(self.assets) & set(other.assets):
            return False
        if any(a.assets and set(a.assets) <= set(b.except_assets) for a, b in ((self, other), (other, self))):
            return False
        start = max(self.since or date.min, other.since or date.min)
        return start <= min(self.until or date.max, other.until or date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """All conditions of one policy."""

    clauses: Mapping[str, Condition] = field(default_factory=dict)  # by a clause's id; those not here always hold
    outside: Mapping[str, date | None] = field(default_factory=dict)  # assets out of scope, and since when
    kinds: tuple[str, ...] = ()  # every kind of report the rules know: all are excluded for an asset out of scope


def in_force(policy: Policy, conditions: Conditions, report: Report) -> Policy:
    """The policy as it holds for this report. Where nothing is conditional it is the same."""
    if not conditions.clauses and not conditions.outside:
        return policy
    day = _day(report)
    named = assets_named(report, policy.assets)
    outside = _outside(policy, conditions, named, day)
    held = [c for c in policy.clauses if c.id not in conditions.clauses or conditions.clauses[c.id].holds(named, day)]
    taken = {category for clause in held for category in clause.categories}
    if outside and len(outside) == len(named):
        rest = tuple(kind for kind in conditions.kinds if kind not in taken)
        held.append(Clause(id=outside[0].id, text=outside[0].text, categories=rest))
    return replace(policy, clauses=tuple(held), assets=tuple(a for a in policy.assets if a not in outside))


def with_a_doubt(verdict: Verdict, policy: Policy, conditions: Conditions, report: Report) -> Verdict:
    """A finding that names only assets out of scope goes to a person: the policy leaves it out, its substance does not."""
    if verdict.disposition is not Disposition.IN_SCOPE or not conditions.outside:
        return verdict
    named = assets_named(report, policy.assets)
    outside = _outside(policy, conditions, named, _day(report))
    if not outside or len(outside) < len(named):
        return verdict
    why = f"it may be a genuine finding, on what the policy leaves out: {outside[0].title}"
    return replace(verdict, disposition=Disposition.NEEDS_REVIEW, confidence=0.7, why=why)


def _outside(policy: Policy, conditions: Conditions, named: Sequence[str], day: date | None) -> tuple[Asset, ...]:
    """Those of the named assets that are out of scope on that day."""
    gone = conditions.outside
    return tuple(
        a
        for a in policy.assets
        if a.id in named and a.id in gone and ((since := gone[a.id]) is None or (day is not None and since <= day))
    )


def _day(report: Report) -> date | None:
    return report.sent_at.astimezone(UTC).date() if report.sent_at else None


# ------------------------------------------------------------------------------------------------ read from a policy


def read_conditions(data: Mapping[str, Any], kinds: Sequence[str]) -> Conditions:
    """The conditions of a policy file that wrong_conditions found nothing wrong with."""
    return Conditions(
        clauses={c["id"]: condition_of(c) for c in data.get("clause", ()) if CLAUSE_KEYS & set(c)},
        outside={a["id"]: a.get("retired") for a in data.get("asset", ()) if _leaves(a)},
        kinds=tuple(kinds),
    )


def condition_of(clause: Mapping[str, Any]) -> Condition:
    return Condition(
        assets=tuple(clause.get("assets", ())), except_assets=tuple(clause.get("except_assets", ())),
        since=clause.get("from"), until=clause.get("until"),
    )  # fmt: skip


def _leaves(asset: Mapping[str, Any]) -> bool:
    return "retired" in asset or asset.get("out_of_scope") is True


def wrong_conditions(data: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """What is wrong with a policy's conditions: the table, which of them, and the sentence."""
    assets = {a["id"]: a for a in data.get("asset", ())}
    for nth, asset in enumerate(data.get("asset", ())):
        yield from (("[[asset]]", nth, what) for what in _wrong_asset(asset))
    for nth, clause in enumerate(data.get("clause", ())):
        yield from (("[[clause]]", nth, what) for what in _wrong_clause(clause, assets))


def _wrong_asset(asset: Mapping[str, Any]) -> Iterator[str]:
    if "out_of_scope" in asset and asset["out_of_scope"] is not True:
        yield "out_of_scope is written as true, or left out"
    if "retired" in asset and not _is_day(asset["retired"]):
        yield "retired must be a day, without quotes: 2026-06-30"
    if "out_of_scope" in asset and "retired" in asset:
        yield "is out of scope always and retired since a day: keep one of the two"
    if _leaves(asset) and not asset.get("hosts") and not asset.get("words"):
        yield f"{asset['id']!r} is out of scope, but no host or word tells which reports are about it"


def _wrong_clause(clause: Mapping[str, Any], assets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    days = {key: clause[key] for key in ("from", "until") if key in clause}
    wrong = [key for key, value in days.items() if not _is_day(value)]
    yield from (f"{key} must be a day, without quotes: 2026-06-30" for key in wrong)
    if len(days) == 2 and not wrong and days["until"] < days["from"]:
        yield f"ends on {days['until']}, before it begins on {days['from']}"
    for key in ("assets", "except_assets"):
        for name in clause.get(key, ()):
            if name not in assets:
                yield f"{key} names {name!r}, which is no asset; there are {', '.join(sorted(assets)) or 'none'}"
            elif assets[name].get("out_of_scope") is True:
                yield f"{key} names {name!r}, which is out of scope as a whole: no clause is needed for it"
            elif "from" in days and not wrong and _is_day(retired := assets[name].get("retired")) and retired <= days["from"]:  # fmt: skip
                yield f"begins on {days['from']}, when {name!r} is retired since {retired}"
    if clause.get("assets") and clause.get("except_assets"):
        yield "has both assets and except_assets: keep one of the two"


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)
