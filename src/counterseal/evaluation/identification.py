"""Open-set identification: what searches of a reference database return, and how often they err.

A search compares one probe with N references and returns at most R candidates, those with a score of at least T.
A search with an enrolled mate errs where the mate is outside the first R **or** below T (FNIR); one without errs
where it returns anybody at all (FPIR). Source: ISO/IEC 19795-1 (identification rates); the symbols are NIST's
(FRVT 1:N).

Definitions chosen, where the sources leave a choice:

- A candidate is one reference. The mate's rank counts the references of other people before it; of several mated
  references the best is the mate, and the others push nobody down.
- The rank among equal scores is the worst, the best or the mean of the ranks that they share (`Ties`); `worst`
  where nothing else is said.
- A threshold is rounded to the precision of the scores before it is compared, as in `verification`.
- A failed comparison returns no candidate; a search whose comparisons all failed is a miss if a mate is enrolled.
- Selectivity counts other people's references at rank R or better and at T or above, a mean over the searches
  without an enrolled mate.
- Where every search has a mate, `mates_left_out` gives searches without: the same, with the mate's references
  taken out of the database. The document says so.
- A smaller database is an exact expectation over all ways to draw it from this one (hypergeometric), no
  simulation. A larger one is only a model; each figure of it is labelled, beside the count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, hypergeom

from counterseal.evaluation.comparisons import (
    Comparisons,
    Direction,
    EvaluationInputError,
    Flags,
    Floats,
    Indices,
    Scores,
)
from counterseal.evaluation.intervals import binomial_rate
from counterseal.evaluation.rates import Rate
from counterseal.evaluation.verification import threshold_at

NOT_RETURNED = np.iinfo(np.int32).max
"""The number of references before a mate that was not returned at all: outside every list."""
KEPT = 1000
"""How many scores of other people's references are kept of each search; ranks of mates are exact beyond."""
POINTS_OF_CURVE = 200


class NotSearchesError(EvaluationInputError):
    """These comparisons are no searches of one database, so nothing can be said about identification."""


class Ties(StrEnum):
    """Which of the ranks that equal scores share is the mate's."""

    WORST = "worst"
    BEST = "best"
    MEAN = "mean"


