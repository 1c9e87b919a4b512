"""Slack when it fails, against the real outbox: whatever goes wrong, in the end there is one card that tells how things stand."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from make import judge, make_report, rulebook
from running import Running, configuration

from bot.correction import Correction, correct
from bot.delivery import Delivery
from bot.local.imap import EmbeddedImap
from bot.local.slack import LocalSlack
from bot.ports import Cursor, Letterhead, Message, NewNotice, NewReport, NoticeKind, RawMessage, VerdictKind
from bot.routing import Routes, first_notices
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.view import Tier
from bot.store import Store
from classifiers.terms import Disposition, Verdict, report_key

CHANNEL = "C0TRIAGE"
SPF = "Your domain has no SPF record, so anyone can forge mail. mochi"
NEXT = timedelta(minutes=11)  # more than the longest back-off


@dataclass
class Teller:
    """A store with one judged report, and the delivery that tells it; the clock stands still until a test moves it."""

    store: Store
    slack: LocalSlack
    delivery: Delivery
    report_id: int
    clock: list[datetime]

    def say(self, after: timedelta = timedelta()) -> None:
        """What can be said by then."""
        self.clock[0] += after
        while self.delivery.deliver():
            pass

    def say_all(self) -> None:
        """Until nothing is left to say, or two hours went by."""
        self.say()
        for _ in range(12):
            if self.due:
                self.say(NEXT)

    @property
    def due(self) -> int:
        return self.store.counts()["notices_due"]

    def decide(self) -> None:
        correction = Correction(disposition=Disposition.INCOMPLETE, by="person:ana", reason="a mail was spoofed")
        correct(
            self.store,
            self.store.report(self.report_id).key,
            correction,
            known=(),
            routes=Routes(channel=CHANNEL),
            now=self.clock[0],
        )

    @property
    def cards(self) -> list[dict[str, Any]]:
        return [m for m in self.slack.messages(CHANNEL) if "thread_ts" not in m]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [m for m in self.slack.messages(CHANNEL) if "thread_ts" in m]


@pytest.fixture
def teller(tmp_path: Path, slack: LocalSlack) -> Iterator[Teller]:
    clock = [datetime.now(UTC)]
    wording = Wording(
        policy="p", word="mochi", titles={c.id: c.title for c in rulebook().categories}, requested={}, assets={}
    )
    raw = f"Subject: No SPF record\r\n\r\n{SPF}".encode()
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=lambda: clock[0]) as store:
        message = RawMessage(folder="INBOX", uidvalidity=1, uid=1, size=len(raw), received_at=clock[0], raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        (report_id,) = store.keep("security", "INBOX", [new], Cursor(1, 1))
        report = store.report(report_id)
        verdict = replace(judge(make_report("No SPF record", SPF)), report=report.key)
        store.record(
            report_id, verdict, kind=VerdictKind.BOT,
            decided_by="bot", decided_at=clock[0], letterhead=Letterhead(subject="No SPF record"),
            notices=first_notices(report, verdict, Routes(channel=CHANNEL), clock[0]),
        )  # fmt: skip
        delivery = Delivery(
            store, SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=1), wording, channel=CHANNEL,
            tier=Tier.REDUCED, grace=timedelta(seconds=60), now=lambda: clock[0], pace=timedelta(),
        )  # fmt: skip
        yield Teller(store=store, slack=slack, delivery=delivery, report_id=report_id, clock=clock)


TAKEN = ("500", "timeout", "reset", "garbage", "error:internal_error")  # it may have been said
LEFT = (
    "429:7",
    "refuse",
    "error:channel_not_found",
    "error:not_in_channel",
    "error:token_revoked",
    "error:ratelimited",
)


# ------------------------------------------------------------------------------------------------ every fault, everywhere


@pytest.mark.parametrize("fault", [*TAKEN, *LEFT])
@pytest.mark.parametrize("before", [(), ("ok",)], ids=["card", "details"])
def test_whatever_fails_there_is_one_card_and_one_thread(teller: Teller, fault: str, before: tuple[str, ...]) -> None:
    """The first message, or the one in its thread: it is said in the end, and once."""
    teller.slack.script(*before, fault)

    teller.say_all()

    assert teller.due == 0
    assert (len(teller.cards), len(teller.replies)) == (1, 1)
    assert teller.replies[0]["thread_ts"] == teller.cards[0]["ts"]
    assert teller.store.counts()["possible_repeats"] == 0


@pytest.mark.parametrize("fault", [*TAKEN, *LEFT])
def test_a_change_reaches_the_card_whatever_fails(teller: Teller, fault: str) -> None:
    """The card says what a person decided, in its place."""
    teller.say_all()
    teller.decide()
    teller.slack.script(fault)

    teller.say_all()

    assert teller.due == 0
    (card,) = teller.cards
    assert "decided by ana" in json.dumps(card)


@pytest.mark.parametrize("fault", ["500", "timeout", "reset", "garbage"])
def test_what_was_taken_without_an_answer_is_found_and_not_said_again(teller: Teller, fault: str) -> None:
    """Nothing is asked of Slack within the grace; then the message is looked up by its key."""
    teller.slack.script(fault)
    teller.say()
    assert (len(teller.cards), teller.due) == (1, 2)
    teller.say(timedelta(seconds=59))
    assert "conversations.history" not in teller.slack.calls

    teller.say(timedelta(seconds=2))

    assert teller.due == 0
    assert teller.slack.calls.count("conversations.history") == 1
    assert teller.slack.calls.count("chat.postMessage") == 2  # the card, the details
    assert teller.store.cards_of(teller.report_id)[0].ts == teller.cards[0]["ts"]


@pytest.mark.parametrize("fault", ["429:5", "500", "reset", "timeout", "error:ratelimited", "error:internal_error"])
def test_a_look_up_that_fails_says_nothing_again(teller: Teller, fault: str) -> None:
    """Whether it was said is still not known: it is looked up again, not said again."""
    teller.slack.script("reset", f"look:{fault}")

    teller.say_all()

    assert (len(teller.cards), len(teller.replies), teller.due) == (1, 1, 0)
    assert teller.slack.calls.count("chat.postMessage") == 2
    assert teller.store.counts()["possible_repeats"] == 0


def test_without_a_history_to_look_into_it_is_said_again_and_owned_up_to(teller: Teller) -> None:
    """Rather twice than never; the second says what it may be."""
    teller.slack.scopes = frozenset({"chat:write"})
    teller.slack.script("reset")

    teller.say_all()

    first, second = teller.cards
    assert "possible repeat" not in json.dumps(first)
    assert "possible repeat" in json.dumps(second)


@pytest.mark.parametrize("kind", [NoticeKind.TROUBLE, NoticeKind.REMINDER])
def test_whatever_may_be_a_repeat_owns_up_to_it(teller: Teller, kind: NoticeKind) -> None:
    """Not the cards alone: sentences and reminders."""
    teller.say_all()
    report = teller.store.report(teller.report_id)
    live = Verdict(report=report.key, disposition=Disposition.IN_SCOPE, confidence=1.0, why="w")
    teller.store.record(report.id, live, kind=VerdictKind.BOT, decided_by="bot", decided_at=teller.clock[0])
    before = len(teller.slack.messages(CHANNEL))
    new = NewNotice(kind=kind, destination=CHANNEL, key="again", due_at=teller.clock[0], text="a sentence of ours")
    teller.store.add(report.id, new, teller.clock[0])
    teller.slack.scopes = frozenset({"chat:write"})
    teller.slack.script("reset")

    teller.say_all()

    first, second = teller.slack.messages(CHANNEL)[before:]
    assert "possible repeat" not in json.dumps(first)
    assert "possible repeat" in json.dumps(second)


def test_a_digest_that_may_be_a_repeat_owns_up_to_it(teller: Teller) -> None:
    teller.say_all()
    before = len(teller.slack.messages(CHANNEL))
    teller.store.digest_sentence("a line of ours", CHANNEL, "line", teller.clock[0])
    teller.slack.scopes = frozenset({"chat:write"})
    teller.slack.script("reset")

    teller.delivery.say_digest()
    teller.say(NEXT)

    first, second = teller.slack.messages(CHANNEL)[before:]
    assert "possible repeat" not in json.dumps(first)
    assert "possible repeat" in json.dumps(second)


def test_a_thread_that_a_bot_may_not_read_costs_a_repeat_and_no_word(teller: Teller) -> None:
    """Slack's documentation has it both ways whether a bot may: then the details are said again, and own up to it."""
    teller.slack.script("ok", "reset", "look:error:not_allowed_token_type")

    teller.say_all()

    assert (len(teller.cards), len(teller.replies), teller.due) == (1, 2, 0)
    assert "possible repeat" in json.dumps(teller.replies[1])


