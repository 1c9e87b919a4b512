"""Messages, modals and home tabs as HTML, as near to Slack's drawing as a page without its code comes. Pure.

Whatever a message holds is escaped: Slack undoes three escapes, and what it would show is escaped anew here.
"""

from __future__ import annotations

import html
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bot.local.slack.mrkdwn import mrkdwn
from bot.local.slack.pictures import pictured
from bot.slack.controls import SHORTCUTS

# ------------------------------------------------------------------------------------------------ places


def channel(name: str, messages: Sequence[Mapping[str, Any]], private: Sequence[Mapping[str, Any]]) -> str:
    """A channel, the newest card first, each with its thread and with what one person alone is told under it."""
    drawn = [f"<section class=channel><h2>#{html.escape(name)}</h2>"]
    drawn += [message(name, p) for p in reversed(private) if not p.get("thread_ts")]
    for card in reversed([m for m in messages if "thread_ts" not in m]):
        drawn.append(f"<div class=thread>{message(name, card)}")
        replies = [m for m in (*messages, *private) if m.get("thread_ts") == card["ts"]]
        if replies:
            word = "reply" if len(replies) == 1 else "replies"
            drawn.append(f"<details class=replies><summary>{len(replies)} {word}</summary>")
            drawn += [message(name, m) for m in sorted(replies, key=lambda m: float(m["ts"]))]
            drawn.append("</details>")
        drawn.append("</div>")
    return "".join(drawn) + "</section>"


def message(channel_name: str, m: Mapping[str, Any]) -> str:
    edited = " <span class=edited>(edited)</span>" if "edited" in m else ""
    at = time.strftime("%H:%M", time.localtime(float(m["ts"])))
    body = "".join(block(b) for b in m["blocks"]) or f"<p>{mrkdwn(m['text'])}</p>"
    only = f"<p class=only>{pictured('👁')} Only visible to you</p>" if "for" in m else ""
    place = f'data-channel="{html.escape(channel_name)}" data-ts="{html.escape(m["ts"])}"'
    return (
        f"<article {place} class='{'private' if only else ''}' aria-label='{html.escape(m['text'][:200], quote=True)}'>"
        f"{only}<span class=avatar aria-hidden=true>t</span><header><b>triage</b> <span class=app>APP</span> "
        f"<time>{at}</time>{edited}</header><div class=body>{body}</div>{'' if only else _SHORTCUTS}</article>"
    )


def modal(view: Mapping[str, Any]) -> str:
    """A modal as a form; closing and submitting is the page's work."""
    title, submit, close = (_plain(view.get(k)) for k in ("title", "submit", "close"))
    buttons = f"<button type=button data-close>{close or 'Close'}</button>"
    buttons += f"<button class=primary data-submit>{submit}</button>" if submit else ""
    blocks = "".join(block(b) for b in view["blocks"])
    return (
        f"<form class=modal role=dialog aria-modal=true aria-label='{title}' data-view='{html.escape(view['id'])}'>"
        f"<h2>{title}</h2><div class=blocks>{blocks}</div><p class=trouble role=alert></p><footer>{buttons}</footer></form>"
    )


def home(view: Mapping[str, Any] | None) -> str:
    blocks = "".join(block(b) for b in view["blocks"]) if view else "<p>Nothing is published here.</p>"
    return f"<section class=home><h2>triage: Home</h2>{blocks}</section>"


def _shortcuts() -> str:
    entries = "".join(
        f"<button type=button role=menuitem data-shortcut='{html.escape(name)}'>{html.escape(title)}</button>"
        for name, title in SHORTCUTS.items()
    )
    return f"<details class='overflow more'><summary aria-label='More of this message'>⋮</summary><div role=menu>{entries}</div></details>"


_SHORTCUTS = _shortcuts()  # the same under every message


# ------------------------------------------------------------------------------------------------ blocks


def block(b: Mapping[str, Any]) -> str:
    """One block."""
    match b["type"]:
        case "section":
            said = _section(b)
        case "header":
            said = f"<h3>{_plain(b['text'])}</h3>"
        case "context":
            said = f"<div class=context>{''.join(f'<p>{_text(e)}</p>' for e in b['elements'])}</div>"
        case "divider":
            said = "<hr>"
        case "actions":
            said = f"<div class=actions>{''.join(map(_element, b['elements']))}</div>"
        case _:
            said = _input(b)  # the limits let nothing else in
    return said


