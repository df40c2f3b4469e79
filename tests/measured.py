"""Plans and result documents for tests: every number in them is counted from what the test states."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from counterseal.evaluation.bootstrap import Estimate
from counterseal.evaluation.distinguish import Family, compare
from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.protocol import Plan

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
