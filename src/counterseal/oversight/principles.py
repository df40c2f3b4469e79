"""What is asked of a use before three offices may concur, and what sends it back to them. Pure data and its reading.

The nine principles are those of Executive Order 13960, section 3, in our words (PS-139-06/eo-13960).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

PRINCIPLES: Mapping[str, str] = {
    "lawful": "lawful, and respectful of the nation's values",
    "purposeful": "for a purpose, and worth more than it puts at risk",
    "accurate": "accurate, reliable and effective",
    "safe": "safe, secure and resilient",
    "understandable": "understandable to those who use it and those it touches",
    "responsible": "somebody answers for it, and what it did can be traced",
    "monitored": "tested against these principles regularly",
    "transparent": "disclosed to the public and to those who oversee it",
    "accountable": "safeguards are in place, watched and documented",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A change that sends a use back to the three offices. says: what it means. states: of a use it can happen to."""

    says: str
    states: tuple[str, ...]


_ANY = ("active", "objected", "suspended")
CHANGES: Mapping[str, Change] = {
    "version": Change("the algorithm under it has another version", _ANY),
    "gallery": Change("the reference database is another, or holds others", _ANY),
    "volume": Change("it is used more than the offices were told", _ANY),
    "pack": Change("the rules it rests on changed", _ANY),
    "objection": Change("what an office objected to was changed", ("objected",)),
    "suspension": Change("what it was suspended for was mended", ("suspended",)),
}


def missing_principles(held: Collection[str]) -> tuple[str, ...]:
    """The principles without evidence, in the order of the text."""
    return tuple(code for code in PRINCIPLES if code not in held)
