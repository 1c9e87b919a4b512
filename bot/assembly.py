"""Everything is wired here, once: the only file that knows every concrete class."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import bot
import classifiers
from bot.clock import steady
from bot.ports import Context, Trial
from bot.worker import Worker, WorkerLimits
from classifiers.errors import (
    ConfigError,
    LoginRefused,
    MailboxError,
    ModelError,
    Problem,
    UserError,
)

if TYPE_CHECKING:
    from bot.accounts import Accounts
    from bot.accountsettings import Account
    from bot.accountsettings import Filing as FilingWished
    from bot.audit import Audit, Drawing
    from bot.daemon import Daemon
    from bot.delivery import Delivery
    from bot.drafting import Drawer
    from bot.filing import Cabinet
    from bot.learning import Lesson
    from bot.orders import Service
    from bot.ports import Notifier
    from bot.probes import Probes
    from bot.reminding import Reminders
    from bot.retraining import Retraining
    from bot.routing import Routes
    from bot.settings import Replies, Settings
    from bot.shares import Work
    from bot.showing import Wording
    from bot.slack.client import SlackNotifier
    from bot.slack.socket import SlackSocket
    from bot.store import Store
    from bot.triage import Triage
    from bot.watch import Watch
    from bot.weekly import Weekly
    from classifiers.learned import Learned
    from classifiers.scorecard import Evaluation
    from classifiers.terms import Versions

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


def worker_of(settings: Settings, trial: Trial | None = None) -> Worker:
    """The worker of a configured bot, or of one that tries something else in one place.

    An own model that cannot be used is left aside with a word in the log; one that is tried is not.
    """
    authserv = tuple(name for account in settings.accounts for name in account.trusted_authserv)
    tried = trial or Trial()
    context = Context(
        rules=rules_folder(tried.rules or settings.policy.rules).resolve(),
        policy=tried.policy or settings.policy.name,
        model=(tried.model or _usable(model_file(settings))).resolve(),
        trusted_authserv=authserv,
    )
    limits = settings.limits
    return Worker(
        context, WorkerLimits(cpu=limits.cpu.total_seconds(), wall=limits.wall.total_seconds(), memory=limits.memory)
    )


def not_configured(settings: Settings, trial: Trial) -> tuple[str, ...]:
    """What of a trial is not what the bot is configured to judge by, as it was said."""
    configured = rules_folder(settings.policy.rules).resolve()
    found = []
    if trial.policy not in {None, settings.policy.name}:
        found.append(f"--policy {trial.policy}")
    if trial.rules is not None and rules_folder(trial.rules).resolve() != configured:
        found.append(f"--rules {trial.rules}")
    if trial.model is not None and trial.model.resolve() != model_file(settings).resolve():
        found.append(f"--model {trial.model}")
    return tuple(found)


def learned_from(model: Path) -> frozenset[str]:
    """The ids of the reports whose corrections a model was trained on."""
    from classifiers.learned import Learned
    from classifiers.modelcard import read_card

    return read_card(Learned.load(model).card).learned_from


def _usable(path: Path) -> Path:
    import logging

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
    words = _wording(rules_folder(settings.policy.rules), settings.policy.name, own_domains=tuple(sorted(domains)))
    return replace(words, drafts=settings.replies.draft)


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
        clauses={
            c.id: (text, kind)
            for c in rulebook.categories
            for text, kind in [policy.clause_of(c.id, ())]
            if text and kind
        },
        url=policy.url,
    )


def known_categories(settings: Settings) -> tuple[str, ...]:
    """The ids that a person may name."""
    from classifiers.rulebook import Rulebook

    return tuple(c.id for c in Rulebook.load(rules_folder(settings.policy.rules)).categories)


# ---------------------------------------------------------------------------------------------- the bot


def database_url(settings: Settings) -> str:
    """Where the bot remembers."""
    return settings.state.url or f"sqlite:///{Path(settings.state.folder)}/triage.db"


def open_store(settings: Settings) -> Store:
    """What the bot remembers."""
    from bot.store import Store

    secret = settings.state.password
    return Store.open(database_url(settings), now=now, password=secret.read() if secret else "")


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


def notifier(settings: Settings) -> SlackNotifier:
    from bot.slack.client import SlackNotifier

    slack = settings.slack
    return SlackNotifier(token=slack.bot_token.read, base_url=slack.base_url, timeout=slack.timeout.total_seconds())


def teller(settings: Settings) -> Notifier:
    """Who tells the cards: Slack, or the terminal where no Slack is configured."""
    if settings.tells_slack:
        return notifier(settings)
    from bot.terminal import TerminalNotifier

    bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return TerminalNotifier(sys.stdout, width=shutil.get_terminal_size().columns, bold=bold)


def on_terminal(settings: Settings) -> Settings:
    """The settings of a bot that tells its cards on a terminal.

    Beside a configured Slack that is a trial: it remembers in a folder of its own, so that nothing is missing in Slack.
    """
    from bot.settings import TERMINAL

    if not settings.tells_slack:
        return settings
    folder = Path(settings.state.folder) / "terminal"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (own := model_file(settings)) != MODEL:
        shutil.copyfile(own, folder / "model.npz")
    return settings.model_copy(
        update={
            "slack": settings.slack.model_copy(
                update={"channel": TERMINAL, "app_token": None, "routes": settings.slack.routes.in_one(TERMINAL)}
            ),
            "state": settings.state.model_copy(update={"folder": str(folder), "url": ""}),
            "model": settings.model.model_copy(update={"retrain": ""}),
            "replies": settings.replies.model_copy(update={"draft": False}),
        }
    )


def routes_of(settings: Settings) -> Routes:
    """Where and when verdicts are told. Raises ConfigError where a category is routed that there is not."""
    routed = settings.slack.routes.categories
    known = known_categories(settings) if routed else ()
    unknown = [c for c in routed if c not in known]
    if unknown:
        raise ConfigError(*(Problem("slack.routes.categories", f"there is no category {c}") for c in unknown))
    return settings.slack.routed


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """The bot's parts, wired."""

    store: Store
    worker: Worker
    triage: Triage
    delivery: Delivery
    work: Work
    wording: Wording
    routes: Routes


