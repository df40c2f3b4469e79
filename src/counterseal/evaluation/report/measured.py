"""Every measured number of a result document as one flat row: what result.csv holds and what the tables show.

There is one list, so a number cannot differ between page, print and file. A rate has its counts; an index, a
ratio or a point of a curve has none.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from counterseal.evaluation.report.text import number, plain

Row = Mapping[str, Any]

INDICES: Mapping[str, str] = {
    "max_min": "highest rate / lowest rate",
    "max_min_at_least": "highest rate / upper bound of the lowest, where the lowest counted no error",
    "max_mean": "highest rate / arithmetic mean",
    "max_geomean": "highest rate / geometric mean",
    "mean_abs_log10": "mean of |log10(rate / geometric mean)|",
    "gini": "Σ Σ |x_i - x_j| / (2 n² mean)",
    "gini_corrected": "n / (n - 1) times Gini",
}
JOINT: Mapping[str, str] = {
    "fdr": "FDR = 1 - (α max|ΔFMR| + (1-α) max|ΔFNMR|); 1 where there is no difference",
    "ir": "IR = (max/min FMR)^α (max/min FNMR)^(1-α); 1 where there is no difference; undefined at a zero",
    "garbe": "GARBE = α Gini*(FMR) + (1-α) Gini*(FNMR), Gini* corrected; 0 where there is no difference",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One number. section: letter of the report's section. threshold: in the numbers of the scores file.

    rate: the number itself; low, high: its interval. group: empty for the whole test.
    """

    section: str
    item: str
    group: str
    threshold: float | None
    measure: str
    errors: int | None
    trials: int | None
    rate: float | None
    low: float | None
    high: float | None
    method: str


CHECK = "check of the calibration"
KEPT, DISCARDED = "FNMR of the rest after discarding", "pairs lost to the quality that discards"
SELECTIVITY, WITHIN, MISS_RATE, GROWS = (
    "selectivity",
    "mate within rank",
    "miss rate",
    " as the database grows",
)
COLUMNS = tuple(f.name for f in fields(Measured))


def target(fmr: float) -> str:
    """How a threshold is named: by the rate it was set for."""
    return f"target FMR {number(fmr)}"


def everything(result: Row) -> list[Measured]:
    """Every row, in the order of the report."""
    parts = (failures, overall, summary, det, histogram, calibration, identification)
    rows = [row for part in parts for row in part(result)]
    rows += [row for group in result["groups"] for row in of_group(group)]
    rows += [row for matrix in result["matrices"] for row in of_matrix(matrix)]
    rows += [row for found in result["differentials"] for row in of_differential(found)]
    return [*rows, *quality(result), *attack_detection(result)]


def failures(result: Row) -> Iterator[Measured]:
    """D: failures to acquire and to enrol, and comparisons that failed."""
    told = result.get("failures") or {}
    for key, says in (("to_acquire", "failure to acquire"), ("to_enrol", "failure to enrol")):
        if told.get(key):
            yield _rate("D", "all", "", None, says, told[key])
    for kind, trials in (("mated", result["n_mated"]), ("non_mated", result["n_non_mated"])):
        failed = (told.get("comparisons") or {}).get(kind)
        if failed is not None:
            share = failed / trials if trials else None
            says = f"failed {kind.replace('_', '-')} comparisons"
            yield Measured("D", "all", "", None, says, failed, trials, share, None, None, "count")


def overall(result: Row) -> Iterator[Measured]:
    """D: FMR and FNMR at each threshold, and the rates of transactions made from them."""
    for t in result["thresholds"]:
        yield from _both("D", target(t["target_fmr"]), "", t, (result["n_non_mated"], result["n_mated"]))
    for t in result["thresholds"]:
        for key in ("far", "frr", "gfar", "gfrr"):
            if t.get(key) is not None:
                yield _number(
                    "D", target(t["target_fmr"]), key.upper(), t[key], "from FMR, FNMR, FTA, FTE", t
                )


def summary(result: Row) -> Iterator[Measured]:
    """F: numbers over the whole curve."""
    eer = result.get("eer") or {}
    for key in ("low", "high", "midpoint", "convex_hull"):
        if eer.get(key) is not None:
            yield _number("F", "whole curve", f"EER, {key.replace('_', ' ')}", eer[key], "empirical")
    if result.get("auc") is not None:
        yield _number("F", "whole curve", "AUC", result["auc"], "empirical")
    for key, says in (("cllr", "Cllr"), ("min_cllr", "least Cllr")):
        if (result.get("cllr") or {}).get(key) is not None:
            yield _number("F", "whole curve", says, result["cllr"][key], "empirical")


def det(result: Row) -> Iterator[Measured]:
    """F: the points of the error trade-off."""
    for i, p in enumerate(result["det"], start=1):
        for measure in ("fmr", "fnmr"):
            low, high = p.get(f"{measure}_low"), p.get(f"{measure}_high")
            at = (f"DET point {i}", "", _float(p["threshold"]), measure.upper())
            yield Measured("F", *at, None, None, p[measure], low, high, "band" if low is not None else "none")


