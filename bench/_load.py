"""Fifty mixed requests a second, by locust; run in the bench's own environment, and so on nothing of ours.

Who sends them: programs that follow alerts (lists, single ones, why), series and what is usual; people with the console
open, whose pages ask for a dozen cards each; people who acknowledge and judge, a quarter of all, far more than a team
does, since those write; n8n, which hands in reservations (two pages a second), a file and listings to look at (each
every four seconds); and who watches the worker itself. Every list is asked for whole, and no answer can be kept by
the caller.

``locust -f bench/_load.py``; BENCH_ORDER names a JSON file with the key, and the ids that are asked for.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, task

ORDER = json.loads(Path(os.environ["BENCH_ORDER"]).read_text(encoding="utf-8"))
RUN = ORDER["run"]
SAID = ("real", "false_alarm", "expected_event", "new_normal", "data_problem")
PORTFOLIO_CARDS, LISTING_CARDS = ORDER["portfolio_cards"], ORDER["listing_cards"]
_numbers: Iterator[int] = count()
_judged: Iterator[int] = iter(ORDER["to_judge"])
_pages: Iterator[str] = iter(ORDER["pages"])
random.seed(RUN)


class Person(FastHttpUser):
    """Asks for something once a second on average, whoever else does; what is asked for most weighs most.

    When is drawn, as callers who know nothing of one another come: by a clock of their own that all began together, all
    would ask in the same instant of each second. Who was answered late asks at once, so that the rate is kept.
    """

    def on_start(self) -> None:
        """Begin at a moment of one's own."""
        self.due_s = time.monotonic()
        gevent.sleep(self.wait_time())

    def wait_time(self) -> float:
        """Return the seconds until the next request is due."""
        self.due_s += random.expovariate(1.0)
        return max(0.0, self.due_s - time.monotonic())

    def _get(self, path: str, name: str) -> None:
        with self.client.get(path, name=f"GET {name}", headers=self._headers(), catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")

    def _post(self, path: str, name: str, body: dict[str, Any], status: int = 200) -> None:
        told = {**self._headers(), "Idempotency-Key": f"load-{RUN}-{next(_numbers)}"}
        with self.client.post(path, name=f"POST {name}", headers=told, json=body, catch_response=True) as answer:
            if answer.status_code != status:
                answer.failure(f"status {answer.status_code}: {answer.text[:200]}")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {ORDER['key']}"}

    @task(24)
    def alerts(self) -> None:
        self._get("/v1/alerts?state=open", "/v1/alerts")

    @task(28)
    def alert(self) -> None:
        self._get(f"/v1/alerts/{random.choice(ORDER['alerts'])}", "/v1/alerts/{id}")

    @task(8)
    def explain(self) -> None:
        self._get(f"/v1/alerts/{random.choice(ORDER['alerts'])}/explain", "/v1/alerts/{id}/explain")

    @task(8)
    def listings(self) -> None:
        self._get("/v1/portfolio", "/v1/portfolio")

    @task(32)
    def metrics(self) -> None:
        which = f"metrics=listing_views,search_impressions,booking_velocity&start={ORDER['start']}&end={ORDER['end']}"
        self._get(f"/v1/metrics/{random.choice(ORDER['listings'])}?{which}", "/v1/metrics/{id}")

    @task(16)
    def profiles(self) -> None:
        self._get(f"/v1/profiles?kind=peers&key={random.choice(ORDER['listings'])}", "/v1/profiles")

    @task(12)
    def portfolio_panel(self) -> None:
        self._get(f"/console/portfolio/{random.choice(PORTFOLIO_CARDS)}", "/console/portfolio/{card}")

    @task(16)
    def listing_panel(self) -> None:
        listing = random.choice(ORDER["listings"])
        self._get(f"/console/listing/{listing}/{random.choice(LISTING_CARDS)}", "/console/listing/{id}/{card}")

    @task(24)
    def verdict(self) -> None:
        said = {"kind": "verdict", "verdict": random.choice(SAID), "actor": "bench", "as_of": ORDER["as_of"]}
        self._post(f"/v1/alerts/{next(_judged)}/actions", "verdict", said)

    @task(20)
    def acknowledgement(self) -> None:
        # Taken in hand by one after the other, so that each is something new.
        said = {"kind": "acknowledge", "actor": f"person {next(_numbers)}", "as_of": ORDER["as_of"]}
        self._post(f"/v1/alerts/{random.choice(ORDER['to_acknowledge'])}/actions", "acknowledgement", said)

    # A tracker's export comes once a day; each here is scored at once, which Celery computes seconds of.
    @task(1)
    def imported(self) -> None:
        rows = [f"{ORDER['end']},{room},{random.randint(1, 99)},{random.randint(80, 300)}.50,EUR"
                for room in random.sample(ORDER["rooms"], 20)]  # fmt: skip
        body = "\n".join(["date,listing_id,search_rank,competitor_price,currency", *rows, ""]).encode()
        told = {**self._headers(), "Content-Type": "text/csv", "Idempotency-Key": f"load-{RUN}-{next(_numbers)}"}
        path = f"/v1/imports?source=ranks&file=ranks-{RUN}-{next(_numbers)}.csv&as_of={ORDER['as_of']}"
        with self.client.post(path, name="POST /v1/imports", headers=told, data=body, catch_response=True) as answer:
            if answer.status_code != 202:
                answer.failure(f"status {answer.status_code}: {answer.text[:200]}")

    @task(8)
    def reservations(self) -> None:
        told = {**self._headers(), "Content-Type": "application/xml", "Idempotency-Key": f"load-{RUN}-{next(_numbers)}"}
        path = f"/v1/normalize/booking_com/reservations?connection_id={ORDER['connection']}&as_of={ORDER['as_of']}"
        body = next(_pages).encode()
        with self.client.post(path, name="POST /v1/normalize", headers=told, data=body, catch_response=True) as answer:
            if answer.status_code != 200 or answer.json()["rejected"]:
                answer.failure(f"status {answer.status_code}: {answer.text[:200]}")

    @task(4)
    def summary(self) -> None:
        self._get("/v1/summary", "/v1/summary")

    @task(4)
    def health(self) -> None:
        self._get("/healthz", "/healthz")

    # Of the guards, as after a calendar's change, each four seconds: the watches would sweep the whole portfolio.
    @task(1)
    def observe(self) -> None:
        said = {"listing_ids": [random.choice(ORDER["to_observe"])], "looks": ["guards"], "as_of": ORDER["as_of"]}
        self._post("/v1/observe", "/v1/observe", said)
