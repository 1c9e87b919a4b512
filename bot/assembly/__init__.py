"""Everything is wired here, once: the only room that knows every concrete class."""

from bot.assembly.chores import cabinet_of, drawer_of
from bot.assembly.chosen import (
    RULES,
    judging_worker,
    known_categories,
    learned_from,
    lint_configured,
    model_file,
    not_configured,
    rules_folder,
    usable_model,
    worker_of,
)
from bot.assembly.kept import audit_state, database_url, drawing, open_store
from bot.assembly.making import evaluate_labelled, preview_card, strong_words, train_model
from bot.assembly.onepass import one_pass
from bot.assembly.serving import daemon
from bot.assembly.told import notifier, on_terminal, policy_wording, routes_of, wording
from bot.assembly.wiring import wired

__all__ = [
    "RULES",
    "audit_state",
    "cabinet_of",
    "daemon",
    "database_url",
    "drawer_of",
    "drawing",
    "evaluate_labelled",
    "judging_worker",
    "known_categories",
    "learned_from",
    "lint_configured",
    "model_file",
    "not_configured",
    "notifier",
    "on_terminal",
    "one_pass",
    "open_store",
    "policy_wording",
    "preview_card",
    "routes_of",
    "rules_folder",
    "strong_words",
    "train_model",
    "usable_model",
    "wired",
    "wording",
    "worker_of",
]  # fmt: skip
