"""What people teach the model: corrections with their reasons, a team's own mail, and when a new model is taken."""

from __future__ import annotations

import hashlib
import json
import mailbox
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from make import MODEL, ROOT, make_report, rulebook
from running import configuration
from test_cli import triage as command

from bot.correction import Correction, correct, take_back
from bot.learning import REPEATED, UNKNOWN, UNREAD, UNSURE, Gathered, corrections, labelled, learn, told
from bot.local.samples import sample_mails
from bot.mail.mime import parse
from bot.ports import Context, Cursor, KeptReport, NewReport, RawMessage, VerdictKind
from bot.routing import Routes
from bot.store import Store
from bot.tasks import Task
from bot.worker import Worker
from classifiers.errors import UserError
from classifiers.examples import Example, Origin, Said, read_corpus, without_repeats
from classifiers.learned import Learned
from classifiers.reportcard import ReportCard, moved, worse
from classifiers.terms import Disposition, Verdict, report_key
from classifiers.training import train

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
IN, OUT, REVIEW = Disposition.IN_SCOPE, Disposition.OUT_OF_SCOPE, Disposition.NEEDS_REVIEW
SPF = "email_authentication"
KNOWN = (SPF, "cookie_flags")
CORPUS = ROOT / "classifiers" / "corpus"
TEXT = "The domain example.com publishes no sender policy, so that its mail can be forged by whoever likes to do so."


@lru_cache
def small() -> tuple[Example, ...]:
    """A twentieth of the corpus."""
    return tuple(e for e in read_corpus(CORPUS) if int(hashlib.sha256(e.id.encode()).hexdigest(), 16) % 20 == 0)


def example(name: str, body: str = TEXT, disposition: Disposition = OUT, *categories: str, **more: Any) -> Example:
    return Example(id=name, subject="s", body=body, disposition=disposition.value, categories=categories, **more)


class Reading(Worker):
    """Tells a mail's words without a process."""

    def __init__(self) -> None:
        super().__init__(Context(rules=Path(), policy="p", model=None))

    def own_words(self, task: Task) -> tuple[str, str] | None:
        report = parse(task.raw)
        words = "\n".join(p.text for p in report.passages[1:])
        return None if "unreadable" in report.subject else (report.subject, words)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/state/triage.db", now=lambda: NOW) as it:
        yield it


def keep(store: Store, n: int, raw: bytes = b"", account: str = "a") -> KeptReport:
    """A mail, called out of scope by the bot."""
    raw = raw or b"Subject: mail %d\r\n\r\nwords of mail %d\r\n" % (n, n)
    message = RawMessage(folder="INBOX", uidvalidity=7, uid=n, size=len(raw), received_at=NOW, raw=raw)
    new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
    (report_id,) = store.keep(account, "INBOX", [new], Cursor(7, n))
    verdict = Verdict(report=new.key, disposition=OUT, confidence=0.9, why="w")
    store.record(report_id, verdict, kind=VerdictKind.BOT, decided_by="bot", decided_at=NOW)
    return store.report(report_id)


def decide(
    store: Store, report: KeptReport, as_: Disposition, *categories: str, reason: str = "", at: datetime = NOW
) -> None:
    said = Correction(disposition=as_, categories=categories, reason=reason, by="person:ana")
    correct(store, report.key, said, known=(*KNOWN, "gone"), routes=Routes(channel="C0TRIAGE"), now=at)


def gathered(store: Store, weight: float = 3.0) -> Gathered:
    return corrections(store, Reading(), KNOWN, weight)


# ------------------------------------------------------------------------------------------------ corrections


def test_a_correction_is_an_example_with_its_reason(store: Store) -> None:
    """Which report, who, when, why, and the weight of the settings; the bot's own verdicts teach nothing."""
    keep(store, 1)
    report = keep(store, 2)
    decide(store, report, IN, "cookie_flags", reason="a session was stolen with it")

    (it,) = gathered(store, weight=5.0).examples

    assert it.id == f"correction-{report.short}"
    assert (it.subject, it.label, it.weight, it.origin) == ("mail 2", "in_scope+cookie_flags", 5.0, Origin.CORRECTION)
    assert it.body.strip() == "words of mail 2"
    assert it.said == Said(report=report.short, by="ana", at=NOW, reason="a session was stolen with it")
    assert told(it) == f"{report.short}  2026-11-02  ana  in_scope+cookie_flags: a session was stolen with it"


