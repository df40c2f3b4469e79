"""The plan of a test: system, mode, groups, thresholds and goals, fixed before a score is seen.

Written by a person in TOML, kept as JSON; its digest is the SHA-256 of its canonical JSON (RFC 8785).
A digest proves what was planned, not when: the caller seals it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.strict import (
    Document,
    PlanError,
    Table,
    document_digest,
    in_range,
    plain,
    read_toml,
)
from counterseal.terms.biometrics import Mode
from counterseal.terms.testing import Kind

PLAN_SCHEMA = "counterseal-test-plan-1"


class Measure(StrEnum):
    """An error rate that a goal can limit."""

    FMR = "fmr"
    FNMR = "fnmr"
    FTA = "fta"
    FTE = "fte"
    FPIR = "fpir"
    FNIR = "fnir"
    MISS_RATE = "miss-rate"


class Scope(StrEnum):
    """Over whom a goal limits its measure: everybody, every group, or any two groups compared."""

    OVERALL = "overall"
    EACH_GROUP = "each-group"
    RATIO = "ratio"
    DIFFERENCE = "difference"


BY_TARGET = frozenset({Measure.FMR, Measure.FNMR})
"""Measured at the threshold of a target FMR, also by group."""
ONE_TO_MANY = frozenset({Measure.FPIR, Measure.FNIR, Measure.MISS_RATE})
"""Measured by searches: results of one-to-one comparisons do not carry over to these."""
LEAST_CONFIDENCE = 0.9
"""A lower one would let almost any point estimate pass for shown."""
HOW_TOLD = ("self-declared", "document", "measured", "synthetic")
NON_MATED_RULES = ("within-group", "all")


@dataclass(frozen=True, slots=True)
class System:
    """What is tested. service: its id in the register. model_sha256: of the model file, where it can be had."""

    service: str
    engine_id: str
    version: str
    model_sha256: str | None


@dataclass(frozen=True, slots=True)
class PlannedGrouping:
    """One way of telling people apart, with the full list of its groups. how: one of `HOW_TOLD`."""

    name: str
    how: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SmallestGroup:
    """The fewest people, mated and non-mated comparisons of a group that is evaluated; each at least 1."""

    subjects: int = 30
    mated: int = 1
    non_mated: int = 1


@dataclass(frozen=True, slots=True)
class Expected:
    """What the corpus is expected to yield, for the check whether the goals can be shown at all."""

    subjects: int | None
    mated: int | None
    non_mated: int | None
    searches_mated: int | None
    searches_non_mated: int | None


@dataclass(frozen=True, slots=True)
class Bound:
    """At most so much. unit: `rate` (0 to 1) or `ratio` (1 and more)."""

    at_most: float
    unit: str


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit on one measure, in a sentence (`says`) and in numbers.

    at_fmr: the planned target whose threshold is used (`fmr`, `fnmr`). at_threshold: the operating threshold in the
    service's own scores (`fpir`, `fnir`). grouping: a planned one, or an intersection written `sex x age`.
    margin: the difference that would not matter to the use; given to the equivalence tests, no verdict rests on it.
    """

    id: str
    says: str
    measure: Measure
    at_fmr: float | None
    at_threshold: float | None
    scope: Scope
    grouping: str | None
    limit: Bound
    margin: Bound | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A test plan. Made by `from_toml` or `from_json`, which check it.

    corpus: digest of the corpus card, None where there is none yet. intersections: of names of groupings.
    fmr_targets: descending. list_length, database_size: of a one-to-many test. bootstrap: replicates, 0 for none.
    """

    title: str
    system: System
    kind: Kind
    mode: Mode
    use_case: str
    who_may_rely: str
    tester: str
    independence: str
    standard: str
    corpus: str | None
    groupings: tuple[PlannedGrouping, ...]
    intersections: tuple[tuple[str, ...], ...]
    smallest_group: SmallestGroup
    fmr_targets: tuple[float, ...]
    operating_fmr: float | None
    non_mated_rule: str
    list_length: int | None
    database_size: int | None
    expected: Expected | None
    goals: tuple[Goal, ...]
    confidence: float
    bootstrap: int
    seed: int
    not_covered: tuple[str, ...]

    @classmethod
    def from_toml(cls, text: str) -> "Plan":
        """Read the plan that a person wrote.

        Raises:
            PlanError: no TOML, or not a plan; names the key.
        """
        return cls.from_json(read_toml(text, "plan"))

    @classmethod
    def from_json(cls, document: Document) -> "Plan":
        """Read a plan from plain values, such as `as_json` gives.

        Raises:
            PlanError: not a plan; names the key.
        """
        plan = _read_plan(Table(document, ""))
        _check_measurable(plan)
        return plan

    def as_json(self) -> dict[str, Any]:
        """The normalised document: every key, units made rates and ratios."""
        return {"schema": PLAN_SCHEMA, **plain(self)}

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the canonical JSON of `as_json`."""
        return document_digest(self.as_json())

    def labels_of(self, grouping: str) -> tuple[str, ...]:
        """The groups of a planned grouping, or of an intersection written `sex x age`."""
        labels = {g.name: g.labels for g in self.groupings}
        if grouping in labels:
            return labels[grouping]
        crossed: tuple[str, ...] = ("",)
        for name in grouping.split(JOINED):
            crossed = tuple(f"{a}{JOINED}{b}" if a else b for a in crossed for b in labels[name])
        return crossed


