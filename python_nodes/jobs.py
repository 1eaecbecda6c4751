"""Celery: long work on the same steps, idempotent, acknowledged only when done."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import asdict
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import structlog
from celery import Celery
from celery.signals import setup_logging, worker_process_init
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError

from python_nodes import clock, config, log
from python_nodes.alerts import guide, routing_file
from python_nodes.alerts.policy import RoutePolicy
from python_nodes.config import Settings
from python_nodes.domain.metrics import MetricStore
from python_nodes.errors import RetryableError
from python_nodes.guards import settings as guard_settings
from python_nodes.insights import OpenAISettings
from python_nodes.notify import base
from python_nodes.steps import alert_tell, backfill, forecasts_refresh, import_job, job_admin
from python_nodes.steps.services import Answers, Imports, Learning, News, Resilience, Services
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.raw import RawArchive
from python_nodes.store.session import Database
from python_nodes.vendors.base import HttpSettings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

app = Celery("nightporter")


def _configuration() -> dict[str, Any]:
    """Read the settings at first use, so that importing this module needs none."""
    settings = config.settings()
    return {
        "broker_url": settings.redis_url.get_secret_value(),
        "task_default_queue": queue(settings.region, "bulk"),
        # A worker that is told no queue serves both; one of its own for what people wait for is `-Q <region>.critical`.
        "task_queues": [_queue(queue(settings.region, kind)) for kind in ("critical", "bulk")],
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "worker_prefetch_multiplier": 1,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {"visibility_timeout": 6 * 3600},
        "worker_hijack_root_logger": False,
        "timezone": "UTC",
    }


def _queue(name: str) -> Queue:
    # Each its own key: by default all would share one, and every task would reach every queue.
    return Queue(name, Exchange("nightporter", type="direct"), routing_key=name)


app.add_defaults(_configuration)


def queue(region: str, kind: str) -> str:
    """Name the queue of a region and class (``bulk`` or ``critical``)."""
    return f"{region}.{kind}"


def build_services(settings: Settings) -> Services:
    """Make a process's services from its settings; nothing connects before it is used."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    return Services(
        database=database,
        metrics=_metric_store(settings, database),
        archive=RawArchive(settings.raw_root),
        redis_url=settings.redis_url.get_secret_value(),
        fernet_key=settings.secret_key.get_secret_value(),
        currency=settings.currency,
        base_url=settings.base_url,
        history_days=settings.history_days,
        resilience=_resilience(settings),
        policy=_policy(settings),
        guards=guard_settings.read(settings.guards_file),
        guide=guide.load(settings.actions_file or guide.DEFAULT_PATH),
        senders=_senders(settings),
        answers=_answers(settings),
        imports=Imports(
            folder=settings.import_folder,
            max_bytes=settings.max_import_bytes,
            max_rows=settings.max_import_rows,
            observe_days=settings.import_observe_days,
        ),
        news=News(url=settings.news_url, secret=settings.news_secret.get_secret_value()) if settings.news_url else None,
        openai=_openai(settings),
        forecast_listings=settings.forecast_listings,
        inspect_listings=settings.inspect_listings,
        false_alerts=settings.false_alerts,
        learning=Learning(
            kinds=frozenset(filter(None, settings.learn_kinds.split(","))),
            watches=frozenset(filter(None, settings.learn_watches.split(","))),
            most_change=settings.learn_most_change,
        ),
        events_folder=settings.events_folder,
        foreseen=frozenset(one.strip() for one in settings.foreseen.split(",") if one.strip()),
        clock=clock.now,
        sleep=time.sleep,
    )


