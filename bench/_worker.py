"""What a worker process does, stage by stage; a process of its own, so that its peak memory is nobody else's.

``python -m bench._worker backfill|cycle|sweep``, one JSON order on standard input, one JSON answer on standard output.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from python_nodes import config, wiring
from python_nodes.steps import alerts_raise, backfill, connection_admin, guards_check, metrics_score, poll
from python_nodes.steps import portfolio_import as portfolio_step
from python_nodes.steps.services import Services
from python_nodes.store import jobs as job_store

POLLED = ("reservations", "ari", "health", "performance")


def _backfill(services: Services, tenant_id: int, order: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    told = json.loads(Path(order["portfolio"]).read_text(encoding="utf-8"))
    wanted = connection_admin.NewConnection(
        vendor="booking_com", name="bench", base_url=order["base_url"],
        settings={"rate_limits": {"*": "1000/second"}},
        credentials={"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
    )  # fmt: skip
    portfolio_step.run(services, tenant_id, told)
    connection_id = connection_admin.add(services, tenant_id, wanted)
    with services.database.tenant(tenant_id) as conn:
        job_store.create(conn, "bench", "backfill", 1, at=datetime.now(UTC))
    request = backfill.Request(
        connection_id=connection_id,
        start=date.fromisoformat(order["start"]),
        end=date.fromisoformat(order["end"]),
        as_of=datetime.fromisoformat(order["as_of"]),
    )
    return {"backfill": lambda: backfill.run(services, tenant_id, "bench", request)}


def _cycle(services: Services, tenant_id: int, order: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    as_of = datetime.fromisoformat(order["as_of"])

    def polling(operation: str) -> Callable[[], Any]:
        return lambda: poll.as_json(poll.run(services, tenant_id, order["connection_id"], operation, as_of))

    return {
        **{f"poll {name}": polling(name) for name in POLLED},
        "guards": lambda: guards_check.run(services, tenant_id, as_of),
        "score": lambda: metrics_score.run(services, tenant_id, as_of),
        "raise": lambda: alerts_raise.run(services, tenant_id, as_of),
    }


def _sweep(services: Services, tenant_id: int, order: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    as_of = datetime.fromisoformat(order["as_of"])
    return {"sweep": lambda: metrics_score.run(services, tenant_id, as_of)}


def main(what: str) -> None:
    """Run the stages and tell seconds, results and the peak of resident memory."""
    order = json.load(sys.stdin)
    settings = config.settings()
    services = wiring.build_services(settings)
    stages = {"backfill": _backfill, "cycle": _cycle, "sweep": _sweep}[what](services, settings.tenant_id, order)
    taken: dict[str, float] = {}
    results: dict[str, Any] = {}
    for name, work in stages.items():
        began = time.perf_counter()
        results[name] = work()
        taken[name] = time.perf_counter() - began
    services.database.dispose()
    # ru_maxrss is in kilobytes on Linux.
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": taken, "results": results, "peak_mb": peak_mb}))


if __name__ == "__main__":
    main(sys.argv[1])
