"""How long data is kept, and where old data goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """``keep_days`` by entity; after that a whole month of it leaves the database.

    A guest's name and address are forgotten ``guest_days`` after the stay. A file of the archive is deleted
    ``archive_days`` after the month it holds; what was put back stays ``loaded_days`` before it may leave again.
    ``raw_days`` are of raw payloads, by what they hold: ``guests``, ``unparted`` or ``other``.
    """

    keep_days: Mapping[str, int]
    guest_days: int
    archive_days: int
    loaded_days: int
    raw_days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """Storage that speaks S3; without keys the environment's own (an instance's role, say) are used."""

    bucket: str
    prefix: str
    region: str
    endpoint: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeOfData:
    """Where old data goes: a folder here and, where there is a bucket, a copy there.

    ``keeps_local`` False: a file whose copy has arrived is deleted here. ``keeps_guests``: names and addresses
    of guests stand in the tables as they came. ``erased_root``: where who was erased is written down.
    """

    root: Path
    retention: Retention
    bucket: BucketAddress | None = None
    keeps_local: bool = True
    keeps_guests: bool = False
    erased_root: Path = Path("erased")
