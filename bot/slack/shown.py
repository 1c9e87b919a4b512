"""Words of strangers made fit to be shown: escaped, without links, control characters and secrets. Pure."""

from __future__ import annotations

import re
import unicodedata

_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.{0,4000}?(?:-----END [A-Z ]{0,30}-----|$)", re.DOTALL),
    re.compile(r"\beyJ[\w-]{8,2000}\.[\w-]{4,4000}(?:\.[\w-]{0,1000})?"),  # a JSON web token
    re.compile(r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|AGPA|AROA)[A-Z0-9]{16}\b"),
    re.compile(r"\b(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abprs]|sk_live|sk_test|rk_live|pscale_(?:pw|tkn|oauth|otkn)|npm|pypi|sk|key|hf|shpat)[_-][\w-]{16,300}"),
    re.compile(r"\bAIza[\w-]{30,50}\b"),
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{12,4000}"),
    re.compile(r"(?i)(?<=basic )[A-Za-z0-9+/=]{12,1000}"),
    re.compile(r"(?<=://)[^\s/:@]{1,100}:[^\s/@]{1,200}(?=@)"),
    re.compile(r"(?i)\b(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|auth|session(?:id)?|sid|cookie|private[_-]?key)[\"']?\s{0,3}[=:]\s{0,3}[\"']?(?P<value>[^\s\"'&;,<>]{6,300})"),
    re.compile(r"\b(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Z])(?=[A-Za-z0-9+/_-]*[a-z])[A-Za-z0-9+/_-]{32,300}={0,2}"),
    re.compile(r"\b[0-9a-fA-F]{32,300}\b"),
)  # fmt: skip
MASK = "[secret]"
_ADDRESS = re.compile(r"[\w.+'=-]{1,64}@[\w.-]{1,253}")
_SCHEME = re.compile(r"\b(h)tt(ps?)://", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"\b(ftp|file|javascript|data|mailto|slack|tel):(?=\S)", re.IGNORECASE)
_HOST = re.compile(r"\b((?:[a-zA-Z0-9_-]{1,63}\.){1,10}[a-zA-Z]{2,24})\b")
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def shown(text: str, limit: int, *, sender: str = "") -> str:
    """One line of a stranger's text for mrkdwn, at most `limit` characters before escaping; the sender's address masked."""
    flat = " ".join("".join(c if _visible(c) else " " for c in text[: 20 * limit]).split())
    flat = mask(flat)
    if sender:
        flat = re.sub(re.escape(sender), "[sender]", flat, flags=re.IGNORECASE)
    flat = defang(flat)
    if len(flat) > limit:
        flat = flat[: limit - 1] + "…"
    return flat.translate(_ESCAPED)


def _visible(character: str) -> bool:
    """No control, format (bidi, zero width), private or surrogate characters."""
    return unicodedata.category(character) not in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def mask(text: str) -> str:
    """Text without what looks like a key, token, password or credential."""
    for pattern in _SECRETS:
        text = pattern.sub(_masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    value = found.groupdict().get("value")
    return found[0][: -len(value)] + MASK if value else MASK


def defang(text: str) -> str:
    """Text in which nothing becomes a link: neither URLs nor hosts nor addresses."""
    text = _SCHEME.sub(lambda m: ("H" if m[1] == "H" else "h") + "xxp" + m[2][1:] + "://", text)
    text = _OTHER_SCHEME.sub(lambda m: f"{m[1]}[:]", text)
    text = _ADDRESS.sub(lambda m: m[0].replace("@", "[@]"), text)
    return _HOST.sub(lambda m: m[1].replace(".", "[.]"), text)
