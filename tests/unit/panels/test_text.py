"""A query's header, its shared pieces, and the minor units of each currency."""

from __future__ import annotations

from pathlib import Path

import pytest

from python_nodes.errors import ConfigError
from python_nodes.panels.text import expanded, headed


def test_a_header_is_taken_off_and_goes_on_where_it_is_indented() -> None:
    header, query = headed("-- title: A\n-- description: one\n--   two.\nSELECT 1\n-- a comment\n", "f.sql")
    assert header == {"title": "A", "description": "one two."}
    assert query == "SELECT 1\n-- a comment"


def test_a_file_without_a_query_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"f\.sql: asks nothing"):
        headed("-- title: A\n", "f.sql")


def test_pieces_are_put_in_and_may_hold_pieces(tmp_path: Path) -> None:
    (tmp_path / "inner.sql").write_text("42\n")
    (tmp_path / "outer.sql").write_text("({{inner}} + {{metric}})")
    assert expanded("SELECT {{outer}}", tmp_path, metric="adr") == "SELECT (42 + adr)"
    with pytest.raises(ConfigError, match="there is no such piece"):
        expanded("{{lost}}", tmp_path)


def test_a_scale_knows_currencies_without_and_with_three_digits(tmp_path: Path) -> None:
    told = expanded("{{scale a.currency}}", tmp_path)
    none, three = told.split("THEN 1.0")[0], told.split("THEN 1.0")[1].split("THEN 1000.0")[0]
    assert "'JPY'" in none
    assert "'EUR'" not in told
    assert "'KWD'" in three
    assert told.endswith("ELSE 100.0 END)::float8")
