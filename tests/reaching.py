"""A program for test_reach.py: judges mail, and tells in lines what Python's audit hooks heard meanwhile.

Modules that are imported late, a character set's among them, are the program's own; so is the question to the kernel how
much memory it holds. Whatever else is opened, run, started or connected is told.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from types import CodeType
from typing import Any

import hostile
from mails import MAIL
from make import MODEL, ROOT, RULES

from bot import judging
from bot.judge import Judge
from bot.limits import Budget
from bot.ports import Context

OURS = tuple(str(Path(p).resolve()) for p in (*sysconfig.get_paths().values(), ROOT))
OUTWARD = (
    "socket.", "subprocess.", "os.", "shutil.", "tempfile.", "glob.", "urllib.", "http.", "ftplib.", "smtplib.", "imaplib.", "pickle.",
    "webbrowser.", "sqlite3.", "ctypes.dlopen", "code.__new__", "builtins.input", "pty.",
)  # fmt: skip
LOOKED_AT = ("os.listdir", "os.scandir")  # by the import system, in its own folders


def ours(path: str) -> bool:
    """A module, where Python or the program keeps its modules."""
    return path.endswith((".py", ".pyc", ".so")) and str(Path(path).resolve()).startswith(OURS)


def outward(event: str, arguments: tuple[Any, ...]) -> str:
    """What to tell of an event; "" of one that reaches nothing."""
    if event == "open":
        path = arguments[0]
        return "" if isinstance(path, str) and (path == "/proc/self/statm" or ours(path)) else f"open {path!r}"
    if event == "exec":
        code = arguments[0]
        known = isinstance(code, CodeType) and (code.co_filename.startswith("<frozen") or ours(code.co_filename))
        return "" if known else f"exec {getattr(code, 'co_filename', code)}"
    if event in LOOKED_AT:
        return "" if str(Path(str(arguments[0])).resolve()).startswith(OURS) else f"{event} {arguments[0]!r}"
    return event if event.startswith(OUTWARD) else ""


def main(*, outwards: bool) -> None:
    """All mails of tests/mail; `outwards`: and beside them what does reach out, to be heard."""
    judge = Judge.load(Context(rules=RULES, policy="planetscale", model=MODEL, trusted_authserv=("t",)))
    mails = {p.stem: p.read_bytes() for p in sorted(MAIL.rglob("*.eml"))} | {
        n: hostile.mail(n) for n in hostile.files()
    }
    reading = ""
    heard: set[str] = set()

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal reading
        if reading:
            mail, reading = reading, ""  # what looking into it opens is not the mail's doing
            told = outward(event, arguments)
            heard.update([f"{mail}: {told}"] if told else [])
            reading = mail

    sys.addaudithook(listen)
    unread = []
    for name, raw in mails.items():
        reading = name
        request = {"size": len(raw), "traced": True, "closely": True}
        answer = judging._answer(judge, Budget(cpu=30.0, memory=2**31), request, raw)
        reading = ""
        unread += [] if "verdict" in answer else [name]
    if outwards:
        import socket

        reading = "outward"

        Path("/etc/passwd").read_bytes()
        socket.socket().close()
        eval("1 + 1")
        os.system("true")
        reading = ""
    for line in sorted(heard) + [f"unread {n}" for n in unread]:
        print(line)
    print(f"mails {len(mails)}")


if __name__ == "__main__":
    main(outwards="outward" in sys.argv)
