"""tests/FAULTS.md names tests that are there."""

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
_NAMED = re.compile(r"`(?P<file>test_\w+\.py)::(?P<test>test_\w+)(?:\[(?P<case>[^\]`]+)\])?`")


@lru_cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))


@pytest.mark.parametrize("line", LINES)
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
