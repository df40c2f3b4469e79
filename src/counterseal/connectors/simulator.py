"""A simulated outside service on the real port: slow, failing, lying or hanging up, as its service.toml says.

It keeps no faces; it makes up references. `behaviour` in service.toml, or the file `behaviour` in the
folder while it runs (one word), chooses:
honest | slow | fails | lies-about-count | lies-about-order | too-many | hangs-up | babbles.
"""

import io
import time
from pathlib import Path
from typing import Any

from PIL import Image

from counterseal.connectors.port import (
    Answer,
    ComparisonAnswer,
    HangUpError,
    ReturnedCandidate,
    ServiceFailure,
    Submission,
)
from counterseal.connectors.receipts import Question
from counterseal.terms.biometrics import Mode


class SimulatedService:
    """An outside service that is no service. Counts its calls in the file `calls`."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self._folder = folder
        self._config = config

    def answer(self, question: Question, submission: Submission) -> Answer | ServiceFailure:  # noqa: ARG002
        """Make up an answer in the chosen manner; the photographs are not looked at."""
        with (self._folder / "calls").open("a") as calls:
            calls.write(f"{question.index} {question.id}\n")
        behaviour = self._behaviour()
        if behaviour == "slow":
            time.sleep(float(self._config.get("slow_seconds", 5)))
        if behaviour == "fails":
            return ServiceFailure("service-error", "the simulated service failed, as it was told to")
        if behaviour == "hangs-up":
            raise HangUpError
        if question.mode != Mode.IDENTIFICATION:
            return Answer("simulated-1", "similarity", 1, 0, comparison=ComparisonAnswer(0.5, None, None))
        count = question.limit + 3 if behaviour == "too-many" else min(question.limit, 5)
        scores = [0.9 - 0.01 * n for n in range(count)]
        if behaviour == "lies-about-order":
            scores.reverse()
        candidates = tuple(
            ReturnedCandidate(f"ref-{n}", f"person-ref-{n}", score, None, _grey(n))
            for n, score in enumerate(scores)
        )
        returned = count + 2 if behaviour == "lies-about-count" else count
        engine = "" if behaviour == "babbles" else "simulated-1"
        return Answer(engine, "similarity", 1000, returned, candidates=candidates)

    def _behaviour(self) -> str:
        told = self._folder / "behaviour"
        return told.read_text().strip() if told.exists() else str(self._config.get("behaviour", "honest"))


def _grey(n: int) -> bytes:
    picture = io.BytesIO()
    Image.new("L", (64, 80), 60 + 10 * (n % 18)).save(picture, "PNG")
    return picture.getvalue()
