"""Every setting of the worker, read once from the environment under the prefix NIGHTPORTER_."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, DirectoryPath, Field, FilePath, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from python_nodes.domain.findings import FORESEEN
from python_nodes.domain.sealing import sealer
from python_nodes.errors import ConfigError
from python_nodes.notify.webhook_guard import networks

PREFIX = "NIGHTPORTER_"
FROM_FILE = "_FILE"
"""After a secret setting's name: the file that holds its value, as compose and Kubernetes give secrets."""
RATE = r"^[1-9]\d{0,8}/(second|minute|hour)$"
_KINDS = "(event|new_normal|cut|exposure|data_problem|cause)"


def _secret_keys(told: SecretStr) -> SecretStr:
    try:
        # In one form whether by commas or one a line: what is made of the whole must not depend on it.
        return SecretStr(",".join(sealer(told.get_secret_value()).keys))
    except ValueError:
        raise ValueError(
            "must be different keys of 32 bytes in URL-safe base64, as `nightporter keys new` makes them, by commas or"
            " one a line; the first is in use"
        ) from None


def _foreseen(kinds: str) -> str:
    unknown = sorted({one.strip() for one in kinds.split(",")} - FORESEEN - {""})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not foreseen; there are: {', '.join(sorted(FORESEEN))}")
    return kinds


def _networks(told: str) -> str:
    networks(told)
    return told


