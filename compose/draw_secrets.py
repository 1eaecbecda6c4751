"""Draw the secrets that compose gives to the services: python3 compose/draw_secrets.py [FOLDER]; needs nothing else.

Each service has a folder of its own. Every file is for its owner only (mode 600) and, where this runs as root, belongs
to the user that the service runs as: compose binds the files as they are. What is there stays as it is; a file that is
empty waits for what only you can know (a Slack token, say). How to change one later: docs/runbook.md.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

OWNERS = {
    "worker": 10001, "tools": 10001, "postgres": 999, "valkey": 999, "influxdb": 1000, "n8n": 1000, "grafana": 472,
}  # fmt: skip
"""The user that each service runs as; compose/compose.yaml says the same, which a test holds."""
GIVEN = (
    "worker/slack_token", "worker/slack_signing_secret", "worker/smtp_password", "worker/twilio_auth_token",
    "worker/openai_api_key",
)  # fmt: skip
"""What cannot be drawn; empty means that it is not used."""
MADE_LATER = {
    "worker/influx_token": "tokens/influx_worker_token", "grafana/influx_token": "tokens/influx_viewer_token",
}  # fmt: skip
"""What InfluxDB hands out, and where `make tokens` has it put; drawing again brings it to who needs it."""
ACL = """\
user default off
user nightporter on >{worker} ~* &* +@all -@dangerous +info +keys
user n8n on >{n8n} ~* &* +@all -@dangerous +info +keys
user health on nopass +ping
"""


def draw() -> dict[str, str]:
    """Every secret's file and content; what two services must both know is drawn once."""
    password = {
        name: secrets.token_urlsafe(32) for name in ("postgres", "owner", "app", "n8n", "valkey", "queue", "viewer")
    }
    influx, flows_key = secrets.token_urlsafe(64), secrets.token_hex(24)

    def database(role: str, word: str, name: str) -> str:
        return f"postgresql://{role}:{password[word]}@postgres:5432/{name}"

    return {
        "postgres/password": password["postgres"],
        "tools/admin_url": database("postgres", "postgres", "postgres"),
        "tools/owner_url": database("nightporter_owner", "owner", "nightporter"),
        "tools/n8n_database_url": database("n8n", "n8n", "n8n"),
        "tools/n8n_encryption_key": flows_key,
        # n8n wants a digit and an upper-case letter.
        "tools/n8n_owner_password": f"{secrets.token_urlsafe(15)}A1",
        "tools/influx_admin_token": influx,
        "worker/database_url": database("nightporter_app", "app", "nightporter"),
        "worker/redis_url": f"redis://nightporter:{password['valkey']}@valkey:6379/0",
        "worker/secret_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "worker/webhook_secret": secrets.token_urlsafe(32),
        "valkey/users.acl": ACL.format(worker=password["valkey"], n8n=password["queue"]),
        "n8n/encryption_key": flows_key,
        "n8n/database_password": password["n8n"],
        "n8n/redis_password": password["queue"],
        "influxdb/password": secrets.token_urlsafe(24),
        "influxdb/admin_token": influx,
        "grafana/admin_password": secrets.token_urlsafe(24),
        "grafana/database_password": password["viewer"],
        "tools/viewer_password": password["viewer"],
        "grafana/secret_key": secrets.token_urlsafe(32),
        **dict.fromkeys((*GIVEN, *MADE_LATER), ""),
    }


def write(folder: Path, drawn: Mapping[str, str]) -> list[str]:
    """Write what is missing and return its names; of secrets that belong together none is drawn beside old ones."""
    there = [name for name in drawn if (folder / name).exists()]
    lacking = [name for name in drawn if name not in there]
    if there and any(drawn[name] for name in lacking):
        wanted = ", ".join(name for name in lacking if drawn[name])
        raise SystemExit(
            f"{folder}: there are secrets, but not {wanted}. New ones would not fit the others, which belong to data: "
            "put the missing files back from where you keep them; docs/runbook.md says how a single one is changed."
        )
    (folder / "tokens").mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in lacking:
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(drawn[name])
    return lacking


def take(folder: Path) -> list[str]:
    """Bring tokens to those who need them, into the files that are there, and return whose are new."""
    taken = []
    for name, made in MADE_LATER.items():
        token = (folder / made).read_text(encoding="ascii").strip() if (folder / made).exists() else ""
        if token and token != (folder / name).read_text(encoding="ascii").strip():
            (folder / name).write_text(token, encoding="ascii")
            taken.append(name)
    return taken


def own(folder: Path, names: list[str]) -> bool:
    """Give each file to its service's user, and whether that could be done."""
    if os.geteuid() != 0:
        return False
    for name in names:
        os.chown(folder / name, OWNERS[name.partition("/")[0]], -1)
    # Who sets InfluxDB up puts its tokens there.
    os.chown(folder / "tokens", OWNERS["tools"], -1)
    return True


def main() -> None:
    """Draw, write, hand over, and say what is left to do."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "secrets"
    drawn = draw()
    written = write(folder, drawn)
    for name in take(folder):
        print(f"{folder / name}: a new token")
    print(f"{folder}: {len(written)} written, {len(drawn) - len(written)} were there.")
    if not own(folder, list(drawn)):
        print(
            f"The files are yours: services, which run as other users, cannot read them. Run: sudo {' '.join(sys.argv)}"
        )
    empty = [name for name in GIVEN if not (folder / name).read_text().strip()]
    if written and empty:
        print(f"Not used until you fill them in: {', '.join(empty)}.")
    if written:
        print("Keep a copy of this folder apart from the backups: without worker/secret_key and n8n/encryption_key no")
        print("backup gives back what was encrypted with them.")


if __name__ == "__main__":
    main()
