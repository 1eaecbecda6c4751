"""What was last found of a part, kept beside the raw archive with the marks of all that was looked at.

Most of what arrives between two sweeps (a status, a calendar, a price) changes nothing that the watches look at: then
what was found holds, and need not be worked out again; where it changes what some of them look at, it holds of the
others. The files may be deleted at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from python_nodes import log
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import arrays_file
from python_nodes.steps.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was ``found`` of a whole part by what bears these ``marks``; nothing was without any.

    ``met`` are the marks that were met last: of what was judged then, only what was observed was looked at.
    """

    marks: Mapping[str, str] = field(default_factory=dict)
    found: str = ""
    met: Mapping[str, str] = field(default_factory=dict)


def keep(services: Services, tenant_id: int, part: Sequence[ListingInfo], kept: Kept) -> None:
    """Put it in the place of what was kept of the part before; what cannot be kept is worked out when it is needed."""
    path = _path(services, tenant_id, part)
    try:
        arrays_file.write(path, asdict(kept), {})
    except OSError as error:
        hint = f"make room at {path.parent} or let the worker write there; until then an observation takes longer"
        log.get("swept_kept").warning("not_kept", tenant_id=tenant_id, reason=error.strerror, hint=hint)


def read(services: Services, tenant_id: int, part: Sequence[ListingInfo]) -> Kept:
    """Return what is kept of the part, nothing where nothing is."""
    told = arrays_file.read(_path(services, tenant_id, part))
    # A version before wrote one mark of all.
    return Kept(**told[0]) if told is not None and "marks" in told[0] else Kept()


def _path(services: Services, tenant_id: int, part: Sequence[ListingInfo]) -> Path:
    # Parts never share a listing.
    first = min(one.listing_id for one in part)
    return services.archive.root / "swept" / str(tenant_id) / f"{first}.found"
