"""What parts of a report are not its writer's claims: pasted requests, code, tool output, pasted policy, disclaimers.

Spans over unchanged text. A header's name inside a pasted response is no claim about headers, and a report that quotes
the policy's "SPF" says nothing of SPF.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import re2

from classifiers.terms import Place, Report, Span
from classifiers.text import fold

CAP = 200_000  # characters of a passage that are looked at; what a report says, it says by then


class RegionKind(StrEnum):
    HTTP = "http"  # a pasted request or response
    CODE = "code"  # fenced code, HTML, commands
    TOOL = "tool"  # what a tool printed
    EXPORT = "export"  # the whole of a mail that is a scanner's file
    POLICY = "policy"  # the policy's own sentences
    DISCLAIMED = "disclaimed"  # what the report says it is not about
    FURNITURE = "furniture"  # headings, references, signatures, footers


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """Characters of one passage, and what they are."""

    span: Span
    kind: RegionKind


@dataclass(frozen=True, slots=True)
class Claim:
    """A stretch of the writer's own words."""

    place: Place
    passage: int
    start: int
    text: str


OWN = frozenset({Place.SUBJECT, Place.BODY, Place.HTML, Place.FORWARDED, Place.ATTACHMENT})

_Span = tuple[int, int]


def find_regions(report: Report, policy_texts: Sequence[str]) -> tuple[Region, ...]:
    """All regions of a report, by passage and place; they may overlap. Linear in its length."""
    found: list[Region] = []
    clauses = tuple(policy_texts)
    for index, passage in enumerate(report.passages):
        text = passage.text[:CAP]
        spans: list[tuple[RegionKind, _Span]] = []
        if passage.place is not Place.SUBJECT:
            spans += [(RegionKind.CODE, s) for s in _fenced(text)]
            spans += _lines(text)
            spans += [(RegionKind.EXPORT, s) for s in _exported(text)]
            spans += [(RegionKind.FURNITURE, s) for s in _furniture(text)]
        spans += [(RegionKind.POLICY, s) for s in _pasted_policy(text, clauses)]
        spans += [(RegionKind.DISCLAIMED, s) for s in _disclaimed(text)]
        found += [Region(Span(index, start, end), kind) for kind, (start, end) in spans if end > start]
    return tuple(sorted(found))


def prose(report: Report, regions: Sequence[Region]) -> Iterator[Claim]:
    """The writer's own words, in order: everything visible that lies in no region, quotes and hidden text left out."""
    cuts: dict[int, list[_Span]] = {}
    for region in regions:
        cuts.setdefault(region.span.passage, []).append((region.span.start, region.span.end))
    for index, passage in enumerate(report.passages):
        if passage.place not in OWN or (passage.place is Place.ATTACHMENT and report.exports):
            continue
        text = passage.text[:CAP]
        at = 0
        for start, end in sorted(cuts.get(index, ())):
            if start > at and (piece := text[at:start]).strip():
                yield Claim(passage.place, index, at, piece)
            at = max(at, end)
        if text[at:].strip():
            yield Claim(passage.place, index, at, text[at:])


# What a subject may hold and still not say what the report is about.
_SAYS_NOTHING = re.compile(
    r"(?:about|alert|all|and|app|application|attention|bounty|bug|bugs|concern|critical|dear|disclosure|"
    r"domain|email|fix|for|found|from|fwd|hello|help|high|important|info|information|issue|issues|"
    r"low|mail|medium|message|new|note|notice|notification|our|please|poc|possible|potential|problem|"
    r"problems|program|public|regarding|report|reporting|reports|request|researcher|responsible|security|"
    r"serious|severe|severity|site|software|some|subject|submission|system|systems|team|that|the|there|"
    r"this|update|urgent|very|vuln|vulnerabilities|vulnerability|vulnerable|weakness|web|website|with|"
    r"you|your)"
)
_NAMED = re.compile(r"[^\W\d_]{3,}")
_HOST = re.compile(r"https?://\S+|\b[\w-]+(?:\.[\w-]+)+\b")
_ENDS = re.compile(r"[.!?](?=\s|$)|\n[ \t]*\n")
LONGEST_OPENING = 200  # characters