def test_what_was_taken_back_teaches_nothing(store: Store) -> None:
    """Until somebody decides anew."""
    report = keep(store, 1)
    decide(store, report, IN)
    take_back(store, report.key, by="person:bob", reason="", routes=Routes(channel="C0TRIAGE"), now=NOW)
    assert gathered(store).examples == ()

    decide(store, report, OUT, SPF)
    assert [e.label for e in gathered(store).examples] == [f"out_of_scope+{SPF}"]


def test_what_cannot_teach_is_left_out_and_counted(store: Store) -> None:
    """A person who is unsure, a category that the rules lost, a mail that nobody can read."""
    for n, (as_, categories) in enumerate([(REVIEW, ()), (OUT, ("gone",))], 1):
        decide(store, keep(store, n), as_, *categories)
    decide(store, keep(store, 3, b"Subject: unreadable\r\n\r\nx"), IN)

    assert gathered(store) == Gathered(left_out={UNSURE: 1, UNKNOWN: 1, UNREAD: 1})


def test_one_mail_in_two_accounts_is_one_example(store: Store) -> None:
    """By the later word on it."""
    raw = b"Subject: twice\r\n\r\nthe same mail\r\n"
    for n, (account, as_) in enumerate((("a", IN), ("b", OUT)), 1):
        report = keep(store, n, raw, account)
        verdict = Verdict(report=report.key, disposition=as_, confidence=1.0, why="w")
        at = NOW.replace(hour=9 + n)
        store.record(report.id, verdict, kind=VerdictKind.PERSON, decided_by="person:ana", decided_at=at)

    assert [e.disposition for e in gathered(store).examples] == ["out_of_scope"]


@pytest.mark.parametrize(
    ("as_", "categories", "says"),
    [(OUT, (), False), (IN, (), False), (OUT, (SPF,), True), (Disposition.NOT_A_REPORT, (), True)],
)
def test_categories_that_were_not_named_are_unknown(
    store: Store, as_: Disposition, categories: tuple[str, ...], says: bool
) -> None:
    """ "It is out of scope" does not say that no category applies; "it is no report" does."""
    decide(store, keep(store, 1), as_, *categories)

    assert [e.says_categories for e in gathered(store).examples] == [says]


def test_an_unnamed_category_is_not_learned_to_be_absent() -> None:
    """The same text, its category said to be absent or left unsaid: only the first speaks against the category."""
    about = next(e for e in small() if SPF in e.categories)
    bare = replace(about, id="bare", categories=(), weight=20.0)
    report = make_report(about.subject, about.body)
    believed = [
        train([*small(), replace(bare, says_categories=says)], rulebook(), seed=1)[0].opine(report, ()).categories[SPF]
        for says in (True, False)
    ]

    assert believed[0] < believed[1] - 0.1, believed


# ------------------------------------------------------------------------------------------------ a team's own mail


def test_repeats_are_left_out_unless_they_are_labelled_otherwise() -> None:
    """Of the corpus and of each other; a team's other opinion on a known text stays."""
    again = TEXT.replace("example.com", "example.org")
    more = [
        example("same", again, OUT, SPF), example("other", again, IN), example("other again", again + " Really.", IN),
        example("new", "A service token of one organization reads the backups of every other organization.", IN),
    ]  # fmt: skip

    assert [e.id for e in without_repeats([example("known", TEXT, OUT, SPF)], more)] == ["other", "new"]


