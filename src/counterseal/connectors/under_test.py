"""An engine as a test meets it: pictures in, features or failures and scores out.

A test takes the road of the capture step that searches take: the same decoding, detection, quality floors and
templates, the same comparison. What the capture step rejects is an outcome with its code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from counterseal.biometrics.brought import load_brought
from counterseal.biometrics.capture import capture
from counterseal.biometrics.compare import compare, raw_scores
from counterseal.biometrics.engine import Engine, Metric, Template
from counterseal.biometrics.models import RECOGNISER
from counterseal.biometrics.quality import INTER_EYE_DISTANCE, SHARPNESS, NotAssessed, QualityFloor
from counterseal.biometrics.stills import DEFAULT_LIMITS
from counterseal.connectors.embedded import shared_engine
from counterseal.terms.biometrics import FailureToAcquire

__all__ = ["MOST_BYTES", "SHARPNESS", "EngineUnderTest", "Sample", "rows_of", "under_test"]

MOST_BYTES = DEFAULT_LIMITS.max_bytes
"""A longer file is a failure to acquire; nobody need read more of it than one byte beyond."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the engine made of one picture.

    features: float32, little-endian; empty where the picture was not acquired. not_acquired, not_enrolled: the
    code of the failure at the floor for probes and at the stricter one for references, or empty.
    says: the first failure in words. quality: component -> value, of an acquired face; None: not assessed.
    width, height: of the upright picture in pixels, 0 where it was not acquired.
    """

    features: bytes
    not_acquired: str
    not_enrolled: str
    says: str
    quality: Mapping[str, float | None]
    width: int
    height: int

    @property
    def eye_distance(self) -> float | None:
        """Between the eyes' centres, in pixels."""
        return self.quality.get(INTER_EYE_DISTANCE)


class EngineUnderTest:
    """One engine in one version. engine_id tells everything that shapes a template."""

    def __init__(self, engine: Engine, model_sha256: str) -> None:
        self._engine = engine
        self.engine_id = engine.engine_id
        self.model_sha256 = model_sha256

    @property
    def direction(self) -> str:
        """What a higher score means: ``similarity`` or ``dissimilarity``."""
        return "dissimilarity" if self._engine.metric is Metric.EUCLIDEAN else "similarity"

    @property
    def template_bytes(self) -> int:
        """Size of one template."""
        return 4 * self._engine.dimension

    @cached_property
    def floors(self) -> Mapping[str, Mapping[str, float]]:
        """The demands on probes and on references, as numbers."""
        floors = {"probe": QualityFloor.for_probe(), "reference": QualityFloor.for_enrolment()}
        return {role: {n: float(getattr(f, n)) for n in f.__slots__} for role, f in floors.items()}

    def acquire(self, picture: bytes) -> Sample:
        """Take one picture through the capture step. Never raises on any bytes."""
        taken = capture(picture, engine=self._engine, floor=QualityFloor.for_probe())
        if isinstance(taken, FailureToAcquire):
            return Sample(b"", str(taken.code), str(taken.code), taken.says, {}, 0, 0)
        below = QualityFloor.for_enrolment().below(taken.quality)
        turned = taken.metadata.orientation >= 5
        width, height = taken.metadata.width, taken.metadata.height
        return Sample(
            features=taken.template.values.astype("<f4").tobytes(),
            not_acquired="",
            not_enrolled=str(below.code) if below else "",
            says=below.says if below else "",
            quality={c.name: None if isinstance(c.value, NotAssessed) else c.value for c in taken.quality},
            width=height if turned else width,
            height=width if turned else height,
        )

    def scores(self, probe: bytes, references: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Scores of one probe's features against rows (n, d): the numbers that `compare_one` gives for each."""
        wide = np.frombuffer(probe, dtype="<f4").astype(np.float64)
        return raw_scores(self._engine.metric, wide, references)

    def compare_one(self, probe: bytes, reference: bytes) -> float:
        """The score of one comparison, as a service answers it."""
        return compare(self._template(probe), self._template(reference), self._engine).value

    def _template(self, features: bytes) -> Template:
        return Template(np.frombuffer(features, dtype="<f4").astype(np.float32), self.engine_id)


def rows_of(features: list[bytes]) -> npt.NDArray[np.float64]:
    """Features as rows to be compared with, (n, d)."""
    return np.array([np.frombuffer(f, dtype="<f4") for f in features], dtype=np.float64)


def under_test(config: Mapping[str, Any]) -> EngineUnderTest:
    """The engine that a service.toml names: a folder that an agency brings, or the embedded one.

    model_sha256 is the digest of the recogniser's file.

    Raises:
        EngineLoadError: the engine is not to be served; the error names the field.
    """
    if "engine" not in config:
        return EngineUnderTest(shared_engine(), RECOGNISER.sha256)
    brought = load_brought(Path(str(config["engine"])))
    return EngineUnderTest(brought, brought.recogniser_sha256)
