"""Section G: error rates group by group, and which differences are distinguishable from sampling noise.

Rates and their counts come first and stand beside every index; nothing is ranked by an index.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from counterseal.evaluation.report import measured, plots
from counterseal.evaluation.report.blocks import Block, Figure, Heading, Note, Table, rates, said
from counterseal.evaluation.report.documents import Documents
from counterseal.evaluation.report.measured import INDICES, JOINT, Measured, target
from counterseal.evaluation.report.plots import Dot
from counterseal.evaluation.report.text import between, count, number, plain

Row = Mapping[str, Any]
MOST_PAIRS = 30
_NAMES = {"fmr": "false match rate", "fnmr": "false non-match rate"}


def differences(d: Documents) -> Iterator[Block]:
    """Every grouping of the result, one after the other."""
    groups = d.result["groups"]
    names = list(dict.fromkeys(g["grouping"] for g in groups))
    if not any(g["evaluated"] for g in groups):
        yield Note("Not tested: differences between groups. No group could be evaluated.", "warning")
    else:
        yield Note(
            "An index sums up many rates in one number and can be best where a system fails everybody alike. So rates "
            "stand first here, every index stands under them, and none serves to rank systems. The measures are those "
            "used by NIST and in the literature."
        )
    for i, name in enumerate(names):
        of_it = [g for g in groups if g["grouping"] == name]
        yield Heading(f"By {plain(name)}")
        yield from _rates(f"g{i}", name, of_it)
        for j, matrix in enumerate(m for m in d.result["matrices"] if m["grouping"] == name):
            yield from _matrix(f"g{i}m{j}", matrix)
        found = [x for x in d.result["differentials"] if x["grouping"] == name]
        if not found:
            yield Note("Not tested: indices and pairs of groups.", "absent")
        for x in found:
            yield from _indices(x, of_it)
            yield from _pairs(x)
            yield from _visible(x)
    explained = d.result.get("quality")
    yield Note(
        "Not tested: whether years between pictures explain a difference, and comparison at equal quality. "
        + (
            "Error against discard by group is in section H."
            if explained
            else "Error against discard: not tested."
        ),
        "absent",
    )


def _rates(name: str, grouping: str, groups: Sequence[Row]) -> Iterator[Block]:
    seen = [g for g in groups if g["evaluated"]]
    absent = [plain(g["group"]) for g in groups if not g["evaluated"]]
    if absent:
        yield Note(
            "Not evaluated, because too little is known of them: "
            + "; ".join(
                f"{plain(g['group'])} ({plain(g.get('why_not'))})" for g in groups if not g["evaluated"]
            )
            + ". This test says nothing about them.",
            "warning",
        )
    if not seen:
        return
    targets = list(dict.fromkeys(t["target_fmr"] for g in seen for t in g["rates"]))
    for measure, says in _NAMES.items():
        drawn = [
            Dot(
                plain(g["group"]),
                targets.index(t["target_fmr"]),
                t.get(f"{measure}_count"),
                t.get(f"{measure}_trials", g.get("n_non_mated" if measure == "fmr" else "n_mated")),
                t.get(measure),
                *(t.get(f"{measure}_interval") or (None, None)),
            )
            for g in seen
            for t in g["rates"]
        ]
        yield Figure(
            plots.dots(
                f"{name}{measure}",
                f"{says.capitalize()} of each group by {plain(grouping)}, with intervals, on a log axis",
                f"{says} (log)",
                drawn,
                [target(t) for t in targets],
                absent,
            ),
            f"{says.capitalize()} by {plain(grouping)}, each group at everybody's threshold. An arrow to the left: "
            "the interval goes on beyond the axis.",
        )
        rows: list[tuple[str, Measured]] = []
        flags: dict[int, str] = {}
        for g in seen:
            for m, t in zip(measured.of_group(g), (t for t in g["rates"] for _ in _NAMES), strict=True):
                if m.measure == measure.upper():
                    if not t.get(f"enough_{measure}", True):
                        flags[len(rows)] = "fewer than 30 errors"
                    rows.append((f"{plain(g['group'])}, {m.item}", m))
        yield rates(
            f"{says.capitalize()} ({measure.upper()}) by {plain(grouping)}",
            "group and threshold",
            rows,
            flags=flags,
        )
    if len(targets) > 1:
        yield _at_thresholds(name, grouping, seen)


def _at_thresholds(name: str, grouping: str, seen: Sequence[Row]) -> Figure:
    """The threshold against the FMR that each group gets at it."""
    last = seen[0]["rates"][-1]["target_fmr"] if seen[0]["rates"] else None
    order = sorted(
        seen, key=lambda g: -next((t["fmr"] or 0 for t in g["rates"] if t["target_fmr"] == last), 0)
    )
    shown, left = order, 0
    if len(order) > plots.MOST_SERIES:
        half = plots.MOST_SERIES // 2
        shown, left = [*order[:half], *order[-half:]], len(order) - plots.MOST_SERIES
    drawing = plots.curves(
        f"{name}t",
        f"Threshold against the false match rate that each group gets at it, by {plain(grouping)}",
        [
            plots.Series(
                plain(g["group"]),
                sorted((t["fmr"] or 0.0, t["threshold"]) for t in g["rates"] if t["threshold"] is not None),
            )
            for g in shown
        ],
        x_says="false match rate (log)",
        y_says="threshold",
        x_log=True,
        tall=320,
    )
    more = f" Drawn are the {len(shown)} groups at the two ends; {left} lie between." if left else ""
    says = (
        f"What one threshold gives each group by {plain(grouping)}: points at one height belong to one threshold. A "
        "group without any false match at a threshold has no point there."
    )
    return Figure(drawing, says + more)


def _matrix(name: str, matrix: Row) -> Iterator[Block]:
    labels = [plain(label) for label in matrix["labels"]]
    item = f"{plain(matrix['grouping'])}, {target(matrix['target_fmr'])}"
    cells = list(measured.of_matrix(matrix))
    n = len(labels)
    if n <= plots.MOST_CELLS:
        yield Figure(
            plots.heat_map(name, matrix),
            f"log10 of the false match rate between groups, {item}. Lighter cells are rarer errors; "
            "−3 is 1 in 1,000.",
        )
        yield Table(
            f"False match rate between groups, {item}: errors / trials, rate",
            ("probe \\ reference", *labels),
            [[label, *(_cell(m) for m in cells[i * n : (i + 1) * n])] for i, label in enumerate(labels)],
            frozenset(range(1, n + 1)),
            wide="" if n < 5 else "dense" if n <= 8 else "sideways",
        )
        return
    highest = sorted((m for m in cells if m.rate), key=lambda m: -(m.rate or 0))[:20]
    yield rates(
        f"False match rate between groups, {item}: the {len(highest)} highest of {n * n} pairs; all are in result.csv",
        "probe × reference",
        [(m.group, m) for m in highest],
    )


def _cell(m: Measured) -> str:
    return f"{count(m.errors)} / {count(m.trials)}, {number(m.rate)}" if m.trials else "none"


def _indices(found: Row, groups: Sequence[Row]) -> Iterator[Block]:
    item = f"{plain(found['grouping'])}, {target(found['target_fmr'])}"
    rows = []
    for words, pick in (("highest rate of a group", max), ("lowest rate of a group", min)):
        rows.append([words, *(_extreme(pick, m, found, groups) for m in _NAMES), "counted"])
    for key, formula in INDICES.items():
        values = [found[m].get(key) for m in _NAMES]
        if key == "max_min_at_least" and values == [None, None]:
            continue
        rows.append([key.replace("_", " ").replace("max min", "max/min"), *map(number, values), formula])
    yield Table(
        f"Indices under the rates they sum up: {item}, {plain(found.get('non_mated_rule'))}",
        ("index", "FMR", "FNMR", "how it is made"),
        rows,
        frozenset({1, 2}),
    )
    joint = found.get("joint") or {}
    if any(joint.get(key) is not None for key in JOINT):
        yield Table(
            f"Indices over both rates, α = {number(joint.get('alpha'))}: {item}",
            ("index", "value", "how it is made"),
            [
                [key.upper(), number(joint.get(key)), formula.partition(" = ")[2]]
                for key, formula in JOINT.items()
            ],
            frozenset({1}),
        )


def _extreme(pick: Any, measure: str, found: Row, groups: Sequence[Row]) -> str:
    at = [
        (t[measure], plain(g["group"]))
        for g in groups
        if g["evaluated"]
        for t in g["rates"]
        if t["target_fmr"] == found["target_fmr"] and t.get(measure) is not None
    ]
    if not at:
        return "not measured"
    rate, group = pick(at)
    return f"{number(rate)} ({group})"


def _pairs(found: Row) -> Iterator[Block]:
    item = f"{plain(found['grouping'])}, {target(found['target_fmr'])}"
    pairs = sorted(found["pairs"], key=lambda p: (not p.get("distinguishable"), p.get("adjusted_p") or 0))
    if not pairs:
        yield Note(f"Not tested: which groups differ beyond sampling noise (by {item}).", "absent")
        return
    apart = sum(bool(p.get("distinguishable")) for p in pairs)
    shown = pairs[: max(MOST_PAIRS, apart)]
    yield Note(
        f"By {item}: {apart} of {len(pairs)} differences are distinguishable from sampling noise. That the others are "
        "not does not show that groups are alike; only “alike within” a margin shows that."
    )
    yield Table(
        f"Pairs of groups: {item}"
        + (f" (first {len(shown)} of {len(pairs)})" if len(shown) < len(pairs) else ""),
        ("pair", "rates", "ratio", "interval", "difference", "interval", "p, adjusted", "finding"),
        [
            [
                f"{plain(p['measure']).upper()}: {plain(p['a'])} against {plain(p['b'])}",
                f"{number(p.get('rate_a'))} against {number(p.get('rate_b'))}",
                number(p.get("ratio")),
                between(p.get("ratio_interval")),
                number(p.get("difference")),
                between(p.get("difference_interval")),
                number(p.get("adjusted_p"), 3),
                finding(p),
            ]
            for p in shown
        ],
        frozenset({1, 2, 3, 4, 5, 6}),
        wide="dense",
    )


def alone(pair: Row) -> bool:
    """Whether the interval of the difference leaves 0 out, whatever the adjustment for many pairs says."""
    low, high = pair.get("difference_interval") or (None, None)
    return low is not None and high is not None and (low > 0 or high < 0)


def finding(pair: Row) -> str:
    """What a pair showed, in words."""
    words = "within noise"
    if pair.get("distinguishable"):
        words = "differs beyond noise"
    elif alone(pair):
        words = "beyond noise if it were the only pair; not among all that were compared"
    if pair.get("equivalent") is not None:
        margin = pair.get("margin")
        within = (
            f"a {margin['unit']} of {number(margin['at_most'])}"
            if isinstance(margin, Mapping)
            else said(margin)
        )
        words += f"; {'alike' if pair['equivalent'] else 'not shown alike'} within {within}"
    return words


def _visible(found: Row) -> Iterator[Block]:
    item = f"{plain(found['grouping'])}, {target(found['target_fmr'])}"
    rows = found.get("smallest_visible") or ()
    if not rows:
        yield Note(f"Not told: the smallest difference that this test could see ({item}).", "absent")
        return
    yield Table(
        f"The smallest difference that this test could see: {item}",
        ("rate and group", "ratio", "difference", "power"),
        [
            [
                f"{plain(v.get('measure')).upper()}, {plain(v.get('group'))}",
                number(v.get("ratio")),
                number(v.get("difference")),
                number(v.get("power")),
            ]
            for v in rows
        ],
        frozenset({1, 2, 3}),
    )
