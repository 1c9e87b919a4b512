"""Precedents and follow-ups from the mail to what Slack shows: the real store, delivery and local Slack, verdicts on cue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedMailbox
from test_likeness import ACME, FOREIGN, OTHER

from bot.audit import Drawing
from bot.correction import Correction, apply, correct, judge_again
from bot.delivery import Delivery
from bot.judge import traces
from bot.local.slack import LocalSlack
from bot.mail.mime import parse
from bot.ports import Context, KeptReport, Letterhead
from bot.routing import Routes
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.view import Tier
from bot.store import Store
from bot.tasks import Judged, Task
from bot.triage import Reading, Triage
from bot.worker import Worker
from classifiers.terms import Disposition, Verdict

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CHANNEL = "C0TRIAGE"
READING = Reading(account="a", folders=("INBOX",), junk=frozenset(), start=None)
OUT, IN = Disposition.OUT_OF_SCOPE, Disposition.IN_SCOPE


class Scripted(Worker):
    """Says of a mail what its X-Verdict field wants; reads its traces as the child does."""

    def __init__(self) -> None:
        super().__init__(Context(rules=Path(), policy="p", model=None))

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for task in tasks:
            report = parse(task.raw, trusted_authserv=("mx.us.example",))
            wanted = task.raw.partition(b"X-Verdict: ")[2].split()[0].decode()
            verdict = Verdict(
                report=report.key, disposition=Disposition(wanted), confidence=0.9, why="its rules say so"
            )
            words = "\n".join(p.text for p in report.passages)
            yield Judged(verdict=verdict, letterhead=Letterhead(subject=report.subject), traces=traces(report, words))


class Bot:
    """Everything between a mailbox and Slack, a step at a time."""

    def __init__(self, store: Store, slack: LocalSlack) -> None:
        self.store, self.slack = store, slack
        self.box = ScriptedMailbox("INBOX")
        self.box.connect()
        self.at = NOW
        self.triage = Triage(store=store, worker=Scripted(), routes=Routes(channel=CHANNEL), now=self.now)
        self.delivery = Delivery(
            store, SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=5),
            Wording(policy="p", word="mochi", titles={}, requested={}, assets={}),
            channel=CHANNEL, tier=Tier.REDUCED, grace=timedelta(seconds=5), now=self.now, pace=timedelta(),
        )  # fmt: skip
        self.triage.read(self.box, READING)

    def now(self) -> datetime:
        self.at += timedelta(seconds=5)
        return self.at

    def receives(
        self, body: str, verdict: Disposition, *, sender: str = "ravi@hunter.example", number: int = 1, head: str = "",
        answers: int | None = None,
    ) -> KeptReport:  # fmt: skip
        """A mail arrives, is judged and told."""
        named = f"In-Reply-To: <{answers}@hunter.example>\r\n" if answers else ""
        raw = (
            f"{head}From: {sender}\r\nMessage-ID: <{number}@hunter.example>\r\n{named}X-Verdict: {verdict.value}\r\n"
            f"Subject: mail {number}\r\n\r\n{body}\r\n"
        )
        self.box.deliver(raw.encode(), received_at=self.now())
        self.triage.read(self.box, READING)
        self.triage.judge_waiting()
        self.tells()
        return self.store.listing()[-1][0]

    def tells(self) -> None:
        while self.delivery.deliver():
            pass
        assert self.store.due(self.now() + timedelta(days=1), 9) == ()

    def decides(self, report: KeptReport, as_: Disposition, by: str = "ana") -> None:
        said = Correction(disposition=as_, by=f"person:{by}")
        correct(self.store, report.key, said, known=(), routes=Routes(channel=CHANNEL), now=self.now())
        self.tells()

    def holds(self, report: KeptReport) -> Disposition:
        current = self.store.current(report.id)
        assert current is not None
        return current.verdict.disposition

    def posts(self) -> list[str]:
        """What stands in the channel itself, oldest first."""
        return [words(m) for m in self.slack.messages(CHANNEL) if not m.get("thread_ts")]

    def replies(self, nth_post: int = 0) -> list[str]:
        """What stands in the thread of a post, without its details."""
        post = [m for m in self.slack.messages(CHANNEL) if not m.get("thread_ts")][nth_post]
        inside = [words(m) for m in self.slack.messages(CHANNEL) if m.get("thread_ts") == post["ts"]]
        return [r for r in inside if "Everything that was seen" not in r]


def words(message: dict[str, Any]) -> str:
    return json.dumps([message["text"], message.get("blocks", [])], ensure_ascii=False)


@contextmanager
def working(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bot]:
    """A bot with a state folder and a Slack of its own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with (
        Store.open(f"sqlite:///{folder}/state/triage.db", now=lambda: NOW) as store,
        LocalSlack(channels=(CHANNEL,)) as slack,
    ):
        yield Bot(store, slack)


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bot]:
    with working(tmp_path, monkeypatch) as it:
        yield it


