"""Whether a report can be judged at all, or why only a person can. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from classifiers.language import language
from classifiers.regions import Region, RegionKind, prose
from classifiers.terms import Place, Report
from classifiers.text import fold

SHORT = 300  # characters of own words below which a mail says nothing by itself
TRAINED = frozenset({"en", "es", "pt", "fr", "de", "id", "it", "nl", "tr", ""})  # "": too short to tell
FEWEST_WORDS = 3
_WORD = re.compile(r"[^\W\d_]{2,}")
_LEANS = re.compile(
    r"\b(?:attach\w*|enclosed|see (?:the )?(?:pdf|document|video|screenshot|file)|anhang|piece jointe|adjunto|allegat\w)\b"
)
_SUBSTANCE = re.compile(
    r"^(?:application/(?!pgp-signature|pkcs7-signature|x-pkcs7-signature|ics)|video/|image/|audio/|text/)"
)
_UNDECIDED = frozenset({"bounce", "auto_reply", "report"})
_CAPPED = frozenset({"text_cap", "html_cap"})


def unreadable(report: Report, regions: Sequence[Region]) -> str:
    """Why nobody but a person can judge this mail, or ""."""
    facts = (
        (report.encrypted, f"it is encrypted ({report.encrypted}); a person must look"),
        (report.truncated, "it is larger than what is fetched; only its first part was read"),
        (report.rung > 2, "it could not be parsed as a whole; only parts of it were read"),
        (not _CAPPED.isdisjoint(report.defects), "it is longer than what is read; a finding may stand beyond"),
    )
    if (said := next((sentence for fact, sentence in facts if fact), "")) or report.automatic in _UNDECIDED:
        return said
    own = _own(report, regions)
    unread = [a for a in report.attachments if not a.read and _SUBSTANCE.match(a.media_type.lower())]
    if unread and (len(own.strip()) < SHORT or (len(own) < 3 * SHORT and _LEANS.search(fold(own).text))):
        pasted = any(r.kind in {RegionKind.HTTP, RegionKind.CODE, RegionKind.TOOL} for r in regions)
        if not pasted or len(own.strip()) < SHORT:
            return "its substance lies in an attachment that was not read"
    tool = any(r.kind in {RegionKind.TOOL, RegionKind.EXPORT} for r in regions)
    if not tool and sum(1 for _ in islice(_WORD.finditer(f"{report.subject} {own}"), FEWEST_WORDS)) < FEWEST_WORDS:
        return "it says too little to be judged"
    if (tongue := language(own)) not in TRAINED:
        return f"it is written in a language the model was not trained for ({tongue})"
    return ""


def spoken(report: Report, regions: Sequence[Region]) -> str:
    """The language of the report's own words, its subject left out: "en", "de", …; "" where it cannot be told."""
    return language(_own(report, regions))


def _own(report: Report, regions: Sequence[Region]) -> str:
    return "\n".join(c.text for c in prose(report, regions) if c.place is not Place.SUBJECT)