def _metric_store(settings: Settings, database: Database) -> MetricStore:
    if settings.metric_store == "postgres":
        return PostgresMetricStore(database)
    # Imported where it is used: the client takes longer to import than all of our own code.
    from python_nodes.store.metrics.influx import InfluxMetricStore
    from python_nodes.store.metrics.influx_http import InfluxAddress, InfluxHttp

    address = InfluxAddress(
        url=settings.influx_url,
        api=settings.influx_api,
        database=settings.influx_database,
        org=settings.influx_org,
        token=settings.influx_token.get_secret_value() if settings.influx_token else "",
        user=settings.influx_user,
        password=settings.influx_password.get_secret_value() if settings.influx_password else "",
        timeout_s=settings.influx_timeout_s,
    )
    return InfluxMetricStore(InfluxHttp(address), database)


def _resilience(settings: Settings) -> Resilience:
    return Resilience(
        http=HttpSettings(
            connect_timeout_s=settings.http_connect_timeout_s,
            read_timeout_s=settings.http_read_timeout_s,
            attempts=settings.retry_attempts,
            at_once=settings.http_at_once,
            wait_initial_s=settings.retry_initial_s,
            wait_max_s=settings.retry_max_wait_s,
        ),
        breaker_failures=settings.breaker_failures,
        breaker_open_s=settings.breaker_reset_s,
        breaker_successes=settings.breaker_successes,
    )


def _policy(settings: Settings) -> RoutePolicy:
    known, ready = base.discover(), _senders(settings)
    path = settings.routing_file or routing_file.DEFAULT_PATH
    # A way out that is not set up is no way out; it must not plan what can never be sent.
    missing = {name: f"sender {name} is not set up" for name in known if name not in ready}
    variables = config.recipients(os.environ, settings)
    return routing_file.load(path, known, variables, missing, as_of=clock.now())


def _answers(settings: Settings) -> Answers:
    base_url, slack, twilio = settings.base_url.rstrip("/"), settings.slack_signing_secret, settings.twilio_auth_token
    return Answers(
        slack_signing_secret=slack.get_secret_value() if slack else None,
        twilio_auth_token=twilio.get_secret_value() if twilio else None,
        sms_numbers=tuple(filter(None, settings.sms_to.split(","))),
        # Twilio signs the address that it called: where a proxy or n8n stands before us, that address is a setting.
        sms_status_url=settings.sms_status_url or f"{base_url}/v1/sms/status",
        sms_replies_url=settings.sms_replies_url or f"{base_url}/v1/sms/replies",
        link_max_age_s=settings.action_link_max_age_s,
    )


def _openai(settings: Settings) -> OpenAISettings | None:
    if settings.openai_api_key is None:
        return None
    return OpenAISettings(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        timeout_s=settings.openai_timeout_s,
        monthly_tokens=settings.openai_monthly_tokens,
    )


def _senders(settings: Settings) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if settings.slack_token is not None:
        found["slack"] = {"token": settings.slack_token.get_secret_value(), "base_url": settings.slack_base_url}
    if settings.smtp_host is not None:
        # Nothing leaves the machine on its way to a local relay; to any other, the line must be encrypted.
        usual = "none" if settings.smtp_host in LOOPBACK else "starttls"
        found["email"] = {
            "host": settings.smtp_host,
            "port": settings.smtp_port,
            "from_address": settings.email_from,
            "tls": settings.smtp_tls or usual,
            "ca_file": settings.smtp_ca_file,
            "username": settings.smtp_username,
            "password": settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        }
    if settings.twilio_account_sid and settings.twilio_auth_token and settings.sms_from:
        found["sms"] = {
            "account_sid": settings.twilio_account_sid,
            "auth_token": settings.twilio_auth_token.get_secret_value(),
            "from_number": settings.sms_from,
            "base_url": settings.twilio_base_url,
            "status_url": _answers(settings).sms_status_url,
        }
    return found


@lru_cache(maxsize=1)
def services() -> Services:
    """The worker process's services, built after the fork."""
    return build_services(config.settings())


@setup_logging.connect
def _logs(**_: object) -> None:
    log.configure(config.settings().log_level)


NICENESS = 5
"""How far jobs give way: whoever waits for an answer does not wait for what follows from another's."""


