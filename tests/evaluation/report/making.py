"""Documents of a test that fit together, counted from simulated scores: every key of the result is filled.

Two people groups differ by design: the non-mated scores of `B` lie higher.
"""

import hashlib
import json
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from counterseal.evaluation.intervals import clopper_pearson
from counterseal.evaluation.strict import document_digest

Json = dict[str, Any]
TARGETS = (1e-2, 1e-3, 1e-4)
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


def rate(errors: int, trials: int) -> Json:
    low, high = clopper_pearson(errors, trials)
    share = errors / trials if trials else None
    return {
        "errors": errors,
        "trials": trials,
        "rate": share,
        "interval": [low, high],
        "method": "clopper-pearson",
    }


def result_document(labels: tuple[str, ...], seed: int) -> Json:
    rng = np.random.default_rng(seed)
    people = 60 * len(labels)
    groups = rng.integers(0, len(labels), 40_000)
    others = rng.integers(0, len(labels), 40_000)
    lift = np.linspace(0, 0.6, len(labels))
    non_mated = np.sort(rng.normal(0, 1, 40_000) + lift[groups] * (groups == others))
    order = rng.permutation(40_000)
    non_mated = non_mated[order]
    mated_group = rng.integers(0, len(labels), 3_000)
    mated = rng.normal(3.2, 1, 3_000) - 0.3 * (mated_group == 0)
    mated[:4] = -40.0
    rows = [_threshold(t, mated, non_mated) for t in TARGETS]
    edges = np.linspace(-5, 8, 41)
    cuts = np.unique(np.quantile(np.concatenate([mated, non_mated]), np.linspace(0.002, 0.9995, 80)))
    return {
        "schema": "counterseal-evaluation-1",
        "inputs": [
            {"role": "scores", "name": "scores.parquet", "sha256": "ab" * 32, "rows": 43_000, "format": "parquet"}
        ],
        "software": {"counterseal": "0.1.0", "python": "3.11", "numpy": "2.4", "scipy": "1.17"},
        "settings": {
            "direction": "similarity",
            "fmr_targets": list(TARGETS),
            "bootstrap": 2000,
            "seed": seed,
            "confidence": 0.95,
            "threshold_rule": "fixed",
            "non_mated_rule": "within-group",
            "smallest_group": {"subjects": 30},
        },
        "n_mated": len(mated),
        "n_non_mated": len(non_mated),
        "n_subjects": people,
        "failures": {
            "to_acquire": rate(7, 1200),
            "to_enrol": rate(0, people),
            "comparisons": {"mated": 4, "non_mated": 0},
            "by_reason": {"no face": 3, "two faces": 1},
        },
        "eer": {"midpoint": 0.0601, "low": 0.06, "high": 0.0602, "convex_hull": 0.0595},
        "auc": 0.9878,
        "cllr": {"cllr": 0.231, "min_cllr": 0.199},
        "calibration": {
            "method": "pav",
            "slope": 1.3,
            "intercept": -2.1,
            "valid": [-1.0, 6.0],
            "bounds": [-3.0, 3.5],
            "points": [{"score": float(s), "log_lr": float(1.3 * s - 2.1)} for s in np.linspace(-1, 6, 25)],
            "check": {"devPAV": 0.04},
        },
        "det": [_point(float(c), mated, non_mated) for c in cuts],
        "histogram": {
            "edges": edges.tolist(),
            "mated": np.histogram(mated, edges)[0].tolist(),
            "non_mated": np.histogram(non_mated, edges)[0].tolist(),
        },
        "thresholds": rows,
        "groups": [
            *(_group(i, label, rows, mated, mated_group, non_mated, groups[order], others[order])
              for i, label in enumerate(labels)),
            {"grouping": "region", "how": "synthetic", "group": TOO_SMALL, "subjects": 3, "n_mated": 9,
             "n_non_mated": 40, "evaluated": False, "why_not": "3 people, fewer than 30", "rates": []},
        ],
        "matrices": [_matrix(labels, t, non_mated, groups[order], others[order]) for t in rows],
        "differentials": [
            _differential(labels, t, mated, mated_group, non_mated, groups[order], others[order]) for t in rows
        ],
        "identification": _identification(rows),
        "quality": None,
        "attack_detection": None,
        "warnings": ["the target FMR 0.0001 rests on 4 errors"],
    }  # fmt: skip


def _threshold(target: float, mated: np.ndarray, non_mated: np.ndarray) -> Json:
    allowed = int(target * len(non_mated))
    t = float(np.nextafter(np.sort(non_mated)[-allowed - 1], np.inf))
    k, m = int((non_mated >= t).sum()), int((mated < t).sum())
    fmr, fnmr = rate(k, len(non_mated)), rate(m, len(mated))
    return {
        "target_fmr": target, "threshold": t, "other_end": float(np.sort(non_mated)[-allowed]),
        "rule": "smallest threshold at which FMR <= target",
        "fmr": fmr["rate"], "fmr_count": k, "fmr_interval": fmr["interval"],
        "fnmr": fnmr["rate"], "fnmr_count": m, "fnmr_interval": fnmr["interval"],
        "method": "clopper-pearson", "fmr_design_effect": 3.2, "fnmr_design_effect": 1.1,
        "far": fmr["rate"], "frr": fnmr["rate"], "gfar": fmr["rate"], "gfrr": fnmr["rate"],
        "enough_fmr": k >= 30, "enough_fnmr": m >= 30, "measurable": True,
    }  # fmt: skip


