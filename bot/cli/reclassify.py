"""`triage reclassify`: a person's word, taking it back, and judging kept mail again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import Config, Json, Since, ago, settings_of, who
from bot.clock import now
from bot.ports import Trial
from classifiers.errors import UserError
from classifiers.terms import Disposition
from classifiers.text import printable

if TYPE_CHECKING:
    from bot.correction import Change, Correction
    from bot.replay import Decided
    from bot.settings import Settings
    from bot.store import Store


Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID…", help="Report ids: 4 hex digits or more.", show_default=False)
]
As = Annotated[
    Disposition | None, typer.Option("--as", help="What it is: your verdict, which sticks.", show_default=False)
]
Category = Annotated[list[str] | None, typer.Option("--category", help="A category that applies; may be repeated.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take a person's verdict back: what held before holds again.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the verdict and used in training.")]
Word = Annotated[
    bool | None,
    typer.Option("--word/--no-word", help="The sender did, or did not, include the word.", show_default=False),
]
By = Annotated[str | None, typer.Option("--by", help="Who decides. Default: you.", show_default=False)]
Apply = Annotated[
    bool, typer.Option("--apply", help="Without --as: save what judging again found, instead of showing it.")
]
Policy = Annotated[
    str | None, typer.Option("--policy", help="Judge again by this policy, to try it.", show_default=False)
]
Rules = Annotated[Path | None, typer.Option("--rules", help="Judge again by this folder of rules.", show_default=False)]
Model = Annotated[Path | None, typer.Option("--model", help="Judge again by this model file.", show_default=False)]


def reclassify(
    reports: Ids = None,
    as_: As = None,
    category: Category = None,
    undo: Undo = False,
    reason: Reason = "",
    word: Word = None,
    by: By = None,
    since: Since = None,
    apply: Apply = False,
    policy: Policy = None,
    rules: Rules = None,
    model: Model = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Decide by hand (--as), take that back (--undo), or judge kept mail again and see what would change."""
    trial = Trial(policy=policy, rules=rules, model=model)
    by_hand = as_ is not None or undo
    if bool(reports) == bool(since):
        raise UserError("name reports by id, or say --since 30d; one of the two")
    if by_hand and since:
        raise UserError("--as and --undo decide named reports; --since judges again. Name the reports' ids")
    if by_hand and (apply or trial != Trial()):
        raise UserError("--apply, --policy, --rules and --model go with judging again, without --as and --undo")
    if as_ is None and (category or word is not None):
        raise UserError("--category and --word go with --as")
    if (reason and not by_hand) or (undo and as_ is not None):
        raise UserError("--reason goes with --as or with --undo; one of the two")
    from bot.assembly import open_store
    from bot.correction import Correction

    settings = settings_of(config)
    with open_store(settings) as store:
        if undo:
            _undo(store, settings, reports or [], reason, who(by), as_json=as_json)
        elif as_ is not None:
            correction = Correction(
                disposition=as_, categories=tuple(category or ()), reason=reason, by=who(by), acknowledged=word
            )
            _by_hand(store, settings, reports or [], correction, as_json=as_json)
        else:
            _again(store, settings, reports or [], since, trial, apply=apply, as_json=as_json)


def _by_hand(store: Store, settings: Settings, ids: list[str], correction: Correction, *, as_json: bool) -> None:
    from bot.assembly import known_categories, routes_of
    from bot.correction import correct

    known, said = known_categories(settings), correction.disposition.value
    for prefix in ids:
        report, recorded = correct(store, prefix, correction, known=known, routes=routes_of(settings), now=now())
        if as_json:
            print(
                json.dumps(
                    {"schema": 1, "report": report.short, "disposition": said, "decided_by": recorded.decided_by}
                )
            )
        else:
            print(f"{report.short}   {said.replace('_', ' ')}   {', '.join(correction.categories)}".rstrip())
    if not as_json:
        print("Kept for training; the card changes within seconds where triage runs.", file=sys.stderr)


