"""Everything is wired here, once: the only file that knows every concrete class."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import bot
import classifiers
from bot.ports import Context
from bot.worker import Worker, WorkerLimits
from classifiers.errors import (
    ConfigError,
    LoginRefused,
    MailboxError,
    ModelError,
    NotifierError,
    Problem,
    TriageError,
    UserError,
)

if TYPE_CHECKING:
    from bot.audit import Audit, Drawing
    from bot.daemon import Daemon
    from bot.delivery import Delivery
    from bot.mail.imap import ImapMailbox
    from bot.settings import Account, Secret, Settings
    from bot.showing import Wording
    from bot.slack.client import SlackNotifier
    from bot.slack.socket import SlackSocket
    from bot.store import Store
    from bot.triage import Reading, Triage
    from classifiers.evaluation import Evaluation
    from classifiers.learned import Learned
    from classifiers.terms import Versions
    from classifiers.training import ReportCard

MODEL = Path(classifiers.__file__).parent / "model.npz"
CORPUS = Path(classifiers.__file__).parent / "corpus"
RULES = Path(bot.__file__).parent.parent / "rules"
SHORTEST_SEED = 16


def now() -> datetime:
    return datetime.now(UTC)


# ---------------------------------------------------------------------------------------------- what judges


def rules_folder(given: str | Path) -> Path:
    """The folder that was named, else the rules that came with the bot: beside the packages, in a checkout and a wheel."""
    folder = Path(given) if given else RULES
    if not (folder / "categories").is_dir():
        raise UserError(f"{folder} holds no rules: it needs categories/, signs/ and policies/")
    return folder


def model_file(settings: Settings | None) -> Path:
    """The model in use: the one trained for this bot where there is one, else the one that came with it."""
    own = Path(settings.state.folder) / "model.npz" if settings else None
    return own if own is not None and own.exists() else MODEL


def judging_worker(*, policy: str, rules: Path | None, model: Path | None, use_model: bool = True) -> Worker:
    """A worker without any configuration."""
    chosen = (model or MODEL) if use_model else None
    return Worker(
        Context(rules=rules_folder(rules or "").resolve(), policy=policy, model=chosen.resolve() if chosen else None)
    )


def worker_of(settings: Settings) -> Worker:
    """The worker of a configured bot. An own model that cannot be used is left aside with a word in the log."""
    authserv = tuple(name for account in settings.accounts for name in account.trusted_authserv)
    context = Context(
        rules=rules_folder(settings.policy.rules).resolve(),
        policy=settings.policy.name,
        model=_usable(model_file(settings)).resolve(),
        trusted_authserv=authserv,
    )
    limits = settings.limits
    return Worker(
        context, WorkerLimits(cpu=limits.cpu.total_seconds(), wall=limits.wall.total_seconds(), memory=limits.memory)
    )


def _usable(path: Path) -> Path:
    import logging

    from classifiers.errors import ModelError
    from classifiers.learned import Learned

    if path == MODEL:
        return path
    try:
        Learned.load(path)
    except ModelError as e:
        logging.getLogger("triage").warning("model.refused", extra={"what": str(e)})
        return MODEL
    return path


def wording(settings: Settings) -> Wording:
    """The policy's words that cards need."""
    domains = {account.user.rpartition("@")[2].lower() for account in settings.accounts if "@" in account.user}
    return _wording(rules_folder(settings.policy.rules), settings.policy.name, own_domains=tuple(sorted(domains)))


def _wording(rules: Path, name: str, own_domains: tuple[str, ...] = ()) -> Wording:
    from bot.showing import Wording
    from classifiers.policyfiles import load_policy
    from classifiers.rulebook import Rulebook

    rulebook = Rulebook.load(rules)
    policy = load_policy(rules, name, rulebook)
    return Wording(
        policy=policy.title,
        word=policy.word,
        titles={c.id: c.title for c in rulebook.categories},
        carve_outs={
            c.id: tuple(r.source.rpartition(".")[2] for r in rulebook.rules if r.group == c.id and not r.speaks_for)
            for c in rulebook.categories
        },
        requested={r.id: r.title for r in policy.requested},
        assets={a.id: a.title for a in policy.assets},
        own_domains=own_domains,
        budget=policy.budget,
        replies=policy.replies,
        url=policy.url,
    )