def _point(t: float, mated: np.ndarray, non_mated: np.ndarray) -> Json:
    fmr, fnmr = rate(int((non_mated >= t).sum()), len(non_mated)), rate(int((mated < t).sum()), len(mated))
    return {"threshold": t, "fmr": fmr["rate"], "fmr_low": fmr["interval"][0], "fmr_high": fmr["interval"][1],
            "fnmr": fnmr["rate"], "fnmr_low": fnmr["interval"][0], "fnmr_high": fnmr["interval"][1]}  # fmt: skip


def _group(
    i: int,
    label: str,
    rows: list[Json],
    mated: np.ndarray,
    mated_group: np.ndarray,
    non_mated: np.ndarray,
    probe: np.ndarray,
    reference: np.ndarray,
) -> Json:
    own, other = mated[mated_group == i], non_mated[(probe == i) & (reference == i)]
    rates = []
    for t in rows:
        k, m = int((other >= t["threshold"]).sum()), int((own < t["threshold"]).sum())
        fmr, fnmr = rate(k, len(other)), rate(m, len(own))
        rates.append({
            "target_fmr": t["target_fmr"], "threshold": t["threshold"],
            "fmr": fmr["rate"], "fmr_count": k, "fmr_interval": fmr["interval"],
            "fnmr": fnmr["rate"], "fnmr_count": m, "fnmr_interval": fnmr["interval"],
            "method": "clopper-pearson", "enough_fmr": k >= 30, "enough_fnmr": m >= 30,
        })  # fmt: skip
    return {"grouping": "region", "how": "synthetic", "group": label, "subjects": 60, "n_mated": len(own),
            "n_non_mated": len(other), "evaluated": True, "why_not": None, "rates": rates}  # fmt: skip


def _matrix(
    labels: tuple[str, ...], t: Json, non_mated: np.ndarray, probe: np.ndarray, reference: np.ndarray
) -> Json:
    n = len(labels)
    over = non_mated >= t["threshold"]
    trials = [[int(((probe == i) & (reference == j)).sum()) for j in range(n)] for i in range(n)]
    errors = [[int((over & (probe == i) & (reference == j)).sum()) for j in range(n)] for i in range(n)]
    fmr = [
        [e / k if k else None for e, k in zip(a, b, strict=True)] for a, b in zip(errors, trials, strict=True)
    ]
    return {"grouping": "region", "target_fmr": t["target_fmr"], "threshold": t["threshold"],
            "labels": list(labels), "count": errors, "trials": trials, "fmr": fmr}  # fmt: skip


def _differential(
    labels: tuple[str, ...],
    t: Json,
    mated: np.ndarray,
    mated_group: np.ndarray,
    non_mated: np.ndarray,
    probe: np.ndarray,
    reference: np.ndarray,
) -> Json:
    groups = [
        _group(i, label, [t], mated, mated_group, non_mated, probe, reference)["rates"][0]
        for i, label in enumerate(labels)
    ]
    pairs = []
    for measure in ("fmr", "fnmr"):
        for (i, a), (j, b) in combinations(enumerate(labels), 2):
            x, y = groups[i][measure], groups[j][measure]
            apart = groups[i][f"{measure}_interval"][1] < groups[j][f"{measure}_interval"][0]
            pairs.append({
                "measure": measure, "a": a, "b": b, "rate_a": x, "rate_b": y,
                "ratio": x / y if y else None, "ratio_interval": [x / y / 2, x / y * 2] if y else None,
                "difference": x - y, "difference_interval": [x - y - 0.002, x - y + 0.002],
                "p_value": 0.001 if apart else 0.4, "adjusted_p": 0.006 if apart else 0.8,
                "distinguishable": apart, "margin": 0.01, "equivalent": None if apart else abs(x - y) < 0.005,
            })  # fmt: skip
    indices = {}
    for measure in ("fmr", "fnmr"):
        x = np.array([g[measure] for g in groups])
        zero = bool((x == 0).any())
        mean = float(x.mean())
        gini = float(np.abs(x[:, None] - x[None, :]).sum() / (2 * len(x) ** 2 * mean)) if mean else None
        indices[measure] = {
            "groups": len(x), "max_min": None if zero else float(x.max() / x.min()),
            "max_min_at_least": float(x.max() / 0.002) if zero else None,
            "max_mean": float(x.max() / mean) if mean else None,
            "max_geomean": None if zero else float(x.max() / np.exp(np.log(x).mean())),
            "mean_abs_log10": None if zero else float(np.abs(np.log10(x) - np.log10(x).mean()).mean()),
            "gini": gini, "gini_corrected": gini and gini * len(x) / (len(x) - 1),
        }  # fmt: skip
    return {
        "grouping": "region", "target_fmr": t["target_fmr"], "threshold": t["threshold"],
        "non_mated_rule": "within-group", **indices,
        "joint": {"alpha": 0.5, "fdr": 0.98, "ir": 3.1, "garbe": 0.3}, "pairs": pairs,
        "smallest_visible": [
            {"measure": m, "group": g, "ratio": 2.4, "difference": 0.004, "power": 0.8}
            for m in ("fmr", "fnmr") for g in labels
        ],
    }  # fmt: skip