def own_mail(folder: Path) -> Path:
    """A folder of mail, a mbox and lines of JSON, each by its label."""
    (folder / f"out_of_scope+{SPF}").mkdir(parents=True)
    (folder / "needs_review").mkdir()
    (folder / f"out_of_scope+{SPF}" / "1.eml").write_bytes(b"Subject: a\r\n\r\n" + TEXT.encode())
    (folder / "needs_review" / "2.eml").write_bytes(b"Subject: b\r\n\r\nwho knows")
    box = mailbox.mbox(folder / "in_scope.mbox")
    for n in range(2):
        box.add(
            b"From: a@b.example\nSubject: c%d\n\nThe backups of tenant %d can be read by whoever knows its name, with a token of any other tenant; see my steps below.\n"
            % (n, n)
        )
    box.close()
    row = {
        "id": "r",
        "subject": "We buy your invoices",
        "body": "Call us today.",
        "disposition": "not_a_report",
        "categories": [],
    }
    (folder / "rows.jsonl").write_text(json.dumps(row), encoding="utf-8")
    return folder


def test_a_teams_own_mail_is_read_by_its_labels(tmp_path: Path) -> None:
    """As evaluate reads it: folders, mboxes, lines; what repeats or teaches nothing is counted."""
    it = labelled(own_mail(tmp_path / "own"), Reading(), KNOWN, [example("known", TEXT, OUT, SPF)])

    assert sorted((e.label, e.subject) for e in it.examples) == [
        ("in_scope", "c0"), ("not_a_report", "We buy your invoices"),
    ]  # fmt: skip
    assert it.left_out == {UNSURE: 1, REPEATED: 2}
    assert {e.origin for e in it.examples} == {Origin.LABELLED}
    assert {e.weight for e in it.examples} == {1.0}


def test_bad_labels_are_told_by_file_and_line(tmp_path: Path) -> None:
    """All at once, before anything is read."""
    folder = own_mail(tmp_path / "own")
    (folder / "out_of_scope+spff").mkdir()
    (folder / "loose.mbox").write_bytes(b"From x\n\n")
    (folder / "rows.jsonl").write_text('\nnot json\n{"id": "a"}\n', encoding="utf-8")

    with pytest.raises(UserError) as caught:
        labelled(folder, Reading(), KNOWN, ())
    told_of = "\n".join(map(str, caught.value.problems))
    for word in ("out_of_scope+spff/", "loose.mbox", "rows.jsonl line 2", "rows.jsonl line 3"):
        assert word in told_of


# ------------------------------------------------------------------------------------------------ taken or kept

CARD = ReportCard(
    examples=10, corpus="c", folds=5, false_dismissal=0.01, recall=0.5, review=0.2, macro_f1=0.8,
    on_corpus={"false_dismissal": 0.004, "recall": 0.6, "review": 0.1, "macro_f1": 0.9}, learned_from=("9f2c51ab",), corrections=1,
)  # fmt: skip


