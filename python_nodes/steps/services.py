"""What steps are given: stores, clocks and plain settings, built once a process by app and jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from python_nodes.alerts.guide import Guide
from python_nodes.alerts.policy import RoutePolicy
from python_nodes.domain.findings import FORESEEN
from python_nodes.domain.metrics import MetricStore
from python_nodes.domain.retention import LifeOfData
from python_nodes.guards.settings import DEFAULTS, GuardSettings
from python_nodes.insights import OpenAISettings
from python_nodes.notify.webhook_guard import Guard
from python_nodes.store.raw import RawArchive
from python_nodes.store.session import Database
from python_nodes.vendors.base import HttpSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience:
    """How patient we are with vendors; all of it settings."""

    http: HttpSettings = field(default_factory=HttpSettings)
    breaker_failures: int = 5
    breaker_open_s: float = 60.0
    breaker_successes: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How people's answers are known to be theirs; None or empty where that way is not set up."""

    slack_signing_secret: str | None = field(default=None, repr=False)
    twilio_auth_token: str | None = field(default=None, repr=False)
    sms_numbers: tuple[str, ...] = field(default=(), repr=False)
    sms_status_url: str = ""
    sms_replies_url: str = ""
    link_max_age_s: int = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """Where files to be imported are looked for, None for nowhere; how large one may be, how new its news are."""

    folder: Path | None = None
    max_bytes: int = 64_000_000
    max_rows: int = 2_000_000
    observe_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """What may be learnt from verdicts without anybody's approval: nothing, unless the settings say so.

    ``kinds`` of changes; of cuts those of ``watches``, and to no less than one in ``most_change`` of what is allowed.
    """

    kinds: frozenset[str] = frozenset()
    watches: frozenset[str] = frozenset()
    most_change: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The webhook of the flow that tells people what has just been found."""

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """A process's stores and settings; secrets do not show in its repr."""

    database: Database
    metrics: MetricStore
    archive: RawArchive
    home_id: int
    """The tenant whose machine this is: what lies on it beside the stores is theirs alone."""
    redis_url: str = field(repr=False)
    fernet_key: str = field(repr=False)
    currency: str
    base_url: str
    grafana_url: str = ""
    history_days: int
    resilience: Resilience
    policy: RoutePolicy
    guide: Guide
    life: LifeOfData
    senders: Mapping[str, Mapping[str, Any]] = field(repr=False)
    answers: Answers = field(default_factory=Answers)
    guards: GuardSettings = DEFAULTS
    imports: Imports = field(default_factory=Imports)
    learning: Learning = field(default_factory=Learning)
    news: News | None = None
    openai: OpenAISettings | None = None
    forecast_listings: int = 20
    inspect_listings: int = 300
    sweep_shard_listings: int = 5_000
    false_alerts: float | None = None
    events_folder: Path | None = None
    foreseen: frozenset[str] = FORESEEN
    webhook_guard: Guard = field(default_factory=Guard)
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
