"""The drawings of a test report: error trade-off, scores, groups, searches, calibration.

Each takes the part of the result document that it shows and gives an SVG element; the report puts the same
numbers in a table beside it. Nothing is told by colour alone: series differ by dash and mark, cells carry numbers.
What a log scale cannot show (no error was counted) is drawn at the edge, as an arrow from the upper bound.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterseal.evaluation.report import svg
from counterseal.evaluation.report.svg import DASHES, FAINT, INK, MARKS, Drawing, Frame, Scale, colour
from counterseal.evaluation.report.text import at as threshold_words
from counterseal.evaluation.report.text import count, number, of, short

Row = Mapping[str, Any]
WIDTH = 660.0
_LADDER = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)
MOST_SERIES = 8
MOST_CELLS = 14
"""A matrix of more groups than this is not legible as a drawing: the report lists its highest cells instead."""


def det(points: Sequence[Row], thresholds: Sequence[Row]) -> str:
    """FNMR against FMR, probit and log axes, with the band of the FNMR intervals and the thresholds of the test."""
    seen = [p for p in points if p["fmr"] > 0]
    marked = [t for t in thresholds if t.get("fmr") and t.get("fnmr") is not None]
    low, high = svg.decades([p["fmr"] for p in seen] + [t["fmr"] for t in marked])
    rates = [p["fnmr"] for p in seen] + [t["fnmr"] for t in marked]
    positive = [r for r in rates if r > 0]
    bottom = max((v for v in _LADDER if v <= min(positive, default=0.01)), default=_LADDER[0])
    top = min((v for v in _LADDER if v >= max(positive, default=0.5)), default=_LADDER[-1])
    if top <= bottom:
        bottom, top = 0.01, 0.5
    frame = Frame(Scale("log", low, high, 70, WIDTH - 20), Scale("probit", bottom, top, 370, 20))
    on = Drawing(
        "det",
        WIDTH,
        420,
        "Detection error trade-off: false non-match rate (probit axis) against false match rate (log axis)",
        f"{len(seen)} points. The band is the interval of the false non-match rate at each threshold; crosses are "
        + "the thresholds of this test with both intervals: "
        + "; ".join(f"FMR {number(t['fmr'])}, FNMR {number(t['fnmr'])}" for t in marked),
    )
    frame.draw(on, x_says="false match rate (log)", y_says="false non-match rate (probit)")
    band = [p for p in seen if p.get("fnmr_low") is not None and p.get("fnmr_high") is not None]
    on.area(
        frame.through([(p["fmr"], p["fnmr_high"]) for p in band])
        + frame.through([(p["fmr"], p["fnmr_low"]) for p in reversed(band)]),
        colour=colour(0),
    )
    on.curve(frame.through([(p["fmr"], p["fnmr"]) for p in seen]), colour=colour(0), wide=2)
    for i, t in enumerate(marked):
        at = frame.to(t["fmr"], t["fnmr"])
        if t.get("fmr_interval"):
            on.line(
                frame.to(t["fmr_interval"][0] or low, t["fnmr"]), frame.to(t["fmr_interval"][1], t["fnmr"])
            )
        if t.get("fnmr_interval"):
            on.line(frame.to(t["fmr"], t["fnmr_interval"][0]), frame.to(t["fmr"], t["fnmr_interval"][1]))
        on.mark(at, shape=MARKS[i % len(MARKS)], colour=INK, size=5)
        on.words(f"T {threshold_words(t['threshold'])}", (at[0] + 8, at[1] - 7), size=11)
    return on.text()


def histogram(bins: Row, thresholds: Sequence[Row]) -> str:
    """The shares of mated and of non-mated scores in each bin, each kind adding up to 1."""
    edges, kinds = bins["edges"], {"mated": bins["mated"], "non-mated": bins["non_mated"]}
    totals = {k: sum(v) for k, v in kinds.items()}
    shares = {k: [c / totals[k] if totals[k] else 0.0 for c in v] for k, v in kinds.items()}
    top = max((max(v, default=0) for v in shares.values()), default=0) or 1.0
    low, high = (edges[0], edges[-1]) if edges[-1] > edges[0] else (edges[0] - 0.5, edges[0] + 0.5)
    placed = sorted((t["threshold"] for t in thresholds if _finite(t.get("threshold"))), key=float)
    top_edge = 36.0 + 15 * len(placed)
    frame = Frame(
        Scale("linear", low, high, 70, WIDTH - 20), Scale("linear", 0, top * 1.05, top_edge + 230, top_edge)
    )
    on = Drawing(
        "scores",
        WIDTH,
        top_edge + 280,
        "Comparison scores: share of mated and of non-mated comparisons in each bin",
        f"{count(totals['mated'])} mated and {count(totals['non-mated'])} non-mated scores in {len(edges) - 1} bins; "
        "upright lines are the thresholds of this test.",
    )
    frame.draw(on, x_says="comparison score", y_says="share of comparisons")
    for i, values in enumerate(shares.values()):
        steps = [
            (e, v) for a, b, v in zip(edges, edges[1:], values, strict=False) for e, v in ((a, v), (b, v))
        ]
        outline = frame.through([(edges[0], 0.0), *steps, (edges[-1], 0.0)])
        on.area(outline, colour=colour(i), opacity=0.15)
        on.curve(outline, colour=colour(i), dash=DASHES[i])
    for i, t in enumerate(placed):
        at = frame.x.at(t)
        level = top_edge - 4 - 15 * i
        on.line((at, frame.bottom), (at, level - 8), wide=1.2)
        # To the left, where lines of lower thresholds end below these words.
        left = at - frame.x.start > 80
        on.words(
            f"T {number(t, 6)}",
            (at - 4 if left else at + 4, level),
            size=11,
            anchor="end" if left else "start",
        )
    svg.legend(on, (80, 14), ("mated",), marks=False)
    on.line((190, 14), (220, 14), colour=colour(1), wide=1.8, dash=DASHES[1])
    on.words("non-mated", (226, 18), size=11)
    return on.text()


@dataclass(frozen=True, slots=True)
class Dot:
    """One measured rate of a group at one threshold, for a dot plot."""

    group: str
    series: int
    errors: int | None
    trials: int | None
    rate: float | None
    low: float | None
    high: float | None


def dots(
    name: str, title: str, says: str, dots: Sequence[Dot], series: Sequence[str], absent: Sequence[str]
) -> str:
    """Rates by group on a log axis, a mark for each threshold, with intervals.

    absent: groups that were not evaluated, named in rows of their own.
    """
    groups = list(dict.fromkeys(d.group for d in dots))
    drawn = min(len(series), 3)
    step = 14 * drawn + 10
    left, top = 190.0, 24.0 + 18 * len(series)
    low, high = svg.decades(
        # A lower bound far below its rate does not stretch the axis: an arrow shows that it goes on.
        [v for d in dots for v in (d.rate, d.high, max(d.low or 0.0, (d.rate or 0.0) / 30)) if v],
    )
    bottom = top + step * len(groups) + 22 * len(absent)
    frame = Frame(Scale("log", low, high, left, WIDTH - 120), Scale("linear", 0, 1, bottom, top))
    on = Drawing(
        name,
        WIDTH,
        bottom + 48,
        title,
        "; ".join(
            f"{d.group}, {series[d.series]}: {of(d.errors, d.trials)}, rate {number(d.rate)}"
            for d in dots[:24]
        )
        + ("; and more in the table" if len(dots) > 24 else ""),
    )
    for value, words in frame.x.ticks():
        at = frame.x.at(value)
        on.line((at, top - 6), (at, bottom), colour=svg.GRID)
        on.words(words, (at, bottom + 16), anchor="middle", size=11, colour=FAINT)
    on.line((left, bottom), (WIDTH - 120, bottom))
    on.words(says, ((left + WIDTH - 120) / 2, bottom + 36), anchor="middle")
    svg.legend(on, (left, 12), series)
    on.words("errors / trials", (WIDTH - 8, top - 10), anchor="end", size=11, colour=FAINT)
    for g, group in enumerate(groups):
        y = top + step * g
        if g % 2 == 0:
            on.box(0, y, WIDTH, step, fill="#f2f2f2", opacity=0.6)
        on.words(short(group, 28), (8, y + step / 2 + 4), size=12)
        for d in (d for d in dots if d.group == group):
            _dot(on, frame, d, y + 12 + 14 * d.series, low)
    for i, group in enumerate(absent):
        y = top + step * len(groups) + 22 * i
        on.words(short(group, 28), (8, y + 15), size=12)
        on.words("not evaluated", (left + 8, y + 15), size=12, colour=FAINT)
    return on.text()


def _dot(on: Drawing, frame: Frame, d: Dot, y: float, floor: float) -> None:
    shade = colour(d.series)
    on.words(of(d.errors, d.trials), (WIDTH - 8, y + 4), anchor="end", size=10.5)
    if d.rate is None:
        on.words("not measured", (frame.x.start + 8, y + 4), size=11, colour=FAINT)
        return
    if d.low is not None and d.high is not None:
        on.line((frame.x.at(max(d.low, floor)), y), (frame.x.at(max(d.high, floor)), y), colour=shade, wide=2)
        if d.low < floor:
            on.arrow_left((frame.x.start, y), colour=shade)
    if d.rate > 0:
        on.mark((frame.x.at(d.rate), y), shape=MARKS[d.series], colour=shade)
    else:
        on.words("0 errors", (frame.x.start + 12, y - 3), size=10, colour=INK)


def heat_map(name: str, matrix: Row) -> str:
    """log10 of the FMR of each pair of groups at one threshold; each cell carries its number."""
    labels, rates, trials = matrix["labels"], matrix["fmr"], matrix["trials"]
    n = len(labels)
    left, top = 180.0, 34.0
    side = min(74.0, (WIDTH - left - 10) / max(n, 1))
    tall = min(44.0, max(side * 0.7, 24))
    logs = [math.log10(v) for row in rates for v in row if v]
    high = max(logs, default=0.0)
    # At least a decade from light to dark, so that noise does not look like a difference.
    low = min([*logs, high - 1])
    on = Drawing(
        name,
        WIDTH,
        top + tall * n + 30,
        f"Decimal logarithm of the false match rate for each pair of groups, {matrix['grouping']}, "
        f"target false match rate {number(matrix['target_fmr'])}",
        "Rows are the groups of the probe, columns those of the reference, in the same order. Darker is higher. "
        "0 stands for no false match counted, a dash for no comparison. The numbers are in the table.",
    )
    for j, _ in enumerate(labels):
        on.words(str(j + 1), (left + side * (j + 0.5), top - 8), anchor="middle", size=11, bold=True)
    for i, label in enumerate(labels):
        on.words(f"{i + 1}  {short(label, 24)}", (6, top + tall * (i + 0.5) + 4), size=11.5)
        for j in range(n):
            _cell(on, left + side * j, top + tall * i, side, tall, rates[i][j], trials[i][j], (low, high))
    on.words(
        "rows: group of the probe; columns: group of the reference", (left, top + tall * n + 20), size=11
    )
    return on.text()


def _cell(
    on: Drawing,
    x: float,
    y: float,
    wide: float,
    tall: float,
    rate: float | None,
    trials: int,
    ends: tuple[float, float],
) -> None:
    low, high = ends
    if not trials:
        fill, ink, words = "#ffffff", FAINT, "–"
    elif not rate:
        fill, ink, words = "#ffffff", INK, "0"
    else:
        share = (math.log10(rate) - low) / (high - low) if high > low else 0.0
        # From near white to dark blue.
        r, g, b = (round(a + (z - a) * share) for a, z in ((235, 8), (241, 48), (250, 107)))
        fill, ink = f"#{r:02x}{g:02x}{b:02x}", _legible_on(r, g, b)
        words = f"{math.log10(rate):.2f}".replace("-", "−")
    on.box(x, y, wide - 1, tall - 1, fill=fill, edge="#8a8a8a")
    on.words(
        words, (x + wide / 2 - 0.5, y + tall / 2 + 4), anchor="middle", size=min(12, wide / 3.4), colour=ink
    )


def _legible_on(*fill: int) -> str:
    """Black or white, whichever stands out more from a colour: always at 4.5:1 or more (WCAG 2.2, 1.4.3)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in fill)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#ffffff"


