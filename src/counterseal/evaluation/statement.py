"""What a comparison score says, in graded words, where a test of the very engine can carry them.

Two things stand beside each other, since neither is enough: how much more often a score like this one arose for two
photographs of one person than for photographs of two (the calibration of the test, cut to its bounds), and how many
other people a database of this size is expected to hold at such a score. No probability is told that two photographs
show the same person: that depends on everything else that is known, and is nobody's here.

The words follow the scale that the ENFSI Guideline for Evaluative Reporting in Forensic Science (2015) gives as its
example. Nothing is said where the test has no calibration, where its check did not hold, or where it measured scores
of another direction.
"""

import math
from collections.abc import Mapping
from typing import Any

from counterseal.evaluation.calibration import stated_log_lr

# log10 of the likelihood ratio from which the word is used
_SUPPORT = (
    (6.0, "extremely strong"),
    (4.0, "very strong"),
    (3.0, "strong"),
    (2.0, "moderately strong"),
    (1.0, "moderate"),
    (0.30103, "weak"),
)


def graded_statement(
    result: Mapping[str, Any], score: float, *, score_kind: str, searched: int
) -> str | None:
    """What `score` says, by the result document of a test; None where that test cannot carry a statement.

    score_kind: `similarity` or `dissimilarity`. searched: the references that were compared.
    """
    log_lr = stated_log_lr(result["calibration"], score)
    if log_lr is None or result["settings"]["direction"] != score_kind:
        return None
    edge = log_lr in result["calibration"]["bounds"]
    return f"{_ratio(log_lr, edge=edge)} {_others(result['det'], score, score_kind, searched)}"


def _ratio(log_lr: float, *, edge: bool) -> str:
    support = next((word for least, word in _SUPPORT if abs(log_lr) >= least), None)
    if support is None:
        return (
            "Scores like this one arose about as often for two photographs of one person as of two: "
            "the score favours neither."
        )
    explanation = "of one person" if log_lr > 0 else "of two people"
    other = "of two people" if log_lr > 0 else "of one person"
    further = ", or more often still, of which the test cannot speak" if edge else ""
    return (
        f"Scores like this one arose about {_rounded(10 ** abs(log_lr))} times as often for photographs {explanation} "
        f"as {other}{further}. Taken alone that is {support} support for photographs {explanation}."
    )


def _rounded(value: float) -> str:
    """Two digits that count, in plain figures."""
    digits = max(0, 1 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{float(f'{value:.2g}'):,.{digits}f}"


def _others(det: list[Mapping[str, Any]], score: float, score_kind: str, searched: int) -> str:
    """How many people other than the one sought are expected at this score or beyond, never fewer than seen."""
    beyond = [
        point
        for point in det
        if point["threshold"] is not None
        and (point["threshold"] <= score if score_kind == "similarity" else point["threshold"] >= score)
    ]
    if not beyond:
        return f"How many others among {searched:,} references reach it, the test cannot say."
    nearest = min(beyond, key=lambda point: abs(point["threshold"] - score))
    expected, most = (rate * searched for rate in (nearest["fmr"], nearest["fmr_high"]))
    return (
        f"Among {searched:,} references of people like those of the test, about {_rounded(expected)} other people "
        f"(at most {_rounded(most)}) are expected at this score or beyond."
    )
