"""Every test that docs/security.md names as proof exists, so that no promise stands on one that was renamed away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", DOCUMENT)))
TARGETS = sorted(set(re.findall(r"`make ([a-z-]+)`", DOCUMENT)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda one: one.rpartition("/")[2])
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file()
    assert re.search(rf"^def {name}\(" if name else r"^def test_\w+\(", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_is_named_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_threat_is_told_whole() -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| ") and not line.startswith("| threat")]
    assert len(rows) > 50
    for row in rows:
        threat, promise, shown, left = (cell.strip() for cell in re.split(r"(?<!\\) \| ", row.strip("| ")))
        assert all((threat, promise, left)), row
        assert re.search(r"`(tests/|make |requirements/)", shown), f"nothing shows: {threat}"


def test_no_test_is_named_that_is_not_looked_for() -> None:
    """A name in another form would not be checked."""
    loose = re.findall(r"`([^`]*test_\w+[^`]*)`", DOCUMENT)
    assert [one for one in loose if not re.fullmatch(r"tests/[\w/]+\.py(::test_\w+)?", one)] == []
