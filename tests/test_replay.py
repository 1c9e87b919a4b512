"""Judging again before something is deployed: what would change, with people's verdicts as the yardstick."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from make import MODEL, RULES
from running import configuration
from test_cli import triage as command

from bot.assembly import judging_worker, learned_from
from bot.correction import Correction, correct
from bot.local.samples import sample_mails
from bot.ports import Cursor, KeptReport, NewReport, RawMessage
from bot.replay import Decided, Yardstick
from bot.routing import Routes
from bot.store import Store
from bot.triage import Triage
from classifiers.learned import Learned
from classifiers.terms import Disposition, report_key

NOW = datetime.now(UTC)
IN, OUT, REVIEW = Disposition.IN_SCOPE, Disposition.OUT_OF_SCOPE, Disposition.NEEDS_REVIEW
SPF, BACKUPS, CSRF = 0, 1, 9  # of the samples: out of scope, in scope, out of scope


# ------------------------------------------------------------------------------------------------ counting


@pytest.mark.parametrize(
    ("person", "before", "after", "change"),
    [
        (IN, OUT, IN, "better"), (IN, IN, OUT, "worse"), (IN, REVIEW, OUT, "worse"), (IN, OUT, REVIEW, "better"),
        (IN, OUT, Disposition.NOT_A_REPORT, "same"), (OUT, OUT, REVIEW, "worse"), (OUT, IN, REVIEW, "better"),
        (OUT, IN, Disposition.INCOMPLETE, "same"), (OUT, OUT, OUT, "same"),
    ],
)  # fmt: skip
def test_better_and_worse(person: Disposition, before: Disposition, after: Disposition, change: str) -> None:
    """To agree is best, then to leave it to a person; nothing is worse than a false dismissal."""
    it = Decided(report="9f2c51ab", person=person, before=before, after=after)

    assert (it.is_better, it.is_worse) == (change == "better", change == "worse")


def test_figures_before_and_after() -> None:
    """Agreement of all; false dismissals of what a person called in scope; the worse ones by id alone."""
    some = [
        Decided(report="aaaaaaaa", person=IN, before=OUT, after=IN),
        Decided(report="bbbbbbbb", person=IN, before=REVIEW, after=OUT),
        Decided(report="cccccccc", person=OUT, before=OUT, after=OUT),
    ]
    it = Yardstick.of(some, {"cccccccc", "dddddddd"})

    figures = {name: ((b.part, b.whole), (a.part, a.whole)) for name, (b, a) in it.rates().items()}
    assert figures == {
        "agree": ((1, 3), (2, 3)), "false dismissals": ((1, 2), (1, 2)), "left to a person": ((1, 3), (0, 3)),
    }  # fmt: skip
    assert it.learned == 1
    assert "of 1 the model has learned the answer" in it.as_text()
    assert (
        "bbbbbbbb  a person said in scope; was needs review, would be out of scope (a false dismissal)" in it.as_text()
    )
    assert "aaaaaaaa" not in it.as_text()
    assert "nothing to measure" in Yardstick.of([], ()).as_text()


# ------------------------------------------------------------------------------------------------ at the command line


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/state/triage.db", now=lambda: NOW) as it:
        yield it


@pytest.fixture
def config(tmp_path: Path) -> Path:
    accounts = '[[accounts]]\nhost = "127.0.0.1"\nuser = "u"\npassword = { env = "TEST_IMAP_PASSWORD" }\n'
    return configuration(tmp_path, accounts, SimpleNamespace(base_url="http://127.0.0.1:9/api/"))


@pytest.fixture
def reports(store: Store) -> dict[int, KeptReport]:
    """Three samples, judged as shipped; a person called the first in scope, the last out of scope."""
    mails = {n: sample_mails()[n] for n in (SPF, BACKUPS, CSRF)}
    for n, raw in mails.items():
        message = RawMessage(folder="INBOX", uidvalidity=7, uid=n + 1, size=len(raw), received_at=NOW, raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        store.keep("a", "INBOX", [new], Cursor(7, n + 1))
    with judging_worker(policy="planetscale", rules=None, model=None) as worker:
        Triage(store=store, worker=worker, routes=Routes(channel="C0TRIAGE"), now=lambda: NOW).judge_waiting()
    found = {n: store.find(report_key(raw)) for n, raw in mails.items()}
    for n, said in ((SPF, IN), (CSRF, OUT)):
        word = Correction(disposition=said, by="person:ana")
        correct(store, found[n].key, word, known=(), routes=Routes(channel="C0TRIAGE"), now=NOW)
    return found


@pytest.fixture
def lax(tmp_path: Path) -> Path:
    """A rules folder whose policy `lax` excludes neither forged mail nor forged requests."""
    folder = Path(shutil.copytree(RULES, tmp_path / "rules"))
    head, *clauses = (folder / "policies" / "planetscale.toml").read_text(encoding="utf-8").split("[[clause]]")
    kept = [c for c in clauses if "email_authentication" not in c.split("hits")[0] and "csrf_low_impact" not in c]
    assert len(kept) < len(clauses) - 1
    text = "[[clause]]".join([head.replace('name = "planetscale"', 'name = "lax"'), *clauses[:1], *kept])
    (folder / "policies" / "lax.toml").write_text(text, encoding="utf-8")
    return folder


def replayed(config: Path, *arguments: object) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """The changes, the yardstick, what was said beside."""
    done = command("reclassify", "--json", *arguments, "--config", config)
    assert done.returncode == 0, done.stderr
    *changes, last = [json.loads(line) for line in done.stdout.splitlines()]
    return changes, last["yardstick"], done.stderr


def test_a_policy_is_tried_on_what_people_decided(
    store: Store, reports: dict[int, KeptReport], config: Path, lax: Path
) -> None:
    """Agreement and false dismissals now and then; what would be worse by id; nothing saved, no word of a mail."""
    changes, told, beside = replayed(config, "--since", "1d", "--policy", "lax", "--rules", lax)

    assert told["decided"] == 2
    assert [(w["report"], w["before"]) for w in told["worse"]] == [(reports[CSRF].short, "out_of_scope")]
    assert [(b["report"], b["after"]) for b in told["better"]] != []
    dismissed = told["rates"]["false dismissals"]
    assert (dismissed["before"]["part"], dismissed["after"]["part"], dismissed["after"]["whole"]) == (1, 0, 1)
    assert told["rates"]["agree"]["before"]["part"] == 1
    assert changes == []
    assert "2 decided by a person" in beside
    assert "this was a trial" in beside
    assert all(len(store.history(r.id)) <= 2 for r in reports.values())
    text = command("reclassify", "--since", "1d", "--policy", "lax", "--rules", lax, "--config", config).stdout
    assert reports[CSRF].short in text
    assert "Logout" not in text


def test_only_what_is_configured_is_applied(
    store: Store, reports: dict[int, KeptReport], config: Path, lax: Path
) -> None:
    """A trial is refused with a sentence; the configured one by name is none."""
    for trial in (("--policy", "lax"), ("--rules", lax), ("--model", config)):
        done = command("reclassify", "--since", "1d", *trial, "--apply", "--config", config)
        assert done.returncode == 2
        assert f"{trial[0]} {trial[1]} is not configured" in done.stderr
    done = command(
        "reclassify", "--since", "1d", "--policy", "planetscale", "--rules", RULES, "--model", MODEL, "--apply",
        "--config", config,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(store.history(reports[BACKUPS].id)) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--policy", "planetscal"), 78, "planetscale"), (("--rules", "/nowhere"), 2, "holds no rules"),
        (("--model", "/no/model.npz"), 78, "cannot be read"),
    ],
)  # fmt: skip
def test_a_trial_that_cannot_be_made_is_told(
    store: Store, config: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Also where there is nothing to judge."""
    assert store.listing() == []
    done = command("reclassify", "--since", "1d", *arguments, "--config", config)

    assert (done.returncode, words in done.stderr) == (code, True), done.stderr


def test_reports_that_a_model_learned_from_are_counted_apart(
    store: Store, reports: dict[int, KeptReport], config: Path, tmp_path: Path
) -> None:
    """There it knows the answer already."""
    assert store.counts()["reports"] == 3
    learned = Learned.load(MODEL)
    learned.save(tmp_path / "m.npz", {**learned.card, "learned_from": [reports[SPF].short]})

    assert learned_from(tmp_path / "m.npz") == {reports[SPF].short}
    assert replayed(config, "--since", "1d", "--model", tmp_path / "m.npz")[1]["learned_from"] == 1
    assert replayed(config, "--since", "1d")[1]["learned_from"] == 0