# ------------------------------------------------------------------------------------------------ slow down


def test_slow_down_is_obeyed_to_the_second(teller: Teller) -> None:
    """Nothing at all goes to that channel before the time that Slack named."""
    teller.slack.script("429:30")
    teller.say()
    asked = len(teller.slack.calls)

    teller.say(timedelta(seconds=29))
    assert len(teller.slack.calls) == asked
    teller.say(timedelta(seconds=1))

    assert (len(teller.cards), len(teller.replies)) == (1, 1)


def test_a_slack_that_is_busy_for_long_loses_nothing(teller: Teller) -> None:
    """Ten refusals in a row, then it is said."""
    teller.slack.script(*["429:600"] * 10)

    teller.say_all()

    assert (len(teller.cards), teller.due) == (1, 0)


# ------------------------------------------------------------------------------------------------ what a person must mend


@pytest.mark.parametrize(
    ("code", "help_"),
    [("channel_not_found", "channel's id"), ("not_in_channel", "/invite"), ("token_revoked", "install the app again")],
)
def test_what_a_person_must_mend_is_told_and_tried_slowly(
    teller: Teller, caplog: pytest.LogCaptureFixture, code: str, help_: str
) -> None:
    """The log says what to do; ten minutes later, mended, everything is said by itself."""
    caplog.set_level(logging.INFO, "triage")
    teller.slack.script(f"error:{code}")
    teller.say()

    (told,) = [r.__dict__ for r in caplog.records if r.message == "notice.put_off"]
    assert help_ in told["why"]
    assert told["seconds"] == 600
    teller.say(timedelta(minutes=9))
    assert teller.cards == []

    teller.say(timedelta(minutes=1))

    assert (len(teller.cards), len(teller.replies), teller.due) == (1, 1, 0)


