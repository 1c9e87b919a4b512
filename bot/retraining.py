"""The model while the bot runs: made anew by a process of its own where people corrected it, and taken up without a restart."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.store import Store
from bot.worker import Worker
from classifiers.errors import RuleError, StoreError

TRAINED = "trained"  # the beat of the last training for this bot, noted with when it began
PERIODS = {"weekly": timedelta(days=7), "monthly": timedelta(days=30)}
LONGEST = 3600.0  # seconds that a training may take
LOOK = 0.5  # seconds between two looks whether to stop
log = logging.getLogger("triage")


class Retraining:
    """Looks after the worker's model. One thread at a time calls `tick`."""

    def __init__(
        self,
        store: Store,
        worker: Worker,
        *,
        model: Callable[[], Path],
        every: timedelta | None,
        command: Sequence[str],
        channel: str,
        now: Callable[[], datetime],
    ) -> None:
        """`model`: the file to judge by, as it is now. `command`: trains, and prints what `triage model train --json` does."""
        self._store = store
        self._worker = worker
        self._model = model
        self._every = every
        self._command = tuple(command)
        self._channel = channel
        self._now = now
        self._seen = _mark(model())

    def tick(self, stop: Callable[[], bool] = lambda: False, *, trains: bool = True) -> None:
        """Trains where that is due, and takes up a model that is new, whoever made it. A training ends early on `stop`.

        `trains`: whether this copy of the bot is the one that does.
        """
        if trains and self._is_due():
            self._train(stop)
        self._take_up()

    def _is_due(self) -> bool:
        if self._every is None:
            return False
        last = self._store.last_beat(TRAINED)
        return (last is None or self._now() - last >= self._every) and self._store.people_said_since(last) > 0

    def _train(self, stop: Callable[[], bool]) -> None:
        began = self._now()
        ended = _run(self._command, stop)
        if ended is None:
            return  # told to stop: the next start trains
        self._store.beat(TRAINED, began)
        code, out = ended
        try:
            told = json.loads(out)
            text, facts = _in_words(told), {k: told[k] for k in ("model", "taken", "corrections", "labelled")}
        except (ValueError, KeyError, TypeError):
            log.error("model.failed", extra={"code": code})  # noqa: TRY400 - its code says it all
            text = f"Model: training failed (exit code {code}). `triage model train` says why; the model in use stays."
        else:
            log.info("model.trained", extra=facts)
        self._store.digest_sentence(text, self._channel, f"model:{began.isoformat()}", began)

    def _take_up(self) -> None:
        path = self._model()
        mark = _mark(path)
        if mark == self._seen:
            return
        self._seen = mark
        try:
            self._worker.renew(replace(self._worker.context, model=path.resolve()))
        except (RuleError, StoreError) as e:
            log.warning("model.refused", extra={"what": str(e)})
        else:
            log.info("model.taken_up", extra={"model": self._worker.versions.model})


def _mark(path: Path) -> tuple[object, ...]:
    """Changes when the file does: a new model takes the old one's place in one step."""
    try:
        it = path.stat()
    except OSError:
        return (path,)
    return path, it.st_ino, it.st_mtime_ns, it.st_size


def _run(command: Sequence[str], stop: Callable[[], bool]) -> tuple[int, bytes] | None:
    """Exit code and output of a command that gives way to all other work; None where it was ended on `stop`."""
    env = dict(os.environ) | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, start_new_session=True,
    ) as child:  # fmt: skip
        os.setpriority(os.PRIO_PROCESS, child.pid, 10)
        until = time.monotonic() + LONGEST
        while True:
            try:
                out, _ = child.communicate(timeout=LOOK)
            except subprocess.TimeoutExpired:
                if stop() or time.monotonic() > until:
                    child.kill()
                    if stop():
                        return None
            else:
                return child.returncode, out


def _in_words(told: Any) -> str:
    """The digest's line. Figures alone, not a word of anybody's."""
    head = f"Model: trained anew, {int(told['corrections'])} corrections among its examples"
    if not told["taken"]:
        return f"{head}, and not taken: {'; '.join(map(str, told['refused']))}. The one in use stays."
    figures = ", ".join(
        f"{name} {'unknown' if f['before'] is None else format(f['before'], '.1%')} → {f['after']:.1%}"
        for name, f in told["changed"].items()
    )
    return f"{head}; on the corpus: {figures}. In use from now on."
