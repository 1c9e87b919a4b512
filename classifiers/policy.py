"""A disclosure policy as data, and the decision: evidence in, one verdict out. Pure.

The decision never dismisses by one voice alone: rules and model must agree, nothing may speak against it, and nothing
technical may be left over. Whatever stays in doubt goes to a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from classifiers.fusion import Fusion, added, logit, most_genuine, sigmoid, total
from classifiers.regions import Region, RegionKind, language, opening, prose
from classifiers.terms import (
    Acknowledgement,
    Disposition,
    Evidence,
    Finding,
    Opinion,
    Place,
    Report,
    Span,
    Verdict,
    Versions,
)
from classifiers.text import fold


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where probabilities become answers; chosen on held-out folds and kept in the model file."""

    category: float = 0.5  # a category is held from here on
    clear: float = 0.2  # nothing genuine is left over below this probability of in_scope
    live: float = 0.5  # from this probability on it counts as in_scope
    part: float = 0.9  # a part of which the model believes more is genuine by itself
    not_a_report: float = 0.8
    incomplete: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One sentence of the policy that excludes something."""

    id: str
    text: str  # verbatim
    categories: tuple[str, ...]
    parent: str | None = None  # the clause it hangs under
    by_extension: tuple[str, ...] = ()  # rules ("category.rule") that only "aren't limited to" covers


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """Something the policy asks reporters for. The signs of the same name show that it is there."""

    id: str
    title: str  # verbatim


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A component the policy names as in scope."""

    id: str
    title: str
    text: str  # verbatim
    hosts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a team excludes, asks for and looks after."""

    name: str
    title: str
    url: str = ""
    word: str = ""  # "" where the policy asks for none
    budget: float = 0.01  # false dismissals we accept when thresholds are chosen
    clauses: tuple[Clause, ...] = ()
    requested: tuple[Requested, ...] = ()
    assets: tuple[Asset, ...] = ()
    replies: Mapping[str, str] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()  # its other sentences: known, so that a pasted policy is recognised
    digest: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything the policy says, to recognise where a mail quotes it."""
        return (
            *self.sentences,
            *(c.text for c in self.clauses),
            *(r.title for r in self.requested),
            *(a.text for a in self.assets),
        )

    def clause_of(self, category: str, evidence: Sequence[Evidence]) -> tuple[str | None, str | None]:
        """The words that exclude a category, and how: "named", or "by_extension" where only an open list covers it."""
        named = next((c for c in self.clauses if category in c.categories), None)
        if named is None:
            return None, None
        extended = {rule for c in self.clauses for rule in c.by_extension}
        seen = [e for e in evidence if e.speaks_for and e.source.startswith("rule:")]
        strongest = max((e.weight for e in seen), default=0.0)
        telling = [e.source.removeprefix("rule:") for e in seen if e.weight == strongest]
        if telling and all(source in extended for source in telling):
            open_list = next(c for c in self.clauses if telling[0] in c.by_extension)
            return open_list.text, "by_extension"
        return named.text, "named"


# ------------------------------------------------------------------------------------------------ weighing

PRIOR = -2.0  # log-odds of a category before anything was seen: about one report in eight
TELLING = 2.5
GENUINE = 3.0  # log-odds of signs from which a finding counts as genuine
BESIDE = 0.7  # of a category beside a genuine finding: most of what is named there belongs to the finding
AGAINST = -1.0  # signs of no report, from which the rules contradict the model
UNTAUGHT = 3.5  # what rules need by themselves for a category that the model was never taught
TECHNICAL = 1.5  # from which something technical is left over, where there is no model
HEED = 0.8  # how much of the signs' log-odds is added to the model's: it has seen some of the same words
SURE = 0.9  # the model's probability of in_scope from which it counts as a sign of its own
LIKELY = 0.5
HEARD = 0.1  # below it the model says no
SHORT = 300  # characters of own words below which a mail says nothing by itself
TRAINED = frozenset({"en", "es", "pt", "fr", "de", "id", ""})  # "": too short to tell

SHOWN = "it shows a genuine finding"
CLAIMED = "a technical claim that no clause of the policy excludes"
LEFT = "something technical may be left over beside what the policy excludes"
UNSURE = "neither rules nor model are sure what this is"

