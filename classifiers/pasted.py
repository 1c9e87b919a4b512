"""What a machine wrote and a person pasted: HTTP messages, tool output, code, whole files of scanners."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from classifiers.prefilter import may_hold
from classifiers.regions import RegionKind


def find_fences(text: str) -> Iterator[tuple[int, int]]:
    """Code between fences; what is never closed goes on to the end."""
    at = text.find("```")
    while at >= 0:
        end = text.find("```", at + 3)
        yield at, len(text) if end < 0 else end + 3
        at = text.find("```", end + 3) if end >= 0 else -1


_START = re.compile(r"[ \t]{0,8}(?:[<>*] )?(?:(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|TRACE|CONNECT|PROPFIND) \S{1,2000}(?: HTTP/[\d.]{1,3})?\s*$|HTTP/[\d.]{1,3} \d{3}\b)")  # fmt: skip
_HEADER = re.compile(r"[ \t]{0,8}(?:[<>*] )?[A-Za-z][A-Za-z0-9-]{1,40}: ?\S")
_PASTED_HEADER = re.compile(
    r"[ \t]{0,8}(?:[<>] )?(?:Accept|Accept-[A-Z]\w+|Access-Control-[\w-]+|Age|Cache-Control|CF-RAY|Connection|Content-(?:Type|Length|Encoding|Security-Policy)|"
    r"Cookie|Date|ETag|Expires|Host|Last-Modified|Location|Origin|Pragma|Referer|Sec-[\w-]+|Server|Set-Cookie|"
    r"Strict-Transport-Security|Transfer-Encoding|Upgrade-Insecure-Requests|User-Agent|Vary|Via|X-[\w-]+|DNT|Authorization): \S",
    re.IGNORECASE,
)
_BODY_OF_HTTP = re.compile(r"\s*(?:[{\[<]|[\w.%+-]{1,60}=\S*$|--+\w)")
_TOOL = re.compile(
    r"\s{0,8}(?:"
    r";; |; <<>> DiG|\S{1,200}\s+(?:\d{1,9}\s+)?IN\s+(?:A|AAAA|TXT|MX|NS|SOA|CNAME|CAA|DS|DNSKEY|PTR)\b|"
    r"\d{1,5}/(?:tcp|udp)\s+(?:open|closed|filtered)|Nmap scan report|Starting Nmap|PORT\s+STATE|Host is up|\|[_ ] {0,3}\S|"
    r"Initiating [A-Z]|Completed [A-Z][\w ]{2,40} at \d|Discovered open port|Scanning \S{1,200} \[|NSE: |Nmap done|"
    r"\+ (?:Server|Target|OSVDB|Start Time|End Time|The |Retrieved|Allowed|/)|- Nikto|"
    r"\[(?:\d{4}-\d\d-\d\d[^\]]{0,20}|[\w:.-]{1,80})\] \[(?:http|dns|ssl|tcp|network|info|low|medium|high|critical)\w{0,8}\]|"
    r"\[(?:INF|ERR|WRN|info|\+|-|!|\*|i|\d\d:\d\d:\d\d)\] ?\S|"
    r".{3,120} - https://(?:npmjs\.com|github\.com)/advisories/|fix available via |node_modules/|✗ \S|"
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
_PASTED_LINE = may_hold(_START, _PASTED_HEADER, _TOOL, _LABEL, _MARKUP, _COMMAND, _PROMPT, _PROGRAM, before="(?m)^")


def find_pasted_lines(text: str) -> Iterator[tuple[RegionKind, tuple[int, int]]]:
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
# A list of findings by its name: its own fields may be few and plain.
_FINDINGS = re.compile(
    r"\"(?:vulnerabilities|findings|issues|alerts|vulns)\"\s{0,8}:\s{0,8}\[\s{0,40}\{", re.IGNORECASE
)
_KINDS, _FIELDS, _BESIDE = 3, 8, 400  # kinds of such fields, fields in all, and characters of text beside the file


def find_exports(text: str) -> Iterator[tuple[int, int]]:
    """The scanner's file that the text as a whole is, from where the file begins."""
    start = _FILE.search(text)
    if start is None or start.start() > _BESIDE:
        return
    names = [m[1] or m[2] or m[3] for m in _FIELD.finditer(text, start.start(), start.start() + 20_000)]
    kinds = len({n.lower() for n in names if _OF_FINDINGS.fullmatch(n.strip())})
    if len(names) >= _FIELDS and kinds + bool(_FINDINGS.search(text, start.start())) >= _KINDS:
        yield start.start(), len(text)
