"""What the text of a query goes through: its header is taken off, and what many queries share is put in."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from python_nodes.domain.money import currency_digits, known_currencies
from python_nodes.errors import ConfigError, RejectedRecord

_HEADER = re.compile(r"^(?:--|#) ([a-z]+): (.+)$")
_MORE = re.compile(r"^(?:--|#)   (\S.*)$")
_SHARED = re.compile(r"\{\{([a-z_]+)(?: ([\w.]+))?\}\}")
_USUAL_DIGITS = 2


def headed(text: str, file: str) -> tuple[dict[str, str], str]:
    """Part a file into its header and its query; a header's line that is indented goes on with the one before."""
    header: dict[str, str] = {}
    last, lines = "", text.splitlines()
    for row, line in enumerate(lines):
        if found := _HEADER.match(line):
            last = found[1]
            header[last] = found[2].strip()
        elif (more := _MORE.match(line)) and last:
            header[last] += " " + more[1].strip()
        else:
            return header, "\n".join(lines[row:]).strip()
    raise ConfigError(f"{file}: asks nothing after its header")


def expanded(query: str, shared: Path, **names: str) -> str:
    """Put in what stands in double braces: a shared piece, a name, or `scale COLUMN`, the minor units in one unit."""

    def put(found: re.Match[str]) -> str:
        what, column = found[1], found[2]
        if what == "scale":
            return _scale(column)
        if what in names:
            return names[what]
        file = shared / f"{what}.sql"
        if not file.exists():
            raise ConfigError(f"{{{{{what}}}}}: there is no such piece")
        return expanded(file.read_text(encoding="utf-8").strip(), shared, **names)

    return _SHARED.sub(put, query)


def _scale(column: str) -> str:
    cases = " ".join(f"WHEN {column} IN ({names}) THEN {10**digits}.0" for digits, names in sorted(_unusual().items()))
    return f"(CASE {cases} ELSE {10**_USUAL_DIGITS}.0 END)::float8"


@cache
def _unusual() -> dict[int, str]:
    """Currencies by their digits, as SQL lists them, but for the many that have two."""
    found: dict[int, list[str]] = {}
    for code in sorted(known_currencies()):
        try:
            digits = currency_digits(code)
        except RejectedRecord:
            continue
        if digits != _USUAL_DIGITS and len(code) == 3:
            found.setdefault(digits, []).append(f"'{code}'")
    return {digits: ", ".join(codes) for digits, codes in found.items()}
