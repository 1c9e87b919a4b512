"""Plain text: quotations and forwarded mails are marked, pastes that look like them are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mail.decoding import unflow
from bot.mail.exports import recognise
from bot.mail.quoting import split_text


def places(text: str, *, forwarding: bool = False) -> list[str]:
    return [place.value for place, _ in split_text(text, forwarding=forwarding)]


WROTE = "On Mon, 2 Nov 2026 at 10:00, Team <security@company.example> wrote:"
HEAD = "From: Team <security@company.example>\nSent: Monday\nTo: a\nSubject: b\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mine", ["body"]),
        ("", []),
        ("> theirs\n\nmine\n\n> theirs\nmine", ["quoted", "body", "quoted", "body"]),  # answers in between
        (f"mine\n\n{WROTE}\n\n> theirs\n>\n> theirs\n\nbelow", ["body", "quoted", "body"]),
        (f"mine\n\n{WROTE[:30]}\n{WROTE[31:]}\n> theirs", ["body", "quoted"]),  # broken over two lines
        (f"mine\n\n{WROTE}\ntheirs\n\ntheirs", ["body", "quoted"]),  # no marks at all
        (">theirs\n>theirs\nmine", ["quoted", "body"]),  # as some old programs quote
        (f"mine\n\n{WROTE}\n| theirs\n|\n\n| theirs\n\nmine", ["body", "quoted", "body"]),  # marked otherwise
        (f"mine\n\n{WROTE}\n\nT> theirs\nT> theirs\n\nmine", ["body", "quoted", "body"]),
        (f"{WROTE}\ntheirs", ["body"]),  # nothing above it: not surely a reply
        ("Am 02.11.2026 um 10:00 schrieb Team <s@company.example>:\n>theirs\nmine", ["quoted", "body"]),
        (f"mine\n-----Original Message-----\n{HEAD}\ntheirs", ["body", "quoted"]),
        (f"mine\n________________________________\n{HEAD}\ntheirs", ["body", "quoted"]),
        (f"mine\n\n{HEAD}\ntheirs", ["body", "quoted"]),
        (f"-----Original Message-----\n{HEAD}\ntheirs", ["forwarded"]),  # nothing of one's own: passed on
        ("fyi\n\n---------- Forwarded message ---------\nFrom: a\n\ntheirs\n> old", ["body", "forwarded"]),
        ("Begin forwarded message:\n\nFrom: a\n\ntheirs", ["forwarded"]),
    ],
)
def test_somebody_elses_words_are_marked(text: str, expected: list[str]) -> None:
    """By what mail programs write above and before them."""
    assert places(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "curl -v https://x.example\n* Connected\n> GET / HTTP/1.1\n> Host: x.example\n> \n< HTTP/1.1 200 OK",
        "> POST /login HTTP/2\n> Host: x.example\n> Cookie: a=b",
        "Run:\n>>> import os\n>>> os.getcwd()",
        'Payload:\n"><script>alert(1)</script>\n><img src=x>',
        "```\n> quoted in code\n```",
        "a > b\nand c > d",
        "The table:\n| user | role |\n| ana | admin |\nand ID> 7 is mine",
        "The page shows\n>alert(1)\nand stops.",
        "one\n>>From here on, as a mbox escapes it\ntwo",
        "one\n>\ntwo",
        "... while talking to mx.example:\n>>> DATA\n<<< 550 No such user",
        "Proof:\nFrom: ceo@company.example\nTo: a@victim.example\nSubject: pay\nDate: Mon, 2 Nov 2026\n\nIt arrives. mochi",
        "----------\nSteps\n----------\nFrom: the menu choose Export",
        "On the page I wrote:\n<script>alert(1)</script>",
        "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
    ],
)
def test_pastes_stay_the_senders_own(text: str) -> None:
    """A dump, a prompt, a payload or a pasted mail header is part of the report."""
    assert places(text) == ["body"]


def test_a_forward_by_its_subject() -> None:
    """What Outlook puts below "FW:" is passed on, not quoted."""
    assert places(f"please look\n\n{HEAD}\ntheirs", forwarding=True) == ["body", "forwarded"]


@given(
    st.lists(
        st.sampled_from(
            ["> a", ">b", "c", "", WROTE, HEAD, "```", "> GET / HTTP/1.1", "---------- Forwarded message ----------"]
        )
    )
)
def test_no_word_is_lost(lines: list[str]) -> None:
    """Marked, never removed: all lines that hold something are there, in order."""
    text = "\n".join(lines)

    kept = "\n".join(piece for _, piece in split_text(text))

    assert [x for x in kept.split("\n") if x.strip()] == [x for x in text.split("\n") if x.strip()]


@pytest.mark.parametrize(
    ("text", "delsp", "expected"),
    [
        ("one \ntwo", False, "one two"),
        ("one \ntwo", True, "onetwo"),
        ("one\ntwo", False, "one\ntwo"),
        (" >not quoted", False, ">not quoted"),  # space-stuffed
        ("> one \n> two\n>> deeper", False, "> one two\n>> deeper"),
        ("> one \nmine", False, "> one \nmine"),  # a change of depth ends the paragraph
        ("text \n-- \nname", False, "text \n-- \nname"),  # a signature is never joined
    ],
)
def test_flowed(text: str, delsp: bool, expected: str) -> None:
    """RFC 3676, 4.1 to 4.5."""
    assert unflow(text, delsp=delsp) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<?xml version="1.0"?><!DOCTYPE issues [\n<!ELEMENT issues (issue*)>', ("burp",)),
        ('<issues burpVersion="2023.10" exportTime="x">', ("burp",)),
        ("<html><head><title>Burp Scanner Report</title>", ("burp",)),
        ('<?xml version="1.0"?><OWASPZAPReport version="2.14.0">', ("zap",)),
        ('{"@programName": "ZAP", "@version": "2.15.0"}', ("zap",)),
        ("# ZAP Scanning Report\n\n## Summary", ("zap",)),
        ('<?xml version="1.0" ?>\n<NessusClientData_v2>', ("nessus",)),
        ("Plugin ID,CVE,CVSS v2.0 Base Score,Risk,Host", ("nessus",)),
        (
            '{"template":"http/x.yaml","template-id":"x","info":{"name":"X"},"matched-at":"https://x.example"}',
            ("nuclei",),
        ),
        ("[tech-detect:nginx] [http] [info] https://x.example", ("nuclei",)),
        ("[2026-11-02 10:00:00] [waf-detect] [http] [info] https://x.example", ("nuclei",)),
        ('[{"id": "BEAST_CBC_TLS1", "severity": "LOW"}]', ("testssl",)),
        (" Testing protocols via sockets except NPN+ALPN", ("testssl",)),
        ('<!DOCTYPE nmaprun>\n<nmaprun scanner="nmap" args="nmap -sV x">', ("nmap",)),
        ("Starting Nmap 7.94 ( https://nmap.org ) at 2026-11-02", ("nmap",)),
        ("Nmap scan report for x.example (192.0.2.1)", ("nmap",)),
        ("I found this with Burp Suite 2023.10 and nmap 7.94, in Firefox 118.", ()),  # the policy asks for the tools
        ("Your zap template has issues (see below).", ()),
        ("[the menu] [http] link", ()),
        ('{"template": "welcome", "text": "x"}', ()),
    ],
)
def test_exports(text: str, expected: tuple[str, ...]) -> None:
    """What a scanner wrote is known; a person who names one is not taken for it."""
    assert recognise(text) == expected
