"""Sections H and I: what harder pictures and deliberate attacks do to the error rates."""

from collections.abc import Iterator, Mapping
from typing import Any

from counterseal.evaluation.report import measured, plots
from counterseal.evaluation.report.blocks import Block, Figure, Note, Table, facts, rates
from counterseal.evaluation.report.documents import Documents
from counterseal.evaluation.report.plots import Dot
from counterseal.evaluation.report.text import number, plain

Row = Mapping[str, Any]


def robustness(d: Documents) -> Iterator[Block]:
    """H: error against discard by quality, and what nobody varied."""
    del d
    yield Note("Not tested: error against discard by quality (EDC).", "absent")
    yield Note(
        "Not tested: pose, masks and glasses, years between pictures, twins and people who look alike, resolution. "
        "Rates above hold for the images of section B and no others.",
        "absent",
    )


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
                f"Attack presentation classification error rate of each species at threshold {number(at, 6)}",
                "APCER",
                [Dot(m.group, 0, m.errors, m.trials, m.rate, m.low, m.high) for m in rows],
            ),
            f"How often attacks of each species pass, at T {number(at, 6)}.",
        )
        few = {
            k: "fewer than 30 errors"
            for k, each in enumerate(t.get("apcer") or ())
            if each.get("enough") is False
        }
        both = rows + [m for m in found if m.threshold == at and m.group == "bona fide"]
        yield rates(
            f"Attacks that pass (APCER, by species and attack potential) and people refused, T {number(at, 6)}",
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
            [(f"{m.measure}, {m.group}, {m.item}, T {number(m.threshold, 6)}", m) for m in rest],
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
