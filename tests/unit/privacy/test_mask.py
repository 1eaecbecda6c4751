"""What is personal in free text is masked, and figures, days and ids are left alone."""

from __future__ import annotations

import pytest

from bench import masking
from python_nodes import privacy


@pytest.mark.parametrize("half", masking.HALVES)
def test_it_finds_what_was_promised_on_each_half(half: str) -> None:
    told = masking.judge(half)
    assert told.sentences >= 250
    assert told.recall >= masking.RECALL, told.missed[:5]
    assert told.precision >= masking.PRECISION, told.wrong[:5]


def test_no_sentence_of_one_half_is_in_the_other() -> None:
    built, held = ({one.text for one in masking.sentences(half)} for half in masking.HALVES)
    assert not built & held


def test_the_measure_can_fail() -> None:
    assert masking.judge("built on", lambda text: []).recall == 0
    everything = masking.judge("built on", lambda text: [privacy.Found(0, len(text), "name")])
    assert everything.recall == 1
    assert everything.precision < 0.5


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Call +351 912 345 678 after six", "Call [phone] after six"),
        ("4111 1111 1111 1111 is my card", "[card] is my card"),
        ("4111 1111 1111 1112 is an order", "4111 1111 1111 1112 is an order"),
        ("to DE89 3704 0044 0532 0130 00 please", "to [iban] please"),
        ("to DE89 3704 0044 0532 0130 01 please", "to DE89 3704 0044 0532 0130 01 please"),
        ("DNI 12345678Z", "DNI [document]"),
        ("ada@example.com and b.c@d.org", "[email] and [email]"),
        ("2 guests @ 120.00 EUR from 2026-03-14", "2 guests @ 120.00 EUR from 2026-03-14"),
        ("", ""),
    ],
)
def test_numbers_are_told_by_their_check_digits(text: str, masked: str) -> None:
    assert privacy.mask(text) == masked


def test_what_programs_write_has_capitals_of_its_own() -> None:
    said = "answered 500 Bad Gateway to Harbour Lights"
    assert privacy.mask(said, is_prose=False) == said


def test_a_long_text_is_looked_at_quickly() -> None:
    """Patterns with many ways to fail must not take a second for a hostile text."""
    hostile = ["1 " * 10_000, "a@" * 10_000, "Aa " * 7_000, "12 a " * 4_000, "A. " * 7_000, "(" * 20_000, "9" * 20_000]
    for text in hostile:
        assert len(privacy.mask(text, is_prose=False)) <= 4 * len(text)
