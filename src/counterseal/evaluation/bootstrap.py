"""How uncertain an error rate is where people appear in more than one comparison: resample the people.

1. In each replicate S people are drawn from the S of the test with replacement; person i is drawn w_i times.
2. A comparison of i with j counts w_i w_j times, a mated comparison of i counts w_i times. The rate of a replicate is
   w^T E w / w^T C w over the error pairs E and all pairs C: two matrix products for all replicates at once. A person
   drawn twice is never compared with themself: mated pairs are in neither matrix.
3. The variance of the replicates, over that of independent trials, is the design effect.
4. Weights w_i w_j count what belongs to a single pair three times, once too often for each side (Owen, Annals of
   Applied Statistics 1, 2007): that part is known from the errors themselves, and is taken off before an interval.
5. The interval is the exact binomial one on the effective number of trials, those that would have this variance
   (Korn and Graubard, Survey Methodology 24, 1998); widened by Student's t, since the variance was estimated from
   no more people than carry the errors (Satterthwaite's degrees of freedom), but not beyond one trial a person.
   Percentiles are kept beside.

Where nobody appears twice the trials are independent: the exact binomial interval, and nothing is resampled for it.
Without any error (or with errors only) replicates do not vary, and an interval of no width would be a lie: there the
bound is the rule of three with people for trials.

Threshold rule. `fixed`: T is a given number; what is uncertain is the rate at T. `re-estimated`: each replicate sets
T anew for the same FMR; FNMR is then FNMR at that FMR. FMR, and everything by group, is always at the fixed T.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import ndtri, stdtrit

from counterseal.evaluation.comparisons import Comparisons, EvaluationInputError, Flags, Floats
from counterseal.evaluation.intervals import CLOPPER_PEARSON, Bounds, clopper_pearson_bounds
from counterseal.evaluation.rates import Interval, Rate

NAMELESS = "clopper-pearson; too narrow if people appear more than once, and nobody is named"
NOT_RESAMPLED = "clopper-pearson; too narrow: people appear more than once, and nothing was resampled"
FIXED = "subject bootstrap, threshold fixed"
AGAIN = "subject bootstrap, threshold re-estimated"
RULE_OF_THREE = "rule of three on people: no error to resample"

_AT_ONCE = 1 << 24  # numbers in the largest array of one step
_DENSE = 0.05  # of the cells of a matrix: with more errors a dense product is faster


class ThresholdRule(StrEnum):
    """Whether a replicate keeps the threshold or sets it anew."""

    FIXED = "fixed"
    RE_ESTIMATED = "re-estimated"


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """One rate and what is known of its uncertainty.

    people: how many took part, None where nobody is named. effective_trials: independent trials that would know as
    much. degrees_of_freedom: of that number, inf for an exact interval. least_trials: where the widening by Student's
    t ends. standard_error, design_effect, percentiles: of the replicates as they are; None where there are none.
    replicates: (R,) rates, NaN where nobody concerned was drawn. alone: nobody of it is in a second comparison of
    this kind, in this part or another.
    """

    errors: int
    trials: int
    people: int | None
    method: str
    interval: Interval | None
    effective_trials: float
    degrees_of_freedom: float = math.inf
    least_trials: float = 0.0
    standard_error: float | None = None
    design_effect: float | None = None
    percentiles: Interval | None = None
    replicates: Floats | None = None
    alone: bool = False

    @property
    def rate(self) -> Rate:
        """As it may be printed."""
        return Rate(self.errors, self.trials, self.interval, self.method)

    @property
    def value(self) -> float | None:
        """errors / trials; None without trials."""
        return self.rate.value


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """The uncertainty of FMR and FNMR at each threshold, in the order in which they were given."""

    thresholds: tuple[float, ...]
    fmr: tuple[Estimate, ...]
    fnmr: tuple[Estimate, ...]
    replicates: int
    seed: int
    confidence: float
    threshold_rule: ThresholdRule


@dataclass(frozen=True, slots=True)
class Resampling:
    """How to resample. replicates: 0 for no resampling."""

    replicates: int
    seed: int
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what gives no variance."""
        if self.replicates < 0 or self.replicates == 1:
            raise EvaluationInputError(
                f"{self.replicates} replicates: give 0 for none, or enough to see a spread, such as 2000"
            )


