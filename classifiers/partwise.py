"""What the parts of a report say by themselves, and what that means for the whole. Pure.

A mixed report hides its one finding in a part, and so does a letter that is about something else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from classifiers.fusion import DISPOSITIONS, Seen, logit, sigmoid
from classifiers.terms import Disposition

# Below these no category is agreed on and no mail taken for no report; above the last nothing is dismissed.
NAMED, QUIET, GENUINE = 0.1, 0.3, 0.95
GUARDED = 0.5  # of a part's log-odds of a finding that count against "no report"; set on held-out folds
FULL = 100  # characters from which the model's word on a part counts whole: of a few words it is a guess; likewise
CHANCE = 0.5  # by how much of the logarithm of their number the best of many parts is better by chance; likewise
_TOLD = frozenset(d.value for d in DISPOSITIONS)


def is_worth_taking_apart(p: Mapping[str, float]) -> bool:
    """Whether a report's parts can matter, by the model's probability of each label: only where a dismissal is near."""
    named = max((x for label, x in p.items() if label not in _TOLD), default=0.0)
    quiet = p.get(Disposition.NOT_A_REPORT.value, 0.0)
    return (named >= NAMED or quiet >= QUIET) and p.get(Disposition.IN_SCOPE.value, 0.0) < GENUINE


def most_genuine_part(seen: Seen) -> float:
    """How genuine the most genuine part reads by itself, 0 to 1; 0 where the report has no parts.

    The model's log-odds of a finding and half of the signs that stand in the part, less what looks excluded there to the model
    and to the rules: how an excluded thing is reproduced reads much like a finding. Of many parts the best is somewhat better by
    chance. The shares were set on held-out folds.
    """
    scores = []
    for span, p in seen.opinion.parts:
        signs, noise = seen.within(span, ("genuine",)), seen.within(span, seen.excluded)
        likeness = logit(max((x for label, x in p.items() if label not in _TOLD), default=0.0))
        believed = logit(p.get(Disposition.IN_SCOPE.value, 0.0)) * min(1.0, (span.end - span.start) / FULL)
        scores.append(believed + 0.5 * signs - 0.3 * likeness - 0.2 * noise)
    return sigmoid(max(scores) - CHANCE * math.log(len(scores))) if scores else 0.0


def no_report(probability: float, part: float) -> float:
    """How surely a mail is no report whose most genuine part reads so genuine: a letter may hide a finding in one sentence.

    A part that does not read genuine proves nothing; 0: there are no parts.
    """
    return sigmoid(logit(probability) - GUARDED * max(0.0, logit(part)))
