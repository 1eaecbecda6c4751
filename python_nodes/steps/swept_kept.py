"""What was last found of a part, kept beside the raw archive with a mark of all that was looked at.

Most of what arrives between two sweeps (a status, a calendar, a price) changes nothing that the watches look at: then
what was found holds, and need not be worked out again. The files may be deleted at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from python_nodes import log
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import arrays_file
from python_nodes.steps.services import Services


def keep(services: Services, tenant_id: int, part: Sequence[ListingInfo], mark: str, found: str) -> None:
    """Put it in the place of what was kept of the part before; what cannot be kept is worked out when it is needed."""
    path = _path(services, tenant_id, part)
    try:
        arrays_file.write(path, {"mark": mark, "found": found}, {})
    except OSError as error:
        hint = f"make room at {path.parent} or let the worker write there; until then an observation takes longer"
        log.get("swept_kept").warning("not_kept", tenant_id=tenant_id, reason=error.strerror, hint=hint)


def read(services: Services, tenant_id: int, part: Sequence[ListingInfo], mark: str) -> str | None:
    """Return what was found by the very same; empty where it was met, but not judged as a whole, None where neither."""
    kept = arrays_file.read(_path(services, tenant_id, part))
    return str(kept[0]["found"]) if kept is not None and kept[0].get("mark") == mark else None


def _path(services: Services, tenant_id: int, part: Sequence[ListingInfo]) -> Path:
    # Parts never share a listing.
    first = min(one.listing_id for one in part)
    return services.archive.root / "swept" / str(tenant_id) / f"{first}.found"
