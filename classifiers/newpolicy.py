"""A commented start for a policy, made of what the rules know: its author only fills in what is marked CHANGE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from classifiers.errors import UserError
from classifiers.policyfiles import LEFT
from classifiers.proofs import excluded
from classifiers.rulebook import Rulebook
from classifiers.rulefiles import ID, Category

_HEAD = """\
# A policy. What must be filled in says {left}; `triage rules lint FILE` lists what is left, with its line. Keep the quotes.
# Delete whole clauses that your policy does not have: what no clause excludes is in scope.
name = "{name}"  # the file's name
title = "{left}: the title of your policy's page"
url = "{left}: the address of that page"

# The word that shows a reporter has read the policy. Without this line none is looked for.
# word = "heron"

# The share of genuine reports that may be dismissed by mistake, in the measure of `triage evaluate`.
budget = 0.01

# Every other sentence of the page, word for word: where a mail pastes the policy, its words count for nothing.
sentences = [
  "{left}: the first sentence; then one line for each further one",
]
"""

_CLAUSES = """
# ---------------------------------------------------------------------------------------------- what is excluded
# A clause is one sentence of your policy, word for word: the card and the reply quote it. Its hits are mails that it
# excludes, its misses are near ones that it does not; both are tried by `triage rules lint`. A clause may name
# several categories. Further keys, each optional:
#   parent = "id"                 the clause it hangs under
#   by_extension = ["a.b"]        rules that only an open list ("such as") covers
#   assets = ["website"]          only for reports that name one of these assets, and no other
#   except_assets = ["api"]       not for reports that name one of these; never together with assets
#   from = 2027-01-01             the first day it holds, by the day a mail was sent (UTC)
#   until = 2027-12-31            the last day it holds
"""

_REST = """
# ---------------------------------------------------------------------------------------------- what is asked for
# Each id is a file in signs/ whose rules see that it was given.
[[requested]]
id = "steps_to_reproduce"
text = "{left}: the words in which your policy asks for steps, or delete this table"

# ---------------------------------------------------------------------------------------------- what is looked after
# Hosts and words, in lower case, tell that a report is about an asset. Further keys, each optional, one of the two:
#   out_of_scope = true           your policy leaves this asset out as a whole
#   retired = 2027-06-30          likewise, from that day on
[[asset]]
id = "website"
title = "{left}: a short name"
text = "{left}: the sentence of your policy that names this asset"
hosts = ["{left}: www.your-company.example"]
words = []

# ---------------------------------------------------------------------------------------------- what is answered
# Texts for a person to send. {{clause}}, {{missing}}, {{word}} and {{url}} are filled in; a paragraph for which there is
# nothing to fill in is left out. An empty text: no answer. [replies.de] and the like hold the same in that language.
[replies]
out_of_scope = "Thank you for writing to us. Our policy does not seek this kind of report: {{clause}}"
in_scope = "Thank you for your report. We are looking into it and will come back to you."
incomplete = "Thank you for writing to us. To look into it we need: {{missing}}. Our policy: {{url}}"
not_a_report = ""
word = "the word that our guidelines ask for"
by_extension = "(its list is not complete: your report is of that kind)"
"""


def new_policy(name: str, rulebook: Rulebook) -> str:
    """The text of a policy file of this name, with a clause for every category there is."""
    clauses = "".join(_clause(c, rulebook) for c in rulebook.categories)
    return _HEAD.format(left=LEFT, name=name) + _CLAUSES + clauses + _REST.format(left=LEFT)


def write_policy(path: Path, name: str, text: str) -> None:
    """Writes a new policy where nothing stands yet. Raises UserError for a bad name or place, never overwrites."""
    if not ID.fullmatch(name.replace("-", "_")):
        raise UserError(f"{name!r} is no name for a policy: lower-case letters, digits, _ and -, a letter first")
    if path.name != f"{name}.toml":
        raise UserError(f"a policy's file bears its name: write it to {path.with_name(f'{name}.toml')}")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as f:
            f.write(text)
    except FileExistsError:
        raise UserError(f"{path} is there already; nothing was written") from None
    except OSError as e:
        raise UserError(f"{path} cannot be written: {e.strerror}") from None


def _clause(category: Category, rulebook: Rulebook) -> str:
    """A clause for one category, proven by examples of its own rules."""
    hit = next(_examples(category, rulebook, covered=True), f"{LEFT}: a mail that this excludes")
    miss = next(_examples(category, rulebook, covered=False), f"{LEFT}: a mail that this does not exclude")
    return "\n".join(
        (
            "",
            f"# {category.title}: {category.about}",
            "[[clause]]",
            f'id = "{category.id}"',
            f'text = "{LEFT}: the sentence of your policy that excludes this, or delete this clause"',
            f'categories = ["{category.id}"]',
            f"hits = [{json.dumps(hit, ensure_ascii=False)}]",
            f"misses = [{json.dumps(miss, ensure_ascii=False)}]",
            "",
        )
    )


def _examples(category: Category, rulebook: Rulebook, *, covered: bool) -> Iterator[str]:
    """Examples of a category's rules that it covers; or near ones that it does not, best of a carve-out."""
    rules = [r for r in rulebook.rules if r.group == category.id]
    texts = [t for r in rules if r.speaks_for == covered for t in r.hits]
    texts += [t for r in rules for t in r.misses] if not covered else []
    return (t for t in texts if excluded(t, [category.id], rulebook) == covered)
