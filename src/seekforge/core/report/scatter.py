"""A chart of named points, those on the Pareto front joined: what each costs across, what it is worth up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import east_asian_width

from markupsafe import Markup

from seekforge.core.report.svg import Scale, axes, ticks
from seekforge.core.report.units import significant

_LEFT, _RIGHT, _TOP, _BOTTOM = 50.0, 16.0, 24.0, 42.0
_WIDE: Final = 20.0  # times from the least to the most, above which the axis is logarithmic
_HEIGHT, _NARROW, _FULL, _DOT = 15.0, 7.3, 13.0, 7.0  # of a label: pixels down, of a letter, of a full-width one
# Where a label may stand, the best first: right, left or above and below its point, and by how many pixels down.
_SIDES: Final = (
    *(("start", 0.0), ("end", 0.0), ("middle", -18.0), ("middle", 18.0)),
    *((side, down) for down in (-16.0, 16.0, -32.0, 32.0) for side in ("start", "end")),
    *(("middle", -34.0), ("middle", 34.0)),
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Point:
    """One point.

    Attributes:
        name: Written beside it.
        x: What it costs, above 0.
        y: What it is worth.
        span: The interval of `y`, or None.
        front: Whether it is on the front.
    """

    name: str
    x: float
    y: float
    span: tuple[float, float] | None
    front: bool


def scatter(points: Sequence[Point], *, summary: str, titles: tuple[str, str], width: int, height: int) -> Markup:
    """Draw the points over common axes; the x axis is logarithmic where they lie far apart.

    Args:
        points: Finite ones.
        summary: What the chart shows, in words, for those who cannot see it.
        titles: The names of the x and the y axis.
        width: The width of the drawing in pixels.
        height: The height of the drawing in pixels.
    """
    if not points:
        return Markup("")
    across, down = [p.x for p in points], [end for p in points for end in (p.y, *(p.span or ()))]
    log = min(across) > 0 and max(across) / min(across) > _WIDE
    low, high = min(down), max(down)
    ys = ticks(low, high, 4) if high > low else ticks(min(0.0, low), max(0.0, high) or 1.0, 4)
    y = Scale(ys[0], ys[-1], height - _BOTTOM, _TOP)
    xs = _decades(min(across), max(across)) if log else ticks(0.0, max(across) * 1.05 or 1.0, max(3, width // 110))
    x = Scale(xs[0], xs[-1], _LEFT, width - _RIGHT)
    places = [(x(math.log10(p.x) if log else p.x), y(p.y)) for p in points]
    body = axes(x, y, xs, ys, titles, _power if log else significant)
    body += _front(points, places)
    taken: list[Box] = [(_LEFT, 0.0, _LEFT + _NARROW * len(titles[1]), 18.0)]  # where the y axis has its name
    taken += [(a - _DOT, d - _DOT, a + _DOT, d + _DOT) for a, d in places]
    for point, place in zip(points, places, strict=True):
        body += _point(point, place, y)
    for point, place in zip(points, places, strict=True):
        body += _label(point.name, place, taken, (_LEFT, 0.0, width - 2.0, height - _BOTTOM))
    frame = Markup('<svg class="chart" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg>')
    return frame.format(width, height, width, height, summary, body)


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten that hold both ends, as their logarithms."""
    return [float(power) for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def _power(value: float) -> str:
    return significant(10.0**value)


def _front(points: Sequence[Point], places: Sequence[tuple[float, float]]) -> Markup:
    on = sorted(place for point, place in zip(points, places, strict=True) if point.front)
    if len(on) < 2:
        return Markup("")
    return Markup('<polyline class="front" points="{}"/>').format(" ".join(f"{a:.1f},{d:.1f}" for a, d in on))


def _point(point: Point, place: tuple[float, float], y: Scale) -> Markup:
    a, d = place
    drawn = Markup("")
    if point.span is not None:
        low, high = (f"{y(end):.1f}" for end in point.span)
        drawn += Markup('<line class="whisker" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>').format(a, a, low, high)
    style = "point on" if point.front else "point"
    return drawn + Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="6"/>').format(style, a, d)


def _label(name: str, place: tuple[float, float], taken: list[Box], within: Box) -> Markup:
    """Beside its point, on the first side where it covers nothing; `taken` grows by where it is."""
    wide = sum(_FULL if east_asian_width(letter) in "WF" else _NARROW for letter in name)
    sides = [_beside(side, place, wide, far) for side, far in _SIDES]
    free = [side for side in sides if _inside(side[3], within) and not any(_meet(side[3], box) for box in taken)]
    inside = [side for side in sides if _inside(side[3], within)]
    anchor, across, down, box = (free or inside or sides)[0]
    taken.append(box)
    text = Markup('<text class="label" x="{:.1f}" y="{:.1f}" dy="0.32em" text-anchor="{}">{}</text>')
    return text.format(across, down, anchor, name)


def _beside(side: str, place: tuple[float, float], wide: float, far: float) -> tuple[str, float, float, Box]:
    """Anchor, place and box of a label that stands on one side of its point, `far` pixels down."""
    a, d = place[0], place[1] + far
    start = {"start": a + 11, "end": a - 11 - wide, "middle": a - wide / 2}[side]
    across = {"start": start, "end": start + wide, "middle": a}[side]
    return side, across, d, (start, d - _HEIGHT / 2, start + wide, d + _HEIGHT / 2)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _inside(box: Box, within: Box) -> bool:
    return box[0] >= within[0] and box[1] >= within[1] and box[2] <= within[2] and box[3] <= within[3]
