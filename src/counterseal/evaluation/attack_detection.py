"""Presentation attack detection (PAD): how often attacks pass, how often people who attack nobody are refused.

Source: ISO/IEC 30107-3 (its formulas as read in public implementations; see docs/reference/evaluation.md).
A presentation is taken for bona fide where its score is at least T, as everywhere here.

- APCER is told for each species of presentation attack instrument. The greatest is taken only among species of the
  same attack potential, and the list of species is fixed before the test: merging species lowers the greatest.
- BPCER10, 20, 100: BPCER at the smallest score at which every species has an APCER of at most 10, 5, 1 %.
- D-EER: where APCER of one species and BPCER meet, an interval of rates as the EER is.
- A presentation without a response is neither: APCER and BPCER are over those that got one, APNRR and BPNRR stand
  beside them, and `refused` counts bona fide presentations that were classified as attacks or got no response.
- IAPAR and RIAPAR are of the full system: attack presentations that were accepted as the person attacked, out of all
  of a species; RIAPAR adds the FRR of bona fide presentations.
- ACER, a mean of two rates with no meaning at a door, is not in the standard. It is only given when asked for.

Intervals are exact binomial ones: each presentation is taken as independent. Where one instrument or one person
was presented many times they are too narrow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterseal.evaluation.comparisons import Codes, Direction, EvaluationInputError, Flags, Floats, Scores
from counterseal.evaluation.intervals import binomial_rate, enough_errors
from counterseal.evaluation.rates import Rate
from counterseal.evaluation.verification import EqualErrorRate, equal_error_rate, fmr, fnmr, threshold_at

BONA_FIDE = -1
"""The code of a presentation that attacks nobody."""

NOT_STATED = "not stated"
"""The attack potential of a species whose potential nobody told: a kind of its own."""

BPCER_AT = {"BPCER10": 0.1, "BPCER20": 0.05, "BPCER100": 0.01}
"""The bound on APCER at which each is taken."""

_NOBODY: Floats = np.empty(0)

ACER_NOTE = "not in ISO/IEC 30107-3: the mean of two rates of different weight; never a result by itself"


@dataclass(frozen=True, slots=True, eq=False)
class PresentationAttempts:
    """All presentations of one test of attack detection, as columns of the same length n.

    scores: (n,) of the detection subsystem, oriented: higher is more like a bona fide presentation; -inf where there
    was no response. species: names of the instruments' species, at least one presentation each. species_of: (n,)
    index into them, `BONA_FIDE` for none. potential: attack potential of each species. direction: `SIMILARITY` where
    higher numbers of the file are bona fide, `DISSIMILARITY` where they are attacks.
    accepted: (n,) the full system accepted the presentation as the person claimed; None where that was not tried.
    """

    scores: Floats
    species_of: Codes
    species: tuple[str, ...]
    potential: tuple[str, ...]
    direction: Direction
    accepted: Flags | None = None

    def __post_init__(self) -> None:
        """Hold the shapes, and that there is something to measure."""
        n = len(self.scores)
        columns = [self.species_of] + ([] if self.accepted is None else [self.accepted])
        if self.scores.ndim != 1 or any(c.shape != (n,) for c in columns):
            raise ValueError("every column of presentations has one value a row")
        if np.isnan(self.scores).any():
            raise ValueError("a score is a number or -inf where there was no response, never NaN")
        if len(self.potential) != len(self.species) or len(set(self.species)) != len(self.species):
            raise ValueError("each species is named once and has one attack potential")
        counts = np.bincount(self.species_of.astype(np.int64) + 1, minlength=len(self.species) + 1)
        if len(counts) != len(self.species) + 1 or not counts.all():
            raise EvaluationInputError(
                "attack detection is measured on bona fide presentations and on attacks of every species named:"
                f" there are {counts[0]} bona fide ones, and of the species "
                + ", ".join(f"`{s}` {k}" for s, k in zip(self.species, counts[1:], strict=False))
            )

    def of(self, species: int) -> Flags:
        """(n,) presentations of this species; `BONA_FIDE` for those that attack nobody."""
        return np.asarray(self.species_of == species)

    def responses(self, species: int) -> Floats:
        """The scores of those that got a response, in ascending order."""
        scores = self.scores[self.of(species)]
        return np.sort(scores[scores > -np.inf])

    def potentials(self) -> dict[str, list[int]]:
        """Attack potential -> its species, each in the order in which they were told."""
        found: dict[str, list[int]] = {}
        for species, potential in enumerate(self.potential):
            found.setdefault(potential, []).append(species)
        return found


@dataclass(frozen=True, slots=True)
class FullSystem:
    """What the whole system accepted. iapar: of each species. frr: bona fide presentations not accepted."""

    iapar: Mapping[str, Rate]
    frr: Rate

    @property
    def worst(self) -> str:
        """The species with the greatest IAPAR, the first of equals."""
        return max(self.iapar, key=lambda species: self.iapar[species].value or 0.0)

    @property
    def riapar(self) -> float:
        """IAPAR of the worst species + FRR: 0 at best, 1 for a system that accepts everything or nothing."""
        return (self.iapar[self.worst].value or 0.0) + (self.frr.value or 0.0)


def apcer(attempts: PresentationAttempts, threshold: float, *, confidence: float = 0.95) -> dict[str, Rate]:
    """Attacks taken for bona fide at this (oriented) threshold, for each species, of those that got a response."""
    return {
        name: fmr(_against(attempts, species), threshold, confidence)
        for species, name in enumerate(attempts.species)
    }


def worst_apcer(
    attempts: PresentationAttempts, threshold: float, *, confidence: float = 0.95
) -> dict[str, tuple[str, Rate]]:
    """Attack potential -> the species that passes most often and its APCER, the first of equals.

    A species none of whose presentations got a response can't be the worst, unless all are so.
    """
    each = apcer(attempts, threshold, confidence=confidence)
    worst = {}
    for potential, members in attempts.potentials().items():
        names = [attempts.species[m] for m in members]
        name = max(names, key=lambda n: -1.0 if (value := each[n].value) is None else value)
        worst[potential] = (name, each[name])
    return worst


def bpcer(attempts: PresentationAttempts, threshold: float, *, confidence: float = 0.95) -> Rate:
    """Bona fide presentations taken for attacks, of those that got a response."""
    return fnmr(Scores(attempts.responses(BONA_FIDE), _NOBODY), threshold, confidence)


def refused(attempts: PresentationAttempts, threshold: float, *, confidence: float = 0.95) -> Rate:
    """Bona fide presentations taken for attacks or without a response, of all."""
    scores = attempts.scores[attempts.of(BONA_FIDE)]
    lost = (scores < scores.dtype.type(threshold)) | np.isneginf(scores)
    return binomial_rate(int(lost.sum()), len(scores), confidence)


def non_response(attempts: PresentationAttempts, species: int, *, confidence: float = 0.95) -> Rate:
    """APNRR of a species, BPNRR of `BONA_FIDE`: presentations without a response, of all."""
    scores = attempts.scores[attempts.of(species)]
    return binomial_rate(int(np.isneginf(scores).sum()), len(scores), confidence)


def threshold_at_apcer(
    attempts: PresentationAttempts, target: float, *, species: Sequence[int] | None = None
) -> float:
    """The smallest score, oriented, at which each of these species (None: of all) has at most this APCER."""
    chosen = range(len(attempts.species)) if species is None else species
    each = [_against(attempts, s) for s in chosen]
    return max((threshold_at(s, target).threshold for s in each if len(s.non_mated)), default=float("-inf"))


def detection_eer(attempts: PresentationAttempts, species: int) -> EqualErrorRate | None:
    """Where APCER of one species and BPCER meet; None where either got no response at all."""
    scores = _against(attempts, species)
    return equal_error_rate(scores) if len(scores.mated) and len(scores.non_mated) else None


def full_system(attempts: PresentationAttempts, *, confidence: float = 0.95) -> FullSystem | None:
    """IAPAR of each species and FRR, over all presentations, those without a response included."""
    if attempts.accepted is None:
        return None
    rates = {}
    for species, name in enumerate(attempts.species):
        taken = attempts.accepted[attempts.of(species)]
        rates[name] = binomial_rate(int(taken.sum()), len(taken), confidence)
    taken = attempts.accepted[attempts.of(BONA_FIDE)]
    return FullSystem(rates, binomial_rate(int((~taken).sum()), len(taken), confidence))


def acer(attempts: PresentationAttempts, threshold: float) -> float | None:
    """Mean of BPCER and the greatest APCER of all. `ACER_NOTE` goes with it wherever it is shown."""
    greatest = max(
        (r.value for r in apcer(attempts, threshold).values() if r.value is not None), default=None
    )
    bona_fide = bpcer(attempts, threshold).value
    return None if greatest is None or bona_fide is None else (greatest + bona_fide) / 2


def attack_detection_document(
    attempts: PresentationAttempts,
    thresholds: Sequence[float] = (),
    *,
    confidence: float = 0.95,
    with_acer: bool = False,
) -> dict[str, Any]:
    """What a result document says under `attack_detection`. thresholds: oriented, such as the vendor's own."""
    shown = attempts.direction.shown
    potentials = attempts.potentials()
    groups: list[tuple[str | None, Sequence[int]]] = [(None, range(len(attempts.species)))]
    groups += [(p, members) for p, members in potentials.items() if len(potentials) > 1]
    at = [
        {
            "name": name,
            "apcer_at_most": target,
            "attack_potential": potential,
            "threshold": _finite(shown(t := threshold_at_apcer(attempts, target, species=members))),
            "bpcer": bpcer(attempts, t, confidence=confidence).document(),
            "measurable": all(target * len(attempts.responses(s)) >= 1 for s in members),
        }
        for name, target in BPCER_AT.items()
        for potential, members in groups
    ]
    return {
        "presentations": {"bona_fide": int(attempts.of(BONA_FIDE).sum()), "attacks": _attacks(attempts)},
        "species": [
            {
                "species": name,
                "attack_potential": attempts.potential[species],
                "presentations": int(attempts.of(species).sum()),
                "apnrr": non_response(attempts, species, confidence=confidence).document(),
                "d_eer": _eer_document(detection_eer(attempts, species)),
            }
            for species, name in enumerate(attempts.species)
        ],
        "bpnrr": non_response(attempts, BONA_FIDE, confidence=confidence).document(),
        "thresholds": [_at_threshold(attempts, t, confidence, with_acer) for t in thresholds],
        "bpcer_at": at,
        "full_system": _full_document(attempts, confidence),
    }


