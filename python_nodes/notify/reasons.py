"""The likeliest causes of an alert, as the root cause's evidence ranks them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from python_nodes.domain import written
from python_nodes.domain.findings import Alert
from python_nodes.domain.said import SAID, anew, say
from python_nodes.notify import words
from python_nodes.notify.base import Field
from python_nodes.notify.stored import heard

CAUSES = "causes"
"""In an alert's evidence: the ranked causes, each with ``cause``, ``probability``, ``evidence`` and ``action``."""
MAX_CAUSES, MAX_SENTENCES = 3, 3


def ranked(alert: Alert) -> list[Mapping[str, Any]]:
    """Return the first few that are whole; a cause without a probability is none that could be ranked."""
    told = alert.evidence.get(CAUSES)
    return [
        one
        for one in (told if isinstance(told, list | tuple) else ())
        if isinstance(one, Mapping) and one.get("cause") and isinstance(one.get("probability"), int | float)
    ][:MAX_CAUSES]


def fields(alert: Alert) -> list[Field]:
    """Say each with how likely it is and what speaks for it."""
    return [
        Field(label=say("Cause {place}, {likely} likely", place=place, likely=_percent(one)), value=_told(one))
        for place, one in enumerate(ranked(alert), 1)
    ]


def _percent(one: Mapping[str, Any]) -> str:
    # Nearly sure must not read as sure.
    return written.share(min(max(float(one["probability"]), 0.01), 0.99), 0)


def action(alert: Alert) -> str | None:
    """Return what to do about the likeliest cause, None where it is not known."""
    first = next(iter(ranked(alert)), None)
    if first is None or first["cause"] == "unknown" or not first.get("action"):
        return None
    return heard(str(first["action"]))


def _told(one: Mapping[str, Any]) -> str:
    likely = one.get("likely")
    named = heard(str(likely)) if likely else words.cause(str(one["cause"]))
    told = list(one.get("evidence") or ())[:MAX_SENTENCES]
    kept = list(one.get(SAID) or ())[: len(told)]
    speaks = [anew(said, heard(str(sentence))).rstrip(".") for sentence, said in zip_longest(told, kept)]
    return say("{cause}: {evidence}", cause=named, evidence="; ".join(speaks)) if speaks else named
