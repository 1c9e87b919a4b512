"""What goes wrong during a soak, by kind, and what people do meanwhile. Each is begun by `World`'s clock and ends by it."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable

from soaking import FOLDERS, World, children

from bot.ports import VerdictKind
from bot.store import Store

ANA = "U0ANA"
MOMENTS = ("account.connected", "report.judged", "notice.said", "notice.unknown", "notice.reconciled")
SLACK = ("429:2", "500", "reset", "refuse", "timeout", "garbage", "error:fatal_error")
COMMANDS = (b"LOGIN", b"EXAMINE", b"SEARCH", b"FETCH", b"IDLE", b"DONE")
WORDS = ("in_scope", "out_of_scope", "incomplete", "not_a_report")
Fault = Callable[[World], str]  # does it, and says of which kind it was


# ------------------------------------------------------------------------------------------------ the line to the mail


def _cut(w: World) -> str:
    w.line.cut(by_reset=w.random.random() < 0.5)
    return "mail: line cut"


def _cut_at_a_command(w: World) -> str:
    w.line.cut_at = (w.random.choice(COMMANDS), w.random.random() < 0.5)
    return "mail: line cut at a command"


def _refused(w: World) -> str:
    w.line.refuse = True
    w.later(3, lambda: setattr(w.line, "refuse", False))
    return "mail: connections refused"


def _silent(w: World) -> str:
    w.line.silent = True
    w.later(6, lambda: setattr(w.line, "silent", False))
    return "mail: line half open"


def _drips(w: World) -> str:
    w.line.trickle = 40
    w.later(4, lambda: setattr(w.line, "trickle", 0))
    return "mail: line drips"


def _bye(w: World) -> str:
    w.line.say(b"* BYE enough\r\n")
    return "mail: server says BYE"


def _server_gone(w: World) -> str:
    w.server.stop()
    time.sleep(2)
    w.server.start()
    return "mail: server gone"


# ------------------------------------------------------------------------------------------------ other hands


def _uidvalidity(w: World) -> str:
    w.server.set_uidvalidity(next(w.uidvalidity), w.random.choice(FOLDERS))
    return "mail: UIDVALIDITY reset"


def _moved(w: World) -> str:
    here, there = w.random.sample(FOLDERS, 2)
    w.server.move_first(here, there)
    return "mail: moved by a person"


def _removed(w: World) -> str:
    """Only where all was read: what nobody read would be lost by that person."""
    with w.store() as store:
        if store.counts()["reports"] < len(w.delivered):
            return ""
    w.server.remove_first(w.random.choice(FOLDERS))
    return "mail: removed by a person"


# ------------------------------------------------------------------------------------------------ Slack


def _slack_fails(w: World) -> str:
    step = w.random.choice(SLACK)
    w.slack.script(step)
    return f"Slack: {step.partition(':')[0]}"


def _slack_fails_on_looking(w: World) -> str:
    w.slack.script("500", w.random.choice(("look:500", "look:429:1", "look:reset", "look:timeout")))
    return "Slack: 500, then no history"


def _socket(w: World) -> str:
    w.random.choice((w.slack.sockets.cut, w.slack.sockets.disconnect_all))()
    return "Slack: socket dropped"


# ------------------------------------------------------------------------------------------------ the process


def _killed(w: World) -> str:
    """At the next of such moments, or after some seconds without."""
    before, moment = len(w.bot.events), w.random.choice(MOMENTS)
    w.mail()
    if moment in {"notice.unknown", "notice.reconciled"}:
        w.slack.script("500")
    until = time.monotonic() + 5
    while time.monotonic() < until and all(e["event"] != moment for e in w.bot.events[before:]):
        time.sleep(0.002)
    w.kill()
    w.start()
    return "bot: SIGKILL"


def _judge_killed(w: World) -> str:
    for child in children(w.bot.process.pid):
        os.kill(child, signal.SIGKILL)
    return "bot: judging process killed"


def _stopped(w: World) -> str:
    w.bot.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    w.bot.process.send_signal(signal.SIGCONT)
    return "bot: stopped for 3 s"


def _restarted(w: World) -> str:
    w.end()
    w.start()
    return "bot: SIGTERM, started again"


def _reloaded(w: World) -> str:
    w.ask_for_digest()
    return "bot: configuration changed"


def _database_held(w: World) -> str:
    held = sqlite3.connect(w.folder / "state" / "triage.db", isolation_level=None)
    held.execute("begin immediate")
    time.sleep(2)
    held.close()
    return "state: database held by another"


ALWAYS: tuple[tuple[int, Fault], ...] = (
    (6, _cut), (6, _cut_at_a_command), (3, _refused), (3, _silent), (3, _drips), (3, _bye), (2, _server_gone),
    (4, _uidvalidity), (4, _moved), (3, _removed), (20, _slack_fails), (5, _slack_fails_on_looking), (3, _socket),
    (4, _judge_killed), (3, _stopped), (3, _reloaded), (3, _database_held),
)  # fmt: skip
ENDING: tuple[tuple[int, Fault], ...] = ((14, _killed), (4, _restarted))  # what a life does not outlast


def something(w: World, *, ending: bool) -> None:
    """One more fault, noted by its kind. `ending`: it may end the process."""
    weights, faults = zip(*(ALWAYS + ENDING if ending else ALWAYS), strict=True)
    if kind := w.random.choices(faults, weights)[0](w):
        w.faults[kind] += 1


# ------------------------------------------------------------------------------------------------ people


def decide(w: World) -> None:
    """By command or by pressing; now and then a word is taken back."""
    with w.store() as store:
        judged = [(r, current) for r, current, _ in store.listing() if current]
        if not judged:
            return
        people = [r.short for r, current in judged if current.kind is VerdictKind.PERSON]
        report, _ = w.random.choice(judged)
        cards = store.cards_of(report.id)
    how = w.random.random()
    if how < 0.2 and people:
        _command(w, w.random.choice(people), "undo")
    elif how < 0.6 or len(cards) != 1 or len(cards[0].report_ids) != 1 or cards[0].ts is None:
        _command(w, report.short, w.random.choice(WORDS))
    else:
        _press(w, report.short, cards[0].channel, cards[0].ts)


def _command(w: World, short: str, word: str) -> None:
    said = ["--undo"] if word == "undo" else ["--as", word]
    if w.bot.command("reclassify", short, *said, "--by", "ben", "--reason", "looked at it").returncode == 0:
        w.words[short, "person:ben", word] += 1


def _press(w: World, short: str, channel: str, ts: str) -> None:
    """One that the bot took is recorded within seconds, or it says why not."""
    told = len(w.slack.told(ANA))
    if w.slack.hands.press(ANA, channel, ts, "triage_agree").trouble:
        return
    until = time.monotonic() + 20
    while time.monotonic() < until and len(w.slack.told(ANA)) == told:
        with w.store() as store:
            if (word := _hers(store, short)) is not None:
                w.words[short, f"person:ana ({ANA})", word] += 1
                return
        time.sleep(0.1)
    if len(w.slack.told(ANA)) == told:
        w.words[short, f"person:ana ({ANA})", "?"] += 1


def _hers(store: Store, short: str) -> str | None:
    current = store.current(store.find(short).id)
    hers = current is not None and current.decided_by.startswith("person:ana")
    return current.verdict.disposition.value if current is not None and hers else None
