"""CSV from columns of text: a line is joined in one go, and quoted only where something in it must be."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence


def csv_text(names: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    """Header and rows as ``csv.writer`` writes them, lines ended by a line feed."""
    lines = [",".join(names), *map(",".join, zip(*columns, strict=True))]
    text = "\n".join([*lines, ""])
    is_plain = text.count(",") == (len(names) - 1) * len(lines) and text.count("\n") == len(lines)
    if is_plain and '"' not in text and "\r" not in text and len(names) > 1:
        return text
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()