@contextmanager
def wired(settings: Settings, pace: timedelta | None = None, *, pressable: bool = False) -> Iterator[Wired]:
    """The bot's parts, ready; the rules, the model and the secrets were found good.

    Refuses a second bot on one state folder, but where a database server keeps what several share.

    `pressable`: somebody will listen to what people press, so that cards have buttons.
    """
    from bot.delivery import Delivery
    from bot.pacing import PACE
    from bot.settings import TERMINAL
    from bot.slack.view import Tier
    from bot.store import lock_state_folder
    from bot.triage import Triage

    if settings.tells_slack:
        settings.slack.bot_token.read()
    words = wording(settings)
    routes = routes_of(settings)
    folder = Path(settings.state.folder)
    alone = nullcontext() if settings.state.shared else lock_state_folder(folder)
    with open_store(settings) as store, alone, worker_of(settings) as worker:
        work = _work(settings, store)
        worker.versions  # noqa: B018  starts it, so that bad rules are told now and not at the first mail
        if settings.tells_slack:
            store.resettle(TERMINAL, routes.channel)
        yield Wired(
            store=store,
            worker=worker,
            triage=Triage(store=store, worker=worker, routes=routes, now=now, drawing=drawing(settings, words.budget)),
            delivery=Delivery(
                store,
                teller(settings),
                words,
                channel=routes.channel,
                tier=Tier(settings.slack.tier),
                grace=settings.slack.grace,
                now=now,
                pace=(PACE if settings.tells_slack else timedelta()) if pace is None else pace,
                pressable=pressable,
                who=work.name,
                claim=settings.state.lease,
            ),
            work=work,
            wording=words,
            routes=routes,
        )


def _work(settings: Settings, store: Store) -> Work:
    """What of all the work is this copy's."""
    from bot.shares import All, Share

    if not settings.state.shared:
        return All()
    return Share(store, [a.name for a in settings.accounts], lasting=settings.state.lease, now=now)


