"""config.toml, found and read: frozen values, or every problem in it with its line."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bot.settings import Settings
from classifiers.errors import ConfigError, Problem
from classifiers.policy import is_file_name


def find_file(given: Path | None) -> Path:
    """The configuration's place: --config, else TRIAGE_CONFIG, else ./config.toml, else /etc/triage/config.toml."""
    if given is not None:
        return given
    if named := os.environ.get("TRIAGE_CONFIG"):
        return Path(named)
    for place in (Path("config.toml"), Path("/etc/triage/config.toml")):
        if place.exists():
            return place
    raise ConfigError(
        "no configuration: there is no ./config.toml. Copy config.example.toml to config.toml, or say --config FILE"
    )


def load(path: Path) -> Settings:
    """Reads and checks a configuration; raises ConfigError with every problem in it. Reads no secret."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} cannot be read: {_why(e)}") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(Problem(str(path), f"is not valid TOML: {e}")) from None
    try:
        settings = Settings.model_validate(data)
    except ValidationError as e:
        lines = _key_lines(text)
        raise ConfigError(*(_problem(path, lines, error) for error in _root_causes(e.errors()))) from None
    return _relative_to(path.resolve().parent, settings)


def _relative_to(folder: Path, settings: Settings) -> Settings:
    """Paths in a configuration are relative to its own folder, not to where somebody happens to stand."""

    def place(name: str) -> str:
        return str(folder / Path(name).expanduser()) if name else ""

    policy = settings.policy.name
    accounts = tuple(a.model_copy(update={"ca_file": place(a.ca_file or "") or None}) for a in settings.accounts)
    return settings.model_copy(
        update={
            "accounts": accounts,
            "state": settings.state.model_copy(update={"folder": place(settings.state.folder)}),
            "model": settings.model.model_copy(update={"labelled": place(settings.model.labelled)}),
            "policy": settings.policy.model_copy(
                update={
                    "rules": place(settings.policy.rules),
                    "name": place(policy) if is_file_name(policy) else policy,
                }
            ),
        }
    )


def _why(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__


def _root_causes(errors: Sequence[Any]) -> list[Any]:
    """Without "too few accounts" where the account is there and something in it is wrong."""
    return [
        e
        for e in errors
        if e["type"] != "too_short" or not any(o is not e and o["loc"][: len(e["loc"])] == e["loc"] for o in errors)
    ]


def _problem(path: Path, lines: dict[tuple[str | int, ...], int], error: Any) -> Problem:
    where = tuple(error["loc"])
    line = next((lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in lines), None)
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in where)
    return Problem(f"{path}{f' line {line}' if line else ''}  {key}".rstrip(), _sentence(error, where))


def _sentence(error: Any, where: tuple[str | int, ...]) -> str:
    match error["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(str(where[-1]), _known_keys(where), n=1)
            return "no such setting" + (f"; did you mean {near[0]}?" if near else "")
        case "missing":
            return "is missing; this setting has no default"
        case "literal_error":
            return f"is not one of {error['ctx']['expected']}"
        case "value_error":
            return str(error["ctx"]["error"])
    return str(error["msg"])


def _known_keys(where: tuple[str | int, ...]) -> list[str]:
    """The keys that stand beside the last one of a path."""
    section: Any = Settings
    for name in where[:-1]:
        if not isinstance(name, int):
            section = _section_of(section.model_fields[name].annotation) if name in section.model_fields else None
        if section is None:
            return []
    return list(section.model_fields)


def _section_of(annotation: Any) -> Any:
    """The section that a field holds: Slack of `Slack`, Account of `tuple[Account, ...]`; None of a plain value."""
    inside = (annotation, *get_args(annotation))
    return next((t for t in inside if isinstance(t, type) and issubclass(t, BaseModel)), None)


def _key_lines(text: str) -> dict[tuple[str | int, ...], int]:
    """Where each key stands: ("accounts", 0, "host") -> 12. A plain scan: tomllib keeps no positions."""
    lines: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if found := re.match(r"\[\[\s*([A-Za-z0-9_.-]+)\s*\]\]", stripped):
            name = found[1]
            table = (name, counts.get(name, 0))
            counts[name] = counts.get(name, 0) + 1
            lines.setdefault(table, number)
            lines.setdefault((name,), number)
        elif found := re.match(r"\[\s*([A-Za-z0-9_.-]+)\s*\]", stripped):
            first, *rest = found[1].split(".")
            table = (first, counts[first] - 1, *rest) if first in counts else (first, *rest)  # of the last one
            lines.setdefault(table, number)
        elif found := re.match(r"([A-Za-z0-9_-]+)\s*=", stripped):
            lines.setdefault((*table, found[1]), number)
    return lines