def test_an_app_that_was_removed_and_installed_again_goes_on(teller: Teller) -> None:
    """token_revoked at every call, not only at one."""
    teller.slack.revoke()
    teller.say(NEXT)
    teller.say(NEXT)
    assert teller.due == 2

    teller.slack.revoke(revoked=False)
    teller.say_all()

    assert (len(teller.cards), len(teller.replies), teller.due) == (1, 1, 0)


# ------------------------------------------------------------------------------------------------ what Slack will not draw


@pytest.mark.parametrize(
    "code", ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "metadata_too_large"]
)
def test_blocks_that_slack_will_not_draw_cost_the_drawing_and_not_the_card(teller: Teller, code: str) -> None:
    """Said in plain text: what it is, of which report."""
    teller.slack.script(f"error:{code}")

    teller.say_all()

    (card,) = teller.cards
    assert card["blocks"] == []
    assert card["text"].startswith("Out of scope · ")
    assert len(teller.replies) == 1


# ------------------------------------------------------------------------------------------------ people in the channel


def test_a_card_that_somebody_deleted_is_told_anew_with_the_next_change(teller: Teller) -> None:
    """And what changes after that changes the new one."""
    teller.say_all()
    teller.slack.remove(CHANNEL, teller.cards[0]["ts"])
    teller.decide()
    teller.say_all()

    (card,) = teller.cards
    assert "decided by ana" in json.dumps(card)
    assert teller.store.cards_of(teller.report_id)[0].ts == card["ts"]


def test_a_deleted_card_whose_new_one_is_taken_without_an_answer_stays_one(teller: Teller) -> None:
    """Two faults at once: message_not_found, then the new message's answer is lost."""
    teller.say_all()
    teller.slack.remove(CHANNEL, teller.cards[0]["ts"])
    teller.decide()
    teller.slack.script("ok", "reset")

    teller.say_all()

    (card,) = teller.cards
    assert teller.store.cards_of(teller.report_id)[0].ts == card["ts"]
    assert teller.due == 0


# ------------------------------------------------------------------------------------------------ the line


def test_health_says_where_slack_counts_lines_that_are_not_ours(tmp_path: Path, slack: LocalSlack) -> None:
    """Presses may go to those; the daemon runs all the same. Once they are gone, health says nothing of them."""
    slack.sockets.ghosts = 1
    with EmbeddedImap() as imap:
        mail = f'[[accounts]]\nhost = "127.0.0.1"\nport = {imap.port}\ntls = "none"\nuser = "{imap.user}"\npassword = {{ env = "P" }}\n'
        path = configuration(tmp_path, mail, slack, allowed_users=["U0ANA"])
        path.write_text(path.read_text().replace("[slack]\n", '[slack]\napp_token = { env = "A" }\n'))
        with Running(path, {"P": imap.password, "A": slack.app_token, "TEST_SLACK_TOKEN": slack.token}) as bot:
            bot.wait_for("socket.others")
            bot.until_health(lambda told: told["socket_alone"] is False)
            assert "another copy of triage?" in bot.command("health").stdout
            slack.sockets.ghosts = 0
            slack.sockets.disconnect_all()
            bot.until_health(lambda told: told["socket_alone"] is True, 90)
            assert "another copy" not in bot.command("health").stdout
            assert bot.terminate() == 0


# ------------------------------------------------------------------------------------------------ two copies of the bot


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_copy_that_was_stopped_while_it_spoke_leaves_one_card(teller: Teller, when: str) -> None:
    """Before its request left: the other says it, and the late message is taken back. After: the other finds it, and it stays."""
    slow, at = teller.delivery, teller.clock[0]
    slow._who = "slow"
    other = Delivery(
        teller.store, slow._notifier, slow._telling.wording, channel=CHANNEL, tier=slow._telling.tier, grace=timedelta(seconds=60),
        now=lambda: teller.clock[0], pace=timedelta(), who="other",
    )  # fmt: skip
    post, stopped = slow._notifier.post, []

    def stop(message: Message) -> str:
        ts = post(message) if when == "after" else ""
        if not stopped:
            stopped.append(message.key)
            teller.clock[0] += timedelta(minutes=5)
            other.deliver(limit=1)
        return ts or post(message)

    slow._notifier.post = stop  # type: ignore[method-assign]
    for _ in range(5):
        slow.deliver()
        teller.clock[0] += timedelta(minutes=2)

    assert stopped[0].startswith("card:")
    assert teller.clock[0] > at
    assert len(teller.cards) == 1
    assert teller.cards[0]["ts"] == teller.store.cards_of(teller.report_id)[0].ts
    assert len(teller.replies) == 1
    assert teller.due == 0
