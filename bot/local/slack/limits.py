"""What Slack would refuse of blocks and views: lengths, counts, unknown fields, double ids; with where it is and why.

The limits are those of Slack's reference (docs.slack.dev/reference/block-kit), checked by hand, and the SDK's own
models after that. Only what triage uses is known here: anything else is refused, as Slack refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.local.slack.elements import (
    element_problem,
    error,
    fields_problem,
    length_problem,
    list_problem,
    shape_of,
    text_problem,
    units,
)

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
LONGEST = 40_000  # characters of a message's text
ALTOGETHER = 13_200  # characters of all blocks of a message (slackapi/bolt-js#2509)
_PLACES = ("text", "alt_text", "label", "hint", "placeholder", "title")


_BLOCKS = {
    "section": shape_of("", "text fields accessory block_id expand"),
    "header": shape_of("text", "block_id"),
    "context": shape_of("elements", "block_id"),
    "divider": shape_of("", "block_id"),
    "actions": shape_of("elements", "block_id"),
    "input": shape_of("label element", "block_id hint optional dispatch_action"),
}
_VIEWS = {
    "modal": shape_of(
        "title blocks",
        "submit close private_metadata callback_id clear_on_close notify_on_close external_id submit_disabled",
    ),
    "home": shape_of("blocks", "private_metadata callback_id external_id"),
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
        return "invalid_arguments", [error("unknown view type", "/view/type")]
    problems = [*fields_problem(view, shape, "/view"), *_blocks(view.get("blocks") or [], VIEW_BLOCKS, "/view/blocks")]
    for name in ("title", "submit", "close"):
        if name in view:
            problems += text_problem(view[name], 24, f"/view/{name}", plain=True)
    problems += length_problem(view.get("private_metadata", ""), 3000, "/view/private_metadata")
    problems += length_problem(view.get("callback_id", ""), 255, "/view/callback_id")
    asks = any(b.get("type") == "input" for b in view.get("blocks") or [])
    if view.get("type") == "modal" and asks and "submit" not in view:
        problems.append(error("a modal with input blocks needs submit", "/view/submit"))
    if not problems:
        problems += _view_by_the_sdk(view)
    return ("invalid_arguments" if problems else "", problems)


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
        yield error(f"no more than {most} items allowed", where)
    ids: list[str] = []
    for n, block in enumerate(blocks):
        wrong = list(_block(block, f"{where}/{n}"))
        yield from wrong
        ids += [block["block_id"]] if "block_id" in block else []
        if not wrong:
            yield from _by_the_sdk(block, f"{where}/{n}")
    for double in {i for i in ids if ids.count(i) > 1}:
        yield error(f"block_id {double} already exists", where)


def _by_the_sdk(block: Mapping[str, Any], where: str) -> Iterator[str]:
    parsed = Block.parse(dict(block))
    try:
        if parsed is not None:
            parsed.to_dict()
    except SlackObjectFormationError as e:
        yield error(str(e), where)


def _view_by_the_sdk(view: Mapping[str, Any]) -> Iterator[str]:
    try:
        View(**view).validate_json()
    except SlackObjectFormationError as e:
        yield error(str(e), "/view")


def _block(block: Mapping[str, Any], where: str) -> Iterator[str]:
    kind = str(block.get("type"))
    shape = _BLOCKS.get(kind)
    if shape is None:
        yield error(f"unsupported type: {kind}", f"{where}/type")
        return
    missing = list(fields_problem(block, shape, where))
    yield from missing
    yield from length_problem(block.get("block_id", ""), 255, f"{where}/block_id")
    if not missing:
        yield from _inside(kind, block, where)


def _inside(kind: str, block: Mapping[str, Any], where: str) -> Iterator[str]:
    match kind:
        case "section":
            yield from _section(block, where)
        case "header":
            yield from text_problem(block["text"], 150, f"{where}/text", plain=True)
        case "context":
            yield from list_problem(block["elements"], 10, f"{where}/elements", least=1)
            for n, text in enumerate(block["elements"]):
                yield from text_problem(text, 3000, f"{where}/elements/{n}")
        case "actions":
            yield from list_problem(block["elements"], 25, f"{where}/elements", least=1)
            for n, element in enumerate(block["elements"]):
                yield from element_problem(element, "actions", f"{where}/elements/{n}")
            named = [e.get("action_id") for e in block["elements"]]
            for double in {i for i in named if named.count(i) > 1}:
                yield error(f"action_id {double} already exists in this block", f"{where}/elements")
        case "input":
            yield from text_problem(block["label"], 2000, f"{where}/label", plain=True)
            if "hint" in block:
                yield from text_problem(block["hint"], 2000, f"{where}/hint", plain=True)
            yield from element_problem(block["element"], "input", f"{where}/element")


def _section(block: Mapping[str, Any], where: str) -> Iterator[str]:
    if not block.get("text") and not block.get("fields"):
        yield error("text or fields is needed", where)
    if "text" in block:
        yield from text_problem(block["text"], 3000, f"{where}/text")
    yield from list_problem(block.get("fields", []), 10, f"{where}/fields")
    for n, text in enumerate(block.get("fields", [])):
        yield from text_problem(text, 2000, f"{where}/fields/{n}")
    if "accessory" in block:
        yield from element_problem(block["accessory"], "accessory", f"{where}/accessory")
