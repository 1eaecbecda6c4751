"""The commands of our own processes: sandbox, worker and Celery."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from python_nodes.local import downloads, n8n, processes
from python_nodes.local.state import CHECKOUT, Saved, StateDir

SANDBOX_READY_S = 120.0
WORKER_READY_S = 120.0
MANY_LISTINGS = 1_000
SPARING = {
    # The C library keeps what each thread freed in an arena of its own; with many threads that is twice the memory.
    "MALLOC_ARENA_MAX": "2",
    # The allocator of Polars, which reads files: what it freed goes back at once instead of after seconds.
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
    # Requests and watches run beside each other already: a product of matrices that takes all cores as well has its
    # threads wait for one another, which halves the sweep's speed on a busy machine.
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldArguments:
    """What the simulated world is made of."""

    seed: int
    listings: int
    days: int
    live_days: int
    scenario: Path | None
    channels: tuple[str, ...]

    def as_flags(self) -> list[str]:
        """As the sandbox's command line takes them."""
        flags = [
            "--seed", str(self.seed), "--listings", str(self.listings), "--days", str(self.days),
            "--live-days", str(self.live_days), "--channels", ",".join(self.channels),
        ]  # fmt: skip
        return [*flags, "--scenario", str(self.scenario)] if self.scenario else flags


@dataclass(frozen=True, slots=True)
class WorkerAddresses:
    """What the worker connects to."""

    database_url: str
    owner_url: str
    redis_url: str
    metric_store: Mapping[str, str] = field(default_factory=dict)
    """Settings that say where metrics are kept, if not in PostgreSQL."""


def start_sandbox(folder: StateDir, saved: Saved, world: WorldArguments) -> processes.Child:
    """Start the simulated OTA and the receivers."""
    command = [
        sys.executable, "-m", "sandbox", "--port", str(saved.ports.sandbox), "--control-port", str(saved.ports.control),
        # One word each, since a token may begin with a dash.
        "--smtp-port", str(saved.ports.smtp), f"--control-token={saved.control_token}",
        f"--page-token={saved.page_token}",
        "--out-dir", str(folder.root / "sandbox"), "--slack-actions-url", f"{hooks(saved)}/slack-actions",
        "--sms-replies-url", f"{hooks(saved)}/sms-replies",
        # Drawing a world takes longer than reading it: one that was drawn on this machine is not drawn again.
        "--cache-dir", str(n8n.cache_dir().with_name("worlds")), *world.as_flags(),
    ]  # fmt: skip
    env = processes.clean_environment({})
    return processes.start("sandbox", command, env=env, log=folder.log("sandbox"), cwd=CHECKOUT)


def hooks(saved: Saved) -> str:
    """Where n8n's webhooks are: what people answer goes through flows, as it would in production."""
    return f"http://127.0.0.1:{saved.ports.n8n}/webhook"


def wait_sandbox(child: processes.Child, saved: Saved) -> None:
    """Wait until the control port answers; by then the files are written."""
    processes.wait_until(
        child, lambda: processes.answers(f"{saved.control_url}/healthz"), within_s=SANDBOX_READY_S
    )  # fmt: skip


def start_worker(
    folder: StateDir, saved: Saved, addresses: WorkerAddresses, currency: str, listings: int
) -> list[processes.Child]:
    """Start gunicorn and Celery, which run the same steps."""
    serving = {"GUNICORN_WORKERS": str(worker_processes(listings, os.cpu_count() or 1))}
    # What somebody set by hand counts.
    told = {name: value for name, value in os.environ.items() if name in {*serving, *SPARING}}
    env = processes.clean_environment(SPARING | serving | told | worker_settings(folder, saved, addresses, currency))
    bin_dir = Path(sys.executable).parent
    gunicorn = [
        str(bin_dir / "gunicorn"), "-c", "compose/gunicorn.conf.py", "--bind", f"127.0.0.1:{saved.ports.worker}",
        "python_nodes.app:create_app()",
    ]  # fmt: skip
    celery = [
        str(bin_dir / "celery"), "-A", "python_nodes.jobs", "worker", "--concurrency", str(_jobs_at_once()),
        "--loglevel", "INFO",
    ]  # fmt: skip
    counts = {name: str(folder.root / "metrics" / name) for name in ("worker", "celery")}
    own = {name: {**env, "PROMETHEUS_MULTIPROC_DIR": place} for name, place in counts.items()}
    # The worker tells what the jobs counted too.
    own["worker"]["NIGHTPORTER_METRICS_FOLDERS"] = counts["celery"]
    return [
        processes.start("worker", gunicorn, env=own["worker"], log=folder.log("worker"), cwd=CHECKOUT),
        processes.start("celery", celery, env=own["celery"], log=folder.log("celery"), cwd=CHECKOUT),
    ]


