"""How numbers and other people's words are written, the same in every page, table and drawing.

A rate is written with four significant digits and never as a percentage. Words that come from a plan, a corpus
or a groups file are somebody else's: what would steer the page (control characters, marks that turn the
direction of writing for what follows, halves of characters) is shown as U+FFFD.
"""

import math
import unicodedata
from collections.abc import Sequence

UNKNOWN = "not told"
NO_INTERVAL = "no interval"
_KEPT = {"\t": " ", "\n": " ", "\r": " "}
_STEERING = {"Cc", "Cs", "Co", "Cn"}
_TURNING = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029, 0xFEFF)}


def plain(words: object) -> str:
    """Somebody else's words as one harmless run of text; `not told` for None."""
    if words is None:
        return UNKNOWN
    if isinstance(words, bool):
        return "yes" if words else "no"
    return "".join(_KEPT.get(c) or ("�" if _steers(c) else c) for c in str(words))


def _steers(char: str) -> bool:
    return char in _TURNING or unicodedata.category(char) in _STEERING


def short(words: object, most: int) -> str:
    """At most `most` characters of it, for a label in a drawing."""
    text = plain(words)
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def count(number: int | None) -> str:
    """A count with its thousands: `266,772`."""
    return UNKNOWN if number is None else f"{number:,}"


def number(value: float | None, digits: int = 4) -> str:
    """A measured number with so many significant digits: `0.0009971`, `9.971e-5`; `none` where undefined."""
    if value is None or math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "unbounded" if value > 0 else "below every score"
    text = f"{value:.{digits}g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text


def at(threshold: float | None) -> str:
    """A threshold, to six digits."""
    return "beyond every score" if threshold is None else number(threshold, 6)


def of(errors: int | None, trials: int | None) -> str:
    """`83 / 517`; `no counts` for a number that was not counted."""
    if errors is None and trials is None:
        return "no counts"
    return f"{count(errors)} / {count(trials)}"


def between(interval: Sequence[float | None] | None) -> str:
    """`0.1299 to 0.1951`; an end that is not known is left open."""
    if interval is None or (interval[0] is None and interval[1] is None):
        return NO_INTERVAL
    if interval[0] is None or interval[1] is None:
        return f"at most {number(interval[1])}" if interval[0] is None else f"at least {number(interval[0])}"
    return f"{number(interval[0])} to {number(interval[1])}"


def one_in(rate: float | None) -> str:
    """A rate for somebody who reads no rates: `1 in 1,003`, `16 in 100`, `none`."""
    if rate is None:
        return "not known"
    if rate <= 0:
        return "none"
    if rate >= 0.05:
        return f"{_hundredths(rate)} in 100"
    return f"1 in {_rounded(1 / rate):,}"


def _hundredths(rate: float) -> str:
    whole = rate * 100
    return "fewer than 100" if 99.5 <= whole < 100 else f"{whole:.0f}"


def _rounded(many: float) -> int:
    """To three significant digits: nobody reads more out of a rate."""
    step: int = 10 ** max(0, math.floor(math.log10(many)) - 2)
    return round(many / step) * step


def times(ratio: float) -> str:
    """How many times as often, to two digits: `18`, `1.4`, `120`."""
    return number(ratio, 2) if ratio < 10 else f"{round(ratio, 1 - math.floor(math.log10(ratio))):,.0f}"


def spoken(errors: int | None, rate: float | None, interval: Sequence[float | None] | None) -> str:
    """`about 1 in 1,000 (between 1 in 672 and 1 in 1,650)`; says where nothing was seen and what that allows."""
    low, high = (None, None) if interval is None else (interval[0], interval[1])
    if rate is None:
        return "not measured"
    if errors == 0 or rate <= 0:
        bound = "" if high is None else f"; it may still be as often as {one_in(high)}"
        return f"no such error was seen{bound}"
    if low is None or high is None:
        return f"about {one_in(rate)} (how far off this may be is not known)"
    least = "almost none" if low <= 0 else one_in(low)
    return f"about {one_in(rate)} (between {least} and {one_in(high)})"
