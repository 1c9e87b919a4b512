"""One daemon a state folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifiers.errors import StoreError


@contextmanager
def lock_state_folder(folder: Path) -> Iterator[None]:
    """Holds the folder for one daemon, until the end or the process's death. Raises StoreError where another holds it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise StoreError(f"{folder}: cannot be written: {e.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"{folder} is in use by another triage; stop that one, or give this one a state folder of its own"
            ) from None
        yield
    finally:
        os.close(handle)
