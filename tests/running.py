"""The real program as a process: `triage run` with a configuration of its own, and commands beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.assembly import open_store
from bot.clock import now
from bot.configfile import load
from bot.health import health

TRIAGE = str(Path(sys.executable).with_name("triage"))


def account(server: Any, name: str = "security", **more: Any) -> str:
    """An [[accounts]] table for a test server, its password by environment."""
    lines = {
        "name": name,
        "host": "127.0.0.1",
        "port": server.tls_port,
        "user": server.user,
        "ca_file": str(server.ca_file),
        "poll_every": "30s",
    } | more
    told = "\n".join(f"{k} = {json.dumps(v)}" for k, v in lines.items())
    return f'[[accounts]]\n{told}\npassword = {{ env = "TEST_IMAP_PASSWORD" }}\n'


def configuration(
    folder: Path,
    accounts: str,
    slack: Any,
    more: str = "",
    audit_share: float = 0.0,
    *,
    url: str = "",
    **slack_more: Any,
) -> Path:
    """A config.toml that points at local servers; without audits, so that every verdict is shown."""
    extra = "\n".join(f"{k} = {json.dumps(v)}" for k, v in slack_more.items())
    path = folder / "config.toml"
    path.write_text(
        f'{accounts}\n[slack]\nchannel = "C0TRIAGE"\nbase_url = "{slack.base_url}"\nbot_token = {{ env = "TEST_SLACK_TOKEN" }}\n{extra}\n'
        f'[audit]\nshare = {audit_share}\n[state]\nfolder = "state"\nurl = "{url}"\n[log]\nformat = "json"\n{more}\n',
        encoding="utf-8",
    )
    return path


class Running:
    """`triage run`, from start to SIGTERM. Its log lines are kept as they come, and what it prints."""

    def __init__(
        self, config: Path, secrets: Mapping[str, str], *more: str, program: Sequence[str] = (TRIAGE,)
    ) -> None:
        self.config = config
        self.program = program
        self.more = more
        self.printed = ""
        self.env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | dict(secrets)
        self.events: list[dict[str, Any]] = []
        self._new = threading.Condition()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [*self.program, "run", "--config", str(self.config), *self.more],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.env,
        )
        self._readers = [threading.Thread(target=read) for read in (self._read, self._read_printed)]
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stderr, self.process.stdout):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._new:
                try:
                    self.events.append(json.loads(line))
                except ValueError:
                    self.events.append({"event": "not json", "line": line})
                self._new.notify_all()

    def _read_printed(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line

    def wait_for(self, event: str, seconds: float = 30, count: int = 1) -> dict[str, Any]:
        """The count-th log line of this event; fails with everything that was logged."""
        until = time.monotonic() + seconds
        with self._new:
            while True:
                found = [e for e in self.events if e["event"] == event]
                if len(found) >= count:
                    return found[count - 1]
                left = until - time.monotonic()
                assert left > 0, f"no {event} in {seconds} s; logged: {self.events}"
                self._new.wait(left)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another triage command with the same configuration."""
        return subprocess.run(
            [TRIAGE, *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            env=self.env,
            timeout=60,
            check=False,
        )

    def health(self) -> dict[str, Any]:
        """What `triage health --json` would print; no program is started each time that it is asked."""
        settings = load(self.config)
        with open_store(settings) as store:
            return health(store, settings, now()).as_data()

    def until_health(self, what: Callable[[dict[str, Any]], Any], seconds: float = 30) -> None:
        """Until what it says of its health is so. It is asked only a few times a second: the machine has work to do."""
        until(lambda: what(self.health()), seconds, pause=0.25)

    def looked(self, *accounts: str, seconds: float = 30) -> None:
        """Until the daemon has looked into these accounts, or all: what comes now is new to it."""
        until(
            lambda: all(at for name, at in self.health()["polls"].items() if name in accounts or not accounts), seconds
        )

    def terminate(self, seconds: float = 15) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def until(what: Callable[[], Any], seconds: float = 30, pause: float = 0.05) -> Any:
    """What `what` returns as soon as it is true; asked with such pauses."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not true within {seconds} s"
        time.sleep(pause)
    return found
