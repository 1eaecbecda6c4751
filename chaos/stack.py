"""The whole system on real servers, each of which can be killed, cut off and started again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos import stores
from chaos.disk import Disk
from chaos.lines import Lines
from chaos.server import Server
from python_nodes.local import loopback, prepare, start
from python_nodes.local.servers import WorldArguments
from python_nodes.local.state import Saved, StateDir

OTHER = "other"
"""The tenant to whom nothing happens."""
ORDER = ("postgres", "valkey", "influxdb", "worker", "celery", "n8n")
"""In which servers start: stores first."""


@dataclass(slots=True, kw_only=True)
class Stack:
    """Everything that runs, by name."""

    folder: StateDir
    saved: Saved
    world: WorldArguments
    lines: Lines
    raw_disk: Disk
    postgres_disk: Disk
    postgres_port: int
    other_tenant_id: int = 0
    other_key: str = ""
    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder of all of it."""
        return self.folder.root

    @property
    def admin_url(self) -> str:
        """Nightporter's database as the server's administrator sees it, by no line."""
        return stores.admin_url(self.postgres_port, prepare.DATABASE)

    @property
    def sandbox_dir(self) -> Path:
        """Where the simulated downloads lie."""
        return self.root / "sandbox"

    def control(self, path: str, body: dict[str, Any]) -> Any:
        """One call of the sandbox's control port."""
        return start.control(self.saved, "POST", path, body)

    def messages(self) -> Any:
        """What people have been told."""
        headers = {"Authorization": f"Bearer {self.saved.page_token}"}
        response = loopback.client().get(f"{self.saved.sandbox_url}/messages.json", headers=headers)
        response.raise_for_status()
        return response.json()

    def key_of(self, name: str) -> str:
        """The API key of who calls."""
        return {"n8n": self.saved.n8n_api_key, "operator": self.saved.operator_api_key, OTHER: self.other_key}[name]

    def revive(self) -> None:
        """Start whatever does not run, stores first."""
        for name in [one for one in ORDER if one in self.servers]:
            if not self.servers[name].is_running():
                self.servers[name].start()
