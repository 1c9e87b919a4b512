"""A verdict as JSON and back. Strict on the way back: the worker's answers are not trusted, and rows outlive versions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from classifiers.parts import MOST as MOST_PARTS
from classifiers.terms import (
    Acknowledgement,
    AcknowledgementState,
    Disposition,
    Evidence,
    Finding,
    Opinion,
    PartKind,
    PartVerdict,
    Place,
    Span,
    Verdict,
    Versions,
)

MOST = 1000  # entries of any list
LONGEST = 5000  # characters of any text
T = TypeVar("T")


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """Plain data, for json.dumps."""
    ack = verdict.acknowledgement
    return {
        "report": verdict.report, "disposition": verdict.disposition.value, "confidence": verdict.confidence, "why": verdict.why,
        "categories": [_finding_to_json(f) for f in verdict.categories],
        "considered": [_finding_to_json(f) for f in verdict.considered],
        "signs": [_evidence_to_json(e) for e in verdict.signs],
        "parts": [_part_to_json(p) for p in verdict.parts],
        "acknowledgement": {"state": ack.state.value, "where": ack.where, "quote": ack.quote},
        "missing": list(verdict.missing), "assets": list(verdict.assets), "defects": list(verdict.defects),
        "rules_say": verdict.rules_say, "model_says": verdict.model_says, "policy": verdict.policy,
        "versions": {"rules": verdict.versions.rules, "model": verdict.versions.model, "policy": verdict.versions.policy},
    }  # fmt: skip


def _finding_to_json(f: Finding) -> dict[str, Any]:
    return {
        "category": f.category, "probability": f.probability, "clause": f.clause, "clause_kind": f.clause_kind,
        "evidence": [_evidence_to_json(e) for e in f.evidence],
    }  # fmt: skip


def _evidence_to_json(e: Evidence) -> dict[str, Any]:
    return {
        "source": e.source, "category": e.category, "for": e.speaks_for, "weight": e.weight, "reason": e.reason,
        "span": _span_to_json(e.span), "quote": e.quote, "where": e.where.value if e.where else None,
    }  # fmt: skip


def _part_to_json(p: PartVerdict) -> dict[str, Any]:
    return {
        "kind": p.kind.value, "category": p.category, "where": p.where.value, "span": _span_to_json(p.span),
        "remarks": p.remarks, "sources": list(p.sources), "live": p.live, "quote": p.quote,
    }  # fmt: skip


def _span_to_json(span: Span | None) -> list[int] | None:
    return [span.passage, span.start, span.end] if span else None


# ------------------------------------------------------------------------------------------------ and back


def verdict_from_json(data: Any) -> Verdict:
    """The verdict. Raises ValueError for anything that verdict_to_json does not make."""
    d = _Fields(data)
    verdict = Verdict(
        report=d.text("report"), disposition=Disposition(d.text("disposition")), confidence=d.share("confidence"),
        why=d.text("why"), categories=d.many("categories", _finding), considered=d.many("considered", _finding),
        signs=d.many("signs", _evidence),
        parts=d.many("parts", _part, MOST_PARTS) if "parts" in d else (),  # older rows have none
        acknowledgement=_acknowledgement(d.take("acknowledgement")),
        missing=d.many("missing", _text), assets=d.many("assets", _text), defects=d.many("defects", _text),
        rules_say=d.text("rules_say"), model_says=d.text("model_says"), policy=d.text("policy"),
        versions=_versions(d.take("versions")),
    )  # fmt: skip
    d.end()
    if len(verdict.report) != 64 or not set(verdict.report) <= set("0123456789abcdef"):
        raise ValueError("report is no key")
    return verdict


class _Fields:
    """An object's fields, taken one by one; none may be left."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, Mapping):
            raise ValueError("no object")  # noqa: TRY004 - one error for all that is strange
        self._left = dict(data)

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str) -> Any:
        if key not in self._left:
            raise ValueError(f"{key} is missing")
        return self._left.pop(key)

    def text(self, key: str) -> str:
        return _text(self.take(key))

    def text_or_none(self, key: str) -> str | None:
        value = self.take(key)
        return None if value is None else _text(value)

    def number(self, key: str) -> float:
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{key} is no number")
        return float(value)

    def share(self, key: str) -> float:
        value = self.number(key)
        if not 0 <= value <= 1:
            raise ValueError(f"{key} is no share")
        return value

    def share_or_none(self, key: str) -> float | None:
        return self.share(key) if self._left.get(key, 0) is not None else self.take(key)

    def count(self, key: str) -> int:
        value = self.take(key)
        if type(value) is not int or not 0 <= value <= MOST:
            raise ValueError(f"{key} is no count")
        return value

    def many(self, key: str, make: Callable[[Any], T], most: int = MOST) -> tuple[T, ...]:
        value = self.take(key)
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"{key} is no list, or too long a one")
        return tuple(make(v) for v in value)

    def end(self) -> None:
        if self._left:
            raise ValueError(f"unknown: {', '.join(sorted(map(str, self._left)))[:100]}")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise ValueError("no text, or too long a one")
    return value


