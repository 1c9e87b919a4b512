"""The real daemon for as long as one likes, under steady mail and random faults; then one table of what became of it.

Run: make soak MINUTES=10 (SEED=…). Needs dovecot-imapd. It ends with 1 where a mail was lost, a message stands twice without
saying so, a person's word was lost, the bot ended by itself, its database is unsound, or its memory grew by more than GROWTH.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovecot import BINARY, Dovecot
from proxy import Proxy
from soakfaults import decide, something
from soaking import LIVE, MAIN, World, children, memory

from bot.local.slack import LocalSlack
from bot.ports import VerdictKind
from bot.slack.view import REPEAT
from bot.store import Store
from classifiers.terms import report_key

GROWTH = 24.0  # MB that the daemon may grow by after it warmed up
MAIL, FAULT, WORD = 2.4, 2.0, 8.0  # seconds between two, on average
SETTLING = 900.0  # seconds at most until all is told: Slack takes a message a second, and was held up on the way


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the mail."""

    mails: int
    reports: int
    verdicts: int  # reports with a verdict
    said: Counter[str]  # messages in Slack by kind
    told: Counter[str]  # mails, by how
    lost: tuple[str, ...]  # mails without a report, a verdict, or anything that tells of them
    repeats: tuple[str, ...]  # keys that stand twice without saying so
    marked: int  # messages that say that they may be repeats
    words: int  # of people
    forgotten: tuple[str, ...]  # words that do not hold, or are not there
    unsaid: int  # what still waits
    problems: tuple[str, ...]  # of the database


def outcome(
    mails: Sequence[bytes], store: Store, messages: Sequence[dict[str, Any]], words: Counter[tuple[str, str, str]]
) -> Outcome:
    """By what the store holds and what stands in Slack."""
    reports = {r.key: (r, current) for r, current, _ in store.listing()}
    keys = [report_key(raw) for raw in mails]
    payloads = [m["metadata"]["event_payload"] for m in messages]
    stands = Counter(
        p.get("card") or p["key"] for p in payloads if p["key"].partition(":")[0] != "update" or "card" in p
    )
    marked = Counter(
        p.get("card") or p["key"] for m, p in zip(messages, payloads, strict=True) if REPEAT in json.dumps(m)
    )
    digests = " ".join(
        json.dumps(m["blocks"]) for m, p in zip(messages, payloads, strict=True) if p["key"].startswith("digest:")
    )
    there = {m["ts"] for m in messages}

    def way(key: str) -> str:
        """How this mail is told; "" where it is not."""
        if key not in reports or reports[key][1] is None:
            return ""
        report = reports[key][0]
        if any(card.ts in there for card in store.cards_of(report.id)):
            return "on a card"
        if any(k.startswith(f"follow_up:{report.account}:{key}") for k in stands):
            return "in a thread"
        return "in the digest" if report.short in digests else ""

    ways = {key: way(key) for key in keys}
    return Outcome(
        mails=len(keys), reports=len(reports), verdicts=sum(current is not None for _, current in reports.values()),
        said=Counter(k.partition(":")[0] for k in stands.elements()),
        told=Counter(w for w in ways.values() if w), lost=tuple(key[:8] for key, w in ways.items() if not w),
        repeats=tuple(k for k, n in stands.items() if n - marked[k] > 1), marked=sum(marked.values()),
        words=sum(words.values()), forgotten=_forgotten(store, words), problems=store.examine().problems,
        unsaid=sum(store.counts()[n] for n in ("waiting", "notices_due", "for_the_digest")),
    )  # fmt: skip


