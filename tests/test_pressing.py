"""Pressing in Slack, from the click to the card: the real Socket Mode client, store and delivery, against the stand-in."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from make import judge, make_report, rulebook
from running import configuration
from test_cli import triage

from bot.allowed import REMEMBERED, Allowed
from bot.audit import blind
from bot.commands import Commands
from bot.correction import Correction, correct
from bot.delivery import Delivery
from bot.desk import UNKNOWN, Desk
from bot.doctor import _look_at_slack
from bot.local.slack import LocalSlack
from bot.local.slack.hands import UNCONNECTED, Done
from bot.ports import Act, ActKind, Context, Cursor, Letterhead, NewReport, Outcome, Press, RawMessage, VerdictKind
from bot.reception import NOT_ALLOWED, NOT_ASKED, Reception
from bot.reply import suggested
from bot.routing import Routes, audit_notices, first_notices
from bot.settings import Settings
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.controls import SHORTCUT, Handle
from bot.slack.socket import SlackSocket
from bot.slack.view import Tier
from bot.store import Store
from bot.worker import Judged, Task, Worker
from classifiers.errors import NotSaid
from classifiers.terms import Disposition, Verdict, Versions, report_key

CHANNEL = "C0TRIAGE"
ROUTES = Routes(channel=CHANNEL)
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ACCOUNT = '[[accounts]]\nhost = "127.0.0.1"\nuser = "a@b.example"\npassword = { env = "X" }\n'
SECRET = "the reset link of another customer"
SPF = "Your domain has no SPF record, so anyone can forge mail. mochi"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


class Again(Worker):
    """Judges every mail the same, without a process."""

    def __init__(self) -> None:
        super().__init__(Context(rules=Path(), policy="p", model=None))
        self.disposition = Disposition.NEEDS_REVIEW
        self.free = threading.Event()
        self.free.set()

    @property
    def versions(self) -> Versions:
        return Versions(rules="r1", model="m1", policy="p1")

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for task in tasks:
            assert self.free.wait(30)
            verdict = Verdict(
                report=report_key(task.raw), disposition=self.disposition, confidence=0.9, why="judged again"
            )
            yield Judged(verdict=verdict, letterhead=Letterhead(subject="s"))


@dataclass
class Office:
    """A bot at work, with a clock of its own: what was pressed is done as it comes, `tell` says what is to be said."""

    store: Store
    slack: LocalSlack
    delivery: Delivery
    socket: SlackSocket
    worker: Again
    done: list[Press]  # what the desk is done with
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def kept(self) -> int:
        """A report that nobody judged yet."""
        number = next(self.numbers)
        raw = f"Subject: number {number}\r\n\r\n{SPF}".encode()
        message = RawMessage(folder="INBOX", uidvalidity=1, uid=number, size=len(raw), received_at=NOW, raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        return self.store.keep("security", "INBOX", [new], Cursor(1, number))[0]

    def report(self, disposition: Disposition = Disposition.OUT_OF_SCOPE, *, audited: bool = False) -> int:
        """A report with a card in Slack."""
        report_id = self.kept()
        report, number = self.store.report(report_id), report_id - 1
        verdict = replace(judge(make_report(f"number {number}", SPF)), report=report.key, disposition=disposition)
        self.store.record(
            report_id, blind(verdict) if audited else verdict, kind=VerdictKind.BOT, decided_by="bot", decided_at=NOW,
            letterhead=Letterhead(subject=f"number {number}", sender="ravi@hunter.example"),
            audited=verdict if audited else None,
            notices=audit_notices(report, ROUTES, NOW) if audited else first_notices(report, verdict, ROUTES, NOW),
        )  # fmt: skip
        self.tell()
        return report_id

    def tell(self) -> None:
        while self.delivery.deliver():
            pass

    def card(self, report_id: int) -> dict[str, Any]:
        """The card as it stands in Slack now."""
        (there,) = self.store.cards_of(report_id)
        return next(m for m in self.slack.messages(CHANNEL) if m["ts"] == there.ts)

    def press(self, user: str, report_id: int, action: str, entry: str = "") -> str:
        """A click, and what Slack itself says to it; what the bot does of it is done when this returns."""
        card = self.card(report_id)
        option = next(
            (o["value"] for e in shown(card) for o in e.get("options", ()) if o["value"].startswith(entry + ":")), ""
        )
        return self._done(lambda: self.slack.hands.press(user, CHANNEL, card["ts"], action, option)).trouble

    def say(self, user: str, text: str, channel: str = CHANNEL) -> str:
        """`/triage` with this, and what they alone are told."""
        self._done(lambda: self.slack.hands.slash(user, "/triage", text, channel))
        return (self.slack.told(user) or [""])[-1]

    def change_verdict(self, user: str, ts: str) -> str:
        """The shortcut on a message."""
        return self._done(lambda: self.slack.hands.shortcut(user, SHORTCUT, CHANNEL, ts)).trouble

    def home(self, user: str) -> dict[str, Any]:
        """The home tab, once it is opened."""
        self._done(lambda: self.slack.hands.open_home(user))
        return self.slack.workspace.homes[user]

    def press_home(self, user: str, action: str, number: int = 0) -> str:
        return self._done(lambda: self.slack.hands.press_home(user, action, number)).trouble

    def submit(self, user: str, **fields: Any) -> Done:
        """The modal that they see, saved."""
        return self._done(lambda: self.slack.hands.submit(user, fields))

    def _done(self, do: Callable[[], Done]) -> Done:
        before = len(self.done)
        said = do()
        if not said.trouble and not said.errors:
            self.slack.wait_for(lambda: len(self.done) > before, 10)
        self.tell()
        return said


def shown(card: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]]


def labels(card: dict[str, Any]) -> list[str]:
    return [e["text"]["text"] for e in shown(card) if e["type"] == "button"]


def words(card: dict[str, Any]) -> str:
    return json.dumps(card, ensure_ascii=False)


@contextmanager
def office(
    folder: Path, slack: LocalSlack, users: tuple[str, ...] = ("U0ANA", "U0BEN"), groups: tuple[str, ...] = ()
) -> Iterator[Office]:
    ticks = itertools.count()

    def now() -> datetime:
        return NOW + timedelta(seconds=next(ticks))

    wording = Wording(
        policy="p", word="mochi", titles={c.id: c.title for c in rulebook().categories}, requested={}, assets={},
        carve_outs={"email_authentication": ("consequence",)},
        replies={"out_of_scope": "We do not seek this:\n{clause}\nSee {url}", "incomplete": "Send {missing}."}, url="https://a.example",
        clauses={"cookie_flags": ("Flags on cookies", "by_extension")},
    )  # fmt: skip
    line = SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=5)
    worker = Again()
    with Store.open(f"sqlite:///{folder}/t.db", now=now) as store:
        allowed = Allowed(users, groups, line.members, now=now)
        desk = Desk(
            store=store, worker=worker, wording=wording, routes=ROUTES, tier=Tier.REDUCED, now=now,
            reception=Reception(store=store, slack=line, allowed=allowed, channel=CHANNEL, now=now), known=tuple(wording.titles), told=lambda: None,
        )  # fmt: skip
        commands = Commands(desk=desk, accounts=("security",))
        delivery = Delivery(
            store, line, wording, channel=CHANNEL, tier=Tier.REDUCED, grace=timedelta(seconds=5), now=now,
            pace=timedelta(), pressable=True,
        )  # fmt: skip

        done: list[Press] = []

        def take(press: Press) -> None:
            commands.take(press)
            done.append(press)

        socket = SlackSocket(
            app_token=lambda: slack.app_token, bot_token=lambda: slack.token, base_url=slack.base_url, wrong=desk.wrong,
            take=take, now=now, ping=0.3,
        )  # fmt: skip
        it = Office(store=store, slack=slack, delivery=delivery, socket=socket, worker=worker, done=done)
        try:
            connected(it)
            yield it
        finally:
            slack.sockets.disconnect_all()  # else the SDK waits three seconds for a word
            socket.stop()


def connected(it: Office, number: int = 1) -> None:
    it.slack.wait_for(lambda: it.socket.keep() and it.slack.sockets.connections >= number, 20)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(channels=(CHANNEL,)) as it:
        yield it


@pytest.fixture
def desk(tmp_path: Path, slack: LocalSlack) -> Iterator[Office]:
    with office(tmp_path, slack) as it:
        yield it


# ------------------------------------------------------------------------------------------------ taking


def test_a_live_report_is_taken_first_and_given_back(desk: Office) -> None:
    """ "Take it" comes first; the card names who has it; who comes second is told; giving it back frees it."""
    report = desk.report(Disposition.IN_SCOPE)
    assert labels(desk.card(report)) == ["Take it", "Change…"]

    assert desk.press("U0ANA", report, "triage_take") == ""

    assert "Taken by ana, 2026-11-02 09:00 UTC" in words(desk.card(report))
    assert labels(desk.card(report)) == ["Agree: in scope", "Change…"]
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]
    desk.press("U0ANA", report, "triage_more", "give_back")
    assert "Taken by" not in words(desk.card(report))
    desk.press("U0BEN", report, "triage_take")
    assert "Taken by ben" in words(desk.card(report))
    assert [(a.kind, a.by, a.outcome) for a in desk.store.acts(report)] == [
        (ActKind.TAKE, "person:ana (U0ANA)", Outcome.DONE),
        (ActKind.GIVE_BACK, "person:ana (U0ANA)", Outcome.DONE),
        (ActKind.TAKE, "person:ben (U0BEN)", Outcome.DONE),
    ]


def test_who_takes_second_is_told_who_was_first(desk: Office, slack: LocalSlack) -> None:
    """Both see the button: one has it, the other hears so, alone."""
    report = desk.report(Disposition.NEEDS_REVIEW)
    card = desk.card(report)
    desk.press("U0ANA", report, "triage_take")
    slack.workspace.channels[CHANNEL][0]["blocks"] = card["blocks"]  # what ben still has on his screen

    desk.press("U0BEN", report, "triage_take")

    (said,) = slack.told("U0BEN")
    assert said.startswith("ana took `")
    assert slack.told("U0ANA") == []
    assert desk.store.holder(report).by == "person:ana (U0ANA)"  # type: ignore[union-attr]


def test_a_report_that_is_not_live_has_the_likely_answer_first(desk: Office) -> None:
    assert labels(desk.card(desk.report(Disposition.OUT_OF_SCOPE))) == ["Agree: out of scope", "Change…"]
    assert labels(desk.card(desk.report(Disposition.INCOMPLETE))) == ["Agree: incomplete", "Change…"]


# ------------------------------------------------------------------------------------------------ deciding


def test_agreeing_decides_as_the_command_line_does(desk: Office) -> None:
    """A person's verdict with the bot's categories; the buttons go, the card says who, the bot's guess stays."""
    report = desk.report()

    desk.press("U0ANA", report, "triage_agree")

    current = desk.store.current(report)
    assert current is not None
    assert (current.kind, current.decided_by) == (VerdictKind.PERSON, "person:ana (U0ANA)")
    assert [f.category for f in current.verdict.categories] == ["email_authentication"]
    card = desk.card(report)
    assert shown(card) == []
    assert "*Out of scope*, decided by ana" in words(card)
    assert "The bot recommends: ⚪ Out of scope, very likely" in words(card)
    assert card["text"].startswith("Out of scope · ")


