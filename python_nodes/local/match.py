"""Compares the alerts of a run's report with what really happened in the sandbox."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from python_nodes.errors import ConfigError

GRACE_DAYS = 3
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KindScore:
    """How the incidents of one kind were found; ``median_delay_days`` is None where none was."""

    kind: str
    incidents: int
    found: int
    median_delay_days: float | None

    @property
    def recall(self) -> float | None:
        """Share found."""
        return self.found / self.incidents if self.incidents else None


@dataclass(frozen=True, slots=True)
class Score:
    """All of it; ``precision`` is the share of alerts that match an incident which is no control."""

    kinds: tuple[KindScore, ...]
    total: KindScore
    alerts: int
    true_alerts: int
    false_alert_ids: tuple[Any, ...]
    missed_incident_ids: tuple[Any, ...]

    @property
    def precision(self) -> float | None:
        """Share of alerts that are true."""
        return self.true_alerts / self.alerts if self.alerts else None

    def as_json(self) -> dict[str, Any]:
        """For `match --json`."""
        return {
            "recall": self.total.recall,
            "precision": self.precision,
            "alerts": self.alerts,
            "true_alerts": self.true_alerts,
            "false_alerts": list(self.false_alert_ids),
            "missed": list(self.missed_incident_ids),
            "kinds": [
                {
                    "kind": item.kind, "incidents": item.incidents, "found": item.found, "recall": item.recall,
                    "median_delay_days": item.median_delay_days,
                }
                for item in self.kinds
            ],
        }  # fmt: skip


def read(file: Path) -> dict[str, Any]:
    """The report of a run; refused by the name of what is missing."""
    try:
        report = json.loads(file.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from error
    for name in ("incidents", "alerts"):
        if not isinstance(report, dict) or not isinstance(report.get(name), list):
            raise ConfigError(f"{file}: {name} is missing or no list; it should come from `nightporter up --json`")
    return dict(report)


def score(incidents: Sequence[Record], alerts: Sequence[Record]) -> Score:
    """Recall, precision and delay: controls are in no recall, and an alert on one is false."""
    real = [incident for incident in incidents if not incident["is_control"]]
    delays = {incident["id"]: _delay_days(incident, alerts) for incident in real}
    false_ids = tuple(alert["id"] for alert in alerts if not any(matches(alert, item) for item in real))
    kinds = sorted({incident["kind"] for incident in real})
    return Score(
        kinds=tuple(_kind_score(kind, [item for item in real if item["kind"] == kind], delays) for kind in kinds),
        total=_kind_score("all", real, delays),
        alerts=len(alerts),
        true_alerts=len(alerts) - len(false_ids),
        false_alert_ids=false_ids,
        missed_incident_ids=tuple(name for name, delay in delays.items() if delay is None),
    )


def matches(alert: Record, incident: Record) -> bool:
    """Whether an alert is about an incident: the same place, and raised from its start to three days after its end."""
    start, end = date.fromisoformat(incident["start"]), date.fromisoformat(incident["end"])
    return start <= _raised_date(alert) <= end + timedelta(days=GRACE_DAYS) and _same_place(alert, incident)


def _same_place(alert: Record, incident: Record) -> bool:
    if incident["scope"] == "market":
        return alert["scope"] == "market" and bool(alert["market"] == incident["market"])
    if alert["listing"] is not None:
        return bool(alert["listing"] in incident.get("listings", [incident["listing"]]))
    if alert["scope"] == "unit" and alert.get("unit") and incident.get("unit"):
        return bool(alert["unit"] == incident["unit"])
    return alert["scope"] in ("unit", "property") and bool(alert["property"] == incident["property"])


def _raised_date(alert: Record) -> date:
    return datetime.fromisoformat(alert["raised_at"]).date()


def _delay_days(incident: Record, alerts: Sequence[Record]) -> int | None:
    raised = [_raised_date(alert) for alert in alerts if matches(alert, incident)]
    return (min(raised) - date.fromisoformat(incident["start"])).days if raised else None


def _kind_score(kind: str, incidents: Sequence[Record], delays: Mapping[Any, int | None]) -> KindScore:
    found = [delay for item in incidents if (delay := delays[item["id"]]) is not None]
    return KindScore(kind, len(incidents), len(found), statistics.median(found) if found else None)


def table(result: Score) -> Table:
    """For people."""
    shown = Table(title="Incidents and alerts", title_justify="left")
    shown.add_column("kind")
    for heading in ("incidents", "found", "recall", "median delay, days"):
        shown.add_column(heading, justify="right")
    for item in (*result.kinds, result.total):
        delay = "-" if item.median_delay_days is None else f"{item.median_delay_days:g}"
        shown.add_row(item.kind, str(item.incidents), str(item.found), _percent(item.recall), delay)
    caption = f"precision {_percent(result.precision)} ({result.true_alerts} of {result.alerts} alerts)"
    if result.missed_incident_ids:
        caption += f"; missed: {', '.join(str(item) for item in result.missed_incident_ids)}"
    if result.false_alert_ids:
        caption += f"; false alerts: {', '.join(str(item) for item in result.false_alert_ids)}"
    shown.caption, shown.caption_justify = caption, "left"
    return shown


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
