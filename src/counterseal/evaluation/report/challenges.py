"""Sections H and I: what harder pictures and deliberate attacks do to the error rates."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from counterseal.evaluation.report import measured, plots
from counterseal.evaluation.report.blocks import Block, Figure, Note, Table, facts, rates
from counterseal.evaluation.report.documents import Documents
from counterseal.evaluation.report.measured import KEPT, Measured, target
from counterseal.evaluation.report.plots import Dot
from counterseal.evaluation.report.text import at as at_words
from counterseal.evaluation.report.text import number, plain

Row = Mapping[str, Any]
DRAWN = 0.5
"""The fraction up to which error against discard is drawn: beyond it few pairs are left, and nobody discards them."""


def robustness(d: Documents) -> Iterator[Block]:
    """H: error against discard by quality, and what nobody varied."""
    told = d.result.get("quality")
    if told:
        yield from _discard(told, list(measured.quality(d.result)))
    else:
        yield Note("Not tested: error against discard by quality (EDC).", "absent")
    yield Note(
        "Not tested: pose, masks and glasses, years between pictures, twins and people who look alike, resolution. "
        "Rates above hold for the images of section B and no others.",
        "absent",
    )


def _discard(told: Row, found: Sequence[Measured]) -> Iterator[Block]:
    """Whether low quality foretells errors, and whom one quality threshold for all would turn away."""
    yield facts([(plain(k).replace("_", " ").capitalize(), v) for k, v in told.items() if k != "discard"])
    curves = told.get("discard") or ()
    yield Figure(
        plots.curves(
            "discard",
            "False non-match rate of the rest against the fraction of mated pairs discarded for low quality",
            [plots.Series(target(c["target_fmr"]), *_staircase(c.get("curve") or ())) for c in curves],
            x_says="fraction of mated pairs discarded",
            y_says="false non-match rate of the rest",
            marks=False,
            tall=340,
        ),
        "Error against discard (EDC), at thresholds set before anything was discarded, drawn up to a half. Where the "
        "curve stays level, quality foretells nothing.",
    )
    yield rates(
        "False non-match rate of the rest, after discarding pairs of the lowest quality",
        "fraction discarded",
        [(f"{m.measure}, {m.item}", m) for m in found if m.measure.startswith(KEPT) and not m.group],
    )
    points = [m for m in found if m.measure.startswith("discard point")]
    yield rates(
        "Points of error against discard",
        "point",
        [(f"{m.measure}, {m.item}", m) for m in points],
        folded=True,
    )
    yield Table(
        "Area under error against discard, beside the ideal curve and that of discarding at random (level)",
        ("area", "value"),
        [[f"{m.measure}, {m.item}", number(m.rate)] for m in found if m.measure.startswith("area")],
        frozenset({1}),
    )
    by_group = [m for m in found if m.group]
    if by_group:
        yield rates(
            "Each group under one quality threshold for everybody: pairs lost, and FNMR of the rest",
            "group",
            [(f"{m.group}, {m.measure}, {m.item}", m) for m in by_group],
            folded=len(by_group) > 18,
        )
        yield Note(
            "A quality threshold that turns one group away more often is a difference, whatever it does to FNMR."
        )
    else:
        yield Note("Not tested: error against discard by group.", "absent")


def _staircase(points: Sequence[Row]) -> tuple[list[tuple[float, float]], list[tuple[float, float, float]]]:
    """The steps as points of a curve, and their band."""
    line: list[tuple[float, float]] = []
    band: list[tuple[float, float, float]] = []
    points = [p for p in points if p["fraction"] <= DRAWN]
    ends = [*(p["fraction"] for p in points[1:]), points[-1]["fraction"]] if points else []
    for p, end in zip(points, ends, strict=True):
        line += [(p["fraction"], p["fnmr"]), (end, p["fnmr"])]
        band += [(x, p["fnmr_low"], p["fnmr_high"]) for x in (p["fraction"], end)]
    return line, band


def attacks(d: Documents) -> Iterator[Block]:
    """I: presentation attacks by species. No mean of the two error rates stands here: it is not in the standard."""
    told = d.result.get("attack_detection")
    if not told:
        yield Note("Not tested: presentation attacks (masks, printed or shown pictures).", "absent")
        return
    shown = told.get("presentations") or {}
    yield facts(
        [
            ("Bona fide presentations", shown.get("bona_fide")),
            ("Attack presentations", shown.get("attacks")),
            ("Species of attack instruments", [plain(s["species"]) for s in told.get("species") or ()]),
        ]
    )
    found = list(measured.attack_detection(d.result))
    for i, t in enumerate(told.get("thresholds") or ()):
        at = t.get("threshold")
        rows = [m for m in found if m.threshold == at and m.measure == "APCER"]
        yield Figure(
            plots.bars(
                f"pad{i}",
                f"Attack presentation classification error rate of each species at threshold {at_words(at)}",
                "APCER",
                [Dot(m.group, 0, m.errors, m.trials, m.rate, m.low, m.high) for m in rows],
            ),
            f"How often attacks of each species pass, at T {at_words(at)}.",
        )
        few = {
            k: "fewer than 30 errors"
            for k, each in enumerate(t.get("apcer") or ())
            if each.get("enough") is False
        }
        both = rows + [m for m in found if m.threshold == at and m.group == "bona fide"]
        yield rates(
            f"Attacks that pass (APCER, by species and attack potential) and people refused, T {at_words(at)}",
            "rate",
            [(f"{m.measure}, {m.group}", m) for m in both],
            flags=few,
        )
        worst = [f"{plain(w['species'])} ({plain(w.get('attack_potential'))})" for w in t.get("worst") or ()]
        if worst:
            yield Note(
                "The species that passes most often, for each attack potential: " + "; ".join(worst) + "."
            )
    if not told.get("thresholds"):
        yield Note("Not told: the threshold at which attack detection is used.", "absent")
    rest = [m for m in found if m.measure.startswith("BPCER") and m.measure != "BPCER"]
    if rest:
        yield rates(
            "People refused (BPCER) where every species is held to an APCER",
            "rate",
            [(f"{m.measure}, {m.group}, {m.item}, T {at_words(m.threshold)}", m) for m in rest],
        )
    silent = [m for m in found if m.measure in ("APNRR", "BPNRR")]
    if silent:
        yield rates(
            "Presentations without a response", "rate", [(f"{m.measure}, {m.group}", m) for m in silent]
        )
    crossing = [m for m in found if m.measure.startswith("D-EER")]
    if crossing:
        yield Table(
            "Where APCER of a species and BPCER meet (D-EER)",
            ("species", "value"),
            [[f"{m.group}, {m.measure}", number(m.rate)] for m in crossing],
            frozenset({1}),
        )
    full = [m for m in found if m.item == "full system"]
    if full:
        yield rates(
            "The full system: attacks accepted as the person attacked",
            "rate",
            [(f"{m.measure}, {m.group}", m) for m in full],
        )
    else:
        yield Note("Not tested: attacks on the full system (IAPAR).", "absent")
