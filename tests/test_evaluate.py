"""Measuring: labelled mail in, figures with intervals out, every false dismissal with its grounds."""

from __future__ import annotations

import json
import mailbox
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from make import judge, make_report, model, policy
from test_cli import triage

from bot.assembly import judging_worker
from bot.evaluating import find, measure
from bot.local.samples import sample_mails
from bot.worker import Worker
from classifiers.curves import precision_recall, reliability
from classifiers.errors import UserError
from classifiers.evaluation import Answer, Item, evaluate
from classifiers.labelled import as_mail, read_label, read_labelled
from classifiers.marking import find_regions
from classifiers.modelcard import read_card
from classifiers.rates import Counts, Rate
from classifiers.terms import Disposition

SPF = "The domain copperfinch.example has no SPF record, please add one."
KNOWN = frozenset({"email_authentication", "tls_configuration"})


def item(body: str = SPF, disposition: str = "out_of_scope", *categories: str, **more: str) -> Item:
    return Item(
        id=more.get("id", "a"), subject=more.get("subject", "Missing SPF record"), body=body,
        disposition=Disposition(disposition), categories=frozenset(categories),
    )  # fmt: skip


def answer(of: Item) -> Answer:
    """What the shipped rules and model say."""
    report = make_report(of.subject, of.body)
    return Answer(verdict=judge(report), opinion=model().opine(report, find_regions(report, ())))


def line(**changes: Any) -> str:
    data = {
        "id": "a",
        "subject": "s",
        "body": SPF,
        "disposition": "out_of_scope",
        "categories": ["email_authentication"],
    }
    return json.dumps(data | changes)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with judging_worker(policy="planetscale", rules=None, model=None) as worker:
        yield worker


# ------------------------------------------------------------------------------------------------ figures


def test_an_interval_holds_its_share_and_narrows_with_more() -> None:
    """Wilson's, for a published pair of figures: 81 of 263 is 25.5 % to 36.6 % (Newcombe 1998)."""
    low, high = Rate(81, 263).interval

    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert Rate(0, 0).interval == (0.0, 1.0)


@pytest.mark.parametrize(("h", "a", "m"), [(8, 2, 4), (0, 3, 1), (5, 0, 0), (1, 40, 0)])
def test_f1_lies_in_its_interval(h: int, a: int, m: int) -> None:
    """It is the harmonic mean of precision and recall, and the interval is around it."""
    counts = Counts(h, a, m)
    low, high = counts.f1_interval

    assert counts.f1 == pytest.approx(2 * h / (2 * h + a + m))
    assert 0 <= low <= counts.f1 + 1e-12
    assert counts.f1 <= high + 1e-12 <= 1 + 1e-9


def test_a_label_without_items_has_no_figures() -> None:
    """No number is made up, and nothing divides by zero."""
    counts = Counts(0, 0, 0)

    assert math.isnan(counts.f1)
    assert counts.as_data()["f1"]["value"] is None
    assert counts.as_data()["precision"]["value"] is None
    assert str(counts).count("none") == 3


def test_bins_of_a_reliability_curve() -> None:
    """Mean probability, share true, count; 1.0 falls into the last bin, empty bins are left out."""
    bins = reliability([(0.05, False), (0.07, True), (1.0, True), (0.95, True)])

    assert bins == ((pytest.approx(0.06), 0.5, 2), (pytest.approx(0.975), 1.0, 2))


def test_points_of_a_precision_recall_curve() -> None:
    """One for each distinct score, ties together; what has no score is never reached."""
    points = precision_recall([(0.9, True), (0.5, True), (0.5, False), (0.2, False)], 4)

    assert points == ((0.25, 1.0), (0.5, pytest.approx(2 / 3)), (0.5, 0.5))
    assert precision_recall([(0.9, False)], 0) == ()


def test_nothing_measured_yields_empty_figures() -> None:
    """As text and as strict JSON."""
    result = evaluate([], [])

    assert "none" in result.as_text()
    assert json.loads(json.dumps(result.as_data(), allow_nan=False))["macro_f1"] is None


