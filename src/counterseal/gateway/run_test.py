"""Run a test that was planned: an engine over a folder of images, into the folder of the test.

    1 the plan is there and frozen, and names this engine     4 compare every pair
    2 the manifest and its images hold                        5 write scores, failures, counts, times
    3 acquire every image, resumably                          6 let go of the templates

`measure_test.py` measures what this wrote. Who tests MUST see that the plan was sealed before (2): this checks that
it is there, and no file can tell when it was written. Nothing here changes the register: that is `conclude_test`.

Clauses: D-026-11/testing.
"""

import os
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from counterseal.connectors.under_test import EngineUnderTest
from counterseal.evaluation.protocol import Plan, document_digest
from counterseal.evaluation.reading import Samples, write_parquet
from counterseal.gateway.testing import folder as files
from counterseal.gateway.testing.corpus import card_from, check_card, counted, quality_of_images
from counterseal.gateway.testing.folder import begin
from counterseal.gateway.testing.manifest import Manifest, ManifestError, Part, read_manifest
from counterseal.gateway.testing.pairs import Compared, compare_all
from counterseal.gateway.testing.samples import Acquired, acquire_all
from counterseal.terms.biometrics import Mode
from counterseal.terms.errors import BadInputError

FAILURES_HEADER = ("image", "subject", "role", "stage", "code", "says")


