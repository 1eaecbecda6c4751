"""Hold a server against a plan, and make it so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

from python_nodes.store.influx_setup import version_1, version_2
from python_nodes.store.influx_setup.plan import Gap, Plan, Wishes
from python_nodes.store.metrics.influx_http import InfluxHttp

MOST_SKEW_S = 60.0
"""How far clocks may lie apart: retention and the last hour's readings go by the server's."""


def gaps(http: InfluxHttp, plan: Plan, wishes: Wishes) -> Iterator[Gap]:
    """Give what is not as planned; whoever mends a gap does so before asking for the next."""
    with http.recovering():
        version = str(http.client.version()).lstrip("v")
    found = (version_2 if version.startswith("2.") else version_1).gaps(http, plan, wishes)
    while True:
        with http.recovering():
            gap = next(found, None)
        if gap is None:
            return
        yield gap


def apply(http: InfluxHttp, plan: Plan, wishes: Wishes) -> tuple[list[str], list[str]]:
    """Mend what can be mended; return what was, and what was left for somebody to decide."""
    done, left = [], []
    for gap in gaps(http, plan, wishes):
        if gap.mend is None:
            left.append(gap.words)
            continue
        with http.recovering():
            gap.mend()
        done.append(gap.words)
    return done, left


def skew_s(http: InfluxHttp, now: datetime) -> float:
    """Return how many seconds the server's clock is ahead of ``now``; it tells whole ones."""
    with http.recovering():
        headers = http.client.api_client.call_api("/ping", "GET", _return_http_data_only=False)[2]
    return (parsedate_to_datetime(headers["Date"]) - now).total_seconds()
