"""What is wished: config.toml as frozen values, checked as a whole, every problem told with its line."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field, ValidationError, model_validator

from bot import DEFAULT_POLICY
from bot.accountsettings import Account
from bot.sections import Duration, Secret, Section, Size, loopback
from bot.slacksettings import Slack
from classifiers.errors import ConfigError, Problem

TERMINAL = "D0TERMINAL"  # the channel of cards that are told on a terminal


class PolicyChoice(Section):
    """Which policy reports are held against."""

    name: str = Field(default=DEFAULT_POLICY, pattern=r"^[a-z0-9_-]{1,60}$")
    rules: str = ""  # a folder of rule files; "": those that came with the bot


class Learning(Section):
    """What the model learns beside the corpus, and when."""

    retrain: Literal["", "weekly", "monthly"] = ""  # "": by hand alone
    correction_weight: float = Field(default=3.0, ge=1, le=100, strict=False)
    labelled: str = ""  # a folder of the team's own mail, sorted by label


class Replies(Section):
    """What is answered: a text is suggested, and laid into the mailbox as a draft where that is wished. Nothing is sent."""

    draft: bool = False
    folder: str = ""  # "": the mailbox's own folder for drafts
    sender: str = Field(default="", pattern=r"^([^@\s<>,;]{1,64}@[A-Za-z0-9.-]{1,255})?$")  # "": the account's user


class Auditing(Section):
    """How many would-be dismissals are asked blind."""

    share: float = Field(default=0.05, ge=0, le=1, strict=False)
    seed: Secret | None = None  # None: a file in the state folder, made at the first start


class State(Section):
    """What the bot remembers, and for how long."""

    folder: str = "var"
    url: str = ""  # a database; "": SQLite in the folder
    password: Secret | None = None  # of the database; None: it asks for none, or libpq finds it
    lease: Duration = timedelta(seconds=30)  # for how long a copy of the bot that is silent keeps its mailboxes
    keep_text: Duration = timedelta(days=90)
    keep_corrections: bool = True

    @property
    def shared(self) -> bool:
        """Whether several copies of the bot may use it at once."""
        return self.url.startswith("postgresql")

    @model_validator(mode="after")
    def _lasting(self) -> State:
        if not timedelta(seconds=2) <= self.lease <= timedelta(minutes=2):
            raise ValueError(
                "lease is from 2s to 2m: a copy renews it every second, and a dead one's work waits as long"
            )
        return self

    @model_validator(mode="after")
    def _safe(self) -> State:
        if self.shared:
            at = urlsplit(self.url)
            asked = parse_qs(at.query)
            if at.password is not None or "password" in asked:
                raise ValueError(
                    "url holds a password; write in password where it is read from, and take it out of url"
                )
            hosts = [at.hostname or "localhost", *asked.get("host", ())]
            near = all(loopback(host) or host.startswith("/") for host in hosts)
            if not near and asked.get("sslmode") not in (["verify-full"], ["verify-ca"]):
                raise ValueError("url to another machine needs a verified line: add ?sslmode=verify-full")
        return self


class Limits(Section):
    """What one mail may cost."""

    max_message: Size = 25 * 1000**2
    cpu: Duration = timedelta(seconds=5)
    wall: Duration = timedelta(seconds=15)
    memory: Size = 512 * 1000**2


class Watching(Section):
    """What others may see of the running bot, and when silence is told."""

    port: int = Field(default=0, ge=0, le=65535)  # on loopback; 0: none
    token: Secret | None = None
    silent_after: Duration = timedelta(minutes=15)

    @model_validator(mode="after")
    def _with_token(self) -> Watching:
        if bool(self.port) != (self.token is not None):
            raise ValueError("port and token belong together: whoever asks for figures has to know the token")
        return self


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Settings(Section):
    """The whole configuration."""

    accounts: tuple[Account, ...] = Field(strict=False, min_length=1)
    policy: PolicyChoice = PolicyChoice()
    model: Learning = Learning()
    slack: Slack = Slack(channel=TERMINAL, bot_token=Secret(env="SLACK_BOT_TOKEN"))  # no [slack]: cards on a terminal
    replies: Replies = Replies()
    audit: Auditing = Auditing()
    state: State = State()
    limits: Limits = Limits()
    watch: Watching = Watching()
    log: Log = Log()

    @property
    def tells_slack(self) -> bool:
        return self.slack.channel != TERMINAL

    @model_validator(mode="after")
    def _from_somebody(self) -> Settings:
        without = [a.name for a in self.accounts if "@" not in a.user]
        if self.replies.draft and not self.replies.sender and without:
            raise ValueError(
                f"replies.draft: the user of {', '.join(without)} is no address; say in replies.sender whom drafts are from"
            )
        return self

    @model_validator(mode="after")
    def _names(self) -> Settings:
        names = [a.name for a in self.accounts]
        if len(set(names)) != len(names):
            raise ValueError("two accounts have one name; give each its own")
        return self


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


def missing_secrets(settings: Settings) -> tuple[Problem, ...]:
    """The secrets that cannot be read now."""
    problems = []
    wanted = [(f"accounts.{a.name}.{name}", s) for a in settings.accounts for name, s in a.secrets.items()]
    wanted += [("slack.bot_token", settings.slack.bot_token)] if settings.tells_slack else []
    wanted += [("slack.app_token", settings.slack.app_token)] if settings.slack.app_token else []
    wanted += [("audit.seed", settings.audit.seed)] if settings.audit.seed else []
    wanted += [("watch.token", settings.watch.token)] if settings.watch.token else []
    wanted += [("state.password", settings.state.password)] if settings.state.password else []
    for key, secret in wanted:
        try:
            secret.read()
        except ConfigError as e:
            problems += [Problem(key, p.what) for p in e.problems]
    return tuple(problems)


def _relative_to(folder: Path, settings: Settings) -> Settings:
    """Paths in a configuration are relative to its own folder, not to where somebody happens to stand."""

    def place(name: str) -> str:
        return str(folder / Path(name).expanduser()) if name else ""

    accounts = tuple(a.model_copy(update={"ca_file": place(a.ca_file or "") or None}) for a in settings.accounts)
    return settings.model_copy(
        update={
            "accounts": accounts,
            "state": settings.state.model_copy(update={"folder": place(settings.state.folder)}),
            "model": settings.model.model_copy(update={"labelled": place(settings.model.labelled)}),
            "policy": settings.policy.model_copy(update={"rules": place(settings.policy.rules)}),
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
