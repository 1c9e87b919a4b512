"""Splits plain text into the sender's own words, quoted ones and forwarded ones: marked, never removed.

A pasted request ("> GET / HTTP/1.1"), a prompt (">>> import os") and a payload ('"><script>') begin like a quotation and
are none; a proof of concept may hold mail headers. Where the signs are weak, text stays the sender's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from classifiers.terms import Place

Segment = tuple[Place, str]

LINES = 20_000  # that are looked at

_FORWARD = re.compile(
    r"\s{0,3}(?:-{3,20} ?(?:Forwarded message|Weitergeleitete Nachricht|Message transf[eé]r[eé]|Mensaje reenviado|Mensagem encaminhada|"
    r"Messaggio inoltrato|Doorgestuurd bericht) ?(?:from .{1,200})?-{3,20}|Begin forwarded message:|Anfang der weitergeleiteten Nachricht:)\s*$",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"\s{0,3}(?:-{3,20} ?(?:Original Message|Original Appointment|Urspr(?:ü|ue)ngliche Nachricht|Message d'origine|Mensaje original|Mensagem original|"
    r"Messaggio originale|Oorspronkelijk bericht|原始邮件|Исходное сообщение) ?-{3,20})\s*$",
    re.IGNORECASE,
)
_DIVIDER = re.compile(r"\s{0,3}_{20,100}\s*$")
_FROM = re.compile(r"\s{0,3}\*?(?:From|Von|De|Da|Van|От|发件人)\s?:\*? ?\S", re.IGNORECASE)
_SENT = re.compile(
    r"\s{0,3}\*?(?:Sent|Gesendet|Envoyé|Enviado|Inviato|Verzonden|Отправлено|发送时间)\s?:\*? ?\S", re.IGNORECASE
)
_SUBJECT = re.compile(
    r"\s{0,3}\*?(?:Subject|Betreff|Objet|Asunto|Assunto|Oggetto|Onderwerp|Тема|主题)\s?:", re.IGNORECASE
)
_WROTE = re.compile(
    r"(?:wrote|schrieb|a écrit|a ecrit|escribió|escreveu|ha scritto|schreef|skrev|napisał(?:\(a\))?|\u043d\u0430\u043f\u0438\u0441\u0430\u043b(?:\(\u0430\)|\u0430)?|пишет|写道|のメール)"
    r"(?: .{1,80})?\s?[:\uff1a]\s*$",
    re.IGNORECASE,
)  # fmt: skip
_OPENS = re.compile(
    r"\s{0,3}(?:On|Am|Le|El|Il|Em|Op|Den|W dniu|Dnia|\d{4}[-/年]|\d{1,2}[./ ]|[\w.\"' -]{0,60}<?[\w.+-]{1,64}@)"
)
_QUOTED = re.compile(r" ?>(?!>{0,9}From )(?:[ >\t]|$)")  # ">From " is how mbox files escape a line
_BARE = re.compile(r" ?>[\w(*]")  # ">text", as some old programs quote
_OTHER = re.compile(r" ?(?:\||[A-Z]\w{0,2}>)(?:[ \t]|$)")  # "| text", "AB> text": a mark only below "… wrote:"
_CURL = re.compile(
    r" ?[>*<] ?(?:(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|TRACE|CONNECT) \S|HTTP/\d|[A-Za-z][A-Za-z0-9-]{1,40}: ?\S{0,400})"
)
_EXCHANGE = re.compile(
    r" ?[>*<] ?(?:(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|TRACE|CONNECT) \S{1,2000} HTTP/|HTTP/\d|Host: \S)"
)
_PROMPT = re.compile(r">>> ?(?:import|from|print|def|class|for|with|[\w.]{1,60}\s?[=(])")
_FENCE = "```"
_ARMOUR = "-----BEGIN PGP "


def split_text(text: str, *, forwarding: bool = False) -> tuple[Segment, ...]:
    """Segments in order: body, quoted, forwarded. `forwarding`: the subject says that somebody else's mail is passed on."""
    lines = text.split("\n")
    if ">" not in text and not _may_hold_a_mail(text):
        return ((Place.BODY, text),) if text.strip() else ()
    places = _places(lines, forwarding=forwarding)
    segments: list[tuple[Place, list[str]]] = []
    for place, line in zip(places, lines, strict=True):
        if segments and (segments[-1][0] is place or not line.strip()):  # an empty line belongs to what stands above it
            segments[-1][1].append(line)
        else:
            segments.append((place, [line]))
    joined = ((place, "\n".join(part).strip("\n")) for place, part in segments)
    return tuple((place, part) for place, part in joined if part.strip())


def _may_hold_a_mail(text: str) -> bool:
    """A cheap look before the careful one."""
    return (
        "---" in text or "____" in text or "wrote" in text or "forwarded" in text or not text.isascii()
        or "\nFrom:" in text or "\nVon:" in text or any(w in text for w in ("schrieb", "a ecrit", "ha scritto", "escreveu", "schreef", "skrev"))
    )  # fmt: skip


def _places(lines: Sequence[str], *, forwarding: bool) -> list[Place]:
    """The place of each line; lines beyond LINES are the sender's own."""
    places = [Place.BODY] * len(lines)
    fences = _fenced(lines)
    i = 0
    while i < min(len(lines), LINES):
        if i in fences or not lines[i]:
            i += 1
            continue
        if (rest := _rest_from(lines, i, forwarding=forwarding)) is not None:
            if rest is Place.QUOTED and not any(x.strip() for x in lines[:i]):
                rest = Place.FORWARDED  # nothing above it: the mail is passed on, not answered
            places[i:] = [rest] * (len(lines) - i)
            break
        length = _attribution(lines, i)
        end, quoted = _run_of_marks(lines, i + length, introduced=length > 0)
        if quoted:
            places[i:end] = [Place.QUOTED] * (end - i)
        elif length and _dated(lines[i : i + length]) and any(x.strip() for x in lines[:i]):
            places[i:] = [Place.QUOTED] * (len(lines) - i)  # a reply above an unmarked original
            break
        i = max(end, i + length, i + 1)
    return places


