"""A model made anew while the bot runs: when, by which process, what is told of it, and that it is taken up."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from make import MODEL, RULES
from running import Running, configuration, until

from bot.ports import Context, Cursor, KeptReport, NewReport, RawMessage, RecordedVerdict, VerdictKind
from bot.retraining import PERIODS, TRAINED, Retraining
from bot.store import Store
from bot.worker import Worker
from classifiers.learned import Learned
from classifiers.terms import Disposition, Verdict, report_key

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CHANNEL = "C0TRIAGE"
TAKEN: dict[str, Any] = {
    "model": "abc", "taken": True, "corrections": 2, "labelled": 0, "refused": [],
    "changed": {"false dismissals": {"before": 0.01, "after": 0.004}, "macro F1": {"before": None, "after": 0.8}},
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/state/triage.db", now=lambda: NOW) as it:
        yield it


def keep(store: Store, n: int) -> KeptReport:
    raw = b"Subject: %d\r\n\r\nmail %d\r\n" % (n, n)
    message = RawMessage(folder="INBOX", uidvalidity=7, uid=n, size=len(raw), received_at=NOW, raw=raw)
    new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
    return store.report(store.keep("a", "INBOX", [new], Cursor(7, n))[0])


def says(store: Store, report: KeptReport, at: datetime, kind: VerdictKind = VerdictKind.PERSON) -> RecordedVerdict:
    verdict = Verdict(report=report.key, disposition=Disposition.IN_SCOPE, confidence=1.0, why="w")
    by = "person:ana" if kind is VerdictKind.PERSON else "bot"
    return store.record(report.id, verdict, kind=kind, decided_by=by, decided_at=at)


class Fresh:
    """A model file, and a training that answers as it is told to."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.model, self.trained = folder / "model.npz", folder / "trained"
        shutil.copy(MODEL, self.model)
        self.worker = Worker(Context(rules=RULES, policy="planetscale", model=self.model))
        self.at = NOW

    def retraining(
        self, answer: Mapping[str, Any] | str = TAKEN, *, code: int = 0, every: str = "weekly", seconds: float = 0
    ) -> Retraining:
        """One whose training takes so long, counts that it ran, and prints the answer."""
        out = answer if isinstance(answer, str) else json.dumps(answer)
        script = f"import time; open({str(self.trained)!r}, 'a').write('x'); time.sleep({seconds}); print({out!r}); raise SystemExit({code})"
        return Retraining(
            self.store, self.worker, model=lambda: self.model, every=PERIODS.get(every),
            command=(sys.executable, "-c", script), channel=CHANNEL, now=lambda: self.at,
        )  # fmt: skip

    @property
    def runs(self) -> int:
        return len(self.trained.read_text(encoding="utf-8")) if self.trained.exists() else 0

    def digest(self) -> list[str]:
        return [n.text for n in self.store.digest_waiting(9)]

    def replace(self, card: Mapping[str, Any]) -> str:
        """Another model takes the file's place, in one step; its version."""
        other = self.folder / "other.npz"
        Learned.load(MODEL).save(other, card)
        other.replace(self.model)
        return Learned.load(self.model).version


@pytest.fixture
def fresh(store: Store, tmp_path: Path) -> Iterator[Fresh]:
    it = Fresh(store, tmp_path)
    with it.worker:
        yield it


# ------------------------------------------------------------------------------------------------ when


def test_it_trains_when_people_said_something_new_and_the_time_has_come(fresh: Fresh) -> None:
    """Not for the bot's verdicts; not twice a week; not without a new word. Taking a word back is one."""
    it = fresh.retraining()
    report = keep(fresh.store, 1)
    says(fresh.store, report, NOW, VerdictKind.BOT)
    it.tick()
    assert fresh.runs == 0

    said = says(fresh.store, report, NOW - timedelta(hours=1))
    it.tick()
    it.tick()
    assert fresh.runs == 1
    fresh.at += timedelta(days=8)
    it.tick()
    assert fresh.runs == 1

    fresh.store.take_back(said, by="person:bob", at=fresh.at, reason="")
    fresh.at += timedelta(minutes=1)
    it.tick()
    assert fresh.runs == 2
    says(fresh.store, report, fresh.at)
    fresh.at += timedelta(days=6)
    it.tick()
    assert fresh.runs == 2


@pytest.mark.parametrize(
    ("every", "days", "runs"), [("", 400, 0), ("weekly", 7, 1), ("monthly", 29, 0), ("monthly", 30, 1)]
)
def test_how_often_is_as_configured(fresh: Fresh, every: str, days: int, runs: int) -> None:
    """Counted from the last training, also one by hand."""
    fresh.store.beat(TRAINED, NOW - timedelta(days=days))
    says(fresh.store, keep(fresh.store, 1), NOW)
    fresh.retraining(every=every).tick()

    assert fresh.runs == runs


# ------------------------------------------------------------------------------------------------ what is told


