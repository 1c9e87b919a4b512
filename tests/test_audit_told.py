"""The blind audit in Slack and at the command line: that nothing is given away, and what is told after the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from audits import CHANNEL, IN, NOW, SPF, SUBJECT, Judging, answer, configured, judged, keep
from make import policy, rulebook
from test_cli import triage as command

from bot.audit import BLIND, Drawing
from bot.delivery import Delivery
from bot.local.slack import LocalSlack
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.view import TITLES, Tier
from bot.store import Store
from classifiers.terms import Verdict


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with Store.open(database, now=lambda: NOW) as it:
        yield it


@pytest.fixture
def config(tmp_path: Path, store: Store, database: str) -> Path:
    return configured(tmp_path, store, database)


# ------------------------------------------------------------------------------------------------ in Slack


def delivery(store: Store, slack: LocalSlack, now: datetime = NOW, tier: Tier = Tier.FULL) -> Delivery:
    wording = Wording(
        policy=policy().title,
        word=policy().word,
        titles={c.id: c.title for c in rulebook().categories},
        requested={r.id: r.title for r in policy().requested},
        assets={a.id: a.title for a in policy().assets},
        budget=policy().budget,
    )
    notifier = SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=5)
    return Delivery(
        store, notifier, wording, channel=CHANNEL, tier=tier, grace=timedelta(seconds=60), now=lambda: now, pace=timedelta()
    )  # fmt: skip


def opinions(verdict: Verdict) -> set[str]:
    """Whatever would give a verdict away."""
    found = {
        "Out of scope",
        verdict.disposition.value,
        "Needs review",
        "needs_review",
        "mochi",
        "excluding",
        "model: ",
        "rules: ",
    }
    found |= {f"{verdict.confidence:.0%}", verdict.why}
    for f in (*verdict.categories, *verdict.considered):
        found |= {f.category, rulebook_title(f.category), f"{f.probability:.0%}", f.clause or f.category}
        found |= {w for e in f.evidence for w in (e.source, e.reason, e.quote or e.source)}
    return found - {SUBJECT, "model"}  # the subject may be seen, and "model" alone says nothing


def rulebook_title(category: str) -> str:
    return next(c.title for c in rulebook().categories if c.id == category)


def everything(slack: LocalSlack) -> str:
    """All that Slack holds: texts, blocks, metadata. How to answer names dispositions, so that sentence is left out."""
    held = json.dumps(slack.messages(CHANNEL), ensure_ascii=False)
    return held.replace("(or out_of_scope with --category, incomplete, not_a_report)", "")


@pytest.mark.parametrize("tier", [Tier.FULL, Tier.REDUCED])
def test_a_blind_card_gives_nothing_away_until_it_is_answered(store: Store, slack: LocalSlack, tier: Tier) -> None:
    """Card, fallback, metadata and thread; then the answer, then the opinion, then the details."""
    keep(store, 1)
    judged(store)
    ((report, _, _),) = store.listing()
    saw = Judging().verdict
    delivery(store, slack, tier=tier).deliver()

    (card,) = slack.messages(CHANNEL)
    assert card["text"].startswith(f"Audit · {report.short} · No SPF record")
    assert "The bot's opinion follows after yours" in everything(slack)
    assert set(card["metadata"]["event_payload"]) == {"key", "report", "kind", "card"}  # ids and what it is, no opinion
    assert [word for word in opinions(saw) if word in everything(slack)] == []

    answer(store, report, IN)
    delivery(store, slack, tier=tier).deliver()

    card, thread = slack.messages(CHANNEL)
    shown = json.dumps(card, ensure_ascii=False)
    assert card["text"].startswith(TITLES[IN])
    assert shown.index("Decided by ana") < shown.index("The bot's opinion: *Out of scope*")
    assert saw.categories[0].clause is not None
    assert saw.categories[0].clause in shown
    assert thread["thread_ts"] == card["ts"]
    assert saw.categories[0].evidence[0].source in json.dumps(thread)


def test_the_ids_tier_shows_no_subject_on_a_blind_card(store: Store, slack: LocalSlack) -> None:
    """The tier holds for audits too."""
    keep(store, 1)
    judged(store)
    delivery(store, slack, tier=Tier.IDS).deliver()

    assert "SPF" not in everything(slack)


def test_the_digest_names_open_audits_and_the_live_rate(store: Store, slack: LocalSlack) -> None:
    """Also on a day without quiet mail; once a day; what is stopped is said."""
    keep(store, 1, 2)
    judged(store)
    (first, _, _), (second, _, _) = store.listing()
    answer(store, first, IN)
    it = delivery(store, slack, NOW + timedelta(days=3))
    it.say_digest()
    it.say_digest()

    (said,) = slack.messages(CHANNEL)
    text = json.dumps(said, ensure_ascii=False)
    assert f"Audits: 1 without an answer: `{second.short}` (3 d)" in text
    assert "live false dismissals: 100.0%  (1 of 1; 20.7% to 100.0%)" in text
    assert f"triage audit clear {SPF}" in text
    assert first.short not in text


def test_a_digest_without_audits_has_no_line_on_them(store: Store, slack: LocalSlack) -> None:
    """Nothing to say is not said."""
    delivery(store, slack).say_digest()
    assert slack.messages(CHANNEL) == []

    keep(store, 1, backlog=True)
    judged(store, drawing=Drawing())
    delivery(store, slack).say_digest()
    assert "Audits" not in everything(slack)
    assert "1 quiet mail" in everything(slack)


# ------------------------------------------------------------------------------------------------ at the command line


def told(config: Path, *arguments: str, code: int = 0) -> str:
    done = command(*arguments, "--config", config)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def lines(config: Path, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command(*arguments, "--config", config).stdout.splitlines()]


def test_the_commands_give_nothing_away(store: Store, config: Path) -> None:
    """list, list --disposition, show, export, reclassify without --as: all blind, as people read it and as data."""
    keep(store, 1)
    judged(store)
    ((report, _, _),) = store.listing()
    saw = Judging().verdict
    said = "\n".join(
        told(config, *arguments)
        for arguments in (
            ("list",), ("list", "--json"), ("list", "--open"), ("list", "--disposition", "out_of_scope"),
            ("list", "--audit"), ("list", "--audit", "--json"), ("show", report.short), ("show", report.short, "--json"),
            ("export", "verdicts"), ("reclassify", report.short), ("reclassify", "--since", "3650d", "--apply"),
        )
    )  # fmt: skip

    assert [word for word in opinions(saw) if word in said] == []
    assert said.count(BLIND) >= 4
    assert "1 left out: their audit waits for an answer" in said
    assert [row["report"] for row in lines(config, "list", "--open", "--json")] == [report.short]


def test_answer_rate_and_clearance_by_command(store: Store, config: Path) -> None:
    """reclassify answers, list --audit counts, audit clear lets a stopped category go on."""
    keep(store, 1, 2)
    judged(store)
    (first, _, _), (second, _, _) = store.listing()
    assert "audit" in told(config, "reclassify", first.short, "--as", "needs_review", code=2)
    told(config, "reclassify", first.short, "--as", "in_scope", "--reason", "a link was stolen", "--by", "ana")

    (counted,) = lines(config, "list", "--audit", "--json")
    assert (counted["answered"], counted["open"], counted["false_dismissals"], counted["rate"]) == (1, 1, 1, 1.0)
    assert counted["interval"] == pytest.approx([0.2065, 1.0], abs=0.001)
    assert counted["categories"][SPF]["stopped"]
    assert [(a["report"], a["answer"], a["opinion"]) for a in counted["audits"]] == [
        (first.short, "in_scope", "out_of_scope"), (second.short, None, None),
    ]  # fmt: skip
    assert "out of scope" in told(config, "show", first.short).lower()
    assert f"open  {second.short}" in told(config, "list", "--audit")
    page = config.parent / "model.html"
    assert "(1 of 1; 20.7% to 100.0%)" in told(config, "model", "report", "--html", page)
    assert "1 of 1; 20.7% to 100.0%" in page.read_text(encoding="utf-8")

    told(config, "audit", "clear", SPF, code=2)
    told(config, "audit", "clear", SPF, "--reason", " ", code=2)
    told(config, "audit", "clear", SPF, "--reason", "rule mended", "--by", "ana")
    (counted,) = lines(config, "list", "--audit", "--json")
    assert not counted["categories"][SPF]["stopped"]
    assert [(c["category"], c["by"], c["reason"]) for c in counted["cleared"]] == [(SPF, "person:ana", "rule mended")]
    assert "nothing to clear" in told(config, "audit", "clear", SPF, "--reason", "again", code=2)
    assert "--audit" in told(config, "list", "--audit", "--open", code=2)
