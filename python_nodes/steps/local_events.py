"""What is on near listings: an iCal file a market, in a folder that the operator keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray
from python_nodes.scoring import event_days


def of_market(folder: Path | None, market: str, days: DayArray) -> BoolArray | None:
    """Return on which days something is on, by ``<market>.ics`` in the folder; None where there is no such file."""
    if folder is None:
        return None
    # A market's name is data: it must not lead out of the folder.
    path = folder / f"{Path(market).name}.ics"
    if not path.is_file():
        return None
    found = event_days.of_calendar(path.read_bytes(), days[0].item(), days[-1].item())
    return np.isin(days, np.array(sorted(found), dtype="datetime64[D]"))