JOINED = " x "
"""Between the names, and between the labels, of an intersection."""


def _read_plan(table: Table) -> Plan:
    if table.text("schema", optional=True) not in (None, PLAN_SCHEMA):
        raise PlanError(f"`schema` is {PLAN_SCHEMA} or left out; another version of the form cannot be read")
    mode = table.word("mode", Mode)
    groupings = tuple(_read_grouping(each) for each in table.tables("groupings", optional=True))
    names = [g.name for g in groupings]
    if len(set(names)) != len(names):
        raise PlanError("`groupings` names a grouping twice")
    intersections = _read_intersections(table, names)
    targets = _read_targets(table)
    system = table.table("system") or table
    smallest = table.table("smallest_group", optional=True)
    expected = table.table("expected", optional=True)
    listed = mode == Mode.IDENTIFICATION
    plan = Plan(
        title=table.text("title"),
        system=System(
            service=system.text("service"),
            engine_id=system.text("engine_id"),
            version=system.text("version"),
            model_sha256=system.sha256("model_sha256"),
        ),
        kind=table.word("kind", Kind),
        mode=mode,
        use_case=table.text("use_case"),
        who_may_rely=table.text("who_may_rely"),
        tester=table.text("tester"),
        independence=table.text("independence"),
        standard=table.text("standard"),
        corpus=table.sha256("corpus"),
        groupings=groupings,
        intersections=intersections,
        smallest_group=SmallestGroup()
        if smallest is None
        else SmallestGroup(
            **{name: smallest.integer(name, least=1, optional=True) or 1 for name in ("mated", "non_mated")},
            subjects=smallest.integer("subjects", least=1),
        ),
        fmr_targets=targets,
        operating_fmr=table.perhaps("operating_fmr"),
        non_mated_rule=table.choice("non_mated_rule", NON_MATED_RULES),
        list_length=table.integer("list_length", least=1, optional=not listed),
        database_size=table.integer("database_size", least=1, optional=not listed),
        expected=None
        if expected is None
        else Expected(**{f.name: expected.integer(f.name, least=1, optional=True) for f in fields(Expected)}),
        goals=_read_goals(table, mode, targets, [*names, *(JOINED.join(each) for each in intersections)]),
        confidence=table.number("confidence", low=LEAST_CONFIDENCE, high=0.9999),
        bootstrap=table.integer("bootstrap", least=0),
        seed=table.integer("seed", least=0),
        not_covered=table.texts("not_covered", optional=True),
    )
    if plan.bootstrap and plan.bootstrap * (1 - plan.confidence) < 2:
        raise PlanError(
            "`bootstrap` is 0 or enough for a replicate in each tail: 2 / (1 - confidence) or more"
        )
    if plan.operating_fmr not in ((*targets, None) if listed else targets):
        raise PlanError("`operating_fmr` is one of `fmr_targets`: what is used is what is tested")
    for each in (system, smallest, expected, table):
        if each is not None:
            each.done()
    return plan


def _read_targets(table: Table) -> tuple[float, ...]:
    found = table.items("fmr_targets")
    targets = [in_range(each, f"fmr_targets[{place}]", 1e-12, 0.5) for place, each in enumerate(found)]
    if len(set(targets)) != len(targets) or len(targets) < 3:
        raise PlanError(
            "`fmr_targets` are at least three different rates: one threshold hides what others show"
        )
    return tuple(sorted(targets, reverse=True))


def _read_grouping(table: Table) -> PlannedGrouping:
    grouping = PlannedGrouping(table.text("name"), table.choice("how", HOW_TOLD), table.texts("labels"))
    table.done()
    if len(grouping.labels) < 2:
        raise PlanError(f"`{table.at('labels')}` names at least two groups")
    for place, word in (
        (table.at("name"), grouping.name),
        *((table.at("labels"), w) for w in grouping.labels),
    ):
        if JOINED in word:
            raise PlanError(
                f"`{place}`: `{word}` holds `{JOINED}`, which stands between the parts of an intersection"
            )
    return grouping