def opening(report: Report, regions: Sequence[Region]) -> Claim | None:
    """The first sentence, where the subject does not say what the report is about: then that sentence heads it."""
    subject = " ".join(p.text for p in report.passages if p.place is Place.SUBJECT)
    words = _NAMED.findall(_HOST.sub(" ", subject.lower()))
    if any(not _SAYS_NOTHING.fullmatch(word) for word in words):
        return None
    for claim in prose(report, regions):
        if claim.place is not Place.SUBJECT and _says_something(claim.text):
            return _first_sentence(claim)
    return None


def _first_sentence(claim: Claim) -> Claim:
    """The first that says something: greetings are passed over."""
    at = 0
    for stop in (*(m.end() for m in _ENDS.finditer(claim.text)), len(claim.text)):
        if _says_something(claim.text[at:stop]) or stop == len(claim.text):
            return Claim(claim.place, claim.passage, claim.start + at, claim.text[at : min(stop, at + LONGEST_OPENING)])
        at = stop
    return claim


def _says_something(text: str) -> bool:
    return sum(not _SAYS_NOTHING.fullmatch(word) for word in _NAMED.findall(text[:2000].lower())) > 1


# ---------------------------------------------------------------------------------------------- code, HTTP, tools


def _fenced(text: str) -> Iterator[_Span]:
    at = text.find("```")
    while at >= 0:
        end = text.find("```", at + 3)
        yield at, len(text) if end < 0 else end + 3
        at = text.find("```", end + 3) if end >= 0 else -1


_START = re.compile(r"(?:[<>*] )?(?:(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|TRACE|CONNECT|PROPFIND) \S{1,2000}(?: HTTP/[\d.]{1,3})?\s*$|HTTP/[\d.]{1,3} \d{3}\b)")  # fmt: skip
_HEADER = re.compile(r"(?:[<>*] )?[A-Za-z][A-Za-z0-9-]{1,40}: ?\S")
_PASTED_HEADER = re.compile(
    r"(?:[<>] )?(?:Accept|Accept-[A-Z]\w+|Access-Control-[\w-]+|Age|Cache-Control|CF-RAY|Connection|Content-(?:Type|Length|Encoding|Security-Policy)|"
    r"Cookie|Date|ETag|Expires|Host|Last-Modified|Location|Origin|Pragma|Referer|Sec-[\w-]+|Server|Set-Cookie|"
    r"Strict-Transport-Security|Transfer-Encoding|Upgrade-Insecure-Requests|User-Agent|Vary|Via|X-[\w-]+|DNT|Authorization): \S",
    re.IGNORECASE,
)
_BODY_OF_HTTP = re.compile(r"\s*(?:[{\[<]|[\w.%+-]{1,60}=\S*$|--+\w)")
_TOOL = re.compile(
    r"\s{0,8}(?:"
    r";; |; <<>> DiG|\S{1,200}\s+(?:\d{1,9}\s+)?IN\s+(?:A|AAAA|TXT|MX|NS|SOA|CNAME|CAA|DS|DNSKEY|PTR)\b|"
    r"\d{1,5}/(?:tcp|udp)\s+(?:open|closed|filtered)|Nmap scan report|Starting Nmap|PORT\s+STATE|Host is up|\|[_ ] {0,3}\S|"
    r"\+ (?:Server|Target|OSVDB|Start Time|End Time|The |Retrieved|Allowed|/)|- Nikto|"
    r"\[(?:\d{4}-\d\d-\d\d[^\]]{0,20}|[\w:.-]{1,80})\] \[(?:http|dns|ssl|tcp|network|info|low|medium|high|critical)\w{0,8}\]|"
    r"\[(?:INF|ERR|WRN|info|\+|-|!|\*|i|\d\d:\d\d:\d\d)\] ?\S|"
    r"(?:SSL|TLS)v?[\d.]{1,3}\s+(?:not )?(?:offered|enabled|supported|disabled|\()|"
    r"v=(?:spf1|DMARC1|DKIM1|STSv1)\b|\S{1,200}:?\s+\"?v=(?:spf1|DMARC1)|subject=|issuer=|verify error:|Certificate chain|SSL-Session:|Cipher\s{0,10}:|depth=\d"
    r")"
)
# Labels that scanners print and people write too: tool output only where several stand together.
_LABEL = re.compile(
    r"\s{0,8}[*#-]{0,4} {0,2}(?:Plugin(?: ID| Output| Name| Family)?|Issue(?: detail| background| remediation)?|Risk(?: Factor)?|Confidence|CWE(?: Id)?|WASC Id|Vulnerability classifications|"
    r"CVSS(?:v\d)?(?: Base)?(?: Score| Vector)?|Solution|Synopsis|Evidence|Alert|Instances|QID|THREAT|Port|Protocol|Severity|Family|"
    r"Scan (?:type|date|time|started|finished)|Finding|Affected (?:items?|hosts?)|Target(?: URL)?|Scanner|Host|Path|Parameter|Attack|Other info|Reference|Method|URL)\*{0,2}\s?[:=]\*{0,2}\s?\S"
)
_LABELS = 4  # of them within as many lines as _WINDOW make a block
_WINDOW = 8
_MARKUP = re.compile(r"\s{0,40}</?(?:html|head|body|title|style|script|iframe|form|input|div|img|svg|a|p|h\d|button|meta|link|textarea|table|tr|td|span|br|center|object|embed|!doctype|!ENTITY|\?xml|\?php|[a-z]{1,20}:[a-zA-Z]{1,30})\b.{0,2000}$", re.IGNORECASE)  # fmt: skip
_COMMAND = re.compile(
    r"\s{0,12}(?:[$#%>]{1,3} |PS [A-Z]:|[\w.-]{1,40}@[\w.-]{1,60}[:~ ][^$#]{0,80}[$#] )?"
    r"(?:curl|wget|dig|nslookup|nmap|host|openssl|sqlmap|python3?|nc|ncat|telnet|ssh|git|docker|npm|pip3?|ruby|php|perl|gcc|"
    r"clang|make|ffuf|gobuster|dirb|nikto|nuclei|testssl(?:\.sh)?|swaks|sendmail|mysql|psql|pscale|kubectl|aws|gcloud|echo|cat|export|sudo|chmod|bash|sh|powershell)"
    r" [-./'\"\w@:|<>$~=+].{0,2000}$"
)
_PROMPT = re.compile(r"\s{0,12}(?:\$ |>>> |mysql> |sql> |[\w.-]{1,40}@[\w.-]{1,60}:[^$#\s]{0,80}[$#] )\S")
_PROGRAM = re.compile(
    r"\s{0,40}(?:[\w.\[\]'\"]{1,80}\s?(?:[-+*|]?=|\+=)\s?\S.{0,400};|(?:var|let|const|function|import|from|def|class|return|if|for|while|public|private|static|"
    r"#include|#define|int|void|char|struct|fetch|document\.|window\.|console\.|print|xhr\.|req\.|res\.|\$\w)[\s(.\w].{0,400}[;{}(),:]|[}\])]{1,4}[;,)]{0,3})\s*$"
)
_FIELD_OF_TEXT = re.compile(r"(?:[A-Z][\w /()-]{0,40}):$")


