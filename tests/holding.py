"""What must hold whatever happened, after each step and at the end, when everything is up again."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from mailroom import READING
from town import FOLDERS, JOBS, Seen, Town

from bot.audit import is_open
from classifiers.terms import report_key


def holds(town: Town) -> None:
    """After each step."""
    seen = town.seen()
    each_mail_has_one_report_with_one_course(town, seen)
    a_persons_word_holds(town, seen)
    nothing_is_said_twice_in_silence(town, seen)
    the_cursor_passes_nothing_that_was_not_kept(town)


def each_mail_has_one_report_with_one_course(town: Town, seen: list[Seen]) -> None:
    """The bot judges it once, and again only where it is asked to, or where a follow-up raises it."""
    for report in seen:
        kinds = Counter(kind for _, kind, _ in report.verdicts)
        raised = town.received * (report.key == town.first)
        assert kinds["bot"] <= 1 + town.judged_again[report.key] + raised, report
        assert kinds["audit"] <= 1, report
    assert len({report.key for report in seen}) == len(seen)


def a_persons_word_holds(town: Town, seen: list[Seen]) -> None:
    """Their last that was not taken back; else the bot's last."""
    for report in seen:
        standing = [word for word, undone in town.people[report.key] if not undone]
        bots = [verdict for verdict, kind, _ in report.verdicts if kind == "bot"]
        assert report.current == next(iter([*standing[-1:], *bots[-1:]]), None), report


def nothing_is_said_twice_in_silence(town: Town, seen: list[Seen]) -> None:
    """Where it could not be looked up, and only there, the second says that it may be a repeat."""
    standing = town.slack.standing.values()
    unmarked = Counter(key for said in standing if not said.marked for key in said.keys if key)
    assert [key for key, n in unmarked.items() if n > 1] == []
    assert town.slack.was_barred or not any(said.marked for said in standing)
    town.reaches("a possible repeat said", any(said.marked for said in standing))
    town.reaches("found by its key", town.slack.found > 0)
    for report in seen:
        assert len(set(report.channels)) == len(report.channels), report


def the_cursor_passes_nothing_that_was_not_kept(town: Town) -> None:
    known = town.known()
    for folder, uid, as_of in town.rows("select folder, uid, uidvalidity from cursors"):
        if town.away and folder == "Junk":
            continue
        if town.box.state(folder).uidvalidity == as_of:
            passed = {report_key(raw) for n, (raw, _) in town.box.mails(folder).items() if n <= uid}
            assert passed <= known, folder


# ------------------------------------------------------------------------------------------------ the end


def ends_well(town: Town) -> None:
    """What was in the mailbox is judged and told, and each card shows what holds."""
    town.calms_down()
    for _ in range(40):
        for which in (0, 1):
            for job in JOBS:
                town.does(which, job)
        town.does(0, "digest")
        town.time += timedelta(minutes=11)
        if not _waits(town):
            break
    assert _waits(town) == 0, town.store.counts()
    assert town.store.examine().problems == ()
    holds(town)
    for folder in FOLDERS:
        assert {report_key(raw) for raw, _ in town.box.mails(folder).values()} <= town.known()
    for report in town.seen():
        assert report.current, report
        is_told(town, report)


def _waits(town: Town) -> int:
    counts = town.store.counts()
    return counts["waiting"] + counts["notices_due"] + counts["for_the_digest"]


def is_told(town: Town, report: Seen) -> None:
    """On a card that stands and shows what holds of one of its reports, in a thread, or on a line of the digest; in one way,
    where nobody said anything else of it later."""
    cards = town.store.cards_of(report.id)
    for card in cards:
        assert card.ts in town.slack.standing
        shows = town.slack.standing[card.ts].message.facts.get("disposition")
        held = [(town.store.current(i), is_open(town.store.history(i))) for i in card.report_ids]
        assert shows in {c.verdict.disposition.value if c and not blind else None for c, blind in held}
        town.reaches("several on one card", len(card.report_ids) > 1)
    said = [s.message for s in town.slack.standing.values()]
    followed = any(f"follow_up:{READING.account}:{report.key}" in m.key for m in said)
    digested = any(m.key.startswith("digest:") and report.key[:8] in str((m.text, m.blocks)) for m in said)
    town.reaches("a follow-up in its thread", followed)
    town.reaches("a line of the digest", digested)
    ways = bool(cards) + followed + digested
    as_first_said = len(report.verdicts) == 1
    assert ways == 1 if as_first_said else ways >= 1, report
