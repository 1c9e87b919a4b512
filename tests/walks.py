"""What may happen to two copies of the bot, in any order: hypothesis draws it, and looks after each step at what must hold."""

from __future__ import annotations

from datetime import timedelta

from copies import GRACE, ROUTES
from holding import ends_well, holds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from test_likeness import ACME
from town import JOBS, Seen, Town

from bot.audit import is_open
from bot.correction import Correction, apply, correct, judge_again, take_back
from classifiers.errors import UserError
from classifiers.terms import Disposition, report_key

KIND = st.sampled_from(["any", "template", "follow-up"])
SAYS = ("in_scope", "needs_review", "out_of_scope spf", "out_of_scope", "incomplete", "not_a_report")
WEATHER = ("fair", "down", "busy", "swallows", "drops")
MOST = 12  # mails
COPY = st.sampled_from([0, 0, 0, 1])


def written(number: int, kind: str, says: str) -> bytes:
    """A mail: of a sender of its own, one of many that are the same, or a further one of the first sender's."""
    sender = 1 if kind == "follow-up" else number
    answers = "In-Reply-To: <1@hunter.example>\r\n" if kind == "follow-up" and number > 1 else ""
    body = ACME if kind == "template" else f"words of number {number} " * 9
    return (
        f"From: r{sender}@hunter.example\r\nMessage-ID: <{number}@hunter.example>\r\n{answers}"
        f"X-Verdict: {'out_of_scope spf' if kind == 'template' else says}\r\nSubject: mail {number}\r\n\r\n{body}\r\n"
    ).encode()


