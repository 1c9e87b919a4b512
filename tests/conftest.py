"""Servers that several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from dovecot import BINARY, Dovecot

NOT_HERE = "dovecot-imapd is not installed (apt install dovecot-imapd)"


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """A fresh Dovecot with one empty mailbox. Where TRIAGE_REQUIRE names it, its absence is a failure."""
    if not BINARY.exists():
        if "dovecot" in os.environ.get("TRIAGE_REQUIRE", ""):
            pytest.fail(f"TRIAGE_REQUIRE names dovecot, but {NOT_HERE}")
        pytest.skip(NOT_HERE)
    with Dovecot() as server:
        yield server
