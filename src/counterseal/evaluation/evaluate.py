"""Measure the comparisons of a test into one plain document: docs/reference/evaluation.md tells each of its keys.

    1 hold the direction: less than half an AUC is refused     4 groups, and how unlike they are
    2 thresholds, and both error rates with intervals          5 costs and the calibration, with its check
    3 the curve and the numbers over all of it                 6 searches, where they are given

The same comparisons and settings give the same bytes: nothing here reads a clock, a file or a random number that the
seed does not fix.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from importlib.metadata import version
from typing import Any

import numpy as np

from counterseal.evaluation.bands import bands
from counterseal.evaluation.bootstrap import (
    NAMELESS,
    NOT_RESAMPLED,
    Estimate,
    Resampling,
    ThresholdRule,
    subject_bootstrap,
)
from counterseal.evaluation.by_group import NonMatedRule, intersection
from counterseal.evaluation.calibration import calibrate, check, cllr, min_cllr, people_of, scored, seen
from counterseal.evaluation.comparisons import Comparisons, Direction, EvaluationInputError, Grouping, Scores
from counterseal.evaluation.groups_document import (
    AtThreshold,
    Groups,
    GroupSettings,
    groups_document,
    methods,
    rate_members,
)
from counterseal.evaluation.histogram import histogram
from counterseal.evaluation.identification import SearchResults, identification_document
from counterseal.evaluation.identification import Ties as RankTies
from counterseal.evaluation.intervals import ENOUGH_ERRORS, clopper_pearson
from counterseal.evaluation.plan import Bound, SmallestGroup
from counterseal.evaluation.rates import Rate
from counterseal.evaluation.verification import (
    Threshold,
    auc,
    det_curve,
    equal_error_rate,
    false_matches,
    false_non_matches,
    threshold_at,
)

Document = dict[str, Any]

SCHEMA = "counterseal-evaluation-1"
USUAL_TARGETS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
RULE = "smallest score T with count(non-mated >= T) <= floor(target * n_non_mated)"


class Unmeasurable(StrEnum):
    """What becomes of a target FMR below one in K non-mated comparisons."""

    REFUSE = "refuse"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a test is measured; all of it stands in the document.

    fmr_targets: empty for those of `USUAL_TARGETS` at which thirty false matches are expected. bootstrap: replicates, 0
    for none. intersections: of names of groupings. margins: measure -> the difference between groups that would not
    matter. list_length: candidates that a reviewer is shown. stated: thresholds in numbers of the file, such as the
    vendor's own, that were set on other data. against_direction: measure although AUC < 0.5.
    """

    fmr_targets: tuple[float, ...] = ()
    bootstrap: int = 0
    seed: int = 0
    confidence: float = 0.95
    threshold_rule: ThresholdRule = ThresholdRule.FIXED
    non_mated_rule: NonMatedRule = NonMatedRule.WITHIN_GROUP
    smallest_group: SmallestGroup = field(default_factory=SmallestGroup)
    intersections: tuple[tuple[str, ...], ...] = ()
    margins: Mapping[str, Bound] = field(default_factory=dict)
    list_length: int | None = None
    stated: tuple[float, ...] = ()
    ties: RankTies = RankTies.WORST
    unmeasurable: Unmeasurable = Unmeasurable.REPORT
    against_direction: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        if not 0 < self.confidence < 1:
            raise EvaluationInputError(f"a confidence lies between 0 and 1, not {self.confidence}")
        if any(not 0 < t < 1 for t in self.fmr_targets):
            wrong = next(t for t in self.fmr_targets if not 0 < t < 1)
            raise EvaluationInputError(f"a target FMR lies between 0 and 1, not {wrong}")
        if len(set(self.fmr_targets)) < len(self.fmr_targets):
            raise EvaluationInputError("a target FMR is given twice")
        if not np.isfinite(self.stated).all() or len(set(self.stated)) < len(self.stated):
            raise EvaluationInputError("stated thresholds are finite numbers, each given once")
        if unknown := set(self.margins) - {"fmr", "fnmr"}:
            raise EvaluationInputError(f"margins are of `fmr` and `fnmr`, not `{min(unknown)}`")


