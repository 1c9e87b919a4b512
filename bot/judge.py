"""Bytes in, a report, its letterhead and its Verdict out: rules, model and policy together, and no process yet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.mail.mime import parse
from bot.ports import Context, Letterhead
from bot.precedent import REFERENCES, Traces, digest, is_proven, proven_domain
from classifiers.acknowledgement import find_acknowledgement
from classifiers.conditions import Conditions, in_force, with_a_doubt
from classifiers.decision import decide
from classifiers.fusion import Fusion, Thresholds, by_hand
from classifiers.learned import Learned
from classifiers.likeness import signature
from classifiers.marking import find_regions
from classifiers.mixed import kinds_of, may_be_mixed, tell_apart
from classifiers.policy import Policy
from classifiers.policyfiles import load_conditional
from classifiers.readable import spoken
from classifiers.regions import Region, prose
from classifiers.rulebook import Rulebook
from classifiers.terms import Opinion, PartVerdict, Report, Verdict, Versions

SHOWN_ATTACHMENTS = 20
ANSWERED = 10  # Message-IDs of a thread, the latest: an answer names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Rules, model and policy, loaded once; `judge` is pure."""

    rulebook: Rulebook
    policy: Policy
    conditions: Conditions  # where and when the policy's clauses hold
    learned: Learned | None
    trusted_authserv: tuple[str, ...]

    @classmethod
    def load(cls, context: Context) -> Judge:
        """Raises RuleError or ModelError with every problem found."""
        rulebook = Rulebook.load(context.rules)
        policy, conditions = load_conditional(context.rules, context.policy, rulebook)
        return cls(
            rulebook=rulebook,
            policy=policy,
            conditions=conditions,
            learned=Learned.load(context.model) if context.model else None,
            trusted_authserv=context.trusted_authserv,
        )

    @property
    def fusion(self) -> Fusion:
        return self.learned.fusion if self.learned else by_hand()

    @property
    def thresholds(self) -> Thresholds:
        return self.learned.thresholds if self.learned else Thresholds()

    @property
    def versions(self) -> Versions:
        return Versions(
            rules=self.rulebook.version,
            model=self.learned.version if self.learned else "",
            policy=self.policy.digest,
        )

    def read(
        self, raw: bytes, *, size: int | None = None, truncated: bool = False, rung: int = 1, key: str = ""
    ) -> Report:
        """The report in these bytes, whatever they are."""
        return parse(raw, size=size, truncated=truncated, trusted_authserv=self.trusted_authserv, rung=rung, key=key)

    def regions(self, report: Report) -> tuple[Region, ...]:
        """What parts of a report are not its writer's claims."""
        return find_regions(report, self.policy.texts)

    def judge(self, report: Report, regions: Sequence[Region] | None = None) -> Verdict:
        """What rules, model and policy say of a report, whose `regions` may be known already."""
        return self.judge_all([report], [self.regions(report) if regions is None else regions])[0]

    def judge_all(self, reports: Sequence[Report], regions: Sequence[Sequence[Region]]) -> list[Verdict]:
        """What rules, model and policy say of each report.

        One voice after the other hears all of them: the automata of hundreds of patterns and the model's weights fill
        the processor's caches in turn, and fetched anew for every mail they take twice the time.
        """
        policies = [in_force(self.policy, self.conditions, report) for report in reports]
        evidence = [
            self.rulebook.weigh_for(r, g, frozenset(policy.kinds))
            for r, g, policy in zip(reports, regions, policies, strict=True)
        ]
        word = self.policy.word  # a fact beside the verdict: the model must not see it
        opinions = [
            self.learned.opine(r, g, word) if self.learned else None for r, g in zip(reports, regions, strict=True)
        ]
        verdicts = [
            decide(
                report,
                regions=places,
                evidence=seen,
                opinion=opinion,
                fusion=self.fusion,
                thresholds=self.thresholds,
                acknowledgement=find_acknowledgement(report, places, self.policy.word),
                policy=policy,
                versions=self.versions,
            )
            for report, places, policy, seen, opinion in zip(
                reports, regions, policies, evidence, opinions, strict=True
            )
        ]
        told = [
            with_a_doubt(verdict, self.policy, self.conditions, report)
            for verdict, report in zip(verdicts, reports, strict=True)
        ]
        return [
            replace(verdict, parts=self._parts(report, places, verdict, opinion))
            for verdict, report, places, opinion in zip(told, reports, regions, opinions, strict=True)
        ]

    def _parts(
        self, report: Report, regions: Sequence[Region], verdict: Verdict, opinion: Opinion | None
    ) -> tuple[PartVerdict, ...]:
        """What each part of a mixed report is by itself."""
        if not may_be_mixed(verdict, opinion):
            return ()
        stretches = self.rulebook.weigh_all(report, regions, frozenset(kinds_of(verdict)))
        ask = self.learned.of_parts if self.learned else None
        return tell_apart(report, regions, verdict=verdict, stretches=stretches, opinion=opinion, ask=ask)

    def opinion(self, report: Report) -> Opinion:
        """What the model alone believes; empty where there is none."""
        if self.learned is None:
            return Opinion()
        return self.learned.opine(report, find_regions(report, self.policy.texts), self.policy.word)

    def own_words(self, report: Report, regions: Sequence[Region]) -> str:
        """The report's claims as one text: for training on a corrected report, and to compare it with others."""
        return "\n".join(claim.text for claim in prose(report, regions))


def traces(report: Report, own_words: str) -> Traces:
    """What the report is recognised by later: a signature of its words, and what its header fields say of its thread."""
    passages = "\n".join(p.text for p in report.passages if p.text.strip())
    attached = "\n".join(f"{a.name} {a.media_type} {a.size}" for a in report.attachments[:SHOWN_ATTACHMENTS])
    forged = report.authentication is not None and report.authentication.dmarc == "fail"
    return Traces(
        signature=signature(own_words, f"{attached}\n{passages}"),
        message_id=report.message_id,
        references=report.references[-REFERENCES:],
        sender="" if forged else report.sender,
        domain=proven_domain(report.sender, report.authentication),
        proven=is_proven(report.sender, report.authentication),
        words=digest(f"{attached}\n{passages}"),
    )


def letterhead(report: Report, regions: Sequence[Region] = ()) -> Letterhead:
    """What a card may show of the mail itself, and what an answer to it needs."""
    return Letterhead(
        subject=report.subject[:500],
        sender=report.sender[:320],
        message_id=report.message_id,
        attachments=tuple(
            f"{a.name or 'unnamed'} ({a.media_type}, {_human(a.size)}){'' if a.read else ', not read'}"[:200]
            for a in report.attachments[:SHOWN_ATTACHMENTS]
        ),
        language=spoken(report, regions),
        references=report.references[-ANSWERED:],
        answer_to=report.answer_to[:320],
    )


def _human(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 10**6 else f"{max(1, round(size / 1e3))} kB"
