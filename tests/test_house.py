"""The floors and the doors: every import points down, every outside package has one door, rules/ is data."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Bottom up. A file may import files on lower floors; files of one floor only where listed together in a room.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("classifiers.errors", "classifiers.terms", "classifiers.curves", "classifiers.rates"),
    ("classifiers.text", "classifiers.prefilter", "classifiers.logistic"),
    (
        "classifiers.partsummary",
        "classifiers.regions",
        "classifiers.furniture",
        "classifiers.policypaste",
        "classifiers.denials",
        "classifiers.language",
        "classifiers.plots",
        "classifiers.policy",
    ),
    ("classifiers.pasted",),
    ("classifiers.marking",),
    (
        "classifiers.acknowledgement",
        "classifiers.features",
        "classifiers.fusion",
        "classifiers.likeness",
        "classifiers.parts",
        "classifiers.readable",
    ),
    ("classifiers.partwise", "classifiers.weighing"),
    ("classifiers.decision",),
    ("classifiers.rulefiles", "classifiers.conditions", "classifiers.pieces"),
    ("classifiers.rulebook", "classifiers.learned", "classifiers.mixed"),
    ("classifiers.policyform",),
    ("classifiers.policyfiles",),
    ("classifiers.proofs",),
    ("classifiers.newpolicy",),
    ("classifiers.examples", "classifiers.reportcard", "classifiers.scorecard"),
    ("classifiers.material",),
    ("classifiers.stacking",),
    ("classifiers.counting", "classifiers.evaluation"),
    ("classifiers.training",),
    ("classifiers.labelled", "classifiers.modelcard"),
    ("classifiers.pages",),
    (
        "bot",
        "bot.fields",
        "bot.hours",
        "bot.limits",
        "bot.ports",
        "bot.log",
        "bot.memory",
        "bot.clock",
        "bot.secrecy",
        "bot.probes",
        "bot.systemd",
        "bot.waits",
        "bot.watch",
    ),
    ("bot.audit", "bot.figures", "bot.precedent", "bot.routing"),
    ("bot.history",),
    ("bot.sections",),
    ("bot.accountsettings", "bot.slacksettings"),
    ("bot.answer", "bot.codec", "bot.settings", "bot.reply", "bot.slack.cards"),
    ("bot.configfile",),
    ("bot.mail", "bot.slack", "bot.store"),
    ("bot.child", "bot.judge", "bot.tasks"),
    ("bot.judging", "bot.orders", "bot.shares", "bot.terminal", "bot.voice"),
    ("bot.worker",),
    ("bot.following",),
    ("bot.showing", "bot.muting", "bot.pacing"),
    ("bot.digesting", "bot.telling"),
    (
        "bot.triage",
        "bot.delivery",
        "bot.correction",
        "bot.evaluating",
        "bot.allowed",
        "bot.drafting",
        "bot.filing",
        "bot.overview",
    ),
    ("bot.alike", "bot.reception", "bot.weekly"),
    ("bot.desk", "bot.reminding"),
    ("bot.commands",),
    ("bot.accounts", "bot.reading", "bot.replay", "bot.learning", "bot.retraining"),
    ("bot.silence", "bot.metrics"),
    ("bot.jobs",),
    ("bot.daemon", "bot.health"),
    ("bot.assembly",),
    ("bot.doctor", "bot.running"),
    ("bot.local",),
    ("bot.cli",),
    ("bot.__main__",),
)

# Inside a room (a folder) files import each other, without a cycle. `bot.daemon` and `bot.assembly` stand the other way
# round than a reader may expect: assembly hands the daemon its parts, and so must know it.
ROOMS = ("bot.ports", "bot.mail", "bot.slack", "bot.store", "bot.assembly", "bot.local", "bot.cli")

DOORS: dict[str, tuple[str, ...]] = {
    "alembic": ("bot.store",),
    "apscheduler": ("bot.daemon",),
    "imapclient": ("bot.mail.access",),
    "mailparser": ("bot.mail.mime",),
    "prometheus_client": ("bot.metrics",),
    "numpy": (
        "classifiers.counting",
        "classifiers.features",
        "classifiers.learned",
        "classifiers.likeness",
        "classifiers.logistic",
        "classifiers.material",
        "classifiers.stacking",
        "classifiers.training",
    ),
    "pydantic": ("bot.sections", "bot.accountsettings", "bot.slacksettings", "bot.settings", "bot.configfile"),
    "pymap": ("bot.local.imap",),
    "re2": ("classifiers.acknowledgement", "classifiers.prefilter", "classifiers.rulefiles", "classifiers.rulebook"),
    "rich": ("bot.cli",),
    "scipy": ("classifiers.logistic", "classifiers.material", "classifiers.stacking", "classifiers.training"),
    "selectolax": ("bot.mail",),
    "sklearn": ("classifiers.stacking", "classifiers.training"),
    "slack_bolt": ("bot.slack.socket",),
    "slack_sdk": ("bot.slack.client", "bot.slack.socket", "bot.local.slack.limits"),
    "sqlalchemy": ("bot.store",),
    "typer": ("bot.cli",),
    "websockets": ("bot.local.slack.sockets",),
}


def modules() -> dict[str, Path]:
    """Every file of ours by its dotted name."""
    found = {}
    for package in ("bot", "classifiers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path
    return found


def imports(path: Path) -> set[str]:
    """What a file imports, inside functions too; `from bot import log` counts as bot.log where that is a file."""
    names: set[str] = set()
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{a.name}" for a in node.names}
            names |= {m for m in members if m in known} or {node.module}
    return names


def floor(name: str) -> int:
    """The floor of a module: its own entry, else its room's."""
    best = max((len(m), i) for i, f in enumerate(FLOORS) for m in f if name == m or name.startswith(m + "."))
    return best[1]