@worker_process_init.connect
def _forget_parent(**_: object) -> None:
    os.nice(NICENESS)
    services.cache_clear()
    # What is imported stays; a collection in the midst of a report need not look at it.
    gc.freeze()


@app.task(name="backfill", bind=True, autoretry_for=(RetryableError,), retry_backoff=True, max_retries=5)
def backfill_task(
    self: Any, tenant_id: int, job_id: str, connection_id: int, start: str, end: str, as_of: str, run_id: str
) -> None:
    """Run one backfill; a repeated delivery of the same task stores nothing twice."""
    request = backfill.Request(
        connection_id=connection_id,
        start=date.fromisoformat(start),
        end=date.fromisoformat(end),
        as_of=datetime.fromisoformat(as_of),
    )
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        is_last_try = self.request.retries >= self.max_retries
        backfill.run(services(), tenant_id, job_id, request, is_last_try=is_last_try)


def enqueue(task: job_admin.Task, region: str) -> None:
    """Hand a job to the workers."""
    try:
        app.send_task(task.name, args=task.arguments, task_id=task.job_id, queue=queue(region, "bulk"))
    except OperationalError as error:
        raise RetryableError("valkey: the workers' queue cannot be reached") from error


def resume(own: Services, tenant_id: int, *, region: str) -> int:
    """Hand over the jobs that whoever accepted them died with; with no queue at hand, another time."""
    try:
        with job_admin.left_behind(own, tenant_id) as tasks:
            for task in tasks:
                enqueue(task, region)
    except RetryableError:
        log.get("jobs").warning("queue_unreachable")
        return 0
    return len(tasks)


@app.task(name="import", bind=True, autoretry_for=(RetryableError,), retry_backoff=True, max_retries=5)
def import_task(
    self: Any, tenant_id: int, job_id: str, request: dict[str, Any], moment: str, span: list[str | None], run_id: str
) -> None:
    """Import one archived file; a repeated delivery of the same task stores nothing twice."""
    start, end = (date.fromisoformat(day) if day else None for day in span)
    asked = import_job.Request(**request, as_of=datetime.fromisoformat(moment), start=start, end=end)
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        is_last_try = self.request.retries >= self.max_retries
        import_job.run(services(), tenant_id, job_id, asked, is_last_try=is_last_try)


@app.task(name="forecasts", bind=True, autoretry_for=(RetryableError,), retry_backoff=True, max_retries=5)
def forecasts_task(self: Any, tenant_id: int, job_id: str, as_of: str, run_id: str) -> None:
    """Forecast the listings that are worth it; a repeated delivery replaces what it made."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        is_last_try = self.request.retries >= self.max_retries
        moment = datetime.fromisoformat(as_of)
        forecasts_refresh.run_job(services(), tenant_id, job_id, moment, is_last_try=is_last_try)


@app.task(name="tell")
def tell_task(tenant_id: int, alert_id: int, as_of: str, whisper: dict[str, str] | None, run_id: str) -> None:
    """Show on an alert's messages what was done about it, and answer who did it; repeated, it sends nothing twice."""
    with structlog.contextvars.bound_contextvars(run_id=run_id):
        if whisper is not None:
            alert_tell.whisper(services(), alert_tell.Whisper(**whisper))
        else:
            alert_tell.run(services(), tenant_id, alert_id, datetime.fromisoformat(as_of))


def enqueue_tell(
    tenant_id: int, alert_id: int, as_of: datetime, *, region: str, run_id: str,
    whisper: alert_tell.Whisper | None = None,
) -> None:  # fmt: skip
    """Have it told soon; with no queue at hand the next cycle tells it, so nobody who answers is held up."""
    told = asdict(whisper) if whisper is not None else None
    arguments = (tenant_id, alert_id, as_of.isoformat(), told, run_id)
    try:
        tell_task.apply_async(args=arguments, queue=queue(region, "critical"), retry=False)
    except OperationalError:
        log.get("jobs").warning("queue_unreachable", alert_id=alert_id)
