"""Slack's markup as HTML: marks, code, quotes, links, mentions, dates by the person's own clock. Pure but for that clock."""

from __future__ import annotations

import html
import re
import time
from datetime import date, timedelta

from bot.local.slack.pictures import pictured

_CONTROL = re.compile(r"(<[^<>\n]{1,3000}>)")
_CODE = re.compile(r"(`[^`\n]+`)")
_FENCE = "```"
_MARKS = (
    (re.compile(r"(?m)(^|[\s(>])\*([^*\n]{1,500})\*(?=$|[\s).,:;!?<])"), r"\1<b>\2</b>"),
    (re.compile(r"(?m)(^|[\s(>])_([^_\n]{1,500})_(?=$|[\s).,:;!?<])"), r"\1<i>\2</i>"),
    (re.compile(r"(?m)(^|[\s(>])~([^~\n]{1,500})~(?=$|[\s).,:;!?<])"), r"\1<s>\2</s>"),
)


def mrkdwn(text: str) -> str:
    """Slack's markup: marks, code, quotes, and what stands in angle brackets."""
    parts = text.split(_FENCE)
    if len(parts) % 2 == 0:  # the last is never closed: it marks nothing
        parts[-2:] = [_FENCE.join(parts[-2:])]
    drawn = (f"<pre>{_code(part.strip(chr(10)))}</pre>" if n % 2 else _lines(part) for n, part in enumerate(parts))
    return pictured("".join(drawn))


def _lines(text: str) -> str:
    lines: list[str] = []
    text = text.removeprefix("\n").removesuffix("\n")  # beside a block of code
    for line in text.split("\n"):
        quoted = line.startswith(("&gt; ", "> "))
        drawn = _marked(line.partition(" ")[2] if quoted else line)
        lines.append(f"<q>{drawn}</q>" if quoted else drawn + "<br>")
    return "".join(lines).removesuffix("<br>")


def _marked(text: str) -> str:
    parts = []
    for n, part in enumerate(_CODE.split(text)):
        if n % 2:
            parts.append(f"<code>{_code(part.strip('`'))}</code>")
            continue
        drawn = "".join(map(_piece, _CONTROL.split(part)))
        for pattern, mark in _MARKS:
            drawn = pattern.sub(mark, drawn)
        parts.append(drawn)
    return "".join(parts)


def _code(text: str) -> str:
    return "".join(map(_piece, _CONTROL.split(text)))


def _piece(text: str) -> str:
    """Plain text; or a link, a mention or a date in angle brackets."""
    if not _CONTROL.fullmatch(text):
        return html.escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    target, _, label = text[1:-1].partition("|")
    if target.startswith("!date^"):
        return html.escape(told(target, time.time()) or label)
    if target.startswith("!"):
        return f"<span class=mention>{html.escape(label or target)}</span>"
    if target.startswith(("@", "#")):
        return f"<span class=mention>{html.escape(label or target)}</span>"
    return f"<a rel=noreferrer>{html.escape(label or target)}</a>"


def told(target: str, now: float) -> str:
    """ "!date^1795442400^{date_short_pretty} {time}" as the person's own clock shows it; "" for a token not known here."""
    _, seconds, form, *_ = f"{target}^".split("^")
    at = time.localtime(int(seconds))
    known = {
        "{date_short_pretty}": _day(at, now, first=form.startswith("{date_short_pretty}")),
        "{time}": time.strftime("%H:%M", at),
        "{ago}": _ago(now - int(seconds)),
    }
    for token, value in known.items():
        form = form.replace(token, value)
    return "" if "{" in form else form


def _day(at: time.struct_time, now: float, *, first: bool) -> str:
    """Of the days about now their names, with a capital where the text begins."""
    day, today = date(*at[:3]), date(*time.localtime(now)[:3])
    near = {today - timedelta(1): "yesterday", today: "today", today + timedelta(1): "tomorrow"}.get(day)
    if near is None:
        return f"{time.strftime('%b', at)} {day.day}, {day.year}"
    return near.capitalize() if first else near


def _ago(seconds: float) -> str:
    minutes = max(0, int(seconds) // 60)
    count, unit = (
        (minutes, "minute") if minutes < 60 else (minutes // 60, "hour") if minutes < 2880 else (minutes // 1440, "day")
    )
    return f"{count} {unit}{'' if count == 1 else 's'} ago" if count else "just now"