def test_change_says_what_it_is_and_why(desk: Office) -> None:
    """The modal holds what the bot thought; what is saved is a person's verdict with its reason."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None
    inputs = {b["block_id"]: b["element"] for b in modal["blocks"] if b["type"] == "input"}
    assert inputs["what"]["initial_option"]["value"] == "out_of_scope"
    assert [o["value"] for o in inputs["kinds"]["initial_options"]] == ["email_authentication"]
    assert [o["value"] for o in inputs["word"]["initial_options"]] == ["yes"]

    desk.submit("U0ANA", what="in_scope", kinds=[], word=[], why="it takes over accounts")

    current = desk.store.current(report)
    assert current is not None
    assert (current.verdict.disposition, current.reason) == (Disposition.IN_SCOPE, "it takes over accounts")
    assert current.verdict.acknowledgement.state.value == "missing"
    assert "*Decided by ana*: it takes over accounts" in words(desk.card(report))


def test_a_modal_that_makes_no_sense_stays_open(desk: Office) -> None:
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")

    said = desk.submit("U0ANA", what="not_a_report")

    assert said.errors == {"kinds": "A mail that is called not a report has no categories."}
    assert desk.slack.hands.modal("U0ANA") is not None
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_the_word_is_left_as_the_bot_saw_it_where_nobody_touches_it(desk: Office) -> None:
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    desk.submit("U0ANA", why="as it is")

    assert desk.store.current(report).verdict.acknowledgement.state.value == "found"  # type: ignore[union-attr]


def test_of_two_who_decide_at_once_the_second_is_shown_what_the_first_said(desk: Office, slack: LocalSlack) -> None:
    """Both have the modal open; nothing is overwritten, and what the second wrote is not lost either."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    desk.press("U0BEN", report, "triage_change")
    desk.submit("U0ANA", what="in_scope", why="a mail was spoofed")

    desk.submit("U0BEN", what="out_of_scope", why="only SPF <!channel>")

    assert desk.store.current(report).decided_by == "person:ana (U0ANA)"  # type: ignore[union-attr]
    (said,) = slack.told("U0BEN")
    assert "ana decided" in said
    assert "*In scope*: “a mail was spoofed”" in said
    assert "What you said was not saved: Out of scope, “only SPF &lt;!channel&gt;”." in said
    assert desk.store.acts(report)[-1].outcome is Outcome.LATE


