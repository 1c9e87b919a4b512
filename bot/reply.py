"""The suggested reply: the policy's own text for a disposition, with the clause, what is missing, and where to read on. Pure.

Nothing of the report stands in it, and nothing here sends it: a person copies it, or does not.
"""

from __future__ import annotations

from collections.abc import Mapping

from classifiers.terms import AcknowledgementState, Verdict

_THERE = frozenset({AcknowledgementState.FOUND, AcknowledgementState.NEAR_MISS})


def suggested(
    replies: Mapping[str, str], verdict: Verdict, *, requested: Mapping[str, str], url: str, word: str = "", language: str = ""
) -> str:  # fmt: skip
    """The text for a verdict, in the reporter's language where the policy has it; "" where it has none.

    `replies` by disposition, "out_of_scope", and by language after a point, "out_of_scope.es"; with {clause}, {missing},
    {word} and {url}. A paragraph for which there is nothing to fill in is left out; without a clause to quote, all of it.
    `requested`: the titles of what a policy asks for. `word`: the one it asks for, "" for none.
    """
    spoken = f".{language}" if f"{verdict.disposition.value}.{language}" in replies else ""

    def say(name: str) -> str:
        return replies.get(name + spoken, "" if spoken else replies.get(name, ""))

    text, filled = say(verdict.disposition.value), {
        "{clause}": "\n    ".join(_clauses(verdict, say("by_extension"))),
        "{missing}": "; ".join(say(m) or requested.get(m, m.replace("_", " ")) for m in verdict.missing),
        "{word}": say("word") if word and verdict.acknowledgement.state not in _THERE else "",
        "{url}": url,
    }  # fmt: skip
    if "{clause}" in text and not filled["{clause}"]:
        return ""
    paragraphs = [p for p in text.split("\n\n") if all(value or place not in p for place, value in filled.items())]
    text = "\n\n".join(paragraphs)
    for place, value in filled.items():
        text = text.replace(place, value)
    return text.strip()


def _clauses(verdict: Verdict, by_extension: str) -> list[str]:
    """Each clause once, in quotes; with the policy's remark where only its open list covers the report."""
    kinds = {f.clause: f.clause_kind for f in reversed(verdict.categories) if f.clause}
    held = dict.fromkeys(f.clause for f in verdict.categories if f.clause)
    return [f"“{c}”" + (f" {by_extension}" if kinds[c] == "by_extension" and by_extension else "") for c in held]
