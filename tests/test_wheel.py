"""The wheel, in an empty environment outside the checkout: it finds its rules and model, and judges."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from make import ROOT


def ran(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=110, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_wheel_judges_a_mail(tmp_path: Path) -> None:
    """Built, installed without its dependencies beside ours, run from another folder with the checkout out of sight."""
    source = tmp_path / "source"
    kept = {"bot", "classifiers", "rules", "pyproject.toml", "README.md", "LICENSE"}
    for name in kept:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            source.mkdir(exist_ok=True)
            shutil.copy(path, source / name)
    ran(sys.executable, "-c", "import hatchling.build as b; b.build_wheel('dist')", cwd=source)
    (wheel,) = (source / "dist").glob("*.whl")
    venv = tmp_path / "venv"
    ran(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    (site,) = venv.glob("lib/python3*/site-packages")
    shutil.unpack_archive(wheel, site, "zip")
    # Its dependencies are the ones of this environment; the project itself must not be found there.
    ours = [p for p in sys.path if p.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(ours), encoding="utf-8")
    shutil.rmtree(source)
    mail = tmp_path / "a.eml"
    mail.write_bytes(b"From: a@sender.example\r\nSubject: Missing SPF record\r\n\r\nNo SPF record. mochi\r\n")

    where = ran(venv / "bin" / "python", "-c", "import bot; print(bot.__file__)", cwd=tmp_path)
    told = json.loads(ran(venv / "bin" / "python", "-m", "bot", "judge", "--json", mail, cwd=tmp_path))

    if str(ROOT) in where:
        pytest.fail("the checkout was found instead of the wheel")
    assert told["categories"][0]["id"] == "email_authentication"
    assert told["acknowledgement"]["state"] == "found"
    assert told["versions"]["model"]
