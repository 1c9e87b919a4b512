"""Known holes in the pinned packages, asked of OSV (https://osv.dev) in one request that names packages and versions alone.

Ends with 1 where there is one. A service that cannot be asked is told and holds nothing up, unless TRIAGE_REQUIRE names `advisories`.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements.lock"
SERVICE = "https://api.osv.dev/v1/querybatch"
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)

Pin = tuple[str, str]  # a package and its version


def known(pins: Sequence[Pin], service: str) -> dict[Pin, list[str]]:
    """The advisories that name a pinned version. Raises OSError or ValueError where the service gives no such answer."""
    queries = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in pins]
    asked = urllib.request.Request(  # noqa: S310 - the address is ours
        service, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        told = json.load(answer)
    results = told.get("results") if isinstance(told, dict) else None
    if not isinstance(results, list) or len(results) != len(pins) or not all(isinstance(r, dict) for r in results):
        raise ValueError("it does not answer as OSV does")
    found = {pin: [str(v["id"]) for v in result.get("vulns", ())] for pin, result in zip(pins, results, strict=True)}
    return {pin: ids for pin, ids in found.items() if ids}


def main(service: str = SERVICE) -> int:
    """Says what is known, a line each."""
    pins = PIN.findall(LOCK.read_text(encoding="utf-8"))
    try:
        holes = known(pins, service)
    except (OSError, ValueError, http.client.HTTPException) as e:
        print(f"advisories: not asked, {e}. Ask where there is a network: python .ci/advisories.py")
        return int("advisories" in os.environ.get("TRIAGE_REQUIRE", "").split(","))
    for (name, version), ids in holes.items():
        print(f"advisories: {name} {version} has {', '.join(ids)}; make lock takes a newer one")
    print(f"advisories: {len(pins)} packages, {len(holes)} with known holes")
    return int(bool(holes))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
