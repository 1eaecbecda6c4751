"""What a run found, as JSON for programs and as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

INCIDENT_FIELDS = (
    "id", "kind", "scope", "is_control", "is_direct", "listing", "channel", "unit", "property", "market", "listings",
    "start", "end", "true_loss_minor", "spill_minor", "oracle_day", "leaves_trace",
)  # fmt: skip
ALERT_FIELDS = (
    "id", "scope", "kind", "listing", "channel", "unit", "property", "market", "metric", "raised_at", "resolved_at",
    "category", "cause", "confidence", "impact_minor", "lost_so_far_minor",
)  # fmt: skip
DELIVERY_FIELDS = ("slack", "email", "sms", "suppressed")
SECONDS_FIELDS = ("install", "start", "backfill", "first_alert", "total")
CATEGORY_STYLE = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}
MINOR_PER_MAJOR = 100


def build(
    *,
    n8n_version: str,
    workflows_published: int,
    executions: Mapping[str, int],
    steps_failed: int,
    truth: Mapping[str, Any],
    alerts: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    seconds: Mapping[str, float],
    store: str,
) -> dict[str, Any]:
    """The document that `--json` writes."""
    return {
        "n8n_version": n8n_version,
        "workflows_published": workflows_published,
        "executions": {name: executions[name] for name in ("success", "error")},
        "steps_failed": steps_failed,
        "points_stored": summary["points_stored"],
        "series": summary["series"],
        "incidents": [{name: item[name] for name in INCIDENT_FIELDS} for item in truth["incidents"]],
        "alerts": [{name: alert[name] for name in ALERT_FIELDS} for alert in alerts],
        "deliveries": {name: summary["deliveries"].get(name, 0) for name in DELIVERY_FIELDS},
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "store": store,
        "currency": truth["currency"],
    }


def alerts_table(alerts: Sequence[Mapping[str, Any]], currency: str) -> Table:
    """The alerts of a run, costliest first."""
    table = Table(title="Alerts", title_justify="left")
    for heading in ("raised", "category", "where", "metric", "cause"):
        table.add_column(heading)
    table.add_column(f"impact, {currency}", justify="right")
    table.add_column(f"lost so far, {currency}", justify="right")
    table.add_column("resolved")
    for alert in sorted(alerts, key=lambda item: -int(item["impact_minor"])):
        table.add_row(
            str(alert["raised_at"])[:10],
            f"[{CATEGORY_STYLE.get(alert['category'], '')}]{alert['category']}[/]",
            str(alert["listing"] or alert["unit"] or alert["property"] or alert["market"]),
            str(alert["metric"]),
            str(alert["cause"]),
            major(int(alert["impact_minor"])),
            major(int(alert["lost_so_far_minor"])),
            str(alert["resolved_at"] or "")[:10],
        )
    return table


def major(minor: int) -> str:
    """Whole units of a currency that has a hundred minor units, for people."""
    return f"{minor / MINOR_PER_MAJOR:,.0f}"