class Machine(RuleBasedStateMachine):
    """What may happen, and what must hold whatever happened."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.uidvalidity = 100

    @invariant()
    def what_must_hold(self) -> None:
        holds(self.town)

    def teardown(self) -> None:
        try:
            ends_well(self.town)
        finally:
            self.town.close()

    # ------------------------------------------------------------------------------------------ mail

    @initialize(
        kinds=st.lists(KIND, min_size=2, max_size=2), says=st.sampled_from(SAYS), jobs=st.sampled_from([(), ("poll",), JOBS[:2], JOBS[:2]])
    )  # fmt: skip
    def mail_is_there(self, kinds: list[str], says: str, jobs: tuple[str, ...]) -> None:
        """Read or not, judged or not, and not yet told."""
        for kind in kinds:
            self.mail_comes(kind, says, "INBOX", then="")
        for job in jobs:
            self.town.does(0, job)

    @precondition(lambda self: self.town.received < MOST)
    @rule(
        kind=KIND,
        says=st.sampled_from(SAYS),
        folder=st.sampled_from(["INBOX", "INBOX", "Junk"]),
        then=st.sampled_from(["", "moved", "read"]),
    )
    def mail_comes(self, kind: str, says: str, folder: str, then: str) -> None:
        """A person may be faster than the bot."""
        self.town.receives(written(self.town.received + 1, kind, says), folder)
        if then == "moved":
            self.moves(*max(self.town.mails(), key=lambda there: (there[0] == self.town.folder(folder), there[1])))
        elif then == "read":
            self.goes_round(0)

    def moves(self, folder: str, uid: int) -> None:
        town = self.town
        town.reaches("moved before it was read", report_key(town.box.mails(folder)[uid][0]) not in town.known())
        town.box.move(uid, folder, town.folder("Junk" if folder == "INBOX" else "INBOX"))

    @precondition(lambda self: self.town.mails())
    @rule(data=st.data(), moved=st.booleans())
    def a_person_moves_or_removes_mail(self, data: st.DataObject, moved: bool) -> None:
        folder, uid = data.draw(st.sampled_from(self.town.mails()))
        if moved:
            self.moves(folder, uid)
        else:
            self.town.box.remove(uid, folder)

    @rule(what=st.sampled_from(["INBOX anew", "Junk anew", "Junk renamed"]))
    def folders_change(self, what: str) -> None:
        """One is numbered anew, or the junk folder gets another name, or its own again."""
        if what == "Junk renamed":
            self.town.rename_junk()
            return
        self.uidvalidity += 1
        self.town.reaches("numbered anew with unsent notices", self.town.notices("pending", "sending") > 0)
        self.town.box.set_uidvalidity(self.uidvalidity, self.town.folder(what.removesuffix(" anew")))

    @rule(
        method=st.sampled_from(["examine", "uids_after", "fetch"]), after=st.integers(0, 2),
        what=st.sampled_from(["broken", "numbered", "removed", "moved", "polled", "mail"]),
    )  # fmt: skip
    def a_look_is_disturbed(self, method: str, after: int, what: str) -> None:
        """The line breaks, or somebody else does something in the middle of it."""
        if what == "broken":
            self.town.box.fail(method, after=after)
        else:
            self.town.box.meanwhile(method, lambda: self.meanwhile(what))
        self.town.does(0, "poll")

    def meanwhile(self, what: str) -> None:
        other = self.town.copies[1]
        uid = max(self.town.box.mails("INBOX"), default=None)
        self.town.reaches(f"{what} in the middle of a look")
        if what == "numbered":
            self.folders_change("INBOX anew")
        elif what == "polled" and self.town.speaking is not other:
            self.town.does(1, "poll")
        elif what == "mail":
            self.town.receives(written(self.town.received + 1, "any", "in_scope"), "INBOX")
        elif what == "removed" and uid is not None:
            self.town.box.remove(uid)
        elif what == "moved" and uid is not None:
            self.town.box.move(uid, "INBOX", self.town.folder("Junk"))

    # ------------------------------------------------------------------------------------------ the bot

    @rule(copy=COPY, job=st.sampled_from(JOBS))
    def works(self, copy: int, job: str) -> None:
        self.town.does(copy, job)

    @rule(copy=COPY)
    def goes_round(self, copy: int) -> None:
        for job in JOBS:
            self.town.does(copy, job)

    @rule()
    def says_the_digest(self) -> None:
        self.town.does(0, "digest")

    @rule(copy=COPY, job=st.sampled_from(["judge", "deliver", "digest", "nothing"]), n=st.integers(0, 4))
    def is_ended(self, copy: int, job: str, n: int) -> None:
        """While it does nothing, or before something is written."""
        copy = 0 if job == "digest" else copy
        if job == "nothing":
            self.town.dies(copy)
        else:
            self.town.copies[copy].ends_at("commit", n)
            self.town.does(copy, job)

    @precondition(lambda self: self.town.received < MOST)
    @rule(copy=COPY, n=st.integers(0, 2))
    def is_ended_while_it_reads(self, copy: int, n: int) -> None:
        self.town.receives(written(self.town.received + 1, "any", "in_scope"), "INBOX")
        before, lives = len(self.town.known()), self.town.lives
        self.town.copies[copy].ends_at("commit", n)
        self.town.does(copy, "poll")
        self.town.reaches(
            "ended before new mail was kept", self.town.lives > lives and len(self.town.known()) == before
        )

    @precondition(lambda self: self.town.notices("pending"))
    @rule(copy=COPY, digest=st.booleans(), when=st.sampled_from(["before", "after"]), n=st.integers(0, 1))
    def is_ended_while_it_speaks(self, copy: int, digest: bool, when: str, n: int) -> None:
        """Before a message leaves, or when Slack has taken it."""
        copy = 0 if digest else copy
        self.town.slack.weather = "fair"
        self.town.copies[copy].ends_at(when, n)
        self.town.does(copy, "digest" if digest else "deliver")

    @precondition(lambda self: self.town.received < MOST)
    @rule(copy=COPY)
    def is_stopped_while_it_speaks(self, copy: int) -> None:
        """For longer than its claim; meanwhile the other one says what it can."""
        self.town.receives(written(self.town.received + 1, "any", "in_scope"), "INBOX")
        self.town.does(copy, "poll")
        self.town.does(copy, "judge")

        def stopped() -> None:
            self.town.time += timedelta(minutes=5)
            for _ in range(3):
                self.town.does(1 - copy, "deliver")
                self.town.time += GRACE

        self.town.slack.weather = "fair"
        self.town.hooks.append(stopped)
        removed = self.town.slack.removed
        self.town.does(copy, "deliver")
        self.town.hooks.clear()
        self.town.reaches("a late message was taken back", self.town.slack.removed > removed)

    # ------------------------------------------------------------------------------------------ Slack and time

    @rule(weather=st.sampled_from(WEATHER), barred=st.booleans())
    def slack_is(self, weather: str, barred: bool) -> None:
        self.town.slack.weather, self.town.slack.barred = weather, barred

    @precondition(lambda self: self.town.notices("pending"))
    @rule(weather=st.sampled_from(["swallows", "drops"]), barred=st.booleans(), copy=COPY)
    def an_answer_is_lost(self, weather: str, barred: bool, copy: int) -> None:
        """And later Slack is well again, or cannot be looked through."""
        self.town.slack.weather = weather
        self.town.does(copy, "deliver")
        self.town.slack.weather, self.town.slack.barred = "fair", barred
        self.town.time += GRACE

    @rule(seconds=st.sampled_from([1, 10, 61, 600, 4000, 90_000]), clock=st.none() | st.integers(-25, 25))
    def time_passes(self, seconds: int, clock: int | None) -> None:
        """Or our clock is set, so many minutes from the world's; where that is backwards the daemon notices."""
        town = self.town
        if clock is None:
            town.time += timedelta(seconds=seconds)
            return
        before, town.skew = town.skew, timedelta(minutes=clock)
        if town.skew < before:
            town.reaches("clock set back with unsent notices", town.notices("pending", "sending") > 0)
            town.store.hasten(town.now())
            for copy in town.copies:
                copy.delivery.forget_waits()

    # ------------------------------------------------------------------------------------------ people

    @precondition(lambda self: self.town.known())
    @rule(
        data=st.data(),
        says=st.sampled_from(Disposition),
        by=st.sampled_from(["ana", "ben"]),
        weather=st.sampled_from(WEATHER),
    )
    def a_person_decides(self, data: st.DataObject, says: Disposition, by: str, weather: str) -> None:
        report = data.draw(st.sampled_from(self.town.seen()))
        town = self.town
        town.time += timedelta(seconds=1)
        town.slack.weather = weather
        audited = is_open(town.store.history(report.id))
        try:
            said = Correction(disposition=says, by=f"person:{by}")
            _, recorded = correct(town.store, report.key, said, known=(), routes=ROUTES, now=town.now())
        except UserError:
            return  # it is no answer to an audit
        town.people[report.key].append((recorded.id, False))
        town.reaches("decided while Slack was down", town.slack.weather == "down")
        town.reaches("decided before the bot had judged", not report.verdicts)
        town.reaches("an audit answered", audited)

    def decided(self) -> list[Seen]:
        return [seen for seen in self.town.seen() if seen.kind(seen.current) == "person"]

    @precondition(lambda self: self.decided())
    @rule(data=st.data())
    def a_person_takes_it_back(self, data: st.DataObject) -> None:
        report = data.draw(st.sampled_from(self.decided()))
        town = self.town
        town.time += timedelta(seconds=1)
        _, said, _ = take_back(town.store, report.key, by="person:ana", reason="", routes=ROUTES, now=town.now())
        words = town.people[report.key]
        words[words.index((said.id, False))] = (said.id, True)
        town.reaches("a word taken back")

    @precondition(lambda self: self.town.known())
    @rule()
    def the_rules_change(self) -> None:
        """And everything is judged again."""
        town = self.town
        town.worker.other_rules = not town.worker.other_rules
        judged = [town.store.report(seen.id) for seen in town.seen() if seen.current]
        for change in judge_again(town.store, town.worker, judged):
            town.time += timedelta(seconds=1)
            apply(town.store, change, routes=ROUTES, now=town.now)
            town.judged_again[change.report.key] += 1
            town.reaches("judged again where a person had decided", change.person)
