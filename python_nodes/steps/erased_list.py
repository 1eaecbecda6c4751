"""Who was erased, beside the database: a backup that is older than an erasure must not bring anybody back.

A line holds no name and no number, only what a guest's reservation comes to under the tenant's key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from python_nodes.store.tenant_keys import TenantKeys


def add(root: Path, tenant_id: int, keys: TenantKeys, guests: Sequence[tuple[str, str]], at: datetime) -> int:
    """Write down those who are not there yet, durably; how many."""
    known, path = read(root, tenant_id), _path(root, tenant_id)
    news = [one for one in dict.fromkeys(name(keys, *guest) for guest in guests) if one not in known]
    if news:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{json.dumps({'guest': one, 'at': at.isoformat()})}\n" for one in news)
            stream.flush()
            os.fsync(stream.fileno())
    return len(news)


def read(root: Path, tenant_id: int) -> frozenset[str]:
    """Return all of them; a line that was cut off is none."""
    try:
        lines = _path(root, tenant_id).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return frozenset()
    return frozenset(json.loads(line)["guest"] for line in lines if line.endswith("}"))


def name(keys: TenantKeys, source: str, external_id: str) -> str:
    """What stands for a guest there."""
    return keys.reference("guest", f"{source}|{external_id}").hex()


def _path(root: Path, tenant_id: int) -> Path:
    return root / f"{tenant_id}.jsonl"