@dataclass(frozen=True, slots=True, eq=False)
class SearchResults:
    """S searches of one database of N references. Scores are oriented: higher is more alike.

    names: (S,) of the searches. subject: (S,) whose probe, any number for each person, None where nobody said.
    mate_enrolled: (S,) a reference of the same person is in the database.
    mate_score: (S,) of the mate, -inf without one and where it was not returned.
    above, tied: (S,) references of other people with a greater, with the same score than the mate;
    `NOT_RETURNED` and 0 without a mate, and where it was not returned.
    others: (S, L) scores of other people's references in descending order, -inf where there are no more.
    failed: (S,) every comparison failed.
    list_length: how far lists reach. None: every score was seen, and `others` is cut at L only to keep it small.
    mates_left_out: these searches had a mate, whose references were taken out of the database.
    """

    names: tuple[str, ...]
    mate_enrolled: Flags
    mate_score: Floats
    above: Indices
    tied: Indices
    others: Floats
    failed: Flags
    database_size: int
    direction: Direction
    list_length: int | None = None
    subject: Indices | None = None
    mates_left_out: bool = False

    def __post_init__(self) -> None:
        """Hold the shapes, and what cannot be."""
        s = len(self.names)
        columns = [self.mate_enrolled, self.mate_score, self.above, self.tied, self.failed]
        columns += [] if self.subject is None else [self.subject]
        if self.others.ndim != 2 or len(self.others) != s or any(c.shape != (s,) for c in columns):
            raise ValueError("every column of searches has one value a search")
        if np.isnan(self.others).any() or np.isnan(self.mate_score).any():
            raise ValueError("a score is a number or -inf, never NaN")
        if (self.others[:, 1:] > self.others[:, :-1]).any():
            raise ValueError("the scores of other people's references are in descending order")
        if np.isfinite(self.mate_score[~self.mate_enrolled]).any():
            raise ValueError("a mate that is not enrolled has no score")

    def __len__(self) -> int:
        """S, the number of searches."""
        return len(self.names)

    @property
    def mated(self) -> int:
        """Searches with an enrolled mate."""
        return int(self.mate_enrolled.sum())

    @property
    def non_mated(self) -> int:
        """Searches without."""
        return len(self) - self.mated

    @property
    def longest(self) -> int:
        """The longest list that can be judged: R of the lists that were read, or N."""
        return self.database_size if self.list_length is None else self.list_length

    def ranks(self, ties: Ties = Ties.WORST) -> npt.NDArray[np.float64]:
        """(S,) rank of the mate, from 1; infinite where it was not returned. Halves with `Ties.MEAN`."""
        share = {Ties.WORST: 1.0, Ties.BEST: 0.0, Ties.MEAN: 0.5}[ties]
        return np.where(self.above == NOT_RETURNED, np.inf, 1.0 + self.above + share * self.tied)

    def returned_to(self, list_length: int, ties: Ties = Ties.WORST) -> Scores:
        """The score that decides each search, sorted: that of the mate if inside the list, and the best of others.

        FNIR(N, R, T) is the FNMR of these scores at T and FPIR(N, R, T) their FMR, so that thresholds at a target
        rate and the curve of one against the other are those of verification.
        """
        self.require(list_length)
        inside = np.where(self.ranks(ties) <= list_length, self.mate_score, -np.inf)[self.mate_enrolled]
        alone = ~self.mate_enrolled
        if list_length and self.others.shape[1]:
            best = self.others[alone, 0]
        else:
            best = np.full(int(alone.sum()), -np.inf, self.others.dtype)
        return Scores.sorted_in_place(inside.astype(self.mate_score.dtype), best, self.direction)

    def above_threshold(self, threshold: float) -> npt.NDArray[np.int64]:
        """(S,) how many references of other people reach this threshold (oriented).

        Where more may reach it than were kept, the count is not known: raises `EvaluationInputError`.
        """
        counts = self._reaching(threshold, self.others.shape[1])
        seen = self.others.shape[1]
        if counts.size and counts.max(initial=0) >= seen and not self._complete():
            raise EvaluationInputError(
                f"a search returned as many candidates as its list holds ({seen}), all at or above the threshold"
                f" {self.direction.shown(threshold):.6g}: how many more there are isn't known; give longer lists"
                " or a stricter threshold"
            )
        return np.asarray(counts, np.int64)

    def require(self, list_length: int) -> None:
        """Refuse a list longer than what is known."""
        if not 0 <= list_length <= self.longest:
            raise EvaluationInputError(
                f"a list of {list_length} candidates cannot be judged: "
                + (
                    f"the database holds {self.database_size} references"
                    if self.list_length is None
                    else f"the lists that were read end at rank {self.list_length}"
                )
            )

    def _complete(self) -> bool:
        """Whether `others` holds every score of other people's references."""
        return self.list_length is None and self.others.shape[1] >= self.database_size

    def _reaching(self, threshold: float, list_length: int) -> npt.NDArray[np.int64]:
        first = self.others[:, :list_length]
        return np.asarray(((first >= first.dtype.type(threshold)) & (first > -np.inf)).sum(axis=1), np.int64)