def test_a_press_on_a_card_that_changed_meanwhile_says_so(desk: Office, slack: LocalSlack) -> None:
    """The bot judged it again while somebody was about to agree: what they saw no longer holds."""
    report = desk.report()
    old = desk.card(report)
    desk.press("U0BEN", report, "triage_more", "again")
    assert "now *Needs review*" in slack.told("U0BEN")[0]
    slack.workspace.channels[CHANNEL][0]["blocks"] = old["blocks"]

    desk.press("U0ANA", report, "triage_agree")

    assert "was judged again meanwhile, now *Needs review*" in slack.told("U0ANA")[0]
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_why_shows_everything_that_was_seen(desk: Office) -> None:
    report = desk.report()
    desk.press("U0ANA", report, "triage_more", "why")

    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None
    assert "`rule:email_authentication." in words(modal)


def test_the_suggested_reply_is_shown_to_be_copied(desk: Office) -> None:
    """The policy's text with the clause; offered where there is one, and never for an audit."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_more", "reply")

    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None
    assert (
        "We do not seek this:\\n“Sender Policy Framework (SPF) configuration suggestions”\\nSee https://a.example"
        in words(modal)
    )
    in_scope = words(desk.card(desk.report(Disposition.IN_SCOPE)))
    assert "Suggested reply" not in in_scope + words(desk.card(desk.report(audited=True)))


def test_a_reply_with_a_hole_in_it_is_none() -> None:
    """ "Please send: ." is worse than nothing."""
    verdict = Verdict(report="0" * 64, disposition=Disposition.INCOMPLETE, confidence=1, why="")
    replies = {"incomplete": "Send {missing}."}

    assert suggested(replies, verdict, requested={}, url="") == ""
    asked = replace(verdict, missing=("steps_to_reproduce",))
    assert suggested(replies, asked, requested={"steps_to_reproduce": "the steps"}, url="") == "Send the steps."


# ------------------------------------------------------------------------------------------------ audits


def test_an_audit_is_answered_by_a_button_and_stays_blind_until_then(desk: Office) -> None:
    report = desk.report(audited=True)
    card = desk.card(report)
    assert labels(card) == ["In scope", "Out of scope…", "Incomplete", "Not a report"]
    assert not [e for e in shown(card) if e.get("style")]  # none is recommended
    assert "mail authentication" not in words(card).lower()

    desk.press("U0ANA", report, "triage_answer_in_scope")

    assert desk.store.current(report).verdict.disposition is Disposition.IN_SCOPE  # type: ignore[union-attr]
    assert "Asked blind. The bot's opinion: *Out of scope*" in words(desk.card(report))


def test_an_audits_modal_gives_nothing_away(desk: Office) -> None:
    report = desk.report(audited=True)
    desk.press("U0ANA", report, "triage_change")
    modal = desk.slack.hands.modal("U0ANA")
    assert modal is not None

    inputs = {b["block_id"]: b["element"] for b in modal["blocks"] if b["type"] == "input"}
    assert "initial_options" not in inputs["kinds"]
    assert "initial_options" not in inputs["word"]
    assert "needs_review" not in [o["value"] for o in inputs["what"]["options"]]
    desk.submit("U0ANA", kinds=["email_authentication"])
    assert desk.store.current(report).verdict.disposition is Disposition.OUT_OF_SCOPE  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------ who may


def test_who_is_not_named_is_told_so_alone_and_it_is_kept(desk: Office, slack: LocalSlack) -> None:
    report = desk.report()

    assert desk.press("U0EVE", report, "triage_agree") == ""
    assert desk.press("U0EVE", report, "triage_change") == ""

    assert slack.told("U0EVE") == [NOT_ALLOWED] * 2
    assert slack.hands.modal("U0EVE") is None
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]
    assert [(a.by, a.outcome) for a in desk.store.acts(report)] == [("person:eve (U0EVE)", Outcome.REFUSED)] * 2


def test_a_modal_does_not_outlive_the_right_to_save_it(desk: Office, slack: LocalSlack) -> None:
    """What is asked when it opens is asked again when it is saved."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    modal = slack.workspace.modals["U0ANA"]
    slack.workspace.modals["U0EVE"] = modal

    desk.submit("U0EVE", what="not_a_report", kinds=[])

    assert slack.told("U0EVE") == [NOT_ALLOWED]
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_a_groups_members_may_and_are_remembered_for_a_while(tmp_path: Path, slack: LocalSlack) -> None:
    with office(tmp_path, slack, users=(), groups=("S0SECURITY",)) as desk:
        first, second = desk.report(), desk.report()
        desk.press("U0ANA", first, "triage_agree")
        desk.press("U0EVE", second, "triage_agree")

        assert desk.store.current(first).kind is VerdictKind.PERSON  # type: ignore[union-attr]
        assert slack.told("U0EVE") == [NOT_ALLOWED]
        assert slack.calls.count("usergroups.users.list") == 1