def _section(b: Mapping[str, Any]) -> str:
    text = f"<p>{_text(b['text'])}</p>" if "text" in b else ""
    fields = "".join(f"<p>{_text(f)}</p>" for f in b.get("fields", ()))
    text += f"<div class=fields>{fields}</div>" if fields else ""
    beside = f"<div class=accessory>{_element(b['accessory'])}</div>" if "accessory" in b else ""
    return f"<div class=section><div class=said>{text}</div>{beside}</div>"


def _input(b: Mapping[str, Any]) -> str:
    label = _plain(b["label"]) + (" <span class=optional>(optional)</span>" if b.get("optional") else "")
    hint = f"<p class=hint>{_plain(b['hint'])}</p>" if "hint" in b else ""
    field = _element(b["element"])
    group = b["element"]["type"] in {"checkboxes", "radio_buttons", "multi_static_select"}
    kind, title = ("fieldset", "legend") if group else ("label", "span")
    return (
        f"<{kind} class=input data-block='{html.escape(b['block_id'], quote=True)}'><{title}>{label}</{title}>{field}"
        f"<p class=wrong role=alert></p>{hint}</{kind}>"
    )


def _element(e: Mapping[str, Any]) -> str:
    action = html.escape(e["action_id"], quote=True)
    match e["type"]:
        case "button":
            label = (
                f' aria-label="{html.escape(e["accessibility_label"], quote=True)}"'
                if "accessibility_label" in e
                else ""
            )
            return f"<button type=button class='{html.escape(e.get('style', ''))}' data-action='{action}'{label}>{_plain(e['text'])}</button>"
        case "overflow":
            entries = "".join(
                f"<button type=button role=menuitem data-action='{action}' data-option='{_value(o)}'>{_plain(o['text'])}</button>"
                for o in e["options"]
            )
            return f"<details class=overflow><summary aria-label='More actions'>⋯</summary><div role=menu>{entries}</div></details>"
        case "static_select":
            placeholder = f"<option value=''>{_plain(e.get('placeholder'))}</option>"
            entries = "".join(
                f"<option value='{_value(o)}'{' selected' if o == e.get('initial_option') else ''}>{_plain(o['text'])}</option>"
                for o in e["options"]
            )
            return f"<select name='{action}'>{placeholder}{entries}</select>"
        case "plain_text_input":
            most = f"maxlength={int(e.get('max_length', 3000))} placeholder='{_plain(e.get('placeholder'))}'"
            value = html.escape(e.get("initial_value", ""), quote=True)
            if e.get("multiline"):
                return f"<textarea name='{action}' rows=3 {most}>{value}</textarea>"
            return f"<input name='{action}' {most} value='{value}'>"
    return _choices(e, action)


def _choices(e: Mapping[str, Any], action: str) -> str:
    """Checkboxes, radio buttons, and the list of which several may be chosen."""
    kind = "radio" if e["type"] == "radio_buttons" else "checkbox"
    initial = e.get("initial_options", [e.get("initial_option")])
    entries = "".join(
        f"<label><input type={kind} name='{action}' value='{_value(o)}'{' checked' if o in initial else ''}> {_text(o['text'])}"
        + (f"<small>{_text(o['description'])}</small>" if "description" in o else "")
        + "</label>"
        for o in (
            sorted(e["options"], key=lambda o: o not in initial) if e["type"] == "multi_static_select" else e["options"]
        )
    )
    return f"<div class='choices {html.escape(e['type'])}'>{entries}</div>"


# ------------------------------------------------------------------------------------------------ words


def _value(option: Mapping[str, Any]) -> str:
    return html.escape(option["value"], quote=True)


def _plain(text: Mapping[str, Any] | None) -> str:
    return html.escape(str(text["text"]), quote=True) if text else ""


def _text(text: Mapping[str, Any]) -> str:
    return mrkdwn(text["text"]) if text["type"] == "mrkdwn" else _plain(text)
