"""The model: shipped, small, the same in both libraries, made anew from the corpus to the same answers."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from make import MODEL, ROOT, make_report, model, policy, rulebook

from classifiers.errors import ModelError
from classifiers.examples import DISPOSITIONS, Example, near_duplicates, read_corpus, report_of
from classifiers.features import DIMENSIONS, features, stacked, tokens
from classifiers.learned import MAX_BYTES, Learned
from classifiers.logistic import CONSTANT, NEVER, fit
from classifiers.marking import find_regions
from classifiers.training import train

CORPUS = ROOT / "classifiers" / "corpus"
SEED = 20261124


@lru_cache
def corpus() -> tuple[Example, ...]:
    return tuple(read_corpus(CORPUS))


# ------------------------------------------------------------------------------------------------ the corpus


def test_the_corpus_is_broad_enough() -> None:
    """At least 2,000 texts; every category and disposition, each often enough; several languages."""
    labels = Counter(label for e in corpus() for label in (e.disposition, *e.categories))

    named = {c for clause in policy().clauses for c in clause.categories}

    assert len(corpus()) >= 2000
    assert {label for label, n in labels.items() if n >= 20} >= {*DISPOSITIONS, *named}


def test_no_text_is_written_twice() -> None:
    """No two share more than 60 % of their five-word runs."""
    assert near_duplicates(corpus()) == []


def test_the_corpus_names_only_what_there_is() -> None:
    """Its categories are the rules' categories; what is no report has none."""
    known = {c.id for c in rulebook().categories}

    assert {c for e in corpus() for c in e.categories} <= known
    assert all(e.categories for e in corpus() if e.disposition == "out_of_scope")
    assert not [e.id for e in corpus() if e.disposition in {"incomplete", "not_a_report"} and e.categories]


def test_what_hides_in_other_mail_is_genuine_and_rare() -> None:
    """Such texts count less where thresholds are chosen: neither noise nor the bulk of what is genuine may pass for them."""
    genuine = [e for e in corpus() if e.disposition == "in_scope"]

    assert {e.disposition for e in corpus() if e.hidden} == {"in_scope"}
    assert 20 <= sum(e.hidden for e in genuine) <= 0.1 * len(genuine)


def test_bad_lines_are_told_by_file_and_line(tmp_path: Path) -> None:
    """All at once: what is no line of a corpus, a label that there is not, and what hides and is no finding."""
    good = {"id": "a", "subject": "", "body": "x", "disposition": "in_scope", "categories": ["mail"], "hidden": True}
    bad: dict[bytes, str] = {
        b'{"id": "a"}': "needs the keys",
        b"not json": "is no JSON",
        b"[" * 100_000: "is no JSON",
        b"\xff": "is no UTF-8",
        line_of(good | {"id": "b", "categories": ["mial"]}): "no category is called 'mial'; there are mail",
        line_of(good | {"id": "c", "categories": [["mail"]]}): "categories a list of texts",
        line_of(good | {"id": "d", "disposition": "live"}): "'live' is no disposition; there are in_scope",
        line_of(good | {"id": "e", "disposition": ["in_scope"]}): "are texts",
        line_of(good | {"id": "f", "hidden": "yes"}): "hidden is true or false",
        line_of(good | {"id": "g", "disposition": "not_a_report"}): "only of what is in_scope",
        line_of(good): "stands already in a.jsonl line 1",
    }
    (tmp_path / "a.jsonl").write_bytes(b"\n".join((line_of(good), *bad)))

    with pytest.raises(ModelError) as error:
        list(read_corpus(tmp_path, {"mail"}))
    assert [p.where for p in error.value.problems] == [f"a.jsonl line {n}" for n in range(2, 2 + len(bad))]
    assert all(said in p.what for p, said in zip(error.value.problems, bad.values(), strict=True))


def line_of(data: Mapping[str, object]) -> bytes:
    return json.dumps(data).encode()


# ------------------------------------------------------------------------------------------------ the file


def test_the_shipped_model_is_small_and_plain() -> None:
    """Under 2 MB; arrays only, nothing that runs when it is read."""
    assert MODEL.stat().st_size < 2_000_000
    with np.load(MODEL, allow_pickle=False) as arrays:
        assert {name: str(arrays[name].dtype) for name in arrays.files} == {
            "meta": "uint8",
            "scale": "float32",
            "weights": "float32",
            "bias": "float32",
            "headline": "float32",
        }


