"""The small line in a table's row: points of an SVG picture, broken where days are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 132.0, 34.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """``lines`` are the points of unbroken stretches, ``dots`` days between two gaps; ``said`` tells it in words."""

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    said: str


def spark(values: Sequence[float | None]) -> Spark | None:
    """Draw the values from zero to their largest; None where no day is told."""
    told = [value for value in values if value is not None]
    if not told:
        return None
    top = max(*told, 0.0) or 1.0
    step = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)

    def place(at: int, value: float) -> tuple[float, float]:
        return round(EDGE + at * step, 1), round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * max(value, 0.0) / top, 1)

    stretches: list[list[tuple[float, float]]] = [[]]
    for at, value in enumerate(values):
        if value is not None:
            stretches[-1].append(place(at, value))
        elif stretches[-1]:
            stretches.append([])
    lines = tuple(" ".join(f"{x},{y}" for x, y in points) for points in stretches if len(points) > 1)
    dots = tuple(points[0] for points in stretches if len(points) == 1)
    gaps = len(values) - len(told)
    said = f"{len(told)} days, from {min(told):g} to {max(told):g} a day" + (f", {gaps} missing" if gaps else "")
    return Spark(lines=lines, dots=dots, said=said)