def searches_of(
    comparisons: Comparisons,
    probe: Indices | None = None,
    *,
    names: Sequence[str] = (),
    keep: int = KEPT,
) -> SearchResults:
    """Each probe compared with all references, as one search of the database.

    probe: (n,) which probe each comparison is of; None where each person gave one probe and one reference, which
    is checked. names: of the probes, by that index. keep: how many scores of other people's references are kept of
    each search. Raises `NotSearchesError` where the comparisons are no searches.
    """
    subject, reference = comparisons.probe_subject, comparisons.reference_subject
    if probe is None:
        if subject is None or reference is None:
            raise NotSearchesError(
                "nobody is named in these scores, so it can't be told which comparisons are one search:"
                " give a format that names probes and references"
            )
        pairs = subject.astype(np.int64) * (len(comparisons.subjects) + 1) + reference
        pairs.sort()
        if (pairs[1:] == pairs[:-1]).any():
            raise NotSearchesError(
                "a person's probe is compared more than once with the same person's reference, and the probes are"
                " not told apart: give a format that names each probe"
            )
        probe, names = subject, names or comparisons.subjects
    order = np.argsort(probe, kind="stable")
    codes, sizes = np.unique(probe[order], return_counts=True)
    if not len(codes):
        raise NotSearchesError("there are no comparisons, so there is no search")
    if sizes.min() != sizes.max():
        few, many = (int(codes[at(sizes)]) for at in (np.argmin, np.argmax))
        raise NotSearchesError(
            f"probe `{_name(names, few)}` was compared with {sizes.min()} references and `{_name(names, many)}`"
            f" with {sizes.max()}: rates of identification need every probe searched in the same database"
        )
    shape = (len(codes), int(sizes[0]))
    scores, mated = comparisons.scores[order].reshape(shape), comparisons.mated[order].reshape(shape)
    first = order.reshape(shape)[:, 0]
    mate_score = np.where(mated, scores, -np.inf).max(axis=1).astype(scores.dtype)
    others = np.where(mated, scores.dtype.type(-np.inf), scores)
    above = (others > mate_score[:, None]).sum(axis=1, dtype=np.int32)
    tied = ((others == mate_score[:, None]) & ~mated).sum(axis=1, dtype=np.int32)
    lost = np.isneginf(mate_score)
    above[lost], tied[lost] = NOT_RETURNED, 0
    kept = min(keep, shape[1])
    if kept < shape[1]:
        others = np.partition(others, shape[1] - kept, axis=1)[:, shape[1] - kept :]
    others.sort(axis=1)
    return SearchResults(
        names=tuple(_name(names, int(code)) for code in codes),
        mate_enrolled=np.asarray(mated.any(axis=1)),
        mate_score=mate_score,
        above=above,
        tied=tied,
        others=others[:, ::-1],
        failed=np.asarray(np.isneginf(scores).all(axis=1)),
        database_size=shape[1],
        direction=comparisons.direction,
        subject=None if subject is None else subject[first],
    )


