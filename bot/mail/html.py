"""What a reader sees of an HTML mail, what is hidden from them, and what is somebody else's: in order, in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.mail.decoding import clean
from bot.mail.styles import Box, Sheet, read_sheet, restyled
from classifiers.terms import Place

LIMIT = 256_000  # characters that are parsed
TAGS = 20_000  # lexbor takes up to a second for these when nested, and 30 s for five times as many

_UNSEEN = frozenset({"script", "style", "head", "title", "template", "object", "iframe", "embed", "audio", "video", "datalist"})  # fmt: skip
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "table", "ul", "ol", "dl"})
_BLOCKS = _PARAGRAPHS | {
    "address", "article", "aside", "body", "caption", "center", "dd", "details", "dir", "div", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hr", "legend", "li", "main", "menu", "nav", "optgroup", "option",
    "section", "summary", "tbody", "tfoot", "thead", "tr",
}  # fmt: skip
_REST = frozenset({"divrplyfwdmsg", "appendonsend", "x_divrplyfwdmsg", "x_appendonsend"})  # Outlook: all that follows
_QUOTES = frozenset({"gmail_quote", "gmail_attr", "gmail_extra", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "tutanota_quote", "gmail_quote_container"})  # fmt: skip
_FORWARDS = re.compile(r"\s*(?:-{4,} ?Forwarded message ?-{4,}|Begin forwarded message:)", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\n\f]+")


@dataclass(frozen=True, slots=True)
class _Context:
    """What holds for the text inside an element."""

    box: Box = field(default_factory=Box)
    quoted: bool = False
    forwarded: bool = False
    pre: bool = False

    @property
    def place(self) -> Place:
        if self.box.hidden:
            return Place.HIDDEN
        if self.forwarded:
            return Place.FORWARDED
        return Place.QUOTED if self.quoted else Place.HTML


@dataclass(slots=True)
class _Writer:
    """Collects text by place; a change of place begins a new segment.

    Hidden text is kept apart, so that a word stays whole for which a reader sees nothing in between.
    """

    segments: list[tuple[Place, list[str]]] = field(default_factory=list)
    gap: str = ""  # the white space owed before the next text
    hidden: list[str] = field(default_factory=list)

    def space(self, wanted: str) -> None:
        if len(wanted) > len(self.gap) or (wanted == "\n" and self.gap == " "):
            self.gap = wanted

    def text(self, place: Place, text: str) -> None:
        if place is Place.HIDDEN:
            self.hidden.append(text)
            return
        if not self.segments or self.segments[-1][0] is not place:
            self.segments.append((place, []))
            self.gap = ""
        pieces = self.segments[-1][1]
        if pieces and self.gap:
            pieces.append(self.gap)
        self.gap = ""
        pieces.append(text)

    def flow(self, place: Place, raw: str) -> None:
        """Text of an element where white space is one space."""
        words = _SPACES.sub(" ", raw)
        if place is Place.HIDDEN:
            self.hidden.append(words)
            return
        if words.startswith(" "):
            self.space(" ")
        if body := words.strip(" "):
            self.text(place, body)
            if words.endswith(" "):
                self.space(" ")


def read(source: str) -> tuple[tuple[tuple[Place, str], ...], bool]:
    """Segments (html, quoted, forwarded) in order, last what is hidden; and whether the source had to be cut."""
    source, cut = _capped(source)
    tree = LexborHTMLParser(source)
    sheet = read_sheet(style.text() for style in tree.css("style"))
    writer = _Writer()
    if tree.root is not None:
        _walk(tree.root, sheet, writer)
    every = [*writer.segments, (Place.HIDDEN, [_lines(writer.hidden)])]
    segments = ((place, clean("".join(pieces)).strip("\n")) for place, pieces in every)
    return tuple((place, text) for place, text in segments if text.strip()), cut


def _capped(source: str) -> tuple[str, bool]:
    """At most LIMIT characters and TAGS tags; pictures written into attributes do not count."""
    if len(source) > LIMIT // 4:
        source = _without_data(source)
    cut = len(source) > LIMIT
    source = source[:LIMIT]
    if source.count("<") > TAGS:
        at = -1
        for _ in range(TAGS):
            at = source.find("<", at + 1)
        source, cut = source[:at], True
    return source, cut


_DATA_END = re.compile(r"[\"')>\s]")


def _without_data(source: str) -> str:
    pieces, done = [], 0
    at = source.find("data:")
    while at >= 0:
        end = _DATA_END.search(source, at)
        stop = end.start() if end else len(source)
        if stop - at > 1_000:
            pieces.append(source[done:at])
            done = stop
        at = source.find("data:", max(stop, at + 5))
    return "".join((*pieces, source[done:]))


def _walk(root: LexborNode, sheet: Sheet, writer: _Writer) -> None:
    """Depth first without recursion: mail is nested as deep as its writer likes."""
    stack: list[tuple[LexborNode, str, _Context, _Context]] = []  # open elements: node, tag, own and outer context
    node: LexborNode | None = root
    context = _Context()
    while node is not None or stack:
        if node is None:
            closed, tag, inner, context = stack.pop()
            _leave(closed, tag, inner, writer)
            if context.quoted is False and inner.quoted and _begins_rest(closed):
                context = replace(context, quoted=True)
                stack = [(n, t, own, replace(outer, quoted=True)) for n, t, own, outer in stack]
            node = closed.next
            continue
        if node.is_text_node:
            _text(node, context, writer)
        elif node.is_element_node and (tag := node.tag or "") not in _UNSEEN:
            inner = _entered(node, tag, context, sheet)
            _enter(tag, inner.box.hidden, writer)
            stack.append((node, tag, inner, context))
            context = inner
            node = node.first_child
            continue
        node = node.next


def _text(node: LexborNode, context: _Context, writer: _Writer) -> None:
    text = node.text_content or ""
    if context.pre:
        writer.text(context.place, text)
    else:
        writer.flow(context.place, text)


def _entered(node: LexborNode, tag: str, outer: _Context, sheet: Sheet) -> _Context:
    """What holds inside this element."""
    attributes = node.attributes
    if not attributes and tag not in sheet.tags and tag not in {"blockquote", "pre", "textarea", "noscript"}:
        return outer
    classes = (attributes.get("class") or "").lower().split()[:20]
    name = (attributes.get("id") or "").lower()
    box = restyled(outer.box, tag, (classes, name), attributes, sheet)
    if tag == "noscript" or (tag == "input" and (attributes.get("type") or "").lower() == "hidden"):
        box = replace(box, gone=True)
    quoted, forwarded = outer.quoted, outer.forwarded
    if not quoted and not forwarded:
        marked = (
            bool(_QUOTES.intersection(classes)) or name in _REST or (tag == "blockquote" and not _indents(attributes))
        )
        if marked and _FORWARDS.match(node.text()[:400]):
            forwarded = True
        else:
            quoted = marked
    return _Context(box=box, quoted=quoted, forwarded=forwarded, pre=outer.pre or tag in {"pre", "textarea"})


def _indents(attributes: dict[str, str | None]) -> bool:
    """Whether this block quote only moves text to the right, as Gmail's and Outlook's indent buttons do."""
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return "border:none" in style and attributes.get("type") != "cite"


def _begins_rest(node: LexborNode) -> bool:
    return (node.attributes.get("id") or "").lower() in _REST


def _enter(tag: str, hidden: bool, writer: _Writer) -> None:
    if hidden:
        writer.hidden.append("\n" if tag in _BLOCKS or tag == "br" else "")
    elif tag == "br":
        writer.gap = writer.gap.lstrip(" ")[:3] + "\n"
    elif tag in _BLOCKS:
        writer.space("\n\n" if tag in _PARAGRAPHS else "\n")
    elif tag in {"td", "th"}:
        writer.space(" ")


def _leave(node: LexborNode, tag: str, inner: _Context, writer: _Writer) -> None:
    if inner.box.hidden:
        writer.hidden.append("\n")
    elif tag in _BLOCKS:
        writer.space("\n\n" if tag in _PARAGRAPHS else "\n")
    elif tag in {"td", "th"}:
        writer.space(" ")
    elif tag == "a" and (target := _target(node)):
        writer.space(" ")
        writer.text(inner.place, f"({target})")


def _target(node: LexborNode) -> str:
    """Where a link leads, if its text does not say so."""
    target = (node.attributes.get("href") or "").strip()[:2_000]
    if not target.startswith(("http://", "https://", "ftp://")) or _bare(target) in node.text().lower():
        return ""
    return target


def _bare(url: str) -> str:
    """The address as people write it: no scheme, no slash at the end."""
    return url.lower().partition("://")[2].rstrip("/")


def _lines(pieces: list[str]) -> str:
    """The lines of these pieces that hold something."""
    return "\n".join(line.strip() for line in "".join(pieces).split("\n") if line.strip())
