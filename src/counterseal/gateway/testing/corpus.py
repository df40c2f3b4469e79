"""What can be counted in a test set: people, images, sizes, eye distances, quality, time between mated images.

It goes into counted.json. Where the plan named no corpus card, a card is written from it too, which says of
everything that only people know that it was not stated; a card that is there is held against the counts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from counterseal.connectors.under_test import SHARPNESS, Sample
from counterseal.evaluation.protocol import CorpusCard, Document, TimeLapse
from counterseal.gateway.testing.manifest import Image
from counterseal.gateway.testing.pairs import Compared
from counterseal.gateway.testing.samples import Acquired
from counterseal.terms.errors import BadInputError

NOT_STATED = "not stated"
STATED = "stated-in-manifest"
_BINS = 10


def counted(acquired: Sequence[Acquired], compared: Compared) -> dict[str, Any]:
    """Everything that can be counted, ready to be written as JSON; null where there was nothing to count."""
    images = [a.image for a in acquired]
    taken = [a.sample for a in acquired if not a.sample.not_acquired]
    return {
        "people": len({i.subject for i in images}),
        "images": len(images),
        "probes": sum(i.part.is_probe for i in images),
        "references": sum(i.part.is_reference for i in images),
        "sessions": len({(i.subject, i.session) for i in images if i.session}) or None,
        "mated_in_one_session": _in_one_session(compared),
        "time_lapse_days": _lapse(compared),
        "image_size": {side: _five([float(getattr(s, side)) for s in taken]) for side in ("width", "height")},
        "eye_distance": _five([s.eye_distance for s in taken if s.eye_distance is not None]),
        "quality": _quality(taken, images),
    }


def quality_of_images(acquired: Sequence[Acquired]) -> tuple[str, npt.NDArray[np.float64]]:
    """The one quality by which pairs are discarded, by name, and its value of each image (NaN: not assessed).

    The manifest's own where it states one of every acquired image, else the measured sharpness of the face.
    """
    stated = [a.image.quality for a in acquired]
    whole = all(q is not None for q, a in zip(stated, acquired, strict=True) if not a.sample.not_acquired)
    values = stated if whole else [a.sample.quality.get(SHARPNESS) for a in acquired]
    numbers = [
        np.nan if v is None or a.sample.not_acquired else v for v, a in zip(values, acquired, strict=True)
    ]
    return STATED if whole else SHARPNESS, np.array(numbers, dtype=np.float64)


def check_card(card: Document, images: Sequence[Image]) -> None:
    """Hold the corpus card against the manifest.

    Raises:
        BadInputError: it is of another number of people or images.
    """
    for name, found in (("people", len({i.subject for i in images})), ("images", len(images))):
        if card.get(name) != found:
            raise BadInputError(
                f"corpus.json says {card.get(name)} {name}, and the manifest has {found}: this is not the corpus of the"
                " plan; bring its manifest, or make a new plan in a new folder"
            )


def card_from(counts: Document) -> dict[str, Any]:
    """A corpus card of what was counted alone."""
    lapse = counts["time_lapse_days"]
    unknown = dict.fromkeys(
        (
            "source",
            "legal_basis",
            "consent",
            "capture",
            "ground_truth",
            "label_errors",
            "training_overlap",
            "notes",
        ),
        NOT_STATED,
    )
    return CorpusCard(
        **unknown,
        people=counts["people"],
        images=counts["images"],
        sessions=counts["sessions"],
        time_lapse_days=lapse and TimeLapse(lapse["median"], lapse["q1"], lapse["q3"]),
        image_size=_in_words(counts["image_size"]["width"], "px wide"),
        eye_distance=_in_words(counts["eye_distance"], "px"),
    ).as_json()


def _in_words(five: Document | None, unit: str) -> str:
    if not five:
        return "nothing was measured"
    return f"{five['min']:.0f} to {five['max']:.0f} {unit}, median {five['median']:.0f}"


def _in_one_session(compared: Compared) -> int | None:
    """Mated pairs whose two images are of one session: they flatter an engine. None where no session is told."""
    told = [i.session for i in compared.images]
    if not any(told):
        return None
    place = {session: n for n, session in enumerate(dict.fromkeys(told))}
    code = np.array([place[session] if session else -1 for session in told])
    mated = compared.comparisons.mated
    probe, reference = code[compared.probe[mated]], code[compared.reference[mated]]
    return int(((probe == reference) & (probe >= 0)).sum())


def _lapse(compared: Compared) -> dict[str, float] | None:
    """Days between the two images of each mated pair whose days are both known."""
    day = np.array([i.captured.toordinal() if i.captured else 0 for i in compared.images])
    mated = compared.comparisons.mated
    probe, reference = day[compared.probe[mated]], day[compared.reference[mated]]
    known = (probe > 0) & (reference > 0)
    five = _five(np.abs(probe - reference)[known].astype(float).tolist())
    return five and {"median": five["median"], "q1": five["q1"], "q3": five["q3"], "pairs": int(known.sum())}


def _five(values: Sequence[float]) -> dict[str, float] | None:
    """Least, quartiles and greatest; None of nothing."""
    if not values:
        return None
    least, q1, median, q3, most = np.quantile(np.array(values), [0, 0.25, 0.5, 0.75, 1]).tolist()
    return {"min": least, "q1": q1, "median": median, "q3": q3, "max": most}


def _quality(taken: Sequence[Sample], images: Sequence[Image]) -> dict[str, Any]:
    """Histograms of every measured component, and of the manifest's own quality where it states one."""
    values: dict[str, list[float]] = {}
    for sample in taken:
        for name, value in sample.quality.items():
            values.setdefault(name, []).extend([] if value is None else [value])
    values[STATED] = [i.quality for i in images if i.quality is not None]
    return {name: _histogram(of) for name, of in values.items() if of and min(of) < max(of)}


def _histogram(values: Sequence[float]) -> dict[str, list[float] | list[int]]:
    counts, edges = np.histogram(np.array(values, dtype=np.float64), bins=_BINS)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
