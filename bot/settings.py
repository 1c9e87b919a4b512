"""What is wished: config.toml as frozen values, checked as a whole, every problem told with its line."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import subprocess
import tomllib
from collections.abc import Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bot import DEFAULT_POLICY
from classifiers.errors import ConfigError, Problem

TERMINAL = "D0TERMINAL"  # the channel of cards that are told on a terminal
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"kB": 1000, "MB": 1000**2, "GB": 1000**3}


def duration(value: object) -> timedelta:
    """`"90s"`, `"5m"`, `"12h"`, `"30d"`; raises ValueError."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('is no duration; write a number and s, m, h or d: "90s", "30d"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _size(value: object) -> int:
    found = re.fullmatch(r"(\d{1,6})(kB|MB|GB)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('is no size; write a number and kB, MB or GB: "25MB"')
    return int(found[1]) * _SIZES[found[2]]


def _clock(value: object) -> time | None:
    if value == "":
        return None
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('is no time of day; write hours and minutes: "09:00", or "" for never')
    return time(int(found[1]), int(found[2]))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('is no time zone; write a name such as "Europe/Berlin"') from None
    return value


def _start(value: object) -> timedelta | None:
    return None if value == "now" else duration(value)


Duration = Annotated[timedelta, BeforeValidator(duration)]
Size = Annotated[int, BeforeValidator(_size)]
Clock = Annotated[time | None, BeforeValidator(_clock)]
Zone = Annotated[str, AfterValidator(_zone)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Secret(_Section):
    """Where a secret is read, never the secret itself."""

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _one_way(self) -> Secret:
        if sum(x is not None for x in (self.env, self.file, self.command)) != 1:
            raise ValueError('names one place to read it from: { env = "NAME" }, { file = "…" } or { command = ["…"] }')
        return self

    def read(self) -> str:
        """The secret as it stands now. Raises ConfigError, which never holds it."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            where = f"environment variable {self.env}"
        elif self.file is not None:
            where = f"file {self.file}"
            try:
                value = Path(self.file).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as e:
                raise ConfigError(Problem("", f"{where} cannot be read: {type(e).__name__}")) from None
        else:
            assert self.command is not None
            value, where = _first_line(self.command), f"command {self.command[0]}"
        if not value:
            raise ConfigError(Problem("", f"{where} is not set or empty"))
        return value


def _first_line(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as e:
        raise ConfigError(Problem("", f"command {command[0]} gave no secret: {type(e).__name__}")) from None
    return (done.stdout.splitlines() or [""])[0]


class Account(_Section):
    """One mailbox that is read."""

    name: str = Field(default="security", pattern=r"^[A-Za-z0-9_.@-]{1,60}$")
    host: str
    port: int = Field(default=993, ge=1, le=65535)
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    user: str
    password: Secret
    folders: tuple[str, ...] = Field(default=("INBOX",), strict=False, min_length=1)
    junk: tuple[str, ...] = Field(default=("Junk", "Spam"), strict=False)
    ca_file: str | None = None
    start: Annotated[timedelta | None, BeforeValidator(_start)] = None
    poll_every: Duration = timedelta(seconds=60)
    connect_timeout: Duration = timedelta(seconds=15)
    read_timeout: Duration = timedelta(seconds=60)
    trusted_authserv: tuple[str, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _sound(self) -> Account:
        if any(c in folder for folder in self.folders for c in "\0\r\n"):
            raise ValueError("folders hold a control character")
        if self.tls == "none" and not _loopback(self.host):
            raise ValueError('tls = "none" is for loopback only; use "implicit" or "starttls"')
        return self


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class PolicyChoice(_Section):
    """Which policy reports are held against."""

    name: str = Field(default=DEFAULT_POLICY, pattern=r"^[a-z0-9_-]{1,60}$")
    rules: str = ""  # a folder of rule files; "": those that came with the bot


class Learning(_Section):
    """What the model learns beside the corpus, and when."""

    retrain: Literal["", "weekly", "monthly"] = ""  # "": by hand alone
    correction_weight: float = Field(default=3.0, ge=1, le=100, strict=False)
    labelled: str = ""  # a folder of the team's own mail, sorted by label


class Slack(_Section):
    """Where verdicts are told, and how much of a report may be shown there."""

    channel: str = Field(pattern=r"^[CGD][A-Z0-9]{1,30}$")
    bot_token: Secret
    app_token: Secret | None = None  # None: no Socket Mode, cards without buttons
    allowed_users: tuple[Annotated[str, Field(pattern=r"^([UW][A-Z0-9]{1,30}|\*)$")], ...] = Field(
        default=(), strict=False
    )
    allowed_groups: tuple[Annotated[str, Field(pattern=r"^S[A-Z0-9]{1,30}$")], ...] = Field(default=(), strict=False)
    tier: Literal["full", "reduced", "ids"] = "reduced"
    base_url: str = Field(default="https://slack.com/api/", pattern=r"^https?://[^\s]+/$")
    timeout: Duration = timedelta(seconds=20)
    grace: Duration = timedelta(seconds=60)
    digest_at: Clock = time(9, 0)
    timezone: Zone = "UTC"

    @model_validator(mode="after")
    def _encrypted(self) -> Slack:
        host = re.sub(r"^https?://(\[[^]]*\]|[^/:]*).*", r"\1", self.base_url).strip("[]")
        if self.base_url.startswith("http://") and not _loopback(host):
            raise ValueError("base_url without TLS is for loopback only; write https://")
        return self

    @model_validator(mode="after")
    def _somebody(self) -> Slack:
        if self.app_token and not self.allowed_users and not self.allowed_groups:
            raise ValueError(
                "app_token brings buttons, but nobody may press them: name people in allowed_users (U…), user groups in "
                'allowed_groups (S…), or write allowed_users = ["*"] for everybody who sees the channel'
            )
        return self


class Replies(_Section):
    """What is answered: a text is suggested, and laid into the mailbox as a draft where that is wished. Nothing is sent."""

    draft: bool = False
    folder: str = ""  # "": the mailbox's own folder for drafts
    sender: str = Field(default="", pattern=r"^([^@\s<>,;]{1,64}@[A-Za-z0-9.-]{1,255})?$")  # "": the account's user


class Auditing(_Section):
    """How many would-be dismissals are asked blind."""

    share: float = Field(default=0.05, ge=0, le=1, strict=False)
    seed: Secret | None = None  # None: a file in the state folder, made at the first start


class State(_Section):
    """What the bot remembers, and for how long."""

    folder: str = "var"
    url: str = ""  # a database; "": SQLite in the folder
    keep_text: Duration = timedelta(days=90)
    keep_corrections: bool = True


class Limits(_Section):
    """What one mail may cost."""

    max_message: Size = 25 * 1000**2
    cpu: Duration = timedelta(seconds=5)
    wall: Duration = timedelta(seconds=15)
    memory: Size = 512 * 1000**2


class Log(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Settings(_Section):
    """The whole configuration."""

    accounts: tuple[Account, ...] = Field(strict=False, min_length=1)
    policy: PolicyChoice = PolicyChoice()
    model: Learning = Learning()
    slack: Slack = Slack(channel=TERMINAL, bot_token=Secret(env="SLACK_BOT_TOKEN"))  # no [slack]: cards on a terminal
    replies: Replies = Replies()
    audit: Auditing = Auditing()
    state: State = State()
    limits: Limits = Limits()
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
    wanted = [(f"accounts.{a.name}.password", a.password) for a in settings.accounts]
    wanted += [("slack.bot_token", settings.slack.bot_token)] if settings.tells_slack else []
    wanted += [("slack.app_token", settings.slack.app_token)] if settings.slack.app_token else []
    wanted += [("audit.seed", settings.audit.seed)] if settings.audit.seed else []
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
    sections: dict[str, Any] = {name: f.annotation for name, f in Settings.model_fields.items()} | {"accounts": Account}
    named = where[0] if len(where) > 1 else None
    if isinstance(named, str) and where[-2] in ("password", "bot_token", "app_token", "seed"):
        return list(Secret.model_fields)
    model = sections.get(str(named), Settings) if named else Settings
    return list(model.model_fields)


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
            table = tuple(found[1].split("."))
            lines.setdefault(table, number)
        elif found := re.match(r"([A-Za-z0-9_-]+)\s*=", stripped):
            lines.setdefault((*table, found[1]), number)
    return lines