def worker_processes(listings: int, cores: int) -> int:
    """One, or three where a cycle is long: Python computes on one core a process, and each takes its memory.

    The third takes a cycle of 3,000 listings on two cores from 73 to 67 s: requests wait less for one another's.
    """
    return 3 if listings >= MANY_LISTINGS and cores > 1 else 1


def _jobs_at_once() -> int:
    """As many as there are cores, since each backfill keeps one busy; there are four channels."""
    return min(os.cpu_count() or 1, 4)


def wait_worker(child: processes.Child, saved: Saved) -> None:
    """Wait until the worker reaches each of its stores."""
    processes.wait_until(child, lambda: processes.answers(f"{saved.worker_url}/readyz"), within_s=WORKER_READY_S)


def worker_settings(folder: StateDir, saved: Saved, addresses: WorkerAddresses, currency: str) -> dict[str, str]:
    """Every setting of the worker; nothing here leads to the sandbox's control port."""
    return {
        "NIGHTPORTER_DATABASE_URL": addresses.database_url,
        "NIGHTPORTER_OWNER_URL": addresses.owner_url,
        "NIGHTPORTER_REDIS_URL": addresses.redis_url,
        **addresses.metric_store,
        "NIGHTPORTER_SECRET_KEY": saved.secret_key,
        "NIGHTPORTER_RAW_ROOT": str(folder.root / "raw"),
        "NIGHTPORTER_TENANT_ID": str(saved.tenant_id),
        "NIGHTPORTER_CURRENCY": currency,
        # Each takes some ten seconds of a core that the live days are played on.
        "NIGHTPORTER_FORECAST_LISTINGS": "3",
        "NIGHTPORTER_IMPORT_FOLDER": str(downloads.folder(folder.root / "sandbox")),
        "NIGHTPORTER_FX_URL": f"{saved.sandbox_url}/ecb/stats/eurofxref/eurofxref-hist.zip",
        "NIGHTPORTER_BASE_URL": saved.worker_url,
        "NIGHTPORTER_SLACK_TOKEN": "xoxb-sandbox",
        "NIGHTPORTER_SLACK_BASE_URL": f"{saved.sandbox_url}/slack/api/",
        "NIGHTPORTER_SLACK_SIGNING_SECRET": "sandbox-signing-secret",
        "NIGHTPORTER_TWILIO_ACCOUNT_SID": "AC" + "5a" * 16,
        "NIGHTPORTER_TWILIO_AUTH_TOKEN": "sandbox-twilio-token",
        "NIGHTPORTER_TWILIO_BASE_URL": f"{saved.sandbox_url}/twilio",
        "NIGHTPORTER_SMS_FROM": "+15005550006",
        "NIGHTPORTER_SMS_TO": "+351910000001",
        "NIGHTPORTER_SMS_STATUS_URL": f"{hooks(saved)}/sms-status",
        "NIGHTPORTER_SMS_REPLIES_URL": f"{hooks(saved)}/sms-replies",
        "NIGHTPORTER_NEWS_URL": f"{hooks(saved)}/import-files",
        "NIGHTPORTER_NEWS_SECRET": saved.webhook_secret,
        "NIGHTPORTER_OPENAI_API_KEY": "sk-sandbox",
        "NIGHTPORTER_OPENAI_BASE_URL": f"{saved.sandbox_url}/openai/v1",
        "NIGHTPORTER_SMTP_HOST": "127.0.0.1",
        "NIGHTPORTER_SMTP_PORT": str(saved.ports.smtp),
        "NIGHTPORTER_EMAIL_TO": "revenue@nightporter.localhost",
    }
