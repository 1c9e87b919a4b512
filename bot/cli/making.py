"""What judges, made and measured: rules, model, evaluation; and what Slack would be shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bot import DEFAULT_POLICY
from bot.cli.options import Config, Html, Json, ModelFile, PolicyName, RulesFolder, settings_of, write_page
from classifiers.errors import RuleError, UserError
from classifiers.text import json_line

rules_app = typer.Typer(help="The rules: list, test and lint them.", no_args_is_help=True)
model_app = typer.Typer(help="The model: train it, report on it.", no_args_is_help=True)
Verbose = Annotated[bool, typer.Option("--verbose", help="Also each correction that entered, with its reason.")]
slack_app = typer.Typer(help="Slack: the app's manifest, and the blocks for a mail.", no_args_is_help=True)


@rules_app.command("list")
def list_rules(rules: RulesFolder = None, as_json: Json = False) -> None:
    """Every rule: its id, its weight and why it is there."""
    from bot.assembly import rules_folder
    from classifiers.rulebook import Rulebook

    for rule in Rulebook.load(rules_folder(rules or "")).rules:
        if as_json:
            print(json.dumps({"schema": 1, "id": rule.source, "weight": rule.weight, "reason": rule.reason}))
        else:
            print(f"{rule.source:56} {rule.weight:+.1f}  {rule.reason}")


@rules_app.command("test")
def prove_rules(rules: RulesFolder = None) -> None:
    """Run every rule on its own hits and misses."""
    _lint(rules, ())


@rules_app.command("lint")
def lint_rules(
    policies: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Policies of your own.", show_default=False)
    ] = None,
    rules: RulesFolder = None,
) -> None:
    """Everything that is wrong with the rules and with policies, with file and line."""
    _lint(rules, policies or ())


def _lint(rules: Path | None, policies: Sequence[Path]) -> None:
    from bot.assembly import rules_folder
    from classifiers.proofs import lint
    from classifiers.rulebook import Rulebook

    folder = rules_folder(rules or "")
    if problems := lint(folder, *policies):
        raise RuleError(*problems)
    print(f"{len(Rulebook.load(folder).rules)} rules, each proven by its hits and misses")


@rules_app.command("new-policy")
def start_policy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, _ and -.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Where to write it. Default: NAME.toml here; with --rules among them.", show_default=False
        ),
    ] = None,
    rules: RulesFolder = None,
) -> None:
    """Write a commented start for a policy of your own; `triage rules lint FILE` tells what is left to change."""
    from bot.assembly import rules_folder
    from classifiers.newpolicy import new_policy, write_policy
    from classifiers.policyfiles import left_to_change
    from classifiers.rulebook import Rulebook

    folder = rules_folder(rules or "")
    among = folder / "policies" / f"{name}.toml"
    path = out or (among if rules else Path(among.name))
    if among.exists():
        raise UserError(f"{among} is there already: a policy of your own has a name of its own; nothing was written")
    text = new_policy(name, Rulebook.load(folder))
    write_policy(path, name, text)
    print(path)
    for line, what in left_to_change(text).items():
        print(f"line {line}: {what}", file=sys.stderr)
    print(f"Fill in or delete these, then run: triage rules lint{'' if path == among else f' {path}'}", file=sys.stderr)


@model_app.command("train")
def train(
    config: Config = None,
    own: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="Your own mail: a .jsonl, or a folder of folders and mboxes named by label. Default: model.labelled.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Where to write it. Default: the state folder of the configuration.", show_default=False
        ),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            "--corpus", help="A folder of .jsonl. Default: the corpus that came with triage.", show_default=False
        ),
    ] = None,
    verbose: Verbose = False,
    as_json: Json = False,
) -> None:
    """Train the model on the corpus, your own mail and people's corrections; one that does worse is refused (exit code 1)."""
    from bot.assembly import train_model

    if out is None and config is None:
        raise UserError("say --config FILE to train for a running bot, or --out FILE to write a model elsewhere")
    lesson = train_model(settings_of(config) if config else None, corpus=corpus, own=own, out=out)
    print(json.dumps(lesson.as_data(verbose=verbose)) if as_json else lesson.as_text(verbose=verbose))
    if lesson.refused:
        print(f"The model in use is kept: {'; '.join(lesson.refused)}.", file=sys.stderr)
        raise typer.Exit(1)
    print(f"Model {lesson.version} is written; a running daemon takes it up by itself.", file=sys.stderr)


