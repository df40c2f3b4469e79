"""Documents of a test that fit together, counted from simulated scores: every key of the result is filled.

The groups differ by design: non-mated scores within the last one lie higher.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from counterseal.evaluation import verdicts
from counterseal.evaluation.attack_detection import PresentationAttempts, attack_detection_document
from counterseal.evaluation.comparisons import Comparisons, Direction, Grouping
from counterseal.evaluation.evaluate import Attempts, Input, Settings, evaluate
from counterseal.evaluation.identification import searches_of
from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.plan import Bound, Plan, SmallestGroup
from counterseal.evaluation.quality import PairRule, quality_document
from counterseal.evaluation.rates import Rate
from counterseal.evaluation.strict import document_digest

Json = dict[str, Any]
TARGETS = (1e-2, 1e-3, 1e-4)
EACH = 40
LABELS = ("A", "B", "C", "D")
TOO_SMALL = "E"


@dataclass(frozen=True)
class Made:
    """The four documents of one test."""

    plan: Json
    corpus: Json
    result: Json
    verdict: Json

    def write(self, folder: Path) -> Path:
        """Into a folder, as a test's documents lie there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("plan", "corpus", "result", "verdict"):
            (folder / f"{name}.json").write_text(json.dumps(getattr(self, name)), "utf-8")
        (folder / "failures.csv").write_text("image,reason\nx,no face\n")
        return folder


def made(labels: tuple[str, ...] = LABELS, seed: int = 7) -> Made:
    """A test with everything in it."""
    result = result_document(labels, seed)
    corpus = corpus_document()
    plan = plan_document(labels, document_digest(corpus))
    return Made(plan, corpus, result, verdict_document(plan, result))


def result_document(labels: tuple[str, ...], seed: int) -> Json:
    """What `evaluate` says of a simulated test in which every part was measured."""
    compared, probe = _compared(labels, seed)
    settings = Settings(
        fmr_targets=TARGETS,
        bootstrap=200,
        seed=seed,
        smallest_group=SmallestGroup(subjects=10),
        margins={"fmr": Bound(0.01, "rate"), "fnmr": Bound(0.2, "rate")},
        list_length=20,
    )
    scores = Input("scores", "scores.parquet", sha256(b"scores"), len(compared), "parquet")
    result = evaluate(
        compared,
        settings,
        inputs=[scores],
        attempts=Attempts(Rate(7, 1200, clopper_pearson(7, 1200), "clopper-pearson"), None),
        searches=searches_of(compared, probe),
        quality=_quality(compared, seed),
        attack_detection=_attacks(seed),
    )
    return _thinned(result)


def _thinned(result: Json) -> Json:
    """The same with fewer points on every curve: a browser and a printer are slow on thousands of rows."""
    result["det"] = result["det"][::12]
    result["calibration"]["points"] = result["calibration"]["points"][::4]
    result["identification"]["curve"] = result["identification"]["curve"][::20]
    for curve in result["quality"]["discard"]:
        curve["curve"] = curve["curve"][:40:4]
    bins = result["histogram"]
    bins["edges"] = bins["edges"][::10]
    for kind in ("mated", "non_mated"):
        bins[kind] = [sum(bins[kind][i : i + 10]) for i in range(0, len(bins[kind]), 10)]
    return result


