"""The blind audit: who is asked, that nothing is given away, what the answers count for, and what they stop."""

from __future__ import annotations

import hashlib
import json
import logging
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from make import judge, make_report, policy, rulebook
from running import configuration
from test_cli import triage as command

from bot.assembly import drawing
from bot.audit import (
    BLIND,
    QUIET_A_DAY,
    Audit,
    Clearance,
    Drawing,
    drawn,
    live_rate,
    rates_by_ground,
    stopped,
    without_stopped,
)
from bot.correction import Correction, correct, judge_again
from bot.delivery import Delivery
from bot.local.slack import LocalSlack
from bot.ports import Context, Cursor, KeptReport, Letterhead, NewReport, RawMessage, RecordedVerdict, VerdictKind
from bot.routing import Routes
from bot.settings import load
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.view import TITLES, Tier
from bot.store import Store, audit_seed
from bot.triage import Triage
from bot.worker import Judged, Task, Worker
from classifiers.errors import ConfigError, StoreError, UserError
from classifiers.terms import Disposition, Finding, Verdict, report_key

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CHANNEL = "C0TRIAGE"
SPF = "email_authentication"
ALL = Drawing(share=1.0, seed=b"s" * 32, budget=0.01)
IN, OUT, REVIEW = Disposition.IN_SCOPE, Disposition.OUT_OF_SCOPE, Disposition.NEEDS_REVIEW


def keys(n: int) -> list[str]:
    return [hashlib.sha256(b"%d" % i).hexdigest() for i in range(n)]


# ------------------------------------------------------------------------------------------------ who is asked


def test_a_share_is_drawn_and_always_the_same() -> None:
    """About as many as asked for, the same at every start, others under another seed; none at 0, all at 1."""
    twentieth = Drawing(share=0.05, seed=b"a" * 32)
    mine = {k for k in keys(4000) if drawn(k, twentieth)}

    assert 140 < len(mine) < 260
    assert mine == {k for k in keys(4000) if drawn(k, replace(twentieth))}
    assert mine != {k for k in keys(4000) if drawn(k, replace(twentieth, seed=b"b" * 32))}
    assert not any(drawn(k, replace(twentieth, share=0.0)) for k in keys(100))
    assert all(drawn(k, replace(twentieth, share=1.0)) for k in keys(100))


def test_the_seed_is_made_once_and_private(tmp_path: Path) -> None:
    """32 random bytes, 0600, the same ever after; another folder has another; it stands in no repr."""
    seed = audit_seed(tmp_path)

    assert len(seed) == 32
    assert audit_seed(tmp_path) == seed
    assert stat.S_IMODE((tmp_path / "audit.seed").stat().st_mode) == 0o600
    (tmp_path / "other").mkdir()
    assert audit_seed(tmp_path / "other") != seed
    assert repr(seed) not in repr(Drawing(share=1.0, seed=seed))


def test_a_damaged_seed_is_told(tmp_path: Path) -> None:
    """An empty one would be no secret."""
    (tmp_path / "audit.seed").touch()

    with pytest.raises(StoreError, match="damaged"):
        audit_seed(tmp_path)


