"""Searches among many, a part of section F: errors by threshold, ranks, what reviewers never see, growth."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from counterseal.evaluation.report import measured, plots
from counterseal.evaluation.report.blocks import Block, Figure, Heading, Note, Table, facts, rates
from counterseal.evaluation.report.documents import Documents
from counterseal.evaluation.report.measured import GROWS, MISS_RATE, SELECTIVITY, WITHIN, Measured
from counterseal.evaluation.report.text import at, number, plain

Row = Mapping[str, Any]
FOLDED = 18


def searches(d: Documents) -> Iterator[Block]:
    """Everything about searches, or that none were tested."""
    yield Heading("Searches among many")
    told = d.result.get("identification")
    if not told:
        yield Note(
            "Not tested: searches among many people (FPIR, FNIR, ranks, miss rate). Rates of single comparisons do not "
            "say how often a search puts forward somebody else.",
            "absent",
        )
        return
    yield facts(
        [
            ("Entries in the reference database (N)", told.get("database_size")),
            ("Searches for somebody who is in it", told.get("searches_mated")),
            ("Searches for somebody who is not", told.get("searches_non_mated")),
            ("How those were made", told.get("without_a_mate")),
            ("Searches that failed", told.get("searches_failed")),
            ("Most searches with pictures of one person", told.get("searches_of_one_person_at_most")),
            ("Length of the candidate list (R)", told.get("list_length")),
        ]
    )
    found = list(measured.identification(d.result))
    yield from _thresholds(told, found)
    yield from _ranks(told, found)
    misses = [m for m in found if m.measure == MISS_RATE]
    if misses:
        yield rates(
            "Miss rate: the person sought is in the database, and not in the list that reviewers see",
            "list",
            [(m.item, m) for m in misses],
        )
    else:
        yield Note("Not tested: the miss rate at the list length shown to reviewers.", "absent")
    yield from _growth(told, found)


def _thresholds(told: Row, found: Sequence[Measured]) -> Iterator[Block]:
    counted = [m for m in found if m.measure in ("FPIR", "FNIR") and m.trials is not None]
    points = {
        n: sorted((r["fpir"]["rate"], r["fnir"]["rate"]) for r in rows if _both(r))
        for n, rows in _by_length([*(told.get("rates") or ()), *(told.get("lights_out") or ())]).items()
    }
    curve = told.get("curve") or ()
    series = [
        plots.Series(f"at these thresholds, list of {plain(n)}", p, joined=False)
        for n, p in points.items()
        if p
    ]
    if curve:
        line = plots.Series(
            f"list of {plain(told.get('list_length'))}", [(p["fpir"], p["fnir"]) for p in curve]
        )
        series = [line, *series]
    if series:
        yield Figure(
            plots.curves(
                "searches",
                "False negative against false positive identification rate",
                series,
                x_says="false positive identification rate (log)",
                y_says="false negative identification rate (log)",
                x_log=True,
                y_log=True,
                unmarked=1 if curve else 0,
            ),
            "Searches: how many come back with somebody else, against how many miss the person sought.",
        )
    if curve:
        yield Table(
            "Points of the curve of searches",
            ("threshold", "FPIR", "FNIR"),
            [[at(p.get("threshold")), number(p["fpir"]), number(p["fnir"])] for p in curve],
            frozenset({0, 1, 2}),
            folded=True,
        )
    if counted:
        yield rates(
            "Searches: false positive (FPIR) and false negative (FNIR) identification rates",
            "rate",
            [(f"{m.measure}, {m.item}, T {at(m.threshold)}", m) for m in counted],
            folded=len(counted) > FOLDED,
        )
    chosen = [m for m in found if m.measure == SELECTIVITY]
    if chosen:
        yield Table(
            "Selectivity: mean number of other people returned by a search",
            ("list and threshold", "mean"),
            [[f"{m.item}, T {at(m.threshold)}", number(m.rate)] for m in chosen],
            frozenset({1}),
            folded=len(chosen) > FOLDED,
        )


def _both(r: Row) -> bool:
    return all(r.get(k) and r[k].get("rate") is not None for k in ("fpir", "fnir"))


def _by_length(rows: Sequence[Row]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for r in rows:
        found.setdefault(r.get("list_length"), []).append(r)
    return found


def _ranks(told: Row, found: Sequence[Measured]) -> Iterator[Block]:
    ranks = [x for x in told.get("ranks") or () if x.get("rate") and x["rate"].get("rate") is not None]
    if not ranks:
        yield Note("Not tested: ranks (CMC).", "absent")
        return
    yield Figure(
        plots.curves(
            "ranks",
            "Share of searches whose mate is within a rank",
            [
                plots.Series(
                    f"ties: the {plain(t)} rank",
                    sorted((x["rank"], x["rate"]["rate"]) for x in ranks if x.get("ties") == t),
                )
                for t in dict.fromkeys(x.get("ties") for x in ranks)
            ],
            x_says="rank",
            y_says="share of searches",
            tall=320,
        ),
        "Cumulative ranks (CMC), without a threshold.",
    )
    rows = [(f"{m.measure}, {m.item}", m) for m in found if m.measure.startswith(WITHIN)]
    yield rates(
        "Searches whose mate is within a rank (the count is of searches that found the mate)",
        "rank",
        rows,
        folded=len(rows) > FOLDED,
    )


def _growth(told: Row, found: Sequence[Measured]) -> Iterator[Block]:
    rows = told.get("growth") or ()
    if not rows:
        yield Note("Not tested: what happens as the reference database grows.", "absent")
        return
    thresholds = sorted({r["threshold"] for r in rows if isinstance(r.get("threshold"), int | float)})
    middle = thresholds[len(thresholds) // 2] if thresholds else None
    yield Figure(
        plots.curves(
            "growth",
            "Identification error rates as the reference database grows",
            [
                plots.Series(
                    f"{key.upper()}, {plain(method).partition(':')[0].partition(' (')[0]}",
                    sorted(
                        (r["database_size"], r[key])
                        for r in rows
                        if r.get("method") == method
                        and r.get("threshold") == middle
                        and r.get(key) is not None
                    ),
                )
                for key in ("fnir", "fpir")
                for method in dict.fromkeys(r.get("method") for r in rows)
            ],
            x_says="entries in the reference database (log)",
            y_says="rate",
            x_log=True,
            tall=320,
        ),
        f"What happens as the reference database grows, at T {at(middle)}.",
    )
    grown = [m for m in found if m.measure.endswith(GROWS)]
    yield Table(
        "Growth of the reference database",
        ("rate", "threshold", "value", "method"),
        [[f"{m.measure}, {m.item}", at(m.threshold), number(m.rate), m.method] for m in grown],
        frozenset({1, 2}),
        folded=len(grown) > FOLDED,
    )
