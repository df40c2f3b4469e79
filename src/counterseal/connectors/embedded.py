"""The embedded face engine as a service: its own process, gallery, credential and operating points.

It compares only what `receipts.ReceiptGate` admitted. Thresholds are what service.toml states; where none is
stated for a gallery of this size, a search returns its list with no decision.
"""

import math
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from counterseal.biometrics.brought import load_brought
from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.compare import compare, reaches
from counterseal.biometrics.embedded import EmbeddedEngine, load_embedded
from counterseal.biometrics.engine import Engine, Metric, Template
from counterseal.biometrics.gallery import Enrolled, ErasureSteps, Gallery, StoredReference, pictures_in
from counterseal.biometrics.identify import OperatingPoint, identify
from counterseal.biometrics.quality import QualityFloor
from counterseal.connectors.port import (
    Answer,
    ComparisonAnswer,
    Foil,
    ReturnedCandidate,
    ServiceFailure,
    Submission,
)
from counterseal.connectors.receipts import Question
from counterseal.terms.biometrics import (
    ComparisonDecision,
    ComparisonScore,
    DissimilarityScore,
    FailureToAcquire,
    Mode,
    SimilarityScore,
)
from counterseal.terms.errors import BadInputError

FOILS = 4
# What service.toml may state as the floor for references. A reference answers many searches: the strict one
# is the default, and the one for probes takes smaller pictures at the price that the model card shows.
_FLOORS = {"enrolment": QualityFloor.for_enrolment, "probe": QualityFloor.for_probe}


class EmbeddedService:
    """Answers questions from its own gallery.

    config: service.toml. ``engine``: folder of a brought engine (`biometrics/brought.py`), else the embedded one
    runs. ``verification_threshold``: for one-to-one uses. ``operating_point``,
    ``operating_threshold``, ``operating_size``, ``operating_fpir``, ``operating_calibration``: for searches.
    """

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self._engine = engine_of(config)
        self._gallery = open_gallery(folder, self._engine)
        self._gallery.index()
        self._config = config
        self._one_at_a_time = Lock()

    def answer(self, question: Question, submission: Submission) -> Answer | ServiceFailure:
        """Compare what was asked, and nothing else. One question at a time: the detector keeps state."""
        with self._one_at_a_time:
            return self._answered(question, submission)

    def _answered(self, question: Question, submission: Submission) -> Answer | ServiceFailure:
        probe = self._acquired(submission.probe)
        if isinstance(probe, ServiceFailure):
            return probe
        match question.mode:
            case Mode.IDENTIFICATION:
                return self._identify(probe.template, question)
            case Mode.VERIFICATION:
                return self._compare(probe.template, self._gallery.template(question.claimed_reference))
            case Mode.TWO_PHOTOGRAPHS:
                second = self._acquired(submission.second)
                if isinstance(second, ServiceFailure):
                    return second
                return self._compare(probe.template, second.template)
        return ServiceFailure("unknown-mode", f"this service knows no mode `{question.mode}`")

    def _identify(self, probe: Template, question: Question) -> Answer:
        index = self._gallery.index()
        found = identify(
            probe,
            index,
            limit=question.limit,
            minimum=None if question.minimum is None else self._score(question.minimum),
            operating_point=self._operating_point(len(index)),
        )
        candidates = tuple(
            ReturnedCandidate(
                c.reference_id,
                c.person_id,
                c.score.value,
                c.captured_on,
                self._gallery.photograph(c.reference_id),
            )
            for c in found.candidates
        )
        foils = self._foils({c.person_id for c in found.candidates}) if candidates else ()
        return self._answer(
            searched=found.searched, candidates=candidates, foils=foils, operating_point=found.operating_point
        )

    def _compare(self, probe: Template, reference: Template) -> Answer:
        score = compare(probe, reference, self._engine)
        stated = self._config.get("verification_threshold")
        if stated is None:
            return self._answer(searched=1, comparison=ComparisonAnswer(score.value, None, None))
        match = reaches(score, self._score(float(stated)))
        decision = ComparisonDecision.MATCH if match else ComparisonDecision.NON_MATCH
        return self._answer(searched=1, comparison=ComparisonAnswer(score.value, float(stated), decision))

    def _answer(
        self,
        *,
        searched: int,
        candidates: tuple[ReturnedCandidate, ...] = (),
        foils: tuple[Foil, ...] = (),
        comparison: ComparisonAnswer | None = None,
        operating_point: str | None = None,
    ) -> Answer:
        return Answer(
            engine_id=self._engine.engine_id,
            score_kind="dissimilarity" if self._engine.metric is Metric.EUCLIDEAN else "similarity",
            searched=searched,
            returned=len(candidates),
            candidates=candidates,
            foils=foils,
            comparison=comparison,
            operating_point=operating_point,
        )

    def _foils(self, shown: set[str]) -> tuple[Foil, ...]:
        """References of other people, drawn at random, that are no candidates."""
        others = [r for r in self._gallery.index().references if r.person_id not in shown]
        drawn = secrets.SystemRandom().sample(others, min(FOILS, len(others)))
        return tuple(
            Foil(r.reference_id, r.person_id, self._gallery.photograph(r.reference_id)) for r in drawn
        )

    def _acquired(self, picture: bytes) -> Capture | ServiceFailure:
        acquired = capture(picture, engine=self._engine, floor=QualityFloor.for_probe())
        if isinstance(acquired, FailureToAcquire):
            return ServiceFailure(f"failure-to-acquire-{acquired.code}", acquired.says)
        return acquired

    def _operating_point(self, size: int) -> OperatingPoint | None:
        """The point that service.toml states, where it was calibrated for a gallery of this size."""
        c = self._config
        if "operating_point" not in c or size > int(c["operating_size"]):
            return None
        return OperatingPoint(
            str(c["operating_point"]),
            int(c["operating_size"]),
            self._score(float(c["operating_threshold"])),
            float(c["operating_fpir"]),
            str(c["operating_calibration"]),
        )

    def _score(self, value: float) -> ComparisonScore:
        if not math.isfinite(value):
            raise ValueError("a bound on scores is a finite number")
        kind = DissimilarityScore if self._engine.metric is Metric.EUCLIDEAN else SimilarityScore
        return kind(value, self._engine.engine_id)


