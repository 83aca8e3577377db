"""The reports' charts, as inline SVG: a line chart with axes, one horizontal bar, and that bar in parts.

Colours come from the page's style sheet by class name, so both follow light, dark and print. A bar is drawn in percent
of its own width and holds no text: it stretches with the page while the words beside it keep their size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from seekforge.core.report.units import significant

_LEFT, _RIGHT, _TOP, _BOTTOM = 50.0, 14.0, 16.0, 42.0
_BAR_HEIGHT: Final = 14


@dataclass(frozen=True)
class Series:
    """One line of a chart: its style class ("train", "valid"), its points, whether each gets a dot, and a line all."""

    style: str
    points: Sequence[tuple[float, float]]
    dots: bool = False
    line: bool = True


@dataclass(frozen=True)
class Scale:
    """Maps a range of values onto a range of pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round numbers covering `low` to `high`: the first is at or below, the last at or above."""
    if high <= low:
        low, high = low - 0.5, low + 0.5
    rough = (high - low) / max(1, wanted)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def axes(
    x: Scale,
    y: Scale,
    xs: Sequence[float],
    ys: Sequence[float],
    titles: tuple[str, str],
    written: Callable[[float], str] = significant,
) -> Markup:
    """Draw the grid and write the numbers.

    Args:
        x: From values to pixels across.
        y: From values to pixels down.
        xs: Where to write a number below.
        ys: Where to draw a line across, with its number.
        titles: The names of the x and the y axis.
        written: How a value on the x axis is written.
    """
    parts = [Markup("")]
    # One number of decimals down the axis, so that 0.5 and 1.0 line up.
    decimals = next((count for count in range(7) if all(round(value, count) == value for value in ys)), 7)
    for value in ys:
        at = f"{y(value):.1f}"
        parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x.start, x.end, at, at))
        text = Markup('<text class="tick" x="{}" y="{}" dy="0.32em" text-anchor="end">{}</text>')
        parts.append(text.format(x.start - 8, at, f"{value:,.{decimals}f}"))
    for value in xs:
        text = Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
        parts.append(text.format(x(value), y.start + 17, written(value)))
    title = Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>')
    parts.append(title.format(x.end, y.start + 34, "end", titles[0]))
    parts.append(title.format(x.start + 4, 11, "start", titles[1]))
    return Markup("").join(parts)


def _line(series: Series, x: Scale, y: Scale) -> Markup:
    places = [(f"{x(at):.1f}", f"{y(value):.1f}") for at, value in series.points]
    line = Markup('<polyline class="line {}" points="{}"/>')
    drawn = (
        line.format(series.style, " ".join(f"{across},{down}" for across, down in places)) if series.line else Markup()
    )
    # A line of one point has no length, so it needs its dot to be seen at all.
    if series.dots or len(places) == 1:
        dot = Markup('<circle class="dot {}" cx="{}" cy="{}" r="3"/>')
        drawn += Markup("").join(dot.format(series.style, across, down) for across, down in places)
    return drawn


def _best(place: tuple[float, float], text: str, x: Scale, y: Scale) -> Markup:
    across, down = x(place[0]), y(place[1])
    anchor = "end" if across > x.end - 48 else "start" if across < x.start + 48 else "middle"
    above = down - 12 if down > _TOP + 24 else down + 22
    return Markup(
        '<circle class="best" cx="{:.1f}" cy="{:.1f}" r="7"/>'
        '<text class="best-text" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
    ).format(across, down, across, above, anchor, text)


def line_chart(
    series: Sequence[Series],
    *,
    summary: str,
    titles: tuple[str, str],
    best: tuple[float, float] | None = None,
    width: int = 720,
    height: int = 300,
) -> Markup:
    """Draw lines over common axes.

    Args:
        series: The lines; their points must be finite and in order.
        summary: What the chart shows, in words, for those who cannot see it.
        titles: The names of the x and the y axis.
        best: The point to ring, as (x, y), or None.
        width: The width of the drawing in pixels; labels keep their size at any width.
        height: The height of the drawing in pixels.
    """
    points = [point for one in series for point in one.points]
    if not points:
        return Markup("")
    across = [point[0] for point in points]
    low, high = min(across), max(across)
    if low == high:
        low, high = low - 1, high + 1
    ys = ticks(min(point[1] for point in points), max(point[1] for point in points))
    x = Scale(low, high, _LEFT, width - _RIGHT)
    y = Scale(ys[0], ys[-1], height - _BOTTOM, _TOP + 6)
    xs = [value for value in ticks(low, high, max(3, width // 110)) if low <= value <= high]
    body = axes(x, y, xs, ys, titles) + Markup("").join(_line(one, x, y) for one in series)
    if best is not None:
        body += _best(best, f"best {significant(best[1], 3)}", x, y)
    frame = Markup('<svg class="chart" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg>')
    return frame.format(width, height, width, height, summary, body)


def _share(value: float) -> float:
    return min(100.0, max(0.0, 100.0 * value))


def bar(
    share: float | None,
    style: str = "tuned",
    *,
    ghost: float | None = None,
    whisker: tuple[float, float] | None = None,
) -> Markup:
    """Draw one horizontal bar; every length is a share of the full width, from 0 to 1.

    Args:
        share: The bar's length, or None where nothing was measured.
        style: The class that colours it ("base", "tuned", "step").
        ghost: The length of a pale bar behind it: what there was before, or what it is compared with.
        whisker: The ends of the interval drawn over it.
    """
    rect = Markup('<rect class="{}" x="0" y="0" width="{:.2f}%" height="{}" rx="2"/>')
    body = rect.format("track", 100, _BAR_HEIGHT)
    if ghost is not None:
        body += rect.format("ghost", _share(ghost), _BAR_HEIGHT)
    if share is not None:
        body += rect.format("fill", _share(share), _BAR_HEIGHT)
    if whisker is not None:
        low, high = (f"{_share(end):.2f}%" for end in whisker)
        line = Markup('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>')
        body += line.format(low, high, 7, 7) + line.format(low, low, 3, 11) + line.format(high, high, 3, 11)
    frame = Markup('<svg class="bar {}" width="100%" height="{}" aria-hidden="true" focusable="false">{}</svg>')
    return frame.format(escape(style), _BAR_HEIGHT, body)


def parts(shares: Sequence[tuple[str, float]]) -> Markup:
    """Draw one horizontal bar made of several, side by side.

    Args:
        shares: Of each its style class and its share of the full width, from 0 to 1.
    """
    body, start = Markup(""), 0.0
    for style, share in shares:
        rect = Markup('<rect class="{}" x="{:.2f}%" y="0" width="{:.2f}%" height="{}"/>')
        body += rect.format(style, _share(start), _share(share), _BAR_HEIGHT)
        start += share
    frame = Markup('<svg class="bar" width="100%" height="{}" aria-hidden="true" focusable="false">{}</svg>')
    return frame.format(_BAR_HEIGHT, body)
