"""Which mails are asked for together, so that neither round trips nor memory run away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a mail before its body is asked for."""

    uid: int
    size: int
    received_at: datetime


def in_batches(mails: Sequence[Listed], *, most: int, cap: int, prefix: int) -> Iterator[list[Listed]]:
    """Batches in the same order, of at most `most` bytes each; a mail larger than that alone.

    Of a mail over `cap` bytes only `prefix` bytes are read. Such mails never share a batch with others: they are asked
    for differently.
    """
    batch: list[Listed] = []
    held = 0
    for mail in mails:
        over = mail.size > cap
        weight = prefix if over else mail.size
        if batch and (held + weight > most or over != (batch[0].size > cap)):
            yield batch
            batch, held = [], 0
        batch.append(mail)
        held += weight
    if batch:
        yield batch
