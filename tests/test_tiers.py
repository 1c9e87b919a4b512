"""Everything that leaves for Slack, whatever is pressed or asked, in every tier: nothing beyond it, no secret, no live mark."""

from __future__ import annotations

import json
import logging
import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from bot.assembly import daemon, open_store
from bot.local.demo import CHANNEL, _settings, _wait_until_told, _wait_until_watched
from bot.local.imap import EmbeddedImap
from bot.local.slack import LocalSlack

PASSWORD, KEY, SESSION = "hunter2horse", "AKIAIOSFODNN7EXAMPLE", "PHPSESSID=9f8e7d6c5b4a"
SECRETS = (PASSWORD, KEY, SESSION.partition("=")[2])
TRICKS = (
    "<!channel> <!here> <@U0ANA> <#C0TRIAGE> <!subteam^S0SECURITY> @channel <https://evil.example|policy.example> "
    "https://evil.example/x evil.example mailto:zqother@stranger.example `x` ```y *Decided by zoe* _zq_ ~zq~ :white_check_mark: "
    "\u202etxt.exe \u2066zq\u2069 z\u200bq\ufeff \u115f\u3164 " + "\U0001f4a5" * 60 + " e" + "\u0301" * 60
)
WORDS = ("zqsubject", "zqbody", "zqattachment")  # which a card shows of the mail, where it shows any
STRANGERS = ("zqsender", "zqname", "zqother", "stranger.example")


class Watched(LocalSlack):
    """The stand-in, which keeps what it was asked and what it answered."""

    def __init__(self) -> None:
        super().__init__(channels=(CHANNEL,))
        self.asked: list[tuple[str, dict[str, Any], dict[str, Any]]] = []

    def answer(self, method: str, asked: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
        status, answer = super().answer(method, asked, token)
        self.asked.append((method, asked, answer))
        return status, answer

    def respond(self, name: str, asked: Mapping[str, Any]) -> bool:
        taken = super().respond(name, asked)
        self.asked.append(("response_url", dict(asked), {"ok": taken, "error": "expired_url"}))
        return taken

    def heard(self) -> list[str]:
        """Every text that came to it: by its Web API, and in the acks of what people did."""
        return [
            s
            for value in (*(a for _, a, _ in self.asked), *(e.payload for e in self.sockets.envelopes))
            for s in texts(value)
        ]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for v in (*value.keys(), *value.values()):
            yield from texts(v)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from texts(v)


def mail(subject: str, text: str, number: int, **headers: str) -> bytes:
    it = EmailMessage(policy=SMTP)
    it["From"] = '"zqname *x* <!channel>" <zqsender@zqhost.example>'
    it["To"] = "demo"
    it["Subject"] = f"zqsubject {subject} {TRICKS} password={PASSWORD}"
    it["Message-ID"] = f"<zq{number}@zqhost.example>"
    for name, value in headers.items():
        it[name.replace("_", "-")] = value
    it.set_content(text)
    it.add_attachment(
        b"%PDF-1.4", maintype="application", subtype="pdf", filename=f"zqattachment <!here> {SESSION} .pdf"
    )
    return bytes(it)


def mails() -> list[bytes]:
    secrets = f"password={PASSWORD} {KEY} {SESSION} Cookie: {SESSION}"
    long = "zqbody Your domain has no SPF record, so mail can be forged. " + "x" * 40_000
    return [
        mail("No SPF record", f"zqbody Your domain has no SPF record {TRICKS} {secrets}, so anyone can forge mail. mochi\n", 1),
        mail("No SPF record", f"zqbody Your domain has no SPF record {TRICKS}, so anyone can forge mail: again. mochi\n", 2),
        mail("IDOR", f"zqbody With the id of another user {TRICKS} I can read other users' invoices. {secrets} mochi\n", 3),
        mail("SPF", long, 4),
        mail(
            "weekly news", "zqbody Our newsletter of this week. Unsubscribe here.\n", 5, List_Unsubscribe="<https://x.example>",
            List_Id="<zq.example>", Precedence="bulk",
        ),
        mail(
            "Re: No SPF record", f"zqbody One more thing {TRICKS}: I took over another user's account with it. {secrets}\n", 6,
            In_Reply_To="<zq1@zqhost.example>", References="<zq1@zqhost.example>",
        ),
    ]  # fmt: skip


def press_everything(slack: Watched, shorts: list[str]) -> None:
    """All that can be clicked, by two people at once; every command and shortcut, and the home tab."""
    hands = slack.hands
    for card in [m for m in slack.messages(CHANNEL) if "thread_ts" not in m]:
        elements = [e for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]]
        for element in sorted(elements, key=lambda e: e["action_id"] == "triage_agree"):
            for option in element.get("options", [{"value": ""}]):
                for user in ("U0EVE", "U0ANA", "U0BEN"):
                    hands.press(user, CHANNEL, card["ts"], element["action_id"], option["value"])
        hands.shortcut("U0ANA", "triage_change", CHANNEL, card["ts"])
    slack.wait_for(lambda: hands.modal("U0ANA"), 10)
    for user in ("U0ANA", "U0BEN"):
        while hands.modal(user):
            hands.submit(user, {})
            hands.close(user)
    for text in ("", "status", "open", "help", *(f"{c} {s}" for c in ("show", "rerun", "reclassify") for s in shorts)):
        hands.slash("U0ANA", "/triage", text, CHANNEL)
    hands.open_home("U0ANA")


