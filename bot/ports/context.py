"""What judges, beside the mail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RUNGS = (1, 2, 3, 4)
"""Of the parser's fallback ladder: the whole parse, the standard library guarded, a header scan, key and size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a judge needs besides the mail."""

    rules: Path  # holds categories/, signs/ and policies/
    policy: str
    model: Path | None  # None: rules alone
    trusted_authserv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What judges in place of what is configured; None: as configured."""

    policy: str | None = None
    rules: Path | None = None
    model: Path | None = None
