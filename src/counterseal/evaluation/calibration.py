"""From scores to log-likelihood ratios, what they cost, and how far the data carry them.

- Cllr is the mean cost, in bits, of scores taken as natural log-likelihood ratios; 1 is what saying nothing costs.
  min Cllr is what remains after the best monotone map (pool adjacent violators). Brümmer and du Preez, Computer Speech
  & Language 20 (2006).
- The calibration is a straight line, fitted by logistic regression in which both kinds weigh the same whatever their
  numbers (as if the prior were even): log10 LR = slope * score + intercept. Where a threshold separates the kinds
  without error no such line is best; then one comparison of each kind that went the other way is supposed (after
  Platt, 1999).
- Bounds: log10 LR is cut where one more misleading comparison of each kind would make decisions on it worse than
  decisions on the prior alone (ELUB: Vergeer, van Es, de Jongh, Alberink and Stoel, Science & Justice 56, 2016; the
  criterion is theirs, the search over a grid of 0.01 ours). Where people are named, one more misleading *person* is
  supposed, which is stricter: comparisons of one person are not independent.
- The check is made on people, or where nobody is named on comparisons, that the line was not fitted on. A
  log-likelihood ratio that deserves the name is at least log10 k for at most one in k non-mated comparisons.

A failed comparison says nothing about the strength of a score and is left out here, here alone.
Large sets are thinned to `MOST` evenly spaced quantiles of each kind for the fit; rates and bounds use all scores.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from counterseal.evaluation.comparisons import Comparisons, Direction, Floats, Scores
from counterseal.evaluation.intervals import binomial_rate
from counterseal.evaluation.rates import Rate
from counterseal.evaluation.verification import pooled_blocks

MOST = 100_000
FOLDS = 5
FEWEST_PEOPLE = 20
"""With fewer people the folds are of comparisons: a fold of people would hold nobody to compare."""
POINTS = 41
LOGISTIC = "logistic regression, both kinds weighing the same"
SUPPOSED = LOGISTIC + "; one misleading comparison of each kind supposed, for no threshold errs"

_LN10 = math.log(10)
_STEP = 0.01
_GRID = np.arange(0, 10, _STEP, dtype=np.float64)  # log10 of likelihood ratios from 1 to 1e10
_CHUNK = 1 << 20
_REACHES = (1, 2, 3)

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """log10 LR = slope * score + intercept for oriented scores, cut to `bounds`.

    valid: the oriented scores between which nothing is cut and scores were seen. mated_units, non_mated_units: how
    many people, or comparisons where nobody is named, the bounds rest on.
    """

    slope: float
    intercept: float
    bounds: tuple[float, float]
    valid: tuple[float, float]
    method: str
    rests_on: str
    mated_units: int
    non_mated_units: int

    def log_lr(self, scores: Floats) -> Reals:
        """log10 LR of oriented scores, cut to the bounds; the lower bound for a comparison that failed."""
        line = self.slope * np.asarray(scores, np.float64) + self.intercept
        return np.clip(line, *self.bounds)

    def document(
        self, direction: Direction, seen: tuple[float, float], check: "Check | None"
    ) -> dict[str, Any]:
        """As a result document holds it, in numbers of the file."""
        sign = direction.shown(1.0)
        scores = np.linspace(*seen, POINTS)
        points = sorted(zip((sign * scores).tolist(), self.log_lr(scores).tolist(), strict=True))
        return {
            "method": self.method,
            "slope": sign * self.slope,
            "intercept": self.intercept,
            "valid": sorted(sign * v for v in self.valid),
            "bounds": list(self.bounds),
            "bounds_rest_on": {
                "what": self.rests_on,
                "mated": self.mated_units,
                "non_mated": self.non_mated_units,
            },
            "points": [{"score": s, "log_lr": x} for s, x in points],
            "check": None if check is None else check.document(),
        }


@dataclass(frozen=True, slots=True)
class Reach:
    """How often a log10 LR of at least `log_lr` was misleading: non-mated at or above it, mated at or below -it."""

    log_lr: float
    at_most: float
    non_mated: Rate
    mated: Rate

    @property
    def honoured(self) -> bool:
        """Whether what was seen may still be at most 1 in 10^log_lr: the lower bound does not lie above."""
        return all(r.interval is None or r.interval[0] <= self.at_most for r in (self.non_mated, self.mated))


@dataclass(frozen=True, slots=True)
class Check:
    """The calibration on comparisons that it was not fitted on. split: `people` or `comparisons`."""

    split: str
    folds: int
    n_mated: int
    n_non_mated: int
    cllr: float
    min_cllr: float
    reaches: tuple[Reach, ...]

    @property
    def holds(self) -> bool:
        """It costs less than saying nothing, and misleads no oftener than it may: a statement may rest on it."""
        return self.cllr < 1 and all(reach.honoured for reach in self.reaches)

    def document(self) -> dict[str, Any]:
        """As a result document holds it."""
        return {
            "split": self.split,
            "folds": self.folds,
            "n_mated": self.n_mated,
            "n_non_mated": self.n_non_mated,
            "cllr": self.cllr,
            "min_cllr": self.min_cllr,
            "calibration_loss": self.cllr - self.min_cllr,
            "misleading": [
                {
                    "log_lr": r.log_lr,
                    "at_most": r.at_most,
                    "non_mated": r.non_mated.document(),
                    "mated": r.mated.document(),
                    "honoured": r.honoured,
                }
                for r in self.reaches
            ],
            "holds": self.holds,
        }


def stated_log_lr(document: Mapping[str, Any] | None, score: float) -> float | None:
    """What a result document's `calibration` lets anybody state of a score (in numbers of the file): its log10 LR.

    None where it states nothing: no calibration, or one whose check was not made or did not hold.
    """
    if not document or not document["check"] or not document["check"]["holds"] or not math.isfinite(score):
        return None
    low, high = document["bounds"]
    line = document["slope"] * score + document["intercept"]
    return float(min(max(line, low), high))


def cllr(scores: Scores) -> float | None:
    """The cost in bits of the scores as natural log-likelihood ratios; None without scores of both kinds."""
    made = scored(scores)
    if not _usable(made):
        return None
    return (_mean_cost(made.mated, -1) + _mean_cost(made.non_mated, 1)) / (2 * math.log(2))


def min_cllr(scores: Scores) -> float | None:
    """The cost after the best monotone map of these very scores: what no calibration can take away."""
    made = scored(scores)
    if not _usable(made):
        return None
    blocks = pooled_blocks(made)
    x, y = blocks.mated / len(made.mated), blocks.non_mated / len(made.non_mated)
    there = (x > 0) & (y > 0)  # a block of one kind alone is certain, and costs nothing
    x, y = x[there], y[there]
    return float((x * np.log2(1 + y / x)).sum() + (y * np.log2(1 + x / y)).sum()) / 2


def calibrate(scores: Scores, people: tuple[int, int] | None = None) -> Calibration | None:
    """The line and its bounds; None where higher scores do not mean more alike.

    people: how many appear in mated and in non-mated comparisons, where they are named.
    """
    made = scored(scores)
    if not _usable(made):
        return None
    line, method = _fit(made)
    if not line[0] > 0:
        return None
    units = people or (len(made.mated), len(made.non_mated))
    bounds = _bounds(made, line, units)
    ends = [(b - line[1]) / line[0] for b in bounds]
    low, high = seen(made)
    valid = (max(low, min(ends[0], high)), min(high, max(ends[1], low)))
    rests_on = "people" if people else "comparisons"
    return Calibration(*line, bounds, valid, method, rests_on, *units)


def check(comparisons: Comparisons | Scores, *, seed: int, confidence: float = 0.95) -> Check | None:
    """Fit on all folds but one, look at the one left out, for each. None where a fold has too few of either kind."""
    named = isinstance(comparisons, Comparisons) and len(comparisons.subjects) >= FEWEST_PEOPLE
    named = named and comparisons.probe_subject is not None  # type: ignore[union-attr]
    folds = _of_people(comparisons, seed) if named else _of_scores(comparisons, seed)  # type: ignore[arg-type]
    mated: list[Reals] = []
    non_mated: list[Reals] = []
    for learnt, left_out, units in folds:
        if not _usable(learnt):
            return None
        line, _ = _fit(learnt)
        if not line[0] > 0:
            return None
        low, high = _bounds(learnt, line, units)
        for made, found in ((mated, left_out.mated), (non_mated, left_out.non_mated)):
            made.append(np.clip(line[0] * found.astype(np.float64) + line[1], low, high))
    tested = Scores.sorted_in_place(np.concatenate(mated), np.concatenate(non_mated), Direction.SIMILARITY)
    if not _usable(tested):
        return None
    natural = Scores(tested.mated * _LN10, tested.non_mated * _LN10)
    cost, least = cllr(natural), min_cllr(natural)
    assert cost is not None
    assert least is not None
    reaches = tuple(_reach(tested, float(reach), confidence) for reach in _REACHES)
    split = "people" if named else "comparisons"
    return Check(split, FOLDS, len(tested.mated), len(tested.non_mated), cost, least, reaches)


def scored(scores: Scores) -> Scores:
    """Without the comparisons that failed; views, no copies."""
    parts = [
        a[int(np.searchsorted(a, a.dtype.type(-np.inf), side="right")) :]
        for a in (scores.mated, scores.non_mated)
    ]
    return Scores(parts[0], parts[1], scores.direction)


def seen(scores: Scores) -> tuple[float, float]:
    """The lowest and the highest of these scores."""
    return (
        float(min(scores.mated[0], scores.non_mated[0])),
        float(max(scores.mated[-1], scores.non_mated[-1])),
    )


def people_of(comparisons: Comparisons) -> tuple[int, int] | None:
    """How many people appear in mated and in non-mated comparisons that did not fail; None where nobody is named."""
    probe, reference = comparisons.probe_subject, comparisons.reference_subject
    if probe is None or reference is None:
        return None
    there = comparisons.scores > -np.inf
    found = []
    for kind in (comparisons.mated & there, ~comparisons.mated & there):
        who = np.zeros(len(comparisons.subjects), np.bool_)
        who[probe[kind]] = True
        who[reference[kind]] = True
        found.append(int(who.sum()))
    return found[0], found[1]


def _usable(scores: Scores) -> bool:
    """Both kinds are there, and no score is +inf, which no line can hold."""
    return all(len(a) > 0 and bool(np.isfinite(a[-1])) for a in (scores.mated, scores.non_mated))


def _mean_cost(scores: Floats, sign: int) -> float:
    total = 0.0
    for start in range(0, len(scores), _CHUNK):
        total += float(np.logaddexp(0, sign * scores[start : start + _CHUNK].astype(np.float64)).sum())
    return total / len(scores)


def _fit(scores: Scores) -> tuple[tuple[float, float], str]:
    """Slope and intercept of log10 LR."""
    mated, non_mated = _thinned(scores.mated), _thinned(scores.non_mated)
    separate = bool(scores.mated[0] >= scores.non_mated[-1] or scores.mated[-1] <= scores.non_mated[0])
    other_way = (1 / (len(scores.mated) + 2), 1 / (len(scores.non_mated) + 2)) if separate else (0.0, 0.0)
    # In units of their own spread, about their middle: the same steps whatever the scale of the scores.
    both = np.concatenate([mated, non_mated])
    centre, spread = (mated.mean() + non_mated.mean()) / 2, both.std() or 1.0
    x = (both - centre) / spread
    wanted = np.concatenate([np.full(len(mated), 1 - other_way[0]), np.full(len(non_mated), other_way[1])])
    weight = np.concatenate(
        [np.full(len(mated), 0.5 / len(mated)), np.full(len(non_mated), 0.5 / len(non_mated))]
    )

    def cost(line: Reals) -> tuple[float, Reals]:
        z = line[0] * x + line[1]
        wrong = weight * (expit(z) - wanted)
        each = weight * (np.logaddexp(0, z) - wanted * z)
        return float(each.sum()), np.array([wrong @ x, wrong.sum()])

    def curvature(line: Reals) -> Reals:
        p = expit(line[0] * x + line[1])
        w = weight * p * (1 - p)
        mixed = w @ x
        return np.array([[w @ (x * x), mixed], [mixed, w.sum()]])

    found = minimize(
        cost, np.zeros(2), jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-9}
    )
    slope = float(found.x[0]) / float(spread) / _LN10
    return (slope, float(found.x[1]) / _LN10 - slope * float(centre)), SUPPOSED if separate else LOGISTIC


def _thinned(ascending: Floats) -> Reals:
    if len(ascending) <= MOST:
        return ascending.astype(np.float64)
    places = ((np.arange(MOST) + 0.5) * (len(ascending) / MOST)).astype(np.int64)
    return ascending[places].astype(np.float64)


def _bounds(scores: Scores, line: tuple[float, float], units: tuple[int, int]) -> tuple[float, float]:
    """The furthest log10 LR, either way, up to which deciding by it beats deciding by the prior throughout."""
    slope, intercept = line
    mated, non_mated = units

    def errors(log_lr: Reals) -> tuple[Reals, Reals]:
        at = ((log_lr - intercept) / slope).astype(scores.mated.dtype)
        missed = np.searchsorted(scores.mated, at) / len(scores.mated)
        wrong = 1 - np.searchsorted(scores.non_mated, at) / len(scores.non_mated)
        return (missed * mated + 1) / (mated + 1), (wrong * non_mated + 1) / (non_mated + 1)

    # Odds 1 to t against: an error on a mated one weighs 1, on a non-mated one t; the prior alone costs min(1, t).
    odds: Reals = np.power(10.0, _GRID)
    missed, wrong = errors(_GRID)
    high = _furthest(missed + odds * wrong < 1)
    missed, wrong = errors(-_GRID)
    low = _furthest(missed * odds + wrong < 1)
    return -low, high


def _furthest(better: npt.NDArray[np.bool_]) -> float:
    worse = np.flatnonzero(~better)
    steps = int(worse[0]) if len(worse) else len(better)
    return float(_GRID[steps - 1]) if steps else 0.0


def _reach(tested: Scores, log_lr: float, confidence: float) -> Reach:
    above = len(tested.non_mated) - int(np.searchsorted(tested.non_mated, log_lr))
    below = int(np.searchsorted(tested.mated, -log_lr, side="right"))
    return Reach(
        log_lr,
        10**-log_lr,
        binomial_rate(above, len(tested.non_mated), confidence),
        binomial_rate(below, len(tested.mated), confidence),
    )


_Fold = tuple[Scores, Scores, tuple[int, int]]


def _of_people(comparisons: Comparisons, seed: int) -> Iterator[_Fold]:
    """Fold by fold: the comparisons in which nobody of the fold is, and those in which both sides are of it; and what
    the bounds rest on, the people of the first."""
    probe, reference = comparisons.probe_subject, comparisons.reference_subject
    assert probe is not None
    assert reference is not None
    by_name = np.argsort(np.array(comparisons.subjects))  # the order of rows must not count
    fold = np.empty(len(by_name), np.int8)
    fold[np.random.default_rng(seed).permutation(by_name)] = np.arange(len(by_name)) % FOLDS
    of_probe, of_reference = fold[probe], fold[reference]
    there = comparisons.scores > -np.inf

    def part(chosen: npt.NDArray[np.bool_]) -> Scores:
        rows = [comparisons.scores[chosen & kind] for kind in (comparisons.mated, ~comparisons.mated)]
        return Scores.sorted_in_place(rows[0], rows[1], comparisons.direction)

    for f in range(FOLDS):
        yield (
            part(there & (of_probe != f) & (of_reference != f)),
            part(there & (of_probe == f) & (of_reference == f)),
            (int((fold != f).sum()),) * 2,
        )


def _of_scores(comparisons: Comparisons | Scores, seed: int) -> Iterator[_Fold]:
    """Fold by fold: a fifth of each kind is left out, drawn from the sorted scores; thinned first, if many."""
    whole = comparisons if isinstance(comparisons, Scores) else Scores.of(comparisons)
    made = scored(whole)
    kinds = [_thinned(made.mated), _thinned(made.non_mated)]
    rng = np.random.default_rng(seed)
    folds = [rng.permutation(len(a)) % FOLDS for a in kinds]
    for f in range(FOLDS):
        out = [fold == f for fold in folds]
        yield (
            Scores(kinds[0][~out[0]], kinds[1][~out[1]]),
            Scores(kinds[0][out[0]], kinds[1][out[1]]),
            (int((~out[0]).sum()), int((~out[1]).sum())),
        )
