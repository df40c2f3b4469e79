"""Drawings as SVG text: scales, and the few strokes that a chart needs.

Every drawing carries a title and a description. No script, style or link is written, only attributes, so
that a page may show it under a policy that allows neither; every word is escaped. The same input gives the same bytes.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from statistics import NormalDist
from typing import Literal

from counterseal.evaluation.report.text import plain

Point = tuple[float, float]
FONT = "Liberation Sans, DejaVu Sans, Arial, Helvetica, sans-serif"
INK, FAINT, GRID = "#1b1b1b", "#5c5c5c", "#d9d9d9"
# Dark enough to stand out from white at 3:1, and told apart by stroke and mark as well.
COLOURS = ("#0b4f8a", "#a8410a", "#1c6b3a", "#7a2f8f", "#6b5a00", "#8a1538", "#00606b", "#4a4a4a")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 2", "6 2 1 2 1 2")
MARKS = ("circle", "square", "triangle", "diamond", "cross", "ring", "plus", "down")

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers from low to high on a line from `start` to `end` (pixels).

    kind: `linear`, `log` (low above 0) or `probit` (low above 0, high under 1). What lies outside is put on the end.
    """

    kind: Literal["linear", "log", "probit"]
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where this number is."""
        inside = min(max(value, self.low), self.high)
        low, here, high = self._bent(self.low), self._bent(inside), self._bent(self.high)
        return self.start + (self.end - self.start) * (here - low) / (high - low)

    def _bent(self, value: float) -> float:
        if self.kind == "log":
            return math.log10(value)
        return _NORMAL.inv_cdf(value) if self.kind == "probit" else value

    def ticks(self, most: int = 8) -> list[tuple[float, str]]:
        """Numbers to write beside the line, with their words."""
        if self.kind == "log":
            low, high = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            step = max(1, math.ceil((high - low + 1) / most))
            if high - low <= 2:
                fine = [m * 10.0**p for p in range(low - 1, high + 1) for m in (1, 2, 5)]
                return [(v, f"{v:g}") for v in fine if self.low * 0.999 <= v <= self.high * 1.001]
            return [(10.0**p, power(p)) for p in range(low, high + 1, step)]
        if self.kind == "probit":
            wanted = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)
            return [(v, f"{v:g}" if v >= 1e-4 else "1e-5") for v in wanted if self.low <= v <= self.high]
        return [(v, f"{v:.10g}") for v in _round_steps(self.low, self.high, most)]


def power(exponent: int) -> str:
    """A power of ten as people write it: `1`, `0.1`, `0.001`, `1e-5`."""
    return f"{10.0**exponent:g}" if exponent >= -4 else f"1e{exponent}"


def _round_steps(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / max(most - 1, 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


@dataclass(slots=True)
class Drawing:
    """One drawing of width x height pixels, filled stroke by stroke. name: unique on its page, letters and digits."""

    name: str
    width: float
    height: float
    title: str
    describes: str
    _strokes: list[str] = field(default_factory=list)

    def line(self, a: Point, b: Point, *, colour: str = INK, wide: float = 1.0, dash: str = "") -> None:
        """A straight stroke."""
        self._strokes.append(
            f'<line x1="{_n(a[0])}" y1="{_n(a[1])}" x2="{_n(b[0])}" y2="{_n(b[1])}" '
            f'stroke="{colour}" stroke-width="{_n(wide)}"{_dashed(dash)}/>'
        )

    def curve(self, points: Sequence[Point], *, colour: str = INK, wide: float = 1.8, dash: str = "") -> None:
        """Straight strokes through these points."""
        if len(points) > 1:
            self._strokes.append(
                f'<polyline points="{_points(points)}" fill="none" stroke="{colour}" '
                f'stroke-width="{_n(wide)}" stroke-linejoin="round"{_dashed(dash)}/>'
            )

    def area(self, points: Sequence[Point], *, colour: str, opacity: float = 0.18) -> None:
        """A filled shape without an edge."""
        if len(points) > 2:
            self._strokes.append(
                f'<polygon points="{_points(points)}" fill="{colour}" fill-opacity="{_n(opacity)}"/>'
            )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str,
        edge: str = "none",
        opacity: float = 1,
    ) -> None:
        """A filled rectangle."""
        self._strokes.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" height="{_n(max(height, 0))}" fill="{fill}" '
            f'fill-opacity="{_n(opacity)}" stroke="{edge}"/>'
        )

    def words(
        self,
        text: object,
        at: Point,
        *,
        size: float = 12,
        colour: str = INK,
        anchor: Literal["start", "middle", "end"] = "start",
        bold: bool = False,
        turned: bool = False,
    ) -> None:
        """Text; turned: it runs upwards."""
        x, y = _n(at[0]), _n(at[1])
        turn = f' transform="rotate(-90 {x} {y})"' if turned else ""
        weight = ' font-weight="bold"' if bold else ""
        self._strokes.append(
            f'<text x="{x}" y="{y}" font-size="{_n(size)}" fill="{colour}" text-anchor="{anchor}"{weight}{turn}>'
            f"{escape(plain(text))}</text>"
        )

    def mark(self, at: Point, *, shape: str = "circle", colour: str = INK, size: float = 4.5) -> None:
        """A small mark, centred."""
        x, y = at
        s = size
        shapes = {
            "square": [(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)],
            "triangle": [(x, y - s), (x + s, y + s), (x - s, y + s)],
            "down": [(x, y + s), (x + s, y - s), (x - s, y - s)],
            "diamond": [(x, y - s * 1.2), (x + s * 1.2, y), (x, y + s * 1.2), (x - s * 1.2, y)],
        }
        if shape in shapes:
            self._strokes.append(f'<polygon points="{_points(shapes[shape])}" fill="{colour}"/>')
        elif shape in ("cross", "plus"):
            d = s if shape == "plus" else s * 0.8
            ends = ((d, 0), (0, d)) if shape == "plus" else ((d, d), (d, -d))
            for dx, dy in ends:
                self.line((x - dx, y - dy), (x + dx, y + dy), colour=colour, wide=2)
        else:
            fill = "#ffffff" if shape == "ring" else colour
            self._strokes.append(
                f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(s)}" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'
            )

    def arrow_left(self, at: Point, *, colour: str = INK) -> None:
        """The head of an arrow that points to the left: it goes on beyond the axis."""
        x, y = at
        self._strokes.append(
            f'<polygon points="{_points([(x, y), (x + 8, y - 5), (x + 8, y + 5)])}" fill="{colour}"/>'
        )

    def text(self) -> str:
        """The SVG element."""
        title, desc = f"{self.name}-title", f"{self.name}-desc"
        size = f'viewBox="0 0 {_n(self.width)} {_n(self.height)}" width="{_n(self.width)}" height="{_n(self.height)}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="{title} {desc}" '
            f'font-family="{FONT}"><title id="{title}">{escape(plain(self.title))}</title>'
            f'<desc id="{desc}">{escape(plain(self.describes))}</desc>'
            f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(self._strokes)}</svg>'
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """A field with two scales on a drawing; y grows upwards."""

    x: Scale
    y: Scale

    @property
    def bottom(self) -> float:
        """Where the lower edge is."""
        return self.y.start

    def to(self, x: float, y: float) -> Point:
        """Where this pair of numbers is."""
        return self.x.at(x), self.y.at(y)

    def through(self, points: Iterable[tuple[float, float]]) -> list[Point]:
        """Where these pairs are."""
        return [self.to(x, y) for x, y in points]

    def draw(self, on: Drawing, *, x_says: str, y_says: str, size: float = 12) -> None:
        """Grid, edges, numbers, and what the axes are."""
        for value, words in self.x.ticks():
            at = self.x.at(value)
            on.line((at, self.y.start), (at, self.y.end), colour=GRID)
            on.words(words, (at, self.y.start + 16), anchor="middle", size=size - 1, colour=FAINT)
        for value, words in self.y.ticks():
            at = self.y.at(value)
            on.line((self.x.start, at), (self.x.end, at), colour=GRID)
            on.words(words, (self.x.start - 6, at + 4), anchor="end", size=size - 1, colour=FAINT)
        on.line((self.x.start, self.y.start), (self.x.end, self.y.start))
        on.line((self.x.start, self.y.start), (self.x.start, self.y.end))
        on.words(x_says, ((self.x.start + self.x.end) / 2, self.y.start + 36), anchor="middle", size=size)
        middle = (self.y.start + self.y.end) / 2
        on.words(y_says, (self.x.start - 48, middle), anchor="middle", size=size, turned=True)


def legend(on: Drawing, at: Point, entries: Sequence[str], *, marks: bool = True) -> None:
    """Which stroke is which: colour, dash and mark of entry i are those of series i."""
    for i, words in enumerate(entries):
        y = at[1] + 18 * i
        on.line((at[0], y), (at[0] + 30, y), colour=colour(i), wide=1.8, dash=DASHES[i % len(DASHES)])
        if marks:
            on.mark((at[0] + 15, y), shape=MARKS[i % len(MARKS)], colour=colour(i), size=3.5)
        on.words(words, (at[0] + 36, y + 4), size=11)


def colour(series: int) -> str:
    """The colour of a series."""
    return COLOURS[series % len(COLOURS)]


def decades(values: Iterable[float], *, floor: float = 1e-7, top: float = 1.0) -> tuple[float, float]:
    """Whole powers of ten around these numbers, at least one wide; zeros lie below and are not counted."""
    above = [max(v, floor) for v in values if v > 0]
    low = 10.0 ** math.floor(math.log10(min(above, default=0.1)) + 1e-9)
    high = 10.0 ** math.ceil(math.log10(max(above, default=1.0)) - 1e-9)
    low, high = max(low, floor), min(max(high, low * 10), top)
    return (low, high) if high > low else (high / 10, high)


def _dashed(dash: str) -> str:
    return f' stroke-dasharray="{dash}"' if dash else ""


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