def _compared(labels: tuple[str, ...], seed: int) -> tuple[Comparisons, np.ndarray]:
    """Three probes of everybody against one reference of everybody; `TOO_SMALL` has three people."""
    rng = np.random.default_rng(seed)
    group = np.array([i for i in range(len(labels)) for _ in range(EACH)] + [len(labels)] * 3, np.int16)
    people = len(group)
    probe, reference = (side.ravel().astype(np.int32) for side in np.indices((3 * people, people)))
    subject = (probe // 3).astype(np.int32)
    mated = subject == reference
    scores = rng.normal(0, 1, len(probe)) + 4.4 * mated
    last = len(labels) - 1
    scores += 1.0 * (~mated & (group[subject] == last) & (group[reference] == last))
    scores[np.flatnonzero(mated)[:4]] = -np.inf
    names = tuple(f"person {i}" for i in range(people))
    region = Grouping("region", (*labels, TOO_SMALL), "synthetic", group[subject], group[reference])
    failures = {"no face": 3, "two faces": 1}
    compared = Comparisons(
        scores, mated, Direction.SIMILARITY, names, subject, reference, {"region": region}, failures
    )
    return compared, probe


def _quality(compared: Comparisons, seed: int) -> Json:
    worth = np.random.default_rng(seed).normal(0, 1, len(compared)) + 0.5 * np.maximum(compared.scores, -3)
    worth[np.flatnonzero(compared.mated)[5:8]] = np.nan
    return quality_document(
        compared, worth, None, fmr_targets=TARGETS[:2], rule=PairRule.PROBE, smallest_group=SmallestGroup(10)
    )


def _attacks(seed: int) -> Json:
    rng = np.random.default_rng(seed)
    species = np.repeat(np.array([-1, 0, 1, 2], np.int16), [400, 150, 150, 40])
    scores = rng.normal(0, 1, len(species)) + np.array([0.2, -0.5, 1.0, 3.0])[species]
    scores[::97] = -np.inf
    return attack_detection_document(
        PresentationAttempts(
            scores, species, ("printed picture", "screen", "silicone mask"), ("basic", "basic", "high"),
            Direction.SIMILARITY, accepted=scores > 1.2,
        ),
        [1.0],
    )  # fmt: skip


def corpus_document() -> Json:
    return {
        "source": "synthetic people, drawn for this test", "legal_basis": "none needed: nobody is depicted",
        "consent": "none needed", "people": 163, "images": 652, "sessions": 2,
        "time_lapse_days": {"median": 180, "q1": 90, "q3": 400}, "capture": "drawn, frontal", "image_size": "256 x 256",
        "eye_distance": "60 pixels", "ground_truth": "known from the drawing", "label_errors": "none known",
        "training_overlap": "not known", "notes": "",
    }  # fmt: skip


def plan_document(labels: tuple[str, ...], corpus: str) -> Json:
    common = {"at_threshold": None, "margin": None}
    goals = [
        {"id": "fnmr", "says": "misses at most 60 in 100", "measure": "fnmr", "at_fmr": 1e-3, "scope": "overall",
         "grouping": None, "limit": {"at_most": 0.6, "unit": "rate"}, **common},
        {"id": "fnmr-strict", "says": "misses at most 1 in 100", "measure": "fnmr", "at_fmr": 1e-3, "scope": "overall",
         "grouping": None, "limit": {"at_most": 0.01, "unit": "rate"}, **common},
        {"id": "groups", "says": "no group is falsely accepted more than 1 in 500", "measure": "fmr", "at_fmr": 1e-3,
         "scope": "each-group", "grouping": "region", "limit": {"at_most": 0.002, "unit": "rate"}, **common},
        {"id": "enrol", "says": "enrols 99 in 100", "measure": "fte", "at_fmr": None, "scope": "overall",
         "grouping": None, "limit": {"at_most": 0.01, "unit": "rate"}, **common},
        {"id": "missed", "says": "a list leaves out at most 1 in 4", "measure": "miss-rate", "at_fmr": None,
         "scope": "overall", "grouping": None, "limit": {"at_most": 0.25, "unit": "rate"}, **common},
    ]  # fmt: skip
    written = {
        "schema": "counterseal-test-plan-1", "title": "Test of the embedded engine on synthetic people",
        "system": {"service": "embedded", "engine_id": "embedded-1", "version": "1.0", "model_sha256": "cd" * 32},
        "kind": "direct", "mode": "identification", "use_case": "leads in investigations of fraud",
        "who_may_rely": "the agency", "tester": "Test Office", "independence": "no part in buying or running it",
        "standard": "ISO/IEC 19795-1", "corpus": corpus,
        "groupings": [{"name": "region", "how": "synthetic", "labels": [*labels, TOO_SMALL]}],
        "intersections": [], "smallest_group": {"subjects": 10, "mated": 1, "non_mated": 1},
        "fmr_targets": list(TARGETS), "operating_fmr": 1e-3, "non_mated_rule": "within-group",
        "list_length": 20, "database_size": 163, "goals": goals,
        "confidence": 0.95, "bootstrap": 200, "seed": 7,
        "not_covered": ["pictures from video", "children"],
    }  # fmt: skip
    return Plan.from_json(written).as_json()


def verdict_document(plan: Json, result: Json) -> Json:
    return verdicts.verdict_document(Plan.from_json(plan), result, expires=date(2029, 5, 1))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