def room(name: str) -> str | None:
    return next((r for r in ROOMS if name == r or name.startswith(r + ".")), None)


@pytest.mark.parametrize("name", [n for n in modules() if n != "classifiers" and "migrations" not in n])
def test_every_import_points_down(name: str) -> None:
    """A file imports only what lies on lower floors, or beside it in its own room."""
    mine = floor(name)

    for used in imports(modules()[name]):
        if used.split(".")[0] not in ("bot", "classifiers") or used in ("bot", "classifiers"):
            continue
        same_room = room(name) is not None and room(name) == room(used)
        assert floor(used) < mine or same_room or used.startswith(name + "."), (
            f"{name} imports {used}, which is no lower"
        )


def test_no_cycles() -> None:
    """No file reaches itself through what it imports."""
    known = modules()
    graph = {n: {u for u in imports(p) if u in known and u != n} for n, p in known.items()}

    def reaches(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(graph[start])
        while todo:
            if (n := todo.pop()) not in seen:
                seen.add(n)
                todo += graph[n]
        return seen

    cyclic = [n for n in graph if n in reaches(n)]

    assert cyclic == []


@pytest.mark.parametrize("name", list(modules()))
def test_every_outside_package_has_its_door(name: str) -> None:
    """Foreign packages come in by one door each."""
    for used in imports(modules()[name]):
        package = used.split(".")[0]
        if package in ("bot", "classifiers") or package in sys.stdlib_module_names:
            continue
        doors = DOORS.get(package, ())
        assert any(name == d or name.startswith(d + ".") for d in doors), (
            f"{name} imports {package}; its door is {doors}"
        )


def test_rules_are_data() -> None:
    """rules/ holds no Python."""
    assert list((ROOT / "rules").rglob("*.py")) == []


def test_only_demo_and_tests_know_the_stand_ins() -> None:
    """bot/local is imported by the command that starts the demo, and by nothing else of the bot."""
    users = {
        n for n, p in modules().items() if room(n) != "bot.local" and any(u.startswith("bot.local") for u in imports(p))
    }

    assert users <= {"bot.cli.service"}


def the_map() -> dict[str, int]:
    """README's map of the house: what stands left on each of its lines, from the top, by dotted name."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [
        line.strip() for line in readme.split("## The house")[1].split("\n## ")[0].splitlines() if line[:4] == " " * 4
    ]
    found: dict[str, int] = {}
    package = "bot"
    for number, line in enumerate(lines):
        if line.startswith("═"):
            package = "classifiers"
        elif not line.startswith("ground:"):
            inside = package
            for entry in line.split("  ")[0].split(" · "):
                if "/" in entry:
                    inside = f"{package}.{entry.split('/')[0]}"
                name = entry.split("/")[-1]
                dotted = f"{inside}.{name}" if name else inside
                assert dotted not in found, f"the map names {dotted} twice"
                found[dotted] = number
    return found


def mapped(name: str, told: dict[str, int]) -> int | None:
    """The line of a file, or of the room that stands for it."""
    parts = name.split(".")
    return next((told[n] for i in range(len(parts), 1, -1) if (n := ".".join(parts[:i])) in told), None)


def test_readmes_map_names_every_file_and_nothing_else() -> None:
    """Each file stands on the map, itself or with its room; what stands there is there."""
    told, known = the_map(), modules()
    holding_nothing = {"bot", "classifiers", "bot.mail", "bot.slack"}  # packages whose files are named one by one

    assert sorted(n for n in known if mapped(n, told) is None and n not in holding_nothing) == []
    assert sorted(set(told) - set(known)) == []


def test_readmes_map_is_in_order() -> None:
    """What a file imports stands on a lower line of the map, on the same or in the same room."""
    told = the_map()
    above = [
        f"{name} imports {used}"
        for name, path in modules().items()
        for used in imports(path)
        if (mine := mapped(name, told)) is not None and (its := mapped(used, told)) is not None and its < mine
        if room(name) is None or room(name) != room(used)
    ]

    assert above == []