def test_more_is_needed_for_no_report_in_languages_of_few_examples() -> None:
    """Each has a threshold of its own for the same budget, and none stands where it is likelier something else."""
    at = model().thresholds

    assert 0.5 <= at.not_a_report < at.not_a_report_short < at.not_a_report_other < 1


@pytest.mark.timeout(600)  # it trains
def test_the_shipped_model_is_made_from_the_corpus() -> None:
    """Trained anew, every text of the corpus gets the same answers within a millionth."""
    again, card = train(corpus(), rulebook(), seed=SEED)

    assert again.labels == model().labels
    worst = 0.0
    for example in corpus():
        report = report_of(example)
        seen = features(report, find_regions(report, ()))
        worst = max(
            worst, *(abs(a - b) for a, b in zip(again.probabilities(seen), model().probabilities(seen), strict=True))
        )
    assert worst < 1e-6
    assert model().card["corpus"] == card.corpus
    assert again.thresholds == pytest.approx(model().thresholds) or all(
        getattr(again.thresholds, f) == pytest.approx(getattr(model().thresholds, f), abs=1e-5)
        for f in again.thresholds.__slots__
    )


def test_texts_at_once_have_the_features_of_each_alone() -> None:
    """One below the other, and no pair of words across two of them."""
    texts = [
        "The header is missing.",
        "word",
        "Two lines\nof 2026 words on https://acme.example/",
        "\u6f0f\u6d1e report",
    ]
    stack = stacked(texts)

    for text, start, end in zip(texts, stack.starts, [*stack.starts[1:], len(stack.index)], strict=True):
        alone = features(make_report("", text), ())
        assert stack.index[start:end].tolist() == alone.index.tolist()
        assert stack.value[start:end] == pytest.approx(alone.value)


