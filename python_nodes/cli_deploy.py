"""`nightporter deploy`: bring the flows into an n8n that runs anywhere, with a key and a secret of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import httpx2
import typer

from python_nodes import clock, config, wiring
from python_nodes.domain import flow_proof
from python_nodes.errors import ConfigError, NightporterError
from python_nodes.steps import key_admin

KEY_NAME = "n8n"
SCOPES = ("read", "ingest", "score", "notify")
REFUSED, EDITED = 2, 1


def deploy(
    n8n: Annotated[str, typer.Option(help="n8n's own address, not the proxy's.")],
    worker: Annotated[str, typer.Option(help="Where flows find the worker.")],
    owner_password_file: Annotated[
        Path, typer.Option(help="n8n's owner's password; an owner is made if there is none.")
    ],
    state: Annotated[Path, typer.Option(help="Where it is noted what was written, to know edits by.")],
    folder: Annotated[Path, typer.Option(help="The flows.")] = Path("workflows"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what was edited in n8n.")] = False,
    renew_key: Annotated[bool, typer.Option("--renew-key", help="Give n8n a new API key of the worker.")] = False,
) -> None:
    """Write credentials and flows into n8n and publish what changed; edits made in n8n are kept without --force."""
    # What asks n8n serves `nightporter up` too, and is imported only where it is used.
    from python_nodes.local import flows
    from python_nodes.local.n8n_rest import Rest

    try:
        with Rest(n8n, _word(owner_password_file)) as rest:
            held = rest.credential_ids()
            if renew_key or flows.WEBHOOK_CREDENTIAL not in held:
                rest.save_token_credential(flows.WEBHOOK_CREDENTIAL, _webhook_secret())
            if renew_key or flows.WORKER_CREDENTIAL not in held:
                rest.save_header_credential(flows.WORKER_CREDENTIAL, {"name": "Authorization", "value": _bearer()})
            done = flows.import_flows(rest, folder, state, worker_url=worker, rest_schedules=False, force=force)
            published = flows.publish(rest, folder, done.written)
    except (NightporterError, OSError, httpx2.HTTPError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    typer.echo(f"{len(done.written)} flows written, {len(done.unchanged)} unchanged, {len(published)} published")
    if done.edited:
        typer.echo(f"Edited in n8n and kept: {', '.join(done.edited)} (--force overwrites them)", err=True)
        raise typer.Exit(EDITED)


def _word(file: Path) -> str:
    found = file.read_text(encoding="utf-8").strip()
    if not found:
        raise ConfigError(f"{file} is empty; `make secrets` draws it")
    return found


def flow_token() -> None:
    """Print the token that starts a flow by its webhook for five minutes: `Authorization: Bearer …`."""
    try:
        typer.echo(flow_proof.token(_webhook_secret(), clock.now()))
    except NightporterError as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(REFUSED) from None


def _webhook_secret() -> str:
    """What signs the calls that start a flow."""
    secret = config.settings().news_secret.get_secret_value()
    if not secret:
        raise ConfigError(f"{config.PREFIX}NEWS_SECRET is not set: n8n's webhooks would let nobody in")
    return secret


def _bearer() -> str:
    """Make a key of the worker for n8n."""
    told = config.settings()
    services = wiring.build_services(told)
    try:
        return f"Bearer {key_admin.create(services, told.tenant_id, KEY_NAME, list(SCOPES), clock.now(), None)}"
    finally:
        services.database.dispose()
