"""How often verdicts are right, counted on labelled reports; every rate with its interval."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from classifiers.errors import Problem, UserError
from classifiers.terms import DISMISSALS, Disposition

Z = 1.96  # two-sided 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A report and what people say it is."""

    id: str
    subject: str
    body: str
    disposition: Disposition
    categories: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the bot said of it."""

    disposition: Disposition
    categories: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its Wilson interval (E. B. Wilson, JASA 22, 1927)."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        if not self.whole:
            return (0.0, 1.0)
        n, p = self.whole, self.value
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return (max(0.0, middle - half), min(1.0, middle + half))

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:6.1%}  ({self.part} of {self.whole}; {low:.1%} to {high:.1%})" if self.whole else "   none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The figures."""

    rates: Mapping[str, Rate]
    table: Mapping[tuple[Disposition, Disposition], int]
    categories: Mapping[str, tuple[int, int, int]]  # hits, false alarms, misses
    dismissed: tuple[str, ...]  # ids of in-scope reports that were dismissed: the list that matters most

    @property
    def macro_f1(self) -> float:
        f1 = [2 * h / (2 * h + a + m) for h, a, m in self.categories.values() if h + a + m]
        return sum(f1) / len(f1) if f1 else math.nan

    def as_data(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "rates": {k: {"part": r.part, "whole": r.whole, "interval": r.interval} for k, r in self.rates.items()},
            "macro_f1": self.macro_f1,
            "table": [{"is": t.value, "said": s.value, "n": n} for (t, s), n in sorted(self.table.items())],
            "categories": {c: {"hits": h, "false_alarms": a, "misses": m} for c, (h, a, m) in self.categories.items()},
            "dismissed": list(self.dismissed),
        }

    def as_text(self) -> str:
        lines = [f"{name:22} {rate}" for name, rate in self.rates.items()]
        lines += [
            f"{'macro F1':22} {self.macro_f1:6.3f}",
            "",
            "is \\ said".ljust(16) + "".join(f"{d.value:>14}" for d in Disposition),
        ]
        for true in Disposition:
            row = [self.table.get((true, said), 0) for said in Disposition]
            if any(row):
                lines.append(f"{true.value:16}" + "".join(f"{n:14}" for n in row))
        lines.append("")
        for c, (h, a, m) in sorted(self.categories.items()):
            lines.append(f"{c:22} precision {Rate(h, h + a)}   recall {Rate(h, h + m)}")
        if self.dismissed:
            lines += ["", "dismissed although in scope: " + ", ".join(self.dismissed)]
        return "\n".join(lines)


def read_labelled(path: Path) -> Iterator[Item]:
    """Items of a .jsonl with id, subject, body, disposition, categories. Raises UserError naming every bad line."""
    problems: list[Problem] = []
    items: list[Item] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as e:
        raise UserError(f"{path} cannot be read: {e.strerror}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            items.append(
                Item(
                    id=str(data["id"]),
                    subject=str(data["subject"]),
                    body=str(data["body"]),
                    disposition=Disposition(data["disposition"]),
                    categories=frozenset(map(str, data["categories"])),
                )
            )
        except (ValueError, KeyError, TypeError) as e:
            what = f"lacks {e}" if isinstance(e, KeyError) else str(e)[:120]
            problems.append(Problem(f"{path.name} line {number}", what))
    if problems:
        raise UserError(*problems)
    return iter(items)


def as_mail(item: Item) -> bytes:
    """The item as a small plain mail."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
    mail["From"] = "Reporter <reporter@sender.example>"
    mail["Subject"] = " ".join(item.subject.split())[:400]
    mail.set_content("".join(c for c in item.body if c in "\n\t" or c >= " "), charset="utf-8", cte="base64")
    return mail.as_bytes()


def evaluate(items: Sequence[Item], answers: Sequence[Answer]) -> Evaluation:
    """Counts answers against labels; both in the same order."""
    table: Counter[tuple[Disposition, Disposition]] = Counter()
    hits: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    misses: Counter[str] = Counter()
    dismissed = []
    for item, answer in zip(items, answers, strict=True):
        table[item.disposition, answer.disposition] += 1
        hits.update(item.categories & answer.categories)
        alarms.update(answer.categories - item.categories)
        misses.update(item.categories - answer.categories)
        if item.disposition is Disposition.IN_SCOPE and answer.disposition in DISMISSALS:
            dismissed.append(item.id)

    def rate(true: Disposition, *said: Disposition) -> Rate:
        whole = sum(n for (t, _), n in table.items() if t is true)
        return Rate(sum(table[true, s] for s in said), whole)

    return Evaluation(
        rates={
            "false dismissals": rate(Disposition.IN_SCOPE, *DISMISSALS),
            "out-of-scope recall": rate(Disposition.OUT_OF_SCOPE, Disposition.OUT_OF_SCOPE),
            "not-a-report recall": rate(Disposition.NOT_A_REPORT, Disposition.NOT_A_REPORT),
            "review": Rate(sum(n for (_, s), n in table.items() if s is Disposition.NEEDS_REVIEW), len(items)),
        },
        table=table,
        categories={c: (hits[c], alarms[c], misses[c]) for c in sorted({*hits, *alarms, *misses})},
        dismissed=tuple(dismissed),
    )