def subject_bootstrap(
    comparisons: Comparisons,
    thresholds: Sequence[float],
    *,
    replicates: int,
    seed: int,
    confidence: float = 0.95,
    threshold_rule: ThresholdRule | str = ThresholdRule.FIXED,
    chosen: Flags | None = None,
) -> Bootstrap:
    """FMR and FNMR at oriented thresholds with intervals that know who appears where.

    chosen: (n,) use only these comparisons. The same seed gives the same bytes.

    Raises:
        EvaluationInputError: a mated comparison of two people, or a non-mated one of a person with themself.
    """
    rule, how = ThresholdRule(threshold_rule), Resampling(replicates, seed, confidence)
    part = None if chosen is None else np.where(chosen, 0, -1).astype(np.int16)
    ((fmr,), (fnmr,)) = _by_part(comparisons, thresholds, part, 1, how)
    if rule is ThresholdRule.RE_ESTIMATED and fnmr and fnmr[0].replicates is not None:
        fnmr = _set_anew(comparisons, thresholds, chosen, how, fmr, fnmr)
    return Bootstrap(tuple(thresholds), fmr, fnmr, replicates, seed, confidence, rule)


def bootstrap_by_part(
    comparisons: Comparisons,
    thresholds: Sequence[float],
    part: npt.NDArray[np.int16],
    n_parts: int,
    how: Resampling,
) -> tuple[Bootstrap, ...]:
    """The same for parts of the comparisons, from the same drawn people, so that parts can be compared.

    part: (n,) which part a comparison belongs to, -1 for none. Answers one Bootstrap a part.
    """
    fmr, fnmr = _by_part(comparisons, thresholds, part, n_parts, how)
    return tuple(
        Bootstrap(tuple(thresholds), x, y, how.replicates, how.seed, how.confidence, ThresholdRule.FIXED)
        for x, y in zip(fmr, fnmr, strict=True)
    )


def bounds_of(estimates: Sequence[Estimate], confidence: npt.ArrayLike) -> tuple[Bounds, Bounds]:
    """The bounds of each estimate, each at its own level; with trials. Step 5 at the top."""
    k, n = (np.array([getattr(e, name) for e in estimates], float) for name in ("errors", "trials"))
    people = np.array([e.people if e.method == RULE_OF_THREE else 0 for e in estimates], float)
    effective = np.array([e.effective_trials for e in estimates])
    freedom = np.array([e.degrees_of_freedom for e in estimates])
    level = np.broadcast_to(np.asarray(confidence, float), k.shape)
    # z / t has a limit at level 0, where both are 0.
    tail = (1 + np.maximum(level, 1e-3)) / 2
    z = ndtri(tail)
    t = np.where(np.isinf(freedom), z, stdtrit(np.where(np.isinf(freedom), 1.0, freedom), tail))
    least = np.minimum(effective, [e.least_trials for e in estimates])
    effective = np.maximum(effective * (z / t) ** 2, least)
    low, high = clopper_pearson_bounds(k / n * effective, effective, level)
    seldom = -np.expm1(np.log1p(-level) / np.maximum(people, 1))
    return np.where((people > 0) & (k > 0), 1 - seldom, low), np.where((people > 0) & (k == 0), seldom, high)