def _finding(data: Any) -> Finding:
    d = _Fields(data)
    finding = Finding(
        category=d.text("category"), probability=d.share("probability"), clause=d.text_or_none("clause"),
        clause_kind=d.text_or_none("clause_kind"), evidence=d.many("evidence", _evidence),
    )  # fmt: skip
    d.end()
    if finding.clause_kind not in {None, "named", "by_extension"}:
        raise ValueError("clause_kind")
    return finding


def _evidence(data: Any) -> Evidence:
    d = _Fields(data)
    speaks_for, span, where = d.take("for"), d.take("span"), d.text_or_none("where")
    if not isinstance(speaks_for, bool):
        raise ValueError("for is no truth value")  # noqa: TRY004
    evidence = Evidence(
        source=d.text("source"), category=d.text("category"), speaks_for=speaks_for, weight=d.number("weight"),
        reason=d.text("reason"), span=_span(span), quote=d.text("quote"), where=Place(where) if where else None,
    )  # fmt: skip
    d.end()
    return evidence


def _part(data: Any) -> PartVerdict:
    d = _Fields(data)
    part = PartVerdict(
        kind=PartKind(d.text("kind")), category=d.text_or_none("category"), where=Place(d.text("where")),
        span=_span(d.take("span")), remarks=d.count("remarks"), sources=d.many("sources", _text),
        live=d.share_or_none("live"), quote=d.text("quote"),
    )  # fmt: skip
    d.end()
    if (part.category is None) is not (part.kind in {PartKind.GENUINE, PartKind.UNTOLD}):
        raise ValueError("category")
    return part


def _span(value: Any) -> Span | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3 or not all(type(v) is int and v >= 0 for v in value):
        raise ValueError("span")
    return Span(*value)


def _acknowledgement(data: Any) -> Acknowledgement:
    d = _Fields(data)
    ack = Acknowledgement(
        state=AcknowledgementState(d.text("state")), where=d.text_or_none("where"), quote=d.text("quote")
    )
    d.end()
    return ack


def _versions(data: Any) -> Versions:
    d = _Fields(data)
    versions = Versions(rules=d.text("rules"), model=d.text("model"), policy=d.text("policy"))
    d.end()
    return versions


# ------------------------------------------------------------------------------------------------ what the model believes


def opinion_to_json(opinion: Opinion) -> dict[str, Any]:
    """Plain data, for json.dumps."""
    return {
        "categories": dict(opinion.categories), "dispositions": dict(opinion.dispositions),
        "headline": opinion.headline, "words": [list(w) for w in opinion.words],
    }  # fmt: skip


def opinion_from_json(data: Any) -> Opinion:
    """The opinion. Raises ValueError for anything that opinion_to_json does not make."""
    d = _Fields(data)
    opinion = Opinion(
        categories=_shares(d.take("categories")),
        dispositions=_shares(d.take("dispositions")),
        headline=d.share("headline"),
        words=d.many("words", _word),
    )
    d.end()
    return opinion


def _shares(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping) or len(value) > MOST:
        raise ValueError("no probabilities, or too many")
    d = _Fields(value)
    return {_text(label): d.share(label) for label in value}


def _word(value: Any) -> tuple[str, str, float]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError("word")
    return _text(value[0]), _text(value[1]), _Fields({"added": value[2]}).number("added")


# ------------------------------------------------------------------------------------------------ without the mail's words


def strip_text(verdict: Verdict) -> Verdict:
    """The verdict without a word of the mail: quotes, spans and what the model read are gone, facts and reasons stay."""

    def bare(e: Evidence) -> Evidence:
        # The model's reason names words of the report.
        reason = e.reason.split(" for “")[0] if e.source == "model" else e.reason
        return replace(e, quote="", span=None, reason=reason)

    def bare_finding(f: Finding) -> Finding:
        return replace(f, evidence=tuple(map(bare, f.evidence)))

    return replace(
        verdict,
        categories=tuple(map(bare_finding, verdict.categories)),
        considered=tuple(map(bare_finding, verdict.considered)),
        signs=tuple(map(bare, verdict.signs)),
        parts=tuple(replace(p, quote="", span=None) for p in verdict.parts),
        acknowledgement=replace(verdict.acknowledgement, quote=""),
    )
