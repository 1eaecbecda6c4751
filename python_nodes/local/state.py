"""What `up` keeps between runs: where things live, their ports and their secrets."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from cryptography.fernet import Fernet

from python_nodes.errors import ConfigError
from python_nodes.local import processes
from python_nodes.local.n8n import N8n, new_password
from python_nodes.local.postgres import Postgres

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = ("python_nodes", "detectors", "sandbox")
SOURCE_SUFFIXES = frozenset({".py", ".toml", ".csv", ".json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The loopback ports of everything that listens; kept, because addresses are stored in flows and connections."""

    sandbox: int
    control: int
    smtp: int
    worker: int
    n8n: int

    @classmethod
    def choose(cls) -> Ports:
        """Ports that nobody listens on now."""
        chosen: set[int] = set()
        while len(chosen) < len(fields(cls)):
            chosen.add(processes.free_port())
        return cls(**dict(zip((field.name for field in fields(cls)), sorted(chosen), strict=True)))

    def all_free(self) -> bool:
        """Whether every one could be bound now."""
        return all(processes.is_free(port) for port in asdict(self).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The file `state.json`, readable by its owner only."""

    encryption_key: str
    owner_password: str
    n8n_owner_password: str
    app_password: str
    secret_key: str
    webhook_secret: str
    control_token: str
    page_token: str
    ports: Ports
    n8n_api_key: str = ""
    operator_api_key: str = ""
    tenant_id: int = 0
    prepared: str = ""

    @property
    def worker_url(self) -> str:
        """The worker's address."""
        return f"http://127.0.0.1:{self.ports.worker}"

    @property
    def control_url(self) -> str:
        """The sandbox's control port."""
        return f"http://127.0.0.1:{self.ports.control}"

    @property
    def sandbox_url(self) -> str:
        """The sandbox's public port."""
        return f"http://127.0.0.1:{self.ports.sandbox}"


@dataclass(frozen=True, slots=True)
class StateDir:
    """The folder under which everything of one checkout lives."""

    root: Path

    @property
    def file(self) -> Path:
        """The saved state."""
        return self.root / "state.json"

    @property
    def flow_hashes(self) -> Path:
        """What the last import wrote."""
        return self.root / "flows.json"

    @property
    def processes(self) -> Path:
        """Which processes `up` has started and not stopped."""
        return self.root / "processes.json"

    def log(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.root / "logs" / f"{name}.log"

    def load(self) -> Saved:
        """The saved state; without one a command that needs it says what to run first."""
        if not self.file.exists():
            raise ConfigError(f"{self.file} is missing: run `make run` first")
        told = json.loads(self.file.read_text())
        return Saved(**{**told, "ports": Ports(**told["ports"])})

    def load_or_create(self) -> Saved:
        """The saved state with ports that are free; ports that are taken are replaced, and with them the backfill."""
        self.root.mkdir(parents=True, exist_ok=True)
        saved = self.load() if self.file.exists() else _new()
        if not saved.ports.all_free():
            saved = replace(saved, prepared="", ports=Ports.choose())
        self.save(saved)
        return saved

    def save(self, saved: Saved) -> None:
        """Write the file in one step, for its owner only."""
        fresh = self.file.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(saved), file, indent=2)
        fresh.replace(self.file)

    def n8n(self, saved: Saved, postgres: Postgres) -> N8n:
        """This checkout's n8n."""
        return N8n(
            port=saved.ports.n8n,
            user_folder=self.root / "n8n",
            encryption_key=saved.encryption_key,
            owner_password=saved.n8n_owner_password,
            postgres=postgres,
        )


def state_dir(given: Path | None = None) -> StateDir:
    """The folder given, or the checkout's own under /var/tmp."""
    if given is not None:
        return StateDir(given.resolve())
    name = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    # Not a home: the embedded PostgreSQL, started as root, opens every folder above its own to other users.
    return StateDir(Path("/var/tmp/nightporter") / name)


def source_hash() -> str:
    """A hash of all source, so that a backfill made by other code is never reused."""
    summary = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((CHECKOUT / folder).rglob("*")):
            if path.suffix in SOURCE_SUFFIXES and path.is_file() and "node_modules" not in path.parts:
                summary.update(str(path.relative_to(CHECKOUT)).encode())
                summary.update(path.read_bytes())
    return summary.hexdigest()


def _new() -> Saved:
    return Saved(
        encryption_key=secrets.token_hex(24),
        owner_password=secrets.token_urlsafe(24),
        n8n_owner_password=new_password(),
        app_password=secrets.token_urlsafe(24),
        secret_key=Fernet.generate_key().decode(),
        webhook_secret=secrets.token_urlsafe(32),
        control_token=secrets.token_urlsafe(32),
        page_token=secrets.token_urlsafe(24),
        ports=Ports.choose(),
    )
