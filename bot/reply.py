"""The suggested reply: the policy's own text for a disposition, with the clause, what is missing, and where to read on. Pure.

Nothing of the report stands in it, and nothing here sends it: a person copies it, or does not.
"""

from __future__ import annotations

from collections.abc import Mapping

from classifiers.terms import Verdict


def suggested(replies: Mapping[str, str], verdict: Verdict, *, requested: Mapping[str, str], url: str) -> str:
    """The text for a verdict; "" where the policy has none for it.

    `replies` by disposition, with {clause}, {missing} and {url}; `requested`: the titles of what a policy asks for.
    """
    text = replies.get(verdict.disposition.value, "")
    clauses = dict.fromkeys(f.clause for f in verdict.categories if f.clause)
    filled = {
        "{clause}": "\n    ".join(f"“{clause}”" for clause in clauses),
        "{missing}": "; ".join(requested.get(m, m.replace("_", " ")) for m in verdict.missing),
        "{url}": url,
    }
    if any(place in text and not value for place, value in filled.items()):
        return ""  # a sentence with a hole in it is none
    for place, value in filled.items():
        text = text.replace(place, value)
    return text.strip()
