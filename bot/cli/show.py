"""`triage show`: one report, all that was seen of it and everything that was ever decided."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import acts
from bot.cli.options import Config, Json, settings_of
from classifiers.errors import UserError
from classifiers.text import json_line, printable

if TYPE_CHECKING:
    from bot.ports import Act, KeptReport, Letterhead, RecordedVerdict
    from bot.precedent import Precedent, Thread
    from bot.settings import Settings
    from bot.store import Store


def show(
    report: Annotated[str, typer.Argument(metavar="ID", help="A report's id.")],
    as_json: Json = False,
    raw: Annotated[bool, typer.Option("--raw", help="The mail's bytes as they were kept, to standard output.")] = False,
    reply: Annotated[bool, typer.Option("--reply", help="The suggested reply alone, to be copied.")] = False,
    config: Config = None,
) -> None:
    """One report: its verdict, the reasons, and everything that was ever decided."""
    from bot.assembly import open_store

    settings = settings_of(config)
    with open_store(settings) as store:
        kept = store.find(report)
        if reply:
            print(_suggested(store, settings, kept))
            return
        if raw:
            mail = store.raw(kept.id)
            if mail is None:
                raise UserError(f"{kept.short}: its text was purged")
            sys.stdout.buffer.write(mail.raw)
            return
        seen = _look(store, kept)
    if as_json:
        print(json_line(_as_data(seen)))
    else:
        print(*_as_text(seen), sep="\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What there is to show of a report."""

    report: KeptReport
    current: RecordedVerdict
    head: Letterhead
    blind: bool  # its audit waits for an answer: nothing may tell what the bot thinks
    history: tuple[RecordedVerdict, ...]  # none where blind
    known: tuple[tuple[Precedent, ...], Thread, tuple[KeptReport, ...]]  # of its like, of its thread, what followed it
    acts: tuple[Act, ...]


def _look(store: Store, kept: KeptReport) -> _Seen:
    from bot.audit import is_open
    from bot.ports import Letterhead

    current, history = store.current(kept.id), store.history(kept.id)
    if current is None:
        raise UserError(f"{kept.short} was kept at {kept.kept_at:%Y-%m-%d %H:%M} and is not judged yet")
    blind = is_open(history)
    # Of an open audit not even what was decided of its like: it would tell what the bot thinks.
    similar = () if blind else store.similar(kept)
    return _Seen(
        report=kept,
        current=current,
        head=store.letterhead(kept.id) or Letterhead(),
        blind=blind,
        history=() if blind else history,
        known=(similar, store.thread_of(kept), store.follow_ups(kept.id)),
        acts=store.acts(kept.id),
    )


def _as_data(seen: _Seen) -> dict[str, Any]:
    from bot.answer import as_blind_data, as_data
    from bot.precedent import as_data as known_data

    kept, current = seen.report, seen.current
    return (as_blind_data if seen.blind else as_data)(kept.short, current.verdict, seen.head) | {
        "account": kept.account, "folder": kept.folder, "received_at": kept.received_at.isoformat(),
        "decided_by": current.decided_by, "decided_at": current.decided_at.isoformat(), "reason": current.reason,
        "history": [
            {"disposition": h.verdict.disposition.value, "kind": h.kind.value, "decided_by": h.decided_by, "decided_at": h.decided_at.isoformat(),
             "reason": h.reason, "undone": h.undone_by is not None}
            for h in seen.history
        ],
        "acts": [acts.as_data(a) for a in seen.acts],
    } | known_data(*seen.known)  # fmt: skip


def _as_text(seen: _Seen) -> Iterator[str]:
    from bot.answer import blind_for_people, for_people, in_words
    from bot.precedent import lines

    kept = seen.report
    if seen.blind:
        yield blind_for_people(kept.short, seen.head)
    else:
        yield for_people(kept.short, seen.current.verdict, seen.head)
    yield f"  Received  {kept.received_at:%Y-%m-%d %H:%M} UTC in {kept.account}/{kept.folder}, {kept.size} bytes"
    yield f"  Key       {kept.key}"
    for line in lines(*seen.known):
        yield line[:14] + printable(line[14:], 400)  # the first columns are ours
    for h in seen.history:
        reason = f": {printable(h.reason)}" if h.reason else ""
        reason += " (held back for the audit)" if h.kind.value == "audit" else ""
        reason += " (taken back)" if h.undone_by is not None else ""
        took = "took back " if h.kind.value == "undo" else ""
        yield f"  {h.decided_at:%Y-%m-%d %H:%M}  {h.decided_by}  {took}{in_words(h.verdict)}{reason}"
    yield from acts.lines(seen.acts)


def _suggested(store: Store, settings: Settings, kept: KeptReport) -> str:
    """The suggested reply. Raises UserError where there is none, and while an audit must not give the bot's opinion away."""
    from bot.assembly import wording
    from bot.audit import is_open
    from bot.showing import view_in
    from bot.slack.view import Tier

    if store.current(kept.id) is None or is_open(store.history(kept.id)):
        raise UserError(f"{kept.short} waits to be judged, or for the answer to its audit")
    text = view_in(store, kept.id, wording(settings), Tier.IDS, pressable=False).reply
    if not text:
        raise UserError(f"{kept.short}: the policy has no text for this, or there is nothing to fill it in with")
    return text
