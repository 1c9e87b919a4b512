"""Mails for benchmarks, from a seed: 70 % text, 20 % multipart with HTML, 8 % with an attachment of 50 kB to 2 MB, 2 % odd."""

from __future__ import annotations

import base64
import random
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

_TEXT = """
account admin advisory allows any api application attacker authentication backup because branch browser bug
button bypass cache change check cluster code command config connection console contact cookie could create
critical customer data database default delete deploy detail dialog disclose document domain endpoint error
every example expected export failed fetch field file filter following form found function gateway group
handler header hello hidden host image impact import inject input instance internal issue javascript json
keyboard language leads library link list local login logout machine mail member message method missing mobile
network normal notice number object offline open option organization origin output owner page parameter parser
password path payload permission plugin policy portal private problem process production profile project proxy
public query query random read record redirect reflected release remote render report request reset resource
response restore result return review role rule sample script search secret security send server service
session setting share shell signature simple site software source status steps storage stored string subdomain
support system table team template tenant test text thank ticket time token tool trace traffic trigger update
upload user validate value version video victim view visit vulnerability warning webhook website widget
without workflow write zone
"""
_WORDS = _TEXT.split()

_TOPICS = (
    "SPF record missing on {host}",
    "Stored script in the comment field of {host}",
    "X-Frame-Options header is not set on {host}",
    "Order of another customer can be read on {host}",
    "Question about your product",
    "nginx 1.18 on {host}",
    "Logout without token on {host}",
    "TLS 1.0 is enabled on {host}",
)


def _sentence(r: random.Random) -> str:
    words = [r.choice(_WORDS) for _ in range(r.randint(5, 18))]
    return " ".join(words).capitalize() + "."


def _text(r: random.Random) -> str:
    paragraphs = [" ".join(_sentence(r) for _ in range(r.randint(1, 6))) for _ in range(r.randint(2, 9))]
    return "\n\n".join(["Hello team,", *paragraphs, "mochi" if r.random() < 0.4 else "Regards"]) + "\n"


def _html(r: random.Random, text: str) -> str:
    rows = "".join(
        f"<tr><td style='padding:4px'>{_sentence(r)}</td><td><a href='https://x{i}.example/'>{i}</a></td></tr>"
        for i in range(r.randint(0, 20))
    )
    body = "".join(f"<p>{p}</p>" for p in text.split("\n\n"))
    return f"<html><head><style>p {{ margin: 0 }}</style></head><body>{body}<table>{rows}</table></body></html>"


def _hash(r: random.Random, size: int) -> str:
    return base64.b64encode(r.randbytes(size)).decode()


def _trace(r: random.Random, mail: EmailMessage) -> None:
    """What the servers on the way add, as a hosted mailbox shows it: three to six hops, DKIM, ARC, authentication."""
    ip = f"192.0.2.{r.randint(1, 250)}"
    mail["Delivered-To"] = "security@company.example"
    for hop in range(r.randint(3, 6)):
        mail["Received"] = (
            f"from mx{hop}.sender.example (mx{hop}.sender.example [{ip}]) by mx{hop + 1}.relay.example with ESMTPS id "
            f"{r.getrandbits(48):x} for <security@company.example> (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256); "
            f"Mon, 02 Nov 2026 10:00:{hop:02} +0000"
        )
    signed = f"a=rsa-sha256; c=relaxed/relaxed; d=sender.example; s=s1; h=to:subject:message-id:date:from; bh={_hash(r, 32)}; b={_hash(r, 256)}"
    mail["ARC-Seal"] = f"i=1; a=rsa-sha256; t=1793613600; cv=none; d=relay.example; s=arc-1; b={_hash(r, 256)}"
    mail["ARC-Message-Signature"] = f"i=1; {signed}"
    mail["ARC-Authentication-Results"] = f"i=1; mx.relay.example; dkim=pass header.i=@sender.example; spf=pass ({ip})"
    mail["Return-Path"] = "<bounce@sender.example>"
    mail["Authentication-Results"] = (
        "mx.company.example; dkim=pass header.i=@sender.example header.s=s1; spf=pass; dmarc=pass"
    )
    mail["DKIM-Signature"] = f"v=1; {signed}"
    mail["X-Gm-Message-State"] = _hash(r, 120)
    mail["X-Received"] = f"by 2002:a05:6214:: with SMTP id {r.getrandbits(48):x}; Mon, 02 Nov 2026 10:00:00 -0000 (UTC)"


def _mail(r: random.Random, number: int) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    host = f"{r.choice(_WORDS)}.company.example"
    _trace(r, mail)
    mail["From"] = f"{r.choice(_WORDS).title()} {r.choice(_WORDS).title()} <{r.choice(_WORDS)}{number}@sender.example>"
    mail["To"] = "security@company.example"
    mail["Subject"] = r.choice(_TOPICS).format(host=host)
    mail["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    mail["Message-ID"] = f"<{number}.{r.getrandbits(64):x}@sender.example>"
    return mail


def generate(count: int, seed: int = 1) -> list[tuple[str, bytes]]:
    """(kind, mail) pairs; the same for the same seed."""
    r = random.Random(seed)
    made = []
    for number in range(count):
        kind = r.choices(("text", "html", "attachment", "odd"), (70, 20, 8, 2))[0]
        mail = _mail(r, number)
        text = _text(r)
        mail.set_content(text)
        if kind in ("html", "attachment"):
            mail.add_alternative(_html(r, text), subtype="html")
        if kind == "attachment":
            size = r.randint(50_000, 2_000_000)
            mail.add_attachment(r.randbytes(size), maintype="image", subtype="png", filename=f"proof{number}.png")
        raw = mail.as_bytes()
        if kind == "odd":
            raw = r.choice(
                (
                    raw[: len(raw) // 2],
                    raw.replace(b"\r\n", b"\n"),
                    b"\x00" + raw,
                    raw.replace(b'charset="utf-8"', b'charset="x-none"'),
                )
            )
        made.append((kind, raw))
    return made


def write(folder: Path, count: int, seed: int = 1) -> None:
    """The mails as files, named by number and kind."""
    for number, (kind, raw) in enumerate(generate(count, seed)):
        (folder / f"{number:05}-{kind}.eml").write_bytes(raw)