# ------------------------------------------------------------------------------------------------ precedents


def test_a_card_says_what_was_decided_of_its_like(bot: Bot) -> None:
    """One line, and the disposition as it was."""
    first = bot.receives(ACME, OUT, number=1)
    second = bot.receives(OTHER, OUT, sender="eve@other.example", number=2)
    bot.decides(first, OUT)
    bot.decides(second, OUT)

    third = bot.receives(ACME, OUT, sender="bob@third.example", number=3)

    assert f"2 similar, all out of scope by @ana (latest {second.short})" in bot.posts()[1]
    assert bot.holds(third) is OUT
    assert "similar" not in bot.posts()[0]


def test_a_person_who_called_the_like_in_scope_keeps_it_from_being_dismissed(bot: Bot) -> None:
    """needs_review, with the report's id; the same when it is judged again."""
    first = bot.receives(ACME, OUT, number=1)
    bot.decides(first, IN)

    second = bot.receives(OTHER, OUT, sender="eve@other.example", number=2)

    assert bot.holds(second) is Disposition.NEEDS_REVIEW
    assert f"a person called the similar report {first.short} in scope" in bot.posts()[2]
    assert f"1 similar, in scope by @ana ({first.short})" in bot.posts()[2]
    (change,) = judge_again(bot.store, bot.triage.worker, [second])
    assert not change.changes


def test_a_bots_in_scope_changes_nothing(bot: Bot) -> None:
    """Only people's words weigh."""
    bot.receives(ACME, IN, number=1)

    assert bot.holds(bot.receives(OTHER, OUT, sender="eve@other.example", number=2)) is OUT
    assert "1 similar, in scope by the bot" in bot.posts()[1]


def test_an_open_audit_shows_nothing_of_its_like(bot: Bot) -> None:
    """What was decided of similar reports would tell what the bot thinks of this one."""
    bot.receives(ACME, OUT, number=1)
    bot.triage = replace(bot.triage, drawing=Drawing(share=1.0, seed=b"a seed for tests"))
    bot.receives(OTHER, OUT, sender="eve@other.example", number=2)

    assert "Audit: what is this?" in bot.posts()[1]
    assert "similar" not in bot.posts()[1]


# ------------------------------------------------------------------------------------------------ follow-ups


def test_a_follow_up_stands_in_its_thread(bot: Bot) -> None:
    """No card of its own; of the same disposition it changes nothing."""
    first = bot.receives(ACME, OUT, number=1)
    second = bot.receives("Any news?", OUT, number=2, answers=1)
    third = bot.receives("Hello again?", OUT, number=3, answers=2)

    (_,) = bot.posts()
    one, other = bot.replies()
    assert second.short in one
    assert f"a follow-up to_ `{first.short}`" in one
    assert third.short in other
    assert [f.id for f in bot.store.follow_ups(first.id)] == [second.id, third.id]
    assert len(bot.store.history(first.id)) == 1


@pytest.mark.parametrize("live", [IN, Disposition.NEEDS_REVIEW])
def test_a_live_follow_up_raises_a_bots_dismissal(bot: Bot, live: Disposition) -> None:
    """Appended, the card changed, the channel told; a later dismissed one lowers nothing, nor does judging again."""
    first = bot.receives(ACME, OUT, number=1)
    second = bot.receives(FOREIGN, live, number=2, answers=1)

    card, sentence = bot.posts()
    said = live.value.replace("_", " ")
    assert bot.holds(first) is live
    assert f"a follow-up raised it: {second.short}" in card
    assert f"`{first.short}` was recommended as out of scope; a follow-up raised it to {said}" in sentence
    assert [h.verdict.disposition for h in bot.store.history(first.id)] == [OUT, live]
    assert len(bot.replies()) == 1

    bot.receives("Thanks.", OUT, number=3, answers=1)
    (change,) = judge_again(bot.store, bot.triage.worker, [first])
    apply(bot.store, change, routes=Routes(channel=CHANNEL), now=bot.now)
    assert bot.holds(first) is live
    assert len(bot.posts()) == 2