# -- counting who appears where -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """The non-mated comparisons of one part, as a matrix of people by people.

    rows, columns: the people who appear as probe and as reference. all: how many comparisons of each two, dense or
    sparse; wrong: how many of them are errors, one sparse matrix a threshold. usual, rest: where nearly all numbers of
    `all` are one, that number and a sparse matrix of what differs from it, which spares the dense product.
    """

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    all: Any
    usual: float
    rest: Any
    wrong: tuple[Any, ...]
    trials: int
    of_person: Floats
    squares: float

    @property
    def people(self) -> int:
        """How many take part, on either side."""
        return int(np.count_nonzero(self.of_person))

    def rates(self, weights: Floats) -> Floats:
        """(T, R) the rate of each replicate."""
        rows, columns = self.sides(weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([_weighed(m, rows, columns) for m in self.wrong]) / self.among(weights)

    def among(self, weights: Floats) -> Floats:
        """(R,) how many comparisons each replicate has."""
        rows, columns = self.sides(weights)
        found = _weighed(self.rest, rows, columns)
        if self.usual:
            found += self.usual * rows.sum(axis=0, dtype=np.float64) * columns.sum(axis=0, dtype=np.float64)
        return found

    def sides(self, weights: Floats) -> tuple[Floats, Floats]:
        """How often each probe and each reference was drawn; rows are never changed by whoever takes them."""
        everybody = len(weights)
        return (
            weights if len(self.rows) == everybody else weights[self.rows],
            weights if len(self.columns) == everybody else weights[self.columns],
        )

    def influence(self, t: int, rate: float) -> tuple[Floats, float]:
        """What each person adds to the errors beyond the rate, and the sum of squares of what each pair does."""
        wrong = self.wrong[t]
        person = np.zeros(len(self.of_person))
        person[self.rows] += np.asarray(wrong.sum(axis=1)).ravel()
        person[self.columns] += np.asarray(wrong.sum(axis=0)).ravel()
        found = wrong.tocoo()
        both = float((found.data.astype(float) ** 2).sum()) + _turned(wrong, wrong, self.rows, self.columns)
        mixed = float((found.data * _at(self.all, found.row, found.col)).sum())
        mixed += _turned(wrong, self.all, self.rows, self.columns)
        pairs = both - 2 * rate * mixed + rate**2 * self.squares
        return (person - rate * self.of_person)[self.of_person > 0], max(pairs, 0.0)


def _by_part(
    comparisons: Comparisons,
    thresholds: Sequence[float],
    part: npt.NDArray[np.int16] | None,
    n_parts: int,
    how: Resampling,
) -> tuple[tuple[tuple[Estimate, ...], ...], tuple[tuple[Estimate, ...], ...]]:
    """FMR and FNMR: of each part, at each threshold."""
    bounds = np.asarray(thresholds, comparisons.scores.dtype)
    kinds = [_rows(part, ~comparisons.mated), _rows(part, comparisons.mated)]
    if comparisons.probe_subject is None or comparisons.reference_subject is None:
        return tuple(  # type: ignore[return-value]
            _nameless(comparisons.scores[rows], of, bounds, n_parts, how, mated=bool(m))
            for m, (rows, of) in enumerate(kinds)
        )
    _refuse_contradictions(comparisons)
    pairs = list(_pairs(comparisons, *kinds[0], bounds, n_parts))
    own, missed = _own(comparisons, *kinds[1], bounds, n_parts)
    n_people, n_thresholds = len(comparisons.subjects), len(bounds)
    false_matches = np.full((n_parts, n_thresholds, how.replicates), np.nan)
    false_non_matches = np.full((n_parts, n_thresholds, how.replicates), np.nan)
    for begin, weights in _drawn(n_people, how):
        at = slice(begin, begin + weights.shape[1])
        for p, cells in enumerate(pairs):
            if cells.trials:
                false_matches[p, :, at] = cells.rates(weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            among = own @ weights
            for t, wrong in enumerate(missed):
                false_non_matches[:, t, at] = (wrong @ weights) / among
    # Who is in several parts makes them depend on each other, even where each by itself is independent.
    often = sum(cells.of_person for cells in pairs) > 1
    twice = np.asarray(own.sum(axis=0)).ravel() > 1
    fmr, fnmr = [], []
    for p, cells in enumerate(pairs):
        alone = not (often & (cells.of_person > 0)).any()
        fmr.append(
            tuple(_of_pairs(cells, t, false_matches[p, t], how, alone=alone) for t in range(n_thresholds))
        )
        mine = own[[p]]
        alone = not twice[mine.indices].any()
        fnmr.append(
            tuple(
                _of_people(mine, wrong[[p]], false_non_matches[p, t], how, alone=alone)
                for t, wrong in enumerate(missed)
            )
        )
    return tuple(fmr), tuple(fnmr)


def _rows(part: npt.NDArray[np.int16] | None, kind: Flags) -> tuple[Any, Any]:
    """The rows of a kind that belong to a part, ordered by part, and the part of each."""
    if part is None:
        rows = np.flatnonzero(kind)
        return rows, np.zeros(len(rows), np.int16)
    rows = np.flatnonzero(kind & (part >= 0))
    of = part[rows]
    order = np.argsort(of, kind="stable")
    return rows[order], of[order]


def _refuse_contradictions(comparisons: Comparisons) -> None:
    same = comparisons.probe_subject == comparisons.reference_subject
    wrong = np.flatnonzero(same != comparisons.mated)
    if len(wrong):
        row = int(wrong[0])
        said = "mated, of two people" if comparisons.mated[row] else "non-mated, of one person"
        raise EvaluationInputError(
            f"{len(wrong):,} comparisons contradict their own labels, the first is row {row + 1}: told as {said}; "
            "put right the subjects or the mated column"
        )


def _nameless(
    scores: Floats, of: Any, bounds: Floats, n_parts: int, how: Resampling, *, mated: bool
) -> tuple[tuple[Estimate, ...], ...]:
    trials = np.bincount(of, minlength=n_parts)
    errors = [np.bincount(of[(scores < b) if mated else (scores >= b)], minlength=n_parts) for b in bounds]
    return tuple(
        tuple(_exact(int(k[p]), int(trials[p]), None, NAMELESS, how) for k in errors) for p in range(n_parts)
    )


def _pairs(comparisons: Comparisons, rows: Any, of: Any, bounds: Floats, n_parts: int) -> Iterator[_Pairs]:
    probe, reference = comparisons.probe_subject, comparisons.reference_subject
    assert probe is not None
    assert reference is not None
    ends = np.searchsorted(of, np.arange(n_parts + 1))
    for p in range(n_parts):
        mine = rows[ends[p] : ends[p + 1]]
        i, j, scores = probe[mine], reference[mine], comparisons.scores[mine]
        yield _matrix(i, j, [scores >= b for b in bounds], len(comparisons.subjects))


def _matrix(i: Any, j: Any, wrong: Sequence[Flags], n_people: int) -> _Pairs:
    rows, i = _compact(i, n_people)
    columns, j = _compact(j, n_people)
    shape = (len(rows), len(columns))
    cells = shape[0] * shape[1]
    counted: Any
    if cells <= min(max(8 * len(i), 1 << 16), 8 * _AT_ONCE):
        counted = np.bincount(i.astype(np.int64) * shape[1] + j, minlength=cells).reshape(shape)
        of_row, of_column = counted.sum(axis=1), counted.sum(axis=0)
    else:
        counted = _sparse(i, j, shape)
        of_row, of_column = (np.asarray(counted.sum(axis=a)).ravel() for a in (1, 0))
    of_person = np.zeros(n_people)
    of_person[rows] += of_row
    of_person[columns] += of_column
    # A sum of so many whole numbers is exact in float32 up to 2^24: then the answer is the same on every machine.
    most = float(max(of_row.max(initial=0), of_column.max(initial=0)))
    counted = counted.astype(np.float32 if most * 32 < _AT_ONCE else np.float64)
    squares = _squares(counted) + _turned(counted, counted, rows, columns)
    errors = tuple(_sparse(i[w], j[w], shape).astype(counted.dtype) for w in wrong)
    usual, rest = _usual(counted)
    return _Pairs(rows, columns, counted, usual, rest, errors, len(i), of_person, squares)


def _usual(counted: Any) -> tuple[float, Any]:
    """Everybody against everybody is one number nearly everywhere: that number, and a sparse matrix of the rest."""
    if sparse.issparse(counted) or not counted.size:
        return 0.0, counted
    usual = counted.max()
    i, j = np.nonzero(counted != usual)
    if len(i) > _DENSE * counted.size:
        return 0.0, counted
    rest = sparse.coo_array((counted[i, j] - usual, (i, j)), shape=counted.shape)
    return float(usual), rest.tocsr()


def _compact(people: Any, n_people: int) -> tuple[Any, Any]:
    """The different people in ascending order, and the place of each row's among them."""
    there = np.zeros(n_people, np.bool_)
    there[people] = True
    if there.all():
        return np.arange(n_people), people
    return np.flatnonzero(there), (np.cumsum(there) - 1)[people]