def _may_hold(*patterns: re.Pattern[str], before: str = "") -> Any:
    """One linear search for anything that one of these may match, `before` in front of it: most mails hold nothing."""
    sources = [re.sub(r"\{(\d),\d{2,}\}", lambda m: "*" if m[1] == "0" else "+", p.pattern) for p in patterns]
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return re2.compile(before + "(?:" + "|".join(f"(?:{s})" for s in sources) + ")", options)


_PASTED_LINE = _may_hold(_START, _PASTED_HEADER, _TOOL, _LABEL, _MARKUP, _COMMAND, _PROMPT, _PROGRAM, before="(?m)^")


def _lines(text: str) -> Iterator[tuple[RegionKind, _Span]]:
    """Lines that are pasted: an HTTP message with its headers and body, tool output, markup, commands, program text."""
    if not _PASTED_LINE.search(text):
        return
    lines = list(_with_positions(text))
    labels = [n for n, (_, line) in enumerate(lines) if _LABEL.match(line[:400])]
    yield from ((RegionKind.TOOL, (lines[n][0], lines[n][0] + len(lines[n][1]))) for n in _close(labels))
    i = 0
    while i < len(lines):
        start, line = lines[i]
        if _START.match(line) or (_PASTED_HEADER.match(line) and _PASTED_HEADER.match(_line(lines, i + 1))):
            end = _end_of_http(lines, i)
            yield RegionKind.HTTP, (start, lines[end - 1][0] + len(lines[end - 1][1]))
            i = end
            continue
        kind = _kind_of_line(line)
        if kind is not None:
            yield kind, (start, start + len(line))
        i += 1