@dataclass(frozen=True, slots=True)
class Input:
    """A file that the numbers came from. role: `scores`, `groups`, `manifest`, `candidates`, `quality`, …"""

    role: str
    name: str
    sha256: str
    rows: int | None
    format: str


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failures before any comparison, where somebody counted them; None where nobody did."""

    to_acquire: Rate | None = None
    to_enrol: Rate | None = None


def evaluate(
    comparisons: Comparisons | Scores,
    settings: Settings,
    *,
    inputs: Sequence[Input] = (),
    attempts: Attempts | None = None,
    searches: SearchResults | None = None,
    identification: Mapping[str, Any] | None = None,
    quality: Mapping[str, Any] | None = None,
    attack_detection: Mapping[str, Any] | None = None,
) -> Document:
    """The result document.

    comparisons: with people and groups, or the sorted scores alone where neither is known. searches: measured at the
    thresholds of this test; identification, quality, attack_detection: documents that were measured already.

    Raises EvaluationInputError: no non-mated scores, an AUC below a half, a target that cannot be measured (where
    `settings.unmeasurable` refuses), or an intersection of groupings that nobody told.
    """
    scores = comparisons if isinstance(comparisons, Scores) else Scores.of(comparisons)
    known = comparisons if isinstance(comparisons, Comparisons) else None
    attempts = attempts or Attempts()
    warnings = _Warnings()
    # (1)
    area = _area(scores, settings, warnings)
    # (2)
    found = [threshold_at(scores, target) for target in _targets(scores, settings)]
    _hold_measurable(found, scores, settings, warnings)
    stated = [scores.direction.shown(t) for t in settings.stated]
    resampled = _resampled(comparisons, scores, [*(t.threshold for t in found), *stated], settings)
    rows = [
        _threshold_row(t, x, y, scores.direction, attempts)
        for t, x, y in zip(found, *(kind[: len(found)] for kind in resampled), strict=True)
    ]
    at_stated = [
        {"threshold": t, **_rates(x, y, attempts)}
        for t, x, y in zip(settings.stated, *(kind[len(found) :] for kind in resampled), strict=True)
    ]
    warnings.intervals(resampled)
    warnings.failures(scores, attempts)
    # (3)
    both = len(scores.mated) > 0
    eer = asdict(equal_error_rate(scores)) if both else None
    spread = histogram(scores)
    det, det_method = _det(comparisons, scores, settings) if both else ([], None)
    # (4)
    points = [
        AtThreshold(t.target_fmr, t.threshold, row["fmr"], row["fnmr"])
        for t, row in zip(found, rows, strict=True)
    ]
    groups = _groups(known, points, settings)
    warnings.groups(groups)
    # (5)
    costs, calibration = _calibrated(comparisons, scores, settings, warnings) if both else (None, None)
    # (6)
    if searches is not None:
        searches.require(settings.list_length or searches.longest)
        identification = identification_document(
            searches,
            [*(t.threshold for t in found), *stated],
            list_length=settings.list_length or searches.longest,
            ties=settings.ties,
            confidence=settings.confidence,
        )
    return {
        "schema": SCHEMA,
        "inputs": [asdict(each) for each in inputs],
        "software": {
            "counterseal": version("counterseal"),
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "scipy": version("scipy"),
        },
        "settings": _settings_document(settings, scores, found),
        "n_mated": len(scores.mated),
        "n_non_mated": len(scores.non_mated),
        "n_subjects": len(known.subjects) if known and known.probe_subject is not None else None,
        "failures": _failures(scores, attempts, known),
        "eer": eer,
        "auc": area,
        "cllr": costs,
        "calibration": calibration,
        "det": det,
        "det_method": det_method,
        "histogram": None if spread is None else spread.document(),
        "thresholds": rows,
        "stated": at_stated,
        "groups": groups.groups,
        "matrices": groups.matrices,
        "differentials": groups.differentials,
        "identification": None if identification is None else dict(identification),
        "quality": None if quality is None else dict(quality),
        "attack_detection": None if attack_detection is None else dict(attack_detection),
        "warnings": warnings.said,
    }


class _Warnings:
    """What whoever reads the numbers must know with them."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def add(self, sentence: str) -> None:
        """One sentence more."""
        if sentence not in self.said:
            self.said.append(sentence)

    def intervals(self, resampled: tuple[Sequence[Estimate], Sequence[Estimate]]) -> None:
        """Of intervals that are narrower than the truth."""
        used = {e.method for kind in resampled for e in kind}
        if NAMELESS in used:
            self.add(
                "nobody is named in these scores: intervals take every comparison as independent, and are too narrow "
                "if people appear in more than one"
            )
        if NOT_RESAMPLED in used:
            self.add(
                "people appear in more than one comparison and nothing was resampled: intervals are too narrow; ask "
                "for a bootstrap (2000 replicates)"
            )

    def failures(self, scores: Scores, attempts: Attempts) -> None:
        """Of failures that may be counted twice."""
        failed = sum(_failed(a) for a in (scores.mated, scores.non_mated))
        told = attempts.to_acquire or attempts.to_enrol
        if failed and told and told.errors:
            self.add(
                f"{failed:,} comparisons failed and are counted as non-matches, and failures to acquire or enrol are "
                "told besides: where they are the same samples, FRR and GFRR count them twice"
            )

    def groups(self, groups: Groups) -> None:
        """Of groups of which nothing is said."""
        for row in groups.groups:
            if not row["evaluated"]:
                self.add(f"not evaluated: {row['grouping']} `{row['group']}`: {row['why_not']}")


