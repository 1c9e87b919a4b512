"""What is asked of the judging process, and what comes of it: values, no process."""

from __future__ import annotations

from dataclasses import dataclass

from bot.ports import Letterhead
from bot.precedent import Traces
from classifiers.terms import Disposition, Opinion, Verdict, Versions, report_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One mail to judge."""

    raw: bytes
    size: int
    truncated: bool = False
    rung: int = 1
    key: str = ""  # where it is known already; else it is made of the bytes
    traced: bool = True  # what it is recognised by later is wanted too: not where nothing is kept
    closely: bool = False  # the model's opinion and the report's text are wanted too, to measure

    def made_key(self) -> str:
        """The report's key, by the bytes."""
        return report_key(self.raw, size=self.size, truncated=self.truncated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of it. `broken` says why nothing better than the safe facts could be had: "crash", "wall", "cpu" …"""

    verdict: Verdict
    letterhead: Letterhead
    broken: str = ""
    traces: Traces | None = None  # None: what could not be read leaves none, nor what was not asked for
    opinion: Opinion | None = None  # where the task said `closely`
    text: str = ""  # likewise: how the report begins


def unreadable(key: str, why: str, policy: str, versions: Versions | None) -> Verdict:
    """The verdict on a mail that nothing could read: a person must look. Made of facts that need no parsing."""
    return Verdict(
        report=key,
        disposition=Disposition.NEEDS_REVIEW,
        confidence=1.0,
        why="this mail could not be read; look at it in the mailbox",
        defects=(f"unreadable:{why}",),
        policy=policy,
        versions=versions or Versions(rules="", model="", policy=""),
    )
