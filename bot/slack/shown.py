"""Words of strangers made fit to be shown: escaped, without links, control characters, secrets and addresses. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from classifiers.text import invisible

MASK = "[secret]"
ADDRESS = "[address]"
SENDER = "[sender]"

_STRONG = r"(?:passw(?:or)?d|passphrase|passcode|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)"
_WEAK = r"(?:(?<![a-z0-9])(?:pass|pwd|auth(?:orization)?|sid)|sess(?:ion)?[_-]?id)"
_VALUE = r"(?P<value>(?:[^\s\"'<>&]|&(?!\w{1,40}=)){4,300})"  # a URL's next parameter is none of it
_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----(?:(?!-----END).){0,20000}(?:-----END [A-Z ]{0,40}-----)?", re.DOTALL),
    re.compile(r"\beyJ[\w-]{8,2000}\.[\w-]{4,4000}(?:\.[\w-]{0,1000})?"),  # a JSON web token
    re.compile(r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|AGPA|AROA)[A-Z0-9]{16}\b"),
    re.compile(r"\b(?:gh[pousr]|github_pat|glpat|xox[abeprs]|xapp|[srp]k_live|[srp]k_test|pscale_(?:pw|tkn|oauth|otkn))[_-][\w.-]{8,300}"),
    re.compile(r"\b(?:npm|pypi|sk|key|hf|shpat)[_-](?=[^\d\s]{0,60}\d)[\w-]{16,300}"),
    re.compile(r"\bAIza[\w-]{30,50}\b"),
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,4000}"),
    re.compile(r"(?i)(?<=basic )[a-z0-9+/]{12,1000}={0,2}"),
    re.compile(r"(?<=://)[^\s/:@]{0,100}:[^\s/]{1,200}(?=@)"),
    re.compile(r"(?<!\S)-u ?(?P<value>[^\s:]{1,80}:\S{1,200})"),  # curl's user and password
    re.compile(rf"(?i){_STRONG}[\w-]{{0,20}}[\"']? ?[=:] ?(?:\"(?P<double>[^\"]{{1,300}})\"|'(?P<single>[^']{{1,300}})')"),
    re.compile(rf"(?i)(?:{_STRONG}|{_WEAK})[\w-]{{0,20}}[\"']? ?= ?[\"']?{_VALUE}"),
    re.compile(rf"(?i){_STRONG}[\w-]{{0,20}}[\"']?: ?[\"']?{_VALUE}"),
    re.compile(r"\b[0-9a-fA-F]{32,300}\b"),
)  # fmt: skip
_RUN = re.compile(r"(?<![\w/+])[A-Za-z0-9/+]{40}(?![\w/+=])|[A-Za-z0-9+_-]{24,}={0,2}")
_ADDRESS = re.compile(r"[\w.+'=-]{1,64}@(?P<host>[\w.-]{1,253})")
_HTTP = re.compile(r"\b(h)tt(ps?)://", re.IGNORECASE)
_SCHEME = re.compile(r"\b([a-z][a-z0-9+.-]{1,20})://", re.IGNORECASE)
_SHORT_SCHEME = re.compile(r"\b(javascript|data|mailto|slack|tel|file|vbscript):(?=\S)", re.IGNORECASE)
_HOST = re.compile(r"(?<!\w)((?:[\w-]{1,63}[.\u3002\uff0e\uff61]){1,10}[^\W\d_]{2,24})\b")
_DOT = re.compile(r"[.\u3002\uff0e\uff61]")  # the four that IDNA reads as a dot
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# What mrkdwn would draw: code, which could swallow our own words, emphasis anywhere but inside a word, and emoji by name.
# "*Decided by ana*" and ":white_check_mark:" would look like ours. A time of day has no name between its colons.
_MARKS = re.compile(r"`|(?<![^\W_])[*_~]|[*_~](?![^\W_])")
_ALIKE = {"`": "'", "*": "\u2217", "_": "\u02cd", "~": "\u223c"}
_EMOJI = re.compile(r"(?<!\d):(?=[a-z0-9_+'-]{1,100}:)", re.IGNORECASE)
_IN_A_ROW = 3  # pictures, or marks on one letter: more say nothing and push all else away
_BLANK = "\u2800"  # Braille without a dot: a picture of nothing


def shown(text: str, limit: int, *, sender: str = "", own_domains: Collection[str] | None = None) -> str:
    """One line of a stranger's text for mrkdwn, at most `limit` characters before escaping; the sender's address masked.

    With `own_domains` all other addresses are masked too, but those at these domains.
    """
    flat = flatten(text[: 20 * limit])
    flat = mask(flat)
    if sender:
        flat = re.sub(re.escape(sender), SENDER, flat, flags=re.IGNORECASE)
    if own_domains is not None:
        flat = without_addresses(flat, own_domains)
    flat = _EMOJI.sub("[:]", defang(flat).replace("`", "'"))  # first: a mark made harmless may make a name
    if len(flat) > limit:
        flat = flat[: limit - 1] + "…"
    return escaped(_MARKS.sub(lambda m: _ALIKE[m[0]], flat))


def ours(text: str, limit: int) -> str:
    """One line of the words of a policy or a rule for mrkdwn, as a reader sees them, at most `limit` characters before escaping."""
    flat = flatten(text)
    return escaped(flat if len(flat) <= limit else flat[: limit - 1] + "…")


def escaped(text: str) -> str:
    """Text in which mrkdwn's three special characters stand for themselves."""
    return text.translate(_ESCAPED)