def test_numpy_and_scikit_learn_answer_alike() -> None:
    """The same weights in scikit-learn's own class give the same probabilities."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    learned = model()
    reports = [report_of(e) for e in corpus()[:60]]
    seen = [features(r, find_regions(r, ())) for r in reports]
    rows = np.repeat(np.arange(len(seen)), [len(s.index) for s in seen])
    columns, values = np.concatenate([s.index for s in seen]), np.concatenate([learned.scaled(s) for s in seen])
    matrix = csr_matrix((values, (rows, columns)), shape=(len(seen), DIMENSIONS))
    for n, label in enumerate(learned.labels):
        theirs = LogisticRegression()
        theirs.classes_ = np.array([False, True])
        theirs.coef_ = learned.weights[:, n][None, :].astype(np.float64)
        theirs.intercept_ = learned.bias[n : n + 1].astype(np.float64)
        expected = theirs.predict_proba(matrix)[:, 1]
        ours = [learned.probabilities(s)[n] for s in seen]
        assert np.allclose(ours, expected, atol=1e-6), label


def test_fitted_together_labels_get_what_scikit_learn_finds_one_by_one() -> None:
    """With weights, with labels that are unknown of some texts, from nothing or from an answer to another question."""
    from scipy.sparse import random as some_texts
    from sklearn.linear_model import LogisticRegression

    chance = np.random.default_rng(7)
    texts = some_texts(200, 60, density=0.2, rng=chance, format="csr")
    with_constant = np.hstack([texts.toarray(), np.full((200, 1), CONSTANT)])
    truth, known = chance.random((200, 4)) < [0.5, 0.1, 0.3, 0.0], chance.random((200, 4)) < 0.8
    weight = chance.choice([1.0, 3.0], 200)

    found = fit(texts, truth, known, weight, strength=10.0)
    again = fit(texts, truth, known, weight, strength=10.0, start=fit(texts, ~truth, known, weight, strength=10.0))

    for n in range(3):
        rows = known[:, n]
        theirs = LogisticRegression(
            C=10.0, class_weight="balanced", tol=1e-12, solver="newton-cholesky", fit_intercept=False
        )
        theirs.fit(with_constant[rows], truth[rows, n], sample_weight=weight[rows])
        for ours in (found, again):
            assert ours.scores(texts)[:, n] == pytest.approx(theirs.decision_function(with_constant), abs=1e-7)
    assert set(found.scores(texts)[:, 3]) == {NEVER}  # true of no text: no is all there is to learn


def test_judging_imports_no_scikit_learn(tmp_path: Path) -> None:
    """Neither the child nor the command line."""
    (tmp_path / "a.eml").write_bytes(b"Subject: s\r\n\r\nno SPF record\r\n")
    program = "import bot.judging, bot.cli.judge, bot.assembly, sys; print([m for m in sys.modules if m.split('.')[0] in ('sklearn', 'scipy', 'pandas')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


BROKEN = {
    "empty": b"",
    "no archive": b"PK" * 100,
    "text": b"hello",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_model_is_refused(name: str, tmp_path: Path) -> None:
    """With its path; nothing of it is run."""
    path = tmp_path / "model.npz"
    path.write_bytes(BROKEN[name])

    with pytest.raises(ModelError, match=r"model\.npz"):
        Learned.load(path)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    """An array of objects runs code when it is read; ours never does."""
    path = tmp_path / "model.npz"
    np.savez(path, meta=np.array([{"a": 1}], dtype=object), weights=np.zeros(3), bias=np.zeros(3))

    with pytest.raises(ModelError):
        Learned.load(path)


def test_a_model_that_unpacks_without_end_is_refused_before_it_is(tmp_path: Path) -> None:
    """By what its archive says of its size."""
    path = tmp_path / "model.npz"
    np.savez_compressed(path, meta=np.zeros(1, dtype=np.uint8), scale=np.zeros(MAX_BYTES, dtype=np.uint8))
    assert path.stat().st_size < 1_000_000

    with pytest.raises(ModelError, match="unpacks to more than"):
        Learned.load(path)


def test_a_model_that_claims_arrays_of_terabytes_is_refused(tmp_path: Path) -> None:
    """In a sentence, not by the end of memory."""
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as packed, packed.open("meta.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (1 << 44,)})

    with pytest.raises(ModelError, match="is no model of triage"):
        Learned.load(path)


@pytest.mark.parametrize("change", ["format", "labels", "shape", "scale", "nan", "thresholds"])
def test_a_model_that_does_not_fit_is_refused(change: str, tmp_path: Path) -> None:
    """Of another format, with missing parts, with weights that are no numbers."""
    with np.load(MODEL) as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    meta = json.loads(bytes(arrays["meta"]).decode())
    if change == "format":
        meta["format"] = 99
    elif change == "labels":
        meta["labels"] = meta["labels"][:-1]
    elif change == "shape":
        arrays["weights"] = arrays["weights"][:100]
    elif change == "scale":
        arrays["scale"] = arrays["scale"][1:]
    elif change == "nan":
        arrays["bias"][0] = np.nan
    else:
        del meta["thresholds"]["clear"]
    path = tmp_path / "model.npz"
    np.savez(path, **arrays | {"meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)})

    with pytest.raises(ModelError):
        Learned.load(path)


def test_saving_is_repeatable(tmp_path: Path) -> None:
    """The same arrays give the same bytes, and so the same version."""
    for name in ("a", "b"):
        model().save(tmp_path / name, {"x": 1})

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert Learned.load(tmp_path / "a").labels == model().labels


# ------------------------------------------------------------------------------------------------ features


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("See https://a.example/x?y=1 now", ["see", "urlurl", "now"]),
        ("on acme.example/path it", ["on", "urlurl", "it"]),
        ("in 2023 there were 17", ["in", "0000", "there", "were", "0"]),
        ("a" * 40, ["a" * 24]),
        ("日本語", ["日本", "本語"]),
        ("don't", ["don", "t"]),
    ],
)
def test_tokens(text: str, words: list[str]) -> None:
    """Words; hosts, numbers and long runs made alike; Chinese by pairs."""
    assert tokens(text) == words


def test_a_report_without_words_has_an_opinion() -> None:
    """The prior, and no error."""
    opinion = model().opine(make_report(), ())

    assert set(opinion.dispositions) == set(DISPOSITIONS)
    assert all(0 <= p <= 1 for p in (*opinion.dispositions.values(), *opinion.categories.values()))


def test_pasted_text_is_counted_apart() -> None:
    """A header's name in a pasted response is no word of the report."""
    pasted = make_report("", "Hello there.\nHTTP/1.1 200 OK\nX-Frame-Options: DENY\nServer: nginx\n\nBye.")
    seen = features(pasted, find_regions(pasted, ()))

    assert "w:frame" not in seen.terms()
    assert "p:frame" in seen.terms()
