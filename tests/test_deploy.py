"""Least privilege: the unit and the Dockerfile hold what they promise, and the bot works with as little as they give it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dovecot import Dovecot
from running import TRIAGE, Running, account, configuration
from test_faults import cards, triage
from test_house import ROOT
from test_journey_thread import GENUINE, mail

from bot.local.slack import LocalSlack

CHANNEL = "C0TRIAGE"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")


def printed(what: str) -> str:
    done = subprocess.run([TRIAGE, "deploy", what], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(channels=(CHANNEL,)) as it:
        yield it


# ------------------------------------------------------------------------------------------------ systemd


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    path = tmp_path / "triage.service"
    path.write_text(printed("unit"))
    return path


@needs_systemd
def test_the_unit_is_one_that_systemd_takes(unit: Path) -> None:
    """Not a word of complaint."""
    done = subprocess.run([str(ANALYZE), "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_the_unit_exposes_little(unit: Path) -> None:
    """Of 10 by systemd's count, 2 at most: what is left is the network, which is its work."""
    command = [str(ANALYZE), "security", "--offline=yes", "--threshold=20", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout


def test_the_unit_starts_this_installation_and_knows_its_exit_codes(unit: Path) -> None:
    """What trying again does not mend is not tried again; secrets come as credentials, never as values."""
    text = unit.read_text()

    assert f"ExecStart={TRIAGE} run --config /etc/triage/config.toml\n" in text
    assert "RestartPreventExitStatus=2 77 78\n" in text
    assert "Type=notify\n" in text
    assert not re.search(r"^Environment=.*(PASSWORD|TOKEN)", text, re.MULTILINE)


SANDBOX = """
set -e
mount -t tmpfs none /mnt
n=0; for path in $REACHED; do n=$((n + 1)); mkdir /mnt/$n; mount --bind "$path" /mnt/$n; done
for folder in $HIDDEN; do mount -t tmpfs -o mode=755 none "$folder"; done
n=0; for path in $REACHED; do n=$((n + 1)); mkdir -p "$path"; mount --move /mnt/$n "$path"; done
mount --bind "$STATE" "$STATE"
for folder in / /mnt $HIDDEN $REACHED; do mount -o remount,bind,ro "$folder"; done
exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all "$@"
"""
"""What the unit does, by hand: a user of no rights, everything read-only but the state, no capability, nothing that could give one.

What that user has to read, though it lies in a folder of root's alone (an interpreter, the tests' own), lies within reach there.
"""


def _hidden(path: Path) -> list[Path]:
    """The outermost folder above it that nobody else may enter, if there is one."""
    return [p for p in reversed(path.resolve().parents) if not p.stat().st_mode & stat.S_IXOTH][:1]


def _sandboxes() -> bool:
    if not shutil.which("unshare") or not shutil.which("setpriv") or os.geteuid() != 0:
        return False
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount -o remount,bind,ro /"], check=False, capture_output=True
    )
    return tried.returncode == 0


