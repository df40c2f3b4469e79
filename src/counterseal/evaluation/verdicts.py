"""The verdict on each goal of a plan, from the result document of its run.

1 A goal is passed only if the whole interval honours its limit, failed only if the whole interval breaks it, and
  not shown otherwise. 2 Whatever was not measured as planned (another confidence, threshold, rule, group list, a
  group too small, a key that is missing) shows nothing. 3 A test fails if a goal fails, passes if all pass.
Source: ISO/IEC 19795-1 (uncertainty is reported with every rate); D-026-11/testing.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import combinations
from typing import Any

from counterseal.evaluation.bootstrap import NAMELESS, NOT_RESAMPLED
from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.plan import Bound, Goal, Measure, Plan, Scope
from counterseal.evaluation.strict import Document, document_digest, plain


class Outcome(StrEnum):
    """A verdict. `not shown` is no pass."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class Counts:
    """Errors out of trials."""

    errors: int
    trials: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one goal came to.

    group: whose number decided (`A`, or `A : B` for two compared), None for everybody. measured, counts, interval: of
    that group, None where nothing was measured. interval: its ends may be None where they are not known. why: in words.
    """

    goal: str
    says: str
    group: str | None
    measured: float | None
    counts: Counts | None
    interval: tuple[float | None, float | None] | None
    limit: Bound
    verdict: Outcome
    why: str


def overall(verdicts: Sequence[Verdict]) -> Outcome:
    """Fail if any goal fails, else not shown if any is not shown (or there is none), else pass."""
    outcomes = {verdict.verdict for verdict in verdicts}
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    return Outcome.PASS if outcomes == {Outcome.PASS} else Outcome.NOT_SHOWN


def verdict_document(plan: Plan, result: Document, *, expires: date) -> dict[str, Any]:
    """verdict.json: judged anew from plan and result. expires: the day the next test is due, from the caller."""
    verdicts = judge(plan, result)
    return {
        "plan_sha256": plan.digest(),
        "result_sha256": document_digest(result),
        "verdicts": [plain(verdict) for verdict in verdicts],
        "overall": str(overall(verdicts)),
        "expires": expires.isoformat(),
        "retest_when": retest_when(plan),
    }


def retest_when(plan: Plan) -> list[str]:
    """What ends the use of this test before its day."""
    when = [
        f"the service runs another version than {plan.system.version}",
        f"it is used in another mode than {plan.mode}",
        f"it is used for something else than this: {plan.use_case}",
    ]
    if plan.database_size is not None:
        when.append(f"its reference database grows beyond the {plan.database_size:,} entries tested")
    return when


def judge(plan: Plan, result: Document) -> tuple[Verdict, ...]:
    """A verdict on each goal of the plan, in the plan's order, from a result document (see the module).

    Never raises for what the result lacks: what is missing is not shown.
    """
    why_not = "; ".join(deviations(plan, result))
    return tuple(
        _verdict(goal, [_Part(None, why_not=why_not)])
        if why_not
        else _verdict(goal, list(_parts(plan, goal, result)))
        for goal in plan.goals
    )


def deviations(plan: Plan, result: Document) -> tuple[str, ...]:
    """Where the whole run differs from its plan: any of these leaves every goal not shown."""
    found = []
    if result.get("schema") != "counterseal-evaluation-1":
        found.append("the result is no document of the schema counterseal-evaluation-1")
    settings = result.get("settings")
    settings = settings if isinstance(settings, Mapping) else {}
    planned: dict[str, object] = {
        "confidence": plan.confidence,
        "bootstrap": plan.bootstrap,
        "non_mated_rule": plan.non_mated_rule,
    }
    if plan.bootstrap:
        planned["seed"] = plan.seed
    for name, value in planned.items():
        if settings.get(name) != value:
            found.append(f"the run's {name} was {settings.get(name)!r}, planned was {value!r}")
    return tuple(found)


# -- from a goal to what was measured ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """What was measured for one group or pair. two_sided: a limit that also holds from below (pairs)."""

    group: str | None
    measured: float | None = None
    counts: Counts | None = None
    interval: tuple[float | None, float | None] | None = None
    why_not: str = ""
    two_sided: bool = False


def _parts(plan: Plan, goal: Goal, result: Document) -> Iterator[_Part]:
    if goal.scope == Scope.OVERALL:
        yield _overall_part(plan, goal, result)
    elif goal.scope == Scope.EACH_GROUP:
        yield from _group_parts(plan, goal, result)
    else:
        yield from _pair_parts(plan, goal, result)


def _overall_part(plan: Plan, goal: Goal, result: Document) -> _Part:
    match goal.measure:
        case Measure.FMR | Measure.FNMR:
            row = _row(result.get("thresholds"), target_fmr=goal.at_fmr)
            if row is None:
                return _Part(None, why_not=f"nothing was measured at the target FMR {goal.at_fmr:g}")
            if row.get("measurable") is not True:
                return _Part(
                    None, why_not=f"too few comparisons to measure at the target FMR {goal.at_fmr:g}"
                )
            trials = result.get("n_non_mated" if goal.measure == Measure.FMR else "n_mated")
            return _rate_part(None, row, goal.measure, trials, plan.confidence)
        case Measure.FTA | Measure.FTE:
            name = "to_acquire" if goal.measure == Measure.FTA else "to_enrol"
            return _counted_part(_inside(result, "failures", name), f"failures.{name}", plan.confidence)
        case _:
            return _searched_part(plan, goal, result)


def _searched_part(plan: Plan, goal: Goal, result: Document) -> _Part:
    size = _inside(result, "identification", "database_size")
    if size != plan.database_size:
        return _Part(None, why_not=f"the reference database held {size}, planned were {plan.database_size}")
    if goal.measure == Measure.MISS_RATE:
        row = _row(_inside(result, "identification", "miss_rate"), list_length=plan.list_length)
        return _counted_part(row and row.get("fnir"), f"miss rate at {plan.list_length}", plan.confidence)
    row = _row(
        _inside(result, "identification", "rates"),
        threshold=goal.at_threshold,
        list_length=plan.list_length,
    )
    said = f"{goal.measure} at the threshold {goal.at_threshold} and list length {plan.list_length}"
    return _counted_part(row and row.get(str(goal.measure)), said, plan.confidence)


def _group_parts(plan: Plan, goal: Goal, result: Document) -> Iterator[_Part]:
    at = _row(result.get("thresholds"), target_fmr=goal.at_fmr)
    for label in plan.labels_of(goal.grouping or ""):
        if why_not := _group_why_not(plan, goal, result, label):
            yield _Part(label, why_not=why_not)
            continue
        group = _row(result.get("groups"), grouping=goal.grouping, group=label) or {}
        row = _row(group.get("rates"), target_fmr=goal.at_fmr)
        if row is None or at is None:
            yield _Part(label, why_not=f"nothing was measured at the target FMR {goal.at_fmr:g}")
        elif row.get("threshold") != at.get("threshold"):
            yield _Part(label, why_not="it was measured at another threshold than everybody")
        else:
            trials = group.get("n_non_mated" if goal.measure == Measure.FMR else "n_mated")
            yield _rate_part(label, row, goal.measure, trials, plan.confidence)


def _group_why_not(plan: Plan, goal: Goal, result: Document, label: str) -> str:
    """Why nothing can be said of a group; empty where something can."""
    group = _row(result.get("groups"), grouping=goal.grouping, group=label)
    if group is None:
        return f"the result has no group `{label}` of `{goal.grouping}`"
    if group.get("evaluated") is not True:
        return f"not evaluated: {group.get('why_not') or 'no reason is given'}"
    smallest = plan.smallest_group
    for key, fewest in (
        ("subjects", smallest.subjects),
        ("n_mated", smallest.mated),
        ("n_non_mated", smallest.non_mated),
    ):
        held = group.get(key)
        if not isinstance(held, int) or held < fewest:
            return f"too small: {key} is {held}, planned were at least {fewest}"
    how = next((g.how for g in plan.groupings if g.name == goal.grouping), None)
    if how is not None and group.get("how") != how:
        return f"membership was {group.get('how')}, planned was {how}"
    return ""


def _unfit(plan: Plan, goal: Goal, result: Document, label: str) -> str:
    """Why a group is compared with no other; empty where it is."""
    group = _row(result.get("groups"), grouping=goal.grouping, group=label) or {}
    row = _row(group.get("rates"), target_fmr=goal.at_fmr) or {}
    return _group_why_not(plan, goal, result, label) or _too_narrow(row, goal.measure)


def _pair_parts(plan: Plan, goal: Goal, result: Document) -> Iterator[_Part]:
    labels = plan.labels_of(goal.grouping or "")
    block = _row(result.get("differentials"), grouping=goal.grouping, target_fmr=goal.at_fmr)
    at = _row(result.get("thresholds"), target_fmr=goal.at_fmr)
    if block is None or at is None:
        yield _Part(None, why_not=f"no differences by `{goal.grouping}` at the target FMR {goal.at_fmr:g}")
        return
    if block.get("threshold") != at.get("threshold") or block.get("non_mated_rule") != plan.non_mated_rule:
        yield _Part(None, why_not="the groups were compared at another threshold or by another rule")
        return
    pairs = block.get("pairs")
    for a, b in combinations(labels, 2):
        why_not = [f"{x}: {said}" for x in (a, b) if (said := _unfit(plan, goal, result, x))]
        orders = [_row(pairs, measure=str(goal.measure), a=x, b=y) for x, y in ((a, b), (b, a))]
        pair = next((found for found in orders if found is not None), None)
        if why_not or pair is None:
            yield _Part(f"{a} : {b}", why_not="; ".join(why_not) or "they were not compared")
            continue
        name = f"{pair['a']} : {pair['b']}"
        what = str(goal.scope)
        interval = _ends(pair.get(f"{what}_interval"))
        if interval is None or interval == (None, None):
            yield _Part(name, why_not=f"no interval could be given for their {what}")
        else:
            measured = pair.get(what)
            yield _Part(name, measured if _number(measured) else None, None, interval, two_sided=True)


def _rate_part(
    group: str | None, row: Document, measure: Measure, trials: object, confidence: float
) -> _Part:
    if why_not := _too_narrow(row, measure):
        return _Part(group, why_not=why_not)
    return _sound_part(
        group, row.get(f"{measure}_count"), trials, row.get(f"{measure}_interval"), str(measure), confidence
    )


def _too_narrow(row: Document, measure: Measure) -> str:
    """Why the interval of this measure says too much; empty where people were resampled or are independent."""
    method = str(row.get("method", ""))
    if method.startswith("FMR: "):
        fmr, _, fnmr = method.removeprefix("FMR: ").partition("; FNMR: ")
        method = fmr if measure == Measure.FMR else fnmr
    return f"its interval is too narrow ({method})" if method in (NAMELESS, NOT_RESAMPLED) else ""


def _counted_part(rate: object, said: str, confidence: float) -> _Part:
    if not isinstance(rate, Mapping):
        return _Part(None, why_not=f"nothing was measured: {said}")
    return _sound_part(None, rate.get("errors"), rate.get("trials"), rate.get("interval"), said, confidence)


def _sound_part(
    group: str | None, errors: object, trials: object, interval: object, said: str, confidence: float
) -> _Part:
    """A rate with its counts and both ends of its interval; the rate itself is counted again."""
    if not isinstance(errors, int) or not isinstance(trials, int) or not 0 <= errors <= trials:
        return _Part(group, why_not=f"the counts of {said} are missing or impossible")
    if trials == 0:
        return _Part(group, why_not=f"nothing was tried: {said}")
    ends = _ends(interval)
    if ends is None or ends[0] is None or ends[1] is None:
        return _Part(group, why_not=f"{said} has no interval")
    measured, (low, high) = errors / trials, (ends[0], ends[1])
    if not low <= measured <= high:
        return _Part(group, why_not=f"the interval of {said} does not hold the rate that its counts give")
    if errors in (0, trials):
        # Resampling errors that were not seen gives an interval of no width: the exact one stands.
        exact = clopper_pearson(errors, trials, confidence)
        low, high = min(low, exact[0]), max(high, exact[1])
    return _Part(group, measured, Counts(errors, trials), (low, high))


# -- from what was measured to a verdict ------------------------------------------------------------


def _verdict(goal: Goal, parts: Sequence[_Part]) -> Verdict:
    """The verdict on a goal: the part that decided, and every part that did not pass named."""
    judged = [(part, *_judged(goal, part)) for part in parts]
    worst = max(judged, key=lambda each: (_GRAVITY[each[1]], _reach(goal, each[0])))
    part, outcome, _ = worst
    said = [f"{each.group}: {why}" if each.group else why for each, found, why in judged if found == outcome]
    if outcome == Outcome.PASS:
        said = [
            "the whole interval honours the limit" if len(judged) == 1 else f"all {len(judged)} honour it"
        ]
    return Verdict(
        goal.id,
        goal.says,
        part.group,
        part.measured,
        part.counts,
        part.interval,
        goal.limit,
        outcome,
        "; ".join(said),
    )


_GRAVITY = {Outcome.PASS: 0, Outcome.NOT_SHOWN: 1, Outcome.FAIL: 2}


def _judged(goal: Goal, part: _Part) -> tuple[Outcome, str]:
    if part.why_not:
        return Outcome.NOT_SHOWN, part.why_not
    low, high = part.interval or (None, None)
    most = goal.limit.at_most
    least = -math.inf
    if part.two_sided:
        least = 1 / most if goal.scope == Scope.RATIO else -most
    if (low is not None and low > most) or (high is not None and high < least):
        return Outcome.FAIL, "the whole interval breaks the limit"
    if (high is not None and high <= most) and (not part.two_sided or (low is not None and low >= least)):
        return Outcome.PASS, "the whole interval honours the limit"
    return Outcome.NOT_SHOWN, "the interval reaches across the limit"


def _reach(goal: Goal, part: _Part) -> float:
    """How far a part reaches towards or beyond its limit, to name the worst."""
    low, high = part.interval or (None, None)
    if not part.two_sided:
        return high if high is not None else -math.inf
    if goal.scope == Scope.DIFFERENCE:
        return max(abs(end) for end in (low, high) if end is not None)
    return max(
        math.inf if end == 0 else abs(math.log(end)) for end in (low, high) if end is not None and end >= 0
    )


def _row(rows: object, **wanted: object) -> Document | None:
    """The one row with these values; None where there is none, or where two contradict each other."""
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        return None
    found = [
        row for row in rows if isinstance(row, Mapping) and all(row.get(k) == v for k, v in wanted.items())
    ]
    return found[0] if len(found) == 1 else None


def _inside(document: object, *path: str) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _ends(interval: object) -> tuple[float | None, float | None] | None:
    if not isinstance(interval, Sequence) or isinstance(interval, str) or len(interval) != 2:
        return None
    low, high = interval
    if not all(end is None or _number(end) for end in interval):
        return None
    return None if low is not None and high is not None and low > high else (low, high)
