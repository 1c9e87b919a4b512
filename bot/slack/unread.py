"""What a card says of a mail that nothing could read: the safe facts, in which no word of it had a part. Pure."""

from __future__ import annotations

from bot.slack.shown import escaped
from bot.slack.view import CardView

TITLE = "Cannot be read"
_WHY = {
    "attempts": "it ended the bot, or was purged, before it could be judged",
    "cpu": "it took too much time",
    "memory": "it took too much memory",
    "wall": "it took too much time",
}


def safe_facts(view: CardView) -> str:
    """Why it was not read, where it lies and how large it is."""
    why = next((d.partition(":")[2] for d in view.verdict.defects if d.startswith("unreadable:")), "")
    return (
        f"Nothing of this mail could be read: {_WHY.get(why, 'it broke the judging process')}. A person must look.\n"
        f"Read it in the mailbox (folder {escaped(view.folder)}, {view.size:,} bytes), or: `triage show {view.report} --raw`"
    )
