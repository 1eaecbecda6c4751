"""A backtest as one page that needs nothing else: figures, pictures and tables."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from python_nodes.scoring.backtest_ranked import LIMITS

FIGURES = (
    "recall", "precision", "median_delay_days", "oracle_median_delay_days", "false_alerts_per_1000_listing_days",
    "alerts_a_week", "events_found", "alerts_true", "alerts_false", "false_alerts_asked", "alerts_unjudged", "vus_pr",
    "auc_pr",
)  # fmt: skip
"""What is said first of each side of a backtest on stored days."""
KIND_COLUMNS = (
    "kind", "events", "found", "median_delay_days", "oracle_median_days", "alerts", "true", "false", "asked",
)  # fmt: skip
SOURCES = {
    "file": "a file of labels, so an alert without a label is false",
    "verdicts": "what people said of past alerts; what nobody judged counts neither way",
    "alerts": "past alerts, as nobody has judged any: the figures say how far a replay agrees with what was raised",
    "nothing": "none: there is no label, no verdict and no past alert in these days",
}
WHERE = ("kind", "title", "channel")
WORDS = {
    "vus_pr": "VUS-PR", "auc_pr": "AUC-PR", "median_delay_s": "median delay, seconds",
    "median_delay_days": "median delay, days", "oracle_median_delay_days": "the oracle's, days",
    "oracle_median_days": "the oracle's, days",
    "false_alerts_per_1000_listing_days": "false alerts per 1,000 listing-days",
    "false_alerts_per_1000_days": "false alerts per 1,000 days",
}  # fmt: skip
"""Figures whose names are no words."""


CALIBRATION = "Of quiet days the share with a p-value as small"


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the page."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


def in_words(name: str) -> str:
    """Return a figure's name as people read it."""
    return WORDS.get(name) or name.replace("_", " ")


def number(value: Any) -> str:
    """Return a figure in few digits, a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("python_nodes.steps"), autoescape=select_autoescape(), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["number"] = number
    return made


def page(told: Mapping[str, Any], svg: bytes) -> str:
    """Write the page of a backtest on stored days."""
    sides = ["what runs now"] + (["other settings"] if told["other"] else [])
    shown = [told["now"]] + ([told["other"]] if told["other"] else [])
    about = (
        f"{told['from']} to {told['to']}, {told['listings']} listings, {told['labels']['events']} events that watches "
        f"can tell. Labels: {SOURCES[told['labels']['source']]}."
    )
    return _environment().get_template("backtest.html").render(
        title="Backtest", about=about, sides=sides, picture=_inline(svg),
        figures=[(in_words(name), [side[name] for side in shown]) for name in FIGURES],
        tables=[*_change_tables(told), *_tables(told["now"])],
    )  # fmt: skip


def file_page(told: Mapping[str, Any], svg: bytes) -> str:
    """Write the page of a labelled file."""
    figures = [(in_words(name), [told[name]]) for name in told if name not in ("calibration", "file")]
    rows = [[f"{asked:g}", reached] for asked, reached in told["calibration"]]
    return _environment().get_template("backtest.html").render(
        title=f"Backtest of {told['file']}", about="Each row judged as the detector would have judged it then.",
        sides=["value"], picture=_inline(svg), figures=figures,
        tables=[Table("Calibration", ("p asked", "share of unlabelled rows at or under it"), rows)],
    )  # fmt: skip


def _inline(svg: bytes) -> str:
    """Return a picture as an address that holds it, so that the page needs nothing else."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _tables(side: Mapping[str, Any]) -> list[Table]:
    kinds = [[one[column] for column in KIND_COLUMNS] for one in side["kinds"]]
    events = [
        [one["name"], *(one[column] for column in WHERE), one["start"], one["end"],
         "missed" if one["delay_days"] is None else one["delay_days"], one["oracle_days"]]
        for one in side["events"]
    ]  # fmt: skip
    alerts = [
        [*(one[column] for column in WHERE), one["raised"], one["ended"], one["verdict"]] for one in side["alerts"]
    ]  # fmt: skip
    named = [in_words(column) for column in KIND_COLUMNS]
    return [
        Table("By kind", named, kinds),
        Table(CALIBRATION, calibration_columns(), calibration_rows(side)),
        Table("Events", ("event", *WHERE, "start", "end", "told after days", "oracle after days"), events),
        Table("Alerts", (*WHERE, "raised", "ended", "verdict"), alerts),
    ]


def calibration_columns() -> list[str]:
    """Return the columns of the table of p-values."""
    return ["kind", "days", *(f"p ≤ {limit:g}" for limit in LIMITS)]


def calibration_rows(side: Mapping[str, Any]) -> list[list[Any]]:
    """Return of each kind how many quiet days there were, and what share of them had a p-value as small."""
    return [[one["kind"], one["points"], *(share for _, share in one["shares"])] for one in side["calibration"]]


def _change_tables(told: Mapping[str, Any]) -> list[Table]:
    """Return what other settings would change."""
    changes = told["changes"]
    if changes is None:
        return []
    counts = [[one["kind"], one["both"], one["lost"], one["gained"]] for one in changes["kinds"]]
    moved = [
        [name, *(one[column] for column in WHERE), one["raised"], one["ended"], one["verdict"]]
        for name in ("gained", "lost")
        for one in changes[name]
    ]
    later = [
        [*(one[column] for column in WHERE), one["raised"], one["raised_other"]]
        for one in changes["both"]
        if one["raised"] != one["raised_other"]
    ]
    return [
        Table("What would change, by kind", ("kind", "both", "lost", "gained"), counts),
        Table("Alerts gained and lost", ("change", *WHERE, "raised", "ended", "verdict"), moved),
        Table("Alerts told on another day", (*WHERE, "raised now", "raised by the other"), later),
    ]