@contextmanager
def daemon(
    settings: Settings, pace: timedelta | None = None, config: Path | None = None, service: Service | None = None
) -> Iterator[Daemon]:
    """The daemon, ready to run. `pace`: between two messages, where it is not Slack's.

    `config`: the file that the settings were read from; without one nothing is trained by schedule. `service`: who runs it,
    where that is not the caller alone.
    """
    from bot.accounts import Accounts, reading_of
    from bot.daemon import Daemon
    from bot.jobs import Parts
    from bot.orders import Orders, Service
    from bot.reading import AccountReader
    from bot.silence import Silences
    from bot.systemd import Systemd
    from bot.voice import Voice
    from bot.watch import Watch

    with wired(settings, pace, pressable=settings.slack.app_token is not None) as parts:
        accounts = Accounts(settings)
        watch, voice = Watch(), Voice(parts.store, teller(settings), settings.slack.channel, now)
        readers = [
            AccountReader(
                parts.triage,
                reading_of(a),
                partial(accounts.mailbox, a),
                every=a.poll_every,
                say=voice.say,
                now=now,
                steady=steady,
                jitter=random.Random(),
            )
            for a in settings.accounts
        ]
        it = Daemon(
            Parts(
                # The daemon that they ask is made of them.
                socket=socket_of(settings, parts, lambda: it.deliver_soon()),  # noqa: PLW0108
                probes=_probes(settings, parts, watch, lambda: it.jobs.unready()),  # noqa: PLW0108
                watch=watch,
                silences=Silences(parts.store, readers, watch, voice, after=settings.watch.silent_after, now=now),
                service=service or Service(Orders(), Systemd(), renewed=lambda: settings),
                voice=voice,
                work=parts.work,
                store=parts.store,
                triage=parts.triage,
                delivery=parts.delivery,
                readers=readers,
                retraining=_retraining(settings, parts, config),
                digest_at=settings.slack.digest_at,
                timezone=settings.slack.timezone,
                keep_text=settings.state.keep_text,
                keep_corrections=settings.state.keep_corrections,
                now=now,
                weekly=weekly_of(settings, parts),
                reminders=reminders_of(settings, parts.store),
                drafts=drafting_of(settings, parts, accounts),
                filing=filing_of(settings, parts.store, accounts, voice.say),
            )
        )
        yield it


def reminders_of(settings: Settings, store: Store) -> Reminders | None:
    """The waiting clock of live reports; None where nobody is to be reminded."""
    from bot.reminding import Reminders

    slack = settings.slack
    if slack.remind_after is None:
        return None
    return Reminders(store=store, quiet=slack.routed.quiet, after=slack.remind_after, group=slack.remind_group, now=now)


def weekly_of(settings: Settings, parts: Wired) -> Weekly | None:
    """The weekly digest; None where none is wished."""
    from zoneinfo import ZoneInfo

    from bot.overview import overview
    from bot.weekly import Weekly

    slack, accounts = settings.slack, tuple(a.name for a in settings.accounts)
    if not slack.weekly_on or slack.digest_at is None:
        return None
    return Weekly(
        store=parts.store,
        wording=parts.wording,
        stands=lambda: overview(
            parts.store, parts.worker, parts.wording, routes=parts.routes, accounts=accounts, at=now()
        ),
        channel=slack.channel,
        day=slack.weekly_on,
        clock=slack.digest_at,
        zone=ZoneInfo(slack.timezone),
        now=now,
    )


def filing_of(
    settings: Settings, store: Store, accounts: Accounts, say: Callable[[str, str], object]
) -> Callable[[], None] | None:
    """What keeps mailboxes in order; None where that is not wished."""
    from bot.filing import Filing

    cabinets = {a.name: cabinet_of(a, a.filing, accounts) for a in settings.accounts if a.filing}
    return Filing(store, cabinets, now=now, steady=steady, say=say).tick if cabinets else None


def cabinet_of(account: Account, wished: FilingWished, accounts: Accounts) -> Cabinet:
    """An account's mailbox, to be kept in order."""
    from bot.filing import Cabinet
    from bot.mail.filing import FilingMailbox

    folders = {d.value: folder for d, folder in wished.folders.items()}
    return Cabinet(open=partial(accounts.session, FilingMailbox, account), mode=wished.mode, folders=folders)


def drafting_of(settings: Settings, parts: Wired, accounts: Accounts) -> Callable[[], None] | None:
    """What lays drafts of answers into the mailboxes; None where that is not wished."""
    if not settings.replies.draft:
        return None
    from bot.drafting import Drafting

    drawers = {a.name: drawer_of(a, settings.replies, accounts) for a in settings.accounts}
    return Drafting(store=parts.store, wording=parts.wording, drawers=drawers, now=now).tick


