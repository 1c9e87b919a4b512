"""How models are made and measured, and cards looked at, without a bot at work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bot.assembly.chosen import CORPUS, MODEL, RULES, judging_worker, model_file, rules_folder, worker_of
from bot.assembly.kept import open_store
from bot.assembly.told import policy_wording
from bot.clock import now

if TYPE_CHECKING:
    from bot.learning import Lesson
    from bot.settings import Settings
    from classifiers.learned import Learned
    from classifiers.scorecard import Evaluation
    from classifiers.terms import Versions


def train_model(
    settings: Settings | None, *, corpus: Path | None = None, own: Path | None = None, out: Path | None = None
) -> Lesson:
    """Trains on the corpus, on a team's `own` labelled mail and, for a configured bot, on people's corrections.

    For a configured bot a model that does worse than the one in use is refused, unless it goes `out` elsewhere.
    """
    from bot import DEFAULT_POLICY
    from bot.learning import Gathered, corrections, labelled, learn
    from bot.retraining import TRAINED
    from classifiers.examples import read_corpus
    from classifiers.rulebook import Rulebook

    rulebook = Rulebook.load(rules_folder(settings.policy.rules if settings else ""))
    known = frozenset(c.id for c in rulebook.categories)
    # Ours may name categories that a team's own rules have not; a test holds it to ours.
    examples = list(read_corpus(corpus, known) if corpus else read_corpus(CORPUS))
    corrected, ours, began = Gathered(), Gathered(), now()
    if settings is not None:
        own = own or (Path(settings.model.labelled) if settings.model.labelled else None)
        with open_store(settings) as store, worker_of(settings) as worker:
            corrected = corrections(store, worker, known, settings.model.correction_weight)
    if own is not None:
        with (
            worker_of(settings) if settings else judging_worker(policy=DEFAULT_POLICY, rules=None, model=None) as worker
        ):
            ours = labelled(own, worker, known, [*examples, *corrected.examples])
    folder = Path(settings.state.folder) if settings else Path()
    lesson = learn(
        examples,
        corrected,
        ours,
        rulebook,
        in_use=model_file(settings),
        target=out or folder / "model.npz",
        shipped=MODEL if corpus is None else None,
        whatever=out is not None,
    )
    if settings is not None and out is None:
        with open_store(settings) as store:
            store.beat(TRAINED, began)
    return lesson


def evaluate_labelled(
    path: Path, *, policy: str, rules: Path | None, model: Path | None
) -> tuple[Evaluation, Versions]:
    """Judges labelled reports as the bot would, and counts; with what judged."""
    from bot.evaluating import measure
    from classifiers.rulefiles import RuleFiles

    with judging_worker(policy=policy, rules=rules, model=model) as worker:
        versions = worker.versions  # rules that cannot be used are told before labels that they do not know
        known = frozenset(c.id for c in RuleFiles(rules_folder(rules or "")).categories)
        return measure(path, worker, known), versions


def strong_words(learned: Learned) -> dict[str, tuple[tuple[str, float], ...]]:
    """The words of the corpus that came with triage which weigh most in a model: its own it keeps as hashes only."""
    from classifiers.evaluation import strongest_words
    from classifiers.examples import read_corpus, report_of
    from classifiers.marking import find_regions

    return strongest_words(learned.opine(r, find_regions(r, ())) for r in map(report_of, read_corpus(CORPUS)))


def preview_card(path: str, *, policy: str, tier: str, stdin: BinaryIO) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The card for each mail at `path`, as it would go to Slack."""
    from bot.mail.sources import mails as mails_of
    from bot.ports import KeptReport, RecordedVerdict, VerdictKind
    from bot.showing import view_of
    from bot.slack.cards import card
    from bot.slack.view import Tier
    from bot.tasks import Task

    at = now()
    words = policy_wording(RULES, policy)
    with judging_worker(policy=policy, rules=None, model=None) as worker:
        mails = list(mails_of([path], cap=25 * 1000**2, stdin=stdin))
        tasks = (Task(raw=m.raw, size=m.size, truncated=m.truncated, traced=False) for m in mails)
        for mail, judged in zip(mails, worker.judge(tasks), strict=True):
            report = KeptReport(
                id=0, account="preview", folder="", key=judged.verdict.report, size=mail.size, received_at=at, kept_at=at,
                truncated=False, attempts=1, from_junk=False, backlog=False, purged=False,
            )  # fmt: skip
            recorded = RecordedVerdict(
                id=0, report_id=0, kind=VerdictKind.BOT, verdict=judged.verdict, decided_by="bot", decided_at=at
            )
            yield card(view_of(report, recorded, history=(), head=judged.letterhead, wording=words, tier=Tier(tier)))
