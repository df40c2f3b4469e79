"""The port behind which every face recognition service stands, and what crosses it.

A connector runs in a process of its own, holds the service's credential, and acts only on a receipt that
it has verified itself. No receipt, no call: order by proof, not by code path.
"""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from counterseal.terms.biometrics import ComparisonDecision


@dataclass(frozen=True, slots=True)
class Submission:
    """One sealed use on its way to a service.

    request: canonical JSON of what is asked. entry: the intent's leaf bytes. opening: the disclosure that
    opens the entry's commitment to `request`. receipt: C2SP tlog-proof of `entry`. probe, second: image
    files without metadata, their SHA-256 in `request`.
    """

    request: bytes
    entry: bytes
    opening: str
    receipt: bytes
    probe: bytes
    second: bytes = b""


@dataclass(frozen=True, slots=True)
class ReturnedCandidate:
    """One reference that the service returned; `photograph` is an image file. Ids are the service's own."""

    reference_id: str
    person_ref: str
    score: float
    captured_on: date | None
    photograph: bytes


@dataclass(frozen=True, slots=True)
class Foil:
    """A reference that is no candidate, shown to the second reviewer among the candidates."""

    reference_id: str
    person_ref: str
    photograph: bytes


@dataclass(frozen=True, slots=True)
class ComparisonAnswer:
    """Outcome of a one-to-one comparison or of two photographs; decision None where no threshold is stated."""

    score: float
    threshold: float | None
    decision: ComparisonDecision | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered. score_kind: ``similarity`` or ``dissimilarity``.

    returned: the service's own count of candidates; the connector checks it against what came.
    operating_point: id of the calibrated threshold the service states for this gallery size, or None.
    """

    engine_id: str
    score_kind: str
    searched: int
    returned: int
    candidates: tuple[ReturnedCandidate, ...] = ()
    foils: tuple[Foil, ...] = ()
    comparison: ComparisonAnswer | None = None
    operating_point: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceFailure:
    """The service gave no usable answer. code: a stable word, sealed with the outcome."""

    code: str
    says: str


class HangUpError(Exception):
    """The backend wants the connection dropped without an answer (simulator only).

    Here, and not in `serve`: that module runs as `__main__`, where its classes are not the imported ones.
    """


class FaceService(Protocol):
    """A service that can be asked. Never raises for anything the service does: a failure is a value."""

    def submit(self, submission: Submission) -> Answer | ServiceFailure:
        """Ask once. Bounded in time."""
        ...

    def close(self) -> None:
        """Let go of the process behind the port."""
        ...