def test_a_seed_of_ones_own_is_read_where_the_settings_say(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several bots on one database draw alike by it; one that can be guessed is refused, and not shown."""
    config.write_text(
        config.read_text(encoding="utf-8").replace("share = 0.0", 'share = 0.5\nseed = { env = "A_SEED" }'),
        encoding="utf-8",
    )
    monkeypatch.setenv("A_SEED", "x" * 40)
    assert drawing(load(config), 0.02) == Drawing(share=0.5, seed=b"x" * 40, budget=0.02)
    assert not (tmp_path / "state" / "audit.seed").exists()
    monkeypatch.setenv("A_SEED", "hunter22")
    with pytest.raises(ConfigError, match="too short") as refused:
        drawing(load(config), 0.02)
    assert "hunter22" not in str(refused.value)


# ------------------------------------------------------------------------------------------------ counting


def audit(
    answer: Disposition | None, *categories: str, said: Disposition = OUT, at: datetime = NOW, n: int = 0
) -> Audit:
    key = keys(n + 1)[n]
    report = KeptReport(
        id=n, account="a", folder="INBOX", key=key, size=1, received_at=at, kept_at=at, truncated=False,
        attempts=1, from_junk=False, backlog=False, purged=False,
    )  # fmt: skip
    held = tuple(Finding(category=c, probability=0.9, clause="a clause", clause_kind="named") for c in categories)
    free = Finding(category="not_excluded", probability=0.9, clause=None, clause_kind=None)
    verdict = Verdict(report=key, disposition=said, confidence=0.9, why="w", categories=(*held, free))
    opinion = RecordedVerdict(
        id=1, report_id=n, kind=VerdictKind.AUDIT, verdict=verdict, decided_by="bot", decided_at=at
    )
    word = replace(
        opinion, id=2, kind=VerdictKind.PERSON, decided_by="person:ana", verdict=replace(verdict, disposition=answer or IN)
    )  # fmt: skip
    return Audit(report=report, opinion=opinion, answer=word if answer else None)


def test_only_answers_count() -> None:
    """Silence agrees with nothing; any dismissal agrees; each category a dismissal rests on has its share."""
    audits = [
        audit(IN, SPF), audit(OUT, SPF, "cookie_flags"), audit(Disposition.INCOMPLETE, "cookie_flags"),
        audit(None, SPF), audit(None, "public_files"), audit(IN, said=Disposition.NOT_A_REPORT),
    ]  # fmt: skip

    assert (live_rate(audits).part, live_rate(audits).whole) == (2, 4)
    assert {k: (r.part, r.whole) for k, r in rates_by_ground(audits).items()} == {
        SPF: (1, 2), "cookie_flags": (0, 2), "not_a_report": (1, 1),
    }  # fmt: skip
    assert live_rate([audit(None, SPF)]).whole == 0


@pytest.mark.parametrize(
    ("false", "agreed", "budget", "stops"),
    [
        (0, 0, 0.01, False),
        (0, 50, 0.0, False),  # none at all is never too many
        (1, 0, 0.01, True),
        (1, 9, 0.01, True),  # at least 1.8 %
        (1, 30, 0.01, False),  # it may be as little as 0.6 %
        (3, 30, 0.01, True),
        (3, 30, 0.05, False),
    ],
)
def test_a_category_stops_when_its_rate_surely_exceeds_the_budget(
    false: int, agreed: int, budget: float, stops: bool
) -> None:
    """By Wilson's lower bound; open audits change nothing."""
    audits = [audit(IN, SPF)] * false + [audit(OUT, SPF)] * agreed + [audit(None, SPF)] * 9

    assert stopped(audits, (), budget) == (frozenset({SPF}) if stops else frozenset())


def test_only_dismissals_made_after_a_clearance_count() -> None:
    """Somebody looked at those before; another category's clearance is no help."""
    audits = [audit(IN, SPF)]
    later = NOW + timedelta(days=1)
    cleared = Clearance(category=SPF, decided_by="person:ana", decided_at=later, reason="rule mended")

    assert stopped(audits, (replace(cleared, category="cookie_flags"),), 0.01) == {SPF}
    assert stopped(audits, (cleared,), 0.01) == frozenset()
    assert stopped([*audits, audit(IN, SPF, at=later + timedelta(hours=1))], (cleared,), 0.01) == {SPF}


def test_a_false_not_a_report_stops_no_category() -> None:
    """It rests on none: newsletters must not become a flood of cards."""
    assert stopped([audit(IN, SPF, said=Disposition.NOT_A_REPORT)], (), 0.01) == frozenset()


def test_what_rests_on_a_stopped_category_goes_to_a_person() -> None:
    """With a why that says so; anything else stays what it is."""
    verdict = audit(None, SPF, "cookie_flags").opinion.verdict

    sent = without_stopped(verdict, frozenset({SPF}))
    assert sent.disposition is REVIEW
    assert SPF in sent.why
    assert "audit" in sent.why
    assert sent.categories == verdict.categories
    assert without_stopped(verdict, frozenset({"public_files", "not_excluded"})) == verdict
    live = replace(verdict, disposition=IN)
    assert without_stopped(live, frozenset({SPF})) == live


# ------------------------------------------------------------------------------------------------ through the store


class Judging(Worker):
    """Judges in this process with the shipped rules and model: every mail is the SPF report of these tests."""

    def __init__(self, disposition: Disposition = OUT) -> None:
        super().__init__(Context(rules=Path(), policy="planetscale", model=None))
        verdict = judge(make_report(SUBJECT, BODY))
        assert verdict.disposition is OUT
        self.verdict = replace(verdict, categories=tuple(f for f in verdict.categories if f.category == SPF))
        self.disposition = disposition

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for task in tasks:
            verdict = replace(self.verdict, report=report_key(task.raw), disposition=self.disposition)
            yield Judged(verdict=verdict, letterhead=Letterhead(subject=SUBJECT))


SUBJECT = "No SPF record for example.com"
BODY = "Your domain example.com has no SPF record, so anyone can forge mail. mochi"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with Store.open(database, now=lambda: NOW) as it:
        yield it


def keep(store: Store, *numbers: int, backlog: bool = False) -> None:
    for n in numbers:
        raw = b"Subject: No SPF record\r\n\r\nmail %d\r\n" % n
        message = RawMessage(folder="INBOX", uidvalidity=7, uid=n, size=len(raw), received_at=NOW, raw=raw)
        mail = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=backlog)
        store.keep("a", "INBOX", [mail], Cursor(7, n))