def _sparse(i: Any, j: Any, shape: tuple[int, int]) -> Any:
    return sparse.coo_array((np.ones(len(i)), (i, j)), shape=shape).tocsr()


def _own(
    comparisons: Comparisons, rows: Any, of: Any, bounds: Floats, n_parts: int
) -> tuple[Any, tuple[Any, ...]]:
    """Mated comparisons, and false non-matches at each threshold, of each part by each person (sparse)."""
    assert comparisons.probe_subject is not None
    person, scores = comparisons.probe_subject[rows], comparisons.scores[rows]
    shape = (n_parts, len(comparisons.subjects))
    wrong = [scores < b for b in bounds]
    return _sparse(of, person, shape), tuple(_sparse(of[w], person[w], shape) for w in wrong)


# -- the arithmetic of matrices, dense or sparse ------------------------------------------------------


def _weighed(matrix: Any, rows: Floats, columns: Floats) -> Floats:
    """(R,) sum_ij w_i m_ij w_j of each replicate."""
    if sparse.issparse(matrix) and matrix.nnz > _DENSE * matrix.shape[0] * matrix.shape[1]:
        matrix = matrix.toarray()
    product = matrix @ columns.astype(matrix.dtype, copy=False)
    product *= rows
    total: Floats = product.sum(axis=0, dtype=np.float64)
    return total