def known_categories(settings: Settings) -> tuple[str, ...]:
    """The ids that a person may name."""
    from classifiers.rulebook import Rulebook

    return tuple(c.id for c in Rulebook.load(rules_folder(settings.policy.rules)).categories)


# ---------------------------------------------------------------------------------------------- the bot


def open_store(settings: Settings) -> Store:
    """What the bot remembers."""
    from bot.store import Store

    folder = Path(settings.state.folder)
    return Store.open(settings.state.url or f"sqlite:///{folder}/triage.db", now=now)


def drawing(settings: Settings, budget: float) -> Drawing:
    """How audits are drawn. Call it while holding the state folder: the first start makes the seed."""
    from bot.audit import Drawing
    from bot.store import audit_seed

    share, given = settings.audit.share, settings.audit.seed
    if not share:
        return Drawing(budget=budget)
    seed = given.read().encode() if given else audit_seed(Path(settings.state.folder))
    if len(seed) < SHORTEST_SEED:
        raise ConfigError(Problem("audit.seed", f"is too short to be secret: {SHORTEST_SEED} characters or more"))
    return Drawing(share=share, seed=seed, budget=budget)


def audit_state(settings: Settings, store: Store) -> tuple[tuple[Audit, ...], frozenset[str], float]:
    """All audits, the categories they stopped, and the policy's budget."""
    from bot.audit import stopped

    audits, budget = store.audits(), wording(settings).budget
    return audits, stopped(audits, store.clearances(), budget), budget


def mailbox(account: Account, cap: int) -> ImapMailbox:
    from bot.mail.imap import ImapMailbox

    return ImapMailbox(
        host=account.host,
        port=account.port,
        tls=account.tls,
        user=account.user,
        password=account.password.read,
        ca_file=Path(account.ca_file) if account.ca_file else None,
        connect_timeout=account.connect_timeout.total_seconds(),
        read_timeout=account.read_timeout.total_seconds(),
        cap=cap,
    )


def notifier(settings: Settings) -> SlackNotifier:
    from bot.slack.client import SlackNotifier

    slack = settings.slack
    return SlackNotifier(token=slack.bot_token.read, base_url=slack.base_url, timeout=slack.timeout.total_seconds())


