"""A verdict as JSON and back. Strict on the way back: the worker's answers are not trusted, and rows outlive versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.fields import MOST, Fields, text_of
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
    d = Fields(data)
    verdict = Verdict(
        report=d.text("report"), disposition=Disposition(d.text("disposition")), confidence=d.share("confidence"),
        why=d.text("why"), categories=d.many("categories", _finding), considered=d.many("considered", _finding),
        signs=d.many("signs", _evidence),
        parts=d.many("parts", _part, MOST_PARTS) if "parts" in d else (),  # older rows have none
        acknowledgement=_acknowledgement(d.take("acknowledgement")),
        missing=d.many("missing", text_of), assets=d.many("assets", text_of), defects=d.many("defects", text_of),
        rules_say=d.text("rules_say"), model_says=d.text("model_says"), policy=d.text("policy"),
        versions=_versions(d.take("versions")),
    )  # fmt: skip
    d.end()
    if len(verdict.report) != 64 or not set(verdict.report) <= set("0123456789abcdef"):
        raise ValueError("report is no key")
    return verdict


def _finding(data: Any) -> Finding:
    d = Fields(data)
    finding = Finding(
        category=d.text("category"), probability=d.share("probability"), clause=d.text_or_none("clause"),
        clause_kind=d.text_or_none("clause_kind"), evidence=d.many("evidence", _evidence),
    )  # fmt: skip
    d.end()
    if finding.clause_kind not in {None, "named", "by_extension"}:
        raise ValueError("clause_kind")
    return finding


def _evidence(data: Any) -> Evidence:
    d = Fields(data)
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
    d = Fields(data)
    part = PartVerdict(
        kind=PartKind(d.text("kind")), category=d.text_or_none("category"), where=Place(d.text("where")),
        span=_span(d.take("span")), remarks=d.count("remarks"), sources=d.many("sources", text_of),
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
    d = Fields(data)
    ack = Acknowledgement(
        state=AcknowledgementState(d.text("state")), where=d.text_or_none("where"), quote=d.text("quote")
    )
    d.end()
    return ack


def _versions(data: Any) -> Versions:
    d = Fields(data)
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
    d = Fields(data)
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
    d = Fields(value)
    return {text_of(label): d.share(label) for label in value}


def _word(value: Any) -> tuple[str, str, float]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError("word")
    return text_of(value[0]), text_of(value[1]), Fields({"added": value[2]}).number("added")


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
