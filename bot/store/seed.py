"""The secret that audits are drawn with."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from classifiers.errors import StoreError

LENGTH = 32


def audit_seed(folder: Path) -> bytes:
    """The seed in the state folder; made at the first call, readable by its own user alone. Raises StoreError."""
    path = folder / "audit.seed"
    try:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = folder / f"audit.seed.{os.getpid()}.new"
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
                f.write(secrets.token_bytes(LENGTH))
                f.flush()
                os.fsync(f.fileno())
            # One step, so that half a seed is never read; of two that make one at once the first one's holds for both.
            with suppress(FileExistsError):
                os.link(fresh, path)
            fresh.unlink()
        path.chmod(0o600)
        seed = path.read_bytes()
    except OSError as e:
        raise StoreError(f"{path}: cannot be read or made: {e.strerror}; check who owns it") from None
    if len(seed) < LENGTH:
        raise StoreError(f"{path} is damaged; remove it, and a new one is made at the next start")
    return seed
