"""The app's manifest: what Slack's published schema takes, the scopes that the calls need and no more, and what doctor makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.doctor import _look_at_slack
from bot.local.slack import LocalSlack
from bot.settings import Settings
from bot.slack.command import HELP, VERBS
from bot.slack.command import read as asked
from bot.slack.controls import SHORTCUT
from bot.slack.manifest import MANIFEST, OPTIONAL, SCOPES

ROOT = Path(__file__).parent.parent
CHANNEL = "C0TRIAGE"


def read(text: str) -> Any:
    """The few forms of YAML that the manifest is written in: maps, lists of texts or maps, plain and quoted scalars."""
    lines = [
        line.partition("  # ")[0].rstrip() for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]
    value, rest = _value(lines, 0)
    assert rest == len(lines)
    return value


def _value(lines: list[str], at: int) -> tuple[Any, int]:
    indent = len(lines[at]) - len(lines[at].lstrip())
    found: Any = [] if lines[at].lstrip().startswith("- ") else {}
    while at < len(lines) and len(lines[at]) - len(lines[at].lstrip()) == indent:
        line = lines[at].strip()
        if isinstance(found, list):
            assert line.startswith("- ")
            if re.match(r"- [a-z_]+: ", line):
                lines[at] = " " * (indent + 2) + line[2:]
                item, at = _value(lines, at)
            else:
                item, at = line[2:], at + 1
            found.append(item)
            continue
        key, _, scalar = line.partition(":")
        if scalar.strip():
            found[key], at = _scalar(scalar.strip()), at + 1
        else:
            found[key], at = _value(lines, at + 1)
    return found, at


def _scalar(text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if text.isdecimal() else text.strip('"')


# What Slack's schema 2.0.0 says of the fields that we write (slackapi/manifest-schema, read again in November 2026): a text with
# its most characters, a text of some, a number, a switch, a list of what. Anything else is refused there, and so here. The
# schema itself is no part of the project, so a field that Slack changes is not noticed by itself.
TEXT, NUMBER, SWITCH = str, int, bool
SHAPE: dict[str, Any] = {
    "_metadata": {"major_version": NUMBER, "minor_version": NUMBER},
    "display_information": {"name": (TEXT, 35), "description": (TEXT, 140), "background_color": (TEXT, 7)},
    "features": {
        "app_home": {"home_tab_enabled": SWITCH, "messages_tab_enabled": SWITCH},
        "bot_user": {"display_name": (TEXT, 80), "always_online": SWITCH},
        "slash_commands": [{"command": (TEXT, 32), "description": (TEXT, 2000), "usage_hint": (TEXT, 1000), "should_escape": SWITCH}],
        "shortcuts": [{"name": (TEXT, 24), "type": {"message", "global"}, "callback_id": (TEXT, 255), "description": (TEXT, 150)}],
    },
    "oauth_config": {"scopes": {"bot": [(TEXT, 50)], "bot_optional": [(TEXT, 50)]}},
    "settings": {
        "event_subscriptions": {"bot_events": [(TEXT, 50)]}, "interactivity": {"is_enabled": SWITCH},
        "org_deploy_enabled": SWITCH, "socket_mode_enabled": SWITCH, "token_rotation_enabled": SWITCH,
    },
}  # fmt: skip


NEEDED = {
    "display_information",
    "name",
    "display_name",
    "command",
    "type",
    "callback_id",
    "is_enabled",
}  # where they may stand


def wrong(value: Any, shape: Any, where: str) -> Iterator[str]:
    match shape:
        case dict():
            yield from (f"{where}.{k} is unknown" for k in value.keys() - shape.keys())
            yield from (f"{where}.{k} is missing" for k in shape.keys() & NEEDED - value.keys())
            for key in value.keys() & shape.keys():
                yield from wrong(value[key], shape[key], f"{where}.{key}")
        case [inner]:
            for n, item in enumerate(value):
                yield from wrong(item, inner, f"{where}.{n}")
        case set():
            if value not in shape:
                yield f"{where} is none of {shape}"
        case (kind, most):
            if not isinstance(value, kind) or not 0 < len(value) <= most:
                yield f"{where} is no text of at most {most} characters"
        case _:
            if type(value) is not shape:
                yield f"{where} is no {shape.__name__}"


def test_the_manifest_is_what_slacks_schema_takes() -> None:
    manifest = read(MANIFEST)

    assert list(wrong(manifest, SHAPE, "manifest")) == []
    assert manifest["features"]["slash_commands"][0]["command"] == "/triage"
    assert manifest["features"]["shortcuts"][0]["callback_id"] == SHORTCUT
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == ["app_home_opened"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("always_online", "allways_online"), ("name: Change the verdict", "name: " + "x" * 25), ("is_enabled: true", "is_enabled: yes"),
     ("type: message", "type: a message"), ("major_version: 2", "major_version: two"), ("  name: triage", "  long_name: triage"),
     ("      callback_id: triage_change_verdict\n", "")],
)  # fmt: skip
def test_a_slip_in_the_manifest_would_be_noticed(old: str, new: str) -> None:
    assert list(wrong(read(MANIFEST.replace(old, new)), SHAPE, "manifest")) != []


def test_the_commands_hint_names_all_that_it_takes() -> None:
    """And so does its help; each is read as what it is."""
    hint = read(MANIFEST)["features"]["slash_commands"][0]["usage_hint"]
    told = hint.split(" | ")

    assert {asked(entry.replace("ID", "9f2c51ab")).verb for entry in told} == {entry.split()[0] for entry in told}
    assert set(VERBS) | {"help"} == {entry.split()[0] for entry in told}
    assert all(f"`/triage {verb}" in HELP for verb in VERBS)


# Every method that we call, with the scopes of a bot token that it needs (docs.slack.dev/reference/methods).
NEEDS: dict[str, set[str]] = {
    "auth.test": set(), "apps.connections.open": set(), "views.open": set(), "views.publish": set(),
    "chat.postMessage": {"chat:write"}, "chat.update": {"chat:write"}, "chat.postEphemeral": {"chat:write"},
    "chat.delete": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history"},
    "conversations.replies": {"channels:history", "groups:history"},
    "usergroups.users.list": {"usergroups:read"},
}  # fmt: skip


def test_the_scopes_are_those_that_the_calls_need_and_no_more() -> None:
    """By the methods named in the door to Slack; besides them the command itself, and metadata, which find reads."""
    source = (ROOT / "bot/slack/client.py").read_text(encoding="utf-8")
    called = set(
        re.findall(
            r'"((?:auth|apps|views|chat|conversations|usergroups|users|reactions|files)\.[A-Za-z.]+[a-z])"', source
        )
    )

    assert called == NEEDS.keys()
    assert set(SCOPES) == set().union(*NEEDS.values()) | {"commands", "metadata.message:read"}
    scopes = read(MANIFEST)["oauth_config"]["scopes"]
    assert set(scopes["bot"]) == SCOPES.keys() - {OPTIONAL}
    assert scopes["bot_optional"] == [OPTIONAL]


# ------------------------------------------------------------------------------------------------ doctor


def rows(folder: Path, slack: LocalSlack, **more: object) -> list[str]:
    for name, text in (("bot", slack.token), ("app", slack.app_token)):
        (folder / name).write_text(text, encoding="utf-8")
    told = {"channel": CHANNEL, "base_url": slack.base_url, "bot_token": {"file": str(folder / "bot")}} | more
    account = {"host": "127.0.0.1", "user": "a", "password": {"env": "X"}}
    settings = Settings.model_validate({"accounts": [account], "slack": told})
    return [f"{row.state} {row.what}" for row in _look_at_slack(settings)]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("look:error:not_in_channel", "bad channel C0TRIAGE: Slack refused: not_in_channel: invite the bot to the channel: /invite @triage"),
        ("look:error:channel_not_found", "bad channel C0TRIAGE: Slack refused: channel_not_found: slack.channel must be the channel's id"),
    ],
)  # fmt: skip
def test_doctor_says_in_a_line_what_is_missing(tmp_path: Path, slack: LocalSlack, step: str, said: str) -> None:
    """Before the first card fails, and what to do."""
    slack.script(step)

    assert any(r.startswith(said) for r in rows(tmp_path, slack))


def test_doctor_says_who_may_press_and_which_scope_is_missing(tmp_path: Path, slack: LocalSlack) -> None:
    """A user group with its members; one that is none; scopes by what they are for; and nothing where all is well."""
    app = {"app_token": {"file": str(tmp_path / "app")}}
    group = {"allowed_groups": ["S0SECURITY"], **app}

    assert rows(tmp_path, slack, **group) == [
        "ok triage in Local", "ok channel C0TRIAGE: the bot is a member", "ok user group S0SECURITY: 2 may press",
        "ok Socket Mode opens; who may press: S0SECURITY",
    ]  # fmt: skip
    unknown = rows(tmp_path, slack, allowed_groups=["S0NOBODY"], **app)
    assert any(r.startswith("bad slack.allowed_groups: S0NOBODY: ") and "ids of user groups" in r for r in unknown)
    slack.scopes = frozenset({"chat:write", "commands"})
    told = rows(tmp_path, slack)
    assert (
        "warn scope channels:history is missing: needed to find a message again by its key when Slack's answer was lost (public channel)"
        in told
    )
    assert "warn scope groups:history is missing: needed to find it in a private channel too" in told
    assert not [r for r in told if "usergroups:read" in r]  # no group is named


def test_doctor_says_whether_the_line_opens(tmp_path: Path, slack: LocalSlack) -> None:
    """With the right token, with a bot token in its place, and without any."""
    right = rows(tmp_path, slack, app_token={"file": str(tmp_path / "app")}, allowed_users=["U0ANA"])
    wrong = rows(tmp_path, slack, app_token={"file": str(tmp_path / "bot")}, allowed_users=["U0ANA"])

    assert "ok Socket Mode opens; who may press: U0ANA" in right
    assert any(r.startswith("bad slack.app_token: ") and "xapp-" in r for r in wrong)
    assert not any("Socket Mode" in r for r in rows(tmp_path, slack))
