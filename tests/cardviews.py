"""What a card is drawn of: an SPF report as the shipped rules and model judge it, in any tier."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from make import judge, make_report

from bot.ports import Act, ActKind, Letterhead, Outcome, RecordedVerdict, VerdictKind
from bot.slack.view import CardView, Tier
from classifiers.terms import Verdict

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SPF = "Your domain example.com has no SPF record, so anyone can forge mail. I am ravi@hunter.example. mochi"
HEAD = Letterhead(
    subject="No SPF record for example.com",
    sender="ravi@hunter.example",
    message_id="<1@hunter.example>",
    attachments=("poc.mp4 (video/mp4, 1.2 MB), not read",),
)
TAKEN = Act(report_id=1, kind=ActKind.TAKE, by="person:ana (U0ANA)", at=NOW, outcome=Outcome.DONE)


def recorded(
    verdict: Verdict, kind: VerdictKind = VerdictKind.BOT, by: str = "bot", reason: str = ""
) -> RecordedVerdict:
    return RecordedVerdict(
        id=1, report_id=1, kind=kind, verdict=verdict, decided_by=by, decided_at=NOW, reason=reason
    )  # fmt: skip


def view(
    verdict: Verdict,
    tier: Tier = Tier.REDUCED,
    head: Letterhead | None = HEAD,
    *,
    by: RecordedVerdict | None = None,
    history: tuple[RecordedVerdict, ...] = (),
    possible_repeat: bool = False,
) -> CardView:
    return CardView(
        report="9f2c51ab",
        account="security",
        received_at=NOW,
        from_junk=False,
        recorded=by or recorded(verdict),
        history=history,
        head=head,
        tier=tier,
        word="mochi",
        titles={"email_authentication": "E-mail authentication"},
        requested={"steps_to_reproduce": "Steps to reproduce", "software_and_versions": "Software and versions"},
        assets={"dashboard_api": "Dashboard and API"},
        key="9f2c51ab" * 8,
        carve_outs={"email_authentication": ("consequence", "verifier_bypass")},
        own_domains=("example.com",),
        possible_repeat=possible_repeat,
    )


def spf() -> Verdict:
    return judge(make_report(HEAD.subject, SPF))


def words(drawn: tuple[str, list[dict[str, Any]]]) -> str:
    """All text of a message, its fallback first."""
    text, blocks = drawn
    texts = [t["text"] for b in blocks for t in ([b["text"]] if "text" in b else b["elements"])]
    return "\n".join([text, *texts])
