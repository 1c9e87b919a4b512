"""The pages: whole by themselves, safe whatever a mail says, readable where there is nothing to draw."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from make import model
from test_cli import triage
from test_evaluate import SPF, answer, item, line

from classifiers.evaluation import Answer, evaluate
from classifiers.modelcard import read_card
from classifiers.pages import evaluation_page, model_page
from classifiers.plots import Bar, Cell, Dot, bars_plot, heat_map, precision_recall_plot, reliability_plot
from classifiers.terms import Opinion

NASTY = "</style><script>alert(1)</script><img src=https://evil.example/x onerror=alert(1)> \"'&\x1b[2J\u202e"
CURVES = {"curve": {"in_scope": [[0.1, 0.2, 5], [0.9, 1.0, 7]]}, "pr": {"in_scope": [[0.5, 1.0], [1.0, 0.8]]}}


class Tags(HTMLParser):
    """What a page is made of, as a browser reads it."""

    VOID = frozenset({"meta", "line", "rect", "circle", "polyline"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def harmless(page: str) -> Tags:
    """Asserts that nothing runs and nothing is fetched; every drawing has a text alternative and is sound XML."""
    tags = Tags(page)
    assert not {"script", "img", "iframe", "link", "object", "embed", "base", "form", "a", "use", "image"} & set(
        tags.seen
    )
    names = {name for _, name, _ in tags.attributes}
    assert not {n for n in names if n.startswith("on")} | names & {"src", "href", "style", "srcset", "action"}
    assert tags.seen["style"] == 1
    assert "url(" not in page
    assert "@import" not in page
    alternatives = [value for tag, name, value in tags.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(alternatives) == tags.seen["svg"] == [v for t, n, v in tags.attributes if n == "role"].count("img")
    assert all(len(a) > 10 for a in alternatives)
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(drawing)
    return tags


# ------------------------------------------------------------------------------------------------ the page of an evaluation


def test_hostile_text_stays_text() -> None:
    """Id, subject, body, quotes and words of a mail are shown, and are nothing but text."""
    live = item(f"{SPF} {NASTY}", "in_scope", id=NASTY, subject=f"SPF {NASTY}")
    said = answer(live)
    verdict = replace(said.verdict, why=NASTY, categories=tuple(
        replace(f, clause=NASTY, evidence=tuple(replace(e, quote=NASTY, source=NASTY, reason=NASTY) for e in f.evidence))
        for f in said.verdict.categories
    ))  # fmt: skip
    opinion = Opinion(dispositions={"in_scope": 0.1}, words=((NASTY, NASTY, 1.0),))
    page = evaluation_page(evaluate([live], [Answer(verdict=verdict, opinion=opinion)]), source=NASTY, versions=NASTY)
    tags = harmless(page)

    shown = "".join(tags.texts)
    assert shown.count("<script>alert(1)</script>") >= 5
    assert "\u202e" not in "".join(page.split("<h2>False dismissals</h2>")[1].split("<section>")[0])


def test_a_page_shows_every_plot() -> None:
    """Titles, axes, the operating point, the false dismissal with its clause."""
    items = [item(SPF, "out_of_scope", "email_authentication"), item(SPF, "in_scope", id="missed")]
    items.append(
        item("Other users' invoices can be read by changing the id in /api/invoices/1.", "in_scope", subject="IDOR")
    )
    tags = harmless(evaluation_page(evaluate(items, [answer(i) for i in items]), source="here", versions="v"))
    shown = " ".join(tags.texts)

    for words in (
        "In scope, as the model says", "Dismissed, as the verdict says", "probability of in_scope", "share that was true",
        "recall", "precision", "operating point", "is ↓ said →", "missed", "Clause, for email_authentication",
        "rule:email_authentication.missing_spf", "Words that weigh most",
    ):  # fmt: skip
        assert words in shown
    assert ("rect", "class", "cell grave") in tags.attributes


def test_the_page_of_nothing_says_so() -> None:
    """No report, no curve, no division by zero."""
    tags = harmless(evaluation_page(evaluate([], []), source="here", versions="v"))
    shown = " ".join(tags.texts)

    assert "There was no report." in shown
    assert "None: no report in scope was dismissed." in shown
    assert "nan" not in shown


def test_a_label_that_nothing_is_has_its_place() -> None:
    """A category said but never true: recall is told as none, without a bar of its own."""
    live = item(SPF, "in_scope")
    page = evaluation_page(evaluate([live], [answer(live)]), source="here", versions="v")

    assert "recall: none" in page
    assert "nan" not in page


def test_the_page_is_readable_in_the_dark_and_on_a_narrow_screen() -> None:
    """By its own style; every colour of the light page has a dark one."""
    page = evaluation_page(evaluate([], []), source="here", versions="v")
    light, dark = (set(re.findall(r"(--\w+):", part)) for part in page.split("prefers-color-scheme: dark")[:2])

    assert light == dark
    assert set(re.findall(r"var\((--\w+)\)", page)) == light
    assert 'name="viewport"' in page


# ------------------------------------------------------------------------------------------------ the page of a model


def test_a_model_page_shows_what_the_card_holds() -> None:
    """Curves where there are some, figures a label, words."""
    card = read_card({**model().card, **CURVES})
    tags = harmless(model_page(card, version="v", words={"in_scope": (("invoices", 2.0), ("idor", 1.0))}))
    shown = " ".join(tags.texts)

    for words in (
        str(model().card["examples"]),
        "probability; how many reports",
        "operating point",
        "invoices",
        "email_authentication",
        "F1",
    ):
        assert words in shown


def test_a_hostile_card_stays_text() -> None:
    """A model file may come from anybody."""
    card = read_card({"examples": NASTY, NASTY: 1, "labels": {NASTY: {"n": 0, "precision": 0, "recall": 0}}, "pr": {NASTY: [[1, 1]]}})  # fmt: skip
    page = model_page(card, version=NASTY, words={NASTY: ((NASTY, -1.0),)})

    assert harmless(page).seen["svg"] >= 3
    assert "nan" not in page


# ------------------------------------------------------------------------------------------------ plots


def test_plots_of_nothing_are_a_sentence() -> None:
    """Each by its title."""
    for plot in (reliability_plot("T", "x", ()), precision_recall_plot("T", (), None), heat_map("T", (), ()), bars_plot("T", ())):  # fmt: skip
        assert "<svg" not in plot
        assert "<figcaption>T</figcaption>" in plot


def test_what_is_out_of_bounds_is_drawn_at_the_edge() -> None:
    """Numbers of a card may be anything: no length is negative or larger than the drawing."""
    drawn = (
        bars_plot("b", [Bar(name="n" * 500, value=v, note="x", interval=(-1.0, 9.0)) for v in (-3.0, 7.0, float("nan"))], most=0)
        + reliability_plot("r", "x", [Dot(x=2, y=-1, low=-5, high=5, n=1)])
        + precision_recall_plot("p", [(5.0, -2.0)], (7.0, 7.0))
        + heat_map("h", [("r", [Cell(n=3, share=1.0, grave=True)])], ["c"])
    )  # fmt: skip

    numbers = [float(n) for n in re.findall(r'(?:x|y|x1|x2|cx|width)="(-?[\d.]+)"', drawn)]
    assert numbers
    assert all(-1 <= n <= 400 for n in numbers)
    assert "nan" not in drawn


def test_the_alternative_tells_what_is_drawn() -> None:
    """The numbers themselves, for whoever cannot see them."""
    assert "said 0.25, true 0.50, 4 reports" in reliability_plot("r", "x", [Dot(x=0.25, y=0.5, low=0, high=1, n=4)])
    assert "precision 0.80, recall 0.60" in precision_recall_plot("p", [(1.0, 0.5)], (0.6, 0.8))
    assert "in scope: 3 said c" in heat_map("h", [("in scope", [Cell(n=3, share=1.0)])], ["c"])
    assert "recall: 3 of 4" in bars_plot("b", [Bar(name="recall", value=0.75, note="3 of 4")])


# ------------------------------------------------------------------------------------------------ the commands


def test_evaluate_writes_a_page(tmp_path: Path) -> None:
    """For its owner alone, since it quotes mail; the figures are printed as well."""
    (tmp_path / "l.jsonl").write_text(line() + "\n" + line(id="b", disposition="in_scope"), encoding="utf-8")
    done = triage("evaluate", tmp_path / "l.jsonl", "--html", tmp_path / "page.html", "--json")
    page = tmp_path / "page.html"

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["false_dismissals"][0]["id"] == "b"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "False dismissals" in " ".join(harmless(page.read_text(encoding="utf-8")).texts)


def test_model_report_writes_a_page(tmp_path: Path) -> None:
    """Of the model in use, with words of the public corpus."""
    done = triage("model", "report", "--html", tmp_path / "page.html")

    assert done.returncode == 0, done.stderr
    assert "spf" in harmless((tmp_path / "page.html").read_text(encoding="utf-8")).texts


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In a line."""
    done = triage("model", "report", "--html", tmp_path / "no" / "page.html")

    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_chromium_draws_the_page(tmp_path: Path) -> None:
    """Narrow, in a real browser: nothing is wider than the screen."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    items = [item(SPF, "in_scope", id="x" * 400), item(SPF, "out_of_scope", "email_authentication")]
    page = evaluation_page(evaluate(items, [answer(i) for i in items]), source="y" * 300, versions="v")
    told = "<script>addEventListener('load', () => document.title = 'wide ' + document.documentElement.scrollWidth)</script>"
    (tmp_path / "page.html").write_text(re.sub(r"<meta http-equiv[^>]*>", told, page), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(
        '<iframe src="page.html" style="width:340px;height:600px"></iframe>'
        "<script>addEventListener('load', () => document.title = frames[0].document.title)</script>",
        encoding="utf-8",
    )
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         f"--user-data-dir={tmp_path}/profile", "--dump-dom", frame.as_uri()],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    found = re.search(r"<title>wide (\d+)", done.stdout)

    assert found, done.stdout[:500] + done.stderr[-500:]
    assert int(found[1]) <= 340
