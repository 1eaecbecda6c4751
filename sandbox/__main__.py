"""``python -m sandbox``: build the world, open the ports, print their addresses, run until told to stop."""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from sandbox import server
from sandbox.channels import CHANNELS
from sandbox.incidents import ScenarioError
from sandbox.receivers import Hooks
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, build_world


def _between(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds, for argparse to refuse by name."""

    def number(text: str) -> int:
        if not text.lstrip("-").isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return number


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a date, YYYY-MM-DD, not {text!r}") from None


def _channels(text: str) -> tuple[str, ...]:
    """Some of the known channels, in the known order."""
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in CHANNELS]
    if unknown or not wanted:
        raise argparse.ArgumentTypeError(f"must be some of {','.join(CHANNELS)}, not {text!r}")
    return tuple(name for name in CHANNELS if name in wanted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    port = _between(0, 65535)
    parser.add_argument("--port", type=port, default=0, help="public port; 0 takes a free one")
    parser.add_argument("--control-port", type=port, default=0)
    parser.add_argument("--control-token", required=True)
    parser.add_argument("--smtp-port", type=port, default=0)
    parser.add_argument("--page-token", default=None, help="opens /messages; made up if not given")
    parser.add_argument("--seed", type=_between(0, 2**32 - 1), default=1)
    parser.add_argument("--listings", type=_between(1, 20_000), default=200, help="over all channels")
    parser.add_argument("--channels", type=_channels, default=CHANNELS, help="comma-separated; else all")
    parser.add_argument("--days", type=_between(1, 1000), default=400, help="days of history before t0")
    parser.add_argument("--live-days", type=_between(1, 365), default=14)
    parser.add_argument("--t0", type=_day, default=DEFAULT_T0)
    parser.add_argument("--scenario", type=Path, default=DEFAULT_SCENARIO, help="TOML file; else the shipped one")
    parser.add_argument("--out-dir", type=Path, required=True)
    parser.add_argument("--cache-dir", type=Path, default=None, help="keeps drawn worlds; none are if not given")
    parser.add_argument("--rate-limit-per-minute", type=_between(0, 1_000_000), default=6000)
    parser.add_argument("--slack-actions-url", default="", help="where pressed buttons go; none if not given")
    parser.add_argument("--sms-replies-url", default="", help="where answers to texts go; none if not given")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; 2 for a bad argument or scenario."""
    args = _parser().parse_args(argv)
    if not args.control_token:
        print("sandbox: --control-token must not be empty", file=sys.stderr)
        return 2
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        world = build_world(
            args.seed, args.listings, args.days, args.live_days, args.t0, args.scenario, args.channels, args.cache_dir
        )
    except (ScenarioError, OSError) as error:
        print(f"sandbox: --scenario: {error}", file=sys.stderr)
        return 2
    for item in world.too_late:
        print(f"sandbox: {item['id']}: starts on day {item['start_day']}, after the last live day", file=sys.stderr)
    running = server.start(
        world,
        server.Settings(
            port=args.port, control_port=args.control_port, control_token=args.control_token, smtp_port=args.smtp_port,
            page_token=args.page_token or secrets.token_urlsafe(24), out_dir=args.out_dir,
            rate_limit_per_minute=args.rate_limit_per_minute,
            hooks=Hooks(slack_actions_url=args.slack_actions_url, sms_replies_url=args.sms_replies_url),
        ),
    )  # fmt: skip
    print(json.dumps(running.urls(with_token=not args.page_token)), flush=True)
    stopped.wait()
    running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
