"""What Slack would refuse of a block's elements and texts: lengths, counts, unknown fields; with where it is and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shape:
    """What an object may hold: its needed and its other fields."""

    needs: frozenset[str]
    may: frozenset[str]


def shape_of(needs: str, may: str = "") -> Shape:
    return Shape(frozenset(needs.split()), frozenset(may.split()))


_ELEMENTS = {
    "button": shape_of("text action_id", "value style url confirm accessibility_label"),
    "overflow": shape_of("options action_id", "confirm"),
    "static_select": shape_of("options action_id", "placeholder initial_option confirm focus_on_load"),
    "multi_static_select": shape_of(
        "options action_id", "placeholder initial_options confirm max_selected_items focus_on_load"
    ),
    "checkboxes": shape_of("options action_id", "initial_options confirm focus_on_load"),
    "radio_buttons": shape_of("options action_id", "initial_option confirm focus_on_load"),
    "plain_text_input": shape_of(
        "action_id", "initial_value multiline min_length max_length placeholder focus_on_load dispatch_action_config"
    ),
}
_WHERE = {
    "accessory": frozenset({"button", "overflow", "static_select", "multi_static_select", "checkboxes"}),
    "actions": frozenset({"button", "overflow", "static_select", "checkboxes", "radio_buttons"}),
    "input": frozenset(_ELEMENTS) - {"button", "overflow"},
}
_OPTIONS = {"overflow": 5, "static_select": 100, "multi_static_select": 100, "checkboxes": 10, "radio_buttons": 10}


def units(text: str) -> int:
    """UTF-16 units: whichever way Slack counts, these are no fewer."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def error(what: str, where: str) -> str:
    """As Slack words it."""
    return f"[ERROR] {what} [json-pointer:{where}]"


def element_problem(element: Mapping[str, Any], place: str, where: str) -> Iterator[str]:
    """What is wrong with something to press or fill in; `place`: where in a block it stands."""
    kind = str(element.get("type"))
    if kind not in _WHERE[place]:
        yield error(f"unsupported type: {kind}", f"{where}/type")
        return
    missing = list(fields_problem(element, _ELEMENTS[kind], where))
    yield from missing
    if missing:
        return
    yield from length_problem(element["action_id"], 255, f"{where}/action_id", least=1)
    if "placeholder" in element:
        yield from text_problem(element["placeholder"], 150, f"{where}/placeholder", plain=True)
    kinds = {"button": _button, "plain_text_input": _plain_input}
    yield from kinds.get(kind, _options)(element, where)


def _button(element: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from text_problem(element["text"], 75, f"{where}/text", plain=True)
    yield from length_problem(element.get("value", ""), 2000, f"{where}/value")
    yield from length_problem(element.get("accessibility_label", ""), 75, f"{where}/accessibility_label")
    if element.get("style", "primary") not in {"primary", "danger"}:
        yield error("must be one of: primary, danger", f"{where}/style")


def _plain_input(element: Mapping[str, Any], where: str) -> Iterator[str]:
    if not 1 <= element.get("max_length", 3000) <= 3000 or not 0 <= element.get("min_length", 0) <= 3000:
        yield error("must be between 1 and 3000", f"{where}/max_length")
    yield from length_problem(
        element.get("initial_value", ""), element.get("max_length", 3000), f"{where}/initial_value"
    )


def _options(element: Mapping[str, Any], where: str) -> Iterator[str]:
    options, kind = element["options"], element["type"]
    yield from list_problem(options, _OPTIONS[kind], f"{where}/options", least=1)
    shape = shape_of("text value", "description url")
    for n, option in enumerate(options):
        at = f"{where}/options/{n}"
        missing = list(fields_problem(option, shape, at))
        yield from missing
        if not missing:
            yield from text_problem(option["text"], 75, f"{at}/text", plain=kind not in {"checkboxes", "radio_buttons"})
            yield from length_problem(option["value"], 150, f"{at}/value", least=1)
            if "description" in option:
                yield from text_problem(option["description"], 75, f"{at}/description")
    initial = element.get("initial_options", [element["initial_option"]] if "initial_option" in element else [])
    if "initial_options" in element and not initial:
        yield error("must hold at least one option", f"{where}/initial_options")
    if any(i not in options for i in initial):
        yield error("must be one of the options", f"{where}/initial_options")


def fields_problem(value: Mapping[str, Any], shape: Shape, where: str) -> Iterator[str]:
    """Fields that are missing, and those that nobody knows."""
    for name in sorted(shape.needs - set(value)):
        yield error(f"missing required field: {name}", where)
    for name in sorted(set(value) - shape.needs - shape.may - {"type"}):
        yield error(f"unknown field: {name}", where)


def text_problem(value: Any, most: int, where: str, *, plain: bool = False) -> Iterator[str]:
    """What is wrong with a text object."""
    if not isinstance(value, Mapping) or not isinstance(value.get("text"), str):
        yield error("must be a text object", where)
        return
    kind = value.get("type")
    if kind != "plain_text" and (plain or kind != "mrkdwn"):
        yield error("must be plain_text" if plain else "must be plain_text or mrkdwn", f"{where}/type")
    may = {"type", "text", "emoji"} if kind == "plain_text" else {"type", "text", "verbatim"}
    for name in sorted(set(value) - may):
        yield error(f"unknown field: {name}", where)
    yield from length_problem(value["text"], most, f"{where}/text", least=1)


def length_problem(value: Any, most: int, where: str, least: int = 0) -> Iterator[str]:
    if not isinstance(value, str):
        yield error("must be a string", where)
    elif units(value) > most:
        yield error(f"must be less than {most + 1} characters", where)
    elif units(value) < least:
        yield error("must be more than 0 characters", where)


def list_problem(value: Sequence[Any], most: int, where: str, least: int = 0) -> Iterator[str]:
    if len(value) > most:
        yield error(f"no more than {most} items allowed", where)
    elif len(value) < least:
        yield error(f"no fewer than {least} items allowed", where)