class Progress(Protocol):
    """A bar for each part of the work."""

    def __call__(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Yields what is told how many are done."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run. failures: code -> images, by stage."""

    images: int
    people: int
    mated: int
    non_mated: int
    not_acquired: Mapping[str, int]
    not_enrolled: Mapping[str, int]


def run_test(
    folder: Path,
    plan: Plan,
    tested: EngineUnderTest,
    *,
    images: Path,
    manifest: Path,
    at: datetime,
    progress: Progress,
) -> Run:
    """Run the engine over the images. at: now; noted as when the run began.

    A run that was killed goes on where it stopped, and writes what it would have written.

    Raises:
        ManifestError: the manifest or the images cannot be tested with.
        AnotherRunError, HalfFinishedError: another run began in this folder.
        BadInputError: the plan is of another engine or corpus, or too little was acquired to compare.
        StaleError: another run is at work here.
    """
    # (1)
    check_engine(plan, tested)
    # (2)
    test_set = read_manifest(manifest, images, groupings={g.name: g.labels for g in plan.groupings})
    _check_parts(plan, test_set)
    card = _card(folder, plan)
    if card is not None:
        check_card(card, test_set.images)
    begin(
        folder,
        {
            "plan_sha256": plan.digest(),
            "source": "images",
            "engine_id": tested.engine_id,
            "model_sha256": tested.model_sha256,
            "manifest_sha256": test_set.sha256,
        },
        at,
    )
    # (3)
    with progress("acquiring images", len(test_set.images)) as advance:
        acquired = acquire_all(test_set, tested, folder / files.WORK, advance)
    _write_failures(folder, acquired)
    # (4)
    with progress("comparing probes", sum(i.part.is_probe for i in test_set.images)) as advance:
        compared = compare_all(
            acquired,
            tested,
            groupings=[(g.name, g.how, g.labels) for g in plan.groupings],
            progress=advance,
        )
    # (5) The scores last: a folder with scores is a folder with everything.
    counts = counted(acquired, compared)
    quality_of, quality = quality_of_images(acquired)
    files.write_json(folder / files.COUNTED, counts | {"quality_of": quality_of})
    if card is None:
        files.write_json(folder / files.CORPUS, card_from(counts))
    files.write_json(folder / files.TIMES, _times(tested, acquired, compared))
    part = folder / (files.SCORES + ".part")
    names = tuple(image.name for image in compared.images)
    write_parquet(
        compared.comparisons,
        part,
        probes=Samples(names, compared.probe),
        references=Samples(names, compared.reference),
        qualities=(quality[compared.probe], quality[compared.reference]),
    )
    part.replace(folder / files.SCORES)
    files.end(folder, (files.SCORES, files.FAILURES, files.COUNTED))
    # (6)
    (folder / files.WORK).unlink()
    mated = int(compared.comparisons.mated.sum())
    return Run(
        images=len(acquired),
        people=len(test_set.subjects),
        mated=mated,
        non_mated=len(compared.comparisons) - mated,
        not_acquired=_codes(acquired, "not_acquired"),
        not_enrolled=_codes(acquired, "not_enrolled"),
    )


def planned(folder: Path) -> Plan:
    """The plan that was frozen into this folder.

    Raises:
        BadInputError: there is no folder or no plan in it. PlanError: it is no plan.
    """
    if not folder.is_dir():
        raise BadInputError(f"`{folder}` is no folder; name the folder of a planned test")
    remedy = "a test begins with a plan, frozen before anybody sees a score (`counterseal evaluate plan`)"
    return Plan.from_json(files.read_json(folder / files.PLAN, remedy))


def check_engine(plan: Plan, tested: EngineUnderTest) -> None:
    """Hold the engine against the plan.

    Raises:
        BadInputError: the plan was frozen for another engine or model.
    """
    if plan.system.engine_id != tested.engine_id:
        raise BadInputError(
            f"the plan is for the engine `{plan.system.engine_id}`, and this is `{tested.engine_id}`: a test is of"
            " one version; freeze a plan for this one in a new folder"
        )
    if plan.system.model_sha256 not in (None, tested.model_sha256):
        raise BadInputError(
            f"the plan is for the model {plan.system.model_sha256}, and this one has the digest"
            f" {tested.model_sha256}: freeze a plan for it in a new folder"
        )


def _check_parts(plan: Plan, test_set: Manifest) -> None:
    if plan.mode != Mode.IDENTIFICATION:
        return
    for image in test_set.images:
        if image.part is Part.BOTH:
            raise ManifestError(
                f"row {image.row}: the role `both` is not for a test of identification: a search in a database"
                " that holds the probe itself finds it; say `probe` or `reference`"
            )


def _card(folder: Path, plan: Plan) -> dict[str, Any] | None:
    """The corpus card of the folder, where the plan named one or somebody wrote one."""
    if plan.corpus is None and not (folder / files.CORPUS).exists():
        return None
    card = files.read_json(
        folder / files.CORPUS, "the plan names a corpus card; put the one it was frozen with here"
    )
    if plan.corpus is not None and document_digest(card) != plan.corpus:
        raise BadInputError(
            f"corpus.json in `{folder}` is not the card that the plan was frozen with; put that one back"
        )
    return card


def _codes(acquired: Sequence[Acquired], which: str) -> dict[str, int]:
    """Failures of one stage by code, among the images that it counts for."""
    part = "is_probe" if which == "not_acquired" else "is_reference"
    counts = Counter(getattr(a.sample, which) for a in acquired if getattr(a.image.part, part))
    return {code: n for code, n in sorted(counts.items()) if code}


def _write_failures(folder: Path, acquired: Sequence[Acquired]) -> None:
    """One row a failure, in the manifest's order: `acquire` for a probe, `enrol` for a reference."""
    rows: list[tuple[object, ...]] = []
    for image, sample in ((a.image, a.sample) for a in acquired):
        said = (image.name, image.subject, image.part)
        if image.part.is_probe and sample.not_acquired:
            rows.append((*said, "acquire", sample.not_acquired, sample.says))
        if image.part.is_reference and sample.not_enrolled:
            rows.append((*said, "enrol", sample.not_enrolled, sample.says))
    files.write_csv(folder / files.FAILURES, FAILURES_HEADER, rows)


def _times(tested: EngineUnderTest, acquired: Sequence[Acquired], compared: Compared) -> dict[str, Any]:
    """Section K of a report. Apart from the result, which is the same each time; these are not."""
    return {
        "engine_id": tested.engine_id,
        "enrolment_seconds": _spread([a.seconds for a in acquired if not a.sample.not_acquired]),
        "comparison_seconds": _spread(compared.seconds),
        "template_bytes": tested.template_bytes,
        "hardware": f"{platform.machine()}, {os.cpu_count()} processors, one in use",
    }


def _spread(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    median, high = np.quantile(np.array(seconds), [0.5, 0.95]).tolist()
    return {"median": median, "p95": high, "n": len(seconds)}
