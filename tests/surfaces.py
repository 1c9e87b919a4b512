"""All that is shown of a judged mail: cards, digest, terminal, JSON; and what must never stand there."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from functools import cache

from make import RULES

from bot.answer import as_data, for_people
from bot.assembly import policy_wording
from bot.local.slack.limits import block_problem
from bot.ports import KeptReport, RecordedVerdict, VerdictKind
from bot.showing import Wording, view_of
from bot.slack.cards import card
from bot.slack.details import details
from bot.slack.digest import DigestLine, digest
from bot.slack.view import CardView, Tier
from bot.tasks import Judged
from classifiers.text import json_line

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
OURS = re.compile(r"<!date\^\d+\^[^|<>]*\|[^<>]*>")  # the one thing of mrkdwn that cards hold
ACTS = re.compile(r"<[!@#]|<\w+:|<https?|&(?!amp;|lt;|gt;)|\bhttps?://|\b[\w.]+@[\w-]+\.[a-z]|[\w-]\.example\b")


@cache
def wording() -> Wording:
    return policy_wording(RULES, "planetscale")


def view(judged: Judged, tier: Tier) -> CardView:
    report = KeptReport(
        id=1, account="security", folder="INBOX", key=judged.verdict.report, size=1234, received_at=AT, kept_at=AT, truncated=False,
        attempts=1, from_junk=False, backlog=False, purged=False,
    )  # fmt: skip
    said = RecordedVerdict(
        id=1, report_id=1, kind=VerdictKind.BOT, verdict=judged.verdict, decided_by="bot", decided_at=AT
    )
    return view_of(report, said, history=(said,), head=judged.letterhead, wording=wording(), tier=tier)


def speaks_with_our_voice(judged: Judged) -> None:
    """Nothing of the mail acts where it is shown: in Slack, on a terminal, in the JSON of a command."""
    verdict, head = judged.verdict, judged.letterhead
    for tier in Tier:
        drawn = [card(view(judged, tier)), details(view(judged, tier))]
        line = DigestLine(
            report="0" * 8, disposition=verdict.disposition, categories=("A category",),
            subject=head.subject, sender=head.sender, from_junk=False,
        )  # fmt: skip
        for text, blocks in [*drawn, digest([line], tier=tier)]:
            assert block_problem(blocks, text) == ("", [])
            for words in texts(blocks):
                strangers = OURS.sub("", words).replace(wording().url, "")  # the policy's address is ours
                assert ACTS.search(strangers) is None, words
                assert not invisible(words.replace("\n", "")), words
    told = for_people("a.eml", verdict, head)
    assert not invisible(told.replace("\n", ""))
    line_of_json = json_line(as_data("a.eml", verdict, head))
    assert line_of_json.isprintable()
    assert json.loads(line_of_json)["subject"] == head.subject


def texts(blocks: list[dict[str, object]]) -> list[str]:
    """Every text of a message's blocks."""
    told = json.dumps(blocks)
    return [json.loads(m) for m in re.findall(r'"text": ("(?:[^"\\]|\\.)*")', told)]


def invisible(text: str) -> list[str]:
    """Characters that steer a terminal or turn a line around."""
    return [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]
