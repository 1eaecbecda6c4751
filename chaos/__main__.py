"""``python -m chaos``: strike the real system by a seed's plan, count after each round, say what is lost or doubled."""

from __future__ import annotations

import argparse
import math
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from chaos import build, faults, plan, truth
from chaos.count import Auditor
from chaos.play import Played, Player
from chaos.stack import Stack
from python_nodes.local import influx
from python_nodes.local.demo import CHANNELS
from python_nodes.local.servers import WorldArguments

SCENARIO = Path(__file__).with_name("scenario.toml")
LIVE_DAYS = 120
HISTORY_DAYS = 28
WORLD_SEED = 1
MOST_SHOWN = 20


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=None, help="replays a run's plan; drawn if not given")
    parser.add_argument("--listings", type=int, default=20)
    parser.add_argument("--store", choices=("postgres", "influx"), default=None, help="else InfluxDB if it is here")
    parser.add_argument("--n8n-share", type=float, default=0.1, help="of the faults, struck while a real n8n drives")
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which no round begins")
    parser.add_argument("--only", default="", help="faults whose name has this in it")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 1 where anything was lost or doubled."""
    told = _arguments().parse_args(argv)
    # Whatever way it is ended, its servers and disks go too; a shell's background job would ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    seed = secrets.randbelow(2**32) if told.seed is None else told.seed
    store = told.store or ("influx" if any(not one.is_2 for one in influx.installed()) else "postgres")
    print(f"seed {seed} (make chaos ARGS='--faults {told.faults} --seed {seed}'), metrics in {store}", flush=True)
    world = WorldArguments(
        seed=WORLD_SEED, listings=told.listings, days=HISTORY_DAYS, live_days=LIVE_DAYS, scenario=SCENARIO,
        channels=CHANNELS,
    )  # fmt: skip
    began_s = time.monotonic()

    def say(word: str) -> None:
        print(f"{time.monotonic() - began_s:6.0f} s  {word}", flush=True)

    with build.running(world, store=store, with_n8n=told.n8n_share > 0, say=say) as stack:
        known = [one for one in faults.every(stack) if told.only in one.name]
        for word in faults.missing(stack):
            say(f"left out: {word}")
        rounds = plan.draw(known, told.faults, told.n8n_share, seed)
        real = truth.of(world)
        player = Player(stack, real, Auditor(stack, real), say)
        return _report(player.play(rounds, told.minutes * 60), stack)


def _report(played: Played, stack: Stack) -> int:
    struck = Counter(strike.fault.name for one in played.rounds for strike in one.strikes)
    for name, times in sorted(struck.items()):
        print(f"  {times:4}  {name}")
    for kind, items in (("lost", played.found.lost), ("doubled", played.found.doubled)):
        for item in sorted(items)[:MOST_SHOWN]:
            print(f"{kind}: {item}")
    kills = ", ".join(f"{server.name} {server.kills}" for server in stack.servers.values())
    print(f"killed: {kills}; rounds {len(played.rounds)}, of which {played.late} took more than one cycle to recover")
    print(f"counted: {', '.join(f'{number:,} {what}' for what, number in played.found.counted.items())}")
    print(f"e-mails that came twice (allowed, ADR 7): {played.found.mails_again}")
    lost, doubled = len(played.found.lost), len(played.found.doubled)
    print(f"{sum(struck.values())} faults, {lost} lost, {doubled} doubled")
    return 1 if lost or doubled else 0


if __name__ == "__main__":
    sys.exit(main())
