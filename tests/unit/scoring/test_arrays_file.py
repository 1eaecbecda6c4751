"""Arrays kept in a file: read as they were written, and nothing of a file that is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from python_nodes.scoring import arrays_file


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "arrays"
    arrays_file.write(path, {"version": 1}, {"values": np.arange(12.0).reshape(3, 4)})
    return path


def test_what_was_written_is_read(kept: Path) -> None:
    found = arrays_file.read(kept)
    assert found is not None
    assert found[0] == {"version": 1}
    assert found[1]["values"].tolist() == np.arange(12.0).reshape(3, 4).tolist()


@pytest.mark.parametrize("length", [2**20, 2**46, 2**63 - 1, 2**64 - 1])
def test_a_header_that_says_it_is_longer_than_the_file_is_no_file_of_ours(kept: Path, length: int) -> None:
    content = kept.read_bytes()
    kept.write_bytes(content[:8] + length.to_bytes(8, "little") + content[16:])
    assert arrays_file.read(kept) is None


@pytest.mark.parametrize(
    ("was", "told"),
    [
        (b'"arrays"', b'"1.5555"'),
        (b'"told"', b'"tale"'),
        (b'"<f8"', b'"<q8"'),
        (b"[3, 4]", b"[-3,4]"),
        (b"[3, 4]", b'["3x"]'),
        (b"{", b"["),
    ],
)
def test_a_header_that_does_not_hold_together_is_no_file_of_ours(kept: Path, was: bytes, told: bytes) -> None:
    content = kept.read_bytes()
    assert was in content
    kept.write_bytes(content.replace(was, told, 1))
    assert arrays_file.read(kept) is None
