"""Patterns of known issues, one data file a cause: what they look like, what to ask for, what to do, whose they are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from python_nodes.errors import ConfigError
from python_nodes.scoring.rootcause.funnel import STEPS

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "data" / "patterns"
UNKNOWN = "unknown"
Text = Annotated[str, Field(min_length=1)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Move = Literal["down", "up", "same", "any"]
Direction = Literal["same", "raised", "lowered", "lost", "gained", "edited"]


class Logged(BaseModel):
    """Changes of one field that can do it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: Word
    directions: tuple[Direction, ...] = ("raised", "lowered", "lost", "gained", "edited")


class Funnel(BaseModel):
    """How each step of the funnel moves beside the market."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    impressions: Move = "any"
    click_through: Move = "any"
    conversion: Move = "any"

    def moves(self) -> tuple[Move, ...]:
        """Return them in the order of the funnel."""
        told: dict[str, Move] = self.model_dump()
        return tuple(told[name] for name in STEPS)


class Around(BaseModel):
    """How rank, neighbours' prices, the market and the unit's other channels move."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    search_rank: Move = "any"
    competitor_price: Move = "any"
    market: Move = "any"
    siblings: Move = "any"


class Pattern(BaseModel):
    """A known issue. ``likely`` says it in a sentence's part; ``wanted`` is the evidence that would settle it.

    ``kinds`` are what its alert is called, ``also`` what else it may be called.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    likely: Text
    action: Text
    team: Word
    wanted: tuple[Text, ...] = Field(min_length=1)
    kinds: tuple[Word, ...] = ()
    also: tuple[Word, ...] = ()
    scopes: tuple[Literal["listing", "unit", "property", "market"], ...] = ("listing", "unit", "property")
    shape: Literal["sudden", "slow", "any"] = "any"
    funnel: Funnel = Funnel()
    around: Around = Around()
    changes: tuple[Logged, ...] = ()


def load(folder: Path = DEFAULT_FOLDER) -> Mapping[str, Pattern]:
    """Read all patterns, by cause; what is wrong is refused by file and field."""
    found: dict[str, Pattern] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            found[path.stem] = Pattern.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise ConfigError(f"{path.name}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path.name}: {error}") from None
    if UNKNOWN not in found:
        raise ConfigError(f"{folder.name}: {UNKNOWN}.toml: is missing")
    return found


@cache
def shipped() -> Mapping[str, Pattern]:
    """Return the patterns that come with the product."""
    return load()