# A file that a machine wrote: JSON, XML or a table. It is a scanner's where several of its fields are those of findings.
_FILE = re.compile(
    r"(?m)^[ \t]*(?:\{|\[\s{0,20}[{\[]|<\?xml|<[A-Za-z_][\w:-]{2,40}(?: [^>\n]{0,400})?>|[\w\" ()/.%-]{1,40}(?:[,;\t][\w\" ()/.%-]{1,40}){4,60}[ \t]*$)"
)
_FIELD = re.compile(
    r"\"([A-Za-z_][\w -]{1,40})\"[ \t]{0,4}:|</([A-Za-z_][\w:-]{1,40})>|(?<=[,;\t\n])\"?([A-Za-z][\w ()-]{2,40})\"?(?=[,;\t\n])"
)
_OF_FINDINGS = re.compile(
    r"(?:\w+[_ -])?(?:severity|risk|riskcode|riskdesc|confidence|plugin_?id|cvss\w*|cwe\w*|wasc\w*|cve\w*|vuln\w*|findings?|issues?|alerts?|alertitem|"
    r"solution|remed\w+|recommendation|synopsis|evidence|osvdb|template-?id|matched-?at|threat|qid|grade|rule|check_?id|scan\w*|detect\w*|exploit\w*|impact)(?:[_ -]\w+)?",
    re.IGNORECASE,
)
_KINDS, _FIELDS, _BESIDE = 3, 8, 400  # kinds of such fields, fields in all, and characters of text beside the file


def _exported(text: str) -> Iterator[_Span]:
    start = _FILE.search(text)
    if start is None or start.start() > _BESIDE:
        return
    names = [m[1] or m[2] or m[3] for m in _FIELD.finditer(text, start.start(), start.start() + 20_000)]
    if len(names) >= _FIELDS and len({n.lower() for n in names if _OF_FINDINGS.fullmatch(n.strip())}) >= _KINDS:
        yield start.start(), len(text)


def _close(numbers: Sequence[int]) -> Iterator[int]:
    """Those line numbers that stand in a group of at least _LABELS within _WINDOW lines."""
    for i, n in enumerate(numbers):
        first = max(0, i - _LABELS + 1)
        if any(
            j + _LABELS - 1 < len(numbers) and numbers[j + _LABELS - 1] - numbers[j] < _WINDOW
            for j in range(first, i + 1)
        ):
            yield n


def _kind_of_line(line: str) -> RegionKind | None:
    short = line[:2600]
    if _TOOL.match(short):
        return RegionKind.TOOL
    if _MARKUP.match(short) or _COMMAND.match(short) or _PROMPT.match(short) or _PROGRAM.match(short[:600]):
        return RegionKind.CODE
    return None


def _line(lines: Sequence[tuple[int, str]], i: int) -> str:
    return lines[i][1] if i < len(lines) else ""