def searches_of_lists(
    search: Indices,
    rank: Indices,
    score: Floats,
    mate: Flags,
    *,
    names: Sequence[str],
    mate_enrolled: Flags,
    failed: Flags,
    database_size: int,
    list_length: int,
    direction: Direction,
    subject: Indices | None = None,
) -> SearchResults:
    """Candidate lists as a system returned them: one row a candidate.

    search: (n,) index into the S names. rank: (n,) from 1. score: (n,) oriented. mate: (n,) the candidate is the
    person searched for. names, mate_enrolled, failed: (S,) one each, also for searches that returned nobody.
    list_length: R that the system was asked for. The rank of a mate is the one the system gave, less the mate's
    other references before it: ties are as the system broke them.
    """
    s, taken = len(names), np.zeros((len(names), list_length), bool)
    if ((rank < 1) | (rank > list_length)).any():
        row = int(np.argmax((rank < 1) | (rank > list_length)))
        raise EvaluationInputError(
            f"search `{names[search[row]]}` has a candidate at rank {rank[row]}: ranks are 1 to {list_length}, the"
            " length of the lists"
        )
    if len(rank) and list_length > database_size:
        raise EvaluationInputError(
            f"lists of {list_length} candidates from a database of {database_size} references: state the true size"
        )
    taken[search, rank - 1] = True
    if int(taken.sum()) != len(rank):
        twice = np.flatnonzero(np.bincount(search.astype(np.int64) * list_length + rank - 1) > 1)[0]
        raise EvaluationInputError(
            f"search `{names[twice // list_length]}` has two candidates at rank {twice % list_length + 1}"
        )
    if (taken[:, 1:] & ~taken[:, :-1]).any():
        lacks = int(np.argmax((taken[:, 1:] & ~taken[:, :-1]).any(axis=1)))
        raise EvaluationInputError(
            f"search `{names[lacks]}` has no candidate at rank {int(np.argmin(taken[lacks])) + 1} but one after it"
        )
    table = np.full((s, list_length), -np.inf, score.dtype)
    table[search, rank - 1] = score
    if (table[:, 1:] > table[:, :-1]).any():
        wrong = int(np.argmax((table[:, 1:] > table[:, :-1]).any(axis=1)))
        raise EvaluationInputError(
            f"search `{names[wrong]}` has a better score after a worse one: either the ranks or the stated direction"
            f" (`{direction}`) are wrong"
        )
    mates = np.zeros_like(taken)
    mates[search[mate], rank[mate] - 1] = True
    if mates[~mate_enrolled].any():
        wrong = int(np.argmax(mates.any(axis=1) & ~mate_enrolled))
        raise EvaluationInputError(
            f"search `{names[wrong]}` is said to have no enrolled mate, and yet its person is a candidate"
        )
    found, place = mates.any(axis=1), mates.argmax(axis=1)
    others = np.where(mates, score.dtype.type(-np.inf), table)
    others.sort(axis=1)
    return SearchResults(
        names=tuple(names),
        mate_enrolled=mate_enrolled,
        mate_score=np.where(found, table[np.arange(s), place], -np.inf).astype(score.dtype),
        above=np.where(found, place, NOT_RETURNED).astype(np.int32),
        tied=np.zeros(s, np.int32),
        others=others[:, ::-1],
        failed=failed,
        database_size=database_size,
        direction=direction,
        list_length=list_length,
        subject=subject,
    )


def mates_left_out(results: SearchResults) -> SearchResults:
    """The same searches with each mate's references taken out of the database: all are without an enrolled mate.

    The database then is one reference smaller (where people have several references, N - 1 is its greatest size).
    """
    s = len(results)
    return replace(
        results,
        mate_enrolled=np.zeros(s, bool),
        mate_score=np.full(s, -np.inf, results.mate_score.dtype),
        above=np.full(s, NOT_RETURNED, np.int32),
        tied=np.zeros(s, np.int32),
        database_size=results.database_size - int(results.mate_enrolled.all()),
        mates_left_out=True,
    )


@dataclass(frozen=True, slots=True)
class IdentificationRates:
    """At one threshold (oriented) and one list length. TPIR is 1 - FNIR.

    selectivity: mean number of other people's references returned by a search without an enrolled mate; None
    without such searches, and where lists end before it can be counted.
    """

    threshold: float
    list_length: int
    fpir: Rate
    fnir: Rate
    selectivity: float | None


def identification_rates(
    results: SearchResults,
    threshold: float,
    list_length: int,
    *,
    ties: Ties = Ties.WORST,
    confidence: float = 0.95,
) -> IdentificationRates:
    """FPIR(N, R, T), FNIR(N, R, T) and selectivity; the threshold is oriented, -inf for none.

    Intervals are exact binomial ones: each search is taken as independent of the others.
    """
    scores = results.returned_to(list_length, ties)
    return IdentificationRates(
        threshold,
        list_length,
        fpir=_at_or_above(scores.non_mated, threshold, confidence),
        fnir=_missed(scores.mated, threshold, confidence),
        selectivity=_selectivity(results, threshold, list_length),
    )


def rank_rate(
    results: SearchResults, rank: int, *, ties: Ties = Ties.WORST, confidence: float = 0.95
) -> Rate:
    """Mates at this rank or better, of searches with an enrolled mate: the CMC at one rank, 1 - FNIR(N, k, -inf).

    `errors` of this rate counts successes: the mates that were returned.
    """
    missed = miss_rate(results, rank, ties=ties)
    return binomial_rate(missed.trials - missed.errors, missed.trials, confidence)