def test_a_false_dismissal_is_told_with_its_grounds() -> None:
    """Subject, how it begins, why, the clause and the sentences; no control characters in any of them."""
    live = item(f"{SPF}\x1b[2J \u202e\nMore.\n" + "x" * 1000, "in_scope", subject="SPF \x1b[31m")
    result = evaluate([live], [answer(live)])
    (told,) = result.dismissed

    assert told.said is Disposition.OUT_OF_SCOPE
    assert len(told.text) == 300
    assert told.text.startswith(SPF)
    assert told.grounds[0].clause in {c.text for c in policy().clauses}
    assert any("no SPF record" in s for s in told.grounds[0].sentences)
    for shown in (result.as_text(), json.dumps(result.as_data(), ensure_ascii=False)):
        assert told.why in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_rules_are_counted_with_how_often_they_were_right() -> None:
    """A rule is right where its category was true; a carve-out where it was not."""
    items = [item(SPF, "out_of_scope", "email_authentication"), item(SPF, "in_scope")]
    fired = {r.source: r.right for r in evaluate(items, [answer(i) for i in items]).rules}

    assert fired["rule:email_authentication.missing_spf"] == Rate(1, 2)
    assert "model" not in fired


def test_leaving_a_report_to_a_person_is_no_mistake_of_a_label() -> None:
    """needs_review has no precision, unless somebody labels with it."""
    live = item("", "in_scope")
    verdict = replace(judge(make_report()), disposition=Disposition.NEEDS_REVIEW)
    one = evaluate([live], [Answer(verdict=verdict)])
    two = evaluate([item("", "needs_review")], [Answer(verdict=verdict)])

    assert "needs_review" not in one.dispositions
    assert two.dispositions["needs_review"] == Counts(1, 0, 0)
    assert one.reliability["in_scope"] == ()  # no model was asked


# ------------------------------------------------------------------------------------------------ reading

BAD_LINES = [
    ("not json", "no JSON"), ("[1]", "no JSON object"), ('{"id": "a"}', "lacks subject, body, disposition, categories"),
    (line(disposition="fine"), "no disposition"), (line(categories="tls_configuration"), "a list of texts"),
    (line(categories=["tls_configuraton"]), "no category"), (line(body=None), "are texts"), (line(disposition=[]), "are texts"),
    ("[" * 100_000, "no JSON"),
]  # fmt: skip


def test_bad_lines_are_told_by_file_and_line(tmp_path: Path) -> None:
    """All of them at once, good ones and blank ones between."""
    path = tmp_path / "l.jsonl"
    lines = [x for bad, _ in BAD_LINES for x in (line(), bad)]
    path.write_bytes("\n".join(lines).encode() + b"\n\n\xff\xfe\n")

    with pytest.raises(UserError) as error:
        read_labelled(path, KNOWN)
    told = [(p.where, p.what) for p in error.value.problems]
    assert [w for w, _ in told] == [f"l.jsonl line {2 * n}" for n in range(1, len(BAD_LINES) + 1)] + ["l.jsonl line 20"]
    for (_, what), (_, expected) in zip(told[:-1], BAD_LINES, strict=True):
        assert expected in what
    assert told[-1][1] == "is no UTF-8"


def test_a_label_of_a_folder() -> None:
    """A disposition, or one with categories."""
    assert read_label("in_scope", KNOWN) == (Disposition.IN_SCOPE, frozenset())
    assert read_label("out_of_scope+tls_configuration", KNOWN) == (Disposition.OUT_OF_SCOPE, {"tls_configuration"})
    assert isinstance(read_label("spam", KNOWN), str)
    assert isinstance(read_label("out_of_scope+", KNOWN), str)


def test_an_item_makes_a_mail_whatever_it_holds() -> None:
    """JSON can spell what a mail cannot: halves of characters, control characters, line ends in a subject."""
    raw = as_mail(item("a\x00b\ud800c\rd", subject="x\r\nBcc: y\x00\udfff"))

    assert b"\nBcc:" not in raw
    assert b"\x00" not in raw


def test_a_folder_of_labelled_mail(worker: Worker, tmp_path: Path) -> None:
    """.eml and mbox by folders, a .jsonl beside them; ids are paths inside the folder."""
    spf = tmp_path / "out_of_scope+email_authentication" / "deep"
    spf.mkdir(parents=True)
    (spf / "a.eml").write_bytes(sample_mails()[0])
    (spf / ".hidden").write_bytes(b"x")
    (tmp_path / "README.md").write_text("what this is", encoding="utf-8")
    (tmp_path / "in_scope").mkdir()
    box = mailbox.mbox(tmp_path / "in_scope" / "box.mbox")
    box.add(sample_mails()[0])
    box.close()
    (tmp_path / "more.jsonl").write_text(line(id="j"), encoding="utf-8")

    assert [x.item.id for x in find(tmp_path, KNOWN)] == [
        "in_scope/box.mbox#1", "j", "out_of_scope+email_authentication/deep/a.eml",
    ]  # fmt: skip
    result = measure(tmp_path, worker, KNOWN)
    (told,) = result.dismissed
    assert told.id == "in_scope/box.mbox#1"
    assert "SPF" in told.subject + told.text
    assert result.rates["out-of-scope recall"] == Rate(2, 2)


