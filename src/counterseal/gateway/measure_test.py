"""Measure a run and judge it by its plan: result.json and verdict.json from what lies in the folder, and nothing else.

    1 what the run began with is here unchanged     3 measure by the plan, searches too where it is of searches
    2 read the scores                               4 write result.json     5 judge each goal, write verdict.json

Run again on the same folder, it writes the same result, byte for byte.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from counterseal.evaluation.by_group import NonMatedRule
from counterseal.evaluation.comparisons import Scores
from counterseal.evaluation.evaluate import Attempts, Input, Settings, evaluate
from counterseal.evaluation.identification import identification_document, searches_of
from counterseal.evaluation.intervals import binomial_rate
from counterseal.evaluation.protocol import Plan, verdict_document
from counterseal.evaluation.quality import PairRule, quality_document
from counterseal.evaluation.reading import Reading, read
from counterseal.evaluation.verification import threshold_at
from counterseal.gateway.testing import folder as files
from counterseal.gateway.testing.given import check_given
from counterseal.terms.biometrics import Mode
from counterseal.terms.errors import BadInputError


def measure_test(folder: Path, plan: Plan) -> dict[str, Any]:
    """Measure what a run left in the folder, and write result.json.

    Raises:
        BadInputError: nothing was run here, the run is of another plan or not at its end, or a file changed.
    """
    # (1)
    begun = files.read_json(folder / files.RUN, "run the test first (`counterseal evaluate run`)")
    if begun.get("plan_sha256") != plan.digest():
        raise BadInputError(
            f"the run in `{folder}` was of another plan ({begun.get('plan_sha256')}): plan.json is"
            f" {plan.digest()}; put the plan back that it was run by, or plan a test in a new folder"
        )
    of_images = begun.get("source") == "images"
    files.check_wrote(folder, begun) if of_images else check_given(folder, begun)
    # (2)
    reading = _own_scores(folder) if of_images else _given_scores(folder, plan, begun)
    told = reading.comparisons.groupings
    if lost := [g.name for g in plan.groupings if g.name not in told]:
        raise BadInputError(
            f"the plan tells people apart by `{lost[0]}`, and the scores do not: bring a file of groups (`--groups`)"
        )
    comparisons = replace(reading.comparisons, groupings={g.name: told[g.name] for g in plan.groupings})
    reading = replace(reading, comparisons=comparisons)
    # (3)
    failed = _failures(folder) if of_images else []
    result = evaluate(
        comparisons,
        settings_of(plan),
        inputs=_inputs(folder, begun, reading),
        attempts=_attempts(folder, plan, failed) if of_images else None,
        identification=_searches(reading, plan) if plan.mode == Mode.IDENTIFICATION else None,
        quality=_discards(reading, plan),
    )
    reasons = Counter(result["failures"]["by_reason"]) + Counter(row["code"] for row in failed)
    result["failures"]["by_reason"] = dict(sorted(reasons.items()))
    # (4)
    files.write_json(folder / files.RESULT, result)
    return result


def judge_test(folder: Path, plan: Plan, result: Mapping[str, Any], *, expires: date) -> dict[str, Any]:
    """Judge every goal and write verdict.json. expires: the day from which the test counts no more."""
    # (5)
    verdict = verdict_document(plan, result, expires=expires)
    files.write_json(folder / files.VERDICT, verdict)
    return verdict


def settings_of(plan: Plan) -> Settings:
    """What a plan fixed of how it is measured. Of several margins of one measure the first goal's is used."""
    margins = {str(goal.measure): goal.margin for goal in reversed(plan.goals) if goal.margin is not None}
    return Settings(
        fmr_targets=plan.fmr_targets,
        bootstrap=plan.bootstrap,
        seed=plan.seed,
        confidence=plan.confidence,
        non_mated_rule=NonMatedRule(plan.non_mated_rule),
        smallest_group=plan.smallest_group,
        intersections=plan.intersections,
        margins=margins,
        list_length=plan.list_length,
    )


def _own_scores(folder: Path) -> Reading:
    """The scores that a run over images wrote."""
    return read(folder / files.SCORES, format="parquet", direction=None, samples=True)


def _given_scores(folder: Path, plan: Plan, begun: Mapping[str, Any]) -> Reading:
    """The scores that were brought, with the plan's word on its groups."""
    groups, mated = (folder / str(begun[role]) if begun[role] else None for role in ("groups", "mated"))
    return read(
        folder / str(begun["scores"]),
        format=str(begun["format"]),
        direction=str(begun["direction"]) or None,
        groups=groups,
        groups_how={g.name: g.how for g in plan.groupings},
        group_labels={g.name: g.labels for g in plan.groupings},
        mated_file=mated,
        samples=plan.mode == Mode.IDENTIFICATION,
    )


def _inputs(folder: Path, begun: Mapping[str, Any], reading: Reading) -> list[Input]:
    """What was measured, by its digest."""
    name = str(begun.get("scores", files.SCORES))
    inputs = [Input("scores", name, files.sha256_of(folder / name), reading.rows, reading.format)]
    for role in ("groups", "mated"):
        if begun.get(role):
            inputs.append(Input(role, str(begun[role]), str(begun[f"{role}_sha256"]), None, "csv"))
    if begun.get("source") == "images":
        failures = files.sha256_of(folder / files.FAILURES)
        inputs += [
            Input("manifest", "manifest.csv", str(begun["manifest_sha256"]), None, "csv"),
            Input("failures", files.FAILURES, failures, None, "csv"),
        ]
    return inputs


def _failures(folder: Path) -> list[dict[str, str]]:
    """Every failure to acquire or to enrol."""
    with (folder / files.FAILURES).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _attempts(folder: Path, plan: Plan, failed: list[dict[str, str]]) -> Attempts:
    """Failures to acquire among the probes, and to enrol among the references: of images, each counted once."""
    counts = files.read_json(folder / files.COUNTED, "run the test again")
    stages = Counter(row["stage"] for row in failed)
    return Attempts(
        to_acquire=binomial_rate(stages["acquire"], int(counts["probes"]), plan.confidence),
        to_enrol=binomial_rate(stages["enrol"], int(counts["references"]), plan.confidence),
    )


def _discards(reading: Reading, plan: Plan) -> dict[str, Any] | None:
    """What quality foretells: error against discard. None where no quality was told or nothing is mated."""
    if reading.probe_quality is None or not reading.comparisons.mated.any():
        return None
    return quality_document(
        reading.comparisons,
        reading.probe_quality,
        reading.reference_quality,
        fmr_targets=plan.fmr_targets,
        rule=PairRule.PROBE if reading.reference_quality is None else PairRule.LOWER,
        smallest_group=plan.smallest_group,
        confidence=plan.confidence,
    )


def _searches(reading: Reading, plan: Plan) -> dict[str, Any]:
    """Each probe as one search of all references, at the thresholds of the target FMRs and of the goals."""
    comparisons = reading.comparisons
    if reading.probes is None:
        results = searches_of(comparisons)
    else:
        results = searches_of(comparisons, reading.probes.codes, names=reading.probes.names)
    scores = Scores.of(comparisons)
    thresholds = [threshold_at(scores, target).threshold for target in plan.fmr_targets]
    thresholds += [
        comparisons.direction.shown(g.at_threshold) for g in plan.goals if g.at_threshold is not None
    ]
    return identification_document(
        results,
        list(dict.fromkeys(thresholds)),
        list_length=min(plan.list_length or results.longest, results.longest),
        confidence=plan.confidence,
    )
