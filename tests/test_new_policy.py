"""A policy of one's own: the commented start, what is left to change in it, and what lint refuses in conditions."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from make import RULES
from test_cli import SPF, triage

from classifiers.proofs import lint


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


def filled(text: str) -> str:
    return text.replace('"CHANGE: ', '"')


def test_a_start_is_accepted_as_soon_as_its_changes_are_made(tmp_path: Path) -> None:
    """Lint names each line that is left; filled in, the policy judges."""
    rules = copied(tmp_path)
    done = triage("rules", "new-policy", "acme", "--rules", rules)
    path = rules / "policies" / "acme.toml"
    text = path.read_text(encoding="utf-8")
    left = [n for n, line in enumerate(text.split("\n"), 1) if '"CHANGE: ' in line]
    refused = triage("rules", "lint", "--rules", rules)

    assert (done.returncode, done.stdout.strip()) == (0, str(path))
    assert [int(n) for n in re.findall(r"(?m)^line (\d+): ", done.stderr)] == left
    assert refused.returncode == 78
    assert [int(n) for n in re.findall(r"acme\.toml line (\d+)  still to change: \w", refused.stderr)] == left
    assert triage("judge", "--policy", "acme", "--rules", rules, "-", stdin=SPF).returncode == 78

    path.write_text(filled(text), encoding="utf-8")
    accepted = triage("rules", "lint", "--rules", rules)
    told = triage("judge", "--json", "--no-model", "--policy", "acme", "--rules", rules, "-", stdin=SPF)

    assert accepted.returncode == 0, accepted.stderr
    assert '"out_of_scope"' in told.stdout


def test_a_policy_of_ones_own_lies_beside_the_configuration(tmp_path: Path) -> None:
    """Where no update of triage touches it: started there, linted, judged by, and checked with the configuration."""
    config = tmp_path / "config.toml"
    config.write_text(
        '[policy]\nname = "acme.toml"\n[[accounts]]\nhost = "imap.acme.example"\nuser = "u"\npassword = { env = "P" }\n',
        encoding="utf-8",
    )
    absent = triage("check", "--config", config, P="x")
    started = triage("rules", "new-policy", "acme", cwd=tmp_path)
    unfinished = triage("check", "--config", config, P="x")
    path = tmp_path / started.stdout.strip()
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    told = triage("judge", "--json", "--policy", "acme.toml", "-", stdin=SPF, cwd=tmp_path)
    wrong = triage("rules", "lint", "planetscale.toml", cwd=tmp_path)

    assert absent.returncode == unfinished.returncode == wrong.returncode == 78
    assert "acme.toml  cannot be read" in absent.stderr
    assert "planetscale.toml  cannot be read" in wrong.stderr
    assert re.search(r"acme\.toml line \d+  still to change", unfinished.stderr)
    assert path == tmp_path / "acme.toml"
    assert f"triage rules lint {path.name}" in started.stderr
    assert triage("rules", "lint", path.name, cwd=tmp_path).returncode == 0
    assert triage("check", "--config", config, P="x").returncode == 0
    assert '"acme"' in told.stdout
    assert "out_of_scope" in told.stdout


def test_a_start_may_lose_the_clauses_that_a_policy_does_not_have(tmp_path: Path) -> None:
    """Deleting is as good as filling in; the comments may stay."""
    rules = copied(tmp_path)
    triage("rules", "new-policy", "acme", "--rules", rules)
    path = rules / "policies" / "acme.toml"
    head, *clauses = path.read_text(encoding="utf-8").split("[[clause]]")
    rest = clauses[-1].split("# -----", 1)[1]
    path.write_text(filled(head + "[[clause]]" + clauses[0] + "# -----" + rest), encoding="utf-8")

    assert [str(p) for p in lint(rules)] == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["acme", "--out", "{folder}/acme.toml"], 0, "{folder}/acme.toml"),
        (["taken", "--out", "{folder}/taken.toml"], 2, "there already"),
        (["acme", "--out", "{folder}/other.toml"], 2, "bears its name"),
        (["acme", "--out", "{folder}/nowhere/acme.toml"], 2, "cannot be written"),
        (["../acme"], 2, "is no name for a policy"),
        (["Acme"], 2, "is no name for a policy"),
        (["planetscale"], 2, "there already"),
    ],
)
def test_where_a_start_is_written(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    """To a file of the policy's name where nothing stands yet; else a sentence, and nothing is touched."""
    (tmp_path / "taken.toml").write_text("mine", encoding="utf-8")
    done = triage("rules", "new-policy", *(a.format(folder=tmp_path) for a in arguments))

    assert done.returncode == code, done.stderr
    assert words.format(folder=tmp_path) in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "taken.toml").read_text(encoding="utf-8") == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == (["acme.toml"] if code == 0 else []) + ["taken.toml"]


