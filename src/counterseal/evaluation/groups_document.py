"""What a result document says of groups: their rates, who was mistaken for whom, and how unlike they are.

All groups are measured at the thresholds of the whole test. Every p-value of the document is adjusted for all of them
together: groupings, targets and both error rates. A group that is too small is named and enters nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from counterseal.evaluation.bootstrap import Bootstrap, Estimate, Resampling, bootstrap_by_part
from counterseal.evaluation.by_group import (
    GroupRates,
    NonMatedRule,
    Tally,
    matrix,
    parts,
    rates_by_group,
    tally,
)
from counterseal.evaluation.comparisons import Comparisons, Grouping
from counterseal.evaluation.differentials import indices, joint
from counterseal.evaluation.distinguish import Family, Pair, compare
from counterseal.evaluation.intervals import enough_errors
from counterseal.evaluation.plan import Bound, SmallestGroup
from counterseal.evaluation.power import Design, PlannedGroup, planned
from counterseal.evaluation.strict import plain

Json = dict[str, Any]
MEASURES = ("fmr", "fnmr")


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """One operating point of the whole test; threshold: oriented. fmr, fnmr: of everybody, None where not known."""

    target_fmr: float
    threshold: float
    fmr: float | None
    fnmr: float | None


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """How groups are measured. margins: measure (`fmr`, `fnmr`) -> the difference that would not matter."""

    rule: NonMatedRule
    smallest: SmallestGroup
    resampling: Resampling
    margins: Mapping[str, Bound] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Groups:
    """The three members of a result document that are about groups."""

    groups: list[Json]
    matrices: list[Json]
    differentials: list[Json]


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """One grouping, counted and resampled."""

    grouping: Grouping
    tally: Tally
    rates: GroupRates
    resampled: tuple[Bootstrap, ...]

    def evaluated(self, measure: str, at: int) -> list[tuple[str, Estimate]]:
        """The groups that are large enough, with what is known of one rate at one threshold."""
        return [
            (group.label, getattr(found, measure)[at])
            for group, found in zip(self.rates.groups, self.resampled, strict=True)
            if group.evaluated and getattr(found, measure)[at].trials
        ]


def groups_document(
    comparisons: Comparisons,
    groupings: Sequence[Grouping],
    points: Sequence[AtThreshold],
    settings: GroupSettings,
) -> Groups:
    """Measure every grouping at every threshold."""
    thresholds = [point.threshold for point in points]
    measured = [_measured(comparisons, grouping, thresholds, settings) for grouping in groupings]
    shown = comparisons.direction.shown
    families = [
        _family(m, measure, at, settings)
        for m in measured
        for at in range(len(points))
        for measure in MEASURES
    ]
    compared = iter(compare(families, settings.resampling.confidence))
    together = sum(len(f.labels) * (len(f.labels) - 1) // 2 for f in families)
    differentials = [
        {
            **_differential(m, at, point, shown(point.threshold), settings, next(compared), next(compared)),
            "smallest_visible": _visible(m, point, settings, together),
        }
        for m in measured
        for at, point in enumerate(points)
    ]
    return Groups(
        [row for m in measured for row in _groups(m, points, shown)],
        [
            {
                "grouping": m.grouping.name,
                "target_fmr": point.target_fmr,
                **plain(matrix(comparisons, m.grouping, point.threshold, counted=m.tally)),
                "threshold": shown(point.threshold),
            }
            for m in measured
            for point in points
        ],
        differentials,
    )


def _measured(
    comparisons: Comparisons, grouping: Grouping, thresholds: Sequence[float], settings: GroupSettings
) -> _Measured:
    counted = tally(comparisons, grouping, thresholds)
    return _Measured(
        grouping,
        counted,
        rates_by_group(comparisons, grouping, thresholds, settings.rule, settings.smallest, counted=counted),
        bootstrap_by_part(
            comparisons,
            thresholds,
            parts(comparisons, grouping, settings.rule),
            len(grouping.labels),
            settings.resampling,
        ),
    )


def _groups(measured: _Measured, points: Sequence[AtThreshold], shown: Any) -> list[Json]:
    return [
        {
            "grouping": measured.grouping.name,
            "how": measured.grouping.how,
            "group": group.label,
            "subjects": group.subjects,
            "n_mated": group.n_mated,
            "n_non_mated": group.n_non_mated,
            "evaluated": group.evaluated,
            "why_not": group.why_not or None,
            "rates": [
                {
                    "target_fmr": point.target_fmr,
                    "threshold": shown(point.threshold),
                    **rate_members("fmr", found.fmr[at]),
                    **rate_members("fnmr", found.fnmr[at]),
                    "method": methods(found.fmr[at], found.fnmr[at]),
                }
                for at, point in enumerate(points)
            ]
            if group.evaluated
            else [],
        }
        for group, found in zip(measured.rates.groups, measured.resampled, strict=True)
    ]


def rate_members(measure: str, found: Estimate) -> Json:
    """The members of a document about one rate: its value, count, interval, and what is known of both."""
    return {
        measure: found.value,
        f"{measure}_count": found.errors,
        f"{measure}_trials": found.trials,
        f"{measure}_interval": None if found.interval is None else list(found.interval),
        f"{measure}_method": found.method,
        f"{measure}_standard_error": found.standard_error,
        f"{measure}_percentiles": None if found.percentiles is None else list(found.percentiles),
        f"{measure}_design_effect": found.design_effect,
        f"enough_{measure}": enough_errors(found.errors),
    }


def methods(fmr: Estimate, fnmr: Estimate) -> str:
    """How both intervals were made, in one line."""
    return fmr.method if fmr.method == fnmr.method else f"FMR: {fmr.method}; FNMR: {fnmr.method}"


def _family(measured: _Measured, measure: str, at: int, settings: GroupSettings) -> Family:
    found = measured.evaluated(measure, at)
    return Family(
        measure, tuple(label for label, _ in found), tuple(e for _, e in found), settings.margins.get(measure)
    )


def _differential(
    measured: _Measured,
    at: int,
    point: AtThreshold,
    shown: float,
    settings: GroupSettings,
    *pairs: tuple[Pair, ...],
) -> Json:
    found = {measure: dict(measured.evaluated(measure, at)) for measure in MEASURES}
    both = [label for label in found["fmr"] if label in found["fnmr"]]
    fmr, fnmr = ([found[measure][label].value or 0.0 for label in both] for measure in MEASURES)
    return {
        "grouping": measured.grouping.name,
        "target_fmr": point.target_fmr,
        "threshold": shown,
        "non_mated_rule": str(settings.rule),
        **{measure: _indices(list(found[measure].values())) for measure in MEASURES},
        "joint": plain(joint(fmr, fnmr)),
        "pairs": [plain(pair) for pair in chain(*pairs)],
    }


def _visible(measured: _Measured, point: AtThreshold, settings: GroupSettings, together: int) -> list[Json]:
    """The smallest gap that a group of this size would show, the others having the rate of everybody.

    From sizes and the assumption of `power` alone, not from what the groups showed.
    """
    groups = [
        PlannedGroup(g.label, g.subjects or max(g.n_mated, g.n_non_mated), g.n_mated, g.n_non_mated)
        for g in measured.rates.groups
        if g.evaluated and min(g.n_mated, g.n_non_mated) >= 1 and (g.subjects is None or g.subjects >= 2)
    ]
    if len(groups) < 2:
        return []
    nameless = all(g.subjects is None for g in measured.rates.groups)
    design = Design(
        tuple(groups),
        fmr=_inside(point.fmr, sum(g.pairs for g in groups)),
        fnmr=_inside(point.fnmr, sum(g.mated for g in groups)),
        confidence=settings.resampling.confidence,
        family=together,
        design_effects=dict.fromkeys(MEASURES, 1.0) if nameless else {},
    )
    return [plain(each) for each in planned(design)]


def _inside(rate: float | None, trials: int) -> float:
    """A rate that can be planned with: what was never seen, or always, might change in one trial more."""
    least = 1 / (trials + 1)
    return min(max(rate or 0.0, least), 1 - least)


def _indices(estimates: list[Estimate]) -> Json:
    bounds = [e.interval[1] for e in estimates if e.errors == 0 and e.interval is not None]
    rates = [e.value or 0.0 for e in estimates]
    return dict(plain(indices(rates, lowest_at_most=max(bounds, default=None))))
