"""What judging costs, as ratios against mail-parser alone on the same mails in the same run. Run: make bench.

Prints CPU time of parent and children over 1,000 generated mails, with and without those that carry an attachment; how
long `triage --help` and the first verdict take. Nothing here is asserted: timings belong in a report, not in a test.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mailgen import write

TRIAGE = str(Path(sys.executable).with_name("triage"))
BASELINE = """
import logging, pathlib, sys
logging.disable(logging.CRITICAL)
import mailparser
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.eml")):
    try:
        mailparser.parse_from_bytes(path.read_bytes())
    except Exception:
        pass
"""


def cpu(command: list[str]) -> tuple[float, float]:
    """CPU seconds of a command and its children, and wall seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # As installed: one thread, and modules compiled once, not at every start.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - start


def compare(name: str, folder: Path, rounds: int) -> None:
    base, ours = [], []
    for _ in range(rounds):
        base.append(cpu([sys.executable, "-c", BASELINE, str(folder)])[0])
        ours.append(cpu([TRIAGE, "judge", "--json", str(folder)])[0])
    ratios = sorted(o / b for o, b in zip(ours, base, strict=True))
    count = sum(1 for _ in folder.glob("*.eml"))
    print(
        f"{name:28} {count:5} mails   mail-parser {statistics.median(base):6.2f} s   triage judge {statistics.median(ours):6.2f} s"
        f"   ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def wall(name: str, command: list[str], rounds: int = 7) -> None:
    times = sorted(cpu(command)[1] for _ in range(rounds))
    print(f"{name:28} median {statistics.median(times):.2f} s of {rounds}")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        every, light = Path(name) / "every", Path(name) / "light"
        every.mkdir()
        light.mkdir()
        write(every, 1000)
        for path in every.glob("*.eml"):
            if "attachment" not in path.name:
                (light / path.name).write_bytes(path.read_bytes())
        compare("all", every, rounds)
        compare("without attachments", light, rounds)
        wall("triage --help", [TRIAGE, "--help"])
        one = next(iter(sorted(light.glob("*-text.eml"))))
        wall("first verdict", [TRIAGE, "judge", str(one)])


if __name__ == "__main__":
    main()
