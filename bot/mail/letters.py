"""An answer to a mail, as a mail: to whom, in which thread, and nothing of what the other wrote but the subject. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from bot.ports import Letterhead

_ID = re.compile(r"[!-;=?-~]{1,250}")  # printable ASCII without <, > and spaces
_ANSWERS = re.compile(
    r"\s{0,5}(?:re|aw|antw|sv|vs|res|rif|odp|bls)\s{0,3}(?:\[\d{1,3}\])?\s{0,3}[:\uff1a]", re.IGNORECASE
)


def answer(head: Letterhead, text: str, *, sender: str, message_id: str, at: datetime) -> bytes:
    """The draft of an answer with this text, in the mail's thread (RFC 5322, 3.6.4)."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = head.answer_to
    subject = " ".join(head.subject.encode("utf-8", "replace").decode().split())
    mail["Subject"] = subject if _ANSWERS.match(subject) else f"Re: {subject}".rstrip()
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message_id}>"
    mail.set_content(text.rstrip("\n") + "\n", cte="quoted-printable")
    return _thread(head) + bytes(mail)


def _thread(head: Letterhead) -> bytes:
    """The fields that name the thread. Written by hand: the library breaks long Message-IDs into encoded words."""
    ids = [i for i in (*head.references, head.message_id or "") if _ID.fullmatch(i)]
    ids = list(dict.fromkeys(ids))
    if not ids or ids[-1] != head.message_id:  # without the mail's own there is nothing that this answers
        return b""
    named = "\r\n ".join(f"<{i}>" for i in ids)
    return f"In-Reply-To: <{ids[-1]}>\r\nReferences: {named}\r\n".encode("ascii")
