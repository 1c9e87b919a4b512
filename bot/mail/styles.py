"""Which styles hide text from a reader: attributes, inline styles, and the simple rules of a style sheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

SHEET = 50_000  # characters of style sheets that are read
RULES = 2_000

Colour: TypeAlias = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
_NAMED: dict[str, Colour] = {
    "white": WHITE, "black": (0, 0, 0), "red": (255, 0, 0), "yellow": (255, 255, 0), "blue": (0, 0, 255), "green": (0, 128, 0),
    "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192), "lightgray": (211, 211, 211),
    "lightgrey": (211, 211, 211), "whitesmoke": (245, 245, 245), "snow": (255, 250, 250), "ivory": (255, 255, 240),
    "navy": (0, 0, 128), "orange": (255, 165, 0), "purple": (128, 0, 128), "ghostwhite": (248, 248, 255),
}  # fmt: skip
_DRAWN_ALIKE = 10  # of 255, in each of the three colours


@dataclass(frozen=True, slots=True)
class Box:
    """How an element's text is drawn."""

    gone: bool = False  # nothing inside can show itself again
    invisible: bool = False  # visibility: a child may
    tiny: bool = False  # font size: likewise
    colour: Colour | None = (0, 0, 0)  # None: unknown
    ground: Colour | None = WHITE

    @property
    def hidden(self) -> bool:
        if self.gone or self.invisible or self.tiny:
            return True
        if self.colour is None or self.ground is None:
            return False
        return all(abs(a - b) <= _DRAWN_ALIKE for a, b in zip(self.colour, self.ground, strict=True))


@dataclass(frozen=True, slots=True)
class Sheet:
    """Declarations by element name, .class, element.class and #id; nothing more is understood."""

    rules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()  # element names that some rule speaks of
    sure_of_colours: bool = True  # False: a rule that we do not understand sets some


_RELEVANT = frozenset({
    "display", "visibility", "opacity", "font", "font-size", "color", "background", "background-color", "position", "left",
    "top", "right", "text-indent", "width", "height", "max-width", "max-height", "overflow", "overflow-x", "overflow-y",
    "clip", "clip-path", "transform", "mso-hide",
})  # fmt: skip
_SELECTOR = re.compile(r"[a-z][a-z0-9]{0,20}(?:[.][\w-]{1,80})?\Z|[.#][\w-]{1,80}\Z|\*\Z")
_COMMENT = re.compile(r"/\*|\*/")


def read_sheet(sources: Iterable[str]) -> Sheet:
    """The rules of all style elements, later ones over earlier ones; those for print, screens or states left out."""
    rules: dict[str, dict[str, str]] = {}
    sure = True
    for selectors, body in _rules(_without_comments("\n".join(sources)[:SHEET])):
        declared = declarations(body)
        if not declared:
            continue
        for raw in selectors.split(",")[:50]:
            selector = raw.strip().lower()
            if _SELECTOR.match(selector):
                rules.setdefault(selector, {}).update(declared)
            elif any(name == "color" or name.startswith("background") for name in declared) and ":" not in selector:
                sure = False
    tags = frozenset(s.partition(".")[0] for s in rules if s[0] not in ".#")
    return Sheet(rules=rules, tags=tags, sure_of_colours=sure)


def _rules(css: str) -> Iterable[tuple[str, str]]:
    """(selectors, body) pairs outside of @-rules."""
    depth = start = opened = 0
    selectors, found = "", 0
    for brace in re.finditer(r"[{}]", css):
        if brace[0] == "{":
            depth += 1
            if depth == 1:
                selectors, opened = css[start : brace.start()].rpartition(";")[2].strip(), brace.end()
        elif depth:
            depth -= 1
            if depth == 0:
                if not selectors.startswith("@") and len(selectors) < 2_000 and found < RULES:
                    found += 1
                    yield selectors.removeprefix("<!--").strip(), css[opened : brace.start()]
                start = brace.end()


def _without_comments(css: str) -> str:
    pieces, done = [], 0
    at = css.find("/*")
    while at >= 0:
        pieces.append(css[done:at])
        end = css.find("*/", at + 2)
        done = end + 2 if end >= 0 else len(css)
        at = css.find("/*", done)
    return "".join((*pieces, css[done:]))


def declarations(style: str) -> dict[str, str]:
    """The declarations that may hide something, the last of a name counts."""
    found: dict[str, str] = {}
    for declaration in style[:4_000].lower().split(";"):
        name, colon, value = declaration.partition(":")
        name = name.strip()
        if colon and name in _RELEVANT:
            found[name] = value.partition("!")[0].strip()[:200]
    return found


