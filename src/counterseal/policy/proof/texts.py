"""Texts as finite classes: which texts a formula can tell apart, and which facts it compares.

A policy compares texts with `==`, with membership in sets, and with patterns. So what a text is does not
matter, only which written texts it equals, which facts it equals, and which patterns it fits. Facts and
written texts that are compared with each other form a class. A class holds its written texts and, for each
combination of patterns that a text can fit, enough fresh ones: one for each fact of the class, and one for
each way in which its sets can overlap. Any request over all texts has one over these that every formula
treats alike, so nothing is lost: a claim proved over the class holds for every text.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product

from counterseal.policy.proof.errors import ProofError
from counterseal.policy.proof.solvers import z3
from counterseal.policy.schema import LeafType

MOST_SETS = 5
# Fresh members beyond what is needed, so that an example's own words in a set can stand as they are.
ROOM = 3

# The parts of a pattern in order; None is the wildcard.
Pattern = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A mention of a fact that is a text or a set of texts, by dotted path."""

    path: str


@dataclass(frozen=True, slots=True)
class Written:
    """A mention of a text that a policy or a claim writes out."""

    text: str


Mention = Fact | Written


@dataclass(frozen=True, slots=True)
class TextClass:
    """One class. members: the written texts, then the fresh ones, all different. patterns: those it is held against."""

    members: tuple[str, ...]
    written: int
    patterns: tuple[Pattern, ...]

    @property
    def width(self) -> int:
        """Bits that number the members."""
        return max(1, (len(self.members) - 1).bit_length())

    def code(self, text: str) -> int:
        """The number of a written text. Raises: ProofError: it was not compared when the class was made."""
        try:
            return self.members.index(text, 0, self.written)
        except ValueError as error:
            raise ProofError(f"`{text}` is compared with a fact of another class") from error

    def alike(self, text: str, number: int) -> bool:
        """Whether a fresh member can stand for a text: it fits the same patterns."""
        return all(fits(text, pattern) == fits(self.members[number], pattern) for pattern in self.patterns)


@dataclass(slots=True)
class _Group:
    paths: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    patterns: set[Pattern] = field(default_factory=set)


class TextClasses:
    """Collects what is compared with what, then closes into classes."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def compare(self, mentions: Iterable[Mention], pattern: Pattern | None = None) -> None:
        """These mentions are compared with each other, or each is held against a pattern."""
        joined = _Group()
        if pattern is not None:
            joined.patterns.add(pattern)
        for mention in mentions:
            if isinstance(mention, Written):
                joined.texts.add(mention.text)
            else:
                joined.paths.add(mention.path)
        for path in tuple(joined.paths):
            group = self._groups.get(path)
            if group is not None and group is not joined:
                joined.paths |= group.paths
                joined.texts |= group.texts
                joined.patterns |= group.patterns
        for path in joined.paths:
            self._groups[path] = joined

    def close(self, types: Mapping[str, LeafType]) -> dict[str, TextClass]:
        """The class of each fact of `types` that is a text or a set of texts."""
        closed: dict[int, TextClass] = {}
        classes = {}
        for path, kind in types.items():
            if kind not in (LeafType.STRING, LeafType.STRINGS):
                continue
            group = self._groups.setdefault(path, _Group({path}))
            if id(group) not in closed:
                closed[id(group)] = _closed(group, types)
            classes[path] = closed[id(group)]
        return classes


def _closed(group: _Group, types: Mapping[str, LeafType]) -> TextClass:
    kinds = [types[path] for path in group.paths if path in types]
    sets = kinds.count(LeafType.STRINGS)
    if sets > MOST_SETS:
        raise ProofError(f"more than {MOST_SETS} sets are compared with each other: {sorted(group.paths)}")
    fresh = kinds.count(LeafType.STRING) + (2**sets - 1 + ROOM if sets else 0)
    written = sorted(group.texts)
    return TextClass((*written, *_fresh(group, fresh)), len(written), tuple(group.patterns))


def _fresh(group: _Group, count: int) -> list[str]:
    """Texts that are not written, `count` of them (or as many as there are) for each combination of patterns."""
    if not group.patterns:
        numbered = (f"other-{number}" for number in range(1, count + len(group.texts) + 1))
        return [text for text in numbered if text not in group.texts][:count]
    patterns = sorted(group.patterns, key=str)
    letters = {letter for pattern in patterns for part in pattern for letter in part or ""}
    alphabet = z3.Union(
        *(z3.Re(letter) for letter in sorted(letters)), z3.Range("a", "z"), z3.Range("0", "9"), z3.Re("-")
    )
    text = z3.String("text")
    texts: list[str] = []
    for wanted_of in product((False, True), repeat=len(patterns)):
        solver = z3.Solver()
        solver.add(z3.InRe(text, z3.Star(alphabet)), *(text != z3.StringVal(t) for t in group.texts))
        for pattern, wanted in zip(patterns, wanted_of, strict=True):
            # Each part one after the other, with anything at all in a wildcard's place.
            parts = [z3.Star(alphabet) if part is None else z3.Re(part) for part in pattern] or [z3.Re("")]
            inside = z3.InRe(text, parts[0] if len(parts) == 1 else z3.Concat(*parts))
            solver.add(inside if wanted else z3.Not(inside))
        for _ in range(count):
            answer = solver.check()
            if answer == z3.unknown:
                raise ProofError(f"no answer whether a text can fit some of {patterns}")
            if answer == z3.unsat:
                break
            texts.append(solver.model()[text].as_string())
            solver.add(text != z3.StringVal(texts[-1]))
    return texts


def fits(text: str, pattern: Pattern) -> bool:
    """Whether a text fits a pattern, as Cedar's `like` has it."""
    regex = "".join(".*" if part is None else re.escape(part) for part in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None