def histogram(result: Row) -> Iterator[Measured]:
    """F: how the scores are spread."""
    bins = result.get("histogram") or {"edges": [], "mated": [], "non_mated": []}
    for kind in ("mated", "non_mated"):
        total = sum(bins[kind])
        for low, high, errors in zip(bins["edges"], bins["edges"][1:], bins[kind], strict=False):
            item = f"scores from {number(low, 6)} to {number(high, 6)}"
            share = errors / total if total else None
            says = f"share of {kind.replace('_', '-')} scores"
            yield Measured("F", item, "", _float(low), says, errors, total, share, None, None, "count")


def calibration(result: Row) -> Iterator[Measured]:
    """F: comparison score to log-likelihood ratio."""
    told = result.get("calibration") or {}
    for p in told.get("points") or ():
        at = ("calibration", "", _float(p["score"]), "log10 likelihood ratio")
        yield Measured("F", *at, None, None, p["log_lr"], None, None, str(told.get("method") or ""))
    check = told.get("check") or {}
    for key in ("cllr", "min_cllr", "calibration_loss"):
        if check.get(key) is not None:
            yield _number("F", CHECK, key.replace("_", " "), check[key], "on comparisons left out")
    for reach in check.get("misleading") or ():
        for kind in ("non_mated", "mated"):
            says = f"{kind.replace('_', '-')} beyond log10 LR {number(reach['log_lr'])}"
            yield _rate("F", CHECK, "", None, says, reach[kind])


def of_group(group: Row) -> Iterator[Measured]:
    """G: FMR and FNMR of one group at each threshold."""
    name = f"{group['grouping']}: {group['group']}"
    for t in group["rates"]:
        yield from _both(
            "G", target(t["target_fmr"]), name, t, (group.get("n_non_mated"), group.get("n_mated"))
        )


def of_matrix(matrix: Row) -> Iterator[Measured]:
    """G: FMR of each pair of groups."""
    for i, probe in enumerate(matrix["labels"]):
        for j, reference in enumerate(matrix["labels"]):
            yield Measured(
                "G",
                target(matrix["target_fmr"]),
                f"{matrix['grouping']}: {probe} × {reference}",
                _float(matrix.get("threshold")),
                "FMR of probe × reference",
                matrix["count"][i][j],
                matrix["trials"][i][j],
                matrix["fmr"][i][j],
                None,
                None,
                "count",
            )


def of_differential(found: Row) -> Iterator[Measured]:
    """G: indices and compared pairs of one grouping at one threshold."""
    item = target(found["target_fmr"])
    for measure in ("fmr", "fnmr"):
        for key in INDICES:
            if found[measure].get(key) is not None:
                says = f"{measure.upper()} {key.replace('_', ' ')}"
                yield _number("G", item, says, found[measure][key], INDICES[key], found, found["grouping"])
    for key, says in JOINT.items():
        if (found.get("joint") or {}).get(key) is not None:
            yield _number("G", item, key.upper(), found["joint"][key], says, found, found["grouping"])
    for pair in found["pairs"]:
        for key in ("ratio", "difference"):
            if pair.get(key) is not None:
                low, high = pair.get(f"{key}_interval") or (None, None)
                yield Measured(
                    "G",
                    item,
                    f"{found['grouping']}: {pair['a']} against {pair['b']}",
                    _float(found.get("threshold")),
                    f"{pair['measure'].upper()} {key}",
                    None,
                    None,
                    pair[key],
                    low,
                    high,
                    f"adjusted p {number(pair.get('adjusted_p'))}",
                )


def identification(result: Row) -> Iterator[Measured]:
    """F: searches among many."""
    told = result.get("identification") or {}
    size = told.get("database_size")
    rows = list(told.get("rates") or ())
    rows += [r for r in told.get("lights_out") or () if r not in rows]
    for r in rows:
        item = f"N {plain(size)}, list of {plain(r.get('list_length'))}"
        for key in ("fpir", "fnir"):
            if r.get(key):
                yield _rate("F", item, "", r.get("threshold"), key.upper(), r[key])
        if r.get("selectivity") is not None:
            yield _number("F", item, SELECTIVITY, r["selectivity"], "mean number of other people returned", r)
    for r in told.get("ranks") or ():
        if r.get("rate"):
            item = f"N {plain(size)}, ties {plain(r.get('ties'))}"
            yield _rate("F", item, "", None, f"{WITHIN} {plain(r['rank'])}", r["rate"])
    for r in told.get("miss_rate") or ():
        if r.get("fnir"):
            item = f"N {plain(size)}, list of {plain(r.get('list_length'))}"
            yield _rate("F", item, "", None, MISS_RATE, r["fnir"])
    for i, p in enumerate(told.get("curve") or (), start=1):
        for key in ("fpir", "fnir"):
            yield _number("F", f"search curve point {i}", key.upper(), p[key], "point of a curve", p)
    for r in told.get("growth") or ():
        for key in ("fnir", "fpir"):
            if r.get(key) is not None:
                item = f"N {plain(r.get('database_size'))}"
                yield _number("F", item, f"{key.upper()}{GROWS}", r[key], str(r.get("method") or ""), r)


