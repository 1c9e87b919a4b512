"""One event, one line, to stderr: text on a terminal, JSON otherwise. Ids and numbers, never the words of a mail."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

LIBRARIES = ("imapclient", "slack_sdk", "apscheduler", "mailparser", "pymap", "sqlalchemy", "alembic")
"""Their own lines stay out below WARNING: at DEBUG, imapclient logs mail bodies and slack_sdk whole answers."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Line(logging.Formatter):
    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        facts = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            # The class alone: the text of a foreign exception may quote the mail that caused it.
            facts["error"] = record.exc_info[0].__name__
            facts["at"] = _where(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        if self.as_json:
            line = {"at": at, "level": record.levelname.lower(), "event": record.getMessage(), **facts}
            return json.dumps(line, default=str)
        told = "  ".join(f"{k}={_plain(v)}" for k, v in facts.items())
        return f"{at[11:19]} {record.levelname.lower():7} {_plain(record.getMessage())}  {told}".rstrip()


def _where(record: logging.LogRecord) -> str:
    """File and line where the exception was raised, of the innermost frame."""
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else ""


def _plain(value: object) -> str:
    """No control characters: a log line cannot be forged nor a terminal steered."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(value))


def set_up(level: str = "info", form: Literal["auto", "text", "json"] = "auto", stream: TextIO | None = None) -> None:
    """Sends the events of `triage` to `stream` (stderr), and of the libraries what is a warning or worse."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Line(as_json=form == "json" or (form == "auto" and not stream.isatty())))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("triage").setLevel(level.upper())
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)
