"""What can go wrong, as people meet it.

TriageError
├── UserError              somebody's file, option or setting: told as a list, no traceback
│   ├── ConfigError        config.toml                                   exit code 78
│   ├── RuleError          a rule, category or policy file               exit code 78
│   └── ModelError         a model or corpus file                        exit code 78
├── StoreError             the state folder or database                  exit code 75
│   └── StoreDamaged       only a person can mend it
├── MailboxError           the mail server, this time; try again later   exit code 69
│   ├── LoginRefused       the mail server said no to the login          exit code 77
│   ├── Throttled          it asks for less: wait longer than otherwise
│   └── FolderRefused      this folder cannot be read; the session goes on
└── NotifierError          Slack
    ├── NotSaid            surely not said: say it again when due
    └── MaybeSaid          nobody knows: look it up before it is said again
"""

from __future__ import annotations

from dataclasses import dataclass


class TriageError(Exception):
    """Anything this project raises on purpose."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person can mend: where it is, what is wrong, what to do."""

    where: str  # "config.toml line 9  accounts.host", "rules/categories/x.toml line 12"
    what: str

    def __str__(self) -> str:
        return f"{self.where}  {self.what}" if self.where else self.what


class UserError(TriageError):
    """A mistake that its maker can mend. Carries all the problems found, not the first."""

    exit_code = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(p if isinstance(p, Problem) else Problem("", p) for p in problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class ConfigError(UserError):
    """The configuration cannot be used."""

    exit_code = 78


class RuleError(UserError):
    """A rule, category or policy file cannot be used."""

    exit_code = 78


class ModelError(UserError):
    """A model or corpus file cannot be used."""

    exit_code = 78


class StoreError(TriageError):
    """What the bot remembers cannot be read or written right now."""

    exit_code = 75


class StoreDamaged(StoreError):
    """The database is damaged: trying again helps nothing, and nothing may be written to it any more."""


class MailboxError(TriageError):
    """The mail server cannot be used right now."""

    exit_code = 69


class LoginRefused(MailboxError):
    """The mail server refused user and password."""

    exit_code = 77


class Throttled(MailboxError):
    """The mail server asks for less: too many connections or commands. To be waited for longer than a broken line."""


class FolderRefused(MailboxError):
    """The server does not give this folder: it is gone, renamed or forbidden. Others can still be read in this session."""


class NotifierError(TriageError):
    """Slack did not take a notice."""


class NotSaid(NotifierError):
    """It was surely not said. `retry_after` in seconds where the other side named it; `final` where repeating is useless.

    `code` is the other side's word for it where it has one: "message_not_found".
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, final: bool = False, code: str = "") -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.final = final
        self.code = code


class MaybeSaid(NotifierError):
    """The request left and no answer came: it may have been said."""
