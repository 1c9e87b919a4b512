"""The blind audit: who is asked, what holds meanwhile, what an answer does, what a stopped category does."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from audits import ALL, IN, NOW, OUT, REVIEW, SPF, Judging, answer, configured, judged, keep, keys

from bot.assembly import drawing
from bot.audit import BLIND, QUIET_A_DAY, Clearance, Drawing, drawn
from bot.configfile import load
from bot.correction import judge_again
from bot.ports import VerdictKind
from bot.store import Store, audit_seed
from classifiers.errors import ConfigError, StoreError, UserError
from classifiers.terms import Disposition


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with Store.open(database, now=lambda: NOW) as it:
        yield it


@pytest.fixture
def config(tmp_path: Path, store: Store, database: str) -> Path:
    return configured(tmp_path, store, database)


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


# ------------------------------------------------------------------------------------------------ through the store


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