def _squares(matrix: Any) -> float:
    data = matrix.data if sparse.issparse(matrix) else matrix
    return float(np.square(data).sum(dtype=np.float64))


def _at(matrix: Any, i: Any, j: Any) -> Any:
    return np.asarray(matrix[i, j]).ravel()


def _turned(a: Any, b: Any, rows: Any, columns: Any) -> float:
    """sum_ij a_ij b_ji over the people who appear on both sides: a comparison and its reverse are one pair."""
    common = np.intersect1d(rows, columns, assume_unique=True)
    if len(common) == 0:
        return 0.0
    if len(common) != len(rows) or len(common) != len(columns):
        i, j = np.searchsorted(rows, common), np.searchsorted(columns, common)
        a, b = a[i][:, j], b[i][:, j]
    if sparse.issparse(a):
        found = a.tocoo()
        return float((found.data * _at(b, found.col, found.row)).sum()) if found.nnz else 0.0
    return float(np.einsum("ij,ji->", a, b, dtype=np.float64))


# -- drawing people ------------------------------------------------------------------------------------


def _drawn(n_people: int, how: Resampling) -> Iterator[tuple[int, Floats]]:
    """(people, replicates) how often each was drawn, in steps that fit the memory."""
    rng = np.random.default_rng(how.seed)
    step = max(1, min(how.replicates, _AT_ONCE // max(n_people, 1)))
    for begin in range(0, how.replicates, step):
        n = min(step, how.replicates - begin)
        who = rng.integers(0, n_people, (n, n_people))
        who *= n
        who += np.arange(n)[:, None]
        counts = np.bincount(who.ravel(), minlength=n_people * n).reshape(n_people, n)
        yield begin, counts.astype(np.float32)


# -- from replicates to an interval --------------------------------------------------------------------


def _of_pairs(cells: _Pairs, t: int, rates: Floats, how: Resampling, *, alone: bool) -> Estimate:
    errors = int(cells.wrong[t].sum())
    if cells.of_person.max(initial=0) <= 1:
        return replace(_exact(errors, cells.trials, cells.people, CLOPPER_PEARSON, how, rates), alone=alone)
    person, pair = cells.influence(t, errors / cells.trials)
    found = _resampled(errors, cells.trials, cells.people, FIXED, rates, how, person, 2 * pair)
    return _with_interval(replace(found, least_trials=float(cells.people)), how)


def _of_people(own: Any, missed: Any, rates: Floats, how: Resampling, *, alone: bool) -> Estimate:
    trials, errors = int(own.sum()), int(missed.sum())
    people = own.nnz
    if not trials or own.data.max() <= 1:
        return replace(_exact(errors, trials, people, CLOPPER_PEARSON, how, rates), alone=alone)
    person = (missed - errors / trials * own).data
    found = _resampled(errors, trials, people, FIXED, rates, how, person, 0.0)
    # If all comparisons of a person went alike, the design effect would be this and no more (Kish).
    least = trials**2 / float((own.data**2).sum())
    # People are independent of each other here: the degrees of freedom are those of a sum of their squares.
    spare = 1 / found.degrees_of_freedom - 1 / people
    freedom = 2 / spare if spare > 0 else math.inf
    return _with_interval(replace(found, degrees_of_freedom=freedom, least_trials=least), how)


def _exact(
    errors: int, trials: int, people: int | None, method: str, how: Resampling, rates: Floats | None = None
) -> Estimate:
    """Independent trials, or such as nothing better is known of."""
    if not trials:
        return Estimate(0, 0, people, method, None, 0.0)
    low, high = clopper_pearson_bounds(errors, trials, how.confidence)
    spread = math.sqrt(errors * (trials - errors) / trials) / trials
    known = method == CLOPPER_PEARSON
    return Estimate(
        errors,
        trials,
        people,
        method,
        (float(low), float(high)),
        float(trials),
        standard_error=spread if known else None,
        design_effect=1.0 if known else None,
        replicates=rates if rates is not None and len(rates) else None,
    )


def _resampled(
    errors: int,
    trials: int,
    people: int,
    method: str,
    rates: Floats,
    how: Resampling,
    person: Floats,
    twice: float,
) -> Estimate:
    """Without its interval. person: what each adds to the errors beyond the rate. twice: what step 4 takes off,
    times trials squared."""
    drawn = rates[np.isfinite(rates)]
    if len(drawn) < 2:
        return _exact(errors, trials, people, NOT_RESAMPLED, how)
    tail = (1 - how.confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    percentiles = (float(low), float(high))
    if errors in (0, trials):
        return Estimate(
            errors,
            trials,
            people,
            RULE_OF_THREE,
            None,
            float(people),
            percentiles=percentiles,
            replicates=rates,
        )
    rate = errors / trials
    independent = rate * (1 - rate) / trials
    variance = float(drawn.var(ddof=1))
    spread = float((person**4).sum())
    freedom = float((person**2).sum()) ** 2 / spread if spread > 0 else float(people)
    effective = rate * (1 - rate) / max(variance - twice / trials**2, independent)
    return Estimate(
        errors,
        trials,
        people,
        method,
        None,
        effective,
        degrees_of_freedom=max(freedom, 1.0),
        standard_error=math.sqrt(variance),
        design_effect=variance / independent,
        percentiles=percentiles,
        replicates=rates,
    )


def _with_interval(estimate: Estimate, how: Resampling) -> Estimate:
    if estimate.method == NOT_RESAMPLED:
        return estimate
    low, high = bounds_of([estimate], how.confidence)
    return replace(estimate, interval=(float(low[0]), float(high[0])))


# -- a threshold set anew in each replicate ------------------------------------------------------------


def _set_anew(
    comparisons: Comparisons,
    thresholds: Sequence[float],
    chosen: Flags | None,
    how: Resampling,
    fmr: Sequence[Estimate],
    fnmr: Sequence[Estimate],
) -> tuple[Estimate, ...]:
    """FNMR where each replicate takes the smallest threshold with at most the FMR that T has."""
    part = None if chosen is None else np.where(chosen, 0, -1).astype(np.int16)
    probe, reference, scores = comparisons.probe_subject, comparisons.reference_subject, comparisons.scores
    assert probe is not None
    assert reference is not None
    apart, _ = _rows(part, ~comparisons.mated)
    apart = apart[np.argsort(-scores[apart], kind="stable")]
    alike, _ = _rows(part, comparisons.mated)
    alike = alike[np.argsort(scores[alike], kind="stable")]
    cells = _matrix(probe[apart], reference[apart], [], len(comparisons.subjects))
    sides, who = (probe[apart], reference[apart]), probe[alike]
    # How many mated scores are lost where the first excess false match is the one in this place.
    below = np.searchsorted(scores[alike], scores[apart], side="right")
    rates = np.full((len(thresholds), how.replicates), np.nan)
    for begin, weights in _drawn(len(comparisons.subjects), how):
        among = cells.among(weights)
        for r, w in enumerate(np.ascontiguousarray(weights.T)):
            mated = np.concatenate([[0.0], np.cumsum(w[who], dtype=np.float64)])
            if not mated[-1] or not among[r]:
                continue
            for t, at in enumerate(fmr):
                place = _first_beyond(w, *sides, at.errors, among[r] * at.errors / at.trials)
                rates[t, begin + r] = 0.0 if place is None else mated[below[place]] / mated[-1]
    made = []
    for t, (x, y) in enumerate(zip(fmr, fnmr, strict=True)):
        if not x.errors or y.method == RULE_OF_THREE:
            # No false match to set the threshold by, or no false non-match to see moving: T stays.
            made.append(y)
            continue
        again = _resampled(y.errors, y.trials, y.people or 0, AGAIN, rates[t], how, np.ones(1), 0.0)
        made.append(_with_interval(_of_both(again, x, y), how))
    return tuple(made)


def _of_both(again: Estimate, fmr: Estimate, fnmr: Estimate) -> Estimate:
    """The uncertainty of the rate at T, and what the setting of T adds, each with its degrees of freedom."""
    if again.method != AGAIN or not fmr.standard_error or fmr.value is None:
        return again
    of_rate = 1 / fnmr.effective_trials
    # What T adds comes from pairs, whose weights count too much (step 4), as far as they do for FMR.
    truly = fmr.value * (1 - fmr.value) / fmr.effective_trials / fmr.standard_error**2
    added = max(1 / again.effective_trials - of_rate, 0.0) * min(truly, 1.0)
    parts = of_rate**2 / fnmr.degrees_of_freedom + added**2 / fmr.degrees_of_freedom
    return replace(
        again,
        effective_trials=1 / (of_rate + added),
        degrees_of_freedom=(of_rate + added) ** 2 / parts if parts else math.inf,
        least_trials=fnmr.least_trials or float(fnmr.people or 0),
    )


def _first_beyond(w: Floats, probe: Any, reference: Any, errors: int, allowed: float) -> int | None:
    """The first comparison, from the highest score down, with which the weighted count exceeds what is allowed."""
    total, begin, step = 0.0, 0, 2 * errors + 256
    while begin < len(probe):
        at = slice(begin, begin + step)
        counts = np.cumsum(w[probe[at]].astype(np.float64) * w[reference[at]]) + total
        beyond = int(np.searchsorted(counts, allowed, side="right"))
        if beyond < len(counts):
            return begin + beyond
        total, begin, step = float(counts[-1]), begin + step, 2 * step
    return None