def quality(result: Row) -> Iterator[Measured]:
    """H: error against discard, everybody and each group."""
    for curve in (result.get("quality") or {}).get("discard") or ():
        item, at = target(curve["target_fmr"]), curve.get("threshold")
        for each in curve.get("at") or ():
            yield _rate("H", item, "", at, f"{KEPT} {number(each['fraction'])}", each["fnmr"])
        for i, p in enumerate(curve.get("curve") or (), start=1):
            counts = (p["errors"], p["trials"], p["fnmr"], p.get("fnmr_low"), p.get("fnmr_high"))
            says = f"discard point {i}, fraction {number(p['fraction'])}"
            yield Measured("H", item, "", _float(at), says, *counts, "clopper-pearson")
        for area in curve.get("areas") or ():
            for key in ("area", "ideal", "level"):
                yield _number(
                    "H", item, f"area to {number(area['to'])}, {key}", area[key], "staircase", curve
                )
        for group in curve.get("groups") or ():
            name = f"{plain(group['grouping'])}: {plain(group['group'])}"
            for each in group.get("same_quality_for_all") or ():
                for key, says in (("discarded", DISCARDED), ("fnmr", KEPT)):
                    yield _rate("H", item, name, at, f"{says} {number(each['fraction'])}", each[key])


def attack_detection(result: Row) -> Iterator[Measured]:
    """I: presentation attacks."""
    told = result.get("attack_detection") or {}
    for t in told.get("thresholds") or ():
        at = t.get("threshold")
        for each in t.get("apcer") or ():
            group = f"{plain(each['species'])} ({plain(each.get('attack_potential'))})"
            yield _rate("I", "attack detection", group, at, "APCER", each["rate"])
        for key, says in (("bpcer", "BPCER"), ("refused", "bona fide presentations refused or unanswered")):
            if t.get(key):
                yield _rate("I", "attack detection", "bona fide", at, says, t[key])
    for each in told.get("bpcer_at") or ():
        potential = each.get("attack_potential")
        item = f"APCER at most {number(each.get('apcer_at_most'))}"
        group = "all species" if potential is None else f"attack potential {plain(potential)}"
        yield _rate("I", item, group, each.get("threshold"), plain(each["name"]), each["bpcer"])
    for each in told.get("species") or ():
        group = f"{plain(each['species'])} ({plain(each.get('attack_potential'))})"
        if each.get("apnrr"):
            yield _rate("I", "attack detection", group, None, "APNRR", each["apnrr"])
        for key in ("low", "high", "midpoint"):
            if (each.get("d_eer") or {}).get(key) is not None:
                yield _number(
                    "I", "attack detection", f"D-EER, {key}", each["d_eer"][key], "empirical", None, group
                )
    if told.get("bpnrr"):
        yield _rate("I", "attack detection", "bona fide", None, "BPNRR", told["bpnrr"])
    full = told.get("full_system") or {}
    for each in full.get("iapar") or ():
        yield _rate("I", "full system", plain(each["species"]), None, "IAPAR", each["rate"])
    if full.get("frr"):
        yield _rate("I", "full system", "bona fide", None, "FRR", full["frr"])
    riapar = full.get("riapar") or {}
    if riapar.get("value") is not None:
        low, high = riapar.get("interval") or (None, None)
        value, method = riapar["value"], str(riapar.get("method") or "")
        at = ("I", "full system", plain(full.get("worst")), None)
        yield Measured(*at, "RIAPAR", None, None, value, low, high, method)


def as_csv(rows: Sequence[Measured]) -> bytes:
    """result.csv: unrounded; a cell that a spreadsheet would run as a formula gets a quote in front."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(COLUMNS)
    for row in rows:
        sheet.writerow([_cell(getattr(row, name)) for name in COLUMNS])
    return out.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    text = plain(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@") and isinstance(value, str) else text


def _both(
    section: str, item: str, group: str, t: Row, trials: tuple[int | None, int | None]
) -> Iterator[Measured]:
    """FMR and FNMR of one row of thresholds. trials: of non-mated and of mated comparisons."""
    for measure, of in zip(("fmr", "fnmr"), trials, strict=True):
        low, high = t.get(f"{measure}_interval") or (None, None)
        yield Measured(
            section,
            item,
            group,
            _float(t.get("threshold")),
            measure.upper(),
            t.get(f"{measure}_count"),
            t.get(f"{measure}_trials", of),
            t.get(measure),
            low,
            high,
            str(t.get(f"{measure}_method") or t.get("method") or ""),
        )


def _rate(section: str, item: str, group: str, threshold: Any, measure: str, rate: Row) -> Measured:
    low, high = rate.get("interval") or (None, None)
    counts = (rate.get("errors"), rate.get("trials"), rate.get("rate"))
    return Measured(
        section, item, group, _float(threshold), measure, *counts, low, high, str(rate.get("method") or "")
    )


def _number(
    section: str, item: str, measure: str, value: float, method: str, at: Row | None = None, group: str = ""
) -> Measured:
    threshold = _float((at or {}).get("threshold"))
    return Measured(section, item, group, threshold, measure, None, None, value, None, None, method)


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
