"""Pages that show how good judging is: one HTML file, no script, nothing from outside, light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from classifiers.curves import Bin, Point
from classifiers.modelcard import Card
from classifiers.plots import (
    Bar,
    Cell,
    Dot,
    bars_plot,
    heat_map,
    precision_recall_plot,
    reliability_plot,
    safe,
)
from classifiers.rates import Counts, Rate
from classifiers.scorecard import Dismissal, Evaluation, Fired
from classifiers.terms import DISMISSALS, Disposition

MOST_RULES = 30
Words = Mapping[str, Sequence[tuple[str, float]]]

_STYLE = """
:root { color-scheme: light dark; --page: #fdfdfc; --ink: #1c2026; --soft: #565e6a; --line: #d9dce1; --data: #1f66ad;
  --grave: #b3261e; --track: #eceef1 }
@media (prefers-color-scheme: dark) { :root { --page: #15181d; --ink: #e9ebee; --soft: #a9b1bd; --line: #363c46;
  --data: #74b3f2; --grave: #ff8f85; --track: #23282f } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; margin-top: 2.5rem } h3 { font-size: 1rem; margin: 0 }
p, dl { max-width: 46rem } .soft, .none { color: var(--soft) }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1.5rem }
figure { margin: 0; min-width: 0 } figcaption { font-weight: 600; margin-bottom: .4rem }
svg { display: block; width: 100%; max-width: 34rem; height: auto }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; overflow-wrap: normal }
th, td { padding: .3rem .7rem; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap }
article { border-left: 4px solid var(--grave); padding: .2rem 0 .2rem 1rem; margin: 1.2rem 0 }
dt { color: var(--soft); font-size: .85rem } dd { margin: 0 0 .5rem } blockquote { margin: .2rem 0 }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif } svg .tick, svg .count { font-size: 11px }
svg .count { fill: var(--soft) } svg .axis { font-weight: 600 } svg .number { font-size: 14px; font-weight: 600 }
.grid { stroke: var(--line); stroke-width: 1 } .ideal { stroke: var(--soft); stroke-dasharray: 4 4 }
.curve { fill: none; stroke: var(--data); stroke-width: 2 } .dot, .bar, .cell { fill: var(--data) }
.whisker { stroke: var(--ink); stroke-width: 1.5 } .mark { stroke: var(--grave); stroke-width: 3 }
.grave { fill: var(--grave); stroke: var(--grave); stroke-width: 2 } .track { fill: var(--track) } .bar { fill-opacity: .65 }
"""


def evaluation_page(evaluation: Evaluation, *, source: str, versions: str) -> str:
    """Everything that was measured, as one page. What came from mails is escaped."""
    body = [
        f"<p class=soft>{safe(source)}. {safe(versions)}. Intervals are 95 %, by Wilson.</p>",
        _rates(evaluation.rates),
        _section("Confusion", "What reports are, and what was said of them. A red field is a report in scope that was dismissed.", [_confusion(evaluation.table)]),
        "<h2>False dismissals</h2>", *_dismissals(evaluation.dismissed),
        _section("Are the probabilities true?", "Each point is a group of reports: how probable it was said to be, and how often it was so. Whiskers are intervals, the numbers below say how many.", [
            _reliability("In scope, as the model says", "probability of in_scope", evaluation.reliability.get("in_scope", ())),
            _reliability("Dismissed, as the verdict says", "confidence of the dismissal", evaluation.reliability.get("dismissal", ())),
        ]),
        _section("Precision and recall", "The curve is what other thresholds would do. The cross is the bot as it stands: rules, model and policy together, so it need not lie on the curve. A category's curve ends where nothing was seen of it any more.", list(_precision_recall(evaluation))),
        _section("Dispositions and categories", "", list(_figures({**evaluation.dispositions, **evaluation.categories}))),
        _table({**evaluation.dispositions, **evaluation.categories}),
        _section("Words that weigh most", "What a word added to the log-odds of the label that the model believed most, over all these reports.", list(_words(evaluation.words))),
        _section("Rules that fire most", "In how many reports each fired, its weight, and in how many of them it was right.", [_rules(evaluation.rules)]),
    ]  # fmt: skip
    return _page("How good is triage", body)


def model_page(card: Card, *, version: str, words: Words, live: Rate | None = None) -> str:
    """What a model's card holds, as one page; `live`: the false dismissals that audits found of a bot."""
    told = {} if live is None else {"false dismissals, live": live}
    facts = "".join(f"<tr><th scope=row>{safe(k)}</th><td>{safe(v)}</td></tr>" for k, v in card.facts.items())
    body = [
        f"<p class=soft>Model {safe(version)} and the rules together, by cross-validation on what the model was trained on. Intervals are 95 %, by Wilson.</p>",
        f"<div class=wide><table>{facts}</table></div>",
        _rates({**card.rates, **told}),
        _section("Labels", "", list(_figures(card.labels))),
        _table(card.labels),
        _section("Are the probabilities true?", "", [_reliability(k, "probability", v) for k, v in card.reliability.items()]),
        _section("Precision and recall", "The curve is what other thresholds would do, the cross is where both stand now: a verdict asks more than a probability, so it need not lie on the curve.", [
            precision_recall_plot(k, v, _operating(card.labels.get(k))) for k, v in card.precision_recall.items()
        ]),
        _section("Words that weigh most", "In the corpus that came with triage: what a word added to the log-odds of the label believed most.", list(_words(words))),
    ]  # fmt: skip
    return _page("The model in use", body)