def test_a_new_model_is_told_in_the_log_and_in_the_digest(fresh: Fresh, caplog: pytest.LogCaptureFixture) -> None:
    """One line each, figures before and after."""
    caplog.set_level(logging.INFO, "triage")
    says(fresh.store, keep(fresh.store, 1), NOW)
    fresh.retraining().tick()

    assert fresh.digest() == [
        (
            "Model: trained anew, 2 corrections among its examples; on the corpus: false dismissals 1.0% → 0.4%, "
            "macro F1 unknown → 80.0%. In use from now on."
        )
    ]
    (line,) = [r for r in caplog.records if r.getMessage() == "model.trained"]
    assert (vars(line)["model"], vars(line)["taken"], vars(line)["corrections"]) == ("abc", True, 2)


def test_a_refused_model_is_told(fresh: Fresh) -> None:
    """With what it would do worse."""
    says(fresh.store, keep(fresh.store, 1), NOW)
    refused = TAKEN | {"taken": False, "model": "", "refused": ["recall was 60.0% and would be 40.0%"]}
    fresh.retraining(refused, code=1).tick()

    (line,) = fresh.digest()
    assert "and not taken: recall was 60.0% and would be 40.0%. The one in use stays." in line


@pytest.mark.parametrize("out", ["", "Traceback", "[]", "{}"])
def test_a_training_that_fails_is_told_and_not_repeated_at_once(
    fresh: Fresh, caplog: pytest.LogCaptureFixture, out: str
) -> None:
    """Its exit code alone: what it printed may be anything."""
    says(fresh.store, keep(fresh.store, 1), NOW)
    it = fresh.retraining(out, code=78)
    it.tick()
    it.tick()

    assert fresh.runs == 1
    assert fresh.digest() == [
        "Model: training failed (exit code 78). `triage model train` says why; the model in use stays."
    ]
    (line,) = [r for r in caplog.records if r.getMessage() == "model.failed"]
    assert vars(line)["code"] == 78


def test_being_told_to_stop_ends_a_training(fresh: Fresh) -> None:
    """The process is gone, nothing is told, and the next start trains."""
    says(fresh.store, keep(fresh.store, 1), NOW)
    fresh.retraining(seconds=600).tick(stop=lambda: fresh.runs > 0)

    assert fresh.runs == 1
    assert fresh.digest() == []
    assert fresh.store.last_beat(TRAINED) is None


# ------------------------------------------------------------------------------------------------ taken up


def test_a_new_model_is_taken_up_without_a_restart(fresh: Fresh, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever made it; a file that stayed the same changes nothing."""
    caplog.set_level(logging.INFO, "triage")
    it = fresh.retraining(every="")
    before = fresh.worker.versions.model
    it.tick()
    assert fresh.worker.versions.model == before

    version = fresh.replace({"made": "by hand"})
    it.tick()

    assert fresh.worker.versions.model == version != before
    assert [r.getMessage() for r in caplog.records] == ["model.taken_up"]


def test_a_model_that_cannot_be_used_is_left_aside(fresh: Fresh, caplog: pytest.LogCaptureFixture) -> None:
    """The bot goes on by the one it has; told once; a good one is taken up later."""
    other = fresh.folder / "own.npz"
    used = fresh.model
    it = fresh.retraining(every="")
    before = fresh.worker.versions.model
    other.write_bytes(b"no model")
    fresh.model = other
    it.tick()
    it.tick()

    assert fresh.worker.versions.model == before
    assert fresh.worker.context.model == used
    assert [r.getMessage() for r in caplog.records] == ["model.refused"]
    version = fresh.replace({"made": "well"})
    it.tick()
    assert fresh.worker.versions.model == version


# ------------------------------------------------------------------------------------------------ the real daemon


@pytest.mark.timeout(600)  # it trains
def test_the_daemon_trains_by_the_command_and_takes_a_model_up(store: Store, tmp_path: Path) -> None:
    """`triage run` starts `triage model train`, which here has nothing to read; a model laid there is judged by."""
    says(store, keep(store, 1), datetime.now(UTC))
    accounts = '[[accounts]]\nhost = "127.0.0.1"\nport = 9\ntls = "none"\nuser = "u"\npassword = { env = "A" }\n'
    model = '[model]\nretrain = "weekly"\nlabelled = "nowhere"\n'
    config = configuration(tmp_path, accounts, SimpleNamespace(base_url="http://127.0.0.1:9/api/"), model)
    with Running(config, {"A": "a", "TEST_SLACK_TOKEN": "t"}) as bot:
        assert bot.wait_for("model.failed", 90)["code"] == 2
        other = tmp_path / "other.npz"
        Learned.load(MODEL).save(other, {"made": "by hand"})
        version = Learned.load(other).version
        other.replace(tmp_path / "state" / "model.npz")

        assert bot.wait_for("model.taken_up", 60)["model"] == version
        assert bot.terminate() == 0
    assert until(lambda: [n.text for n in store.digest_waiting(9)])[0].startswith(
        "Model: training failed (exit code 2)"
    )