def restyled(
    box: Box, tag: str, names: tuple[Sequence[str], str], attributes: Mapping[str, str | None], sheet: Sheet
) -> Box:
    """The box of an element inside `box`: the sheet by its classes and id, then its own attributes and style."""
    classes, name = names
    declared: dict[str, str] = {}
    if not sheet.sure_of_colours and (box.ground or box.colour):
        box = replace(box, ground=None, colour=None)
    if sheet.rules:
        for selector in ("*", tag, *(f".{c}" for c in classes), *(f"{tag}.{c}" for c in classes), f"#{name}"):
            declared.update(sheet.rules.get(selector, {}))
    if bgcolor := attributes.get("bgcolor"):
        declared.setdefault("background-color", bgcolor)
    if tag == "font" and (colour := attributes.get("color")):
        declared.setdefault("color", colour)
    declared.update(declarations(attributes.get("style") or ""))
    gone = box.gone or "hidden" in attributes or _gone(declared)
    return replace(_inherited(box, declared), gone=gone) if declared or gone != box.gone else box


def _inherited(box: Box, declared: Mapping[str, str]) -> Box:
    invisible, tiny, ink, ground = box.invisible, box.tiny, box.colour, box.ground
    if visibility := declared.get("visibility"):
        invisible = visibility in {"hidden", "collapse"} or (visibility == "inherit" and invisible)
    if size := declared.get("font-size") or _size_of_font(declared.get("font", "")):
        tiny = _tiny(size, tiny)
    if value := declared.get("color"):
        ink = _colour(value) if value not in {"inherit", "currentcolor"} else ink
        if value == "transparent" or _alpha(value) <= 0.05:
            ink = ground
    for key in ("background", "background-color"):
        if value := declared.get(key):
            ground = _ground(value, ground)
    return Box(gone=box.gone, invisible=invisible, tiny=tiny, colour=ink, ground=ground)


def _gone(d: Mapping[str, str]) -> bool:
    """Whether nothing of the element is drawn."""
    return bool(d) and (_switched_off(d) or _shrunk(d) or _moved_away(d))


def _switched_off(d: Mapping[str, str]) -> bool:
    if d.get("display") == "none" or d.get("mso-hide") == "all":
        return True
    opacity = d.get("opacity", "1")
    return _number(opacity, 1.0) * (0.01 if opacity.endswith("%") else 1) <= 0.05


def _shrunk(d: Mapping[str, str]) -> bool:
    if "hidden" in {d.get("overflow"), d.get("overflow-x"), d.get("overflow-y")}:
        sizes = (_number(d.get(k, ""), 99) for k in ("width", "height", "max-width", "max-height"))
        if any(0 <= s <= 1 for s in sizes):
            return True
    clip = d.get("clip", "").replace(" ", "").replace("px", "").replace(",", "")
    path = d.get("clip-path", "").replace(" ", "")
    scaled = d.get("transform", "").replace(" ", "").startswith("scale(0)")
    return scaled or clip in {"rect(0000)", "rect(1111)"} or path in {"inset(100%)", "inset(50%)"}


def _moved_away(d: Mapping[str, str]) -> bool:
    placed = d.get("position") in {"absolute", "fixed", "relative"}
    away = placed and any(_number(d.get(k, ""), 0) <= -500 for k in ("left", "top", "right"))
    return away or _number(d.get("text-indent", ""), 0) <= -500


_NUMBER = re.compile(r"\s*([-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))")
_UNIT = re.compile(r"[-+\d.\s]*([a-z%]*)")


def _number(value: str, otherwise: float) -> float:
    found = _NUMBER.match(value)
    return float(found[1]) if found else otherwise


def _tiny(size: str, inherited: bool) -> bool:
    unit = _UNIT.match(size)
    number = _number(size, -1.0)
    if number < 0 or unit is None:
        return inherited and size in {"inherit", "smaller", "larger"}
    if number == 0:
        return True
    relative = {"em": 0.1, "%": 10, "rem": 0.1}.get(unit[1])
    if relative is not None:
        return number < relative or (inherited and unit[1] != "rem")
    return number <= 1


def _size_of_font(font: str) -> str:
    """The size in the shorthand `font: bold 0/0 a`."""
    return next((w.partition("/")[0] for w in font.split() if (w[0].isdigit() and not w.isdigit()) or w == "0"), "")


def _ground(value: str, outer: Colour | None) -> Colour | None:
    if value in {"none", "transparent", "inherit", "initial", "0"} or _alpha(value) <= 0.05:
        return outer
    if "url(" in value or "gradient" in value:
        return None
    return _colour(value) or next((c for c in map(_colour, value.split()) if c), None)


_RGB = re.compile(r"rgba?\(\s{0,9}(\d{1,3})[\s,]{1,9}(\d{1,3})[\s,]{1,9}(\d{1,3})(?:[\s,/]{1,9}([\d.]{1,9}))?")


def _alpha(value: str) -> float:
    found = _RGB.match(value)
    return _number(found[4], 1.0) if found and found[4] else 1.0


def _colour(value: str) -> Colour | None:
    """A colour by name, #abc, #aabbcc or rgb(); None for others."""
    value = value.strip().lower()
    if value in _NAMED:
        return _NAMED[value]
    digits = value.removeprefix("#")
    if len(digits) in {3, 4}:
        digits = "".join(2 * c for c in digits[:3])
    if re.fullmatch(r"[0-9a-f]{6}(?:[0-9a-f]{2})?", digits):
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if found := _RGB.match(value):
        return min(int(found[1]), 255), min(int(found[2]), 255), min(int(found[3]), 255)
    return None
