"""What people teach the model: their corrections and their own labelled mail made examples, and the model made of them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from bot.evaluating import find
from bot.ports import KeptReport, RecordedVerdict, VerdictKind
from bot.store import Store
from bot.tasks import Task
from bot.worker import Worker
from classifiers.errors import ModelError, UserError
from classifiers.examples import Example, Origin, Said, without_repeats
from classifiers.learned import Learned
from classifiers.reportcard import FEWEST, ReportCard, moved, worse
from classifiers.rulebook import Rulebook
from classifiers.terms import Disposition
from classifiers.text import printable

SEED = 20261124  # of the folds
_BARE = (Disposition.INCOMPLETE, Disposition.NOT_A_REPORT)  # of these, no category is an answer too

UNSURE = "needs_review is nothing to learn"
UNREAD = "could not be read, or holds no words"
UNKNOWN = "names a category that the rules do not have"
REPEATED = "says what a text of the corpus, a correction or an earlier one says"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Examples beside the corpus, and what was left out of them: why, and how many."""

    examples: tuple[Example, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a training came to."""

    card: ReportCard
    version: str  # of the new model
    corrections: Gathered
    labelled: Gathered
    in_use: Mapping[str, Any]  # the card of the model it was held against; empty where there is none to read
    refused: tuple[str, ...]  # what it does worse, so that the model in use is kept; () where it was taken

    @property
    def rare(self) -> dict[str, int]:
        """The labels of which the team's own mail has too few to teach much."""
        own = Counter(label for e in self.labelled.examples for label in (e.disposition, *e.categories))
        return {label: n for label, n in sorted(own.items()) if n < FEWEST}

    def as_data(self, *, verbose: bool = False) -> dict[str, Any]:
        """What `triage model train --json` prints. Of mail no word; people's reasons only where they are asked for."""
        data = self.card.as_data() | {
            "schema": 1, "model": self.version, "taken": not self.refused, "refused": list(self.refused),
            "corrections": self.card.corrections, "labelled": self.card.labelled,
            "changed": {m.name: {"before": m.before, "after": m.after} for m in moved(self.card, self.in_use)},
            "left_out": {"corrections": dict(self.corrections.left_out), "labelled": dict(self.labelled.left_out)},
            "rare": self.rare,
        }  # fmt: skip
        if verbose:
            data["corrected"] = [
                {"report": s.report, "label": e.label, "weight": e.weight, "by": s.by, "at": s.at.isoformat(), "reason": s.reason}
                for e in self.corrections.examples if (s := e.said)
            ]  # fmt: skip
        return data

    def as_text(self, *, verbose: bool = False) -> str:
        """The same for people."""
        entered = [f"{len(self.corrections.examples)} corrections", f"{len(self.labelled.examples)} of your own mail"]
        lines = [self.card.as_text(), f"Beside the corpus: {' and '.join(entered)}."]
        lines += [
            f"  left out of {what}: {n} ({why})"
            for what, gathered in (("corrections", self.corrections), ("your own mail", self.labelled))
            for why, n in gathered.left_out.items()
        ]
        lines += [
            f"  {label}: {n} of your own mail; fewer than {FEWEST} teach little" for label, n in self.rare.items()
        ]
        if verbose:
            lines += [f"  {told(e)}" for e in self.corrections.examples]
        if self.card.on_own:
            own = self.card.on_own
            lines.append(
                f"On corrections and your own mail, cross-validated: false dismissals {own['false_dismissal']:.1%}   "
                f"out-of-scope recall {own['recall']:.1%}   to a person {own['review']:.1%}"
            )
        lines.append("On the corpus, the model in use → the new one:")
        lines += [f"  {m}" for m in moved(self.card, self.in_use)]
        return "\n".join(lines)


def told(example: Example) -> str:
    """A correction on one line: which report, what it was called, by whom, when, why."""
    s = example.said
    assert s is not None
    return _line(s.report, s.at, s.by, example.label, s.reason)


def _line(report: str, at: datetime, by: str, label: str, reason: str) -> str:
    why = f": {printable(reason, 300)}" if reason else ""
    return f"{report}  {at:%Y-%m-%d}  {printable(by)}  {label}{why}"


# ------------------------------------------------------------------------------------------------ gathering


def corrections(store: Store, worker: Worker, known: Collection[str], weight: float) -> Gathered:
    """People's verdicts that hold and whose text is still here, each with its reason. Never a verdict of the bot's.

    The same mail in two accounts is one example: the later word on it counts.
    """
    latest: dict[str, tuple[KeptReport, RecordedVerdict, Task]] = {}
    for report, recorded, mail in store.corrections():
        before = latest.get(report.key)
        if before is None or before[1].decided_at <= recorded.decided_at:
            latest[report.key] = report, recorded, Task(raw=mail.raw, size=mail.size, truncated=mail.truncated)
    found: list[Example] = []
    left_out: Counter[str] = Counter()
    for report, recorded, task in latest.values():
        label = Label(recorded.verdict.disposition, tuple(f.category for f in recorded.verdict.categories))
        words = worker.own_words(task)
        if why := _why_not(label, words, known):
            left_out[why] += 1
            continue
        said = Said(
            report=report.short,
            by=recorded.decided_by.removeprefix("person:"),
            at=recorded.decided_at,
            reason=recorded.reason,
        )
        made = _example(f"correction-{report.short}", words, label, Origin.CORRECTION)
        found.append(replace(made, weight=weight, said=said))
    return Gathered(examples=tuple(found), left_out=left_out)


def labelled(path: Path, worker: Worker, known: Collection[str], beside: Sequence[Example]) -> Gathered:
    """A team's own mail, read as `triage evaluate` reads it; what says again what `beside` says is left out.

    Raises UserError naming everything that cannot be read, by file and line.
    """
    found: dict[str, Example] = {}
    left_out: Counter[str] = Counter()
    for item, task in ((one.item, one.task) for one in find(path, known)):
        label = Label(item.disposition, tuple(sorted(item.categories)))
        # A line of JSON says its words itself, as the corpus does; a mail has to be read.
        words = (item.subject, item.body) if item.subject or item.body else worker.own_words(task)
        if why := _why_not(label, words, known):
            left_out[why] += 1
            continue
        digest = hashlib.sha256(f"{words}\n{label}".encode("utf-8", "replace")).hexdigest()[:16]
        left_out[REPEATED] += digest in found
        found.setdefault(digest, _example(f"labelled-{digest}", words, label, Origin.LABELLED))
    kept = without_repeats(beside, found.values())
    left_out[REPEATED] += len(found) - len(kept)
    return Gathered(examples=tuple(kept), left_out={why: n for why, n in left_out.items() if n})


class Label(NamedTuple):
    """What somebody called a mail."""

    disposition: Disposition
    categories: tuple[str, ...]


def _why_not(label: Label, words: tuple[str, str] | None, known: Collection[str]) -> str:
    """Why nothing can be learned from a mail, or ""."""
    if label.disposition is Disposition.NEEDS_REVIEW:
        return UNSURE
    if not set(label.categories) <= set(known):
        return UNKNOWN
    return "" if words and "".join(words).strip() else UNREAD


def _example(name: str, words: tuple[str, str] | None, label: Label, origin: Origin) -> Example:
    assert words is not None
    return Example(
        id=name, subject=words[0], body=words[1], disposition=label.disposition.value, categories=label.categories,
        says_categories=bool(label.categories) or label.disposition in _BARE, origin=origin,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ learning


def learn(
    corpus: Sequence[Example],
    corrected: Gathered,
    own: Gathered,
    rulebook: Rulebook,
    *,
    in_use: Path,
    target: Path,
    shipped: Path | None = None,
    whatever: bool = False,
) -> Lesson:
    """Trains on all three and writes the model in one step, unless it does worse than the one in use.

    Held-out figures on the corpus decide that, which both models can be held to. `shipped` is held against it too: a little
    worse every week would be much worse in a year. `whatever`: it is written anyway.
    """
    from classifiers.training import train

    learned, card = train([*corpus, *corrected.examples, *own.examples], rulebook, seed=SEED)
    try:
        before = Learned.load(in_use).card
    except ModelError:  # one that cannot be read is replaced by any
        before = {}
    refused = () if whatever else worse(card, before)
    if shipped is not None and not whatever:
        refused = refused or worse(card, Learned.load(shipped).card)
    version = ""
    if not refused:
        fresh = target.with_name(f"{target.name}.{os.getpid()}.new")
        learned.save(fresh, card.as_data())
        version = Learned.load(fresh).version
        os.replace(fresh, target)  # noqa: PTH105  one step: a reader sees the old model or the new one
    return Lesson(
        card=card, version=version, corrections=corrected, labelled=own, in_use=before, refused=refused
    )  # fmt: skip


def learned_words(store: Store, ids: Collection[str]) -> list[str]:
    """What people said of the reports that a model learned from, a line each; and what was taken back since."""
    lines = []
    for name in sorted(ids):
        try:
            report = store.find(name)
        except UserError:
            lines.append(f"{name}  is not in this state folder")
            continue
        said = [h for h in store.history(report.id) if h.kind is VerdictKind.PERSON]
        for h in said[-1:]:
            label = "+".join((h.verdict.disposition.value, *(f.category for f in h.verdict.categories)))
            back = " (taken back since)" if h.undone_by is not None else ""
            lines.append(_line(name, h.decided_at, h.decided_by.removeprefix("person:"), label, h.reason) + back)
    return lines