def test_a_group_that_cannot_be_looked_up_lets_nobody_in(tmp_path: Path, slack: LocalSlack) -> None:
    slack.scopes -= {"usergroups:read"}
    with office(tmp_path, slack, users=(), groups=("S0SECURITY",)) as desk:
        report = desk.report()
        desk.press("U0ANA", report, "triage_agree")

        assert slack.told("U0ANA") == [NOT_ASKED]
        assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_everybody_means_everybody_of_the_workspace() -> None:
    """A channel may be shared with another company, whose people decide nothing here."""
    now = [NOW]
    asked: list[str] = []

    def members(group: str) -> frozenset[str]:
        asked.append(group)
        return frozenset({"U9"})

    def press(user: str, *, own: bool) -> Press:
        return Press(action="a", value="", user=user, name="x", own_team=own)

    everybody = Allowed(("*",), (), members, now=lambda: now[0])
    assert everybody.may(press("U1", own=True))
    assert not everybody.may(press("U1", own=False))
    group = Allowed((), ("S1",), members, now=lambda: now[0])
    assert [group.may(press("U9", own=False)) for _ in "12"] == [True, True]
    now[0] += REMEMBERED + timedelta(seconds=1)
    assert group.may(press("U9", own=True))
    assert asked == ["S1", "S1"]


