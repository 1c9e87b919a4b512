"""Earlier reports known again: what the child tells of a mail, who decided its like, whose thread it joins. Pure, and in the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from make import MODEL, RULES
from test_likeness import ACME, FOREIGN, OTHER

from bot.ports import Context, Cursor, KeptReport, NewReport, RawMessage, VerdictKind
from bot.precedent import Precedent, Traces, held_back, in_one_line, proven_domain, traces_from_json, traces_to_json
from bot.store import Store
from bot.tasks import Task
from bot.worker import Worker
from classifiers.likeness import likeness, signature
from classifiers.terms import DISMISSALS, Authentication, Disposition, Verdict, report_key

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def traces(text: str = ACME, **more: Any) -> Traces:
    some = Traces(
        signature=signature(text, text), message_id="1@a.example", references=(), sender="a@a.example", domain=""
    )
    return replace(some, **more)


# ------------------------------------------------------------------------------------------------ what the child tells


def test_the_child_tells_signature_and_thread_and_only_what_is_proven() -> None:
    """Own words without the quoted ones; a domain where a trusted server saw its signature; no sender where it saw a forgery."""
    head = (
        b"Authentication-Results: mx.us.example; dkim=pass header.d=a.example; dmarc=%s\r\nFrom: Ana <ana@a.example>\r\n"
        b"Message-ID: <2@a.example>\r\nReferences: <0@x> <1@a.example>\r\nIn-Reply-To: <1@a.example>\r\nSubject: DMARC\r\n\r\n"
    )
    body = ACME.encode() + b"\r\n\r\nOn Monday you wrote:\r\n> " + FOREIGN.encode() + b"\r\n"
    mails = [head % b"pass" + body, head % b"fail" + body]
    with Worker(Context(rules=RULES, policy="planetscale", model=MODEL, trusted_authserv=("mx.us.example",))) as worker:
        good, forged = (j.traces for j in worker.judge(Task(raw=m, size=len(m)) for m in mails))

    assert good is not None
    assert forged is not None
    assert likeness(good.signature, signature(ACME, "")) >= 0.8
    assert (good.message_id, good.references) == ("2@a.example", ("0@x", "1@a.example"))
    assert (good.sender, good.domain, forged.sender) == ("ana@a.example", "a.example", "")
    assert (good.proven, forged.proven) == (True, False)


@pytest.mark.parametrize(
    ("sender", "signed_by", "expected"),
    [
        ("ana@a.example", ("a.example",), "a.example"),
        ("ana@mail.a.example", ("a.example",), "a.example"),  # its own subdomain
        ("ana@a.example", ("b.example",), ""),  # a mailing service signed for itself
        ("ana@nota.example", ("a.example",), ""),
        ("ana@gmail.com", ("gmail.com",), ""),  # anybody may write from there
        ("ana@a.example", ("example",), ""),  # no domain of anybody's
        ("", ("a.example",), ""),
    ],
)
def test_a_signature_proves_its_own_domain_alone(sender: str, signed_by: tuple[str, ...], expected: str) -> None:
    """Only where the sender's address lies in it, and not everybody's does."""
    assert proven_domain(sender, Authentication(dkim="pass", signed_by=signed_by)) == expected
    assert proven_domain(sender, None) == ""


STRANGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda _: None,
    "an unknown key": lambda d: d | {"more": 1},
    "a missing key": lambda d: {k: v for k, v in d.items() if k != "sender"},
    "a signature too short": lambda d: d | {"signature": [1, 2]},
    "a number too large": lambda d: d | {"signature": [2**32] * 64},
    "a truth value for a number": lambda d: d | {"signature": [True] * 64},
    "text for numbers": lambda d: d | {"signature": "x" * 64},
    "references without end": lambda d: d | {"references": ["1@a"] * 51},
    "a reference without end": lambda d: d | {"references": ["x" * 501]},
    "no text": lambda d: d | {"sender": None},
    "a sender without end": lambda d: d | {"sender": "x" * 321},
    "a number for an id": lambda d: d | {"message_id": 3},
}


@pytest.mark.parametrize("name", STRANGE)
def test_traces_we_did_not_write_are_refused(name: str) -> None:
    """ValueError, whatever is strange; what we wrote comes back whole."""
    some = json.loads(json.dumps(traces_to_json(traces(references=("0@x",)))))

    assert traces_from_json(some) == traces(references=("0@x",))
    with pytest.raises(ValueError):  # noqa: PT011 - its words are for nobody
        traces_from_json(STRANGE[name](some))


# ------------------------------------------------------------------------------------------------ in words


def earlier(
    n: int = 1, disposition: Disposition = Disposition.OUT_OF_SCOPE, decided_by: str = "person:ana"
) -> Precedent:
    kind = VerdictKind.BOT if decided_by == "bot" else VerdictKind.PERSON
    return Precedent(
        report=f"9f2c51a{n:x}", likeness=0.9, received_at=NOW, disposition=disposition, kind=kind, decided_by=decided_by
    )  # fmt: skip


def test_precedents_in_one_line() -> None:
    """How many, what they were called and by whom; the latest where all agree."""
    split = [earlier(1, Disposition.IN_SCOPE), earlier(2, decided_by="bot")]

    assert in_one_line([earlier(11), earlier(2), earlier(3)]) == "3 similar, all out of scope by @ana (latest 9f2c51ab)"
    assert in_one_line(split) == "2 similar: 1 in scope by @ana, 1 out of scope by the bot"
    assert in_one_line([earlier(1)]) == "1 similar, out of scope by @ana (9f2c51a1)"
    assert in_one_line([]) == ""
    assert len(in_one_line([earlier(decided_by=f"person:{n:099d}") for n in range(300)])) < 400


@pytest.mark.parametrize("disposition", list(Disposition))
def test_only_a_persons_in_scope_holds_a_dismissal_back(disposition: Disposition) -> None:
    """Nothing else that was decided before changes what is recommended."""
    verdict = Verdict(report="0" * 64, disposition=disposition, confidence=0.97, why="w")
    idle = [earlier(1, d) for d in Disposition if d is not Disposition.IN_SCOPE]
    idle += [earlier(2, d, "bot") for d in Disposition]

    assert held_back(verdict, idle) == verdict
    held = held_back(verdict, [*idle, earlier(3, Disposition.IN_SCOPE)])
    if disposition in DISMISSALS:
        assert held.disposition is Disposition.NEEDS_REVIEW
        assert held.why == "a person called the similar report 9f2c51a3 in scope"
    else:
        assert held == verdict


# ------------------------------------------------------------------------------------------------ in the store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "triage.db"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with Store.open(database, now=lambda: NOW) as it:
        yield it


def kept(store: Store, n: int, account: str = "a") -> KeptReport:
    raw = b"Subject: %d\r\n\r\nmail %d\r\n" % (n, n)
    message = RawMessage(folder="INBOX", uidvalidity=7, uid=n, size=len(raw), received_at=NOW, raw=raw)
    new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
    (report_id,) = store.keep(account, "INBOX", [new], Cursor(7, n))
    return store.report(report_id)


def decided(
    store: Store, report: KeptReport, traced: Traces | None, disposition: Disposition = Disposition.OUT_OF_SCOPE, by: str = "bot"
) -> KeptReport:  # fmt: skip
    verdict = Verdict(report=report.key, disposition=disposition, confidence=0.9, why="w")
    kind = VerdictKind.BOT if by == "bot" else VerdictKind.PERSON
    store.record(report.id, verdict, kind=kind, decided_by=by, decided_at=NOW, traces=traced)
    return report


def test_similar_reports_are_found_with_who_decided_them(store: Store) -> None:
    """What holds of each today, the latest first; not other texts, later ones, or those of another account."""
    first = decided(store, kept(store, 1), traces())
    decided(store, first, None, Disposition.IN_SCOPE, "person:ana")
    second = decided(store, kept(store, 2), traces(OTHER))
    decided(store, kept(store, 3), traces(FOREIGN))
    decided(store, kept(store, 4, "b"), traces())
    mine = decided(store, kept(store, 5), traces())
    decided(store, kept(store, 6), traces())

    found = store.similar(mine)

    assert [(p.report, p.disposition.value, p.decided_by) for p in found] == [
        (second.short, "out_of_scope", "bot"),
        (first.short, "in_scope", "person:ana"),
    ]
    assert store.similar(kept(store, 7), traces())[0].likeness == 1.0
    assert store.similar(kept(store, 8)) == ()


def test_signatures_outlive_the_text_and_hold_no_word_of_it(store: Store, path: Path) -> None:
    """After a purge the next copy is known; the file holds neither address nor Message-ID."""
    private = traces(message_id="secret-id@hunter.example", sender="ravi@hunter.example", domain="hunter.example")
    first = decided(store, kept(store, 1), private)
    assert store.purge(NOW + timedelta(days=1), keep_corrections=False) == 1

    assert [p.report for p in store.similar(kept(store, 2), traces())] == [first.short]
    store.close()
    for file in path.parent.iterdir() if path.exists() else ():
        assert b"hunter.example" not in file.read_bytes()
        assert b"DMARC" not in file.read_bytes()


def test_judging_again_replaces_a_signature(store: Store) -> None:
    """Its old bands lead nowhere."""
    report = decided(store, kept(store, 1), traces())
    decided(store, report, traces(FOREIGN))

    assert store.similar(kept(store, 2), traces()) == ()
    assert len(store.similar(kept(store, 3), traces(FOREIGN))) == 1


def test_a_database_of_the_first_schema_is_brought_up_to_date(path: Path) -> None:
    """What was kept before stays, and has no signature."""
    from alembic import command
    from alembic.config import Config

    from bot.store.database import MIGRATIONS

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    path.parent.mkdir()
    with sa.create_engine(f"sqlite:///{path}").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with Store.open(f"sqlite:///{path}", now=lambda: NOW) as store:
        report = decided(store, kept(store, 1), None)
        assert store.similar(report) == ()
        assert store.thread_of(report).first is None
