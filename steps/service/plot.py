"""The layout of bar charts, in the coordinates of the SVG view box that the template draws.

The box is about as wide as a telephone, so that its text stays readable there; on a wide screen two charts
are side by side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, WIDE, HEIGHT = 360, 1020, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 6, 12, 26
"""Margins of the view box, with room for the labels of both axes."""
WIDEST, GAP = 26, 2
"""The largest width of a bar, and the gap between bars."""
LABEL = 44
"""The width of a label below a bar."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a value is of: the label below its bar, its name in the tooltip, and whether it failed."""

    label: str
    name: str
    failed: bool = False


Step = tuple[float, ...]
DECIMAL: Step = tuple(factor * 10**power for power in range(18) for factor in (1, 2, 5))
"""Round distances between grid lines, in bytes."""
TIME: Step = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
TIME = (*TIME, *(86400 * days for days in (2, 5, 10, 20, 50)))
"""Round distances between grid lines, in seconds."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its upper left corner and size, the text of its tooltip, and its label (empty: none).

    `label_x` is where the middle of the label is: below the bar, but inside the chart.
    """

    x: float
    y: float
    width: float
    height: float
    words: str
    label: str
    label_x: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: bars, grid lines as (y, label), and the y of its base line."""

    bars: tuple[Bar, ...]
    grid: tuple[tuple[float, str], ...]
    base: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT

    @property
    def right(self) -> int:
        """Where the grid lines end."""
        return self.width - RIGHT


def chart(
    values: Sequence[float],
    points: Sequence[Point],
    *,
    words: Callable[[float], str],
    tick: Callable[[float], str],
    steps: Step,
    width: int = WIDTH,
) -> Chart:
    """Lay out a bar for each value (0 or more), oldest left, with its label below where there is room.

    `words` formats a value for its tooltip, `tick` the value of a grid line. The two to five grid lines are
    at multiples of the smallest of `steps` that covers the values with four.
    """
    # The smallest round distance with which at most four cover the highest value.
    distance = next((step for step in steps if step * 4 >= max(values, default=0)), steps[-1])
    lines = max(1, -int(-max(values, default=0) // distance))
    base, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    scale = room / (lines * distance)
    # Each value has a slot of the same width, with its bar in the middle, and every n-th bar a label.
    slot = (width - LEFT - RIGHT) / max(len(values), 1)
    thick = min(slot - GAP, WIDEST)
    every = math.ceil(LABEL / slot)
    bars = []
    for number, (value, point) in enumerate(zip(values, points, strict=True)):
        height = max(value * scale, 1.5 if value else 0)  # a small value stays visible
        shown = (len(values) - 1 - number) % every == 0  # the newest always has its label
        bars.append(
            Bar(
                x=round(LEFT + slot * number + (slot - thick) / 2, 2),
                y=round(base - height, 2),
                width=round(thick, 2),
                height=round(height, 2),
                words=f"{point.name}: {'failed after ' if point.failed else ''}{words(value)}",
                label=point.label if shown else "",
                label_x=round(min(LEFT + slot * (number + 0.5), width - LABEL / 2), 2),
                failed=point.failed,
            )
        )
    grid = tuple(
        (round(base - line * distance * scale, 2), tick(line * distance)) for line in range(lines + 1)
    )
    return Chart(bars=tuple(bars), grid=grid, base=base, width=width)