# ------------------------------------------------------------------------------------------------ faults


def test_an_unknown_button_is_acknowledged_and_answered(desk: Office, slack: LocalSlack) -> None:
    """A card of an older version, or a foreign value: acked, told to the one who pressed, and kept."""
    report = desk.report()
    message = slack.workspace.channels[CHANNEL][0]
    message["blocks"][-1]["elements"] = [
        {"type": "button", "action_id": "old_button", "value": "7K3Q", "text": {"type": "plain_text", "text": "Old"}},
        {
            "type": "button",
            "action_id": "triage_agree",
            "value": "1:security:0123abcd",
            "text": {"type": "plain_text", "text": "Else"},
        },
    ]

    assert desk.press("U0ANA", report, "old_button") == ""
    assert desk.press("U0ANA", report, "triage_agree") == ""

    assert slack.told("U0ANA") == [UNKNOWN] * 2
    assert [(a.report_id, a.outcome) for a in desk.store.acts()] == [(None, Outcome.FAILED)] * 2


def test_what_nobody_here_knows_is_acknowledged_and_answered(desk: Office, slack: LocalSlack) -> None:
    """A shortcut of another version is acked and told; a home tab that cannot be shown yet is acked."""
    assert slack.hands.shortcut("U0ANA", "anything", CHANNEL, desk.card(desk.report())["ts"]).trouble == ""
    slack.wait_for(lambda: slack.told("U0ANA") == [UNKNOWN], 10)
    assert slack.hands.shortcut("U0ANA", "anything").trouble == ""
    assert slack.hands.open_home("U0ANA").trouble == ""


