"""Acquire every image of a test, resumably.

What is done stands in a work file, one line an image, keyed by the image's digest; its first line names the
engine and the floors. A run that was killed goes on where it stopped and ends with the same samples. The work file
holds templates: only its owner can read it, and `run_test` removes it with the last comparison.
"""

import fcntl
import hashlib
import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from counterseal.connectors.under_test import MOST_BYTES, EngineUnderTest, Sample
from counterseal.gateway.testing.manifest import Image, Manifest, ManifestError
from counterseal.terms.errors import BadInputError, StaleError

_FORM = 1


class HalfFinishedError(BadInputError):
    """The folder holds the beginning of another run."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """One image of the manifest with its sample. seconds: what the capture step took, decoding to template."""

    image: Image
    sample: Sample
    seconds: float


def acquire_all(
    manifest: Manifest, engine: EngineUnderTest, work: Path, progress: Callable[[int], None]
) -> list[Acquired]:
    """A sample of every image, in the manifest's order; what the work file holds is not made again.

    progress: called with how many are there.

    Raises:
        HalfFinishedError: the work file is of another engine, or damaged.
        StaleError: another run is at work in this folder. ManifestError: an image changed meanwhile.
    """
    with _opened(work, engine) as (file, done):
        acquired = []
        for number, image in enumerate(manifest.images, start=1):
            if image.sha256 not in done:
                picture = _read(manifest, image)
                began = time.perf_counter()
                sample = engine.acquire(picture)
                done[image.sha256] = sample, time.perf_counter() - began
                file.write(_line(image.sha256, *done[image.sha256]))
                file.flush()
            acquired.append(Acquired(image, *done[image.sha256]))
            progress(number)
        return acquired


def _read(manifest: Manifest, image: Image) -> bytes:
    path = manifest.path(image)
    try:
        with path.open("rb") as file:
            # What is longer fails in the capture step by its length alone, whatever else it holds.
            picture = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ManifestError(f"image `{image.name}` cannot be read: {error.strerror}; run again") from error
    if len(picture) <= MOST_BYTES and hashlib.sha256(picture).hexdigest() != image.sha256:
        raise ManifestError(f"image `{image.name}` changed while the test ran; run again from whole images")
    return picture


@contextmanager
def _opened(work: Path, engine: EngineUnderTest) -> Iterator[tuple[IO[str], dict[str, tuple[Sample, float]]]]:
    """The work file, locked and ready to be added to, and what it holds."""
    descriptor = os.open(work, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+", encoding="ascii", newline="\n") as file:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StaleError(f"another run is at work in `{work.parent}`; wait until it has ended") from error
        whole = _whole_lines(file, work)
        head = {
            "form": _FORM,
            "engine_id": engine.engine_id,
            "model_sha256": engine.model_sha256,
            "floors": {role: dict(floor) for role, floor in engine.floors.items()},
        }
        if not whole:
            file.write(json.dumps(head) + "\n")
            file.flush()
            yield file, {}
            return
        if whole[0] != head:
            raise HalfFinishedError(
                f"`{work}` is the beginning of a run of `{whole[0].get('engine_id', 'another engine')}`, and this is"
                f" `{engine.engine_id}` with model {engine.model_sha256[:16]}…: finish that run, or remove the"
                " file to begin anew"
            )
        try:
            done = {str(line["image"]): (_sample(line), float(line["seconds"])) for line in whole[1:]}
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(work) from error
        yield file, done


def _whole_lines(file: IO[str], work: Path) -> list[dict[str, Any]]:
    """The lines of the file; a last one without its end is what a killed run had begun to write, and is cut."""
    try:
        text = file.read()
        end = text.rfind("\n") + 1
        lines = [json.loads(line) for line in text[:end].splitlines()]
    except ValueError as error:
        raise _damaged(work) from error
    if not all(isinstance(line, dict) for line in lines):
        raise _damaged(work)
    file.seek(end)
    file.truncate()
    return lines


def _damaged(work: Path) -> HalfFinishedError:
    return HalfFinishedError(f"`{work}` is damaged: remove it to begin the run anew")


def _line(image: str, sample: Sample, seconds: float) -> str:
    said = asdict(sample) | {"features": b64encode(sample.features).decode()}
    return json.dumps({"image": image, "seconds": seconds, **said}) + "\n"


def _sample(line: Mapping[str, Any]) -> Sample:
    return Sample(
        features=b64decode(line["features"], validate=True),
        not_acquired=str(line["not_acquired"]),
        not_enrolled=str(line["not_enrolled"]),
        says=str(line["says"]),
        quality=dict(line["quality"]),
        width=int(line["width"]),
        height=int(line["height"]),
    )
