"""Every fault there is: what it strikes, how it begins and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import redis

from chaos import clocks
from chaos.stack import Stack

Deed = Callable[[Stack], None]
WRONG_BY_S = 2 * 3600
MANY_TIMES = 100_000
SLOW_MS, SLOWER_MS = 100, 400
ANSWER_S = 10
LYING = {
    "down": {"name": "server_error", "times": MANY_TIMES},
    "lying (200 with an error page)": {"name": "error_page", "times": MANY_TIMES},
    "429 for an hour": {"name": "rate_limited_no_header", "times": MANY_TIMES},
    "429 with Retry-After": {"name": "rate_limited", "times": 20},
    "slow": {"name": "timeout", "times": 20, "delay_s": 6.0},
    "cut in the middle of a body": {"name": "cut_body", "times": 50},
    "malformed": {"name": "malformed", "times": 50},
    "pages doubled and reordered": {"name": "doubled", "times": MANY_TIMES},
    "refusing the token": {"name": "unauthorized", "times": 20},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; two that strike the same ``target`` never meet. ``least_hold_s``: how long it lasts at least."""

    name: str
    target: str
    begin: Deed
    end: Deed
    weight: float = 1.0
    needs_n8n: bool = False


def every(stack: Stack) -> list[Fault]:
    """All that can be done here, by name; what this machine lacks is left out."""
    found = [*_kills(stack), *_emptied(), *_ota()]
    if stack.lines.server is not None:
        found += _lines(stack)
    if stack.raw_disk.is_small:
        found += _disks()
    if clocks.library() is not None:
        found += _clocks()
    return sorted(found, key=lambda one: one.name)


def missing(stack: Stack) -> list[str]:
    """What is left out, and why."""
    told = []
    if stack.lines.server is None:
        told.append("network cut, hung, slow: Toxiproxy is not installed")
    if not stack.raw_disk.is_small:
        told.append("disk full: only root may mount a small disk")
    if clocks.library() is None:
        told.append("wrong clocks: libfaketime is not installed")
    if "influxdb" not in stack.servers:
        told.append("InfluxDB: it is not part of this run")
    if "n8n" not in stack.servers:
        told.append("n8n: it is not part of this run")
    return told


def _kills(stack: Stack) -> list[Fault]:
    return [
        Fault(
            name=f"kill -9 {name}", target=name, begin=partial(_kill, name), end=partial(_start, name),
            weight=3.0, needs_n8n=name == "n8n",
        )
        for name in stack.servers
    ]  # fmt: skip


def _kill(name: str, stack: Stack) -> None:
    stack.servers[name].kill()


def _start(name: str, stack: Stack) -> None:
    stack.servers[name].start()


def _emptied() -> list[Fault]:
    return [Fault(name="valkey emptied", target="valkey", begin=_flush, end=_nothing, weight=2.0)]


def _flush(stack: Stack) -> None:
    redis.Redis(port=stack.servers["valkey"].port, socket_timeout=ANSWER_S).flushall()


def _nothing(_: Stack) -> None:
    """What was done needs no undoing."""


def _ota() -> list[Fault]:
    return [
        Fault(name=f"OTA {name}", target="ota", begin=partial(_lie, setting), end=partial(_lie, {"name": "none"}))
        for name, setting in LYING.items()
    ]


def _lie(setting: Mapping[str, object], stack: Stack) -> None:
    stack.control("/control/faults", dict(setting))


def _lines(stack: Stack) -> list[Fault]:
    deeds: dict[str, Callable[[str, Stack], None]] = {"cut": _cut, "hung": _hang, "slow": _slow}
    return [
        Fault(
            name=f"line {name} {how}", target=f"line {name}", begin=partial(deed, name), end=partial(_mend, name),
            weight=0.4, needs_n8n=name.startswith("n8n"),
        )
        for name in stack.lines.ports
        for how, deed in deeds.items()
    ]  # fmt: skip


def _cut(name: str, stack: Stack) -> None:
    stack.lines.cut(name)


def _hang(name: str, stack: Stack) -> None:
    stack.lines.hang(name)


def _slow(name: str, stack: Stack) -> None:
    stack.lines.slow(name, SLOW_MS if "postgres" in name else SLOWER_MS)


def _mend(name: str, stack: Stack) -> None:
    stack.lines.mend(name)


def _disks() -> list[Fault]:
    return [
        Fault(
            name="disk full under the raw archive", target="raw disk", weight=1.5,
            begin=lambda stack: stack.raw_disk.fill(), end=lambda stack: stack.raw_disk.empty(),
        ),
        Fault(
            name="disk full under postgres", target="postgres", weight=1.5,
            begin=lambda stack: stack.postgres_disk.fill(), end=_room_for_postgres,
        ),
    ]  # fmt: skip


def _room_for_postgres(stack: Stack) -> None:
    stack.postgres_disk.empty()
    # Where the log of changes found no room it has ended by itself.
    stack.servers["postgres"].kill(counted=False)
    stack.servers["postgres"].start()


def _clocks() -> list[Fault]:
    return [
        Fault(
            name=f"clock of {name} {'ahead' if off_s > 0 else 'behind'} by two hours", target=name,
            begin=partial(_restart, name, off_s), end=partial(_restart, name, 0), weight=0.5,
        )
        for name in ("worker", "celery")
        for off_s in (WRONG_BY_S, -WRONG_BY_S)
    ]  # fmt: skip


def _restart(name: str, off_s: int, stack: Stack) -> None:
    server = stack.servers[name]
    server.kill(counted=False)
    server.clock_off_s = off_s
    server.start()