class Settings(BaseSettings):
    """The worker's settings; frozen, so that nothing changes its mind after start-up."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: SecretStr
    owner_url: SecretStr | None = None
    admin_url: SecretStr | None = None
    redis_url: SecretStr
    secret_key: Annotated[SecretStr, AfterValidator(_secret_keys)]
    raw_root: Path

    tenant: str = "default"
    tenant_id: int = Field(default=1, ge=1)
    region: str = Field(default="default", pattern=r"^[a-z][a-z0-9_-]*$")
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    base_url: str = "http://127.0.0.1:8080"
    # Where Grafana has our dashboards; messages link to them if it is set.
    grafana_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    # Metrics are told to a key with that scope; on an address of their own to whoever reaches it.
    metrics: bool = True
    metrics_bind: str = Field(default="", pattern=r"^(\S+:\d{1,5})?$")
    metrics_folders: str = ""
    otlp_endpoint: str | None = Field(default=None, pattern=r"^https?://\S+$")
    otlp_headers: SecretStr | None = None
    trace_ratio: float = Field(default=1.0, ge=0, le=1)
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")

    routing_file: FilePath | None = None
    actions_file: FilePath | None = None
    guards_file: FilePath | None = None
    slack_token: SecretStr | None = None
    slack_base_url: str = "https://slack.com/api/"
    slack_channel: str = "#alerts"
    slack_signing_secret: SecretStr | None = None
    smtp_host: str | None = None
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_tls: Literal["none", "starttls", "tls"] | None = None
    smtp_ca_file: FilePath | None = None
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    email_from: str = "nightporter@localhost"
    email_to: str = ""
    data_slack_channel: str = ""
    data_email_to: str = ""
    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_base_url: str = "https://api.twilio.com"
    sms_from: str = ""
    sms_to: str = Field(default="", pattern=r"^(\+[1-9]\d{6,14}(,\+[1-9]\d{6,14})*)?$")
    sms_status_url: str | None = None
    sms_replies_url: str | None = None
    action_link_max_age_s: int = Field(default=7 * 86_400, ge=60)

    openai_api_key: SecretStr | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    openai_model: str = "gpt-4.1-mini"
    openai_timeout_s: float = Field(default=8.0, gt=0)
    openai_monthly_tokens: int = Field(default=500_000, ge=0)

    max_body_bytes: int = Field(default=8_000_000, ge=1_000)
    max_import_bytes: int = Field(default=64_000_000, ge=1_000)
    max_import_rows: int = Field(default=2_000_000, ge=1)
    import_folder: Path | None = None
    import_observe_days: int = Field(default=7, ge=0)
    news_url: str | None = None
    news_secret: SecretStr = SecretStr("")
    login_max_age_s: int = Field(default=86_400, ge=60)
    session_max_age_s: int = Field(default=86_400, ge=60)
    # How often one may call (see docs/access.md); the last two count only what failed to say who it is.
    rate_limit_key: str = Field(default="30000/minute", pattern=RATE)
    rate_limit_address: str = Field(default="60000/minute", pattern=RATE)
    rate_limit_refused: str = Field(default="300/minute", pattern=RATE)
    rate_limit_login: str = Field(default="20/minute", pattern=RATE)
    # How many proxies stand before the worker and tell the caller's address: their headers are believed, no others.
    trusted_proxies: int = Field(default=0, ge=0, le=5)
    database_pool_size: int = Field(default=5, ge=1)

    http_connect_timeout_s: float = Field(default=5.0, gt=0)
    http_read_timeout_s: float = Field(default=30.0, gt=0)
    http_at_once: int = Field(default=4, ge=1, le=64)
    retry_attempts: int = Field(default=4, ge=1)
    retry_initial_s: float = Field(default=0.5, ge=0)
    retry_max_wait_s: float = Field(default=30.0, gt=0)
    breaker_failures: int = Field(default=5, ge=1)
    breaker_reset_s: float = Field(default=60.0, gt=0)
    breaker_successes: int = Field(default=2, ge=1)

    # Of guests the tables hold what may be shown, or all that came: see docs/personal-data.md.
    guest_fields: Literal["masked", "kept"] = "masked"
    # Who was erased, for after a restore; without one it lies beside the raw payloads.
    erased_root: Path | None = None
    # Old data: see docs/life-of-data.md. Without a root it lies beside the raw payloads.
    archive_root: Path | None = None
    retention_file: FilePath | None = None
    archive_url: str = Field(default="", pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?)?$")
    archive_endpoint: str | None = Field(default=None, pattern=r"^https?://\S+$")
    archive_region: str = Field(default="us-east-1", min_length=1)
    archive_access_key: str | None = None
    archive_secret_key: SecretStr | None = None
    # False: a file whose copy has arrived in the bucket is deleted here.
    archive_keep_local: bool = True

    # Where subscribers' webhooks may go besides public addresses by HTTPS on these ports: our own networks, in any way.
    webhook_ports: str = Field(default="443", pattern=r"^\d{1,5}(,\d{1,5})*$")
    webhook_networks: Annotated[str, AfterValidator(_networks)] = ""

    fx_url: str = Field(default="https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist-90d.xml", min_length=1)

    metric_store: Literal["postgres", "influx"] = "postgres"
    influx_url: str = "http://127.0.0.1:8086"
    influx_api: Literal["v1", "v2"] = "v2"
    influx_database: str = Field(default="nightporter", min_length=1)
    influx_org: str = "-"
    influx_token: SecretStr | None = None
    influx_user: str = ""
    influx_password: SecretStr | None = None
    influx_timeout_s: float = Field(default=60.0, gt=0)
    # How much may wait, in PostgreSQL, for an InfluxDB that is away.
    influx_queue_mb: int = Field(default=1024, ge=1)
    # Whether what each report said of its newest day is kept too; its buckets are made by `nightporter influx setup`.
    influx_readings: bool = False

    history_days: int = Field(default=420, ge=28)
    forecast_listings: int = Field(default=20, ge=0)
    # The most valuable, whose figures are looked at for gaps and standstills.
    inspect_listings: int = Field(default=300, ge=0)
    # More listings than these are swept in parts, which the workers share.
    sweep_shard_listings: int = Field(default=5_000, ge=1)
    # Expected of all watches, a week per 100 listings; None is what watches.toml says.
    false_alerts: float | None = Field(default=None, ge=0)
    events_folder: DirectoryPath | None = None
    # Which kinds of finding about the days to come are looked for; empty for none.
    foreseen: Annotated[str, AfterValidator(_foreseen)] = ",".join(sorted(FORESEEN))

    # What verdicts teach takes effect by itself within these limits; by default nothing does.
    learn_kinds: str = Field(default="", pattern=rf"^({_KINDS}(,{_KINDS})*)?$")
    learn_watches: str = Field(default="", pattern=r"^([a-z_]+(,[a-z_]+)*)?$")
    learn_most_change: float = Field(default=1.0, ge=1)


def load(environ: dict[str, str] | None = None) -> Settings:
    """Build the settings, or refuse to start and name each setting that is missing, wrong or unknown."""
    names = os.environ if environ is None else environ
    secret = secret_names()
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    files = {f"{PREFIX}{name}{FROM_FILE}".upper() for name in secret}
    unknown = sorted(name for name in names if name.upper().startswith(PREFIX) and name.upper() not in known | files)
    if unknown:
        raise ConfigError(f"unknown setting: {', '.join(unknown)}")
    told = _from_files(names, secret)
    try:
        if environ is None:
            return Settings.model_validate(told)
        own = {name[len(PREFIX) :].lower(): value for name, value in environ.items() if name.upper() in known}
        return Settings.model_validate({**own, **told})
    except ValidationError as error:
        # Only names and reasons: the values may be secrets.
        reasons = [f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise ConfigError("; ".join(reasons)) from None


def secret_names() -> frozenset[str]:
    """The settings that hold a secret, and so may come from a file: told by their type, so that none is forgotten."""
    return frozenset(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))


def _from_files(names: Mapping[str, str], secret: Iterable[str]) -> dict[str, str]:
    """Read the secrets that are told by file; an error names the variable and the file, never what is in it."""
    told: dict[str, str] = {}
    for name in secret:
        variable = f"{PREFIX}{name}{FROM_FILE}".upper()
        if not names.get(variable):
            continue
        if names.get(f"{PREFIX}{name}".upper()):
            raise ConfigError(f"{variable}: {PREFIX}{name.upper()} is set too; leave one of them out")
        try:
            value = Path(names[variable]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "is no text"
            raise ConfigError(f"{variable}: {names[variable]}: {why}") from None
        if value:
            told[name] = value
        elif Settings.model_fields[name].is_required():
            raise ConfigError(f"{variable}: {names[variable]} is empty; `make secrets` writes what can be drawn")
        # Of what need not be set, an empty file says so: compose wants a file for each secret it names.
    return told


def recipients(environ: Mapping[str, str], told: Settings | None = None) -> dict[str, str]:
    """Return what a ``$NAME`` of the routing file stands for: the environment over our own recipients."""
    own = ("slack_channel", "email_to", "sms_to", "data_slack_channel", "data_email_to")
    usual = {f"{PREFIX}{name}".upper(): str(getattr(told or documentation(), name)) for name in own}
    return {**usual, **environ} if told is None else {**environ, **usual}


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read at first use and never at import."""
    return load()


def documentation() -> Settings:
    """Settings that connect to nothing, for printing what the code says of itself."""
    return Settings.model_construct(
        database_url=SecretStr("postgresql://nowhere/none"),
        redis_url=SecretStr("redis://nowhere"),
        # A key in form, for nothing: whoever serves anything has settings of their own.
        secret_key=SecretStr("A" * 43 + "="),
        raw_root=Path("/nonexistent"),
    )
