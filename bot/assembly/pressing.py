"""The line on which presses come in, and who answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.assembly.told import notifier
from bot.assembly.wiring import Wired
from bot.clock import now, steady

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.slack.socket import SlackSocket


def socket_of(settings: Settings, parts: Wired, told: Callable[[], None]) -> SlackSocket | None:
    """The line on which presses come in, and the desk where they arrive; None where no app token is configured."""
    slack = settings.slack
    if slack.app_token is None:
        return None
    from bot.allowed import Allowed
    from bot.commands import Commands
    from bot.desk import Desk
    from bot.reception import Reception
    from bot.slack.socket import SlackSocket
    from bot.slack.view import Tier

    slack.app_token.read()
    line = notifier(settings)
    desk = Desk(
        store=parts.store,
        worker=parts.worker,
        reception=Reception(
            store=parts.store,
            slack=line,
            allowed=Allowed(slack.allowed_users, slack.allowed_groups, line.members, now=now),
            channel=slack.channel,
            now=now,
        ),
        wording=parts.wording,
        known=tuple(parts.wording.titles),
        routes=parts.routes,
        tier=Tier(slack.tier),
        now=now,
        told=told,
    )
    commands = Commands(desk=desk, accounts=tuple(a.name for a in settings.accounts))
    return SlackSocket(
        app_token=slack.app_token.read,
        bot_token=slack.bot_token.read,
        base_url=slack.base_url,
        wrong=desk.wrong,
        take=commands.take,
        now=steady,
    )