def test_all_that_is_wrong_with_a_folder_is_told_at_once(tmp_path: Path) -> None:
    """Folders that are no label, mail without one, bad lines."""
    (tmp_path / "spam").mkdir()
    (tmp_path / "a.eml").write_bytes(sample_mails()[0])
    (tmp_path / "b.jsonl").write_text("x\n", encoding="utf-8")
    done = triage("evaluate", tmp_path)

    assert done.returncode == 2
    for words in ("spam/  'spam' is no disposition", "a.eml  has no label", "b.jsonl line 1  is no JSON", "3 problems"):
        assert words in done.stderr


def test_one_mistake_in_every_line_is_told_a_few_times_and_counted(tmp_path: Path) -> None:
    """A whole file with the keys of another tool: its end would scroll the cause away, and other problems with it."""
    (tmp_path / "a.jsonl").write_text('{"id": "a"}\n' * 400 + "x\n", encoding="utf-8")
    told = triage("evaluate", tmp_path).stderr.splitlines()

    assert len(told) == 33
    assert told[29].startswith("a.jsonl line 30  lacks ")
    assert told[30].startswith("a.jsonl line 401  is no JSON")
    assert told[31].startswith("370 more: lacks ")
    assert told[32] == "401 problems"


@pytest.mark.parametrize("name", ["empty.jsonl", "folder"])
def test_an_empty_set_is_told(name: str, tmp_path: Path) -> None:
    """Nothing was measured, so nothing is printed."""
    (tmp_path / "folder" / "in_scope").mkdir(parents=True)
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    done = triage("evaluate", tmp_path / name)

    assert (done.returncode, done.stdout) == (2, "")
    assert "holds no labelled report" in done.stderr


def test_mail_that_breaks_the_reader_is_counted_as_left_to_a_person(worker: Worker, tmp_path: Path) -> None:
    """It is judged in the worker, as the bot would."""
    (tmp_path / "in_scope").mkdir()
    (tmp_path / "in_scope" / "odd.eml").write_bytes(b"\xff\xfe" * 500)

    assert measure(tmp_path, worker, KNOWN).rates["review"] == Rate(1, 1)


# ------------------------------------------------------------------------------------------------ the model's card


def test_the_shipped_card_is_read_whole() -> None:
    """The counts behind its rounded shares come back: they give the same shares."""
    card = read_card(model().card)

    assert set(card.labels) == set(model().labels)
    assert {"false dismissals", "out-of-scope recall", "to a person"} <= set(card.rates)
    assert set(card.precision_recall) == set(card.reliability) == set(card.labels) - {"out_of_scope", "incomplete"}
    for label, row in model().card["labels"].items():
        assert card.labels[label].precision.value == pytest.approx(row["precision"], abs=5e-5)
        assert card.labels[label].recall.value == pytest.approx(row["recall"], abs=5e-5)
        assert card.labels[label].f1 == pytest.approx(row["f1"], abs=5e-5)


def test_a_card_is_read_as_far_as_it_can_be() -> None:
    """What has another shape is passed over; curves are taken where they are there."""
    good = {"n": 10, "precision": 0.5, "recall": 0.4}
    card = read_card(
        {
            "examples": 3, "labels": {"a": good, "b": {"n": "x"}, "c": 3, "d": good | {"recall": math.nan}, "e": {}},
            "curve": {"a": [[0.1, 0.2, 5], [0.1, 2, 5], "x", [1], [0.3, 0.4, -1]], "b": 7},
            "pr": {"a": [[0.5, 1.0], [0.5, None], [0.1, 10**400]]}, "nested": {"x": [[]]},
        }
    )  # fmt: skip

    assert card.labels == {"a": Counts(4, 4, 6)}
    assert card.reliability == {"a": ((0.1, 0.2, 5),), "b": ()}
    assert card.precision_recall == {"a": ((0.5, 1.0),)}
    assert card.facts == {"examples": "3"}
    for strange in (None, [], "x", {"labels": []}, {"curve": 1, "pr": "x"}):
        assert read_card(strange).labels == {}


def test_model_report_tells_intervals() -> None:
    """For people and for programs."""
    text = triage("model", "report").stdout
    data = json.loads(triage("model", "report", "--json").stdout)

    assert re.search(r"email_authentication +n +\d+ ", text)
    assert " to " in text
    assert len(data["measured"]["in_scope"]["recall"]["interval"]) == 2
    assert data["labels"]["in_scope"]["n"] > 0
