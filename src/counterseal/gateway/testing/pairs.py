"""Compare what was acquired: every mated and every non-mated comparison that the manifest allows.

Each probe is compared with each reference, but no image with itself. Where both images are probes and references
the two are compared once, the later row as the probe: an engine's score is the same in either order. In a test of
identification an image is one or the other: a search in a database that holds the probe itself finds it.

An image that was not acquired or not enrolled is in no comparison: it is counted as failure to acquire or to
enrol, and would count twice otherwise (ISO/IEC 19795-1: FRR = FTA + FNMR (1 - FTA)).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from counterseal.connectors.under_test import EngineUnderTest, rows_of
from counterseal.evaluation.comparisons import UNKNOWN, Codes, Comparisons, Direction, Grouping, Indices
from counterseal.gateway.testing.manifest import Image
from counterseal.gateway.testing.samples import Acquired
from counterseal.terms.errors import BadInputError

MOST_PAIRS = 100_000_000
"""Of one run: a dozen bytes and more each, all in memory."""
TIMED = 500
"""Single comparisons whose time is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """All comparisons of a run. probe, reference: (n,) index into `images`. seconds: of single comparisons."""

    comparisons: Comparisons
    images: tuple[Image, ...]
    probe: Indices
    reference: Indices
    seconds: tuple[float, ...]


def compare_all(
    acquired: Sequence[Acquired],
    engine: EngineUnderTest,
    *,
    groupings: Sequence[tuple[str, str, Sequence[str]]],
    progress: Callable[[int], None],
) -> Compared:
    """Compare everything that was acquired.

    groupings: name, how it was told, labels. progress: called with how many probes were compared.

    Raises:
        BadInputError: the failures leave no mated or no non-mated pair; or there are more pairs than fit.
    """
    images = tuple(a.image for a in acquired)
    plan = _Pairing(acquired)
    total = sum(len(plan.references_of(probe)) for probe in plan.probes)
    if not total:
        raise BadInputError(
            "every probe or every reference failed: see failures.csv; nothing can be compared"
        )
    if total > MOST_PAIRS:
        raise BadInputError(f"{total:,} comparisons are more than {MOST_PAIRS:,}; test with fewer images")
    rows = rows_of([acquired[i].sample.features for i in plan.references.tolist()])
    scores = np.empty(total, dtype=np.float64)
    probe_image, reference_image = np.empty(total, dtype=np.int32), np.empty(total, dtype=np.int32)
    start = 0
    for number, probe in enumerate(plan.probes, start=1):
        chosen = plan.references_of(probe)
        part = slice(start, start + len(chosen))
        scores[part] = engine.scores(acquired[probe].sample.features, rows[chosen])
        probe_image[part], reference_image[part] = probe, plan.references[chosen]
        start = part.stop
        progress(number)
    comparisons = _comparisons(scores, images, probe_image, reference_image, engine.direction, groupings)
    mated = int(comparisons.mated.sum())
    if not mated or mated == total:
        kind = "mated" if not mated else "non-mated"
        raise BadInputError(f"after the failures in failures.csv no {kind} pair is left; add images")
    return Compared(
        comparisons,
        images,
        probe_image,
        reference_image,
        _timed(acquired, engine, probe_image, reference_image),
    )


class _Pairing:
    """Which probe is compared with which references. probes: indices of images; references: (R,) indices of images."""

    def __init__(self, acquired: Sequence[Acquired]) -> None:
        usable = [a.image.part.is_probe and not a.sample.not_acquired for a in acquired]
        held = [a.image.part.is_reference and not a.sample.not_enrolled for a in acquired]
        self.probes = [i for i, is_probe in enumerate(usable) if is_probe]
        self.references: Indices = np.flatnonzero(held).astype(np.int32)
        self._held = held
        self._also_probe = np.array(usable, dtype=np.bool_)[self.references]

    def references_of(self, probe: int) -> npt.NDArray[np.intp]:
        """Places in `references` of those that this probe is compared with."""
        wanted = self.references != probe
        if self._held[probe]:
            wanted &= ~self._also_probe | (self.references < probe)
        return np.flatnonzero(wanted)


def _comparisons(
    scores: npt.NDArray[np.float64],
    images: Sequence[Image],
    probe: Indices,
    reference: Indices,
    direction: str,
    groupings: Sequence[tuple[str, str, Sequence[str]]],
) -> Comparisons:
    names = tuple(dict.fromkeys(i.subject for i in images))
    place = {name: n for n, name in enumerate(names)}
    subject = np.array([place[i.subject] for i in images], dtype=np.int32)
    means = Direction(direction)
    return Comparisons(
        scores=means.oriented(scores),
        mated=subject[probe] == subject[reference],
        direction=means,
        subjects=names,
        probe_subject=subject[probe],
        reference_subject=subject[reference],
        groupings={
            name: Grouping(name, tuple(labels), how, codes[probe], codes[reference])
            for name, how, labels in groupings
            for codes in (_codes(images, name, labels),)
        },
    )


def _codes(images: Sequence[Image], grouping: str, labels: Sequence[str]) -> Codes:
    place = {label: n for n, label in enumerate(labels)}
    return np.array([place.get(i.groups[grouping], UNKNOWN) for i in images], dtype=np.int16)


def _timed(
    acquired: Sequence[Acquired], engine: EngineUnderTest, probe: Indices, reference: Indices
) -> tuple[float, ...]:
    """Times of single comparisons, spread over all of them."""
    seconds = []
    for n in np.linspace(0, len(probe) - 1, min(TIMED, len(probe)), dtype=np.int64):
        a, b = acquired[probe[n]].sample.features, acquired[reference[n]].sample.features
        began = time.perf_counter()
        engine.compare_one(a, b)
        seconds.append(time.perf_counter() - began)
    return tuple(seconds)
