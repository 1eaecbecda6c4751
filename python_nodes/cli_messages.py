"""`nightporter messages …`: what people would get, and the catalogues that say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from python_nodes.errors import NightporterError

group = typer.Typer(no_args_is_help=True, help="What people get, and in which language.")


@group.command("preview")
def preview(
    alert: Annotated[Path, typer.Option(help="The alert as JSON, as GET /v1/alerts/{id} answers.")],
    sender: Annotated[str, typer.Option(help="slack, email or sms.")] = "email",
    language: Annotated[str, typer.Option(help="en, en_US, …; pseudo shows what no catalogue says.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Where to write it; printed by default.")] = None,
) -> None:
    """Show a message as it would be sent: Slack's blocks, an e-mail's HTML, or a text; sends nothing."""
    from python_nodes.steps import message_preview

    try:
        laid_out = message_preview.run(json.loads(alert.read_text(encoding="utf-8")), sender, language)
        if out is not None:
            out.write_text(laid_out, encoding="utf-8")
    except (NightporterError, OSError, json.JSONDecodeError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"written to {out}" if out is not None else laid_out)


@group.command("catalogue")
def catalogue() -> None:
    """Read every message from the sources anew and bring each language to it; ends with 1 while one lacks some."""
    from python_nodes.notify import extract

    lacking = extract.refresh()
    for language, count in lacking.items():
        typer.echo(f"{language}: {f'{count} messages lack' if count else 'complete'}")
    if any(lacking.values()):
        raise typer.Exit(1)
