"""A verdict as other programs read it (schema 1: fields may be added, never changed) and as a person reads it."""

from __future__ import annotations

from typing import Any

from bot.audit import BLIND
from bot.ports import Letterhead
from classifiers.partsummary import KINDS, clause_of, in_short
from classifiers.terms import Evidence, Finding, PartKind, PartVerdict, Verdict
from classifiers.text import printable

SCHEMA = 1


def as_data(source: str, verdict: Verdict, head: Letterhead) -> dict[str, Any]:
    """What `triage judge --json` prints for one mail."""
    ack = verdict.acknowledgement
    return {
        "schema": SCHEMA,
        "source": source,
        "message_id": head.message_id,
        "report": verdict.report[:8],
        "subject": head.subject,
        "disposition": verdict.disposition.value,
        "confidence": round(verdict.confidence, 4),
        "why": verdict.why,
        "categories": [_finding(f) for f in verdict.categories],
        "considered": [_finding(f) for f in verdict.considered],
        "signs": [_evidence(e) for e in verdict.signs],
        "parts": [_part(verdict, p) for p in verdict.parts],
        "acknowledgement": {"state": ack.state.value, "where": ack.where, "quote": ack.quote or None},
        "missing": list(verdict.missing),
        "assets": list(verdict.assets),
        "defects": list(verdict.defects),
        "attachments": list(head.attachments),
        "rules_say": verdict.rules_say or None,
        "model_says": verdict.model_says or None,
        "policy": verdict.policy,
        "versions": {
            "rules": verdict.versions.rules,
            "model": verdict.versions.model or None,
            "policy": verdict.versions.policy,
        },
    }


def as_blind_data(source: str, verdict: Verdict, head: Letterhead) -> dict[str, Any]:
    """The same keys for a report whose audit is open: what the mail itself says, and nothing that was made of it."""
    data = as_data(source, verdict, head)
    kept = ("schema", "source", "message_id", "report", "subject", "attachments", "policy", "versions")
    empty: dict[str, Any] = {k: [] if isinstance(v, list) else None for k, v in data.items()}
    return empty | {k: data[k] for k in kept} | {"audit": "open", "why": BLIND}


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "id": f.category,
        "probability": round(f.probability, 4),
        "clause": f.clause,
        "clause_kind": f.clause_kind,
        "evidence": [_evidence(e) for e in f.evidence],
    }


def _evidence(e: Evidence) -> dict[str, Any]:
    return {
        "source": e.source,
        "for": e.speaks_for,
        "weight": round(e.weight, 3),
        "reason": e.reason,
        "quote": e.quote or None,
        "where": e.where.value if e.where else None,
    }


def _part(verdict: Verdict, p: PartVerdict) -> dict[str, Any]:
    clause, clause_kind = clause_of(verdict, p)
    return {
        "kind": p.kind.value,
        "category": p.category,
        "clause": clause,
        "clause_kind": clause_kind,
        "remarks": p.remarks,
        "probability_in_scope": p.live,
        "evidence": list(p.sources),
        "quote": p.quote or None,
        "where": p.where.value,
        "passage": p.span.passage if p.span else None,
        "start": p.span.start if p.span else None,
        "end": p.span.end if p.span else None,
    }


def in_words(verdict: Verdict) -> str:
    """Disposition and categories on one line: "OUT OF SCOPE  email_authentication 0.97"."""
    held = ", ".join(f"{f.category} {f.probability:.2f}" for f in verdict.categories)
    return f"{verdict.disposition.value.replace('_', ' ').upper()}  {held}".rstrip()


def for_people(source: str, verdict: Verdict, head: Letterhead) -> str:
    """What `triage judge` and `triage show` print for one mail: a few lines, safe on any terminal."""
    ack = verdict.acknowledgement
    where = f", {ack.where}" if ack.where else ""
    lines = [
        f"{printable(source)}   {in_words(verdict)}",
        f"  Subject   {printable(head.subject) or '(none)'}",
        f"  Why       {verdict.why} (confidence {verdict.confidence:.2f})",
        f"  Word      {ack.state.value.replace('_', ' ')}{where}",
    ]
    for finding in verdict.categories:
        clause = printable(finding.clause or "not excluded by this policy")
        kind = ", by extension" if finding.clause_kind == "by_extension" else ""
        lines.append(f"  Clause    {clause}{kind}")
        lines += [f"    for     {_seen(e)}" for e in finding.evidence if e.speaks_for][:3]
    against = [e for f in (*verdict.categories, *verdict.considered) for e in f.evidence if not e.speaks_for]
    lines += [f"  Against   {_seen(e)}" for e in against[:4]] or ["  Against   none found"]
    lines += [f"  Sign      {_seen(e)}" for e in verdict.signs[:4]]
    lines += _parts(verdict)
    if verdict.missing:
        lines.append(f"  Missing   {', '.join(m.replace('_', ' ') for m in verdict.missing)}")
    lines.append(f"  Judges    rules: {verdict.rules_say or 'silent'}; model: {verdict.model_says or 'silent'}")
    lines += [f"  Unread    {printable(a)}" for a in head.attachments if a.endswith("not read")]
    if verdict.defects:
        lines.append(f"  Defects   {printable(', '.join(verdict.defects))}")
    return "\n".join(lines)


def _parts(verdict: Verdict) -> list[str]:
    """What the parts of a mixed report are, in one line, and each of them."""
    if not verdict.parts:
        return []
    lines = [f"  Parts     {in_short(verdict.parts)}"]
    for p in verdict.parts:
        if p.kind is not PartKind.UNTOLD:
            what = f"{KINDS[p.kind]} {p.category}" if p.category else KINDS[p.kind]
            place = f"{p.where.value}, {p.span.start} to {p.span.end}" if p.span else p.where.value
            quote = f" “{printable(p.quote, 120)}”" if p.quote else ""
            lines.append(f"    {what} ({place}){quote}")
    return lines


def blind_for_people(source: str, head: Letterhead) -> str:
    """What `triage show` prints of a report whose audit is open."""
    return f"{printable(source)}   {BLIND}\n  Subject   {printable(head.subject) or '(none)'}"


def _seen(e: Evidence) -> str:
    quote = f" “{printable(e.quote, 120)}”" if e.quote else ""
    return f"{e.source} {e.weight:+.1f}: {printable(e.reason, 120)}{quote}"
