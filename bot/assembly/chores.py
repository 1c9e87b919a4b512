"""What a bot does beside reading, judging and telling: reminding, the week told, filing, drafts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from bot.assembly.wiring import Wired
from bot.clock import now, steady

if TYPE_CHECKING:
    from bot.accounts import Accounts
    from bot.accountsettings import Account
    from bot.accountsettings import Filing as FilingWished
    from bot.drafting import Drawer
    from bot.filing import Cabinet
    from bot.reminding import Reminders
    from bot.settings import Replies, Settings
    from bot.store import Store
    from bot.weekly import Weekly


def reminders_of(settings: Settings, store: Store) -> Reminders | None:
    """The waiting clock of live reports; None where nobody is to be reminded."""
    from bot.reminding import Reminders

    slack = settings.slack
    if slack.remind_after is None:
        return None
    return Reminders(store=store, quiet=slack.routed.quiet, after=slack.remind_after, group=slack.remind_group, now=now)


def weekly_of(settings: Settings, parts: Wired) -> Weekly | None:
    """The weekly digest; None where none is wished."""
    from zoneinfo import ZoneInfo

    from bot.overview import overview
    from bot.weekly import Weekly

    slack, accounts = settings.slack, tuple(a.name for a in settings.accounts)
    if not slack.weekly_on or slack.digest_at is None:
        return None
    return Weekly(
        store=parts.store,
        wording=parts.wording,
        stands=lambda: overview(
            parts.store, parts.worker, parts.wording, routes=parts.routes, accounts=accounts, at=now()
        ),
        channel=slack.channel,
        day=slack.weekly_on,
        clock=slack.digest_at,
        zone=ZoneInfo(slack.timezone),
        now=now,
    )


def filing_of(
    settings: Settings, store: Store, accounts: Accounts, say: Callable[[str, str], object]
) -> Callable[[], None] | None:
    """What keeps mailboxes in order; None where that is not wished."""
    from bot.filing import Filing

    cabinets = {a.name: cabinet_of(a, a.filing, accounts) for a in settings.accounts if a.filing}
    return Filing(store, cabinets, now=now, steady=steady, say=say).tick if cabinets else None


def cabinet_of(account: Account, wished: FilingWished, accounts: Accounts) -> Cabinet:
    """An account's mailbox, to be kept in order."""
    from bot.filing import Cabinet
    from bot.mail.filing import FilingMailbox

    folders = {d.value: folder for d, folder in wished.folders.items()}
    return Cabinet(open=partial(accounts.session, FilingMailbox, account), mode=wished.mode, folders=folders)


def drafting_of(settings: Settings, parts: Wired, accounts: Accounts) -> Callable[[], None] | None:
    """What lays drafts of answers into the mailboxes; None where that is not wished."""
    if not settings.replies.draft:
        return None
    from bot.drafting import Drafting

    drawers = {a.name: drawer_of(a, settings.replies, accounts) for a in settings.accounts}
    return Drafting(store=parts.store, wording=parts.wording, drawers=drawers, now=now).tick


def drawer_of(account: Account, replies: Replies, accounts: Accounts) -> Drawer:
    """An account's mailbox as a place for drafts."""
    from bot.drafting import Drawer
    from bot.mail.drafts import DraftsMailbox

    return Drawer(
        open=partial(accounts.session, DraftsMailbox, account),
        folder=replies.folder,
        sender=replies.sender or account.user,
    )
