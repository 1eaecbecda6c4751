"""Mute: findings that the operator does not want to hear of for now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from python_nodes.alerts.decisions import Candidate, Reason, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """One silence: None matches every listing or kind; it holds from ``start_at`` until before ``end_at``."""

    listing_id: int | None
    kind: str | None
    start_at: datetime
    end_at: datetime
    reason: str


def matches(mute: Mute, candidate: Candidate, as_of: datetime) -> bool:
    """Tell whether the silence covers the candidate now."""
    return (
        mute.start_at <= as_of < mute.end_at
        and mute.kind in (None, candidate.kind)
        and (mute.listing_id is None or mute.listing_id == candidate.listings[0].listing_id)
    )


def apply(
    candidates: Sequence[Candidate], mutes: Sequence[Mute], as_of: datetime
) -> tuple[list[Candidate], list[Candidate], list[Reason]]:
    """Split candidates into heard and muted; the policy is empty unless the operator sets one."""
    heard: list[Candidate] = []
    muted: list[Candidate] = []
    reasons: list[Reason] = []
    for candidate in candidates:
        silence = next((mute for mute in mutes if matches(mute, candidate, as_of)), None)
        if silence is None:
            heard.append(candidate)
            continue
        muted.append(candidate)
        why = f"muted until {silence.end_at:%Y-%m-%d %H:%M %Z}: {silence.reason}"
        reasons.append(about(candidate, stage="mute", decision="held", why=why))
    return heard, muted, reasons
