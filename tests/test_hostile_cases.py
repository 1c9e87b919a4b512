"""Every hostile mail of tests/mail/hostile through the judging process: its outcome, the mail after it, and all that is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import hostile
import pytest
from make import MODEL, RULES
from surfaces import speaks_with_our_voice, texts, view

from bot.local.slack.limits import block_problem
from bot.ports import Context, Letterhead, VerdictKind
from bot.slack.cards import card
from bot.slack.view import CardView, Tier
from bot.tasks import Judged, Task, unreadable
from bot.worker import Worker
from classifiers.terms import Disposition

NO_SPF = (
    b"From: a@sender.example\r\nSubject: Missing SPF record\r\n\r\nThe domain has no SPF record. Please add one.\r\n"
)
CASES = list(hostile.files())


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    context = Context(rules=RULES, policy="planetscale", model=MODEL, trusted_authserv=("mx.company.example",))
    with Worker(context) as it:
        yield it


def test_each_case_has_its_outcome() -> None:
    """No file without one, no outcome without a file."""
    assert set(CASES) == set(hostile.outcomes())


@pytest.mark.parametrize("case", CASES)
def test_outcome(worker: Worker, case: str) -> None:
    """As the table says, within the limits, the process still alive; and the next mail is judged as ever."""
    raw, wanted = hostile.mail(case), hostile.outcomes()[case]
    deaths = worker.deaths

    judged, after = worker.judge([Task(raw=raw, size=len(raw)), Task(raw=NO_SPF, size=len(NO_SPF))])

    said = judged.verdict
    assert (judged.broken, worker.deaths) == ("", deaths)
    assert said.disposition.value in wanted.disposition
    assert wanted.defects <= set(said.defects)
    assert said.acknowledgement.state.value == wanted.word
    assert wanted.sender is None or judged.letterhead.sender == wanted.sender
    assert judged.traces is not None
    assert judged.traces.domain == "", "no server of ours vouched for it"
    assert after.verdict.disposition is Disposition.OUT_OF_SCOPE
    speaks_with_our_voice(judged)


def test_a_senders_look_alike_domain_is_told_in_ascii(worker: Worker) -> None:
    """Nobody reads our own domain there."""
    (judged,) = worker.judge([Task(raw=(raw := hostile.mail("address-of-look-alikes")), size=len(raw))])
    told = json.dumps(card(view(judged, Tier.FULL)), ensure_ascii=False)

    assert "xn--" in told
    assert "c\u043empany" not in told


def test_a_mail_that_cannot_be_read_has_a_card_of_safe_facts() -> None:
    """Where it lies, how large it is, why; nothing that would have taken reading."""
    broken = Judged(verdict=unreadable("ab" * 32, "cpu", "planetscale", None), letterhead=Letterhead(), broken="cpu")
    text, blocks = card(view(broken, Tier.FULL))
    told = "\n".join(texts(blocks))

    assert text == "Cannot be read · abababab"
    assert "took too much time" in told
    assert "folder INBOX, 1,234 bytes" in told
    assert "mochi" not in told
    assert block_problem(blocks, text) == ("", [])
    assert "nobody could look" in json.dumps(card(decided(view(broken, Tier.FULL))))


def decided(shown: CardView) -> CardView:
    person = replace(shown.recorded, kind=VerdictKind.PERSON, decided_by="person:ana", id=2)
    return replace(shown, recorded=person, history=(*shown.history, person))
