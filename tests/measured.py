"""Plans and result documents for tests: every number in them is counted from what the test states."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from counterseal.evaluation.bootstrap import Estimate
from counterseal.evaluation.distinguish import Family, compare
from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.protocol import Plan
from counterseal.oversight.models import Service

TARGET = 0.001
TARGETS = (0.01, TARGET, 0.0001)
ENOUGH = {"fmr": (200, 400_000), "fnmr": (40, 4_000), "subjects": 200}


def plan_document(**changes: Any) -> dict[str, Any]:
    """A plan with a goal of each scope, over two groups; `changes` replace keys."""
    document: dict[str, Any] = {
        "title": "Searches in cases",
        "system": {"service": "service-1", "engine_id": "embedded", "version": "1"},
        "kind": "direct",
        "mode": "verification",
        "use_case": "claims at a gate",
        "who_may_rely": "the reviewing unit",
        "tester": "the agency's laboratory",
        "independence": "another unit than the one that uses it",
        "standard": "ISO/IEC 19795-1:2021",
        "groupings": [{"name": "sex", "how": "self-declared", "labels": ["A", "B"]}],
        "fmr_targets": list(TARGETS),
        "operating_fmr": TARGET,
        "non_mated_rule": "within-group",
        "goals": [goal("fnmr"), goal("fmr", scope="each-group", grouping="sex", limit=rate(0.002))],
        "confidence": 0.95,
        "bootstrap": 0,
        "seed": 7,
    }
    return document | changes


def rate(at_most: float, unit: str = "rate") -> dict[str, Any]:
    """A limit with its unit."""
    return {"at_most": at_most, "unit": unit}


def goal(measure: str, **changes: Any) -> dict[str, Any]:
    """A goal on FMR or FNMR at the middle target, over everybody unless told otherwise."""
    at = {"at_fmr": TARGET} if measure in ("fmr", "fnmr") else {}
    document = {"id": f"{measure}-{changes.get('scope', 'overall')}", "says": "stated", "measure": measure}
    return document | at | {"scope": "overall", "limit": rate(0.05)} | changes


def plan(**changes: Any) -> Plan:
    """The plan of `plan_document`."""
    return Plan.from_json(plan_document(**changes))


def result_document(
    made_for: Plan,
    groups: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    scores: str = "scores",
    everybody: Mapping[str, Any] = ENOUGH,
) -> dict[str, Any]:
    """A result as the plan asks for it. groups: by label of the first grouping: counts like `ENOUGH`."""
    groups = groups or dict.fromkeys(made_for.groupings[0].labels, ENOUGH)
    level = made_for.confidence
    grouping = made_for.groupings[0]

    def measured(counts: Mapping[str, Any], target: float) -> dict[str, Any]:
        row: dict[str, Any] = {"target_fmr": target, "threshold": 1 - target, "method": "clopper-pearson"}
        for measure in ("fmr", "fnmr"):
            errors, trials = counts[measure]
            row[measure] = errors / trials if trials else None
            row[f"{measure}_count"] = errors
            row[f"{measure}_interval"] = list(clopper_pearson(errors, trials, level)) if trials else None
        return row

    def exact(errors: int, trials: int) -> Estimate:
        return Estimate(errors, trials, None, "exact", clopper_pearson(errors, trials, level), trials)

    def pairs(target: float) -> list[dict[str, Any]]:
        found = []
        for measure in ("fmr", "fnmr"):
            estimates = tuple(exact(*groups[label][measure]) for label in grouping.labels)
            (told,) = compare([Family(measure, grouping.labels, estimates)], level)
            found += [
                {
                    "measure": measure,
                    "a": p.a,
                    "b": p.b,
                    "ratio": p.ratio,
                    "ratio_interval": list(p.ratio_interval),
                    "difference": p.difference,
                    "difference_interval": list(p.difference_interval),
                }
                for p in told
            ]
        return found

    document: dict[str, Any] = {
        "schema": "counterseal-evaluation-1",
        "inputs": [
            {"role": "scores", "name": "scores.csv", "sha256": hashlib.sha256(scores.encode()).hexdigest()}
        ],
        "settings": {
            "confidence": level,
            "bootstrap": made_for.bootstrap,
            "seed": made_for.seed,
            "non_mated_rule": made_for.non_mated_rule,
        },
        "n_mated": everybody["fnmr"][1],
        "n_non_mated": everybody["fmr"][1],
        "failures": {
            "to_acquire": {"errors": 2, "trials": 900, "interval": list(clopper_pearson(2, 900, level))},
            "to_enrol": None,
        },
        "thresholds": [measured(everybody, t) | {"measurable": True} for t in made_for.fmr_targets],
        "groups": [
            {
                "grouping": grouping.name,
                "how": grouping.how,
                "group": label,
                "subjects": counts["subjects"],
                "n_mated": counts["fnmr"][1],
                "n_non_mated": counts["fmr"][1],
                "evaluated": True,
                "why_not": "",
                "rates": [measured(counts, t) for t in made_for.fmr_targets],
            }
            for label, counts in groups.items()
        ],
        "differentials": [
            {
                "grouping": grouping.name,
                "target_fmr": t,
                "threshold": 1 - t,
                "non_mated_rule": made_for.non_mated_rule,
                "pairs": pairs(t),
            }
            for t in made_for.fmr_targets
        ],
        "identification": None,
    }
    copied: dict[str, Any] = json.loads(json.dumps(document))
    return copied


PLAN_TOML = """
title = "Boarding"
kind = "direct"
mode = "verification"
use_case = "boarding"
who_may_rely = "the unit"
tester = "laboratory"
independence = "another unit"
standard = "ISO/IEC 19795-1:2021"
fmr_targets = [0.0001, 0.01, 0.001]
operating_fmr = 0.001
non_mated_rule = "within-group"
confidence = 0.95
bootstrap = 2000
seed = 1
intersections = [["sex", "age"]]

