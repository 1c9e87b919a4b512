"""What Slack would refuse of blocks and views: lengths, counts, unknown fields, double ids; with where it is and why.

The limits are those of Slack's reference (docs.slack.dev/reference/block-kit), checked by hand, and the SDK's own
models after that. Only what triage uses is known here: anything else is refused, as Slack refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
LONGEST = 40_000  # characters of a message's text
ALTOGETHER = 13_200  # characters of all blocks of a message (slackapi/bolt-js#2509)
_PLACES = ("text", "alt_text", "label", "hint", "placeholder", "title")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an object may hold: its needed and its other fields."""

    needs: frozenset[str]
    may: frozenset[str]


def _shape(needs: str, may: str = "") -> _Shape:
    return _Shape(frozenset(needs.split()), frozenset(may.split()))


_BLOCKS = {
    "section": _shape("", "text fields accessory block_id expand"),
    "header": _shape("text", "block_id"),
    "context": _shape("elements", "block_id"),
    "divider": _shape("", "block_id"),
    "actions": _shape("elements", "block_id"),
    "input": _shape("label element", "block_id hint optional dispatch_action"),
}
_ELEMENTS = {
    "button": _shape("text action_id", "value style url confirm accessibility_label"),
    "overflow": _shape("options action_id", "confirm"),
    "static_select": _shape("options action_id", "placeholder initial_option confirm focus_on_load"),
    "multi_static_select": _shape(
        "options action_id", "placeholder initial_options confirm max_selected_items focus_on_load"
    ),
    "checkboxes": _shape("options action_id", "initial_options confirm focus_on_load"),
    "radio_buttons": _shape("options action_id", "initial_option confirm focus_on_load"),
    "plain_text_input": _shape(
        "action_id", "initial_value multiline min_length max_length placeholder focus_on_load dispatch_action_config"
    ),
}
_WHERE = {
    "accessory": frozenset({"button", "overflow", "static_select", "multi_static_select", "checkboxes"}),
    "actions": frozenset({"button", "overflow", "static_select", "checkboxes", "radio_buttons"}),
    "input": frozenset(_ELEMENTS) - {"button", "overflow"},
}
_OPTIONS = {"overflow": 5, "static_select": 100, "multi_static_select": 100, "checkboxes": 10, "radio_buttons": 10}
_VIEWS = {
    "modal": _shape(
        "title blocks",
        "submit close private_metadata callback_id clear_on_close notify_on_close external_id submit_disabled",
    ),
    "home": _shape("blocks", "private_metadata callback_id external_id"),
}


def block_problem(blocks: Sequence[Mapping[str, Any]], text: str) -> tuple[str, list[str]]:
    """Slack's error code for a message and what is wrong with it; "" and nothing where it would be taken."""
    if problems := list(_blocks(blocks, MESSAGE_BLOCKS)):
        return "invalid_blocks", problems
    if sum(units(t) for b in blocks for t in _texts(b)) > ALTOGETHER:
        return "msg_blocks_too_long", []
    if len(text) > LONGEST:
        return "msg_too_long", []
    return ("", []) if text or blocks else ("no_text", [])