@pytest.mark.dovecot
@pytest.mark.skipif(not _sandboxes(), reason="mount namespaces cannot be made here")
def test_it_works_with_nothing_but_its_state(
    dovecot: Dovecot, slack: LocalSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail becomes a card, where a user of no rights can write nothing but the state folder and nothing is permitted."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 65534, 65534)
    tmp_path.chmod(0o755)
    needed = [Path(p) for p in (sys.base_prefix, sys.prefix, str(ROOT), str(tmp_path)) if _hidden(Path(p))]
    monkeypatch.setenv("STATE", str(state))
    monkeypatch.setenv("REACHED", " ".join(sorted({str(p.resolve()) for p in needed})))
    monkeypatch.setenv("HIDDEN", " ".join(sorted({str(p) for path in needed for p in _hidden(path)})))
    config = configuration(tmp_path, account(dovecot), slack)
    program = ("unshare", "--mount", "sh", "-c", SANDBOX, "sh", TRIAGE)
    with Running(config, secrets(dovecot, slack), program=program) as bot:
        bot.wait_for("daemon.started")  # the database is there, and that user's
        bot.looked()
        dovecot.deliver(mail("ravi@hunter.example", 1, "Backups", GENUINE))
        slack.wait_for(lambda: cards(slack), 60)
        daemon, *children = _tree(bot.process.pid)
        assert children
        for pid in (daemon, *children):
            status = Path(f"/proc/{pid}/status").read_text()
            assert re.search(r"^Uid:(\s+65534){4}$", status, re.MULTILINE)
            assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
            assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
            assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
        mounts = [line.split() for line in Path(f"/proc/{daemon}/mounts").read_text().splitlines()]
        assert {at: options.split(",")[0] for _, at, _, options, *_ in mounts if at in {"/", str(state)}} == {
            "/": "ro",
            str(state): "rw",
        }
        assert (state / "triage.db").stat().st_uid == 65534
        assert bot.terminate(30) == 0


# ------------------------------------------------------------------------------------------------ containers


def test_the_dockerfile_is_sound() -> None:
    """Pinned by hash, not root, read-only by its instructions, watched; what it copies is there, and no secret is."""
    lines = [line for line in printed("dockerfile").splitlines() if line and not line.startswith("#")]
    steps = [line.split(maxsplit=1) for line in lines]
    of = {name: [rest for n, rest in steps if n == name] for name, _ in steps}

    assert set(of) <= {
        "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD",
    }  # fmt: skip
    assert all(re.fullmatch(r"python:3\.\d+-slim( AS build)?", image) for image in of["FROM"])
    assert of["USER"] == ["10001:10001"]
    assert [n for n, _ in steps].index("USER") > max(i for i, (n, _) in enumerate(steps) if n in {"RUN", "COPY"})
    assert any("--require-hashes" in step for step in of["RUN"])
    assert all("pip" not in step or "--no-index" in step or "--require-hashes" in step for step in of["RUN"])
    for copied in of["COPY"]:
        if not copied.startswith("--from"):
            assert all((ROOT / name).exists() for name in copied.split()[:-1]), copied
    assert json.loads(of["ENTRYPOINT"][0]) == ["triage"]
    assert "triage" in of["HEALTHCHECK"][0]
    assert "health" in of["HEALTHCHECK"][0]
    assert not re.search(r"(?i)(password|token|secret)\s*=\s*\S", "\n".join(lines))


# ------------------------------------------------------------------------------------------------ secrets

TOKEN, WATCH, SEED = "xoxb-7-k3j9x2", "watch-k3j9x2", "seed-of-audits-k3j9x2"


def secrets(server: Dovecot, slack: LocalSlack, **more: str) -> dict[str, str]:
    return {"TEST_IMAP_PASSWORD": server.password, "TEST_SLACK_TOKEN": slack.token} | more


@pytest.mark.dovecot
def test_secrets_stand_in_nothing_that_others_read(dovecot: Dovecot, tmp_path: Path) -> None:
    """Not in the log at its most talkative, in no command's output, in no process's arguments, in no file of the state folder."""
    known = {
        "TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": TOKEN, "TEST_WATCH": WATCH, "TEST_SEED": SEED,
        "TEST_WRONG": "not-the-password-either",
    }  # fmt: skip
    with LocalSlack(channels=(CHANNEL,), token=TOKEN) as slack:
        refused = account(dovecot, "refused").replace("TEST_IMAP_PASSWORD", "TEST_WRONG")
        with socket.create_server(("127.0.0.1", 0)) as free:
            more = f'[watch]\nport = {free.getsockname()[1]}\ntoken = {{ env = "TEST_WATCH" }}\n'
        config = configuration(tmp_path, account(dovecot) + refused, slack, more=more)
        config.write_text(
            config.read_text()
            .replace("share = 0.0", 'share = 1.0\nseed = { env = "TEST_SEED" }')
            .replace('format = "json"', 'format = "json"\nlevel = "debug"')
        )
        with Running(config, known) as bot:
            bot.looked("security")
            slack.script("error:invalid_auth", "garbage", "reset")
            dovecot.deliver(mail("ravi@hunter.example", 1, "SPF", "There is no SPF record, please publish one."))
            bot.wait_for("notice.put_off")
            arguments = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _tree(bot.process.pid)]
            told = [
                bot.command(*words)
                for words in (
                    ("doctor",),
                    ("check",),
                    ("health",),
                    ("list",),
                    ("list", "--audit"),
                    ("db", "verify"),
                    ("doctor", "--json"),
                )
            ]
            assert bot.terminate(30) == 0
        wrong = triage(config, known | {"TEST_SLACK_TOKEN": "xoxb-wrong-one"}, "doctor")
    spoken = [json.dumps(bot.events), bot.printed, *(d.stdout + d.stderr for d in [*told, wrong])]
    files = [p.read_bytes() for p in (tmp_path / "state").rglob("*") if p.is_file()]

    assert len(arguments) >= 2, "the daemon and its judging process"
    for secret in (*known.values(), "xoxb-wrong-one"):
        assert not any(secret in text or json.dumps(secret)[1:-1] in text for text in spoken), secret
        assert not any(secret.encode() in data for data in (*arguments, *files)), secret


def _tree(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(n) for n in children.read_text().split()] if children.exists() else []
    return [pid, *(n for child in below for n in _tree(child))]


@pytest.mark.dovecot
def test_nothing_leaves_a_core_dump(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """Neither the daemon, which knows the secrets, nor its judging process, which knows the mail."""
    config = configuration(tmp_path, account(dovecot), slack)
    with Running(config, secrets(dovecot, slack)) as bot:
        bot.wait_for("account.connected")
        daemon, *children = _tree(bot.process.pid)
        for pid in (daemon, *children):
            assert re.search(r"^Max core file size\s+0\s+0\s", Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)
        os.kill(daemon, signal.SIGSEGV)
        assert bot.process.wait(20) == -signal.SIGSEGV
    assert not list(tmp_path.glob("core*"))
    asked = "from bot.secrecy import keep_to_oneself; keep_to_oneself(); import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    dumpable = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert dumpable == "0\n"
