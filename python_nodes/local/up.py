"""`nightporter up`: everything on this machine, from an empty folder to alerts."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
from rich.console import Console
from rich.progress import Progress

from python_nodes.domain import flow_proof
from python_nodes.errors import ConfigError
from python_nodes.local import loopback, n8n, n8n_rest, report
from python_nodes.local.start import Options, Running, Stopwatch, control, start
from python_nodes.local.state import Saved, StateDir
from python_nodes.local.worker_client import WorkerClient
from python_nodes.login import login_token

STATUS_POLL_S = 0.5
FORECAST_FROM_DAYS = 3
"""A shorter run ends before forecasts are made."""


def run(options: Options, folder: StateDir, console: Console) -> int:
    """Start, backfill, play the live days, report; 0 only if no step failed."""
    with ExitStack() as stack:
        stack.enter_context(_only_one(folder))
        running = Running(folder, folder.load_or_create(), options, console, Stopwatch(folder.log("up")))
        since_at = datetime.now(UTC)
        engine = start(running, stack)
        _print_addresses(running)
        status = _play(running)
        outcome = _finish(running, engine, status, since_at)
        if not options.once:
            # What panels show beside the figures; a run that ends now has nobody who looks.
            hook = f"http://127.0.0.1:{running.saved.ports.n8n}/webhook/refresh-baselines"
            _ask(running, "bands", hook, str(status["day"]))
            console.print("Everything goes on running; Ctrl-C stops all of it.")
            _until_interrupted(running)
        return outcome


@contextmanager
def _only_one(folder: StateDir) -> Iterator[None]:
    folder.root.mkdir(parents=True, exist_ok=True)
    with (folder.root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another `nightporter up` uses {folder.root}: stop it, or name another --state-dir"
            ) from None
        yield


def _play(running: Running) -> dict[str, Any]:
    """Let the sandbox's driver play the live days through n8n, and follow it."""
    saved, days = running.saved, running.options.world.live_days
    hooks = f"http://127.0.0.1:{saved.ports.n8n}/webhook"
    order = {
        "poll_url": f"{hooks}/poll-listings", "score_url": f"{hooks}/score-metrics",
        "webhook_secret": saved.webhook_secret, "days": days,
    }  # fmt: skip
    control(saved, "POST", "/control/drive", order)
    is_forecast = days < FORECAST_FROM_DAYS
    with Progress(console=running.console) as progress:
        task = progress.add_task(f"Playing {days} live days", total=days)
        while True:
            running.check()
            status = control(saved, "GET", "/control/status")
            progress.update(task, completed=status["days_done"])
            if "first_alert" not in running.stopwatch.seconds and _has_message(saved):
                running.stopwatch.mark("first_alert")
            if not is_forecast and status["days_done"] > 0:
                is_forecast = True
                _ask(running, "forecasts", f"{hooks}/refresh-forecasts", str(status["day"]))
            if status["state"] in ("done", "failed"):
                return dict(status)
            time.sleep(STATUS_POLL_S)


def _ask(running: Running, what: str, url: str, day: str) -> None:
    """Have a flow ask for something once a day was played; the run does not wait for it, nor end without it."""
    headers = flow_proof.headers(running.saved.webhook_secret, datetime.now(UTC))
    try:
        loopback.client().post(url, json={"as_of": f"{day}T12:00:00+00:00"}, headers=headers).raise_for_status()
    except httpx2.HTTPError as error:
        running.console.print(f"[red]No {what} were asked for:[/] {type(error).__name__}")


def _has_message(saved: Saved) -> bool:
    """Whether anybody was told anything yet; asked of the receivers, since the worker would count all it holds."""
    answer = loopback.client().get(
        f"{saved.sandbox_url}/messages.json", params={"token": saved.page_token}, follow_redirects=True
    )
    answer.raise_for_status()
    return any(answer.json().values())


def _finish(running: Running, engine: n8n.N8n, status: dict[str, Any], since_at: datetime) -> int:
    saved = running.saved
    with WorkerClient(saved.worker_url, saved.operator_api_key) as worker:
        alerts, summary = worker.get("/v1/alerts")["alerts"], worker.get("/v1/summary")
    with n8n_rest.Rest(saved.ports.n8n, saved.n8n_owner_password) as rest:
        executions = n8n_rest.execution_counts(rest.executions(since=since_at))
    running.stopwatch.mark("total")
    truth = control(saved, "GET", "/truth")
    document = report.build(
        n8n_version=n8n.pinned_version(),
        workflows_published=running.published,
        executions=executions,
        steps_failed=status["steps_failed"],
        truth=truth,
        alerts=alerts,
        summary=summary,
        seconds={name: running.stopwatch.seconds.get(name, 0.0) for name in report.SECONDS_FIELDS},
        store={"postgres": "postgresql", "influx": "influxdb"}[running.options.store],
    )
    if running.options.json_file is not None:
        running.options.json_file.write_text(json.dumps(document, indent=2) + "\n")
    running.console.print(report.alerts_table(alerts, truth["currency"]))
    for error in status["errors"]:
        running.console.print(f"[red]A step failed:[/] {error}")
    ok = status["state"] == "done" and status["steps_failed"] == 0 and executions["error"] == 0
    return 0 if ok else 1


def _print_addresses(running: Running) -> None:
    saved, say = running.saved, running.console.print
    login = f"{saved.worker_url}/login?token={login_token(saved.secret_key, saved.tenant_id)}"
    say(
        f"n8n editor     http://127.0.0.1:{saved.ports.n8n}  {n8n_rest.OWNER_EMAIL} / {saved.n8n_owner_password}",
        soft_wrap=True,
    )
    say(f"worker docs    {login}", soft_wrap=True)
    say(f"messages       {saved.sandbox_url}/messages?token={saved.page_token}", soft_wrap=True)


def _until_interrupted(running: Running) -> None:
    while True:
        running.check()
        time.sleep(1)
