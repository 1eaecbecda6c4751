"""Builds a process's services from its settings: stores, senders, answers and what else the steps are given."""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import urlsplit

from python_nodes import clock, config
from python_nodes.alerts import guide, routing_file
from python_nodes.alerts.policy import RoutePolicy
from python_nodes.archive import retention
from python_nodes.config import Settings
from python_nodes.domain.metrics import MetricStore
from python_nodes.domain.retention import BucketAddress, LifeOfData
from python_nodes.guards import settings as guard_settings
from python_nodes.insights import OpenAISettings
from python_nodes.notify import base, webhook_guard
from python_nodes.steps.services import Answers, Imports, Learning, News, Resilience, Services
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.raw import RawArchive
from python_nodes.store.session import OVERFLOW, Database
from python_nodes.telemetry import pools
from python_nodes.vendors.base import HttpSettings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def build_services(settings: Settings) -> Services:
    """Make a process's services from its settings; nothing connects before it is used."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    if settings.metrics:
        pools.watch(database.engine, settings.database_pool_size + OVERFLOW)
    return Services(
        database=database,
        metrics=_metric_store(settings, database),
        archive=RawArchive(settings.raw_root, settings.secret_key.get_secret_value()),
        home_id=settings.tenant_id,
        redis_url=settings.redis_url.get_secret_value(),
        fernet_key=settings.secret_key.get_secret_value(),
        currency=settings.currency,
        base_url=settings.base_url,
        grafana_url=settings.grafana_url,
        history_days=settings.history_days,
        resilience=_resilience(settings),
        policy=_policy(settings),
        guards=guard_settings.read(settings.guards_file),
        guide=guide.load(settings.actions_file or guide.DEFAULT_PATH),
        life=_life(settings),
        senders=senders(settings),
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
        sweep_shard_listings=settings.sweep_shard_listings,
        false_alerts=settings.false_alerts,
        learning=Learning(
            kinds=frozenset(filter(None, settings.learn_kinds.split(","))),
            watches=frozenset(filter(None, settings.learn_watches.split(","))),
            most_change=settings.learn_most_change,
        ),
        events_folder=settings.events_folder,
        foreseen=frozenset(one.strip() for one in settings.foreseen.split(",") if one.strip()),
        webhook_guard=webhook_guard.Guard(
            ports=frozenset(int(port) for port in settings.webhook_ports.split(",")),
            networks=webhook_guard.networks(settings.webhook_networks),
        ),
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
    return InfluxMetricStore(
        InfluxHttp(address), database, queue_bytes=settings.influx_queue_mb << 20, readings=settings.influx_readings
    )


def _life(settings: Settings) -> LifeOfData:
    # Nothing that the watches learn from may leave before they have: bookings are told beside those of a year ago.
    least = {"metrics_daily": settings.history_days, "bookings": settings.history_days + 366}
    place, secret = urlsplit(settings.archive_url), settings.archive_secret_key
    bucket = BucketAddress(
        bucket=place.netloc, prefix=place.path, region=settings.archive_region, endpoint=settings.archive_endpoint,
        access_key=settings.archive_access_key, secret_key=secret.get_secret_value() if secret else None,
    )  # fmt: skip
    return LifeOfData(
        root=settings.archive_root or settings.raw_root / "archive",
        retention=retention.load(settings.retention_file, least),
        bucket=bucket if place.netloc else None,
        keeps_local=settings.archive_keep_local or not place.netloc,
        keeps_guests=settings.guest_fields == "kept",
        erased_root=settings.erased_root or settings.raw_root / "erased",
    )


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
    known, ready = base.discover(), senders(settings)
    path = settings.routing_file or routing_file.DEFAULT_PATH
    # A way out that is not set up is no way out; it must not plan what can never be sent.
    missing = {name: f"sender {name} is not set up" for name in known if name not in ready}
    variables = config.recipients(os.environ, settings)
    return routing_file.load(path, known, variables, missing, as_of=clock.now(), may_run_out=True)


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


def senders(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what each way of telling is given; one that is not set up is not there."""
    found: dict[str, dict[str, Any]] = {}
    if settings.slack_token is not None:
        found["slack"] = {"token": settings.slack_token.get_secret_value(), "base_url": settings.slack_base_url}
    if settings.smtp_host:
        # Nothing leaves the machine on its way to a local relay; to any other, the line must be encrypted.
        usual = "none" if settings.smtp_host in LOOPBACK else "starttls"
        found["email"] = {
            "host": settings.smtp_host,
            "port": settings.smtp_port,
            "from_address": settings.email_from,
            "tls": settings.smtp_tls or usual,
            "ca_file": settings.smtp_ca_file,
            "username": settings.smtp_username or None,
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