def test_models_are_compared_on_the_corpus() -> None:
    """A team's own mail may be harder: that is no fault of the new model. The figures before and after are told."""
    plain = {"false_dismissal": 0.006, "recall": 0.58, "review": 0.1, "macro_f1": 0.9}

    assert worse(CARD, CARD.as_data()) == ()
    assert worse(CARD, {}) == ()  # an old card without figures refuses nothing
    assert worse(CARD, plain) == ()
    assert worse(CARD, plain | {"recall": 0.64}) == ("recall was 64.0% and would be 60.0%",)
    assert worse(CARD, plain | {"on_corpus": {"recall": 0.64}}) == ("recall was 64.0% and would be 60.0%",)
    assert worse(replace(CARD, on_corpus={}), plain) != ()
    graver = replace(CARD, on_corpus={**CARD.on_corpus, "false_dismissal": 0.006})
    assert worse(graver, plain | {"false_dismissal": 0.0}) == ("false dismissal was 0.0% and would be 0.6%",)
    assert next(str(m).split(maxsplit=2)[-1] for m in moved(CARD, plain)) == "0.6% → 0.4%"
    assert {m.before for m in moved(CARD, {})} == {None}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training that takes no time: the shipped weights, and the card above."""
    monkeypatch.setattr("classifiers.training.train", lambda *_, **__: (Learned.load(MODEL), CARD))


@pytest.mark.usefixtures("quick")
def test_a_worse_model_is_refused_and_the_one_in_use_stays(tmp_path: Path) -> None:
    """To the byte; whoever writes it elsewhere gets it whatever it is."""
    in_use = tmp_path / "model.npz"
    Learned.load(MODEL).save(in_use, {"recall": 0.9, "false_dismissal": 0.004, "macro_f1": 0.9})
    before = in_use.read_bytes()

    lesson = learn([], Gathered(), Gathered(), rulebook(), in_use=in_use, target=in_use)

    assert lesson.refused == ("recall was 90.0% and would be 60.0%",)
    assert (lesson.as_data()["taken"], lesson.as_data()["model"]) == (False, "")
    assert in_use.read_bytes() == before
    assert list(tmp_path.iterdir()) == [in_use]
    elsewhere = learn([], Gathered(), Gathered(), rulebook(), in_use=in_use, target=tmp_path / "x.npz", whatever=True)
    assert Learned.load(tmp_path / "x.npz").version == elsewhere.version


@pytest.mark.usefixtures("quick")
def test_models_do_not_get_worse_little_by_little(tmp_path: Path) -> None:
    """Each is held against the one that came with triage too."""
    in_use, shipped = tmp_path / "model.npz", tmp_path / "shipped.npz"
    Learned.load(MODEL).save(in_use, {"recall": 0.62, "false_dismissal": 0.004, "macro_f1": 0.9})
    Learned.load(MODEL).save(shipped, {"recall": 0.64, "false_dismissal": 0.004, "macro_f1": 0.9})
    nothing = Gathered()

    lesson = learn([], nothing, nothing, rulebook(), in_use=in_use, target=in_use, shipped=shipped)
    assert lesson.refused == ("recall was 64.0% and would be 60.0%",)
    assert learn([], nothing, nothing, rulebook(), in_use=in_use, target=in_use).refused == ()


@pytest.mark.usefixtures("quick")
def test_a_model_that_cannot_be_read_is_replaced(tmp_path: Path) -> None:
    """By any; there is nothing to hold the new one against."""
    in_use = tmp_path / "model.npz"
    in_use.write_bytes(b"no model")
    lesson = learn([], Gathered(), Gathered(), rulebook(), in_use=in_use, target=in_use)

    assert Learned.load(in_use).version == lesson.version
    assert lesson.as_data()["changed"]["macro F1"] == {"before": None, "after": 0.9}


@pytest.mark.usefixtures("quick")
def test_too_few_of_a_class_are_told_plainly(tmp_path: Path) -> None:
    """With how many there are; and what was left out, with the reason."""
    own = Gathered(examples=tuple(example(f"{n}", disposition=IN) for n in range(3)), left_out={REPEATED: 7})
    said = Said(report="9f2c51ab", by="ana", at=NOW, reason="a session was stolen")
    corrected = Gathered(examples=(example("c", disposition=IN, said=said, origin=Origin.CORRECTION),))
    lesson = learn([], corrected, own, rulebook(), in_use=tmp_path / "none", target=tmp_path / "m.npz")

    assert lesson.rare == {"in_scope": 3}
    assert "in_scope: 3 of your own mail; fewer than 10 teach little" in lesson.as_text()
    assert f"left out of your own mail: 7 ({REPEATED})" in lesson.as_text()
    assert "stolen" not in lesson.as_text() + json.dumps(lesson.as_data())
    assert "9f2c51ab  2026-11-02  ana  in_scope: a session was stolen" in lesson.as_text(verbose=True)
    assert lesson.as_data(verbose=True)["corrected"][0]["reason"] == "a session was stolen"


# ------------------------------------------------------------------------------------------------ at the command line


@pytest.fixture
def config(tmp_path: Path) -> Path:
    accounts = '[[accounts]]\nhost = "127.0.0.1"\nuser = "u"\npassword = { env = "TEST_IMAP_PASSWORD" }\n'
    return configuration(tmp_path, accounts, SimpleNamespace(base_url="http://127.0.0.1:9/api/"))


def test_train_and_report_by_command(store: Store, config: Path, tmp_path: Path) -> None:
    """A worse model is refused with exit code 1; one that may come is written, and says what it learned from."""
    report = keep(store, 1, sample_mails()[1])
    decide(store, report, IN, reason="backups of others")
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = [
        {"id": e.id, "subject": e.subject, "body": e.body, "disposition": e.disposition, "categories": list(e.categories)}
        for e in small()
    ]  # fmt: skip
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    arguments = ("model", "train", "--corpus", folder, "--from", own_mail(tmp_path / "own"), "--config", config)
    in_use = tmp_path / "state" / "model.npz"

    refused = command(*arguments)
    assert refused.returncode == 1, refused.stderr
    assert "The model in use is kept: " in refused.stderr
    assert not in_use.exists()

    Learned.load(MODEL).save(in_use, {})
    done = command(*arguments, "--json", "--verbose")
    assert done.returncode == 0, done.stderr
    lesson = json.loads(done.stdout)
    assert (lesson["taken"], lesson["corrections"], lesson["labelled"]) == (True, 1, 3)
    assert lesson["corrected"][0] | {"at": ""} == {
        "report": report.short, "label": "in_scope", "weight": 3.0, "by": "ana", "at": "", "reason": "backups of others",
    }  # fmt: skip
    assert Learned.load(in_use).version == lesson["model"]
    assert store.last_beat("trained") is not None

    take_back(store, report.key, by="person:bob", reason="", routes=Routes(channel="C0TRIAGE"), now=NOW)
    shown = command("model", "report", "--verbose", "--config", config)
    assert f"{report.short}  2026-11-02  ana  in_scope: backups of others (taken back since)" in shown.stdout
    assert "backups of others" not in command("model", "report", "--config", config).stdout
    assert b"backups of others" not in in_use.read_bytes()


def test_train_says_what_is_missing(config: Path, tmp_path: Path) -> None:
    """A folder that is not there, an empty one, a listing without a bot."""
    for arguments, words in (
        (("model", "train", "--from", tmp_path / "none", "--config", config), "cannot be read"),
        (("model", "report", "--verbose"), "--config"),
    ):
        done = command(*arguments)
        assert (done.returncode, words in done.stderr) == (2, True), done.stderr


def test_a_bad_corpus_is_told_and_the_model_in_use_stays(config: Path, tmp_path: Path) -> None:
    """By file and line, a label that is no category too."""
    in_use = config.parent / "state" / "model.npz"
    in_use.parent.mkdir(exist_ok=True)
    in_use.write_bytes(before := MODEL.read_bytes())
    line = '{"id": "a-1", "subject": "x", "body": "y", "disposition": "out_of_scope", "categories": ["no_such_kind"]}'
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.jsonl").write_text(f"{line}\n{{broken\n", encoding="utf-8")

    done = command("model", "train", "--corpus", tmp_path / "corpus", "--config", config)

    assert done.returncode == 78
    assert "a.jsonl line 1  no category is called 'no_such_kind'" in done.stderr
    assert "a.jsonl line 2  is no JSON" in done.stderr
    assert in_use.read_bytes() == before


def test_a_model_of_another_version_is_told_and_the_shipped_one_judges(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an update: by its file, with what to do; nothing stops."""
    own = config.parent / "state" / "model.npz"
    own.parent.mkdir(exist_ok=True)
    model = Learned.load(MODEL)
    shipped = model.version
    with monkeypatch.context() as earlier:
        earlier.setattr("classifiers.learned.FORMAT", 1)
        model.save(own, {})

    report, doctor = command("model", "report", "--config", config), command("doctor", "--config", config)

    assert report.returncode == 0
    assert f"{own}  was made by another version of triage; train it anew with `triage model train`" in report.stderr
    assert report.stdout.startswith(f"model {shipped}")
    assert "judging      warn" in doctor.stdout
    assert f"model {shipped}, the one that came with triage: {own}  was made by another version" in doctor.stdout
