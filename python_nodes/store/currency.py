"""Currency codes on their way out of the database in columns of fixed width: three letters as one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def number_sql(column: str) -> str:
    """The SQL expression that turns a code into its number."""
    letters = (f"ascii(substr({column}, {at + 1}, 1)) * {256 ** (2 - at)}" for at in range(3))
    return f"({' + '.join(letters)})::bigint"


def codes(numbers: NDArray[Any]) -> NDArray[np.str_]:
    """The codes of numbers that ``number_sql`` made."""
    known, which = np.unique(numbers, return_inverse=True)
    names = [int(one).to_bytes(3, "big").decode("ascii") for one in known]
    return np.array(names, dtype="U3")[which] if names else np.empty(0, dtype="U3")