def _area(scores: Scores, settings: Settings, warnings: _Warnings) -> float | None:
    if not len(scores.non_mated):
        raise EvaluationInputError(
            "no non-mated comparisons: no threshold can be set and no false match rate measured; "
            "give comparisons of different people too"
        )
    if not len(scores.mated):
        warnings.add("no mated comparisons: nothing is said of false non-matches")
        return None
    area = auc(scores)
    if area >= 0.5:
        return area
    other = "--distance" if scores.direction is Direction.SIMILARITY else "--similarity"
    says = (
        f"comparisons of different people score as more alike than those of the same person (AUC {area:.4f}, below "
        f"0.5) when these numbers are read as {scores.direction}"
    )
    if not settings.against_direction:
        raise EvaluationInputError(
            f"{says}; did you mean {other}? If the system really is that bad, insist with --against-direction"
        )
    warnings.add(says)
    return area


def _targets(scores: Scores, settings: Settings) -> tuple[float, ...]:
    if settings.fmr_targets:
        return settings.fmr_targets
    count = len(scores.non_mated)
    usual = tuple(t for t in USUAL_TARGETS if t * count >= ENOUGH_ERRORS)
    if usual:
        return usual
    if count < 10:
        raise EvaluationInputError(
            f"{count} non-mated comparisons are too few for any usual target; name one with --fmr"
        )
    return (0.1,)


def _hold_measurable(
    found: Sequence[Threshold], scores: Scores, settings: Settings, warnings: _Warnings
) -> None:
    count = len(scores.non_mated)
    for t in found:
        if t.measurable:
            continue
        says = (
            f"a target FMR of {t.target_fmr:g} is below what {count:,} non-mated comparisons can measure: the least is "
            f"1 in {count:,}, {1 / count:.3g}"
        )
        if settings.unmeasurable is Unmeasurable.REFUSE:
            need = int(np.ceil(1 / t.target_fmr))
            raise EvaluationInputError(
                f"{says}; ask for a higher one or bring at least {need:,} of them ({ENOUGH_ERRORS * need:,} to know "
                "the rate to about 30 %), or take the threshold above all of them with --beyond-measure"
            )
        warnings.add(f"{says}; its threshold lies above every non-mated score and its FMR is not known")


def _resampled(
    comparisons: Comparisons | Scores, scores: Scores, thresholds: list[float], settings: Settings
) -> tuple[Sequence[Estimate], Sequence[Estimate]]:
    if isinstance(comparisons, Comparisons):
        made = subject_bootstrap(
            comparisons,
            thresholds,
            replicates=settings.bootstrap,
            seed=settings.seed,
            confidence=settings.confidence,
            threshold_rule=settings.threshold_rule,
        )
        return made.fmr, made.fnmr
    if settings.bootstrap:
        raise EvaluationInputError(
            "people are resampled, and nobody is named in these scores: leave --bootstrap away"
        )
    k, m = len(scores.non_mated), len(scores.mated)
    return (
        [_nameless(false_matches(scores, t), k, settings) for t in thresholds],
        [_nameless(false_non_matches(scores, t), m, settings) for t in thresholds],
    )


def _nameless(errors: int, trials: int, settings: Settings) -> Estimate:
    interval = clopper_pearson(errors, trials, settings.confidence) if trials else None
    return Estimate(errors, trials, None, NAMELESS, interval, float(trials))


def _threshold_row(
    found: Threshold, fmr: Estimate, fnmr: Estimate, direction: Direction, attempts: Attempts
) -> Document:
    def shown(threshold: float | None) -> float | None:
        return None if threshold is None or not np.isfinite(threshold) else direction.shown(threshold)

    return {
        "target_fmr": found.target_fmr,
        "threshold": shown(found.threshold),
        "other_end": shown(found.other_end),
        "above": shown(found.above),
        "rule": RULE,
        "measurable": found.measurable,
        **_rates(fmr, fnmr, attempts),
    }


def _rates(fmr: Estimate, fnmr: Estimate, attempts: Attempts) -> Document:
    return {
        **rate_members("fmr", fmr),
        **rate_members("fnmr", fnmr),
        "method": methods(fmr, fnmr),
        **transaction_rates(fmr.value, fnmr.value, attempts),
    }


def transaction_rates(fmr: float | None, fnmr: float | None, attempts: Attempts) -> Document:
    """FAR, FRR of one attempt, and the generalised rates; None where a part is not known.

    FAR = FMR (1 - FTA), FRR = FTA + FNMR (1 - FTA); GFAR = FAR (1 - FTE), GFRR = FTE + (1 - FTE) FRR: ISO/IEC 19795-1.
    """
    fta = attempts.to_acquire.value if attempts.to_acquire else None
    fte = attempts.to_enrol.value if attempts.to_enrol else None
    far = None if fta is None or fmr is None else fmr * (1 - fta)
    frr = None if fta is None or fnmr is None else fta + fnmr * (1 - fta)
    return {
        "far": far,
        "frr": frr,
        "gfar": None if far is None or fte is None else far * (1 - fte),
        "gfrr": None if frr is None or fte is None else fte + (1 - fte) * frr,
    }


