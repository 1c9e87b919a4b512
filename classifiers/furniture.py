"""What frames a report and says nothing: headings, lists of references, signatures, marks of attached files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from classifiers.prefilter import may_hold

_HEADING = re.compile(
    r"(?m)^[ \t]*(?:[#*_=>-]{1,4}[ \t]*)?(?:\*\*)?(?:summary|description|steps?(?: to reproduce)?|reproduction(?: steps)?|impact|proof of concept|poc|"
    r"vulnerability(?: name| type| details)?|severity|affected (?:url|urls|asset|endpoint|domain)s?|recommendations?|remediation|mitigation|fix|references?|"
    r"supporting material(?:/references)?(?: attachments)?|expected(?: behaviou?r| result)?|actual(?: behaviou?r| result)?|environment|details|background|introduction|title|attachments?|timeline)"
    r"(?:\*\*)?[ \t]*:?(?:\*\*)?[ \t]*$",
    re.IGNORECASE,
)
_REFERENCES = re.compile(
    r"(?m)^[ \t]*(?:[#*_-]{1,4}[ \t]*)?(?:references?|supporting material|read more|more info(?:rmation)?|further reading|links|sources?)\b[^\n]{0,60}\n",
    re.IGNORECASE,
)
_REFERENCE_LINE = re.compile(
    r"[ \t]*(?:[-*\d.\[\])•]{1,5}[ \t]*)?(?:https?://|www\.|CWE-\d|CVE-\d|OWASP\b|RFC ?\d)", re.IGNORECASE
)
_SIGNATURE = re.compile(r"(?m)^(?:-- ?|Sent from my [^\n]{1,40}|Get Outlook for [^\n]{1,40})$")
_ATTACHED = re.compile(r"\{F\d{1,9}\}|!\[[^\]\n]{0,100}\]\([^)\n]{0,300}\)")
_ANY_FURNITURE = may_hold(_HEADING, _REFERENCES, _SIGNATURE, _ATTACHED)


def find_furniture(text: str) -> Iterator[tuple[int, int]]:
    """Headings, marks of attached files, lists of references to their last line, and from a signature all that follows."""
    if not _ANY_FURNITURE.search(text):
        return
    for pattern in (_HEADING, _ATTACHED):
        for found in pattern.finditer(text):
            yield found.span()
    for found in _REFERENCES.finditer(text):
        end = found.end()
        for line in text[end : end + 4000].split("\n"):
            if line.strip() and not _REFERENCE_LINE.match(line):
                break
            end += len(line) + 1
        yield found.start(), min(end, len(text))
    cut = next((f.start() for f in _SIGNATURE.finditer(text) if len(text) - f.start() < 2000), None)
    if cut is not None:
        yield cut, len(text)
