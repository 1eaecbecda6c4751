"""Network lines between any two servers, each through Toxiproxy: cut, hung, slow; direct where it is not installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from chaos.cache import cache_dir
from chaos.server import Server
from python_nodes.local import loopback, processes

VERSION = "2.12.0"


def binary() -> Path | None:
    """Toxiproxy, where `make chaos` could install it."""
    found = cache_dir() / f"toxiproxy-{VERSION}" / "server"
    return found if found.exists() else None


@dataclass(slots=True)
class Lines:
    """Every line by name; ``ports`` says where each is entered."""

    url: str = ""
    server: Server | None = None
    ports: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, to_port: int) -> int:
        """Lay a line to a port of the loopback and return where it is entered."""
        if self.server is None:
            self.ports[name] = to_port
            return to_port
        entered = processes.free_port()
        self._ask(
            "POST", "/proxies",
            {"name": name, "listen": f"127.0.0.1:{entered}", "upstream": f"127.0.0.1:{to_port}", "enabled": True},
        )  # fmt: skip
        self.ports[name] = entered
        return entered

    def cut(self, name: str) -> None:
        """Break every connection and refuse new ones."""
        self._ask("POST", f"/proxies/{name}", {"enabled": False})

    def hang(self, name: str) -> None:
        """Let nothing through, and let nobody know."""
        self._poison(name, "timeout", {"timeout": 0})

    def slow(self, name: str, latency_ms: int) -> None:
        """Delay everything in both directions."""
        self._poison(name, "latency", {"latency": latency_ms, "jitter": latency_ms // 2})

    def mend(self, name: str) -> None:
        """Let the line be as it was laid."""
        for toxic in self._ask("GET", f"/proxies/{name}/toxics"):
            self._ask("DELETE", f"/proxies/{name}/toxics/{toxic['name']}")
        self._ask("POST", f"/proxies/{name}", {"enabled": True})

    def _poison(self, name: str, kind: str, attributes: Mapping[str, int]) -> None:
        for stream in ("upstream", "downstream"):
            toxic = {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "attributes": dict(attributes)}
            self._ask("POST", f"/proxies/{name}/toxics", toxic)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        response = loopback.client().request(method, f"{self.url}{path}", json=body)
        response.raise_for_status()
        return response.json() if response.status_code != httpx2.codes.NO_CONTENT else None


def start(root: Path) -> Lines:
    """Start Toxiproxy with no line; without it lines lead straight to where they go."""
    program = binary()
    if program is None:
        return Lines()
    port = processes.free_port()
    url = f"http://127.0.0.1:{port}"
    server = Server(
        name="toxiproxy", command=[str(program), "-host", "127.0.0.1", "-port", str(port)],
        env=processes.clean_environment({"LOG_LEVEL": "error"}), log=root / "logs" / "toxiproxy.log", cwd=root,
        ready=lambda: processes.answers(f"{url}/version"),
    )  # fmt: skip
    server.start()
    return Lines(url, server)