def miss_rate(
    results: SearchResults, list_length: int, *, ties: Ties = Ties.WORST, confidence: float = 0.95
) -> Rate:
    """FNIR(N, R, -inf): mates that a reviewer who is shown R candidates never sees."""
    return _missed(results.returned_to(list_length, ties).mated, -np.inf, confidence)


def threshold_at_fpir(results: SearchResults, target: float) -> float:
    """The smallest score, oriented, at which FPIR is at most the target (R of at least 1), 0 < target < 1."""
    scores = results.returned_to(1)
    if not len(scores.non_mated):
        raise EvaluationInputError("FPIR needs searches without an enrolled mate, and there are none")
    return threshold_at(scores, target).threshold


def fnir_in_smaller(
    results: SearchResults,
    database_size: int,
    threshold: float,
    list_length: int,
    *,
    ties: Ties = Ties.WORST,
) -> float | None:
    """FNIR expected with so many references drawn from these, the mate always among them. None without mates.

    Of the N - 1 other references, a are before the mate; n - 1 are drawn, of which a hypergeometric number is. The
    expectation over all draws is exact, for N or fewer. Candidate lists don't show how far outside a mate is, so
    they cannot be thinned.
    """
    _require_every_score(results, database_size)
    places, certain = _places(results, threshold, ties)
    others = results.database_size - 1
    inside = hypergeom.cdf(list_length - 1, others, places, database_size - 1) if others else list_length > 0
    return _mean_missed(results, np.where(certain, inside, 0.0))


def fpir_in_smaller(results: SearchResults, database_size: int, threshold: float) -> float | None:
    """FPIR expected with so many references drawn from these, exactly. None without searches without a mate."""
    _require_every_score(results, database_size)
    alone = ~results.mate_enrolled
    if not alone.any():
        return None
    reach = results.above_threshold(threshold)[alone]
    return float(1 - hypergeom.pmf(0, results.database_size, reach, database_size).mean())


def fnir_in_larger(
    results: SearchResults,
    database_size: int,
    threshold: float,
    list_length: int,
    *,
    ties: Ties = Ties.WORST,
) -> float | None:
    """A model: every reference more is before the mate as often as those that were seen, search by search."""
    _require_every_score(results, 1)
    places, certain = _places(results, threshold, ties)
    share = places / max(results.database_size - 1, 1)
    inside = binom.cdf(list_length - 1, database_size - 1, share)
    return _mean_missed(results, np.where(certain, inside, 0.0))


def fpir_if_independent(results: SearchResults, database_size: int, threshold: float) -> float | None:
    """A model: 1 - (1 - FMR)^N with the FMR of these searches' own non-mated comparisons at the threshold.

    It takes the N comparisons of one search as independent. They share a probe, so it is usually far too high.
    """
    trials = len(results) * results.database_size
    if not results.mates_left_out:
        # One mate each is left out of the trials; further references of the mate are few.
        trials -= results.mated
    if not trials:
        return None
    fmr = results.above_threshold(threshold).sum() / trials
    return float(-np.expm1(database_size * np.log1p(-fmr))) if fmr < 1 else 1.0


COUNT = "count"
EXPECTED = "expected over all smaller databases drawn from this one (hypergeometric, exact)"
MODEL = (
    "model: FPIR = 1 - (1 - FMR)^N takes the comparisons of one search as independent;"
    " FNIR takes further references as like those seen"
)