def reading_of(account: Account) -> Reading:
    from bot.triage import Reading

    return Reading(account=account.name, folders=account.folders, junk=frozenset(account.junk), start=account.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """The bot's parts, wired."""

    store: Store
    worker: Worker
    triage: Triage
    delivery: Delivery
    wording: Wording


@contextmanager
def wired(settings: Settings, pace: timedelta | None = None, *, pressable: bool = False) -> Iterator[Wired]:
    """The bot's parts, ready; the rules, the model and the secrets were found good. Refuses a second bot on one state folder.

    `pressable`: somebody will listen to what people press, so that cards have buttons.
    """
    from bot.delivery import PACE, Delivery
    from bot.slack.view import Tier
    from bot.store import lock_state_folder
    from bot.triage import Triage

    settings.slack.bot_token.read()
    words = wording(settings)
    folder = Path(settings.state.folder)
    with open_store(settings) as store, lock_state_folder(folder), worker_of(settings) as worker:
        worker.versions  # noqa: B018  starts it, so that bad rules are told now and not at the first mail
        channel = settings.slack.channel
        yield Wired(
            store=store,
            worker=worker,
            triage=Triage(
                store=store, worker=worker, channel=channel, now=now, drawing=drawing(settings, words.budget)
            ),
            delivery=Delivery(
                store,
                notifier(settings),
                words,
                channel=channel,
                tier=Tier(settings.slack.tier),
                grace=settings.slack.grace,
                now=now,
                pace=PACE if pace is None else pace,
                pressable=pressable,
            ),
            wording=words,
        )


@contextmanager
def daemon(settings: Settings, pace: timedelta | None = None) -> Iterator[Daemon]:
    """The daemon, ready to run. `pace`: between two messages, where it is not Slack's."""
    from bot.daemon import Daemon, Parts
    from bot.reading import AccountReader

    with wired(settings, pace, pressable=settings.slack.app_token is not None) as parts:

        def say(sentence: str, key: str) -> None:
            parts.store.trouble(sentence, settings.slack.channel, key, now())

        readers = [
            AccountReader(
                parts.triage,
                reading_of(a),
                partial(mailbox, a, settings.limits.max_message),
                every=a.poll_every,
                say=say,
                now=now,
                jitter=random.Random(),
            )
            for a in settings.accounts
        ]
        it = Daemon(
            Parts(
                socket=socket_of(settings, parts, lambda: it.deliver_soon()),  # noqa: PLW0108 - the daemon is made below
                store=parts.store,
                triage=parts.triage,
                delivery=parts.delivery,
                readers=readers,
                digest_at=settings.slack.digest_at,
                timezone=settings.slack.timezone,
                keep_text=settings.state.keep_text,
                keep_corrections=settings.state.keep_corrections,
                now=now,
            )
        )
        yield it


def socket_of(settings: Settings, parts: Wired, told: Callable[[], None]) -> SlackSocket | None:
    """The line on which presses come in, and the desk where they arrive; None where no app token is configured."""
    slack = settings.slack
    if slack.app_token is None:
        return None
    from bot.allowed import Allowed
    from bot.desk import Desk
    from bot.slack.socket import SlackSocket
    from bot.slack.view import Tier

    slack.app_token.read()
    line = notifier(settings)
    desk = Desk(
        store=parts.store,
        worker=parts.worker,
        slack=line,
        wording=parts.wording,
        allowed=Allowed(slack.allowed_users, slack.allowed_groups, line.members, now=now),
        known=tuple(parts.wording.titles),
        channel=slack.channel,
        tier=Tier(slack.tier),
        now=now,
        told=told,
    )
    return SlackSocket(
        app_token=slack.app_token.read,
        bot_token=slack.bot_token.read,
        base_url=slack.base_url,
        wrong=desk.wrong,
        take=desk.take,
        now=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass did."""

    read: int
    judged: int
    said: int
    waiting: int
    failed: tuple[MailboxError, ...]


def one_pass(settings: Settings) -> Pass:
    """Reads, judges and tells once. An account that fails does not keep the others from being read."""
    import time

    failed: list[MailboxError] = []
    read = judged = said = 0
    with wired(settings) as parts:
        for account in settings.accounts:
            box = mailbox(account, settings.limits.max_message)
            try:
                box.connect()
                read += parts.triage.read(box, reading_of(account))
            except MailboxError as e:
                failed.append(e)
            finally:
                box.close()
        while n := parts.triage.judge_waiting():
            judged += n
        until = time.monotonic() + 5 + 2.5 * parts.store.counts().get("notices_due", 0)
        while parts.store.counts().get("notices_due", 0) and time.monotonic() < until:
            said += parts.delivery.deliver()
            time.sleep(0.1)
        waiting = parts.store.counts().get("notices_due", 0)
    failed.sort(key=lambda e: not isinstance(e, LoginRefused))
    return Pass(read=read, judged=judged, said=said, waiting=waiting, failed=tuple(failed))


# ---------------------------------------------------------------------------------------------- looking


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `doctor`."""

    part: str
    state: str  # ok, warn, bad
    what: str
    exit_code: int = 0


def examine(settings: Settings) -> list[Row]:
    """Connects to everything and says how it is; changes nothing."""
    rows = [_look_at_store(settings), _look_at_rules(settings)]
    rows += [row for account in settings.accounts for row in _look_at_account(account, settings)]
    return rows + _look_at_slack(settings)


def _look_at_store(settings: Settings) -> Row:
    try:
        with open_store(settings) as store:
            counts = store.counts()
    except TriageError as e:
        return Row("state", "bad", str(e), e.exit_code)
    return Row("state", "ok", f"{settings.state.url or settings.state.folder}; {counts.get('reports', 0)} reports")


def _look_at_rules(settings: Settings) -> Row:
    try:
        with worker_of(settings) as worker:
            v = worker.versions
    except TriageError as e:
        return Row("judging", "bad", str(e), e.exit_code)
    return Row("judging", "ok", f"policy {settings.policy.name} {v.policy}; rules {v.rules}; model {v.model}")


def _look_at_account(account: Account, settings: Settings) -> list[Row]:
    name = f"mail {account.name}"
    box = mailbox(account, settings.limits.max_message)
    try:
        box.connect()
        facts = box.describe()
        rows = [Row(name, "ok", f"{account.host}:{account.port}; " + "; ".join(f"{k}: {v}" for k, v in facts.items()))]
        for folder in account.folders:
            try:
                state = box.examine(folder)
                rows.append(
                    Row(name, "ok", f"folder {folder}: uidvalidity {state.uidvalidity}, next uid {state.uidnext}")
                )
            except MailboxError as e:
                rows.append(Row(name, "bad", str(e), e.exit_code))
    except TriageError as e:
        return [Row(name, "bad", str(e), e.exit_code)]
    else:
        return rows
    finally:
        box.close()


def _look_at_slack(settings: Settings) -> list[Row]:
    from bot.slack.manifest import SCOPES

    try:
        slack = notifier(settings)
        who = slack.whoami()
        scopes = slack.scopes()
    except (NotifierError, UserError) as e:
        return [Row("slack", "bad", str(e), 69)]
    rows = [Row("slack", "ok", f"{who}; channel {settings.slack.channel}")]
    if settings.slack.app_token is not None:
        rows.append(_look_at_line(settings, settings.slack.app_token))
    wanted = [s for s in SCOPES if s != "usergroups:read" or settings.slack.allowed_groups]
    missing = [s for s in wanted if scopes is not None and s not in scopes]
    if scopes is None:
        rows.append(Row("slack", "warn", "Slack did not say which scopes the token has"))
    rows += [
        Row("slack", "bad" if s == "chat:write" else "warn", f"scope {s} is missing: needed to {SCOPES[s]}")
        for s in missing
    ]
    return rows


def _look_at_line(settings: Settings, app_token: Secret) -> Row:
    from bot.slack.client import SlackNotifier

    slack = settings.slack
    try:
        SlackNotifier(
            token=app_token.read, base_url=slack.base_url, timeout=slack.timeout.total_seconds()
        ).opens_a_line()
    except (NotifierError, UserError) as e:
        return Row("slack", "bad", f"slack.app_token: {e}; without it nobody's press arrives", 69)
    may = ", ".join((*slack.allowed_users, *slack.allowed_groups))
    return Row("slack", "ok", f"Socket Mode opens; who may press: {may}")


# ---------------------------------------------------------------------------------------------- making and showing


def train_model(settings: Settings | None, corpus: Path | None, out: Path | None) -> ReportCard:
    """Trains on the corpus and, for a configured bot, on people's corrections; writes the model in one step.

    For a configured bot a model that does worse than the one in use is refused with ModelError, and that one is kept.
    """
    from classifiers.examples import Example, read_corpus
    from classifiers.learned import Learned
    from classifiers.rulebook import Rulebook
    from classifiers.training import train, worse

    examples = list(read_corpus(corpus or CORPUS))
    target = out
    if settings is not None:
        target = target or Path(settings.state.folder) / "model.npz"
        examples += _corrected_examples(settings, Example)
    assert target is not None
    rulebook = Rulebook.load(rules_folder(settings.policy.rules if settings else ""))
    learned, card = train(examples, rulebook, seed=20261124)
    if out is None and settings is not None:
        in_use = model_file(settings)
        try:
            figures = Learned.load(in_use).card
        except ModelError:  # one that cannot be read is replaced by any
            figures = {}
        if told := worse(card, figures):
            raise ModelError(*(Problem(str(in_use), f"is kept: {sentence}") for sentence in told))
    fresh = target.with_name(target.name + ".new")
    learned.save(fresh, card.as_data())
    os.replace(fresh, target)  # noqa: PTH105  one step: a reader sees the old model or the new one
    return card


def _corrected_examples(settings: Settings, example: Any) -> list[Any]:
    from bot.worker import Task

    found = []
    with open_store(settings) as store, worker_of(settings) as worker:
        for report, recorded, mail in store.corrections():
            words = worker.own_words(Task(raw=mail.raw, size=mail.size, truncated=mail.truncated)) if mail else None
            if words is not None:
                found.append(
                    example(
                        id=f"correction-{report.short}",
                        subject=words[0],
                        body=words[1],
                        disposition=recorded.verdict.disposition.value,
                        categories=tuple(f.category for f in recorded.verdict.categories),
                        weight=3.0,
                    )
                )
    return found


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
    from classifiers.regions import find_regions

    return strongest_words(learned.opine(r, find_regions(r, ())) for r in map(report_of, read_corpus(CORPUS)))


def preview_card(path: str, *, policy: str, tier: str, stdin: BinaryIO) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The card for each mail at `path`, as it would go to Slack."""
    from bot.mail.sources import mails as mails_of
    from bot.ports import KeptReport, RecordedVerdict, VerdictKind
    from bot.showing import view_of
    from bot.slack.cards import card
    from bot.slack.view import Tier
    from bot.worker import Task

    at = now()
    words = _wording(RULES, policy)
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
