"""What people did in Slack, as `show` and `export audit` tell it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

from office import ACCOUNT, CHANNEL, NOW
from running import configuration
from test_cli import triage

from bot.correction import Correction, correct
from bot.ports import Act, ActKind, Cursor, NewReport, Outcome, RawMessage, VerdictKind
from bot.routing import Routes
from bot.store import Store
from classifiers.terms import Disposition, Verdict, report_key


def test_what_people_did_is_shown_and_exported(tmp_path: Path) -> None:
    """`show` and `export audit`: acts in Slack and decisions anywhere, by time."""
    config = configuration(tmp_path, ACCOUNT, SimpleNamespace(base_url="http://127.0.0.1:9/api/"))
    (tmp_path / "state").mkdir()
    with Store.open(f"sqlite:///{tmp_path}/state/triage.db", now=lambda: NOW) as store:
        raw = b"Subject: one\r\n\r\none"
        message = RawMessage(folder="INBOX", uidvalidity=1, uid=1, size=len(raw), received_at=NOW, raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        (report_id,) = store.keep("security", "INBOX", [new], Cursor(1, 1))
        key = store.report(report_id).key
        verdict = Verdict(report=key, disposition=Disposition.IN_SCOPE, confidence=0.9, why="w")
        store.record(report_id, verdict, kind=VerdictKind.BOT, decided_by="bot", decided_at=NOW)
        ana = {"report_id": report_id, "by": "person:ana (U0ANA)"}
        store.hold(Act(**ana, kind=ActKind.TAKE, at=NOW + timedelta(minutes=1), outcome=Outcome.DONE), ())  # type: ignore[arg-type]
        store.note(Act(report_id=None, by="person:eve (U0EVE)", kind=ActKind.OTHER, at=NOW, outcome=Outcome.REFUSED))
        correction = Correction(disposition=Disposition.OUT_OF_SCOPE, by="person:ben", reason="known")
        correct(store, key, correction, known=(), routes=Routes(channel=CHANNEL), now=NOW + timedelta(minutes=2))

    exported = [json.loads(line) for line in triage("export", "audit", "--config", config).stdout.splitlines()]
    shown_data = json.loads(triage("show", key[:8], "--json", "--config", config).stdout)

    assert [(e["report"], e["act"], e["by"], e["outcome"]) for e in exported] == [
        (None, "other", "person:eve (U0EVE)", "refused"),
        (key[:8], "take", "person:ana (U0ANA)", "done"),
        (key[:8], "decide", "person:ben", "out_of_scope"),
    ]
    assert [a["act"] for a in shown_data["acts"]] == ["take"]
    assert "2026-11-02 09:01  person:ana (U0ANA)  take, done" in triage("show", key[:8], "--config", config).stdout