def _identification(rows: list[Json]) -> Json:
    return {
        "database_size": 500, "searches_mated": 400, "searches_non_mated": 300, "list_length": 20,
        "rates": [
            {"threshold": t["threshold"] + d, "list_length": n, "fpir": rate(round(90 / (i + 1) ** 2), 300),
             "fnir": rate(20 + 15 * i - n // 4, 400), "selectivity": 0.4 / (i + 1)}
            for n in (1, 20) for i, (t, d) in enumerate((t, d) for t in rows for d in (-0.3, 0.0, 0.3))
        ],
        "ranks": [{"rank": k, "rate": rate(360 + min(k, 30), 400), "ties": "worst"} for k in (1, 2, 5, 10, 20)],
        "miss_rate": [{"list_length": 20, "fnir": rate(20, 400)}],
        "growth": [
            {"database_size": n, "threshold": rows[1]["threshold"], "fnir": 0.05 + n / 20_000, "fpir": n / 5_000,
             "method": "subsampled"} for n in (100, 200, 500)
        ],
    }  # fmt: skip


def corpus_document() -> Json:
    return {
        "source": "synthetic people, drawn for this test", "legal_basis": "none needed: nobody is depicted",
        "consent": "none needed", "people": 240, "images": 1200, "sessions": 2,
        "time_lapse_days": {"median": 180, "q1": 90, "q3": 400}, "capture": "drawn, frontal", "image_size": "256 x 256",
        "eye_distance": "60 pixels", "ground_truth": "known from the drawing", "label_errors": "none known",
        "training_overlap": "not known", "notes": "",
    }  # fmt: skip


def plan_document(labels: tuple[str, ...], corpus: str) -> Json:
    return {
        "schema": "counterseal-test-plan-1", "title": "Test of the embedded engine on synthetic people",
        "system": {"service": "embedded", "engine_id": "embedded-1", "version": "1.0", "model_sha256": "cd" * 32},
        "kind": "direct", "mode": "identification", "use_case": "leads in investigations of fraud",
        "who_may_rely": "the agency", "tester": "Test Office", "independence": "no part in buying or running it",
        "standard": "ISO/IEC 19795-1", "corpus": corpus,
        "groupings": [{"name": "region", "how": "synthetic", "labels": [*labels, TOO_SMALL]}],
        "intersections": [["region", "age"]], "smallest_group": {"subjects": 30, "mated": 1, "non_mated": 1},
        "fmr_targets": list(TARGETS), "operating_fmr": 1e-3, "non_mated_rule": "within-group",
        "list_length": 20, "database_size": 500, "expected": None,
        "goals": [
            {"id": "fnmr", "says": "misses at most 1 in 10", "measure": "fnmr", "at_fmr": 1e-3, "at_threshold": None,
             "scope": "overall", "grouping": None, "limit": {"at_most": 0.1, "unit": "rate"}, "margin": None},
        ],
        "confidence": 0.95, "bootstrap": 2000, "seed": 7,
        "not_covered": ["pictures from video", "children"],
    }  # fmt: skip


def verdict_document(plan: Json, result: Json) -> Json:
    at = result["thresholds"][1]
    goals = (
        ("fnmr", "misses at most 60 in 100", 0.6, "pass", "the whole interval honours the limit"),
        ("fnmr-strict", "misses at most 1 in 100", 0.01, "fail", "the whole interval breaks the limit"),
        (
            "fnmr-near",
            "misses as many as were counted",
            at["fnmr"],
            "not shown",
            "the interval reaches across the limit",
        ),
    )
    return {
        "plan_sha256": document_digest(plan), "result_sha256": document_digest(result),
        "verdicts": [
            {"goal": goal, "says": says, "group": None, "measured": at["fnmr"],
             "counts": {"errors": at["fnmr_count"], "trials": result["n_mated"]}, "interval": at["fnmr_interval"],
             "limit": {"at_most": limit, "unit": "rate"}, "verdict": verdict, "why": why}
            for goal, says, limit, verdict, why in goals
        ],
        "overall": "fail", "expires": "2029-05-01",
        "retest_when": ["the service runs another version than 1.0", "its reference database grows beyond 500 entries"],
    }  # fmt: skip


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
