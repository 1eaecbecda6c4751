"""Puts the world behind its ports: the public one, the control one and SMTP, in one process."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from types import ModuleType

from aiosmtpd.controller import Controller
from flask import Blueprint, Flask
from limits import RateLimitItem, RateLimitItemPerMinute
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sandbox import exports, files, receivers, receivers_openai, receivers_slack, receivers_twilio, vendors
from sandbox.clock import SimulatedClock
from sandbox.control import Controls, create_control_app
from sandbox.driver import Driver
from sandbox.faults import FaultBoard
from sandbox.inbox import Inbox
from sandbox.receivers_smtp import start_smtp
from sandbox.world import World

HOST = "127.0.0.1"
# Late enough that t0's eve is over from Europe to Los Angeles, early enough for a backfill before the first step.
_FIRST_HOUR = time(9)
_MAX_BODY_BYTES = 25_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line says; a port of 0 takes a free one, a rate limit of 0 means none."""

    port: int
    control_port: int
    control_token: str
    smtp_port: int
    page_token: str
    out_dir: Path
    rate_limit_per_minute: int
    hooks: receivers.Hooks = field(default_factory=receivers.Hooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The started servers."""

    public: BaseWSGIServer
    control: BaseWSGIServer
    smtp: Controller
    page_token: str

    def urls(self, *, with_token: bool) -> dict[str, object]:
        """The line printed when ready; who chose the pages' token knows it, and the line may end in a log."""
        public_url = f"http://{HOST}:{self.public.server_port}"
        token = f"?token={self.page_token}" if with_token else ""
        return {
            "public_url": public_url, "control_url": f"http://{HOST}:{self.control.server_port}",
            "smtp_port": self.smtp.port, "messages_url": f"{public_url}/messages{token}",
        }  # fmt: skip

    def stop(self) -> None:
        """Stop all of them."""
        self.smtp.stop()
        self.public.shutdown()
        self.control.shutdown()


class _QuietHandler(WSGIRequestHandler):
    """Logs no requests: a login link's token stands in the address."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def start(world: World, settings: Settings) -> Running:
    """Write the files, then open the ports."""
    settings.out_dir.mkdir(parents=True, exist_ok=True)
    clock = SimulatedClock(datetime.combine(world.t0, _FIRST_HOUR, tzinfo=UTC))
    world = world.as_seen_by(lambda: clock.now().date())
    files.write_portfolio(world, settings.out_dir)
    exports.write_history(world, settings.out_dir)
    _write_day(world, settings.out_dir, world.t0)
    driver = Driver(clock, world.t0, partial(_write_day, world, settings.out_dir))
    found = discover()
    faults, inbox = FaultBoard({name: module.OPERATIONS for name, module in found.items()}), Inbox()
    per_minute = settings.rate_limit_per_minute
    limit: RateLimitItem | None = RateLimitItemPerMinute(per_minute) if per_minute else None
    counterparts = [module.blueprint(world, clock, faults.plans[name], limit) for name, module in found.items()]
    controls = Controls(world=world, clock=clock, driver=driver, faults=faults, token=settings.control_token)
    public = _serve(_public_app(counterparts, inbox, clock, settings), settings.port)
    control = _serve(create_control_app(controls), settings.control_port)
    # The world is for good: a collection that looked at all of it would cost every answer.
    gc.freeze()
    smtp = start_smtp(inbox, clock.now, HOST, settings.smtp_port)
    return Running(public=public, control=control, smtp=smtp, page_token=settings.page_token)


def discover() -> dict[str, ModuleType]:
    """Every counterpart: a module of sandbox.vendors that has a ``blueprint``."""
    names = sorted(item.name for item in pkgutil.iter_modules(vendors.__path__))
    modules = {name: importlib.import_module(f"{vendors.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "blueprint")}


def _write_day(world: World, out_dir: Path, day: date) -> None:
    files.write_calendar(world, out_dir, day)
    exports.write_recent(world, out_dir, day)


def _public_app(counterparts: list[Blueprint], inbox: Inbox, clock: SimulatedClock, settings: Settings) -> Flask:
    app = Flask("sandbox.public", static_folder=None)
    app.secret_key = secrets.token_bytes(32)
    app.config.update(
        MAX_CONTENT_LENGTH=_MAX_BODY_BYTES, SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME="sandbox_pages",
    )  # fmt: skip
    for counterpart in counterparts:
        app.register_blueprint(counterpart)
    app.register_blueprint(receivers_slack.blueprint(inbox, clock.now))
    app.register_blueprint(receivers_twilio.blueprint(inbox, clock.now))
    app.register_blueprint(receivers_openai.blueprint(clock.now))
    app.register_blueprint(receivers.blueprint(inbox, clock.now, settings.page_token, settings.hooks))
    return app


def _serve(app: Flask, port: int) -> BaseWSGIServer:
    server = make_server(HOST, port, app, threaded=True, request_handler=_QuietHandler)
    threading.Thread(target=server.serve_forever, name=f"port-{server.server_port}", daemon=True).start()
    return server
