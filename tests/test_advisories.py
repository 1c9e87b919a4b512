"""CI's question for known holes in the pinned packages, to a stand-in for OSV."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from make import ROOT

PROGRAM = ROOT / ".ci" / "advisories.py"
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


class Osv(http.server.ThreadingHTTPServer):
    """Answers as OSV does: in the order asked, nothing of who has no hole."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.holes: dict[str, list[str]] = {}
        self.asked: list[dict[str, Any]] = []
        self.raw: bytes | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/querybatch"


class Answering(http.server.BaseHTTPRequestHandler):
    server: Osv

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        self.server.asked = queries
        holes = [self.server.holes.get(q["package"]["name"], []) for q in queries]
        results = [
            {"vulns": [{"id": i, "modified": "2026-01-01T00:00:00Z"} for i in ids]} if ids else {} for ids in holes
        ]
        body = self.server.raw if self.server.raw is not None else json.dumps({"results": results}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def osv() -> Iterator[Osv]:
    with Osv() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(url: str, require: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), url]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"TRIAGE_REQUIRE": require})


def test_every_pinned_package_is_asked_for_with_its_version(osv: Osv) -> None:
    """And nothing else is told of us."""
    done = ask(osv.url)

    assert done.returncode == 0, done.stderr
    asked = {f"{q['package']['name']}=={q['version']}" for q in osv.asked}
    pinned = {line.split()[0] for line in LOCK.splitlines() if line[:1].isalnum()}
    assert asked == pinned
    assert all(q["package"].keys() == {"ecosystem", "name"} and q.keys() == {"package", "version"} for q in osv.asked)
    assert f"{len(osv.asked)} packages, 0 with known holes" in done.stdout


def test_a_known_hole_stops_it_by_name(osv: Osv) -> None:
    osv.holes["imapclient"] = ["PYSEC-2026-1", "GHSA-aaaa-bbbb-cccc"]

    done = ask(osv.url)

    assert done.returncode == 1
    assert "imapclient 4." in done.stdout
    assert "PYSEC-2026-1, GHSA-aaaa-bbbb-cccc" in done.stdout


@pytest.mark.parametrize("raw", [b"", b"<html>sign in</html>", b"[]", b'{"results": []}'])
@pytest.mark.parametrize(("require", "status"), [("", 0), ("dovecot,advisories", 1)])
def test_who_cannot_be_asked_is_told_and_holds_up_only_who_insists(
    osv: Osv, raw: bytes, require: str, status: int
) -> None:
    """A captive portal, an empty answer, one of another kind."""
    osv.raw = raw

    done = ask(osv.url, require)

    assert (done.returncode, done.stderr) == (status, "")
    assert "advisories: not asked" in done.stdout


def test_a_service_out_of_reach_is_told() -> None:
    done = ask("http://127.0.0.1:9/v1/querybatch")

    assert (done.returncode, done.stderr) == (0, "")
    assert "not asked" in done.stdout