def _undo(store: Store, settings: Settings, ids: list[str], reason: str, by: str, *, as_json: bool) -> None:
    from bot.answer import in_words
    from bot.assembly import routes_of
    from bot.audit import BLIND
    from bot.correction import take_back

    for prefix in ids:
        report, said, again = take_back(store, prefix, by=by, reason=reason, routes=routes_of(settings), now=now())
        blind = report.id in store.open_audits()
        if as_json:
            print(
                json.dumps(
                    {
                        "schema": 1, "report": report.short, "taken_back": said.verdict.disposition.value, "taken_back_by": by,
                        "disposition": again.verdict.disposition.value if again and not blind else None,
                        "decided_by": again.decided_by if again and not blind else None,
                    } | ({"audit": "open"} if blind else {})
                )
            )  # fmt: skip
        else:
            holds = f"{in_words(again.verdict)}  ({again.decided_by})" if again else "it will be judged"
            print(
                f"{report.short}   no longer {in_words(said.verdict)}  ({said.decided_by})   →   {BLIND if blind else holds}"
            )
    if not as_json:
        print("Both words stay on record; training counts the first no more.", file=sys.stderr)


# ------------------------------------------------------------------------------------------------ judging again


def _again(
    store: Store, settings: Settings, ids: list[str], since: str | None, trial: Trial, *, apply: bool, as_json: bool
) -> None:
    from bot.assembly import audit_state, learned_from, not_configured, routes_of, worker_of
    from bot.correction import apply as apply_change
    from bot.correction import judge_again
    from bot.replay import Yardstick, decided

    other = not_configured(settings, trial)
    if apply and other:
        raise UserError(
            f"--apply saves what the configured bot says, and {' '.join(other)} is not configured: "
            "leave --apply out to try it, or configure it first"
        )
    kept = [store.find(i) for i in ids] or [r for r, _, _ in store.listing(since=now() - ago(since or ""))]
    blind = store.open_audits()
    readable = [r for r in kept if not r.purged and r.id not in blind]
    _, stops, _ = audit_state(settings, store)
    compared: list[Decided] = []
    changed = people = 0
    with worker_of(settings, trial) as worker:
        worker.versions  # noqa: B018  what cannot be used is told also where there is nothing to judge
        for change in _progress(judge_again(store, worker, readable, stops), len(readable)):
            people += change.person
            compared += decided(change)
            if change.changes:
                changed += 1
                _print_change(change, as_json=as_json)
            if apply:
                apply_change(store, change, routes=routes_of(settings), now=now)
        model = worker.context.model
    yardstick = Yardstick.of(compared, learned_from(model) if model else ())
    print(json.dumps(yardstick.as_data()) if as_json else yardstick.as_text())
    audits = sum(r.id in blind for r in kept)
    purged = len(kept) - len(readable) - audits
    told = f"Judged {len(readable)} again; {changed} {'changed' if apply else 'would change'}."
    told += f" {people} decided by a person: left as they are." if people else ""
    told += f" {purged} left out: their text was purged." if purged else ""
    told += f" {audits} left out: their audit waits for an answer." if audits else ""
    told += "" if apply else f" Nothing was saved; {'this was a trial' if other else '--apply saves it'}."
    print(told, file=sys.stderr)


def _print_change(change: Change, *, as_json: bool) -> None:
    from bot.answer import in_words

    before = change.before.verdict if change.before else None
    if as_json:
        data = {
            "schema": 1, "report": change.report.short,
            "was": before.disposition.value if before else None,
            "now": change.after.verdict.disposition.value,
            "categories": [f.category for f in change.after.verdict.categories],
        }  # fmt: skip
        print(json.dumps(data))
    else:
        was = in_words(before) if before else "not judged"
        print(
            f"{change.report.short}   {was}  →  {in_words(change.after.verdict)}   {printable(change.after.letterhead.subject, 60)}"
        )


def _progress(changes: Any, total: int) -> Any:
    """A progress bar on a terminal for long work; nothing where nobody watches."""
    if total < 200 or not sys.stderr.isatty():
        return changes
    from rich.console import Console
    from rich.progress import track

    return track(changes, total=total, description="judging", console=Console(stderr=True), transient=True)
