"""What judges: the rules, the policy and the model that a bot, or a trial, is to use."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import bot
import classifiers
from bot.ports import Context, Trial
from bot.worker import Worker, WorkerLimits
from classifiers.errors import ModelError, RuleError, UserError
from classifiers.policy import is_file_name

if TYPE_CHECKING:
    from bot.settings import Settings
    from classifiers.errors import Problem

MODEL = Path(classifiers.__file__).parent / "model.npz"
CORPUS = Path(classifiers.__file__).parent / "corpus"
RULES = Path(bot.__file__).parent.parent / "rules"


def rules_folder(given: str | Path) -> Path:
    """The folder that was named, else the rules that came with the bot: beside the packages, in a checkout and a wheel."""
    folder = Path(given) if given else RULES
    if not (folder / "categories").is_dir():
        raise UserError(f"{folder} holds no rules: it needs categories/, signs/ and policies/")
    return folder


def policy_place(name: str) -> str:
    """A policy's name, or its file's whole path."""
    return str(Path(name).expanduser().resolve()) if is_file_name(name) else name


def lint_configured(settings: Settings) -> list[Problem]:
    """Everything that is wrong with the rules and the policy that a bot is configured to judge by."""
    from classifiers.policyfiles import policy_file
    from classifiers.proofs import lint

    folder = rules_folder(settings.policy.rules)
    try:
        path = policy_file(folder, settings.policy.name)
    except RuleError as e:
        return [*lint(folder), *e.problems]
    return lint(folder, path)


def model_file(settings: Settings | None) -> Path:
    """The model in use: the one trained for this bot where there is one, else the one that came with it."""
    own = Path(settings.state.folder) / "model.npz" if settings else None
    return own if own is not None and own.exists() else MODEL


def usable_model(settings: Settings | None) -> tuple[Path, str]:
    """The model that judges; and what is wrong with the one trained for this bot where it is left aside, else ""."""
    from classifiers.learned import Learned

    path = model_file(settings)
    try:
        if path != MODEL:
            Learned.load(path)
    except ModelError as e:
        return MODEL, str(e)
    return path, ""


def judging_worker(*, policy: str, rules: Path | None, model: Path | None, use_model: bool = True) -> Worker:
    """A worker without any configuration."""
    chosen = (model or MODEL) if use_model else None
    return Worker(
        Context(
            rules=rules_folder(rules or "").resolve(),
            policy=policy_place(policy),
            model=chosen.resolve() if chosen else None,
        )
    )


def worker_of(settings: Settings, trial: Trial | None = None) -> Worker:
    """The worker of a configured bot, or of one that tries something else in one place.

    An own model that cannot be used is left aside with a word in the log; one that is tried is not.
    """
    authserv = tuple(name for account in settings.accounts for name in account.trusted_authserv)
    tried = trial or Trial()
    model, wrong = (tried.model, "") if tried.model else usable_model(settings)
    if wrong:
        logging.getLogger("triage").warning("model.refused", extra={"what": wrong})
    context = Context(
        rules=rules_folder(tried.rules or settings.policy.rules).resolve(),
        policy=policy_place(tried.policy or settings.policy.name),
        model=model.resolve(),
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
    if trial.policy is not None and policy_place(trial.policy) != policy_place(settings.policy.name):
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


def known_categories(settings: Settings) -> tuple[str, ...]:
    """The ids that a person may name."""
    from classifiers.rulebook import Rulebook

    return tuple(c.id for c in Rulebook.load(rules_folder(settings.policy.rules)).categories)