def view_problem(view: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The same for a modal or a home tab."""
    shape = _VIEWS.get(str(view.get("type")))
    if shape is None:
        return "invalid_arguments", [_error("unknown view type", "/view/type")]
    problems = [*_fields(view, shape, "/view"), *_blocks(view.get("blocks") or [], VIEW_BLOCKS, "/view/blocks")]
    for name in ("title", "submit", "close"):
        if name in view:
            problems += _text(view[name], 24, f"/view/{name}", plain=True)
    problems += _length(view.get("private_metadata", ""), 3000, "/view/private_metadata")
    problems += _length(view.get("callback_id", ""), 255, "/view/callback_id")
    asks = any(b.get("type") == "input" for b in view.get("blocks") or [])
    if view.get("type") == "modal" and asks and "submit" not in view:
        problems.append(_error("a modal with input blocks needs submit", "/view/submit"))
    if not problems:
        problems += _view_by_the_sdk(view)
    return ("invalid_arguments" if problems else "", problems)


def units(text: str) -> int:
    """UTF-16 units: whichever way Slack counts, these are no fewer."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _error(what: str, where: str) -> str:
    return f"[ERROR] {what} [json-pointer:{where}]"


def _texts(value: Any, key: str = "") -> Iterator[str]:
    """Every text that is shown, however deep."""
    if isinstance(value, Mapping):
        for k, v in value.items():
            yield from _texts(v, k)
    elif isinstance(value, list):
        for v in value:
            yield from _texts(v, key)
    elif isinstance(value, str) and key in _PLACES:
        yield value


def _blocks(blocks: Sequence[Mapping[str, Any]], most: int, where: str = "/blocks") -> Iterator[str]:
    if len(blocks) > most:
        yield _error(f"no more than {most} items allowed", where)
    ids: list[str] = []
    for n, block in enumerate(blocks):
        wrong = list(_block(block, f"{where}/{n}"))
        yield from wrong
        ids += [block["block_id"]] if "block_id" in block else []
        if not wrong:
            yield from _by_the_sdk(block, f"{where}/{n}")
    for double in {i for i in ids if ids.count(i) > 1}:
        yield _error(f"block_id {double} already exists", where)


def _by_the_sdk(block: Mapping[str, Any], where: str) -> Iterator[str]:
    parsed = Block.parse(dict(block))
    try:
        if parsed is not None:
            parsed.to_dict()
    except SlackObjectFormationError as e:
        yield _error(str(e), where)


def _view_by_the_sdk(view: Mapping[str, Any]) -> Iterator[str]:
    try:
        View(**view).validate_json()
    except SlackObjectFormationError as e:
        yield _error(str(e), "/view")


def _block(block: Mapping[str, Any], where: str) -> Iterator[str]:
    kind = str(block.get("type"))
    shape = _BLOCKS.get(kind)
    if shape is None:
        yield _error(f"unsupported type: {kind}", f"{where}/type")
        return
    missing = list(_fields(block, shape, where))
    yield from missing
    yield from _length(block.get("block_id", ""), 255, f"{where}/block_id")
    if not missing:
        yield from _inside(kind, block, where)


def _inside(kind: str, block: Mapping[str, Any], where: str) -> Iterator[str]:
    match kind:
        case "section":
            yield from _section(block, where)
        case "header":
            yield from _text(block["text"], 150, f"{where}/text", plain=True)
        case "context":
            yield from _list(block["elements"], 10, f"{where}/elements", least=1)
            for n, text in enumerate(block["elements"]):
                yield from _text(text, 3000, f"{where}/elements/{n}")
        case "actions":
            yield from _list(block["elements"], 25, f"{where}/elements", least=1)
            for n, element in enumerate(block["elements"]):
                yield from _element(element, "actions", f"{where}/elements/{n}")
            named = [e.get("action_id") for e in block["elements"]]
            for double in {i for i in named if named.count(i) > 1}:
                yield _error(f"action_id {double} already exists in this block", f"{where}/elements")
        case "input":
            yield from _text(block["label"], 2000, f"{where}/label", plain=True)
            if "hint" in block:
                yield from _text(block["hint"], 2000, f"{where}/hint", plain=True)
            yield from _element(block["element"], "input", f"{where}/element")


def _section(block: Mapping[str, Any], where: str) -> Iterator[str]:
    if not block.get("text") and not block.get("fields"):
        yield _error("text or fields is needed", where)
    if "text" in block:
        yield from _text(block["text"], 3000, f"{where}/text")
    yield from _list(block.get("fields", []), 10, f"{where}/fields")
    for n, text in enumerate(block.get("fields", [])):
        yield from _text(text, 2000, f"{where}/fields/{n}")
    if "accessory" in block:
        yield from _element(block["accessory"], "accessory", f"{where}/accessory")


def _element(element: Mapping[str, Any], place: str, where: str) -> Iterator[str]:
    kind = str(element.get("type"))
    if kind not in _WHERE[place]:
        yield _error(f"unsupported type: {kind}", f"{where}/type")
        return
    missing = list(_fields(element, _ELEMENTS[kind], where))
    yield from missing
    if missing:
        return
    yield from _length(element["action_id"], 255, f"{where}/action_id", least=1)
    if "placeholder" in element:
        yield from _text(element["placeholder"], 150, f"{where}/placeholder", plain=True)
    kinds = {"button": _button, "plain_text_input": _plain_input}
    yield from kinds.get(kind, _options)(element, where)


def _button(element: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _text(element["text"], 75, f"{where}/text", plain=True)
    yield from _length(element.get("value", ""), 2000, f"{where}/value")
    yield from _length(element.get("accessibility_label", ""), 75, f"{where}/accessibility_label")
    if element.get("style", "primary") not in {"primary", "danger"}:
        yield _error("must be one of: primary, danger", f"{where}/style")


def _plain_input(element: Mapping[str, Any], where: str) -> Iterator[str]:
    if not 1 <= element.get("max_length", 3000) <= 3000 or not 0 <= element.get("min_length", 0) <= 3000:
        yield _error("must be between 1 and 3000", f"{where}/max_length")
    yield from _length(element.get("initial_value", ""), element.get("max_length", 3000), f"{where}/initial_value")


def _options(element: Mapping[str, Any], where: str) -> Iterator[str]:
    options, kind = element["options"], element["type"]
    yield from _list(options, _OPTIONS[kind], f"{where}/options", least=1)
    shape = _shape("text value", "description url")
    for n, option in enumerate(options):
        at = f"{where}/options/{n}"
        missing = list(_fields(option, shape, at))
        yield from missing
        if not missing:
            yield from _text(option["text"], 75, f"{at}/text", plain=kind not in {"checkboxes", "radio_buttons"})
            yield from _length(option["value"], 150, f"{at}/value", least=1)
            if "description" in option:
                yield from _text(option["description"], 75, f"{at}/description")
    initial = element.get("initial_options", [element["initial_option"]] if "initial_option" in element else [])
    if "initial_options" in element and not initial:
        yield _error("must hold at least one option", f"{where}/initial_options")
    if any(i not in options for i in initial):
        yield _error("must be one of the options", f"{where}/initial_options")


def _fields(value: Mapping[str, Any], shape: _Shape, where: str) -> Iterator[str]:
    for name in sorted(shape.needs - set(value)):
        yield _error(f"missing required field: {name}", where)
    for name in sorted(set(value) - shape.needs - shape.may - {"type"}):
        yield _error(f"unknown field: {name}", where)


def _text(value: Any, most: int, where: str, *, plain: bool = False) -> Iterator[str]:
    if not isinstance(value, Mapping) or not isinstance(value.get("text"), str):
        yield _error("must be a text object", where)
        return
    kind = value.get("type")
    if kind != "plain_text" and (plain or kind != "mrkdwn"):
        yield _error("must be plain_text" if plain else "must be plain_text or mrkdwn", f"{where}/type")
    may = {"type", "text", "emoji"} if kind == "plain_text" else {"type", "text", "verbatim"}
    for name in sorted(set(value) - may):
        yield _error(f"unknown field: {name}", where)
    yield from _length(value["text"], most, f"{where}/text", least=1)


def _length(value: Any, most: int, where: str, least: int = 0) -> Iterator[str]:
    if not isinstance(value, str):
        yield _error("must be a string", where)
    elif units(value) > most:
        yield _error(f"must be less than {most + 1} characters", where)
    elif units(value) < least:
        yield _error("must be more than 0 characters", where)


def _list(value: Sequence[Any], most: int, where: str, least: int = 0) -> Iterator[str]:
    if len(value) > most:
        yield _error(f"no more than {most} items allowed", where)
    elif len(value) < least:
        yield _error(f"no fewer than {least} items allowed", where)