def _read_intersections(table: Table, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    found = []
    for place, each in enumerate(table.items("intersections", optional=True)):
        parts = tuple(each) if isinstance(each, list | tuple) else ()
        for name in parts:
            if name not in names:
                raise PlanError(f"`intersections[{place}]`: `{name}` is not among `groupings`")
        if len(parts) < 2 or len(set(parts)) != len(parts):
            raise PlanError(f"`intersections[{place}]` is a list of at least two different groupings")
        found.append(parts)
    return tuple(found)


def _read_goals(
    table: Table, mode: Mode, targets: Sequence[float], groupings: Sequence[str]
) -> tuple[Goal, ...]:
    goals = tuple(_read_goal(each, mode, targets, groupings) for each in table.tables("goals"))
    if not goals:
        raise PlanError("`goals` is empty: a test without a goal can neither pass nor fail")
    ids = [goal.id for goal in goals]
    if len(set(ids)) != len(ids):
        raise PlanError("`goals` gives an id twice")
    if mode == Mode.IDENTIFICATION and not any(goal.measure in ONE_TO_MANY for goal in goals):
        raise PlanError(
            "`goals` has none on searches (fpir, fnir, miss-rate): results of one-to-one comparisons do not carry over"
        )
    return goals


def _read_goal(table: Table, mode: Mode, targets: Sequence[float], groupings: Sequence[str]) -> Goal:
    measure, scope = table.word("measure", Measure), table.word("scope", Scope)
    at_fmr, at_threshold = table.perhaps("at_fmr"), table.perhaps("at_threshold")
    if measure in ONE_TO_MANY and mode != Mode.IDENTIFICATION:
        raise PlanError(f"`{table.at('measure')}`: {measure} is measured by searches, and the mode is {mode}")
    if (at_fmr is not None) != (measure in BY_TARGET) or (at_fmr is not None and at_fmr not in targets):
        raise PlanError(
            f"`{table.at('at_fmr')}` is one of `fmr_targets` for fmr and fnmr, and left out for the others"
        )
    if (at_threshold is not None) != (measure in {Measure.FPIR, Measure.FNIR}):
        raise PlanError(
            f"`{table.at('at_threshold')}` is given for fpir and fnir, and left out for the others"
        )
    grouping = table.text("grouping", optional=True)
    if (grouping is not None) != (scope != Scope.OVERALL):
        raise PlanError(f"`{table.at('grouping')}` is given for every scope but `overall`, and only then")
    if grouping is not None and grouping not in groupings:
        raise PlanError(
            f"`{table.at('grouping')}`: `{grouping}` is not among `groupings` and `intersections`"
        )
    if scope != Scope.OVERALL and measure not in BY_TARGET:
        raise PlanError(f"`{table.at('scope')}`: {measure} is measured over everybody only")
    limit = _read_bound(table, "limit", scope)
    if limit is None:
        raise PlanError(f"`{table.at('limit')}` is missing")
    margin = _read_bound(table, "margin", scope)
    if margin is not None and (scope in (Scope.OVERALL, Scope.EACH_GROUP) or margin.at_most > limit.at_most):
        raise PlanError(f"`{table.at('margin')}` is for a ratio or difference, and not above its limit")
    goal = Goal(
        id=table.text("id"),
        says=table.text("says"),
        measure=measure,
        at_fmr=at_fmr,
        at_threshold=at_threshold,
        scope=scope,
        grouping=grouping,
        limit=limit,
        margin=margin,
    )
    table.done()
    return goal


def _read_bound(table: Table, key: str, scope: Scope) -> Bound | None:
    """A limit with its unit; percent becomes a rate."""
    found = table.value(key, optional=True)
    if found is None:
        return None
    place = table.at(key)
    if not isinstance(found, Mapping) or set(found) != {"at_most", "unit"}:
        raise PlanError(
            f'`{place}` has a number and its unit: {{ at_most = 0.01, unit = "rate" }}, or percent, or ratio'
        )
    bound = Table(found, place)
    units = ("ratio",) if scope == Scope.RATIO else ("rate", "percent")
    unit = bound.choice("unit", units)
    if unit == "ratio":
        # Two groups always have one rate at least as high as the other: a ratio below 1 limits nothing.
        return Bound(bound.number("at_most", low=1.0), "ratio")
    most = bound.number("at_most", low=0.0, high=100.0 if unit == "percent" else 1.0)
    return Bound(float(Decimal(repr(most)) / 100) if unit == "percent" else most, "rate")


def _check_measurable(plan: Plan) -> None:
    """Refuse what the expected counts cannot show, however good the system is."""
    expected = plan.expected
    if expected is None:
        return
    if expected.non_mated is not None:
        for target in plan.fmr_targets:
            if target * expected.non_mated < 1:
                raise PlanError(
                    f"`fmr_targets`: {target:g} cannot be measured with {expected.non_mated:,} non-mated "
                    f"comparisons; the least is {1 / expected.non_mated:.3g}, or gather more"
                )
    trials = {
        Measure.FMR: expected.non_mated,
        Measure.FNMR: expected.mated,
        Measure.FPIR: expected.searches_non_mated,
        Measure.FNIR: expected.searches_mated,
        Measure.MISS_RATE: expected.searches_mated,
    }
    for place, goal in enumerate(plan.goals):
        count = trials.get(goal.measure)
        if count is None or goal.scope in (Scope.RATIO, Scope.DIFFERENCE):
            continue
        best = clopper_pearson(0, count, plan.confidence)[1]
        if best > goal.limit.at_most:
            raise PlanError(
                f"`goals[{place}].limit`: {goal.limit.at_most:g} cannot be shown: without a single error in "
                f"{count:,} trials the rate may still be {best:.3g}"
            )
