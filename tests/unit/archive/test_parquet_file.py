"""A file of old rows gives back what PostgreSQL wrote, and nothing else passes for it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_nodes.archive import parquet_file
from python_nodes.errors import PermanentError

KINDS = {"number": "int", "share": "float", "words": "text", "day": "date", "moment": "moment", "said": "bool"}
TABLE = (
    "number,share,words,day,moment,said\n"
    '1,0.30000000000000004,"",2026-03-02,2026-03-02 12:00:00.123456+00,t\n'
    ",,,,,\n"
    '-9223372036854775807,NaN,"a ""quoted"",\nline",0001-01-01,2026-03-02 12:00:00+00,f\n'
)


def test_values_come_back_and_nothing_is_not_the_empty_text(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(TABLE)
    written = parquet_file.write(tmp_path / "a.parquet", tmp_path / "in.csv", KINDS, {"entity": "x"})
    assert written.rows == parquet_file.read(tmp_path / "a.parquet", tmp_path / "out.csv") == 3
    assert (tmp_path / "out.csv").read_text() == (
        '"number","share","words","day","moment","said"\n'
        '1,0.30000000000000004,"",2026-03-02,2026-03-02 12:00:00.123456Z,true\n'
        ",,,,,\n"
        '-9223372036854775807,nan,"a ""quoted"",\nline",0001-01-01,2026-03-02 12:00:00.000000Z,false\n'
    )
    assert parquet_file.fault(tmp_path / "a.parquet", written) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "in.csv", "out.csv"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(
    st.floats(allow_nan=False, width=64),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r")),
), min_size=1, max_size=20))  # fmt: skip
def test_any_text_and_any_number_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    with (folder / "in.csv").open("w", newline="", encoding="utf-8") as stream:
        stream.write("share,words\n")
        for share, words in rows:
            stream.write(f'{share!r},"' + words.replace('"', '""') + '"\n')
    parquet_file.write(folder / "a.parquet", folder / "in.csv", {"share": "float", "words": "text"}, {})
    parquet_file.read(folder / "a.parquet", folder / "out.csv")
    with (folder / "out.csv").open(newline="", encoding="utf-8") as stream:
        told = list(csv.reader(stream))[1:]
    assert [(float(share), words) for share, words in told] == rows


def test_a_file_that_is_not_written_whole_gets_no_name(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(TABLE.replace("0.30000000000000004", "much"))
    with pytest.raises(Exception, match="much"):
        parquet_file.write(tmp_path / "a.parquet", tmp_path / "in.csv", KINDS, {})
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("PAR1 no more than that PAR1")
    with pytest.raises(PermanentError, match=r"a\.parquet cannot be read"):
        parquet_file.read(tmp_path / "a.parquet", tmp_path / "out.csv")
