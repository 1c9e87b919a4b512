"""Walks the parts of a mail: what is read becomes passages in order, what is not is listed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

from bot.mail import html
from bot.mail.decoding import clean, decode, one_line, unflow
from bot.mail.exports import recognise
from bot.mail.headers import words
from bot.mail.payload import bytes_of, content_of, name_of, parameter
from bot.mail.quoting import holds_armour, split_text, without_armour
from classifiers.terms import Attachment, Passage, Place

DEPTH = 20
PARTS = 200
TEXT = 1_000_000  # characters in all
PASSAGE = 300_000
PASSAGES = 300  # a mail that alternates more often wants to cost time
READ = 1_000_000  # decoded bytes of an attachment that is read

_READ_NAMES = (
    ".txt", ".text", ".md", ".markdown", ".rst", ".html", ".htm", ".xhtml", ".xml", ".json", ".jsonl", ".ndjson", ".csv",
    ".tsv", ".har", ".log", ".py", ".js", ".ts", ".sh", ".php", ".rb", ".go", ".java", ".c", ".sql", ".yml", ".yaml",
    ".nessus", ".nmap", ".gnmap", ".http", ".req", ".svg",
)  # fmt: skip
_READ_TYPES = frozenset({
    "application/json", "application/xml", "application/x-ndjson", "application/javascript", "application/x-sh",
    "application/x-python", "application/xhtml+xml", "application/x-yaml", "application/yaml", "application/sql",
    "application/x-javascript", "application/csv",
})  # fmt: skip
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_PGP_NAMES = (".pgp", ".gpg", ".asc")
_LITTLE = 200  # characters beside an encrypted attachment that are no report


@dataclass(slots=True)
class Contents:
    """What the parts hold; filled while walking and then read once."""

    mark: bytes  # what stands in place of an attachment that the gate cut out, before its size
    forwarding: bool = False
    passages: list[Passage] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    exports: dict[str, None] = field(default_factory=dict)
    defects: dict[str, None] = field(default_factory=dict)
    encrypted: str | None = None
    maybe_encrypted: str | None = None  # if there is no report beside it
    parts: int = 0
    length: int = 0

    def add(self, place: Place, text: str, name: str = "") -> None:
        """One more passage, within the limits on text."""
        room = max(0, min(PASSAGE, TEXT - self.length))
        if len(self.passages) >= PASSAGES and text.strip():
            self.defects["text_cap"] = None
            return
        if len(text) > room:
            self.defects["text_cap"] = None
            text = text[:room]
        if text.strip():
            self.length += len(text)
            self.passages.append(Passage(place=place, text=text, name=name))

    def own_length(self) -> int:
        return sum(len(p.text) for p in self.passages if p.place in {Place.BODY, Place.HTML, Place.FORWARDED})


def read_parts(message: Message, *, mark: bytes, subject: str) -> Contents:
    """Everything that the message holds. A single part that cannot be read is left out and named as a defect.

    Raises RecursionError where parts lie too deep or are too many.
    """
    start = subject.lower().lstrip()
    contents = Contents(mark=mark, forwarding=start.startswith(("fwd:", "fw:", "wg:", "tr:", "rv:", "enc:", "i:")))
    contents.add(Place.SUBJECT, subject)
    _part(message, contents, depth=0, forwarded=False, plain=set())
    for passage in contents.passages:
        if passage.place in {Place.BODY, Place.HTML, Place.FORWARDED}:
            contents.exports |= dict.fromkeys(recognise(passage.text))
    if contents.encrypted is None and contents.maybe_encrypted and contents.own_length() < _LITTLE:
        contents.encrypted = contents.maybe_encrypted
    return contents


def _part(part: Message, contents: Contents, *, depth: int, forwarded: bool, plain: set[str]) -> None:
    """One part, whatever it is. `plain` holds the texts that its plain alternative said, folded."""
    contents.parts += 1
    if depth > DEPTH or contents.parts > PARTS:
        raise RecursionError  # as the standard library does a little later: nothing may be left unread unnoticed
    try:
        if part.get_content_maintype() == "message" and depth + contents.parts > 1:
            _inner_message(part, contents, depth=depth)
        elif part.is_multipart():
            _multipart(part, contents, depth=depth, forwarded=forwarded, plain=plain)
        else:
            _leaf(part, contents, forwarded=forwarded, plain=plain)
    except (MemoryError, RecursionError):  # the ladder's business: the next rung needs less
        raise
    except Exception as e:  # noqa: BLE001  the standard library raises anything on hostile parts; the others still count
        contents.defects[f"part:{type(e).__name__}"] = None


def _multipart(part: Message, contents: Contents, *, depth: int, forwarded: bool, plain: set[str]) -> None:
    kind = part.get_content_type()
    if kind == "multipart/encrypted":
        contents.encrypted = "pgp"
    children = part.get_payload()
    said: set[str] = set() if kind == "multipart/alternative" else plain
    if not isinstance(children, list):
        return
    if kind == "multipart/alternative":  # the plain text first: the HTML is compared with it
        children = sorted(children, key=lambda c: c.get_content_type() != "text/plain")
    for child in children:
        if isinstance(child, Message):
            _part(child, contents, depth=depth + 1, forwarded=forwarded, plain=said)


def _inner_message(part: Message, contents: Contents, *, depth: int) -> None:
    """A mail inside the mail: its subject and its own parts, as forwarded text. Delivery reports are listed only."""
    kind = one_line(part.get_content_type(), 100)
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    if kind in {"message/rfc822", "message/global"} and not isinstance(inner, Message):
        inner = message_from_bytes(bytes_of(part)[:READ])  # base64, against RFC 2046, 5.2.1, but seen
    elif kind in {"message/rfc822", "message/global"} and isinstance(inner, Message) and _encoded(part):
        inner = _decoded_message(part, inner)
    if kind not in {"message/rfc822", "message/global"} or not isinstance(inner, Message):
        contents.attachments.append(Attachment(name=name_of(part), media_type=kind, size=0, read=False))
        return
    if subject := words(str(inner.get("subject", "")), 1_000):
        contents.add(Place.FORWARDED, subject)
    _part(inner, contents, depth=depth + 1, forwarded=True, plain=set())


def _encoded(part: Message) -> bool:
    return str(part.get("content-transfer-encoding", "")).strip().lower() in {"base64", "quoted-printable"}


def _decoded_message(part: Message, inner: Message) -> Message:
    """The message in an encoded message part: the parser took the encoded lines for its body."""
    shell = Message()
    shell["Content-Transfer-Encoding"] = str(part.get("content-transfer-encoding", ""))
    body = inner.get_payload()
    if len(inner) or not isinstance(body, str):
        return inner
    shell.set_payload(body)
    return message_from_bytes(bytes_of(shell)[:READ])


def _leaf(part: Message, contents: Contents, *, forwarded: bool, plain: set[str]) -> None:
    kind = one_line(part.get_content_type(), 100)
    if kind.startswith("multipart/"):  # without a boundary it has no parts: what there is, is text
        kind = "text/plain"
    name = name_of(part)
    if kind == "application/pgp-encrypted":
        contents.encrypted = "pgp"
        return
    if kind in _SIGNATURES:
        return
    if kind in _SMIME:
        smime = parameter(part, "smime-type")
        if smime in {"enveloped-data", "authenveloped-data"}:
            contents.encrypted = "smime"
        elif not smime:
            contents.maybe_encrypted = "smime"
    attached = part.get_content_disposition() == "attachment" or bool(name and part.get("content-disposition"))
    if kind in {"text/plain", "text/html"} and not attached:
        _own_text(part, kind, contents, forwarded=forwarded, plain=plain)
    else:
        _attachment(part, kind, name, contents)


def _own_text(part: Message, kind: str, contents: Contents, *, forwarded: bool, plain: set[str]) -> None:
    text = _text(part, contents)
    if kind == "text/html":
        _html(text, contents, forwarded=forwarded, plain=plain)
        return
    if parameter(part, "format") == "flowed":
        text = unflow(text, delsp=parameter(part, "delsp") == "yes")
    text = without_armour(text)
    if holds_armour(text):
        contents.encrypted = contents.encrypted or "pgp"
    plain.add(_folded(text))
    for place, piece in split_text(text[:TEXT], forwarding=contents.forwarding):
        plain.add(_folded(piece))
        contents.add(Place.FORWARDED if forwarded and place is Place.BODY else place, piece)


def _html(text: str, contents: Contents, *, forwarded: bool, plain: set[str]) -> None:
    segments, cut = html.read(text)
    if cut:
        contents.defects["html_cap"] = None
    visible = " ".join(piece for place, piece in segments if place is not Place.HIDDEN)
    if holds_armour(visible):
        contents.encrypted = contents.encrypted or "pgp"
    repeats = bool(plain) and _folded(visible) in plain
    for place, piece in segments:
        if place is not Place.HIDDEN and (repeats or _folded(piece) in plain):
            continue
        for found, words_of in _split_again(place, piece, contents.forwarding):
            contents.add(Place.FORWARDED if forwarded and found is Place.HTML else found, words_of)


def _split_again(place: Place, text: str, forwarding: bool) -> Iterable[tuple[Place, str]]:
    """Visible HTML may hold an original without any mark-up for it; lines with ">" mean nothing there."""
    if place is not Place.HTML:
        return ((place, text),)
    found = split_text(text, forwarding=forwarding)
    return ((Place.HTML if p is Place.BODY else p, piece) for p, piece in found)


def _folded(text: str) -> str:
    """What two alternatives have in common: no white space, no marks of quotation, no addresses of links."""
    return "".join(text.replace(">", " ").split())


def _attachment(part: Message, kind: str, name: str, contents: Contents) -> None:
    data, size = content_of(part, contents.mark)
    lower = name.lower()
    readable = (kind.startswith("text/") and kind != "text/vcard") or kind in _READ_TYPES or lower.endswith(_READ_NAMES)
    if lower.endswith(_PGP_NAMES) and kind != "application/pgp-keys":
        if b"-----BEGIN PGP MESSAGE-----" in data[:2_000] or not lower.endswith(".asc"):
            contents.maybe_encrypted = "pgp"
        readable = False
    if lower == "smime.p7m":
        contents.maybe_encrypted = contents.maybe_encrypted or "smime"
    read = readable and 0 < len(data) <= READ and b"\x00\x00" not in data[:1_000]
    contents.attachments.append(Attachment(name=name, media_type=kind, size=size, read=read))
    if read:
        text = _decoded(part, data, contents)
        contents.exports |= dict.fromkeys(recognise(text))
        if kind in {"text/html", "application/xhtml+xml"} or lower.endswith((".html", ".htm", ".xhtml")):
            _attached_html(text, name, contents)
        else:
            contents.add(Place.ATTACHMENT, text, name)


def _attached_html(text: str, name: str, contents: Contents) -> None:
    segments, cut = html.read(text)
    if cut:
        contents.defects["html_cap"] = None
    visible = "\n".join(piece for place, piece in segments if place is not Place.HIDDEN)
    contents.add(Place.ATTACHMENT, visible, name)
    for place, piece in segments:
        if place is Place.HIDDEN:
            contents.add(place, piece, name)


def _text(part: Message, contents: Contents) -> str:
    return _decoded(part, bytes_of(part), contents)


def _decoded(part: Message, data: bytes, contents: Contents) -> str:
    text, unknown = decode(data[: 4 * TEXT], parameter(part, "charset"))
    if unknown:
        contents.defects[f"charset:{one_line(unknown, 40)}"] = None
    return clean(text)
