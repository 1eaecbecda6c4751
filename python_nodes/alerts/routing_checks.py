"""What the routing file's tables say of one another: names that nothing defines, chains that never end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from python_nodes.alerts.routing_tables import ChainTable, File, StepTable, Told
from python_nodes.alerts.toml_lines import Place


class Wrong(Exception):
    """Something at a place of the file cannot be; ``within`` leads on to its line, and is not named."""

    def __init__(self, place: Place, reason: str, within: Place = ()) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason
        self.within = within


def check(told: File, senders: Collection[str]) -> None:
    """Raise Wrong for the first thing that cannot be."""
    _check_people(told, senders)
    for place, one in _tellings(told):
        _known((*place, "teams"), "team", one.teams, told.teams)
        _known((*place, "senders"), "sender", one.senders or (), senders)
    _check_once("routes", "route", [route.name for route in told.routes])
    _check_once("escalations", "escalation", [one.name for one in told.escalations])
    for at, one in enumerate(told.escalations):
        if one.chain is not None:
            _known(("escalations", at, "chain"), "chain", [one.chain], told.chains)
    for name, chain in told.chains.items():
        _check_chain(name, chain, told)
    _check_hand_overs(told)


def _check_people(told: File, senders: Collection[str]) -> None:
    for group, members in (("teams", told.teams), ("people", told.people)):
        for name, one in members.items():
            for sender in one.recipients:
                if sender not in senders:
                    raise Wrong((group, name, "recipients"), _unknown("sender", sender, senders), (sender,))
    for name, team in told.teams.items():
        place: Place = ("teams", name)
        for field, what, known in (
            ("hours", "hours", told.hours), ("rotation", "rotation", told.rotations),
            ("falls_back_to", "team", told.teams),
        ):  # fmt: skip
            wanted = getattr(team, field)
            _known((*place, field), what, [wanted] if wanted is not None else [], known)
        if team.falls_back_to is not None and told.teams[team.falls_back_to].falls_back_to is not None:
            raise Wrong(
                (*place, "falls_back_to"), f"{team.falls_back_to!r} falls back itself: name a team that does not"
            )
        if not team.recipients and team.rotation is None and team.falls_back_to is None:
            raise Wrong(place, "has no recipients, no rotation, and no team that it falls_back_to")


def _tellings(told: File) -> Iterator[tuple[Place, Told]]:
    yield ("default",), told.default
    yield ("digest",), told.digest
    yield from ((("routes", at), one) for at, one in enumerate(told.routes))
    yield from ((("escalations", at), one) for at, one in enumerate(told.escalations))
    for name, chain in told.chains.items():
        for at, step in enumerate(chain.steps):
            if step.notify is not None:
                yield ("chains", name, "steps", at, "notify"), step.notify


def _check_chain(name: str, chain: ChainTable, told: File) -> None:
    """Refuse steps that lead nowhere, and a repetition that would not wait."""
    for at, step in enumerate(chain.steps):
        place: Place = ("chains", name, "steps", at)
        if step.notify is not None:
            _known((*place, "notify", "rotations"), "rotation", step.notify.rotations, told.rotations)
        if step.hand_over is not None:
            _known((*place, "hand_over"), "chain", [step.hand_over], told.chains)
            if at + 1 < len(chain.steps):
                raise Wrong(("chains", name, "steps", at + 1), "never reached: the step above hands over")
        if step.repeat_from is not None:
            _check_repeat((*place, "repeat_from"), at, step.repeat_from, chain.steps)


def _check_repeat(place: Place, at: int, wanted: int, steps: Sequence[StepTable]) -> None:
    if wanted > at:
        raise Wrong(place, f"step {wanted} does not come before this one, which is step {at + 1}")
    if all(one.wait is None for one in steps[wanted - 1 : at]):
        raise Wrong(place, f"nothing waits between step {wanted} and this one: all would be told at once")


def _check_hand_overs(told: File) -> None:
    """Refuse chains that hand over in a circle."""
    over = {
        name: next((one.hand_over for one in chain.steps if one.hand_over is not None), None)
        for name, chain in told.chains.items()
    }
    for name in told.chains:
        passed, following = [name], over[name]
        while following is not None and following not in passed:
            passed.append(following)
            following = over[following]
        if following == name:
            place: Place = ("chains", name, "steps", len(told.chains[name].steps) - 1, "hand_over")
            raise Wrong(place, f"a loop that never ends: {' -> '.join((*passed, name))}")


def _check_once(where: str, what: str, names: Sequence[str]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            raise Wrong((where, at, "name"), f"{name!r} is the name of an earlier {what}")


def _known(place: Place, what: str, names: Sequence[str], known: Collection[str]) -> None:
    """Refuse a name that nothing defines."""
    for at, name in enumerate(names):
        if name not in known:
            raise Wrong(place, _unknown(what, name, known), (at,))


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    return f"unknown {what} {name!r}; there are: {', '.join(sorted(known)) or 'none'}"
