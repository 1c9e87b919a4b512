"""The process `python -m bot.judging`, spoken with in frames: it gets an empty environment and no descriptor but its pipes."""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
import time
from typing import Any

MAX_ANSWER = 2 * 1000**2  # bytes; a verdict with all its quotes is a few kB


class Died(Exception):
    """The process is gone, or has to be ended because it overran or babbled."""


class Child:
    """One judging process, from its start to its end."""

    def __init__(self) -> None:
        self._process = _start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def exchange(self, out: bytes, wanted: int, wall: float, answers: list[dict[str, Any]]) -> None:
        """Says `out` and adds so many answers to `answers`; what came before a death is there. Raises Died.

        Writes and reads at once, so that neither side waits for the other; the clock starts anew with each answer.
        """
        into, source = self._pipes
        left = memoryview(out)
        buffer = bytearray()
        until = time.monotonic() + wall
        while len(answers) < wanted:
            wait = until - time.monotonic()
            if wait <= 0:
                raise Died("wall")
            readable, writable, _ = select.select([source], [into] if left else [], [], wait)
            try:
                if writable:
                    left = left[os.write(into, left[: 1 << 20]) :]
                data = os.read(source, 1 << 20) if readable else None
            except OSError:
                raise Died("crash") from None
            if data == b"":
                raise Died("crash")
            if data:
                buffer += data
                before = len(answers)
                answers.extend(_take_frames(buffer))
                if len(answers) > before:
                    until = time.monotonic() + wall
        if len(answers) > wanted or buffer or left:
            # It said more than it was asked, or answered before it had heard all: nothing of it can be believed.
            del answers[:]
            raise Died("answer")

    @property
    def _pipes(self) -> tuple[int, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin.fileno(), self._process.stdout.fileno()


def frame(header: dict[str, Any]) -> bytes:
    """As the process reads it: four bytes of length, then JSON."""
    body = json.dumps(header).encode("ascii")
    return struct.pack(">I", len(body)) + body


def _start() -> subprocess.Popen[bytes]:
    # -I: neither the working folder nor PYTHON* variables decide what runs; the environment holds no secret.
    env = {"PATH": os.defpath, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "bot.judging"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=env, close_fds=True, start_new_session=True, cwd="/", bufsize=0,
    )  # fmt: skip
    assert child.stdin is not None
    os.set_blocking(child.stdin.fileno(), False)
    return child


def _take_frames(buffer: bytearray) -> list[dict[str, Any]]:
    """Whole frames out of the buffer's front. Raises Died where they are no frames."""
    taken: list[dict[str, Any]] = []
    while len(buffer) >= 4:
        (n,) = struct.unpack_from(">I", buffer)
        if n > MAX_ANSWER:
            raise Died("answer")
        if len(buffer) < 4 + n:
            break
        try:
            answer = json.loads(buffer[4 : 4 + n])
        except (ValueError, RecursionError):
            raise Died("answer") from None
        if not isinstance(answer, dict):
            raise Died("answer")
        taken.append(answer)
        del buffer[: 4 + n]
    return taken