@dataclass(frozen=True, slots=True)
class Series:
    """Points (x, y) of one curve, with its name; band: (x, low, high) where known. joined: by a line."""

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    joined: bool = True


def curves(
    name: str,
    title: str,
    series: Sequence[Series],
    *,
    x_says: str,
    y_says: str,
    x_log: bool = False,
    y_log: bool = False,
    marks: bool = True,
    unmarked: int = 0,
    tall: float = 400,
) -> str:
    """Curves on plain or log axes, each with its own dash and mark; the first `MOST_SERIES` of them.

    unmarked: how many of the first are drawn as bare lines, having many points.
    """
    shown = series[:MOST_SERIES]
    on = Drawing(
        name,
        WIDTH,
        tall + 18 * len(shown) + 10,
        title,
        "; ".join(f"{s.name}: {len(s.points)} points" for s in shown),
    )
    top = 18.0 * len(shown) + 20
    xs = [p[0] for s in shown for p in s.points if p[0] > 0 or not x_log]
    ys = [v for s in shown for v in [*(p[1] for p in s.points), *(e for b in s.band for e in b[1:])]]
    ys = [v for v in ys if _finite(v) and (v > 0 or not y_log)]
    if not xs or not ys:
        on.words("nothing above zero to draw; see the table", (80, tall / 2))
        return on.text()
    frame = Frame(
        _scale(xs, 80, WIDTH - 20, log=x_log),
        _scale(ys, top + tall - 60, top, log=y_log),
    )
    frame.draw(on, x_says=x_says, y_says=y_says)
    for i, s in enumerate(shown):
        on.area(
            frame.through([(x, h) for x, _, h in s.band])
            + frame.through([(x, lo) for x, lo, _ in reversed(s.band)]),
            colour=colour(i),
        )
        points = frame.through([p for p in s.points if _finite(p[1]) and (p[0] > 0 or not x_log)])
        if s.joined:
            on.curve(points, colour=colour(i), dash=DASHES[i % len(DASHES)])
        if marks and i >= unmarked:
            for at in points:
                on.mark(at, shape=MARKS[i % len(MARKS)], colour=colour(i), size=3.5)
    svg.legend(on, (80, 12), [short(s.name, 90) for s in shown], marks=marks)
    return on.text()