@model_app.command("report")
def report(
    model: ModelFile = None, html: Html = None, config: Config = None, verbose: Verbose = False, as_json: Json = False
) -> None:
    """What the model in use learned from and how well it did; with --config, how well it does live by its audits."""
    from bot.assembly import open_store, strong_words, usable_model
    from bot.audit import live_rate
    from classifiers.learned import Learned
    from classifiers.modelcard import read_card

    if verbose and config is None:
        raise UserError("--verbose lists the corrections of a bot: say --config FILE too")
    settings = settings_of(config) if config else None
    in_use, wrong = (model, "") if model else usable_model(settings)
    if wrong:
        print(f"{wrong}. Until then the one that came with triage judges:", file=sys.stderr)
    learned = Learned.load(in_use)
    card = read_card(learned.card)
    live, corrected = None, []
    if settings is not None:
        from bot.learning import learned_words

        with open_store(settings) as store:
            live = live_rate(store.audits())
            corrected = learned_words(store, card.learned_from) if verbose else []
    if html is not None:
        from classifiers.pages import model_page

        write_page(html, model_page(card, version=learned.version, words=strong_words(learned), live=live))
    if as_json:
        more = {"live": live.as_data()} if live is not None else {}
        print(json.dumps(card.as_data() | more | ({"corrected": corrected} if verbose else {})))
    else:
        print(replace(learned, card=card.facts).describe())
        print(card.as_text())
        if live is not None:
            print(f"  {'false dismissals, live':24} {live}")
        for line in corrected:
            print(f"  {line}")


def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A .jsonl (id, subject, body, disposition, categories), or a folder of folders and mboxes of mail named by label: "
            "in_scope, out_of_scope+CATEGORY.",
        ),
    ],
    policy: PolicyName = DEFAULT_POLICY,
    rules: RulesFolder = None,
    model: ModelFile = None,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Judge labelled reports and tell how often that was right, and what was wrongly dismissed."""
    from bot.assembly import evaluate_labelled

    result, versions = evaluate_labelled(path, policy=policy, rules=rules, model=model)
    if html is not None:
        from classifiers.pages import evaluation_page

        told = f"Policy {policy} {versions.policy}, rules {versions.rules}, model {versions.model}"
        write_page(html, evaluation_page(result, source=f"Measured on {path}", versions=told))
    print(json.dumps(result.as_data()) if as_json else result.as_text())


@slack_app.command("manifest")
def manifest() -> None:
    """The app's manifest, to paste at api.slack.com under "From a manifest"."""
    from bot.slack.manifest import MANIFEST

    print(MANIFEST, end="")


@slack_app.command("preview")
def preview(
    path: Annotated[str, typer.Argument(metavar="PATH|-", help="A mail.")],
    policy: PolicyName = DEFAULT_POLICY,
    tier: Annotated[str, typer.Option("--tier", help="full, reduced or ids.")] = "reduced",
    as_json: Json = False,
) -> None:
    """What Slack would be shown for this mail, in words or as its blocks; no token needed."""
    from bot.assembly import preview_card
    from bot.slack.plain import plain

    if tier not in ("full", "reduced", "ids"):
        raise UserError(f"--tier is full, reduced or ids, not {tier}")
    for text, blocks in preview_card(path, policy=policy, tier=tier, stdin=sys.stdin.buffer):
        drawn = {"text": text, "blocks": blocks}
        print(json_line(drawn) if as_json else f"{plain(text, blocks, width=100)}\n")