def test_a_card_of_before_a_restart_still_works(tmp_path: Path, slack: LocalSlack) -> None:
    """Nothing that a press needs is only in memory."""
    with office(tmp_path, slack) as first:
        report = first.report()
    with office(tmp_path, slack) as second:
        second.press("U0ANA", report, "triage_agree")

        assert second.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]
        assert shown(second.card(report)) == []


def test_a_card_that_somebody_deleted_is_said_anew_after_the_decision(desk: Office, slack: LocalSlack) -> None:
    """ana has the modal open while the message is removed: her word is kept, and told in a new card."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    slack.remove(CHANNEL, desk.card(report)["ts"])

    desk.submit("U0ANA", what="in_scope", why="it is real")

    assert desk.store.current(report).verdict.disposition is Disposition.IN_SCOPE  # type: ignore[union-attr]
    assert "decided by ana" in words(desk.card(report))


def test_a_line_that_breaks_in_the_middle_of_a_modal_loses_nothing(desk: Office, slack: LocalSlack) -> None:
    """Saving without a line is told by Slack, the modal stays; the line comes back by itself, and saving works."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    slack.sockets.cut()
    slack.wait_for(lambda: not slack.sockets.connections, 10)
    assert desk.submit("U0ANA", what="in_scope").trouble == UNCONNECTED
    assert slack.hands.modal("U0ANA") is not None

    connected(desk)
    desk.submit("U0ANA", what="in_scope", why="said twice, kept once")

    history = desk.store.history(report)
    assert [h.kind for h in history] == [VerdictKind.BOT, VerdictKind.PERSON]


def test_a_revoked_app_comes_back_when_it_is_installed_again(
    desk: Office, slack: LocalSlack, caplog: pytest.LogCaptureFixture
) -> None:
    """token_revoked: the rest goes on, the log says why, and the line is there again without a restart."""
    caplog.set_level(logging.INFO, "triage")
    report = desk.report()
    slack.revoke()
    slack.wait_for(lambda: not desk.socket.connected, 10)
    slack.wait_for(lambda: not desk.socket.keep() and "token_revoked" in str([r.__dict__ for r in caplog.records]), 10)

    slack.revoke(revoked=False)
    connected(desk)
    desk.press("U0ANA", report, "triage_agree")

    assert desk.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]


def test_blocks_that_slack_refuses_cost_the_buttons_and_not_the_card(desk: Office, slack: LocalSlack) -> None:
    """invalid_blocks at an update: the decision is kept, and the card says it in plain text."""
    report = desk.report()
    slack.script("error:invalid_blocks")
    desk.press("U0ANA", report, "triage_agree")

    assert desk.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]
    assert desk.card(report)["text"].startswith("Out of scope · ")


def test_a_modal_that_slack_does_not_open_is_told(desk: Office, slack: LocalSlack) -> None:
    report = desk.report()
    slack.script("error:expired_trigger_id")
    desk.press("U0ANA", report, "triage_change")

    assert "That was not done: Slack refused: expired_trigger_id" in slack.told("U0ANA")[0]


def test_connections_that_nobody_reads_are_told_in_the_log(
    tmp_path: Path, slack: LocalSlack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "triage")
    slack.sockets.ghosts = 2
    with office(tmp_path, slack) as desk:
        slack.wait_for(lambda: desk.socket.connections == 3, 10)

    assert [r.__dict__["connections"] for r in caplog.records if r.message == "socket.others"] == [3]


def test_nothing_of_a_report_reaches_the_log(desk: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the SDK's words nor ours quote a payload, which holds the whole card."""
    caplog.set_level(logging.DEBUG)
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    desk.submit("U0ANA", what="in_scope", why=SECRET)

    assert SECRET not in caplog.text
    assert "number 0" not in caplog.text


@pytest.mark.parametrize(
    "text", ["", "7K3Q", "1:a:XYZ", "x:security:0123abcd", "1:sec urity:0123abcd", "1:a:" + "0" * 65]
)
def test_a_strange_handle_is_none(text: str) -> None:
    assert Handle.read(text) is None


def test_a_handle_survives_its_way() -> None:
    handle = Handle(12, "security@company.example", "0123456789abcdef")

    assert Handle.read(str(handle)) == handle


def test_a_private_answer_that_cannot_be_given_ends_nothing(desk: Office, slack: LocalSlack) -> None:
    report = desk.report()
    slack.script("error:user_not_in_channel")
    desk.press("U0EVE", report, "triage_agree")
    desk.press("U0ANA", report, "triage_agree")

    assert desk.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]