def _scale(values: Sequence[float], start: float, end: float, *, log: bool) -> Scale:
    if log:
        low, high = min(values), max(values)
        wide = 10.0 ** math.floor(math.log10(low) + 1e-9), 10.0 ** math.ceil(math.log10(high) - 1e-9)
        return Scale("log", wide[0], wide[1] if wide[1] > wide[0] else wide[0] * 10, start, end)
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    floor = 0.0 if 0 <= low <= 0.35 * high else low - room
    return Scale("linear", floor, high + room, start, end)


def bars(name: str, title: str, says: str, rows: Sequence[Dot]) -> str:
    """Rates from 0 to 1 as bars, with their intervals and counts."""
    left, top = 220.0, 20.0
    bottom = top + 30 * len(rows)
    x = Scale("linear", 0, 1, left, WIDTH - 120)
    on = Drawing(
        name,
        WIDTH,
        bottom + 48,
        title,
        "; ".join(f"{d.group}: {of(d.errors, d.trials)}, rate {number(d.rate)}" for d in rows),
    )
    for value, words in x.ticks(6):
        on.line((x.at(value), top - 4), (x.at(value), bottom), colour=svg.GRID)
        on.words(words, (x.at(value), bottom + 16), anchor="middle", size=11, colour=FAINT)
    on.line((left, top - 4), (left, bottom))
    on.words(says, ((left + WIDTH - 120) / 2, bottom + 36), anchor="middle")
    for i, d in enumerate(rows):
        y = top + 30 * i
        on.words(short(d.group, 34), (left - 8, y + 16), size=11.5, anchor="end")
        on.words(of(d.errors, d.trials), (WIDTH - 8, y + 16), anchor="end", size=10.5)
        if d.rate is None:
            on.words("not measured", (left + 8, y + 16), size=11, colour=FAINT)
            continue
        on.box(left, y + 4, x.at(d.rate) - left, 16, fill="#9db9d6", edge=colour(0))
        if d.low is not None and d.high is not None:
            on.line((x.at(d.low), y + 12), (x.at(d.high), y + 12), wide=2)
            for end in (d.low, d.high):
                on.line((x.at(end), y + 7), (x.at(end), y + 17), wide=2)
    return on.text()


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
