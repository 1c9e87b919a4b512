"""How everything is: connects to what is configured, says what it found, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.accounts import Accounts
from bot.assembly import cabinet_of, drawer_of, notifier, open_store, routes_of, usable_model, worker_of
from classifiers.errors import MailboxError, NotifierError, NotSaid, TriageError, UserError

if TYPE_CHECKING:
    from bot.accountsettings import Account
    from bot.drafting import Drawer
    from bot.filing import Cabinet
    from bot.sections import Secret
    from bot.settings import Settings
    from bot.slack.client import SlackNotifier


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `doctor`."""

    part: str
    state: str  # ok, warn, bad
    what: str
    exit_code: int = 0


def examine(settings: Settings) -> list[Row]:
    """Connects to everything and says how it is; changes nothing."""
    rows = [_look_at_store(settings), _look_at_rules(settings)]
    accounts = Accounts(settings)
    rows += [row for account in settings.accounts for row in _look_at_account(account, settings, accounts)]
    return rows + _look_at_slack(settings)


def _look_at_store(settings: Settings) -> Row:
    try:
        with open_store(settings) as store:
            counts = store.counts()
    except TriageError as e:
        return Row("state", "bad", str(e), e.exit_code)
    return Row("state", "ok", f"{settings.state.url or settings.state.folder}; {counts.get('reports', 0)} reports")


def _look_at_rules(settings: Settings) -> Row:
    try:
        with worker_of(settings) as worker:
            v = worker.versions
    except TriageError as e:
        return Row("judging", "bad", str(e), e.exit_code)
    told = f"policy {settings.policy.name} {v.policy}; rules {v.rules}; model {v.model}"
    if wrong := usable_model(settings)[1]:
        return Row("judging", "warn", f"{told}, the one that came with triage: {wrong}")
    return Row("judging", "ok", told)


def _look_at_account(account: Account, settings: Settings, accounts: Accounts) -> list[Row]:
    name = f"mail {account.name}"
    box = accounts.mailbox(account)
    try:
        box.connect()
        facts = box.describe()
        rows = [Row(name, "ok", f"{account.host}:{account.port}; " + "; ".join(f"{k}: {v}" for k, v in facts.items()))]
        if settings.replies.draft:
            rows.append(_look_for_drafts(name, drawer_of(account, settings.replies, accounts)))
        if account.filing is not None:
            rows.append(_look_at_filing(name, account, cabinet_of(account, account.filing, accounts)))
        for folder in account.folders:
            try:
                state = box.examine(folder)
                rows.append(
                    Row(name, "ok", f"folder {folder}: uidvalidity {state.uidvalidity}, next uid {state.uidnext}")
                )
            except MailboxError as e:
                rows.append(Row(name, "bad", str(e), e.exit_code))
    except TriageError as e:
        return [Row(name, "bad", str(e), e.exit_code)]
    else:
        return rows
    finally:
        box.close()


def _look_at_filing(name: str, account: Account, cabinet: Cabinet) -> Row:
    box = cabinet.open()
    try:
        box.connect()
        box.can_file(account.folders[0], cabinet.mode, tuple(cabinet.folders.values()))
    except MailboxError as e:
        return Row(name, "bad", f"filing: {e}", e.exit_code)
    finally:
        box.close()
    return Row(name, "ok", f"filing by {cabinet.mode}")


def _look_for_drafts(name: str, drawer: Drawer) -> Row:
    box = drawer.open()
    try:
        box.connect()
        box.examine(folder := box.drafts(drawer.folder))
    except MailboxError as e:
        return Row(name, "bad", f"drafts: {e}", e.exit_code)
    finally:
        box.close()
    return Row(name, "ok", f"drafts go to {folder}, from {drawer.sender}")


def _look_at_slack(settings: Settings) -> list[Row]:
    from bot.slack.manifest import OPTIONAL, SCOPES

    if not settings.tells_slack:
        return [Row("slack", "warn", "there is no [slack]; `triage run --to terminal` tells cards without one")]
    try:
        slack = notifier(settings)
        who = slack.whoami()
        scopes = slack.scopes()
    except (NotifierError, UserError) as e:
        return [Row("slack", "bad", str(e), 69)]
    rows = [Row("slack", "ok", who)]
    rows += [_look_into(slack, channel) for channel in sorted(routes_of(settings).channels)]
    rows += [_look_at_group(slack, group) for group in settings.slack.allowed_groups]
    if settings.slack.app_token is not None:
        rows.append(_look_at_line(settings, settings.slack.app_token))
    else:
        rows.append(Row("slack", "ok", "no slack.app_token: cards without buttons, and nothing answers /triage"))
    wanted = [s for s in SCOPES if s != OPTIONAL or settings.slack.allowed_groups]
    missing = [s for s in wanted if scopes is not None and s not in scopes]
    if scopes is None:
        rows.append(Row("slack", "warn", "Slack did not say which scopes the token has"))
    rows += [
        Row("slack", "bad" if s == "chat:write" else "warn", f"scope {s} is missing: needed to {SCOPES[s]}")
        for s in missing
    ]
    return rows


def _look_into(slack: SlackNotifier, channel: str) -> Row:
    try:
        slack.looks_into(channel)
    except NotifierError as e:
        scopeless = isinstance(e, NotSaid) and e.code == "missing_scope"  # has a line of its own
        return Row("slack", "warn" if scopeless else "bad", f"channel {channel}: {e}", 0 if scopeless else 69)
    return Row("slack", "ok", f"channel {channel}: the bot is a member")


def _look_at_group(slack: SlackNotifier, group: str) -> Row:
    try:
        members = slack.members(group)
    except NotifierError as e:
        return Row("slack", "bad", f"slack.allowed_groups: {group}: {e}; until then its members may not press", 69)
    return Row("slack", "ok", f"user group {group}: {len(members)} may press")


def _look_at_line(settings: Settings, app_token: Secret) -> Row:
    from bot.slack.client import SlackNotifier

    slack = settings.slack
    try:
        SlackNotifier(
            token=app_token.read, base_url=slack.base_url, timeout=slack.timeout.total_seconds()
        ).opens_a_line()
    except (NotifierError, UserError) as e:
        return Row("slack", "bad", f"slack.app_token: {e}; without it nobody's press arrives", 69)
    may = ", ".join((*slack.allowed_users, *slack.allowed_groups))
    return Row("slack", "ok", f"Socket Mode opens; who may press: {may}")