# what stands in tidewire.toml, what stands there instead, and what is said of it
WRONG: dict[str, tuple[str, str, str]] = {
    "an unknown asset": ('assets = ["playground"]', 'assets = ["playgruond"]', "'playgruond', which is no asset"),
    "an unknown exception": ('except_assets = ["broker", "clients"]', 'except_assets = ["x"]', "'x', which is no asset"),
    "both lists": ('assets = ["playground"]', 'assets = ["playground"]\nexcept_assets = ["broker"]', "keep one of the two"),
    "an asset that is out anyway": ('assets = ["playground"]', 'assets = ["nightly"]', "out of scope as a whole"),
    "a clause after retirement": ('assets = ["playground"]', 'assets = ["bridge"]\nfrom = 2026-05-01', "retired since 2026-03-31"),
    "an end before the beginning": ("until = 2026-09-30", "until = 2026-09-30\nfrom = 2026-10-01", "before it begins"),
    "a day in quotes": ("until = 2026-09-30", 'until = "2026-09-30"', "until must be a day"),
    "a time of day": ("until = 2026-09-30", "until = 2026-09-30T12:00:00Z", "until must be a day"),
    "an unknown key": ("until = 2026-09-30", "til = 2026-09-30", "'til' is not a key of a clause"),
    "a list that is none": ('assets = ["playground"]', 'assets = "playground"', "assets must be a list of texts"),
    "a text that is none": ('title = "Playground"', "title = 3", "title must be a text"),
    "out of scope by half": ("out_of_scope = true", "out_of_scope = false", "written as true, or left out"),
    "out and retired": ("out_of_scope = true", "out_of_scope = true\nretired = 2026-01-01", "keep one of the two"),
    "retired in quotes": ("retired = 2026-03-31", 'retired = "March"', "retired must be a day"),
    "out, and no way to tell": ('words = ["tidewire-serial", "serial bridge"]\n', "", "no host or word tells"),
    "one kind twice": ('categories = ["tls_configuration"]\nassets = ["broker"]', 'categories = ["software_version"]', "excluded already by the clause 'dependencies'"),
    "one id twice": ('id = "advice"', 'id = "greeting"', "another clause 'greeting'"),
    "an unknown reply": ("[replies]\n", '[replies]\nmaybe = "x"\n', "[replies] holds texts"),
    "a word that is none": ('url = "https://tidewire.example/security"', "word = 7", "word must be a text"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_lint_refuses_what_is_unknown_or_contradicts_itself(case: str, tmp_path: Path) -> None:
    """By file and the line of the table or key it stands in."""
    old, new, words = WRONG[case]
    rules = copied(tmp_path)
    path = rules / "policies" / "tidewire.toml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    problems = [str(p) for p in lint(rules)]
    told = next(p for p in problems if words in p)
    line = int(re.search(r"policies/tidewire\.toml line (\d+)  ", told)[1])  # type: ignore[index]

    assert line > 1, "the table's own line, not the file's first"
    assert len([p for p in problems if "tidewire.toml" in p]) == 1


def test_one_kind_may_stand_in_clauses_that_never_meet(tmp_path: Path) -> None:
    """A sentence until a day, another from the next one on."""
    rules = copied(tmp_path)
    path = rules / "policies" / "tidewire.toml"
    later = '[[clause]]\nid = "new_tls"\ntext = "From October 2026: advice on ciphers."\ncategories = ["tls_configuration"]\nfrom = 2026-10-01\nhits = ["TLS 1.0 is still enabled."]\nmisses = ["The client accepts any certificate."]\n\n[[requested]]'
    path.write_text(path.read_text(encoding="utf-8").replace("[[requested]]", later, 1), encoding="utf-8")

    assert [str(p) for p in lint(rules)] == []

    path.write_text(
        path.read_text(encoding="utf-8").replace("from = 2026-10-01", "from = 2026-09-30"), encoding="utf-8"
    )

    assert ["excluded already" in str(p) for p in lint(rules)] == [True]


@pytest.mark.parametrize(("line", "words"), [('mutes = ["genius"]', "'genius', which is no file"), ('within = "selfies"', "no other category"), ('within = "self_xss"', "no other category")])  # fmt: skip
def test_lint_refuses_what_a_category_names_and_is_not_there(line: str, words: str, tmp_path: Path) -> None:
    """Signs it mutes, a category it lies within."""
    rules = copied(tmp_path)
    path = rules / "categories" / "self_xss.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('mutes = ["genuine"]', line), encoding="utf-8")
    (problem,) = lint(rules)

    assert words in str(problem)
    assert "categories/self_xss.toml line 4" in str(problem)
