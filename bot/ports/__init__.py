"""What the bot asks of the world, and the values that pass through: a mailbox to read, a notifier to speak with.

Protocols stand here only where there are two keepers: ImapMailbox and a scripted one, SlackNotifier and a recording one.
"""

from bot.ports.acts import Act, ActKind, Mute, Outcome, Press
from bot.ports.context import RUNGS, Context, Trial
from bot.ports.mailbox import Cursor, FolderState, Mailbox, RawMessage
from bot.ports.notices import IN_THREAD, Card, NewNotice, Notice, NoticeKind, NoticeState, OnCard, Room
from bot.ports.notifier import Message, Notifier
from bot.ports.reports import KeptReport, Letterhead, NewReport, RecordedVerdict, VerdictKind

__all__ = [
    "IN_THREAD",
    "RUNGS",
    "Act",
    "ActKind",
    "Card",
    "Context",
    "Cursor",
    "FolderState",
    "KeptReport",
    "Letterhead",
    "Mailbox",
    "Message",
    "Mute",
    "NewNotice",
    "NewReport",
    "Notice",
    "NoticeKind",
    "NoticeState",
    "Notifier",
    "OnCard",
    "Outcome",
    "Press",
    "RawMessage",
    "RecordedVerdict",
    "Room",
    "Trial",
    "VerdictKind",
]