@cache
def shared_engine() -> EmbeddedEngine:
    """The embedded engine, loaded once a process: loading takes longer than most searches."""
    return load_embedded()


def engine_of(config: Mapping[str, Any]) -> Engine:
    """The engine that service.toml names: a folder that an agency brings, or the embedded one.

    Raises:
        EngineLoadError: the folder's engine is not to be served; the error names the field.
    """
    return _brought(str(config["engine"])) if "engine" in config else shared_engine()


@cache
def _brought(folder: str) -> Engine:
    return load_brought(Path(folder))


def open_gallery(folder: Path, engine: Engine) -> Gallery:
    """The gallery of a service folder, under the service's own key."""
    return Gallery(
        folder / "gallery",
        key=(folder / "gallery.key").read_bytes(),
        engine_id=engine.engine_id,
        metric=engine.metric,
    )


def pictures_under(folder: Path) -> list[Path]:
    """The files that an enrolment of this folder would read."""
    return pictures_in(folder)


class GalleryDesk:
    """The operator's side of the embedded service: enrol, list, erase. Never through the search port."""

    def __init__(self, folder: Path) -> None:
        with (folder / "service.toml").open("rb") as file:
            config = tomllib.load(file)
        stated = str(config.get("enrolment_floor", "enrolment"))
        if stated not in _FLOORS:
            raise BadInputError(
                f"`{folder / 'service.toml'}`: enrolment_floor is `{stated}`; it is `enrolment` or `probe`"
            )
        self._floor = _FLOORS[stated]()
        self._engine = engine_of(config)
        self._gallery = open_gallery(folder, self._engine)

    def enrol_folder(self, pictures: Path) -> Iterator[tuple[Path, str | None]]:
        """Enrol every picture under a folder; yields each with the code of its failure to enrol, or None."""
        for picture, outcome in self._gallery.enrol_folder(pictures, engine=self._engine, floor=self._floor):
            if isinstance(outcome, Enrolled):
                yield picture, None
            else:
                yield picture, str(outcome.cause.code) if outcome.cause else "already-enrolled"

    def references(self) -> tuple[StoredReference, ...]:
        """Every reference, by id."""
        return self._gallery.references()

    def template_bytes(self, reference_id: str) -> bytes:
        """One template in the form that is sealed: what a drill of erasure looks for in files."""
        return self._gallery.template(reference_id).values.astype("<f4").tobytes()

    def set_searchable(self, reference_id: str, searchable: bool) -> None:
        """Take a reference out of searches, or back in (gallery hygiene)."""
        self._gallery.set_searchable(reference_id, searchable)

    def erase(self, person_id: str) -> ErasureSteps:
        """Erase everything about one person, and check it."""
        return self._gallery.erase(person_id)

    def close(self) -> None:
        """Let go of the file."""
        self._gallery.close()
