"""Words of ISO/IEC 2382-37 as types: scores that keep their direction, candidates, failures to acquire."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Mode(StrEnum):
    """The three comparisons of the memorandum (HSI-M/2-modes), each a permission of its own."""

    VERIFICATION = "verification"
    TWO_PHOTOGRAPHS = "two-photographs"
    IDENTIFICATION = "identification"


@dataclass(frozen=True, slots=True)
class SimilarityScore:
    """Higher means more alike. Comparable only with scores of the same engine."""

    value: float
    engine_id: str


@dataclass(frozen=True, slots=True)
class DissimilarityScore:
    """Lower means more alike (a distance). Comparable only with scores of the same engine."""

    value: float
    engine_id: str


ComparisonScore = SimilarityScore | DissimilarityScore


class ComparisonDecision(StrEnum):
    """Decision on one comparison at a stated threshold; a 1:N search makes none."""

    MATCH = "match"
    NON_MATCH = "non_match"


class FailureCode(StrEnum):
    """Why a sample could not be acquired: an outcome (failure to acquire), never a score."""

    NO_FACE = "no-face"
    SEVERAL_FACES = "several-faces"
    FACE_TOO_SMALL = "face-too-small"
    TOO_BLURRED = "too-blurred"
    POOR_EXPOSURE = "poor-exposure"
    POOR_CONTRAST = "poor-contrast"
    POSE_TOO_FAR = "pose-too-far"
    TOO_COMPRESSED = "too-compressed"
    CORRUPT_FILE = "corrupt-file"
    UNSUPPORTED_TYPE = "unsupported-type"
    SEVERAL_FRAMES = "several-frames"
    VIDEO = "video"
    FILE_TOO_LARGE = "file-too-large"
    TOO_MANY_PIXELS = "too-many-pixels"
    UNUSABLE_METADATA = "unusable-metadata"
    ENGINE_ERROR = "engine-error"


@dataclass(frozen=True, slots=True)
class FailureToAcquire:
    """The capture step rejected the input: `says` what was seen, `remedy` what would help."""

    code: FailureCode
    says: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reference similar enough to deserve examination. Never an identification (HSI-M/2-candidate-list).

    rank: from 1. reference_id, person_id: the service's own pseudonymous ids.
    captured_on: when the reference photograph was taken, where the service knows it.
    """

    rank: int
    reference_id: str
    person_id: str
    score: ComparisonScore
    captured_on: date | None = None


@dataclass(frozen=True, slots=True)
class CandidateList:
    """The ranked answer of one 1:N search.

    candidates: by rank, at most 50. searched: number of references compared (all of them: the search is
    exact). limit, minimum: what was asked for. operating_point: id of the calibrated threshold in force,
    or None where the service returns the list with no decision.
    """

    candidates: tuple[Candidate, ...]
    searched: int
    limit: int
    minimum: ComparisonScore | None = None
    operating_point: str | None = None