def _fenced(lines: Sequence[str]) -> frozenset[int]:
    """Numbers of the lines inside ``` fences; a fence that never closes is none."""
    marks = [n for n, line in enumerate(lines[:LINES]) if line.lstrip().startswith(_FENCE)]
    return frozenset(n for first, last in zip(marks[::2], marks[1::2], strict=False) for n in range(first, last + 1))


def _rest_from(lines: Sequence[str], i: int, *, forwarding: bool) -> Place | None:
    """Whether somebody else's mail begins at this line and goes on to the end."""
    line = lines[i]
    if len(line) > 300:
        return None
    if _FORWARD.match(line):
        return Place.FORWARDED
    place = Place.FORWARDED if forwarding else Place.QUOTED
    if _ORIGINAL.match(line):
        return place if any(_FROM.match(x[:300]) for x in lines[i + 1 : i + 5]) else None
    if _DIVIDER.match(line):
        return place if _is_outlook(lines, i + 1) else None
    return place if _FROM.match(line) and _is_outlook(lines, i) else None


def _is_outlook(lines: Sequence[str], i: int) -> bool:
    """From, Sent and Subject in this order, as Outlook puts above an original. A pasted mail has Date, not Sent."""
    head = [x[:300] for x in lines[i : i + 8] if x.strip()]
    if not head or not _FROM.match(head[0]):
        return False
    sent = next((n for n, x in enumerate(head) if _SENT.match(x)), None)
    return sent is not None and sent <= 2 and any(_SUBJECT.match(x) for x in head[sent:])


def _attribution(lines: Sequence[str], i: int) -> int:
    """How many lines "On … wrote:" takes here; 0 where it does not stand."""
    if len(lines[i]) > 300 or not _OPENS.match(lines[i]):
        return 0
    for n in range(1, 4):
        part = lines[i : i + n]
        if len(part) < n or not part[-1].strip() or sum(map(len, part)) > 500:
            return 0
        if _WROTE.search(part[-1][-200:]):
            whole = " ".join(part)
            return n if "@" in whole or any(c.isdigit() for c in whole) else 0
    return 0


def _dated(part: Sequence[str]) -> bool:
    """Whether an attribution names a day and a person: enough to take unmarked text below it for the original."""
    whole = " ".join(part)
    return bool(re.search(r"\d{1,4}[-./ :,]", whole)) and ("@" in whole or bool(re.match(r"\s{0,3}On ", whole)))


def _run_of_marks(lines: Sequence[str], i: int, *, introduced: bool) -> tuple[int, bool]:
    """Where the run of ">" lines from line i on ends, and whether it is a quotation; (i, False) where none begins."""
    while introduced and i < len(lines) and not lines[i].strip():
        i += 1
    first = end = i
    while i < len(lines):
        line = lines[i][:400]
        following = lines[i + 1][:5] if i + 1 < len(lines) else ""
        goes_on = _QUOTED.match(following) or (introduced and _OTHER.match(following))
        bare = _BARE.match(line) and (end > first or introduced or _QUOTED.match(following) or _BARE.match(following))
        if bare or _QUOTED.match(line) or (introduced and _OTHER.match(line)):
            end = i + 1
        elif line.strip() or end == first or not goes_on:
            break
        i += 1
    if end == first:
        return first, False
    run = [x[:400] for x in lines[first:end] if x.strip()]
    return end, introduced or not _is_paste(run, (*lines[max(0, first - 2) : first], *lines[end : end + 2]))


def _is_paste(run: Sequence[str], around: Sequence[str]) -> bool:
    """Whether lines that begin with ">" are a dump or a program."""
    if any(_PROMPT.match(x) for x in run) or any(x.startswith("<<<") for x in around):  # SMTP, as bounces show it
        return True
    if not any(x.strip(" >\t") for x in run):
        return True
    near = any(x.startswith(("< ", "* ")) and (_CURL.match(x[:400]) or x.startswith("* ")) for x in around)
    return any(_EXCHANGE.match(x) for x in run) or (near and all(_CURL.match(x) or len(x) < 3 for x in run))


def without_armour(text: str) -> str:
    """A clear-signed text as its writer wrote it (RFC 9580, 7): no header, no signature, dashes unescaped."""
    begin = text.find(_ARMOUR + "SIGNED MESSAGE-----")
    if begin < 0:
        return text
    body = text.find("\n\n", begin)
    end = text.find("\n" + _ARMOUR + "SIGNATURE-----", begin)
    if body < 0 or (0 <= end < body):
        return text
    stop = text.find("-----END PGP SIGNATURE-----", end) if end >= 0 else -1
    signed = text[body + 2 : end if end >= 0 else len(text)]
    signed = "\n".join(x.removeprefix("- ") for x in signed.split("\n"))
    after = text[stop + len("-----END PGP SIGNATURE-----") :] if stop >= 0 else ""
    return text[:begin] + signed + after


def holds_armour(text: str) -> bool:
    """Whether an encrypted OpenPGP message stands in the text, beginning a line."""
    begin = _ARMOUR + "MESSAGE-----"
    return text.startswith(begin) or "\n" + begin in text