def test_a_quiet_thread_that_is_raised_gets_a_card(bot: Bot) -> None:
    """The first mail had gone to the digest; its card and the follow-up under it tell the channel."""
    first = bot.receives(ACME, Disposition.NOT_A_REPORT, number=1)
    assert bot.posts() == []

    bot.receives(FOREIGN, IN, number=2, answers=1)

    (card,) = bot.posts()
    assert first.short in card
    assert len(bot.replies()) == 1


def test_a_quiet_thread_that_is_not_raised_stays_quiet(bot: Bot) -> None:
    """No card is made for the sake of a follow-up that needs none."""
    bot.receives(ACME, Disposition.NOT_A_REPORT, number=1)
    bot.receives("Hello again", Disposition.NOT_A_REPORT, number=2, answers=1)

    assert bot.posts() == []
    assert bot.store.counts()["for_the_digest"] == 2


def test_a_persons_verdict_is_left_alone_and_the_channel_is_told(bot: Bot) -> None:
    """Only a notice: what ana said holds."""
    first = bot.receives(ACME, OUT, number=1)
    bot.decides(first, OUT)
    bot.receives(FOREIGN, IN, number=2, answers=1)

    card, sentence = bot.posts()
    assert bot.holds(first) is OUT
    assert "Decided by ana" in card
    assert (
        f"A follow-up to `{first.short}` is recommended as in scope. A person called that report out of scope"
        in sentence
    )
    assert len(bot.store.history(first.id)) == 2


def test_a_person_who_is_faster_is_not_overruled(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decided between the look and the write: looked at again, and told as a person's."""
    first = bot.receives(ACME, OUT, number=1)
    cards_of = bot.store.cards_of

    def decide_meanwhile(report_id: int) -> Any:
        monkeypatch.undo()
        bot.decides(first, OUT)
        return cards_of(report_id)

    monkeypatch.setattr(bot.store, "cards_of", decide_meanwhile)
    bot.receives(FOREIGN, IN, number=2, answers=1)

    assert bot.holds(first) is OUT
    assert "and so it stays" in bot.posts()[1]


def test_a_stranger_who_names_a_report_joins_nothing(bot: Bot) -> None:
    """A card of its own that says so; the thread is untouched, and what follows the stranger's mail is the stranger's."""
    first = bot.receives(ACME, OUT, number=1)
    bot.receives(FOREIGN, IN, sender="eve@other.example", number=2, answers=1)

    assert bot.holds(first) is OUT
    assert f"it names_ `{first.short}` _as what it answers, but another sender sent that" in bot.posts()[1]
    assert bot.replies() == []


def test_a_known_message_id_taken_again_takes_over_no_thread(bot: Bot) -> None:
    """A stranger's mail under the same Message-ID: the true sender's follow-up still finds the true thread."""
    first = bot.receives(ACME, OUT, number=1)
    bot.receives(FOREIGN, OUT, sender="eve@other.example", number=1)
    bot.receives("Any news?", OUT, number=3, answers=1)

    assert len(bot.store.follow_ups(first.id)) == 1


SIGNED = "Authentication-Results: mx.us.example; dkim=pass header.d={0}\r\n"
FORGED = "Authentication-Results: mx.us.example; dkim=none; dmarc=fail\r\n"


@pytest.mark.parametrize(
    ("sender", "head", "joins"),
    [
        ("ravi@hunter.example", "", True),
        ("RAVI@hunter.example", "", True),  # the same address
        ("ana@hunter.example", SIGNED.format("hunter.example"), True),  # a colleague, by a good signature
        ("ana@hunter.example", "", False),  # a colleague, as anybody could write
        ("ana@evil.example", SIGNED.format("evil.example"), False),
        ("ravi@hunter.example", FORGED, False),  # our server saw that it is forged
    ],
)
def test_who_may_join_a_thread(bot: Bot, sender: str, head: str, *, joins: bool) -> None:
    """The earlier sender, or the domain that a trusted server saw to have signed both."""
    first = bot.receives(ACME, OUT, number=1, head=SIGNED.format("hunter.example"))
    bot.receives("Any news?", OUT, sender=sender, number=2, answers=1, head=head)

    assert len(bot.store.follow_ups(first.id)) == int(joins)
    assert len(bot.posts()) == (1 if joins else 2)


def test_a_follow_up_survives_the_purge_of_its_thread(bot: Bot) -> None:
    """Threads are joined by digests, which stay."""
    first = bot.receives(ACME, OUT, number=1)
    bot.store.purge(NOW + timedelta(days=1), keep_corrections=False)
    bot.receives(FOREIGN, IN, number=2, answers=1)

    assert bot.holds(first) is IN
    assert len(bot.replies()) == 1
