"""Every reader of what others wrote: generated documents and bombs end in named errors, and quickly."""

from __future__ import annotations

import pytest

from fuzz import parsers, reading
from fuzz.parsers import Parser

EXAMPLES, SEED = 25, 20261122


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("parser", parsers.every(), ids=lambda one: one.name)
def test_only_named_errors_come_out_of(parser: Parser) -> None:
    fed = reading.feed(parser, EXAMPLES, SEED)
    assert fed.faults == ()
    assert fed.documents > EXAMPLES


def test_a_reader_that_fails_on_what_it_is_fed_is_found() -> None:
    def read(raw: bytes) -> int:
        return int(raw.split()[0])

    fed = reading.feed(Parser(name="naive", seeds=(b"12 EUR",), read=read), 100, SEED)
    (first, *_) = fed.faults
    assert "ValueError" in first.what or "IndexError" in first.what


def test_a_reader_that_takes_too_long_is_found() -> None:
    def slow(raw: bytes) -> int:
        return sum(range(3_000_000)) if raw.startswith(b"[[[") else 0

    fed = reading.feed(Parser(name="slow", seeds=(b"x",), read=slow), 5, SEED, slowest_s=0.01)
    assert any("CPU s" in fault.what for fault in fed.faults)
