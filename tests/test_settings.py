"""The configuration: what it promises, and how it says what is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from test_cli import triage

from bot.accountsettings import Account, Filing, OAuth
from bot.configfile import find_file, load
from bot.sections import Secret
from bot.settings import (
    Auditing,
    Learning,
    Limits,
    Log,
    PolicyChoice,
    Replies,
    State,
    missing_secrets,
)
from bot.slacksettings import QuietHours, Routing, Slack
from classifiers.errors import ConfigError
from classifiers.terms import Disposition

ROOT = Path(__file__).parent.parent
LEAST = """
[[accounts]]
host = "imap.example.com"
user = "security@example.com"
password = { env = "A_PASSWORD" }

[slack]
channel = "C0123456789"
bot_token = { env = "A_TOKEN" }
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def told(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [str(p).removeprefix(str(path)).strip() for p in caught.value.problems]


def test_the_example_loads_and_shows_every_default() -> None:
    """config.example.toml is true: it loads, names every setting, and each value is the default."""
    path = ROOT / "config.example.toml"
    example = load(path)
    text = path.read_text(encoding="utf-8")

    for model in (
        Account,
        Filing,
        OAuth,
        PolicyChoice,
        Learning,
        Slack,
        QuietHours,
        Routing,
        Replies,
        Auditing,
        State,
        Limits,
        Log,
    ):
        for name in model.model_fields:
            assert f"{name} = " in text or f"[slack.{name}]" in text or f"[accounts.{name}]" in text, name
    least = {"host": "h", "user": "u", "password": Secret(env="X")}
    default = Account(**least)  # type: ignore[arg-type]
    changed = {
        "host",
        "user",
        "password",
        "folders",
        "ca_file",
    }  # CHANGE lines, and the one that says its default in words
    assert example.accounts[0].model_dump(exclude=changed) == default.model_dump(exclude=changed)
    assert example.audit == Auditing()
    assert example.replies == Replies()
    assert example.limits == Limits()
    assert example.model == Learning()
    assert example.log == Log()
    assert example.policy == PolicyChoice()
    assert example.state == State(folder=str(ROOT / "var"))
    bare = Slack(channel="C1", bot_token=Secret(env="X"))
    assert example.slack.model_dump(exclude={"channel", "bot_token"}) == bare.model_dump(
        exclude={"channel", "bot_token"}
    )


def test_the_least_configuration_is_two_tables(tmp_path: Path) -> None:
    """Host, user, password, channel and token are all that must be said."""
    settings = load(written(tmp_path, LEAST))

    assert settings.accounts[0].folders == ("INBOX",)
    assert settings.accounts[0].start is None
    assert settings.state.folder == str(tmp_path / "var")


def test_all_problems_are_told_at_once_with_line_and_near_name(tmp_path: Path) -> None:
    """One run of `check` shows everything there is to mend."""
    text = LEAST.replace('host = "imap.example.com"', 'hots = "imap.example.com"\nport = "993"\ntls = "implict"')
    problems = told(written(tmp_path, text + '\n[limits]\ncpu = "fast"\n[loging]\nlevel = "info"\n'))

    assert problems == [
        "line 2  accounts.1.host  is missing; this setting has no default",
        "line 4  accounts.1.port  Input should be a valid integer",
        "line 5  accounts.1.tls  is not one of 'implicit', 'starttls' or 'none'",
        "line 3  accounts.1.hots  no such setting; did you mean host?",
        'line 14  limits.cpu  is no duration; write a number and s, m, h or d: "90s", "30d"',
        "line 15  loging  no such setting; did you mean log?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('{ env = "A_TOKEN" }', '"xoxb-1"', "slack.bot_token"),  # a value where a reference belongs
        ('{ env = "A_TOKEN" }', "{ }", "names one place to read it from"),
        ('"C0123456789"', '"#security"', "slack.channel"),  # a name instead of an id
        ('user = "security@example.com"', 'user = "x"\ntls = "none"', "loopback only"),
        ('user = "security@example.com"', 'user = "x"\nfolders = []', "folders"),
        ('password = { env = "A_PASSWORD" }', "", "one way to log in"),
        ('password = { env = "A_PASSWORD" }', 'password = { env = "X" }\noauth = { token = { env = "X" } }', "one way to log in"),
        ('password = { env = "A_PASSWORD" }', "oauth = { }", "needs token"),
        ('user = "security@example.com"', 'user = "x"\nfiling = { mode = "move" }', "needs folders"),
        ('user = "security@example.com"', 'user = "x"\nfiling = { mode = "delete" }', "accounts.1.filing.mode"),
        ('user = "security@example.com"', 'user = "x"\nfiling = { mode = "move", folders = { spam = "x" } }', "accounts.1.filing.folders"),
        ('password = { env = "A_PASSWORD" }', 'oauth = { token_url = "https://a.example/" }', "needs client_id"),
        ('password = { env = "A_PASSWORD" }', 'oauth = { token_url = "http://a.example/", client_id = "x", client_secret = { env = "X" } }', "for loopback only"),
        ('"C0123456789"', '"C0123456789"\nbase_url = "http://slack.example/api/"', "without TLS is for loopback only"),
        ('"C0123456789"', '"C0123456789"\ntimezone = "Mars/Olympus"', "is no time zone"),
        ('"C0123456789"', '"C0123456789"\ndigest_at = "25:00"', "is no time of day"),
        ('"C0123456789"', '"C0123456789"\napp_token = { env = "X" }', "nobody may press"),  # buttons for no one
        ('"C0123456789"', '"C0123456789"\nallowed_users = ["@ana"]', "allowed_users"),  # a name instead of an id
        ('"C0123456789"', '"C0123456789"\nallowed_groups = ["U0123"]', "allowed_groups"),  # a person's id
        ('"C0123456789"', '"C0123456789"\nquiet = { hours = "19:00" }', "is no span of hours"),
        ('"C0123456789"', '"C0123456789"\nquiet = { days = ["saturday"] }', "slack.quiet.days"),
        ('"C0123456789"', '"C0123456789"\nquiet = { days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] }', "slack.quiet.days"),
        ('"C0123456789"', '"C0123456789"\nroutes = { in_scope = "digest" }', "slack.routes.in_scope"),  # live: a card
        ('"C0123456789"', '"C0123456789"\nroutes = { outofscope = "digest" }', "did you mean out_of_scope?"),
        ('"C0123456789"', '"C0123456789"\nroutes = { categories = { x = "" } }', "slack.routes.categories.x"),
        ("[slack]", '[state]\nurl = "postgresql+psycopg://u:xoxb@localhost/t"\n[slack]', "holds a password"),
        ("[slack]", '[state]\nurl = "postgresql+psycopg://u@localhost/t?password=xoxb"\n[slack]', "holds a password"),
        ("[slack]", '[state]\nurl = "postgresql+psycopg://u@db.example/t"\n[slack]', "sslmode=verify-full"),
        ("[slack]", '[state]\nurl = "postgresql+psycopg://u@db.example/t?sslmode=require"\n[slack]', "sslmode=verify-full"),
        ("[slack]", '[state]\nurl = "postgresql+psycopg:///t?host=db.example"\n[slack]', "sslmode=verify-full"),
        ("[slack]", "[watch]\nport = 9177\n[slack]", "has to know the token"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_with_a_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """Each wrong value says where it is and what would be right."""
    problems = told(written(tmp_path, LEAST.replace(old, new)))

    assert len(problems) == 1
    assert sentence in problems[0]
    assert "xoxb" not in problems[0]


def test_a_routed_category_that_there_is_not_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `check`, and before the bot starts: its reports would go where nobody meant."""
    monkeypatch.setenv("A_PASSWORD", "x")
    monkeypatch.setenv("A_TOKEN", "x")
    config = written(tmp_path, LEAST + 'routes = { categories = { spff = "digest" } }\n')
    for command in ("check", "once"):
        said = triage(command, "--config", config)
        assert (said.returncode, "there is no category spff" in said.stderr) == (78, True)


def test_a_table_within_an_account_is_found_by_its_line(tmp_path: Path) -> None:
    """[accounts.oauth] belongs to the account above it."""
    text = LEAST.replace('password = { env = "A_PASSWORD" }', '[accounts.oauth]\ntoken = { env = "X" }\nscop = ""')

    assert told(written(tmp_path, text)) == ["line 7  accounts.1.oauth.scop  no such setting; did you mean scope?"]


def test_folders_are_named_by_disposition(tmp_path: Path) -> None:
    """For filing by folders."""
    filing = 'filing = { mode = "move", folders = { out_of_scope = "Triage/Out" } }'
    (account,) = load(written(tmp_path, LEAST.replace("[slack]", filing + "\n[slack]"))).accounts

    assert account.filing is not None
    assert account.filing.folders == {Disposition.OUT_OF_SCOPE: "Triage/Out"}


def test_two_accounts_of_one_name_are_refused(tmp_path: Path) -> None:
    """Reports are kept per account; a name must mean one."""
    account = LEAST.split("[slack]", maxsplit=1)[0]

    assert "two accounts have one name" in told(written(tmp_path, account + LEAST))[0]


def test_secrets_are_read_from_environment_file_and_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three ways to keep a secret out of the configuration."""
    monkeypatch.setenv("A_PASSWORD", "one")
    (tmp_path / "s").write_text("two\n", encoding="utf-8")

    assert Secret(env="A_PASSWORD").read() == "one"
    assert Secret(file=str(tmp_path / "s")).read() == "two"
    assert Secret(command=("printf", r"three\nfour")).read() == "three"


def test_missing_secrets_are_named_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` says which secret is not there."""
    monkeypatch.delenv("A_PASSWORD", raising=False)
    monkeypatch.setenv("A_TOKEN", "xoxb-secret")
    monkeypatch.delenv("AN_APP_TOKEN", raising=False)
    problems = missing_secrets(load(written(tmp_path, LEAST)))

    assert [str(p) for p in problems] == [
        "accounts.security.password  environment variable A_PASSWORD is not set or empty"
    ]


def test_broken_toml_and_a_missing_file_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback for what is not there or not TOML."""
    assert "is not valid TOML" in told(written(tmp_path, "[slack"))[0]
    assert "cannot be read: No such file or directory" in told(tmp_path / "none.toml")[0]
    monkeypatch.chdir(tmp_path / "..")
    monkeypatch.delenv("TRIAGE_CONFIG", raising=False)
    with pytest.raises(ConfigError, match=r"Copy config.example.toml"):
        find_file(None)


def test_start_goes_back_by_a_duration(tmp_path: Path) -> None:
    """ "30d" reads the last thirty days too."""
    text = LEAST.replace('user = "security@example.com"', 'user = "x"\nstart = "30d"')

    assert load(written(tmp_path, text)).accounts[0].start == timedelta(days=30)