def _page(title: str, body: Sequence[str]) -> str:
    # The policy in the head forbids whatever could be fetched or run, should anything ever slip through.
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main><h1>{safe(title)}</h1>\n" + "\n".join(body) + "\n</main></body></html>\n"
    )


def _section(title: str, told: str, plots: Sequence[str]) -> str:
    inside = "".join(plots) or "<p class=none>There is nothing to show.</p>"
    words = f"<p>{safe(told)}</p>" if told else ""
    return f"<section><h2>{safe(title)}</h2>{words}<div class=plots>{inside}</div></section>"


def _rates(rates: Mapping[str, Rate]) -> str:
    found = [Bar(name=k, value=_or_none(r), note=str(r).strip(), interval=_known(r)) for k, r in rates.items()]
    return _section("The figures that matter", "", [bars_plot("Rates", found)])


def _or_none(rate: Rate) -> float | None:
    return rate.value if rate.whole else None


def _known(rate: Rate) -> tuple[float, float] | None:
    return rate.interval if rate.whole else None


def _confusion(table: Mapping[tuple[Disposition, Disposition], int]) -> str:
    rows = []
    for true in Disposition:
        counts = [table.get((true, said), 0) for said in Disposition]
        if whole := sum(counts):
            grave = [true is Disposition.IN_SCOPE and said in DISMISSALS for said in Disposition]
            cells = [Cell(n=n, share=n / whole, grave=g) for n, g in zip(counts, grave, strict=True)]
            rows.append((_spaced(true), cells))
    return heat_map("Reports by what they are and what was said", rows, [_spaced(d) for d in Disposition])


def _spaced(disposition: Disposition) -> str:
    return disposition.value.replace("_", " ")


def _dismissals(dismissed: Sequence[Dismissal]) -> Iterator[str]:
    if not dismissed:
        yield "<p class=none>None: no report in scope was dismissed.</p>"
    for d in dismissed:
        believed = "" if d.in_scope is None else f"; the model gave in_scope {d.in_scope:.2f}"
        yield f"<article><h3>{safe(d.subject or '(no subject)')}</h3><dl>"
        yield f"<dt>Report</dt><dd>{safe(d.id)}</dd><dt>Text</dt><dd>{safe(d.text or '(none)')}</dd>"
        yield f"<dt>Said</dt><dd>{safe(d.said.value)}, confidence {d.confidence:.2f}{believed}</dd>"
        yield f"<dt>Why</dt><dd>{safe(d.why)}</dd>"
        for ground in d.grounds:
            yield f"<dt>Clause, for {safe(ground.category)}</dt><dd>{safe(ground.clause or 'not excluded by this policy')}"
            yield from (f"<blockquote>“{safe(s)}”</blockquote>" for s in ground.sentences)
            yield "</dd>"
        yield "</dl></article>"


def _reliability(title: str, across: str, bins: Sequence[Bin]) -> str:
    dots = []
    for mean, share, n in bins:
        low, high = Rate(round(share * n), n).interval
        dots.append(Dot(x=mean, y=share, low=low, high=high, n=n))
    return reliability_plot(title, across, dots)


def _precision_recall(evaluation: Evaluation) -> Iterator[str]:
    counts = {**evaluation.dispositions, **evaluation.categories}
    for label, points in evaluation.precision_recall.items():
        yield precision_recall_plot(label, points, _operating(counts.get(label)))


def _operating(counts: Counts | None) -> Point | None:
    """Recall and precision, where both can be told."""
    if counts is None or not counts.recall.whole or not counts.precision.whole:
        return None
    return counts.recall.value, counts.precision.value


def _figures(counts: Mapping[str, Counts]) -> Iterator[str]:
    for label, c in counts.items():
        rows = [
            Bar(name="precision", value=_or_none(c.precision), note=str(c.precision).strip(), interval=_known(c.precision)),
            Bar(name="recall", value=_or_none(c.recall), note=str(c.recall).strip(), interval=_known(c.recall)),
            Bar(name="F1", value=c.f1, note=c.f1_told, interval=c.f1_interval),
        ]  # fmt: skip
        yield bars_plot(label, rows)


def _table(counts: Mapping[str, Counts]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{safe(label)}</th><td>{safe(str(c.precision))}</td><td>{safe(str(c.recall))}</td>"
        f"<td>{c.f1_told}</td></tr>"
        for label, c in counts.items()
    )
    head = "<tr><th scope=col>Label</th><th scope=col>Precision</th><th scope=col>Recall</th><th scope=col>F1</th></tr>"
    return f"<details><summary>The same in numbers</summary><div class=wide><table>{head}{rows}</table></div></details>"


def _words(words: Words) -> Iterator[str]:
    for label, found in words.items():
        shown = [Bar(name=word, value=weight, note=f"{weight:+.2f}") for word, weight in found]
        yield bars_plot(label, shown, most=max((w for _, w in found), default=1.0))


def _rules(rules: Sequence[Fired]) -> str:
    most = max((r.right.whole for r in rules), default=1)
    shown = [
        Bar(name=r.source, value=r.right.whole, note=f"{r.right.whole}; {r.weight:+.1f}; right {r.right.value:.0%}")
        for r in rules[:MOST_RULES]
    ]
    return bars_plot("Rules", shown, most=most)