def judged(store: Store, *, drawing: Drawing = ALL, now: datetime = NOW, disposition: Disposition = OUT) -> None:
    worker = Judging(disposition)
    Triage(store=store, worker=worker, routes=Routes(channel=CHANNEL), now=lambda: now, drawing=drawing).judge_waiting()


def answer(store: Store, report: KeptReport, disposition: Disposition, now: datetime = NOW) -> RecordedVerdict:
    word = Correction(disposition=disposition, by="person:ana", reason="a look at the mail")
    return correct(store, report.key, word, known=(SPF,), routes=Routes(channel=CHANNEL), now=now)[1]


def test_what_holds_of_an_audited_report_has_no_opinion(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A stand-in; the opinion lies beside it; a card and no details; the log says as little."""
    caplog.set_level(logging.INFO, "triage")
    keep(store, 1)
    judged(store)
    ((report, current, _),) = store.listing()

    assert current is not None
    assert current.verdict.disposition is REVIEW
    assert current.verdict.why == BLIND
    assert current.verdict.categories == current.verdict.considered == current.verdict.signs == ()
    assert [h.kind for h in store.history(report.id)] == [VerdictKind.BOT, VerdictKind.AUDIT]
    assert store.counts()["notices_due"] == 1
    assert store.open_audits() == {report.id}
    logged = json.dumps([vars(r) for r in caplog.records], default=str)
    assert report.short in logged
    assert OUT.value not in logged
    assert SPF not in logged


@pytest.mark.parametrize("disposition", [IN, REVIEW])
def test_only_would_be_dismissals_are_audited(store: Store, disposition: Disposition) -> None:
    """What a person sees anyway needs no audit; nor is any drawn where the share is nought."""
    keep(store, 1)
    judged(store, disposition=disposition)
    keep(store, 2)
    judged(store, drawing=replace(ALL, share=0.0))

    assert store.audits() == ()


def test_a_backlog_and_newsletters_bring_a_few_audits_a_day(store: Store) -> None:
    """Each with a card of its own; the rest stay lines of the digest; tomorrow there are a few more."""
    keep(store, *range(1, 9), backlog=True)
    judged(store)
    keep(store, 20, 21)
    judged(store, disposition=Disposition.NOT_A_REPORT)
    assert len(store.audits()) == QUIET_A_DAY
    assert store.counts()["for_the_digest"] == 10 - QUIET_A_DAY
    assert store.counts()["notices_due"] == QUIET_A_DAY

    keep(store, 30)
    judged(store)  # it would have a card anyway
    assert len(store.audits()) == QUIET_A_DAY + 1
    keep(store, 40, backlog=True)
    judged(store, now=NOW + timedelta(hours=25))
    assert len(store.audits()) == QUIET_A_DAY + 2


def test_an_answer_is_the_first_word_of_a_person(store: Store) -> None:
    """Later ones correct the report, not the audit; the person's verdict keeps what the bot saw."""
    keep(store, 1)
    judged(store)
    ((report, _, _),) = store.listing()
    recorded = answer(store, report, IN)
    answer(store, report, OUT)

    (it,) = store.audits()
    assert it.false_dismissal
    assert it.opinion.verdict.disposition is OUT
    assert SPF in [f.category for f in recorded.verdict.considered]
    assert store.open_audits() == frozenset()
    assert len(list(store.corrections())) == 1


def test_needs_review_is_no_answer(store: Store) -> None:
    """It says neither yes nor no, and would show the opinion."""
    keep(store, 1)
    judged(store)
    ((report, _, _),) = store.listing()

    with pytest.raises(UserError, match="no answer"):
        answer(store, report, REVIEW)
    answer(store, report, OUT)
    answer(store, report, REVIEW)


def test_judging_again_leaves_open_audits_alone(store: Store) -> None:
    """What it would change tells the opinion; once answered it is judged like any other, stops heeded."""
    keep(store, 1)
    judged(store)
    ((report, _, _),) = store.listing()

    assert list(judge_again(store, Judging(), [report])) == []
    answer(store, report, IN)
    (change,) = judge_again(store, Judging(), [report], frozenset({SPF}))
    assert change.person
    assert change.after.verdict.disposition is REVIEW


def test_a_category_over_its_budget_dismisses_nothing_until_somebody_looks(store: Store) -> None:
    """From the next mail on; a clearance lets it."""
    keep(store, 1)
    judged(store)
    ((report, _, _),) = store.listing()
    answer(store, report, IN)
    keep(store, 2)
    judged(store)
    (_, (_, current, _)) = store.listing()
    assert current is not None
    assert current.verdict.disposition is REVIEW
    assert SPF in current.verdict.why

    store.clear(
        Clearance(category=SPF, decided_by="person:ana", decided_at=NOW + timedelta(minutes=1), reason="mended")
    )
    keep(store, 3)
    judged(store, drawing=replace(ALL, share=0.0))
    *_, (_, current, _) = store.listing()
    assert current is not None
    assert current.verdict.disposition is OUT


def test_a_purge_takes_the_held_back_text_too(store: Store, database: str, tmp_path: Path) -> None:
    """The opinion quotes the mail; its facts stay, so that the rate stays."""
    keep(store, 1)
    judged(store, drawing=replace(ALL, share=1.0))
    ((report, _, _),) = store.listing()
    store.mark_said(store.due(NOW, 1)[0].id, NOW, "1.1")

    assert store.purge(NOW + timedelta(days=1), keep_corrections=True) == 1
    store.close()
    if database.startswith("sqlite"):
        assert all(b"no SPF record, so anyone" not in f.read_bytes() for f in (tmp_path / "state").iterdir())
    (it,) = store.audits()
    assert [f.category for f in it.opinion.verdict.categories] == [SPF]
    assert report.id in store.open_audits()


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


@pytest.fixture
def config(tmp_path: Path, store: Store, database: str) -> Path:
    """A configuration whose state folder holds the store of the test."""
    accounts = '[[accounts]]\nhost = "127.0.0.1"\nuser = "u"\npassword = { env = "TEST_IMAP_PASSWORD" }\n'
    assert store.counts()["reports"] == 0
    return configuration(tmp_path, accounts, SimpleNamespace(base_url="http://127.0.0.1:9/api/"), url=database)


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
    assert "(1 of 1; 20.7% to 100.0%)" in told(config, "model", "report")

    told(config, "audit", "clear", SPF, code=2)
    told(config, "audit", "clear", SPF, "--reason", " ", code=2)
    told(config, "audit", "clear", SPF, "--reason", "rule mended", "--by", "ana")
    (counted,) = lines(config, "list", "--audit", "--json")
    assert not counted["categories"][SPF]["stopped"]
    assert [(c["category"], c["by"], c["reason"]) for c in counted["cleared"]] == [(SPF, "person:ana", "rule mended")]
    assert "nothing to clear" in told(config, "audit", "clear", SPF, "--reason", "again", code=2)
    assert "--audit" in told(config, "list", "--audit", "--open", code=2)
