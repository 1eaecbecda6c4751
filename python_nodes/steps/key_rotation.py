"""Replace the key that secrets rest under while everything runs: encrypt again, batch by batch, and tell what is left.

Each batch is a transaction of its own and what is done is told by the ciphertext itself: whoever starts again, after
a crash or for certainty, goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from python_nodes import log
from python_nodes.domain.sealing import Sealer, name_of, sealer
from python_nodes.steps.services import Services
from python_nodes.store import sealed
from python_nodes.store.sealed import Kept, Place
from python_nodes.vendors import kept_tokens

BATCH = 500
TOKENS = "valkey tokens"
Progress = Callable[[str, int, int], None]
"""Told of a place, of how many are done there and of how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is at one place: how many by key, those under none of them, and how many were encrypted again."""

    place: str
    by_key: tuple[int, ...]
    unknown: tuple[str, ...] = ()
    changed: int = 0


@dataclass(slots=True)
class _Tally:
    by_key: list[int]
    unknown: list[str] = field(default_factory=list)
    changed: int = 0

    def add(self, under: int | None, name: str) -> None:
        if under is None:
            self.unknown.append(name)
        else:
            self.by_key[under] += 1

    def found(self, place: str) -> Found:
        return Found(place=place, by_key=tuple(self.by_key), unknown=tuple(self.unknown), changed=self.changed)


def key_names(services: Services) -> list[str]:
    """Return what each key is called, the one in use first."""
    return [name_of(key) for key in sealer(services.fernet_key).keys]


def check(services: Services, tenant_ids: Sequence[int], progress: Progress) -> list[Found]:
    """Tell what each secret is under; changes nothing."""
    keys = sealer(services.fernet_key)
    with log.stage("keys_check", tenants=len(tenant_ids)):
        found = [_over(services, tenant_ids, place, keys, progress, is_rotation=False) for place in sealed.places()]
        return [*found, _tokens(services, keys, 0)]


def rotate(services: Services, tenant_ids: Sequence[int], progress: Progress) -> list[Found]:
    """Encrypt again under the first key whatever is under another one."""
    keys = sealer(services.fernet_key)
    with log.stage("keys_rotate", tenants=len(tenant_ids)) as facts:
        found = [_over(services, tenant_ids, place, keys, progress, is_rotation=True) for place in sealed.places()]
        found.append(_tokens(services, keys, kept_tokens.reseal(services.redis_url, keys)))
        facts["changed"] = sum(one.changed for one in found)
        return found


def _over(
    services: Services, tenant_ids: Sequence[int], place: Place, keys: Sealer, progress: Progress, *, is_rotation: bool
) -> Found:
    """Go over all of one place, tenant by tenant."""
    tally, total, done = _Tally([0] * len(keys.keys)), 0, 0
    for tenant_id in tenant_ids:
        with services.database.tenant(tenant_id) as conn:
            total += sealed.count(conn, place)
    for tenant_id in tenant_ids:
        after = None
        while True:
            with services.database.tenant(tenant_id) as conn:
                kept = sealed.page(conn, place, after, BATCH, hold=is_rotation)
                changed = _changed(kept, place, tenant_id, keys, tally) if is_rotation else []
                sealed.write(conn, place, changed)
            if not is_rotation:
                for one in kept:
                    tally.add(keys.under(one.content), _name(place, tenant_id, one))
            done += len(kept)
            progress(str(place), done, max(total, done))
            if len(kept) < BATCH:
                break
            after = kept[-1].row
    return tally.found(str(place))


def _changed(kept: Sequence[Kept], place: Place, tenant_id: int, keys: Sealer, tally: _Tally) -> list[Kept]:
    """Return what must be written; what no key opens is named and left, so that the rest goes on."""
    changed = []
    for one in kept:
        name = _name(place, tenant_id, one)
        if keys.under(one.content) is None:
            tally.add(None, name)
            continue
        tally.add(0, name)
        again = keys.resealed(one.content, name)
        if again is not None:
            changed.append(Kept(one.row, again))
    tally.changed += len(changed)
    return changed


def _name(place: Place, tenant_id: int, one: Kept) -> str:
    return f"{place} {'/'.join(str(part) for part in one.row)} of tenant {tenant_id}"


def _tokens(services: Services, keys: Sealer, changed: int) -> Found:
    by_key = kept_tokens.under(services.redis_url, keys)
    # A token under no key is fetched anew when it is next needed: nothing is lost with it.
    return Found(place=TOKENS, by_key=tuple(by_key[number] for number in range(len(keys.keys))), changed=changed)
