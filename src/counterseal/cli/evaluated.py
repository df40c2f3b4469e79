"""A result document in words: counts first, then thresholds, groups, differences, searches, and what to mind.

Everything shown stands in the document; `--json` prints it whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from counterseal.cli.voice import plain

Json = Mapping[str, Any]


def in_words(result: Json) -> str:
    """The whole text."""
    parts = (
        _counts,
        _thresholds,
        _curve,
        _groups,
        _differences,
        _searches,
        _attacks,
        _calibration,
        _warnings,
    )
    return "\n".join(line for part in parts for line in part(result)) + "\n"


def number(value: float | None, digits: int = 4) -> str:
    """A number with so many significant digits, `-` where there is none."""
    return "-" if value is None else f"{value:.{digits}g}"


def _between(interval: Sequence[float | None] | None) -> str:
    return "-" if interval is None else f"[{number(interval[0], 3)}, {number(interval[1], 3)}]"


def _rate(row: Json, measure: str) -> tuple[str, str, str]:
    """Count, rate with its mark, interval. `!` marks fewer than thirty errors."""
    mark = "" if row[f"enough_{measure}"] else " !"
    return (
        f"{row[f'{measure}_count']:,}/{row[f'{measure}_trials']:,}",
        number(row[measure]) + mark,
        _between(row[f"{measure}_interval"]),
    )


def _counted(rate: Json) -> str:
    return f"{rate['errors']:,}/{rate['trials']:,} = {number(rate['rate'])} {_between(rate['interval'])}"


def _counts(result: Json) -> Iterator[str]:
    people = result["n_subjects"]
    named = f"{people:,} people" if people is not None else "people not named"
    yield f"{result['n_mated']:,} mated and {result['n_non_mated']:,} non-mated comparisons; {named}"
    failed = result["failures"]
    by_kind = failed["comparisons"]
    if any(by_kind.values()):
        why = ", ".join(f"{plain(reason)} {n:,}" for reason, n in failed["by_reason"].items())
        yield (
            f"failed comparisons, counted as non-matches: {by_kind['mated']:,} mated, "
            f"{by_kind['non_mated']:,} non-mated{f' ({why})' if why else ''}"
        )
    for key, says in (("to_acquire", "failures to acquire"), ("to_enrol", "failures to enrol")):
        if failed[key]:
            yield f"{says}: {_counted(failed[key])}"


def _thresholds(result: Json) -> Iterator[str]:
    settings = result["settings"]
    level = settings["confidence"]
    sign = "at or above" if settings["direction"] == "similarity" else "at or below"
    yield ""
    yield f"thresholds (samples agree {sign} T; ! fewer than 30 errors; intervals at {level:.0%})"
    rows = [
        (
            number(t["target_fmr"]),
            number(t["threshold"], 6),
            *_rate(t, "fmr"),
            *_rate(t, "fnmr"),
        )
        for t in result["thresholds"]
    ]
    rows += [
        ("stated", number(t["threshold"], 6), *_rate(t, "fmr"), *_rate(t, "fnmr")) for t in result["stated"]
    ]
    yield from _table(
        ("target FMR", "T", "false matches", "FMR", "interval", "false non-matches", "FNMR", "interval"), rows
    )
    for t in (*result["thresholds"], *result["stated"]):
        if t["frr"] is not None:
            far, frr, gfar, gfrr = (number(t[key]) for key in ("far", "frr", "gfar", "gfrr"))
            yield f"  at T {number(t['threshold'], 6)}: FAR {far}, FRR {frr}, GFAR {gfar}, GFRR {gfrr}"
    for method in dict.fromkeys(t["method"] for t in result["thresholds"]):
        yield f"  intervals: {method}"
    effects = [
        f"{name.upper()} at {number(t['target_fmr'])}: {number(t[f'{name}_design_effect'], 3)}"
        for t in result["thresholds"]
        for name in ("fmr", "fnmr")
        if (t[f"{name}_design_effect"] or 1) != 1
    ]
    if effects:
        yield f"  design effects (how much less comparisons tell than independent ones): {'; '.join(effects)}"


def _curve(result: Json) -> Iterator[str]:
    eer = result["eer"]
    if eer:
        yield ""
        yield (
            f"equal error rate {number(eer['midpoint'], 5)} [{number(eer['low'], 5)}, {number(eer['high'], 5)}], on "
            f"the convex hull {number(eer['convex_hull'], 5)}; AUC {number(result['auc'], 6)}"
        )


def _groups(result: Json) -> Iterator[str]:
    for name in dict.fromkeys(g["grouping"] for g in result["groups"]):
        groups = [g for g in result["groups"] if g["grouping"] == name]
        yield ""
        yield f"groups by {plain(name)} ({plain(groups[0]['how'])}; non-mated: {result['settings']['non_mated_rule']})"
        rows = [
            (
                plain(g["group"]),
                _whole(g["subjects"]),
                number(t["target_fmr"]),
                *_rate(t, "fmr"),
                *_rate(t, "fnmr"),
            )
            for g in groups
            for t in g["rates"]
        ]
        columns = ("group", "people", "target FMR", "false matches", "FMR", "interval")
        yield from _table((*columns, "false non-matches", "FNMR", "interval"), rows)
        for g in groups:
            if not g["evaluated"]:
                yield f"  {plain(g['group'])}: not evaluated, {plain(g['why_not'])}"


def _differences(result: Json) -> Iterator[str]:
    for found in result["differentials"]:
        yield ""
        yield f"differences by {plain(found['grouping'])} at target FMR {number(found['target_fmr'])}"
        columns = ("max_min", "max_geomean", "mean_abs_log10", "gini_corrected")
        rows = []
        for measure in ("fmr", "fnmr"):
            told = found[measure]
            most = number(told["max_min"])
            if told["max_min"] is None and told["max_min_at_least"] is not None:
                most = f"at least {number(told['max_min_at_least'])}"
            rows.append((measure.upper(), most, *(number(told[key]) for key in columns[1:])))
        yield from _table(("rate", "max/min", "max/geomean", "mean |log10|", "Gini (corrected)"), rows)
        yield from (_differ(pair) for pair in found["pairs"] if pair["distinguishable"])
        if found["pairs"] and not any(pair["distinguishable"] for pair in found["pairs"]):
            yield "  no difference is distinguishable from sampling noise; that does not make the groups equal"
        for measure in ("fmr", "fnmr"):
            seen = [v["ratio"] for v in found["smallest_visible"] if v["measure"] == measure]
            if seen:
                least = [r for r in seen if r is not None]
                says = f"from {number(min(least), 3)} times" if least else "at all"
                cannot = " (not every group)" if least and len(least) < len(seen) else ""
                could = "would be seen" if least else "could not be seen"
                yield f"  a difference in {measure.upper()} {could} {says}{cannot}"


def _differ(pair: Json) -> str:
    a, b = (f"{plain(pair[side])} ({number(pair[f'rate_{side}'])})" for side in ("a", "b"))
    p = number(pair["adjusted_p"], 2)
    return f"  {pair['measure'].upper()} of {a} and {b} differ beyond sampling noise (adjusted p {p})"


def _searches(result: Json) -> Iterator[str]:
    found = result["identification"]
    if not found:
        return
    yield ""
    yield (
        f"searches of {found['database_size']:,} references: {found['searches_mated']:,} with an enrolled mate, "
        f"{found['searches_non_mated']:,} without; lists of {found['list_length']:,}"
    )
    rows = [
        (number(r["threshold"], 6), _counted(r["fpir"]), _counted(r["fnir"]), number(r["selectivity"]))
        for r in found["rates"]
    ]
    yield from _table(("T", "FPIR", "FNIR", "selectivity"), rows)
    ties = found["ties"]
    ranks = [(str(r["rank"]), _counted(r["rate"])) for r in found["ranks"] if r["ties"] == ties]
    yield from _table((f"rank (ties: {ties})", "mate at this rank or better"), ranks)


def _attacks(result: Json) -> Iterator[str]:
    found = result["attack_detection"]
    if not found:
        return
    n = found["presentations"]
    yield ""
    yield f"attack detection: {n['bona_fide']:,} bona fide and {n['attacks']:,} attack presentations"
    rows = [
        (
            plain(row["name"]),
            plain(row["attack_potential"]),
            number(row["threshold"], 6),
            _counted(row["bpcer"]) + ("" if row["measurable"] else " (too few attacks to measure)"),
        )
        for row in found["bpcer_at"]
    ]
    yield from _table(("rate", "attack potential", "T", "BPCER"), rows)


def _calibration(result: Json) -> Iterator[str]:
    told = result["calibration"]
    if not told:
        return
    held = told["check"]
    yield ""
    yield (
        f"calibration: log10 LR = {number(told['slope'])} * score + {number(told['intercept'])}, between "
        f"{number(told['bounds'][0])} and {number(told['bounds'][1])} (resting on {told['bounds_rest_on']['what']})"
    )
    if held:
        says = "holds" if held["holds"] else "does NOT hold"
        yield f"  checked on {held['split']} left out: Cllr {number(held['cllr'])}; it {says}"
    else:
        yield "  it could not be checked: no statement may rest on it"


def _warnings(result: Json) -> Iterator[str]:
    if result["warnings"]:
        yield ""
        yield "mind"
        yield from (f"  - {plain(each)}" for each in result["warnings"])


def _whole(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns aligned: the first to the left, the others to the right."""
    if not rows:
        return
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    for row in (columns, *rows):
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        yield "  " + "  ".join(cells).rstrip()
