"""What a report says that it is not about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from classifiers.prefilter import may_hold
from classifiers.text import fold

_NOT = re.compile(
    r"\b(?:"
    r"(?:this|that|it|mine|what follows|(?:my|this|the) (?:report|finding|issue|bug|vulnerability|submission)) (?:is|are|was) (?:not|never) "
    r"(?:about|a|an|just|only|merely|simply|related to|one of|because of|the (?:usual|typical|standard))|"
    r"(?:this|that|it|mine|(?:my|this|the) (?:report|finding|issue|bug|vulnerability)) (?:isn't|isnt) (?:about|a|an|just|only|merely|simply|related to|one of)|"
    r"(?:i am|i'm|im|we are|we're) not (?:reporting|talking about|complaining about|submitting|here to report|referring to)|"
    r"(?:this|it|report|finding|issue) (?:has nothing|have nothing) to do with|nothing to do with|not to be confused with|"
    r"(?:i|we) (?:know|understand|see|saw|read|am aware|are aware|realise|realize|noticed)\b[^\n.;]{0,60}?(?:out of scope|out-of-scope|exclude|excluded|not in scope|do not want|don't want|not looking for|not accepted|list)|"
    r"(?:dies ist|das ist|es geht) nicht|(?:ceci|ce) n'est pas|esto no es|isto nao e|questo non e"
    r")\b",
)
_ANY_DENIAL = may_hold(_NOT)
_TURN = re.compile(
    r"[.!?;\n]|,? (?:but|however|although|instead|rather|sondern|aber|mais|sino|mas|ma)\b|, (?:it|this|the|i|we|an?) |: "
)
_REACH = 220  # characters that a denial covers at most


def find_denials(text: str) -> Iterator[tuple[int, int]]:
    """From a denial ("this is not about …") to where the sentence turns or ends."""
    folded = fold(text)
    if not _ANY_DENIAL.search(folded.text):
        return
    for found in _NOT.finditer(folded.text):
        stretch = folded.text[found.end() : found.end() + _REACH]
        turn = _TURN.search(stretch)
        yield folded.original(found.start(), found.end() + (turn.start() if turn else len(stretch)))
