"""`nightporter proposals …`: what verdicts teach, read and decided on by hand."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import typer

from python_nodes import clock, config
from python_nodes.errors import NightporterError

group = typer.Typer(no_args_is_help=True, help="What verdicts teach: proposals with their previews.")
Id = Annotated[int, typer.Argument(help="The proposal's number.")]
Actor = Annotated[str, typer.Option(help="Who decides.")]
Note = Annotated[str, typer.Option(help="Why.")]


@group.command("list")
def listed(
    status: Annotated[str, typer.Option(help="waiting, approved, rejected or undone; else all.")] = "",
) -> None:
    """Print one line a proposal: number, where it stands, title, alerts before and after."""
    from python_nodes import wiring
    from python_nodes.steps import proposals

    settings = config.settings()
    for one in proposals.listed(wiring.build_services(settings), settings.tenant_id):
        if status in ("", one["status"]):
            shown = one["preview"]
            typer.echo(
                f"{one['proposal_id']:>5}  {one['status']:8}  {shown['now']:>4} -> {shown['then']:<4}  {one['title']}"
            )


@group.command("show")
def show(number: Id) -> None:
    """Print one proposal with its preview, as JSON."""
    from python_nodes import wiring
    from python_nodes.steps import proposals

    settings = config.settings()
    _print(_or_exit(lambda: proposals.one_of(wiring.build_services(settings), settings.tenant_id, number)))


@group.command("learn")
def learn() -> None:
    """Propose what the verdicts teach that nothing was proposed of."""
    from python_nodes import wiring
    from python_nodes.steps import learn as step

    settings = config.settings()
    _print(_or_exit(lambda: step.run(wiring.build_services(settings), settings.tenant_id, clock.now())))


@group.command("approve")
def approve(number: Id, actor: Actor, note: Note = "") -> None:
    """Let a proposal take effect with the next sweep."""
    _decide(number, "approve", actor, note)


@group.command("reject")
def reject(number: Id, actor: Actor, note: Note = "") -> None:
    """Leave things as they are."""
    _decide(number, "reject", actor, note)


@group.command("undo")
def undo(number: Id, actor: Actor, note: Note = "") -> None:
    """Take back what was approved, exactly."""
    _decide(number, "undo", actor, note)


def _decide(number: int, answer: Literal["approve", "reject", "undo"], actor: str, note: str) -> None:
    from python_nodes import wiring
    from python_nodes.steps import proposals

    settings = config.settings()
    services = wiring.build_services(settings)
    told = _or_exit(
        lambda: proposals.decide(services, settings.tenant_id, number, answer, actor, note, clock.now())
    )  # fmt: skip
    typer.echo(told.word)


def _or_exit(does: Any) -> Any:
    try:
        return does()
    except NightporterError as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None


def _print(told: Any) -> None:
    typer.echo(json.dumps(told, indent=2, default=str))
