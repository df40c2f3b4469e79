"""From the text of a score cell to a number, or to a comparison that failed.

A number is written with a decimal point, as 0.5, -3 or 1e-4. A cell that holds one of the words of failure, or nothing
while the reason stands in the column `failure`, is a comparison that failed: it becomes -inf and is counted by its
reason. Everything else (NaN, infinities, other text) is refused.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from counterseal.evaluation.comparisons import Floats

FAILURE_WORDS = (
    "failed",
    "failure",
    "failure_to_acquire",
    "failure_to_enrol",
    "failure_to_extract",
    "failure_to_compare",
    "fta",
    "fte",
    "no_face",
)
"""Words that stand for a failed comparison in a score cell, in any case; a caller may tell more."""

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True, slots=True)
class Cells:
    """The score cells of one batch.

    scores: (n,) float64 as the file has them, NaN where the comparison failed. reasons: (n,) dictionary of reasons,
    null where it did not; None when none did. wrong: index of the first cell that is refused, else None; then scores
    hold nothing. why, remedy: about that cell.
    """

    scores: Floats
    reasons: pa.Array | None = None
    wrong: int | None = None
    why: str = ""
    remedy: str = ""


def read_cells(text: pa.Array, told: pa.Array | None, words: frozenset[str]) -> Cells:
    """Numbers and failures of these cells; told is the column `failure`, words the caller's own words of failure."""
    plain = not words and (told is None or not _any(pc.not_equal(told, "")))
    if plain:
        try:
            scores = pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
        else:
            if np.isfinite(scores).all():
                return Cells(scores)
    return _one_by_one_kind(text, told, words)


def _one_by_one_kind(text: pa.Array, told: pa.Array | None, words: frozenset[str]) -> Cells:
    """The same with failures and faults told apart."""
    n = len(text)
    text = pc.utf8_trim_whitespace(text)
    reason = pc.utf8_trim_whitespace(told) if told is not None else pa.repeat(pa.scalar(""), n)
    word = pc.is_in(pc.utf8_lower(text), pa.array(sorted(words | set(FAILURE_WORDS))))
    empty, reasoned = pc.equal(text, ""), pc.not_equal(reason, "")
    failed = pc.or_(word, pc.and_(empty, reasoned))
    number = pc.and_not(pc.match_substring_regex(text, _NUMBER), failed)
    bare = pc.replace_substring_regex(text, r"^\+", "")
    scores = pc.cast(pc.if_else(number, bare, None), pa.float64()).to_numpy(zero_copy_only=False)
    is_number = number.to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(
        ~(is_number | failed.to_numpy(zero_copy_only=False))
        | (is_number & (~np.isfinite(scores) | reasoned.to_numpy(zero_copy_only=False)))
    )
    if len(wrong):
        at = int(wrong[0])
        return Cells(scores, None, at, *_why(text[at].as_py(), reason[at].as_py()))
    reasons = pc.if_else(failed, pc.if_else(reasoned, reason, pc.utf8_lower(text)), None)
    return Cells(scores, reasons)


def _why(cell: str, reason: str) -> tuple[str, str]:
    """What is wrong with a cell that is refused, and the remedy."""
    failed = "a comparison that failed has an empty score and its reason in the column `failure`"
    match cell.lower().lstrip("+-"):
        case "":
            return "the score is empty and no reason is given", failed
        case "nan":
            return "the score is NaN", f"{failed}; if NaN stands for a failure in this file, say so"
        case "inf" | "infinity":
            return f"the score is infinite (`{cell}`)", failed
        case _ if pc.match_substring_regex(pa.array([cell]), _NUMBER)[0].as_py():
            if reason:
                return (
                    f"there is both a score (`{cell}`) and a failure (`{reason}`)",
                    "a comparison either has a score or failed: keep one",
                )
            return f"the score `{cell}` is larger than a number can be", "check whoever wrote it"
        case _ if "," in cell:
            return f"the score `{cell}` has a comma", "write numbers with a decimal point"
    return f"the score `{cell}` is not a number", f"{failed}; or say that this word stands for a failure"


def _any(flags: pa.Array) -> bool:
    """Is one of these set."""
    return bool(pc.any(flags).as_py())
