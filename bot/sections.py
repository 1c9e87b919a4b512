"""What settings are made of: sections that refuse what they do not know, durations, times of day, secrets by reference."""

from __future__ import annotations

import ipaddress
import os
import re
import subprocess
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from classifiers.errors import ConfigError, Problem

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


def clock(value: object) -> time | None:
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


Duration = Annotated[timedelta, BeforeValidator(duration)]
Size = Annotated[int, BeforeValidator(_size)]
Clock = Annotated[time | None, BeforeValidator(clock)]
Zone = Annotated[str, AfterValidator(_zone)]


class Section(BaseModel):
    """Frozen; a setting that nobody knows is refused, and no value stands in a complaint."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Secret(Section):
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


def loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
