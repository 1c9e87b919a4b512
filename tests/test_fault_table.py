"""tests/FAULTS.md and README's promises name tests that are there."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LINES = [
    line
    for line in (HERE / "FAULTS.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| fault |", "| --- |"))
]
README = (HERE.parent / "README.md").read_text(encoding="utf-8")
PROMISES = [
    line
    for line in README.partition("## What it promises\n")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| promise |", "| --- |"))
]
_NAMED = re.compile(r"`(?P<file>test_\w+\.py)::(?P<test>test_\w+)(?:\[(?P<case>[^\]`]+)\])?`")


@lru_cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))


@pytest.mark.parametrize("line", [*LINES, *PROMISES])
def test_every_line_names_a_test_that_is_there(line: str) -> None:
    """Three cells, and in the last one the file, the function, and the case where one is named."""
    fault, outcome, named = (cell.strip() for cell in line.strip("|").split(" | "))

    assert fault
    assert outcome
    found = list(_NAMED.finditer(named))
    assert found, named
    assert _NAMED.sub("", named).strip(", ") == ""
    for name in found:
        assert name["test"] in functions(name["file"]), name[0]
        assert not name["case"] or name["case"] in cases(name["file"]), name[0]


@lru_cache
def cases(file: str) -> str:
    """Where a file's cases stand: in itself, or for hostile mail as files of their own."""
    mail = " ".join(p.stem for p in (HERE / "mail").rglob("*"))
    return (HERE / file).read_text(encoding="utf-8") + mail


def test_no_fault_is_told_twice() -> None:
    """Each line is another fault."""
    faults = [line.split(" | ")[0] for line in LINES]

    assert len(set(faults)) == len(faults)


def test_readme_tells_what_is_promised_and_how_many_faults_were_tried() -> None:
    """No more than the table has, and sixty at least."""
    (told,) = re.findall(r"`tests/FAULTS\.md` lists more than (\d+) faults", README)

    assert 60 <= int(told) < len(LINES)
    assert len(PROMISES) >= 10


def test_readme_names_only_tests_that_are_there() -> None:
    """Wherever it names a test file, or a test in one."""
    files = set(re.findall(r"\b(test_\w+\.py)\b", README))

    assert sorted(f for f in files if not (HERE / f).is_file()) == []
    assert [n[0] for n in _NAMED.finditer(README) if n["test"] not in functions(n["file"])] == []
