"""The real engine once a session, and a toy engine on the same protocol for what needs no faces."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from counterseal.biometrics.embedded import EmbeddedEngine, load_embedded
from counterseal.biometrics.engine import Box, Face, LandmarkScheme, Metric, Pixels, Template
from counterseal.biometrics.quality import QualityFloor
from counterseal.cli.demo.synthetic_people import SyntheticPerson, people


class ToyEngine:
    """Finds one face in every picture of at least 40 px and hashes its pixels into a template."""

    engine_id = "toy:1"
    metric = Metric.EUCLIDEAN
    dimension = 16

    def detect(self, pixels: Pixels) -> tuple[Face, ...]:
        height, width = pixels.shape[:2]
        if min(height, width) < 40:
            return ()
        eyes = ((width * 0.6, height * 0.4), (width * 0.5, height * 0.4), (width * 0.3, height * 0.4))
        points = (*eyes, (width * 0.4, height * 0.4), (width * 0.45, height * 0.6))
        return (Face(Box(0, 0, width, height), points, LandmarkScheme.EYE_CORNERS, 1.0, "toy"),)

    def chip(self, pixels: Pixels, face: Face) -> Pixels:
        return np.asarray(Image.fromarray(pixels).resize((150, 150)), dtype=np.uint8)

    def template(self, chip: Pixels) -> Template:
        digest = hashlib.sha256(chip.tobytes()).digest()
        return Template(np.frombuffer(digest[:16], np.uint8).astype(np.float32) + 1, self.engine_id)


# Demands nothing: for tests that are not about quality.
OPEN_FLOOR = QualityFloor(0, 0, 0, 0, 0, 0, 0, 180, 180, 180, 0)


@pytest.fixture(scope="session")
def engine() -> EmbeddedEngine:
    return load_embedded(threads=1)


@pytest.fixture
def toy() -> ToyEngine:
    return ToyEngine()


@pytest.fixture
def open_floor() -> QualityFloor:
    return OPEN_FLOOR


@pytest.fixture
def probe_floor() -> QualityFloor:
    return QualityFloor.for_probe()


@pytest.fixture(scope="session")
def crowd() -> list[SyntheticPerson]:
    return people(6)


def picture_of(seed: int, size: tuple[int, int] = (64, 64)) -> bytes:
    rng = np.random.default_rng(seed)
    out = io.BytesIO()
    pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def noise_picture():
    """A PNG of noise, different for every seed."""
    return picture_of
