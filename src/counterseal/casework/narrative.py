"""Measure a narrative, so that a policy can refuse one that says nothing.

Reads no policy: the words that do not count come from the pack in force. "investigation", "." and "case"
were typed as the reason for 156,161 searches elsewhere; repetition and filler are measured, not judged.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NarrativeMeasures:
    """distinct_words: different words that are not on the stop-list; stop_listed: nothing but stop-list words."""

    distinct_words: int
    stop_listed: bool


def normalised(text: str) -> str:
    """Lower case words with single spaces: what repetition is judged on."""
    return " ".join(_words(text))


def measure(text: str, stop_list: Collection[str]) -> NarrativeMeasures:
    """Count what a narrative says beyond the stop-list's filler words."""
    filler = {word for phrase in stop_list for word in _words(phrase)}
    words = _words(text)
    # A "word" such as "xxxx" or "aaa" says nothing: it needs two different letters.
    telling = {w for w in words if w not in filler and len(set(w)) > 1 and not w.isdigit()}
    return NarrativeMeasures(distinct_words=len(telling), stop_listed=not telling)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())