def _at_threshold(
    attempts: PresentationAttempts, threshold: float, confidence: float, with_acer: bool
) -> dict[str, Any]:
    each = apcer(attempts, threshold, confidence=confidence)
    document: dict[str, Any] = {
        "threshold": attempts.direction.shown(threshold),
        "bpcer": bpcer(attempts, threshold, confidence=confidence).document(),
        "refused": refused(attempts, threshold, confidence=confidence).document(),
        "apcer": [
            {
                "species": name,
                "attack_potential": attempts.potential[species],
                "rate": each[name].document(),
                "enough": enough_errors(each[name].errors),
            }
            for species, name in enumerate(attempts.species)
        ],
        "worst": [
            {"attack_potential": potential, "species": name, "apcer": rate.document()}
            for potential, (name, rate) in worst_apcer(attempts, threshold, confidence=confidence).items()
        ],
    }
    if with_acer:
        document["acer"] = {"value": acer(attempts, threshold), "note": ACER_NOTE}
    return document


def _full_document(attempts: PresentationAttempts, confidence: float) -> dict[str, Any] | None:
    full = full_system(attempts, confidence=confidence)
    if full is None:
        return None
    # Both bounds hold together at the stated probability, so their sums hold too (Bonferroni).
    wider = full_system(attempts, confidence=(1 + confidence) / 2)
    assert wider is not None
    parts = [i for i in (wider.iapar[full.worst].interval, wider.frr.interval) if i is not None]
    return {
        "iapar": [{"species": name, "rate": rate.document()} for name, rate in full.iapar.items()],
        "worst": full.worst,
        "frr": full.frr.document(),
        "riapar": {
            "value": full.riapar,
            "interval": [sum(low for low, _ in parts), min(sum(high for _, high in parts), 2.0)],
            "method": "sum of two exact intervals that hold together",
        },
    }


def _against(attempts: PresentationAttempts, species: int) -> Scores:
    """Bona fide presentations in the place of mated scores, one species in that of non-mated ones."""
    return Scores(attempts.responses(BONA_FIDE), attempts.responses(species), attempts.direction)


def _eer_document(eer: EqualErrorRate | None) -> dict[str, float] | None:
    return None if eer is None else {"low": eer.low, "high": eer.high, "midpoint": eer.midpoint}


def _attacks(attempts: PresentationAttempts) -> int:
    return int((~attempts.of(BONA_FIDE)).sum())


def _finite(number: float) -> float | None:
    return number if np.isfinite(number) else None