def _forgotten(store: Store, words: Counter[tuple[str, str, str]]) -> tuple[str, ...]:
    """Words that were taken and are not in the report's history, and reports where a person's word stands and another holds."""
    gone = []
    for report, current, _ in store.listing():
        history = store.history(report.id)
        found = Counter(
            (report.short, h.decided_by, "undo" if h.kind is VerdictKind.UNDO else h.verdict.disposition.value)
            for h in history
        )
        gone += [" ".join(w) for w in (Counter({w: n for w, n in words.items() if w[0] == report.short}) - found)]
        people = [h.id for h in history if h.kind is VerdictKind.PERSON and h.undone_by is None]
        if people and (current is None or current.id != people[-1]):
            gone.append(f"{report.short}: another verdict holds than the last person's")
    return tuple(gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The memory of a process in MB: once it warmed up, and at the end."""

    warm: float
    end: float


def troubles(it: Outcome, daemon: Growth, ended: Sequence[int]) -> list[str]:
    """Why the soak failed; [] where all is well."""
    return [
        *(f"lost: {x}" for x in it.lost), *(f"stands twice: {x}" for x in it.repeats), *(f"forgotten: {x}" for x in it.forgotten),
        *(f"database: {x}" for x in it.problems), *([f"still to be said: {it.unsaid}"] if it.unsaid else []), *(f"the bot ended by itself with {code}" for code in ended),
        *([f"memory grew by {daemon.end - daemon.warm:.0f} MB"] if daemon.end - daemon.warm > GROWTH else []),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ the run


def run(w: World, seconds: float) -> tuple[Growth, Growth]:
    """The first half with lives that end in the middle of things; then one life that lasts, and what it grew by: bot, judge."""
    began = time.monotonic()
    half, end = began + seconds / 2, began + seconds
    w.often(MAIL, w.mail, end, punctual=True)
    w.often(WORD, lambda: decide(w), end)
    w.often(FAULT, lambda: something(w, ending=time.monotonic() < half), end)
    _until(w, half)
    w.end()
    w.start()
    w.bot.wait_for("daemon.started")
    w.ask_for_digest()  # the first reload takes memory that the next ones take again
    _until(w, half + seconds / 8)
    warm = _memory(w)
    _until(w, end)
    w.calm()
    _settle(w)
    last = _memory(w)
    w.end()
    return Growth(warm=warm[0], end=last[0]), Growth(warm=warm[1], end=last[1])


def _until(w: World, moment: float) -> None:
    while time.monotonic() < moment:
        w.tick()
        time.sleep(0.02)


def _settle(w: World) -> None:
    end = asked = time.monotonic()
    end += SETTLING
    w.ask_for_digest()
    while not w.settled() and time.monotonic() < end:
        w.look_after()
        time.sleep(0.5)
        if time.monotonic() - asked > 90:
            w.ask_for_digest()
            asked = time.monotonic()


def _memory(w: World) -> tuple[float, float]:
    pid = w.bot.process.pid
    return memory(pid), max((memory(c) for c in children(pid)), default=0.0)


def table(w: World, it: Outcome, daemon: Growth, judge: Growth, minutes: float) -> str:
    events = Counter(e["event"] for life in w.lives for e in life.events)
    rows = [
        ("mails in", f"{it.mails} in {minutes:g} min"), ("reports, with a verdict", f"{it.reports}, {it.verdicts}"),
        *((f"told {how}", str(n)) for how, n in sorted(it.told.items())),
        *((f"messages in Slack: {kind}", str(n)) for kind, n in sorted(it.said.items())),
        ("answers lost: found by key, taken back", f"{events['notice.unknown'] + events['digest.unknown']}: {events['notice.reconciled']}, {events['notice.taken_back']}"),
        ("repeats, unreconciled", f"{it.marked + len(it.repeats)}, {len(it.repeats)}"), ("lost", str(len(it.lost))),
        ("people's words, kept", f"{it.words}, {it.words - len(it.forgotten)}"),
        ("memory of the bot, warm and at the end", f"{daemon.warm:.0f} MB, {daemon.end:.0f} MB"),
        ("memory of the judging process", f"{judge.warm:.0f} MB, {judge.end:.0f} MB"),
        ("lives of the bot", str(len(w.lives))), ("faults", str(sum(w.faults.values()))),
        *((f"  {kind}", str(n)) for kind, n in sorted(w.faults.items())),
    ]  # fmt: skip
    return "\n".join(f"{what:40}  {n}" for what, n in rows)


def soak(where: Path, minutes: float, seed: int) -> tuple[World, Outcome, Growth, Growth]:
    """All of it, with the state and at last the log in this folder: the world as it was left, what became of the mail, and how
    the bot and its judging process grew."""
    with Dovecot() as server, Proxy(server.port) as line, LocalSlack(channels=(MAIN, LIVE)) as slack:
        w = World(where, server, line, slack, seed)
        try:
            daemon, judge = run(w, 60 * minutes)
        finally:
            w.kill()
            events = [json.dumps({"life": n} | e) for n, life in enumerate(w.lives) for e in life.events]
            (where / "log.jsonl").write_text("\n".join(events))
        with w.store() as store:
            it = outcome(w.delivered, store, slack.messages(MAIN) + slack.messages(LIVE), w.words)
    return w, it, daemon, judge


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--minutes", type=float, default=10.0)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--keep", type=Path, help="a folder to be left with the state and the log")
    wish = asked.parse_args()
    if not BINARY.exists():
        sys.exit("dovecot-imapd is not installed: nothing to soak the bot in")
    for name in [n for n in os.environ if "proxy" in n.lower()]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        where = wish.keep or Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        w, it, daemon, judge = soak(where, wish.minutes, wish.seed)
    print(table(w, it, daemon, judge, wish.minutes))
    wrong = troubles(it, daemon, w.ended)
    print("\n".join(wrong) if wrong else "all is well")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
