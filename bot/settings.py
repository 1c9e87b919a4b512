"""What is wished, as frozen values, checked as a whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, model_validator

from bot import DEFAULT_POLICY
from bot.accountsettings import Account
from bot.sections import Duration, Secret, Section, Size, loopback
from bot.slacksettings import Slack
from classifiers.errors import ConfigError, Problem

TERMINAL = "D0TERMINAL"  # the channel of cards that are told on a terminal


class PolicyChoice(Section):
    """Which policy reports are held against."""

    name: str = Field(
        default=DEFAULT_POLICY, pattern=r"^(?:[a-z0-9_-]{1,60}|.{1,1000}\.toml)$"
    )  # or a file of one's own
    rules: str = ""  # a folder of rule files; "": those that came with the bot


class Learning(Section):
    """What the model learns beside the corpus, and when."""

    retrain: Literal["", "weekly", "monthly"] = ""  # "": by hand alone
    correction_weight: float = Field(default=3.0, ge=1, le=100, strict=False)
    labelled: str = ""  # a folder of the team's own mail, sorted by label


class Replies(Section):
    """What is answered: a text is suggested, and laid into the mailbox as a draft where that is wished. Nothing is sent."""

    draft: bool = False
    folder: str = ""  # "": the mailbox's own folder for drafts
    sender: str = Field(default="", pattern=r"^([^@\s<>,;]{1,64}@[A-Za-z0-9.-]{1,255})?$")  # "": the account's user


class Auditing(Section):
    """How many would-be dismissals are asked blind."""

    share: float = Field(default=0.05, ge=0, le=1, strict=False)
    seed: Secret | None = None  # None: a file in the state folder, made at the first start


class State(Section):
    """What the bot remembers, and for how long."""

    folder: str = "var"
    url: str = ""  # a database; "": SQLite in the folder
    password: Secret | None = None  # of the database; None: it asks for none, or libpq finds it
    lease: Duration = timedelta(seconds=30)  # for how long a copy of the bot that is silent keeps its mailboxes
    keep_text: Duration = timedelta(days=90)
    keep_corrections: bool = True

    @property
    def shared(self) -> bool:
        """Whether several copies of the bot may use it at once."""
        return self.url.startswith("postgresql")

    @model_validator(mode="after")
    def _lasting(self) -> State:
        if not timedelta(seconds=2) <= self.lease <= timedelta(minutes=2):
            raise ValueError(
                "lease is from 2s to 2m: a copy renews it every second, and a dead one's work waits as long"
            )
        return self

    @model_validator(mode="after")
    def _safe(self) -> State:
        if self.shared:
            at = urlsplit(self.url)
            asked = parse_qs(at.query)
            if at.password is not None or "password" in asked:
                raise ValueError(
                    "url holds a password; write in password where it is read from, and take it out of url"
                )
            hosts = [at.hostname or "localhost", *asked.get("host", ())]
            near = all(loopback(host) or host.startswith("/") for host in hosts)
            if not near and asked.get("sslmode") not in (["verify-full"], ["verify-ca"]):
                raise ValueError("url to another machine needs a verified line: add ?sslmode=verify-full")
        return self


class Limits(Section):
    """What one mail may cost."""

    max_message: Size = 25 * 1000**2
    cpu: Duration = timedelta(seconds=5)
    wall: Duration = timedelta(seconds=15)
    memory: Size = 512 * 1000**2


class Watching(Section):
    """What others may see of the running bot, and when silence is told."""

    port: int = Field(default=0, ge=0, le=65535)  # on loopback; 0: none
    token: Secret | None = None
    silent_after: Duration = timedelta(minutes=15)

    @model_validator(mode="after")
    def _with_token(self) -> Watching:
        if bool(self.port) != (self.token is not None):
            raise ValueError("port and token belong together: whoever asks for figures has to know the token")
        return self


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Settings(Section):
    """The whole configuration."""

    accounts: tuple[Account, ...] = Field(strict=False, min_length=1)
    policy: PolicyChoice = PolicyChoice()
    model: Learning = Learning()
    slack: Slack = Slack(channel=TERMINAL, bot_token=Secret(env="SLACK_BOT_TOKEN"))  # no [slack]: cards on a terminal
    replies: Replies = Replies()
    audit: Auditing = Auditing()
    state: State = State()
    limits: Limits = Limits()
    watch: Watching = Watching()
    log: Log = Log()

    @property
    def tells_slack(self) -> bool:
        return self.slack.channel != TERMINAL

    @model_validator(mode="after")
    def _from_somebody(self) -> Settings:
        without = [a.name for a in self.accounts if "@" not in a.user]
        if self.replies.draft and not self.replies.sender and without:
            raise ValueError(
                f"replies.draft: the user of {', '.join(without)} is no address; say in replies.sender whom drafts are from"
            )
        return self

    @model_validator(mode="after")
    def _names(self) -> Settings:
        names = [a.name for a in self.accounts]
        if len(set(names)) != len(names):
            raise ValueError("two accounts have one name; give each its own")
        return self


def missing_secrets(settings: Settings) -> tuple[Problem, ...]:
    """The secrets that cannot be read now."""
    problems = []
    wanted = [(f"accounts.{a.name}.{name}", s) for a in settings.accounts for name, s in a.secrets.items()]
    wanted += [("slack.bot_token", settings.slack.bot_token)] if settings.tells_slack else []
    wanted += [("slack.app_token", settings.slack.app_token)] if settings.slack.app_token else []
    wanted += [("audit.seed", settings.audit.seed)] if settings.audit.seed else []
    wanted += [("watch.token", settings.watch.token)] if settings.watch.token else []
    wanted += [("state.password", settings.state.password)] if settings.state.password else []
    for key, secret in wanted:
        try:
            secret.read()
        except ConfigError as e:
            problems += [Problem(key, p.what) for p in e.problems]
    return tuple(problems)