def identification_document(
    results: SearchResults,
    thresholds: Sequence[float],
    *,
    list_length: int,
    ranks: Sequence[int] = (1, 5, 10, 20, 50),
    database_sizes: Sequence[int] = (),
    ties: Ties = Ties.WORST,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """What a result document says under `identification`.

    thresholds: oriented. list_length: R, the candidates that a reviewer is shown. database_sizes: for `growth`;
    empty for a half, a quarter, an eighth of N, N itself, and ten times N (a model).
    """
    alone = results if results.non_mated else mates_left_out(results)
    shown = results.direction.shown
    lengths = sorted({1, list_length, *(k for k in ranks if k <= results.longest)})
    n = results.database_size
    return {
        "database_size": n,
        "searches_mated": results.mated,
        "searches_non_mated": results.non_mated,
        "searches_failed": {
            "mated": int((results.failed & results.mate_enrolled).sum()),
            "non_mated": int((results.failed & ~results.mate_enrolled).sum()),
        },
        "searches_of_one_person_at_most": _most_of_one(results),
        "list_length": list_length,
        "known_to_rank": results.longest,
        "ties": str(ties),
        "without_a_mate": "every search with its mate's references left out"
        if alone.mates_left_out
        else "searches of people who are not in the database",
        "rates": [_rates_row(results, alone, t, list_length, ties, confidence) for t in thresholds],
        "lights_out": [_rates_row(results, alone, t, 1, ties, confidence) for t in thresholds],
        "curve": [
            {"threshold": shown(t), "fpir": fpir, "fnir": fnir}
            for t, fpir, fnir in _curve(results, alone, list_length, ties)
        ],
        "ranks": [
            {
                "rank": k,
                "rate": rank_rate(results, k, ties=rule, confidence=confidence).document(),
                "ties": str(rule),
            }
            for k in lengths
            for rule in Ties
        ]
        if results.mated
        else [],
        "miss_rate": [
            {
                "list_length": k,
                "fnir": miss_rate(results, k, ties=ties, confidence=confidence).document(),
                "shown_to_reviewers": k == list_length,
            }
            for k in lengths
        ]
        if results.mated
        else [],
        "growth": _growth(
            results, alone, thresholds, list_length, database_sizes or _sizes(n), ties, confidence
        ),
    }


def _rates_row(
    results: SearchResults,
    alone: SearchResults,
    threshold: float,
    list_length: int,
    ties: Ties,
    confidence: float,
) -> dict[str, Any]:
    here = identification_rates(results, threshold, list_length, ties=ties, confidence=confidence)
    away = identification_rates(
        alone, threshold, min(list_length, alone.longest), ties=ties, confidence=confidence
    )
    return {
        "threshold": results.direction.shown(threshold),
        "list_length": list_length,
        "fpir": away.fpir.document(),
        "fnir": here.fnir.document(),
        "tpir": None if here.fnir.value is None else 1 - here.fnir.value,
        "selectivity": away.selectivity,
    }


def _growth(
    results: SearchResults,
    alone: SearchResults,
    thresholds: Sequence[float],
    list_length: int,
    sizes: Sequence[int],
    ties: Ties,
    confidence: float,
) -> list[dict[str, Any]]:
    """A count at N, an exact expectation below, a model beside the count and above; nothing from lists that end."""
    rows: list[dict[str, Any]] = []
    for threshold in thresholds:
        for size in sorted(set(sizes)):
            if results.list_length is not None and size != results.database_size:
                continue
            row = {"database_size": size, "threshold": results.direction.shown(threshold)}
            small = min(size, alone.database_size)  # the mate's place is empty where mates are left out
            length = min(list_length, size)
            try:
                if size == results.database_size:
                    here = identification_rates(results, threshold, length, ties=ties, confidence=confidence)
                    away = identification_rates(
                        alone, threshold, min(length, small), ties=ties, confidence=confidence
                    )
                    rows.append(row | {"fnir": here.fnir.value, "fpir": away.fpir.value, "method": COUNT})
                elif size < results.database_size:
                    fnir = fnir_in_smaller(results, size, threshold, length, ties=ties)
                    fpir = fpir_in_smaller(alone, small, threshold)
                    rows.append(row | {"fnir": fnir, "fpir": fpir, "method": EXPECTED})
                if size >= results.database_size and results.list_length is None:
                    fnir = fnir_in_larger(results, size, threshold, length, ties=ties)
                    many = small if size == results.database_size else size
                    fpir = fpir_if_independent(alone, many, threshold)
                    rows.append(row | {"fnir": fnir, "fpir": fpir, "method": MODEL})
            except EvaluationInputError:
                # More scores reach this threshold than were kept: the count stands, what grows from it does not.
                continue
    return rows


def _curve(
    results: SearchResults, alone: SearchResults, list_length: int, ties: Ties
) -> list[tuple[float, float, float]]:
    """FPIR against FNIR where FPIR changes, at most `POINTS_OF_CURVE`; empty without both kinds of search."""
    mated = results.returned_to(list_length, ties).mated
    best = alone.returned_to(min(list_length, alone.longest), ties).non_mated
    best = best[np.isfinite(best)]
    if not len(mated) or not len(best):
        return []
    steps = np.unique(best)
    steps = steps[np.unique(np.linspace(0, len(steps) - 1, POINTS_OF_CURVE).round().astype(int))]
    trials = alone.non_mated
    return [
        (
            float(t),
            float((len(best) - np.searchsorted(best, t, "left")) / trials),
            float(np.searchsorted(mated, t, "left") / len(mated)),
        )
        for t in steps
    ]


def _selectivity(results: SearchResults, threshold: float, list_length: int) -> float | None:
    alone = ~results.mate_enrolled
    if not alone.any():
        return None
    # Only the first R count, so that what was not kept can only matter where R is longer than it.
    counts = results._reaching(threshold, list_length)[alone]
    if list_length > results.others.shape[1] and (counts == results.others.shape[1]).any():
        return None
    return float(counts.mean())


def _require_every_score(results: SearchResults, database_size: int) -> None:
    if results.list_length is not None:
        raise EvaluationInputError(
            f"candidate lists end at rank {results.list_length}, so what a database of another size would return"
            " can't be told from them: give every score"
        )
    if not 1 <= database_size <= results.database_size:
        raise EvaluationInputError(f"{database_size} references can't be drawn from {results.database_size}")


def _places(
    results: SearchResults, threshold: float, ties: Ties
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """For each mated search: references before the mate, and whether the mate was returned and reaches T."""
    ranks = results.ranks(ties)[results.mate_enrolled]
    returned = np.isfinite(ranks)
    places = np.where(returned, np.ceil(ranks) - 1, 0).astype(np.int64)
    scores = results.mate_score[results.mate_enrolled]
    return places, returned & (scores >= scores.dtype.type(threshold))


def _mean_missed(results: SearchResults, inside: npt.NDArray[np.float64]) -> float | None:
    return float(1 - inside.mean()) if results.mated else None


def _at_or_above(ascending: Floats, threshold: float, confidence: float) -> Rate:
    return binomial_rate(len(ascending) - _lost(ascending, threshold), len(ascending), confidence)


def _missed(ascending: Floats, threshold: float, confidence: float) -> Rate:
    """A mate with -inf was not returned, and so is missed at every threshold."""
    return binomial_rate(_lost(ascending, threshold), len(ascending), confidence)


def _lost(ascending: Floats, threshold: float) -> int:
    """Scores below the threshold, and those of -inf whatever it is. In the precision of the scores, as everywhere."""
    number = ascending.dtype.type
    return int(
        max(
            np.searchsorted(ascending, number(threshold)),
            np.searchsorted(ascending, number(-np.inf), "right"),
        )
    )


def _most_of_one(results: SearchResults) -> int | None:
    if results.subject is None or not len(results):
        return None
    return int(np.unique(results.subject, return_counts=True)[1].max())


def _sizes(n: int) -> list[int]:
    return [size for size in (n // 8, n // 4, n // 2, n, 10 * n) if size > 0]


def _name(names: Sequence[str], code: int) -> str:
    return names[code] if names else str(code)