def flatten(text: str) -> str:
    """One line without control, bidi and zero-width characters. What nobody sees goes, so that it hides nothing.

    Of many pictures in a row, or many marks on one letter, the first three stay.
    """
    return " ".join("".join(_seen(text)).split())


def _seen(text: str) -> Iterator[str]:
    pictures = marks = 0
    for character in text:
        kind = unicodedata.category(character)
        if kind in {"Cf", "Cs", "Co"} or invisible(character) or character == _BLANK:
            continue
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        picture = kind in {"So", "Sk"} and not character.isascii()
        pictures = pictures + 1 if picture else pictures if marks or character.isspace() else 0
        if pictures == _IN_A_ROW + 1 and picture:
            yield "…"
        elif character.isspace() or kind == "Cc":
            yield " "
        elif pictures <= _IN_A_ROW and marks <= _IN_A_ROW:
            yield character


def mask(text: str) -> str:
    """Text without what looks like a key, token, password or credential."""
    for pattern in _SECRETS:
        text = pattern.sub(_masked, text)
    return _RUN.sub(lambda m: MASK if _looks_random(m[0]) else m[0], text)


def _masked(found: re.Match[str]) -> str:
    name = found.lastgroup
    if name is None:
        return MASK
    start, end = (place - found.start() for place in found.span(name))
    return found[0][:start] + MASK + found[0][end:]


def _looks_random(run: str) -> bool:
    """Capitals, small letters and at least two digits: no word of any language, but most keys."""
    return any(c.isupper() for c in run) and any(c.islower() for c in run) and sum(c.isdigit() for c in run) > 1


def without_addresses(text: str, own_domains: Collection[str]) -> str:
    """Text with mail addresses masked, but for those at our own domains."""
    own = tuple(d.lower() for d in own_domains)

    def masked(found: re.Match[str]) -> str:
        host = found["host"].rstrip(".-").lower()
        return found[0] if any(host == d or host.endswith("." + d) for d in own) else ADDRESS

    return _ADDRESS.sub(masked, text)


def without_look_alikes(address: str) -> str:
    """An address whose domain is told in ASCII where it is not: "security@xn--…" is nobody's but its owner's."""
    local, at, domain = address.rpartition("@")
    try:
        return address if domain.isascii() else f"{local}{at}{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def defang(text: str) -> str:
    """Text in which nothing becomes a link: neither URLs nor hosts nor addresses."""
    text = _HTTP.sub(lambda m: ("H" if m[1] == "H" else "h") + "xxp" + m[2][1:] + "://", text)
    text = _SCHEME.sub(lambda m: m[0] if m[1].lower() in {"hxxp", "hxxps"} else f"{m[1]}[:]//", text)
    text = _SHORT_SCHEME.sub(lambda m: f"{m[1]}[:]", text)
    text = _ADDRESS.sub(lambda m: m[0].replace("@", "[@]"), text)
    return _HOST.sub(lambda m: _DOT.sub("[.]", m[1]), text)