AUTOMATIC = {
    "bounce": (5.0, "its headers say that it is a bounce"),
    "auto_reply": (5.0, "its headers say that it is an automatic reply"),
    "report": (5.0, "its headers say that it is a feedback report of a mail system"),
    "list": (1.5, "its headers say that it came through a mailing list"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """One category with both voices."""

    category: str
    evidence: tuple[Evidence, ...]
    rules: float  # log-odds seen by the rules
    model: float | None  # probability
    vetoed: bool
    probability: float
    held: bool
    agreed: bool


def _weigh(
    category: str,
    evidence: tuple[Evidence, ...],
    model: float | None,
    at: Thresholds,
    fusion: Fusion | None,
    *,
    export: bool = False,
) -> _Weighed:
    """Both voices on a category. In a scanner's file words stand for findings only where a rule says so."""
    rules = added([e.weight for e in evidence if e.speaks_for])
    vetoed = any(not e.speaks_for for e in evidence)
    if fusion is not None and model is not None:
        probability = fusion.of_category(evidence, model)
    else:
        probability = sigmoid(PRIOR + rules + (0.7 * (logit(model) - PRIOR) if model is not None else 0.0))
    if model is None:
        agreed = rules >= (TELLING if fusion is None else UNTAUGHT)
    else:
        agreed = (rules >= TELLING and model >= HEARD) or (rules >= 1.0 and model >= LIKELY)
    return _Weighed(
        category=category, evidence=evidence, rules=rules, model=model, vetoed=vetoed,
        probability=probability, held=probability >= at.category and (rules > 0 or not export), agreed=agreed,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ deciding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Everything a step of the decision may look at."""

    report: Report
    held: tuple[_Weighed, ...]  # excluded by the policy and held
    vetoed: tuple[_Weighed, ...]  # would be held, were it not for a carve-out
    genuine: float  # log-odds of its signs
    not_a_report: float
    incomplete: float
    opinion: Opinion | None
    at: Thresholds
    unreadable: str
    fused: Mapping[Disposition, float]  # both voices' probabilities; empty where one of them is missing
    unexcluded: bool  # a category is held that no clause excludes
    part: float  # the model's probability of a genuine finding in the most genuine part
    names_asset: bool

    def model(self, disposition: Disposition) -> float:
        """The model's probability; a half where there is no model."""
        return self.opinion.dispositions.get(disposition.value, 0.0) if self.opinion else 0.5

    @property
    def live(self) -> float:
        """The model's probability of a genuine finding."""
        return self.model(Disposition.IN_SCOPE)

    @property
    def left(self) -> bool:
        """Whether something technical may be left over: what the model believes, raised by every sign of a finding."""
        if self.opinion is None:
            return self.genuine >= TECHNICAL
        return sigmoid(logit(self.live) + HEED * self.genuine) > self.at.clear


_Step = tuple[Disposition, float, str]


def decide(
    report: Report,
    *,
    regions: Sequence[Region],
    evidence: Sequence[Evidence],
    opinion: Opinion | None,
    thresholds: Thresholds,
    acknowledgement: Acknowledgement,
    policy: Policy,
    versions: Versions,
    fusion: Fusion | None = None,
) -> Verdict:
    """The verdict on a report: the first of the seven steps that applies, with everything that was seen beside it."""
    groups = grouped(report, evidence)
    excluded = [c for clause in policy.clauses for c in clause.categories]
    taught = opinion.categories if opinion else {}
    export = any(r.kind is RegionKind.EXPORT for r in regions)
    weighed = [
        _weigh(
            c,
            tuple(groups.get(c, ())),
            taught.get(c, None if fusion else 0.0) if opinion else None,
            thresholds,
            fusion,
            export=export,
        )
        for c in dict.fromkeys((*excluded, *sorted(taught)))
    ]
    genuine = [e for e in groups.get("genuine", ()) if e.speaks_for]
    assets = assets_named(report, policy.assets)
    case = _Case(
        report=report,
        held=tuple(w for w in weighed if w.held and not w.vetoed and w.category in excluded),
        vetoed=tuple(w for w in weighed if w.held and w.vetoed and w.category in excluded),
        genuine=added([e.weight for e in genuine]),
        not_a_report=total(groups.get("not_a_report", ())),
        incomplete=total(groups.get("incomplete", ())),
        opinion=opinion,
        at=thresholds,
        unreadable=_unreadable(report, regions),
        fused=fusion.of_dispositions(report, head_of(report, regions), groups, opinion, excluded)
        if fusion and opinion
        else {},
        unexcluded=any(w.held and not w.vetoed and w.category not in excluded for w in weighed),
        part=most_genuine(opinion) if opinion else 0.0,
        names_asset=bool(assets),
    )
    disposition, confidence, why = _first(case)
    held = [w for w in weighed if _is_listed(w, disposition)]
    left = [w for w in weighed if w.evidence and w not in held]
    return Verdict(
        report=report.key, disposition=disposition, confidence=round(confidence, 4), why=why,
        categories=tuple(_finding(w, policy, opinion) for w in sorted(held, key=lambda w: -w.probability)),
        considered=tuple(_finding(w, policy, opinion) for w in sorted(left, key=lambda w: -w.probability)),
        signs=tuple(sorted(genuine, key=lambda e: -e.weight)),
        acknowledgement=acknowledgement,
        missing=tuple(r.id for r in policy.requested if r.id not in groups),
        assets=assets,
        defects=report.defects,
        rules_say=_rules_alone(case), model_says=_model_alone(case),
        policy=policy.name, versions=versions,
    )  # fmt: skip


# How a sentence begins that adds something: a list item, or a word that says so.
_ADDS = re.compile(
    r"\W*(?:\(?[0-9a-h][.):]|[-*\u2022+]\s|(?i:also|besides|moreover|additionally|in addition|furthermore|further|another|secondly|"
    r"finally|minor|lastly|btw|by the way|apart from|next to|plus|ps|p\.s\.)\b)"
)


def _is_listed(w: _Weighed, disposition: Disposition) -> bool:
    """Whether a verdict names a category. Beside a genuine finding: where it is likely, or plainly added to it."""
    if w.vetoed:
        return False
    if disposition is not Disposition.IN_SCOPE:
        return w.held
    return w.probability >= BESIDE or (
        w.rules >= TELLING and any(e.speaks_for and _ADDS.match(e.quote) for e in w.evidence)
    )


def head_of(report: Report, regions: Sequence[Region]) -> Span | None:
    """Where the sentence stands that heads a report whose subject says nothing."""
    head = opening(report, regions)
    return Span(head.passage, head.start, head.start + len(head.text)) if head else None


def grouped(report: Report, evidence: Sequence[Evidence]) -> dict[str, list[Evidence]]:
    """Evidence by category or group of signs; what the headers say of an automatic mail is a sign too."""
    groups: dict[str, list[Evidence]] = {}
    for e in evidence:
        groups.setdefault(e.category, []).append(e)
    if report.automatic in AUTOMATIC:
        weight, reason = AUTOMATIC[report.automatic]
        source = f"sign:not_a_report.{report.automatic}"
        groups.setdefault("not_a_report", []).append(
            Evidence(source=source, category="not_a_report", speaks_for=True, weight=weight, reason=reason)
        )
    return groups


def _finding(w: _Weighed, policy: Policy, opinion: Opinion | None) -> Finding:
    clause, kind = policy.clause_of(w.category, w.evidence)
    evidence = w.evidence
    if opinion is not None and w.model is not None and w.model >= HEARD:
        words = next((f" for “{t}”" for label, t, _ in opinion.words if label == w.category), "")
        evidence = (
            *evidence,
            Evidence(
                source="model", category=w.category, speaks_for=w.model >= LIKELY, weight=round(logit(w.model), 2),
                reason=f"the model gives it a probability of {w.model:.2f}{words}",
            ),
        )  # fmt: skip
    return Finding(
        category=w.category, probability=round(w.probability, 4), clause=clause, clause_kind=kind, evidence=evidence
    )


def _first(case: _Case) -> _Step:
    if case.fused:
        return _unread(case) or _weighed_together(case)
    for step in (_unread, _genuine, _excluded, _doubtful, _no_report, _technical):
        decided = step(case)
        if decided is not None:
            return decided
    return Disposition.NEEDS_REVIEW, 0.5, UNSURE


def _weighed_together(case: _Case) -> _Step:
    """The steps by both voices' probabilities. A dismissal needs more: agreement on a clause, and no carve-out."""
    live = case.fused[Disposition.IN_SCOPE]
    if live >= case.at.live:
        beside = ", beside parts that the policy excludes" if case.held else ""
        return Disposition.IN_SCOPE, live, (SHOWN if case.genuine >= TECHNICAL else CLAIMED) + beside
    if case.vetoed:
        return (
            Disposition.NEEDS_REVIEW,
            1 - live,
            "the policy would exclude it, but something in it speaks against that",
        )
    if case.part > case.at.part:
        return Disposition.IN_SCOPE, case.part, "one part of it reads like a genuine finding"
    if (step := _no_finding(case, Disposition.NOT_A_REPORT, case.at.not_a_report, case.not_a_report)) is not None:
        return step
    return _left_over(case) if live > case.at.clear else _dismissed(case)


def _left_over(case: _Case) -> _Step:
    """Of a report that may hold something genuine."""
    if case.genuine >= GENUINE:
        return Disposition.IN_SCOPE, sigmoid(case.genuine - 1), SHOWN + ", beside other parts"
    return Disposition.NEEDS_REVIEW, 1 - case.fused[Disposition.IN_SCOPE], LEFT if case.held else UNSURE


def _dismissed(case: _Case) -> _Step:
    """Of a report in which nothing genuine is left: what it is instead, where both voices say so."""
    if any(w.agreed for w in case.held):
        return Disposition.OUT_OF_SCOPE, 1 - case.fused[Disposition.IN_SCOPE], "rules and model agree that the policy excludes all of it"  # fmt: skip
    if case.held:
        return Disposition.NEEDS_REVIEW, 0.6, "rules and model do not agree"
    if (step := _no_finding(case, Disposition.INCOMPLETE, case.at.incomplete, case.incomplete)) is not None:
        return step
    if case.unexcluded:
        return Disposition.IN_SCOPE, 0.5, CLAIMED
    return Disposition.NEEDS_REVIEW, 0.5, UNSURE


def _no_finding(case: _Case, disposition: Disposition, at: float, signs: float) -> _Step | None:
    """Not a report, or an incomplete one, where both voices say so and nothing technical speaks against."""
    # A mail that names a component in scope says something of it, unless the rules know what kind of mail this is.
    least = 1.0 if case.names_asset else AGAINST
    if case.fused[disposition] < at or signs <= least or case.genuine >= TECHNICAL:
        return None
    # A failure report of a mail system speaks of SPF and is none about it; without signs of that kind the category stands.
    if case.held and not (disposition is Disposition.NOT_A_REPORT and signs >= 1.0):
        return None
    what = (
        "no report of a vulnerability"
        if disposition is Disposition.NOT_A_REPORT
        else "asks, but tells nothing technical"
    )
    return disposition, case.fused[disposition], f"rules and model agree: {what}"


def _unread(case: _Case) -> _Step | None:
    if not case.unreadable:
        return None
    return Disposition.NEEDS_REVIEW, 0.9, case.unreadable


def _genuine(case: _Case) -> _Step | None:
    if case.genuine >= GENUINE and case.live >= case.at.clear:
        rest = ", beside parts that the policy excludes" if case.held else ""
        return Disposition.IN_SCOPE, max(case.live, sigmoid(case.genuine - 1)), f"it shows a genuine finding{rest}"
    if case.opinion is not None and case.live >= SURE and not case.held and case.not_a_report < TELLING:
        return Disposition.IN_SCOPE, case.live, "the model finds a genuine report, and no clause excludes it"
    return None


def _excluded(case: _Case) -> _Step | None:
    """Rules and model agree, no carve-out fires, nothing technical is left over."""
    if not any(w.agreed for w in case.held) or case.vetoed:
        return None
    if case.left:
        return None
    best = max(w.probability for w in case.held)
    return Disposition.OUT_OF_SCOPE, best * (1 - case.live if case.opinion else 0.9), "rules and model agree that the policy excludes all of it"  # fmt: skip


def _doubtful(case: _Case) -> _Step | None:
    if case.vetoed:
        return Disposition.NEEDS_REVIEW, 0.7, "the policy would exclude it, but something in it speaks against that"
    if case.held and (case.opinion is None or case.live < LIKELY):
        why = LEFT if case.left else "rules and model do not agree"
        return Disposition.NEEDS_REVIEW, 0.6, why
    return None


def _no_report(case: _Case) -> _Step | None:
    if case.held or case.genuine >= TECHNICAL:
        return None
    for disposition, signs, at in (
        (Disposition.NOT_A_REPORT, case.not_a_report, case.at.not_a_report),
        (Disposition.INCOMPLETE, case.incomplete, case.at.incomplete),
    ):
        p = case.model(disposition)
        both = (p >= LIKELY and signs >= 1.0) or (p >= HEARD and signs >= TELLING)
        if case.opinion is not None and p >= at and signs > -1.0 and case.live <= case.at.clear:
            both = True
        if both and case.live < LIKELY:
            what = "no report of a vulnerability" if disposition is Disposition.NOT_A_REPORT else "asks, but tells nothing technical"  # fmt: skip
            return disposition, max(p, sigmoid(signs - 1)), f"rules and model agree: {what}"
    return None


def _technical(case: _Case) -> _Step | None:
    if case.live >= LIKELY and case.opinion is not None and case.not_a_report < TELLING:
        return Disposition.IN_SCOPE, case.live, CLAIMED
    if case.genuine >= TECHNICAL:
        return Disposition.IN_SCOPE, sigmoid(case.genuine - 1), CLAIMED
    return None


def _rules_alone(case: _Case) -> str:
    """What the rules would say by themselves, for the card."""
    if case.genuine >= GENUINE:
        return Disposition.IN_SCOPE.value
    if any(w.rules >= TELLING for w in case.held):
        return Disposition.OUT_OF_SCOPE.value
    if case.vetoed:
        return Disposition.NEEDS_REVIEW.value
    signs = {
        Disposition.NOT_A_REPORT: case.not_a_report,
        Disposition.INCOMPLETE: case.incomplete,
        Disposition.IN_SCOPE: case.genuine,
    }
    best = max(signs, key=lambda d: signs[d])
    return best.value if signs[best] >= 1.0 else ""


def _model_alone(case: _Case) -> str:
    if case.opinion is None or not case.opinion.dispositions:
        return ""
    return max(case.opinion.dispositions, key=lambda d: case.opinion.dispositions[d])  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------ what the report is

FEWEST_WORDS = 3
_WORD = re.compile(r"[^\W\d_]{2,}")
_LEANS = re.compile(
    r"\b(?:attach\w*|enclosed|see (?:the )?(?:pdf|document|video|screenshot|file)|anhang|piece jointe|adjunto|allegat\w)\b"
)
_SUBSTANCE = re.compile(
    r"^(?:application/(?!pgp-signature|pkcs7-signature|x-pkcs7-signature|ics)|video/|image/|audio/|text/)"
)
_UNDECIDED = frozenset({"bounce", "auto_reply", "report"})
_CAPPED = frozenset({"text_cap", "html_cap"})


def _unreadable(report: Report, regions: Sequence[Region]) -> str:
    """Why nobody but a person can judge this mail, or ""."""
    facts = (
        (report.encrypted, f"it is encrypted ({report.encrypted}); a person must look"),
        (report.truncated, "it is larger than what is fetched; only its first part was read"),
        (report.rung > 2, "it could not be parsed as a whole; only parts of it were read"),
        (not _CAPPED.isdisjoint(report.defects), "it is longer than what is read; a finding may stand beyond"),
    )
    if (said := next((sentence for fact, sentence in facts if fact), "")) or report.automatic in _UNDECIDED:
        return said
    own = _own(report, regions)
    unread = [a for a in report.attachments if not a.read and _SUBSTANCE.match(a.media_type.lower())]
    if unread and (len(own.strip()) < SHORT or (len(own) < 3 * SHORT and _LEANS.search(fold(own).text))):
        pasted = any(r.kind in {RegionKind.HTTP, RegionKind.CODE, RegionKind.TOOL} for r in regions)
        if not pasted or len(own.strip()) < SHORT:
            return "its substance lies in an attachment that was not read"
    if sum(1 for _ in islice(_WORD.finditer(f"{report.subject} {own}"), FEWEST_WORDS)) < FEWEST_WORDS:
        return "it says too little to be judged"
    if (tongue := language(own)) not in TRAINED:
        return f"it is written in a language the model was not trained for ({tongue})"
    return ""


def _own(report: Report, regions: Sequence[Region]) -> str:
    return "\n".join(c.text for c in prose(report, regions) if c.place is not Place.SUBJECT)


def spoken(report: Report, regions: Sequence[Region]) -> str:
    """The language of the report's own words, its subject left out: "en", "de", …; "" where it cannot be told."""
    return language(_own(report, regions))


def assets_named(report: Report, assets: Sequence[Asset]) -> tuple[str, ...]:
    """Ids of the assets whose hosts or words stand in the report, wherever; quoted and hidden text aside."""
    seen = frozenset({Place.SUBJECT, Place.BODY, Place.HTML, Place.FORWARDED, Place.ATTACHMENT})
    text = "\n".join(fold(p.text[:50_000]).text for p in report.passages if p.place in seen)
    return tuple(a.id for a in assets if any(name in text and _stands(name, text) for name in (*a.hosts, *a.words)))


def _stands(name: str, text: str) -> bool:
    """Whether a name stands in a text by itself, not inside a longer word or host."""
    at = text.find(name)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
        if not (before.isalnum() or before in {"-", "_"} or after.isalnum() or after in {"-", "_"}):
            return True
        at = text.find(name, at + 1)
    return False
