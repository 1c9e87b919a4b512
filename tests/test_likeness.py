"""Near-identical reports have near-identical signatures, others do not, and no signature can be read."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make import ROOT

from classifiers.likeness import BANDS, LARGEST, MOST_WORDS, SIZE, bands, likeness, signature

TEMPLATE = (
    "Hello {name} team, I am a security researcher. I found that {host} has no DMARC record, so that anybody can send "
    "mail in the name of {host} to your customers and partners. Please look at https://{host}/contact to see the address. "
    "I tested this on {day} March {year} with an online tool, and the mail arrived in the inbox. An attacker may use this "
    "to steal passwords of people who trust {name}. Please set the policy to reject and tell me if you pay a bounty. "
    "Kind regards, a friend of {name}"
)
ACME = TEMPLATE.format(name="Acme", host="acme.example", day=3, year=2026)
OTHER = TEMPLATE.format(name="Birch", host="www.birch.co.uk", day=17, year=2025)
FOREIGN = (
    "The invoice endpoint returns the invoices of other customers when the number in the path is counted down. I used two "
    "accounts of my own, logged in with the first, and asked for the number that belongs to the second. The answer held "
    "name, address and amount of the other account, without any error and without any trace in the audit log."
)


def signed(text: str) -> tuple[int, ...]:
    return signature(text, text)


def test_a_template_with_another_companys_name_is_the_same() -> None:
    """Name, host and date are what a template fills in."""
    assert likeness(signed(ACME), signed(OTHER)) >= 0.9


def test_another_finding_is_another_text() -> None:
    """Two reports that share no sentence share next to nothing, and no band."""
    assert likeness(signed(ACME), signed(FOREIGN)) < 0.1
    assert not set(bands(signed(ACME))) & set(bands(signed(FOREIGN)))


def test_a_chaser_that_adds_a_sentence_is_still_alike() -> None:
    """One sentence before and one after leave most runs as they were; a band finds it."""
    chaser = f"Hi, did you see my mail of last week? {ACME} Waiting for your answer."

    assert likeness(signed(ACME), signed(chaser)) >= 0.7
    assert set(bands(signed(ACME))) & set(bands(signed(chaser)))


def test_half_of_a_text_is_not_enough() -> None:
    """Where half of the words are others, it is another report."""
    assert likeness(signed(ACME), signed(ACME[: len(ACME) // 2] + FOREIGN)) < 0.7


def test_case_accents_and_invisible_characters_do_not_count() -> None:
    """A template that tries to look new."""
    disguised = ACME.upper().replace("TEAM", "T\u200bE\u0301AM")

    assert signed(disguised) == signed(ACME)


@pytest.mark.parametrize(("one", "other"), [("robots.txt", "phpinfo.php"), ("readme.md", "backup.zip")])
def test_file_names_are_no_hosts(one: str, other: str) -> None:
    """Which file is open to all makes the report."""
    assert likeness(signed(f"{one} " * 20), signed(f"{other} " * 20)) == 0


def test_short_texts_are_alike_only_where_everything_is_the_same() -> None:
    """Under twelve words a greeting would make any two mails alike; what they lean on must be the same too."""
    hello = "Please see the request below, it is urgent."
    mine, yours = hello + "\nGET /a HTTP/1.1", hello + "\nGET /b HTTP/1.1"

    assert signature(hello, mine) == signature(hello, mine)
    assert likeness(signature(hello, mine), signature(hello, yours)) < 0.1
    assert likeness(signature(hello, hello), signature(hello + " now", hello + " now")) < 0.1


def test_nothing_is_like_nothing() -> None:
    """Two mails that could not be read are no precedent for each other."""
    assert signature("", " \n") == ()
    assert likeness((), ()) == 0
    assert bands(()) == ()


def test_the_estimate_is_near_the_truth() -> None:
    """Over many pairs whose true share of runs is known, as far off as 64 values may be."""
    dice = random.Random(7)
    words = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"]
    off = []
    for kept in (20, 60, 100, 140, 180):
        for _ in range(10):
            one = dice.choices(words, k=200)
            other = one[:kept] + dice.choices(words, k=200 - kept)
            runs = [{tuple(t[i : i + 5]) for i in range(196)} for t in (one, other)]
            truth = len(runs[0] & runs[1]) / len(runs[0] | runs[1])
            off.append(abs(truth - likeness(signed(" ".join(one)), signed(" ".join(other)))))

    assert max(off) < 0.25
    assert sum(off) / len(off) < 0.06


def test_it_is_the_same_on_every_machine() -> None:
    """Another process, with another hash seed, says the same; and so does every later version: signatures are kept."""
    program = f"import json; from classifiers.likeness import signature; print(json.dumps(signature({ACME!r}, '')))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": "99"}, capture_output=True, check=True
    )

    assert tuple(json.loads(done.stdout)) == signed(ACME)
    assert signed(ACME)[:3] == (5632953, 5013893, 259960461)


def test_a_huge_text_costs_no_more_than_its_beginning() -> None:
    """What lies beyond the bound is not looked at."""
    beginning = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}" for n in range(MOST_WORDS))

    assert signed(beginning + " more words to read" * 500_000) == signed(beginning)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400))
def test_any_text_has_a_signature_of_numbers(text: str) -> None:
    """64 numbers of 32 bits, or none; bands that a database takes."""
    made = signature(text, text)

    assert len(made) in {0, SIZE}
    assert all(0 <= v <= LARGEST for v in made)
    assert likeness(made, made) == (1.0 if made else 0.0)
    assert len(bands(made)) == (BANDS if made else 0)
    assert all(0 <= b < 2**63 for b in bands(made))
