"""Plots as SVG that stands inside a page: no script, no outside resource, colours by the page's own style.

Every text that comes in is escaped here. Each plot has a title, named axes and a text alternative; where there is
nothing to draw, a sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from classifiers.text import printable

WIDTH = 360  # of every drawing, in its own units; the page scales it
LEFT, TOP, SIDE = 46, 12, 296  # of the square that curves are drawn in
LONGEST = 40  # characters of a name
MOST = 5000  # characters of any text


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point of a reliability curve, with its interval and how many reports it stands for."""

    x: float
    y: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A named length; `interval` makes a whisker, `note` stands at its end. `value` None: there was nothing to count."""

    name: str
    value: float | None
    note: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A field of a heat map: its number, its share of the row, and whether it is a mistake that must not happen."""

    n: int
    share: float
    grave: bool = False


def safe(text: str) -> str:
    """Text of anybody inside HTML: escaped, on one line, without control characters."""
    return escape(printable(text, MOST), quote=True)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{safe(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _figure(title: str, told: str, height: float, parts: Sequence[str]) -> str:
    inside = "".join(parts)
    return (
        f'<figure><figcaption>{safe(title)}</figcaption><svg role="img" aria-label="{safe(f"{title}. {told}")}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}">{inside}</svg></figure>'
    )


def _nothing(title: str, why: str) -> str:
    return f'<figure><figcaption>{safe(title)}</figcaption><p class="none">{safe(why)}</p></figure>'


# ------------------------------------------------------------------------------------------------ curves


def _across(x: float) -> float:
    return LEFT + SIDE * min(1.0, max(0.0, x))


def _up(y: float) -> float:
    return TOP + SIDE * (1 - min(1.0, max(0.0, y)))


def _axes(across: str, up: str) -> Iterator[str]:
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield _line(_across(tick), _up(0), _across(tick), _up(1), "grid")
        yield _line(_across(0), _up(tick), _across(1), _up(tick), "grid")
        yield _text(_across(tick), _up(0) + 15, f"{tick:g}", "tick", "middle")
        yield _text(_across(0) - 6, _up(tick) + 4, f"{tick:g}", "tick", "end")
    yield _text(_across(0.5), _up(0) + 32, across, "axis", "middle")
    yield f'<g transform="translate(12 {_up(0.5):.0f}) rotate(-90)">{_text(0, 0, up, "axis", "middle")}</g>'


def reliability_plot(title: str, across: str, dots: Sequence[Dot]) -> str:
    """Probability said against share that was true; on the dashed line both are equal. The counts stand below."""
    if not dots:
        return _nothing(title, "No report had such a probability.")
    parts = [
        *_axes(f"{across}; how many reports", "share that was true"),
        _line(_across(0), _up(0), _across(1), _up(1), "ideal"),
    ]
    parts += [_line(_across(d.x), _up(d.low), _across(d.x), _up(d.high), "whisker") for d in dots]
    path = " ".join(f"{_across(d.x):.1f},{_up(d.y):.1f}" for d in dots)
    parts.append(f'<polyline points="{path}" class="curve"/>')
    for i, d in enumerate(dots):
        parts.append(f'<circle cx="{_across(d.x):.1f}" cy="{_up(d.y):.1f}" r="4" class="dot"/>')
        # Two rows by turns: neighbours may stand close together.
        parts.append(_text(_across(d.x), _up(0) + 48 + 13 * (i % 2), f"{d.n}", "count", "middle"))
    told = "; ".join(f"said {d.x:.2f}, true {d.y:.2f}, {d.n} reports" for d in dots)
    return _figure(title, told, _up(0) + 68, parts)


def precision_recall_plot(
    title: str, points: Sequence[tuple[float, float]], operating: tuple[float, float] | None
) -> str:
    """Recall against precision for every threshold; a cross marks where the bot stands."""
    if not points and operating is None:
        return _nothing(title, "Nothing of this kind was among the reports.")
    parts = list(_axes("recall", "precision"))
    path = " ".join(f"{_across(x):.1f},{_up(y):.1f}" for x, y in points)
    parts.append(f'<polyline points="{path}" class="curve"/>')
    told = f"{len(points)} thresholds"
    if operating is not None:
        x, y = _across(operating[0]), _up(operating[1])
        parts += [_line(x - 7, y - 7, x + 7, y + 7, "mark"), _line(x - 7, y + 7, x + 7, y - 7, "mark")]
        told = f"operating point: precision {operating[1]:.2f}, recall {operating[0]:.2f}"
        parts.append(_text(_across(0.5), _up(0) + 50, f"✕ {told}", "count", "middle"))
    return _figure(title, told, _up(0) + 58, parts)


# ------------------------------------------------------------------------------------------------ the confusion table


def heat_map(title: str, rows: Sequence[tuple[str, Sequence[Cell]]], columns: Sequence[str]) -> str:
    """Rows: what reports are. Columns: what was said. A field's depth is its share of the row; its number stands in it."""
    if not rows:
        return _nothing(title, "There was no report.")
    left, top, tall = 92, 48, 40
    wide = (WIDTH - left - 4) / len(columns)
    parts = [_text(left - 8, 14, "is ↓  said →", "axis", "end")]
    for i, name in enumerate(columns):
        for line, word in enumerate(_two_lines(name)):
            parts.append(_text(left + wide * (i + 0.5), 26 + 13 * line, word, "tick", "middle"))
    for r, (name, cells) in enumerate(rows):
        y = top + tall * r
        parts.append(_text(left - 8, y + tall / 2 + 4, name, "tick", "end"))
        for i, cell in enumerate(cells):
            kind = "cell grave" if cell.grave and cell.n else "cell"
            x = left + wide * i
            parts.append(
                f'<rect x="{x + 1:.1f}" y="{y + 1}" width="{wide - 2:.1f}" height="{tall - 2}" rx="3" class="{kind}" '
                f'fill-opacity="{0.04 + 0.5 * cell.share:.2f}"/>'
            )
            parts.append(_text(x + wide / 2, y + tall / 2 + 5, f"{cell.n}", "number", "middle"))
    told = "; ".join(
        f"{name}: " + ", ".join(f"{c.n} said {said}" for c, said in zip(cells, columns, strict=True) if c.n)
        for name, cells in rows
    )
    return _figure(title, told, top + tall * len(rows) + 4, parts)


def _two_lines(name: str) -> tuple[str, str]:
    head, _, tail = name.rpartition(" ")
    return head, tail


# ------------------------------------------------------------------------------------------------ bars


def bars_plot(title: str, bars: Sequence[Bar], *, most: float = 1.0) -> str:
    """Horizontal bars; `most` is the length of a whole one. Whiskers span the intervals."""
    if not bars:
        return _nothing(title, "There is nothing to show.")
    parts = [part for i, bar in enumerate(bars) for part in _bar(bar, 4.0 + 32 * i, most)]
    return _figure(title, "; ".join(f"{b.name}: {b.note}" for b in bars), 8.0 + 32 * len(bars), parts)


def _bar(bar: Bar, y: float, most: float) -> Iterator[str]:
    """A line of words, and the bar below it: long names must not push it off a narrow screen."""
    yield _text(2, y + 11, _short(bar.name), "tick")
    yield _text(WIDTH - 2, y + 11, bar.note, "count", "end")
    yield f'<rect x="2" y="{y + 16:.1f}" width="{WIDTH - 4}" height="9" rx="2" class="track"/>'
    if bar.value is None or not math.isfinite(bar.value):
        return

    def long(value: float) -> float:
        return (WIDTH - 4) * min(1.0, max(0.0, value / most if most > 0 else 0.0))

    yield f'<rect x="2" y="{y + 16:.1f}" width="{long(bar.value):.1f}" height="9" rx="2" class="bar"/>'
    if bar.interval is not None:
        low, high = (2 + long(x) for x in bar.interval)
        middle = y + 20.5
        yield _line(low, middle, high, middle, "whisker")
        yield _line(low, middle - 5, low, middle + 5, "whisker")
        yield _line(high, middle - 5, high, middle + 5, "whisker")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