def test_doctor_says_whether_the_line_opens(tmp_path: Path, slack: LocalSlack) -> None:
    """With the right token, with a bot token in its place, and without any."""
    for name, text in (("bot", slack.token), ("app", slack.app_token)):
        (tmp_path / name).write_text(text, encoding="utf-8")

    def rows(**more: object) -> list[str]:
        said = {"channel": CHANNEL, "base_url": slack.base_url, "bot_token": {"file": str(tmp_path / "bot")}} | more
        account = {"host": "127.0.0.1", "user": "a", "password": {"env": "X"}}
        settings = Settings.model_validate({"accounts": [account], "slack": said})
        return [f"{r.state} {r.what}" for r in _look_at_slack(settings)]

    right = rows(app_token={"file": str(tmp_path / "app")}, allowed_users=["U0ANA"])
    wrong = rows(app_token={"file": str(tmp_path / "bot")}, allowed_users=["U0ANA"])

    assert "ok Socket Mode opens; who may press: U0ANA" in right
    assert any(r.startswith("bad slack.app_token: ") and "xapp-" in r for r in wrong)
    assert not any("Socket Mode" in r for r in rows())


def test_slacks_own_refusals_are_the_notifiers(slack: LocalSlack) -> None:
    """whisper, open_modal and members speak the port's errors."""
    line = SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=5)
    for call in (
        lambda: line.whisper("C0NOWHERE", "U0ANA", "x"),
        lambda: line.open_modal("gone", {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}),
        lambda: line.members("S0NOBODY"),
    ):
        with pytest.raises(NotSaid):
            call()


# ------------------------------------------------------------------------------------------------ the trail


def test_what_people_did_is_shown_and_exported(tmp_path: Path) -> None:
    """`show` and `export audit`: acts in Slack and decisions anywhere, by time."""
    config = configuration(tmp_path, ACCOUNT, SimpleNamespace(base_url="http://127.0.0.1:9/api/"))
    (tmp_path / "state").mkdir()
    with Store.open(f"sqlite:///{tmp_path}/state/triage.db", now=lambda: NOW) as store:
        raw = b"Subject: one\r\n\r\none"
        message = RawMessage(folder="INBOX", uidvalidity=1, uid=1, size=len(raw), received_at=NOW, raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        (report_id,) = store.keep("security", "INBOX", [new], Cursor(1, 1))
        key = store.report(report_id).key
        verdict = Verdict(report=key, disposition=Disposition.IN_SCOPE, confidence=0.9, why="w")
        store.record(report_id, verdict, kind=VerdictKind.BOT, decided_by="bot", decided_at=NOW)
        ana = {"report_id": report_id, "by": "person:ana (U0ANA)"}
        store.hold(Act(**ana, kind=ActKind.TAKE, at=NOW + timedelta(minutes=1), outcome=Outcome.DONE), ())  # type: ignore[arg-type]
        store.note(Act(report_id=None, by="person:eve (U0EVE)", kind=ActKind.OTHER, at=NOW, outcome=Outcome.REFUSED))
        correction = Correction(disposition=Disposition.OUT_OF_SCOPE, by="person:ben", reason="known")
        correct(store, key, correction, known=(), routes=Routes(channel=CHANNEL), now=NOW + timedelta(minutes=2))

    exported = [json.loads(line) for line in triage("export", "audit", "--config", config).stdout.splitlines()]
    shown_data = json.loads(triage("show", key[:8], "--json", "--config", config).stdout)

    assert [(e["report"], e["act"], e["by"], e["outcome"]) for e in exported] == [
        (None, "other", "person:eve (U0EVE)", "refused"),
        (key[:8], "take", "person:ana (U0ANA)", "done"),
        (key[:8], "decide", "person:ben", "out_of_scope"),
    ]
    assert [a["act"] for a in shown_data["acts"]] == ["take"]
    assert "2026-11-02 09:01  person:ana (U0ANA)  take, done" in triage("show", key[:8], "--config", config).stdout