def drawer_of(account: Account, replies: Replies, accounts: Accounts) -> Drawer:
    """An account's mailbox as a place for drafts."""
    from bot.drafting import Drawer
    from bot.mail.drafts import DraftsMailbox

    return Drawer(
        open=partial(accounts.session, DraftsMailbox, account),
        folder=replies.folder,
        sender=replies.sender or account.user,
    )


def _probes(settings: Settings, parts: Wired, watch: Watch, ready: Callable[[], Sequence[str]]) -> Probes | None:
    """What probes may ask, where a port is configured."""
    if settings.watch.token is None:
        return None
    from bot.metrics import Metrics
    from bot.probes import Probes

    metrics = Metrics(parts.store, parts.worker, watch, parts.delivery.waits, [a.name for a in settings.accounts])
    token = settings.watch.token.read()
    return Probes(settings.watch.port, token, alive=watch.stuck, ready=ready, metrics=metrics.page)


def socket_of(settings: Settings, parts: Wired, told: Callable[[], None]) -> SlackSocket | None:
    """The line on which presses come in, and the desk where they arrive; None where no app token is configured."""
    slack = settings.slack
    if slack.app_token is None:
        return None
    from bot.allowed import Allowed
    from bot.commands import Commands
    from bot.desk import Desk
    from bot.reception import Reception
    from bot.slack.socket import SlackSocket
    from bot.slack.view import Tier

    slack.app_token.read()
    line = notifier(settings)
    desk = Desk(
        store=parts.store,
        worker=parts.worker,
        reception=Reception(
            store=parts.store,
            slack=line,
            allowed=Allowed(slack.allowed_users, slack.allowed_groups, line.members, now=now),
            channel=slack.channel,
            now=now,
        ),
        wording=parts.wording,
        known=tuple(parts.wording.titles),
        routes=parts.routes,
        tier=Tier(slack.tier),
        now=now,
        told=told,
    )
    commands = Commands(desk=desk, accounts=tuple(a.name for a in settings.accounts))
    return SlackSocket(
        app_token=slack.app_token.read,
        bot_token=slack.bot_token.read,
        base_url=slack.base_url,
        wrong=desk.wrong,
        take=commands.take,
        now=steady,
    )


def _retraining(settings: Settings, parts: Wired, config: Path | None) -> Retraining:
    from bot.retraining import PERIODS, Retraining

    train = ["-I", "-m", "bot", "model", "train", "--json", "--config", str(config.resolve() if config else "")]
    return Retraining(
        parts.store,
        parts.worker,
        model=partial(model_file, settings),
        every=PERIODS.get(settings.model.retrain) if config else None,
        command=[sys.executable, *train],
        channel=settings.slack.channel,
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

    from bot.accounts import Accounts, reading_of

    accounts = Accounts(settings)
    failed: list[MailboxError] = []
    read = judged = said = 0
    with wired(settings) as parts:
        for account in settings.accounts:
            box = accounts.mailbox(account)
            try:
                box.connect()
                read += parts.triage.read(box, reading_of(account))
            except MailboxError as e:
                failed.append(e)
            finally:
                box.close()
        while n := parts.triage.judge_waiting():
            judged += n
        if (reminders := reminders_of(settings, parts.store)) is not None:
            reminders.tick()
        if (drafts := drafting_of(settings, parts, accounts)) is not None:
            drafts()
        if (filing := filing_of(settings, parts.store, accounts, lambda *_: None)) is not None:
            filing()
        until = time.monotonic() + 5 + 2.5 * parts.store.counts().get("notices_due", 0)
        while parts.store.counts().get("notices_due", 0) and time.monotonic() < until:
            said += parts.delivery.deliver()
            time.sleep(0.1)
        waiting = parts.store.counts().get("notices_due", 0)
    failed.sort(key=lambda e: not isinstance(e, LoginRefused))
    return Pass(read=read, judged=judged, said=said, waiting=waiting, failed=tuple(failed))


# ---------------------------------------------------------------------------------------------- making and showing


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

    examples = list(read_corpus(corpus or CORPUS))
    rulebook = Rulebook.load(rules_folder(settings.policy.rules if settings else ""))
    known = frozenset(c.id for c in rulebook.categories)
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
