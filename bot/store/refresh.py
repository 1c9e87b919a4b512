"""A refresh token that its endpoint replaced: it must outlive the process, and only one may use it at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifiers.errors import StoreError


class KeptToken:
    """A refresh token in use: the configured one, or what came in its place."""

    def __init__(self, file: Path, given: str) -> None:
        self._file, self._digest = file, hashlib.sha256(given.encode()).hexdigest()
        self.value = self._kept() or given

    def replace(self, value: str) -> None:
        """Keeps another one in its place, for as long as the configuration holds the token that it descends from."""
        self.value = value
        fresh = self._file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as f:
            json.dump({"of": self._digest, "token": value}, f)
            f.flush()
            os.fsync(f.fileno())
        fresh.replace(self._file)  # one step: half a token is never read

    def _kept(self) -> str:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ""
        token = kept.get("token") if isinstance(kept, dict) and kept.get("of") == self._digest else ""
        return token if isinstance(token, str) else ""


@contextmanager
def refresh_token(folder: Path, account: str, given: str) -> Iterator[KeptToken]:
    """The account's refresh token, while no other process uses it. Raises StoreError where the state folder cannot be written."""
    file = folder / f"oauth-{account}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield KeptToken(file, given)
        finally:
            os.close(handle)
    except OSError as e:
        raise StoreError(f"{folder}: the refresh token cannot be kept there: {e.strerror}; check who owns it") from None
