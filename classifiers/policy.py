"""A disclosure policy as data: what a team excludes, asks for and looks after. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from classifiers.terms import Evidence, Place, Report
from classifiers.text import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One sentence of the policy that excludes something."""

    id: str
    text: str  # verbatim
    categories: tuple[str, ...]
    parent: str | None = None  # the clause it hangs under
    by_extension: tuple[str, ...] = ()  # rules ("category.rule") that only "aren't limited to" covers


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """Something the policy asks reporters for. The signs of the same name show that it is there."""

    id: str
    title: str  # verbatim


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A component the policy names as in scope."""

    id: str
    title: str
    text: str  # verbatim
    hosts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a team excludes, asks for and looks after."""

    name: str
    title: str
    url: str = ""
    word: str = ""  # "" where the policy asks for none
    budget: float = 0.01  # false dismissals we accept when thresholds are chosen
    clauses: tuple[Clause, ...] = ()
    requested: tuple[Requested, ...] = ()
    assets: tuple[Asset, ...] = ()
    replies: Mapping[str, str] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()  # its other sentences: known, so that a pasted policy is recognised
    digest: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything the policy says, to recognise where a mail quotes it."""
        return (
            *self.sentences,
            *(c.text for c in self.clauses),
            *(r.title for r in self.requested),
            *(a.text for a in self.assets),
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The categories that some clause excludes, each once, in the policy's order."""
        return tuple(dict.fromkeys(c for clause in self.clauses for c in clause.categories))

    def clause_of(self, category: str, evidence: Sequence[Evidence]) -> tuple[str | None, str | None]:
        """The words that exclude a category, and how: "named", or "by_extension" where only an open list covers it."""
        named = next((c for c in self.clauses if category in c.categories), None)
        if named is None:
            return None, None
        extended = {rule for c in self.clauses for rule in c.by_extension}
        seen = [e for e in evidence if e.speaks_for and e.source.startswith("rule:")]
        strongest = max((e.weight for e in seen), default=0.0)
        telling = [e.source.removeprefix("rule:") for e in seen if e.weight == strongest]
        if telling and all(source in extended for source in telling):
            open_list = next(c for c in self.clauses if telling[0] in c.by_extension)
            return open_list.text, "by_extension"
        return named.text, "named"


def assets_named(report: Report, assets: Sequence[Asset]) -> tuple[str, ...]:
    """Ids of the assets whose hosts or words stand in the report, wherever; quoted and hidden text aside."""
    seen = frozenset({Place.SUBJECT, Place.BODY, Place.HTML, Place.FORWARDED, Place.ATTACHMENT})
    text = "\n".join(fold(p.text[:50_000]).text for p in report.passages if p.place in seen)
    return tuple(a.id for a in assets if any(name in text and _stands(name, text) for name in (*a.hosts, *a.words)))


def _stands(name: str, text: str) -> bool:
    """Whether a name stands in a text by itself, not inside a longer word or host."""
    at = text.find(name)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
        if not (before.isalnum() or before in {"-", "_"} or after.isalnum() or after in {"-", "_"}):
            return True
        at = text.find(name, at + 1)
    return False


def is_file_name(name: str) -> bool:
    """Whether a policy is named by a file of one's own, instead of by its name among the rules."""
    return name.endswith(".toml")
