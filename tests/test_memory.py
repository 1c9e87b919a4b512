"""What the daemon holds does not grow with the time that it runs, the mail that it reads and the reloads that it goes through."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dovecot import Dovecot
from running import Running, account, configuration
from test_faults import secrets

from bot.local.slack import LocalSlack

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heaps are glibc's")

# Run in processes of their own: what is said to glibc holds for good.
COUNTED = """
import ctypes, re, tempfile

def heaps():
    glibc = ctypes.CDLL(None)
    glibc.fopen.restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile() as file:
        stream = ctypes.c_void_p(glibc.fopen(file.name.encode(), b"w"))
        glibc.malloc_info(0, stream)
        glibc.fclose(stream)
        return len(re.findall(rb"<heap ", file.read()))
"""
THREADS = """
import threading
from bot.memory import hold_little

hold_little()
together = threading.Barrier(8)

def work():
    held = [bytearray(10_000) for _ in range(10)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for step in (threading.Thread.start, threading.Thread.join):
    for thread in threads:
        step(thread)
print(heaps())
"""
LARGE = """
import ctypes
from bot.memory import hold_little

hold_little()

class Told(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in "heap chunks fast outside bytes most fast_bytes used free top".split()]

glibc = ctypes.CDLL(None)
glibc.mallinfo.restype = Told
bytearray(3_000_000)
before = glibc.mallinfo().outside
mails = [bytearray(3_000_000) for _ in range(5)]
print(glibc.mallinfo().outside - before)
"""
# The real daemon, which tells at its end how many of what a reload makes anew are there, and how many heaps.
DAEMON = """
import atexit, gc, json, threading
from collections import Counter

def told():
    gc.collect()
    kinds = Counter(type(o).__name__ for o in gc.get_objects())
    kept = {name: kinds[name] for name in ("Daemon", "Worker", "SlackSocket", "Engine", "BackgroundScheduler", "App")}
    print(json.dumps(kept | {"threads": threading.active_count(), "heaps": heaps(), "given back": given}))

from bot import running
given, give_back = 0, running.give_back

def counted():
    global given
    given += 1
    give_back()

running.give_back = counted
from bot.cli.app import main
atexit.register(told)
main()
"""


def said_by(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", COUNTED + script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_threads_share_one_heap() -> None:
    assert said_by(THREADS) == "1"


def test_large_mails_lie_outside_of_it() -> None:
    """Each in a place of its own, which goes when the mail does; also after others as large had gone."""
    assert said_by(LARGE) == "5"


@pytest.mark.dovecot
def test_reloads_leave_nothing_behind(dovecot: Dovecot, tmp_path: Path) -> None:
    """One of each part, its threads, one heap; what each trial of the rules took was given back, also of one that was refused."""
    with LocalSlack(channels=("C0TRIAGE",)) as slack:
        config = configuration(tmp_path, account(dovecot), slack)
        good = config.read_text().replace(
            "[slack]\n", '[slack]\napp_token = { env = "TEST_APP_TOKEN" }\nallowed_users = ["U0ANA"]\n'
        )
        config.write_text(good)
        program = (sys.executable, "-c", COUNTED + DAEMON)
        with Running(config, secrets(dovecot, slack, TEST_APP_TOKEN=slack.app_token), program=program) as bot:
            for reloads in range(1, 4):
                bot.wait_for("socket.connected", count=reloads)
                bot.process.send_signal(signal.SIGHUP)
                bot.wait_for("daemon.started", count=reloads + 1)
            config.write_text(good + "[[[")
            bot.process.send_signal(signal.SIGHUP)
            bot.wait_for("reload.refused")
            assert bot.terminate() == 0
    told = json.loads(bot.printed)
    assert told.pop("given back") == 4
    assert told == dict.fromkeys(told, 1)