[system]
service = "service-1"
engine_id = "embedded"
version = "1"

[[groupings]]
name = "sex"
how = "self-declared"
labels = ["female", "male"]

[[groupings]]
name = "age"
how = "document"
labels = ["18-39", "40 and over"]

[[goals]]
id = "refused"
says = "At most 3.3 in a hundred are refused wrongly"
measure = "fnmr"
at_fmr = 0.001
scope = "each-group"
grouping = "sex x age"
limit = { at_most = 3.3, unit = "percent" }
"""


CARD = {
    "source": "staff of the agency",
    "legal_basis": "consent",
    "consent": "written, for this test",
    "people": 40,
    "images": 160,
    "sessions": 2,
    "time_lapse_days": {"q1": 3, "median": 30.5, "q3": 90},
    "capture": "gate camera",
    "image_size": "640 x 480",
    "eye_distance": "90 px",
    "ground_truth": "badge numbers",
    "label_errors": "not known",
    "training_overlap": "not known",
}


def plan_for(service: Service, *, mode: str = "identification", **changes: Any) -> Plan:
    """A plan for the present version of this service: one goal on searches where it is searched with."""
    goals = [goal("fmr", scope="each-group", grouping="sex", limit=rate(0.002))]
    searched: dict[str, Any] = {}
    if mode == "identification":
        goals.append(goal("miss-rate", limit=rate(0.1)))
        searched = {"list_length": 20, "database_size": 1_000}
    system = {"service": service.id, "engine_id": "embedded", "version": service.version}
    return plan(**{"mode": mode, "system": system, "goals": goals, **searched} | changes)


def result_for(made_for: Plan, came_to: str = "passed", *, scores: str = "scores") -> dict[str, Any]:
    """A result that passes, fails, or shows too little, by the counts of one group."""
    other = {"passed": (200, 400_000), "failed": (3_000, 400_000), "not-shown": (800, 400_000)}[came_to]
    document = result_document(made_for, {"A": ENOUGH, "B": ENOUGH | {"fmr": other}}, scores=scores)
    missed = {"errors": 40, "trials": 1_000, "interval": list(clopper_pearson(40, 1_000))}
    if made_for.mode == "identification":
        document["identification"] = {
            "database_size": made_for.database_size,
            "miss_rate": [{"list_length": made_for.list_length, "fnir": missed}],
        }
    return document