def _groups(comparisons: Comparisons | None, points: Sequence[AtThreshold], settings: Settings) -> Groups:
    told: dict[str, Grouping] = dict(comparisons.groupings) if comparisons else {}
    groupings = list(told.values())
    for names in settings.intersections:
        if missing := [name for name in names if name not in told]:
            there = f"; told are {', '.join(told)}" if told else ""
            raise EvaluationInputError(f"no grouping `{missing[0]}` was told{there}")
        groupings.append(intersection(*(told[name] for name in names)))
    if comparisons is None or not groupings:
        return Groups([], [], [])
    how = GroupSettings(
        NonMatedRule(settings.non_mated_rule),
        settings.smallest_group,
        Resampling(settings.bootstrap, settings.seed, settings.confidence),
        settings.margins,
    )
    return groups_document(comparisons, groupings, points, how)


def _calibrated(
    comparisons: Comparisons | Scores, scores: Scores, settings: Settings, warnings: _Warnings
) -> tuple[Document | None, Document | None]:
    cost = cllr(scores)
    costs = None if cost is None else {"cllr": cost, "min_cllr": min_cllr(scores)}
    people = people_of(comparisons) if isinstance(comparisons, Comparisons) else None
    line = calibrate(scores, people)
    if line is None:
        warnings.add("scores of both kinds do not allow a calibration: none is given")
        return costs, None
    held = check(comparisons, seed=settings.seed, confidence=settings.confidence)
    if held is None:
        warnings.add(
            "the calibration could not be checked on comparisons left out: no statement may rest on it"
        )
    elif not held.holds:
        warnings.add("the calibration did not hold on people left out: no statement may rest on it")
    return costs, line.document(scores.direction, seen(scored(scores)), held)


def _failed(ascending: Any) -> int:
    return int(np.searchsorted(ascending, ascending.dtype.type(-np.inf), side="right"))


def _failures(scores: Scores, attempts: Attempts, comparisons: Comparisons | None) -> Document:
    return {
        "to_acquire": attempts.to_acquire.document() if attempts.to_acquire else None,
        "to_enrol": attempts.to_enrol.document() if attempts.to_enrol else None,
        "comparisons": {"mated": _failed(scores.mated), "non_mated": _failed(scores.non_mated)},
        "by_reason": dict(sorted(comparisons.failures.items())) if comparisons else {},
    }


def _det(comparisons: Comparisons | Scores, scores: Scores, settings: Settings) -> tuple[list[Document], str]:
    """The points of the curve with their bounds, and how those were made."""
    curve, method = det_curve(scores, confidence=settings.confidence), NAMELESS
    fmr_bounds, fnmr_bounds = curve.fmr_bounds, curve.fnmr_bounds
    if isinstance(comparisons, Comparisons) and comparisons.probe_subject is not None:
        method = NOT_RESAMPLED
        if settings.bootstrap:
            fmr_bounds, fnmr_bounds, method = bands(
                comparisons,
                curve,
                replicates=settings.bootstrap,
                seed=settings.seed,
                confidence=settings.confidence,
            )
    shown = scores.direction.shown
    columns = (curve.fmr, *fmr_bounds, curve.fnmr, *fnmr_bounds)
    names = ("fmr", "fmr_low", "fmr_high", "fnmr", "fnmr_low", "fnmr_high")
    return [
        {
            "threshold": shown(float(t)) if np.isfinite(t) else None,
            **dict(zip(names, map(float, row), strict=True)),
        }
        for t, *row in zip(curve.threshold, *columns, strict=True)
    ], method


def _settings_document(settings: Settings, scores: Scores, found: Sequence[Threshold]) -> Document:
    return {
        "direction": str(scores.direction),
        "fmr_targets": [t.target_fmr for t in found],
        "bootstrap": settings.bootstrap,
        "seed": settings.seed,
        "confidence": settings.confidence,
        "threshold_rule": str(settings.threshold_rule),
        "non_mated_rule": str(settings.non_mated_rule),
        "smallest_group": asdict(settings.smallest_group),
        "intersections": [list(names) for names in settings.intersections],
        "margins": {name: asdict(bound) for name, bound in sorted(settings.margins.items())},
        "list_length": settings.list_length,
        "stated": list(settings.stated),
        "ties": str(settings.ties),
        "unmeasurable": str(settings.unmeasurable),
        "against_direction": settings.against_direction,
    }