def everything(folder: Path, tier: str) -> Watched:
    """What a bot of that tier sends in the course of a day."""
    with EmbeddedImap() as imap, Watched() as slack:
        demo = _settings(folder, imap, slack)
        settings = demo.model_copy(update={"slack": demo.slack.model_copy(update={"tier": tier})})
        with daemon(settings, pace=timedelta()) as it:
            worker = threading.Thread(target=it.run)
            worker.start()
            try:
                _wait_until_watched(settings, 30)
                for raw in mails():
                    imap.deliver(raw)
                assert _wait_until_told(settings, len(mails()), 60) == len(mails())
                it.parts.delivery.say_digest()
                with open_store(settings) as store:
                    shorts = [report.short for report, _, _ in store.listing()]
                press_everything(slack, shorts)
            finally:
                it.stop()
                worker.join(30)
            it.parts.delivery.deliver()
            it.parts.delivery.say_digest()
    return slack


@pytest.mark.parametrize("tier", ["full", "reduced", "ids"])
def test_nothing_beyond_the_tier_leaves(tmp_path: Path, tier: str, caplog: pytest.LogCaptureFixture) -> None:
    """Cards, threads, digest, modals, private answers, Home, commands: of the mail only what the tier shows, and inert."""
    caplog.set_level(logging.DEBUG)

    slack = everything(tmp_path, tier)

    heard = "\n".join(slack.heard())
    assert {m for m, _, _ in slack.asked} >= {
        "chat.postMessage", "chat.update", "chat.postEphemeral", "views.open", "views.publish", "response_url",
    }  # fmt: skip
    assert all((word in heard) == (tier != "ids") for word in WORDS)
    assert ("zqsender" in heard) == (tier == "full")
    if tier != "full":
        assert not [s for s in STRANGERS if s in heard.replace("[.]", ".")]
    if tier == "ids":
        assert "zq" not in heard
    assert not [s for s in SECRETS if s in heard]
    assert "zq" not in caplog.text


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return everything(tmp_path_factory.mktemp("full"), "full")


def test_hostile_words_are_inert_wherever_they_stand(full: Watched) -> None:
    """No mention, no link, no code or emphasis that is theirs, no direction, nothing unseen, no heap of pictures."""
    for text in full.heard():
        for control in re.findall(r"<[^>]*>", text):
            assert re.fullmatch(r"<!date\^\d+\^[^|<>]*\|[^<>]*>", control), text
        assert "evil.example" not in text
        assert "://evil" not in text.replace("hxxps://", "")
        assert "*Decided by zoe" not in text
        assert ":white_check_mark:" not in text
        assert "\U0001f4a5" * 4 not in text
        assert "\u0301" * 4 not in text
        assert not [c for c in text if unicodedata.category(c) in {"Cf", "Co", "Cs"}], text
        assert text.count("`") % 2 == 0


def test_slack_took_all_of_it(full: Watched) -> None:
    """Whatever the words, no message and no modal is refused for its form, and each has its text for who sees no blocks."""
    refused = {(m, a["error"]) for m, _, a in full.asked if not a["ok"]}

    assert {error for _, error in refused} <= {"expired_trigger_id", "invalid_trigger_id"}
    assert max(map(len, full.heard())) <= 3000
    assert all(asked["text"] for method, asked, _ in full.asked if method.startswith(("chat.", "response_url")))
    assert all(len(json.dumps(a["metadata"])) < 500 for _, a, _ in full.asked if "metadata" in a)
