"""The mail of a soak, from a seed: live reports, templates, follow-ups, newsletters, encrypted mail, and what nobody thought of."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mailgen import generate
from test_journey_thread import GENUINE, mail
from test_likeness import TEMPLATE

NEWS = "Save {n} % on all shoes this week. To unsubscribe, follow this link. This is offer {n}."
SEALED = "-----BEGIN PGP MESSAGE-----\n\nhQEMA1234567890abAQf/{n}\n=abcd\n-----END PGP MESSAGE-----"
SPF = "Your domain w{n}.example has no SPF record, so anyone can forge mail in the name of number {n}. mochi"
JUNK = 0.1  # of all mail lies in the junk folder


def mails(seed: int) -> Iterator[tuple[bytes, str]]:
    """Mails without end, no two alike, each with the folder that it comes to."""
    r = random.Random(seed)
    generated = iter(generate(1500, seed))
    number = 0
    while True:
        number += 1
        sender, folder = f"r{number}@hunter.example", "Junk" if r.random() < JUNK else "INBOX"
        kind = r.choices(
            ("live", "template", "spf", "follow-up", "news", "sealed", "any"), (30, 15, 10, 10, 10, 5, 20)
        )[0]
        if kind == "live":
            raw = mail(sender, number, f"Backups of others {number}", f"{GENUINE} Case {number}.")
        elif kind == "template":
            body = TEMPLATE.format(name=f"Team{number}", host=f"w{number}.example", day=1 + number % 28, year=2026)
            raw = mail(sender, number, "No DMARC record", body)
        elif kind == "follow-up" and number > 1:
            first = r.randrange(max(1, number - 30), number)
            raw = mail(f"r{first}@hunter.example", number, "Re: my report", f"{GENUINE} Again {number}.", answers=first)
        elif kind == "news":
            raw = mail("news@shop.example", number, f"Our sale {number}", NEWS.format(n=number))
        elif kind == "sealed":
            raw = mail(sender, number, f"Encrypted {number}", SEALED.format(n=number))
        elif kind == "any" and (made := next(generated, None)) is not None:
            raw = made[1].replace(b"\0", b"")  # IMAP carries none (RFC 3501, 4.3): it would be another mail
        else:
            raw = mail(sender, number, f"SPF {number}", SPF.format(n=number))
        yield raw, folder
