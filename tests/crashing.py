"""The journey of some mails, in a process that kills itself at a chosen step. A program: `python crashing.py CONFIG…`.

Steps are all that outlives the process: in each transaction that writes its first write and its commit, every command
to the mail server, every call of Slack before it leaves and after its answer came; and the end. Reads from standard input lines of "FOLDER STEP";
for each it makes the journey with FOLDER/config.toml in a child that dies by SIGKILL at that step (-1: it lives), and
prints what the child did: its exit status, its steps, and their names.

It loads everything once and judges the mails that it is given as files once, in the real worker, before it forks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.accounts import Accounts, reading_of
from bot.assembly import open_store, wiring
from bot.configfile import load
from bot.mail.imap import ImapMailbox
from bot.settings import Settings
from bot.slack.client import SlackNotifier
from bot.tasks import Judged, Task
from bot.worker import Worker

IMAP = ("connect", "examine", "uids_after", "_listed", "_bodies")
SLACK = ("post", "update", "find")


class Replayed(Worker):
    """Says again what the real worker said of these mails."""

    def __init__(self, like: Worker, known: dict[bytes, Judged]) -> None:
        super().__init__(like.context)
        self._versions = like.versions
        self._known = known

    @property
    def versions(self) -> Any:
        return self._versions

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for task in tasks:
            yield self._known[task.raw]


class Steps:
    """Counts them, and ends the process at one."""

    def __init__(self, last: int) -> None:
        self.names: list[str] = []
        self._last = last
        self._writing = False

    def at(self, name: str) -> None:
        if len(self.names) == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.names.append(name)

    def watch(self) -> None:
        """From now on every step is one."""
        sa.event.listen(sa.Engine, "before_cursor_execute", lambda _c, _cu, said, *_: self._statement(said))
        sa.event.listen(sa.Engine, "commit", lambda _c: self._commit())
        for owner, methods in ((ImapMailbox, IMAP), (SlackNotifier, SLACK)):
            for method in methods:
                setattr(owner, method, self._around(getattr(owner, method), after=owner is SlackNotifier))

    def _statement(self, said: str) -> None:
        if not self._writing and said.startswith(("INSERT", "UPDATE", "DELETE")):
            self._writing = True
            self.at(said[:40])

    def _commit(self) -> None:
        if self._writing:
            self._writing = False
            self.at("COMMIT")

    def _around(self, method: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
        @wraps(method)
        def stepped(*arguments: Any, **named: Any) -> Any:
            self.at(f"before {method.__name__}")
            answer = method(*arguments, **named)
            if after:
                self.at(f"after {method.__name__}")
            return answer

        return stepped


def journey(settings: Settings) -> None:
    """What the daemon does with new mail, once: read, judge, tell, tell in the digest."""
    accounts = Accounts(settings)
    with wiring.wired(settings, timedelta()) as parts:
        for account in settings.accounts:
            box = accounts.mailbox(account)
            box.connect()
            parts.triage.read(box, reading_of(account))
            box.close()
        while parts.triage.judge_waiting():
            pass
        while parts.store.counts()["notices_due"]:
            parts.delivery.deliver()
        parts.delivery.say_digest()


def in_child(folder: Path, last: int) -> dict[str, Any]:
    """Exit status (negative: the signal) and the steps of one journey."""
    into, out_of = os.pipe()[::-1]
    child = os.fork()
    if child == 0:
        os.close(out_of)
        steps = Steps(last)
        steps.watch()
        code = 1
        try:
            journey(load(folder / "config.toml"))
            steps.at("end")
            code = 0
        finally:
            with os.fdopen(into, "w") as pipe:
                json.dump(steps.names, pipe)
            os._exit(code)
    os.close(into)
    with os.fdopen(out_of) as pipe:
        told = pipe.read()
    return {"status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "steps": json.loads(told or "[]")}


def main() -> None:
    settings, mails = load(Path(sys.argv[1])), [Path(name).read_bytes() for name in sys.argv[2:]]
    with wiring.worker_of(settings) as worker:
        answers = worker.judge([Task(raw=raw, size=len(raw)) for raw in mails])
        replayed = Replayed(worker, dict(zip(mails, answers, strict=True)))
    open_store(settings).close()  # what that imports is imported once
    words = wiring.wording(settings)
    wiring.worker_of, wiring.wording = lambda *_: replayed, lambda *_: words  # type: ignore[assignment]
    print("ready", flush=True)
    for line in sys.stdin:
        folder, _, last = line.rpartition(" ")
        print(json.dumps(in_child(Path(folder), int(last))), flush=True)


if __name__ == "__main__":
    main()