def _with_positions(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def _end_of_http(lines: Sequence[tuple[int, str]], i: int) -> int:
    """The line after an HTTP message that begins at line i: headers, then a body where one follows."""
    i += 1
    while i < len(lines) and _HEADER.match(lines[i][1]) and not _FIELD_OF_TEXT.match(lines[i][1].strip()):
        i += 1
    if i + 1 < len(lines) and not lines[i][1].strip() and _BODY_OF_HTTP.match(lines[i + 1][1][:200]):
        i += 1
        while i < len(lines) and lines[i][1].strip():
            i += 1
    return i


# ---------------------------------------------------------------------------------------------- furniture

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


_ANY_FURNITURE = _may_hold(_HEADING, _REFERENCES, _SIGNATURE, _ATTACHED)


def _furniture(text: str) -> Iterator[_Span]:
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


# ---------------------------------------------------------------------------------------------- the policy, disclaimers

_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")  # the same of folded ASCII, at half the price
_RUN = 4  # words that must stand in the policy in this order
PASTE = 8  # words in a row of such runs that make a pasted sentence; a whole clause may be shorter


def _words_of(folded: str) -> list[str]:
    return (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)


@lru_cache(maxsize=8)
def _runs(policy_texts: tuple[str, ...]) -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """All runs of words of the policy, and its clauses whole."""
    runs: set[tuple[str, ...]] = set()
    whole: set[tuple[str, ...]] = set()
    for text in policy_texts:
        words = _words_of(fold(text).text)
        runs |= {tuple(words[i : i + _RUN]) for i in range(len(words) - _RUN + 1)}
        if len(words) >= _RUN:
            whole.add(tuple(words))
    return frozenset(runs), frozenset(whole)


@lru_cache(maxsize=8)
def _beginnings(policy_texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(run[0] for run in _runs(policy_texts)[0])


def _pasted_policy(text: str, policy_texts: tuple[str, ...]) -> Iterator[_Span]:
    if not policy_texts:
        return
    runs, whole = _runs(policy_texts)
    begins = _beginnings(policy_texts)
    folded = fold(text)
    words = _words_of(folded.text)
    hits = [i for i, word in enumerate(words) if word in begins and tuple(words[i : i + _RUN]) in runs]
    if not hits:
        return
    at = [m.span() for m in _WORD.finditer(folded.text)]
    while hits:
        first = last = hits.pop(0)
        while hits and hits[0] == last + 1:
            last = hits.pop(0)
        end = last + _RUN
        if end - first >= PASTE or tuple(words[first:end]) in whole:
            yield folded.original(at[first][0], at[end - 1][1])


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
_ANY_DENIAL = _may_hold(_NOT)
_TURN = re.compile(
    r"[.!?;\n]|,? (?:but|however|although|instead|rather|sondern|aber|mais|sino|mas|ma)\b|, (?:it|this|the|i|we|an?) |: "
)
_REACH = 220  # characters that a denial covers at most


def _disclaimed(text: str) -> Iterator[_Span]:
    """From a denial ("this is not about …") to where the sentence turns or ends."""
    folded = fold(text)
    if not _ANY_DENIAL.search(folded.text):
        return
    for found in _NOT.finditer(folded.text):
        stretch = folded.text[found.end() : found.end() + _REACH]
        turn = _TURN.search(stretch)
        yield folded.original(found.start(), found.end() + (turn.start() if turn else len(stretch)))


# ---------------------------------------------------------------------------------------------- the language

# Frequent short words that are rare in the other languages of the list.
_FREQUENT = {
    "en": "the and is this that with you your are for not have can was from will of to it",
    "de": "der die das und ist nicht ein eine ich sie mit auf fur von wird werden kann dass auch",
    "fr": "le la les des est une dans pour que vous nous sur pas avec sont votre cette peut",
    "es": "el los las una que por con para del esta su se es como puede sin ustedes",
    "pt": "nao uma para com que por dos das os esta voce sua pode sem foi ao",
    "it": "il che di una per con non sono della gli nel questo puo alla anche",
    "nl": "het een van niet op zijn voor dat met wordt kan deze ook jullie",
    "pl": "nie jest na sie przez dla oraz mozna ktory tego jak ze",
    "tr": "ve bir bu icin ile olarak olan daha gibi degil",
    "id": "yang dan di ini dengan untuk pada dari tidak saya dapat",
    "sv": "och att det som inte ar en av jag med kan den",
    "ro": "si este pentru care nu sa din cu sunt pe",
    "vi": "cua va la cho khong co duoc toi mot cac",
    "hu": "az hogy nem egy es van meg ezt lehet",
    "cs": "je na se ze pro jako nebo byl jsem muze",
}
_OF: dict[str, list[str]] = {}
for _language, _words in _FREQUENT.items():
    for _word in _words.split():
        _OF.setdefault(_word, []).append(_language)
_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII_LETTERS = re.compile(r"[a-z]+")


def language(text: str) -> str:
    """The language of a text by its most frequent words: "en", "de", …; "other" for another script; "" if it cannot be told."""
    return _tongue(text[:3000])


@lru_cache(maxsize=256)
def _tongue(text: str) -> str:
    """Remembered for a batch of mails: the decision asks, and whoever answers."""
    text = fold(text).text
    words = (_ASCII_LETTERS if text.isascii() else _LETTERS).findall(text)
    letters = sum(map(len, words))
    if letters >= 40 and not text.isascii() and sum(len(w) for w in words if w[0] > "\u036f") > letters * 0.4:
        return "other"
    if len(words) < 12:
        return ""
    seen = Counter(words)
    counts: Counter[str] = Counter()
    for word in seen.keys() & _OF.keys():
        for name in _OF[word]:
            counts[name] += seen[word]
    best = max(_FREQUENT, key=lambda name: counts[name])
    if counts[best] < 0.06 * len(words) or counts[best] < 1.5 * counts["en"]:
        return "en" if counts["en"] >= 0.03 * len(words) else ""
    return best
