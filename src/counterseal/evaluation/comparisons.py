"""The comparisons of one test, and their scores.

One row is one comparison of a probe with a reference. Scores are oriented on reading so that higher means more
alike: a dissimilarity is negated, and `Direction` turns thresholds back for whoever reads them. A comparison that
failed has the score -inf, mated or not, and counts in every denominator (ISO/IEC 19795-1).

Groups are told by whoever knows them (the people themselves, a document, a measurement) and never inferred.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from counterseal.terms.errors import BadInputError

Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int16]

UNKNOWN = -1
"""The code of a side whose group nobody told."""


class EvaluationInputError(BadInputError):
    """What was given to an evaluation cannot be evaluated; says where, why and what to do."""


class Direction(StrEnum):
    """What a higher number means in the file that was read."""

    SIMILARITY = "similarity"
    DISSIMILARITY = "dissimilarity"

    def oriented(self, scores: Floats) -> Floats:
        """Numbers of the file as similarities, and similarities as numbers of the file."""
        return scores if self is Direction.SIMILARITY else -scores

    def shown(self, threshold: float) -> float:
        """A threshold in the numbers of the file."""
        return threshold if self is Direction.SIMILARITY else 0.0 - threshold  # never -0.0


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """One way of telling people apart, as it was told: `sex`, `age`, or an intersection such as `sex x age`.

    labels: the groups. probe, reference: (n,) index into labels for each side of each comparison, `UNKNOWN`
    where it was not told. how: `self-declared`, `document`, `measured`, `synthetic` or `not stated`.
    """

    name: str
    labels: tuple[str, ...]
    how: str
    probe: Codes
    reference: Codes


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """All comparisons of one test as columns of the same length n.

    scores: (n,) float32 or float64, higher is more alike, -inf where the comparison failed, never NaN.
    mated: (n,) both sides are of the same person. direction: what the file's own numbers meant.
    subjects: names of the people, S of them; probe_subject, reference_subject: (n,) index into them, both None
    where the file names nobody (then no bootstrap over subjects can be made, and intervals say so).
    groupings: by name, in the order in which they were told.
    failures: reason -> how many comparisons failed for it.
    """

    scores: Floats
    mated: Flags
    direction: Direction
    subjects: tuple[str, ...] = ()
    probe_subject: Indices | None = None
    reference_subject: Indices | None = None
    groupings: Mapping[str, Grouping] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold the shapes."""
        n = len(self.scores)
        columns: list[npt.NDArray[Any] | None] = [self.mated, self.probe_subject, self.reference_subject]
        columns += [side for g in self.groupings.values() for side in (g.probe, g.reference)]
        if self.scores.ndim != 1 or any(c is not None and c.shape != (n,) for c in columns):
            raise ValueError("every column of comparisons has one value a row")
        if (self.probe_subject is None) != (self.reference_subject is None):
            raise ValueError("subjects are named on both sides or on none")
        if np.isnan(self.scores).any():
            raise ValueError("a score is a number or -inf for a comparison that failed, never NaN")

    def __len__(self) -> int:
        """n, the number of comparisons."""
        return len(self.scores)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Mated and non-mated scores, each in ascending order: all that rates and curves need.

    mated: (M,), non_mated: (K,); higher is more alike; float32 or float64.
    """

    mated: Floats
    non_mated: Floats
    direction: Direction = Direction.SIMILARITY

    @classmethod
    def sorted_in_place(cls, mated: Floats, non_mated: Floats, direction: Direction) -> "Scores":
        """Sort both arrays where they lie (no copy: 1e8 scores stay under 1 GB) and own them from then on."""
        mated.sort()
        non_mated.sort()
        return cls(mated, non_mated, direction)

    @classmethod
    def of(cls, comparisons: Comparisons) -> "Scores":
        """The scores of these comparisons; both kinds are copied."""
        mated = comparisons.mated
        return cls.sorted_in_place(
            comparisons.scores[mated], comparisons.scores[~mated], comparisons.direction
        )
