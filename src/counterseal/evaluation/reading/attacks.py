"""Presentations of a test of attack detection, one a row.

Columns: `species` (of the attack instrument; empty for a bona fide presentation) and `score` of the detection
subsystem; where told, `attack_potential`, `failure` (why there was no response: then the score is empty), and
`accepted` (1 or 0: the full system accepted the presentation as the person claimed).
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from counterseal.evaluation.attack_detection import BONA_FIDE, NOT_STATED, PresentationAttempts
from counterseal.evaluation.comparisons import Direction, EvaluationInputError
from counterseal.evaluation.reading.assemble import MATED, NON_MATED
from counterseal.evaluation.reading.faults import fault, listed
from counterseal.evaluation.reading.numbers import read_cells
from counterseal.evaluation.reading.table import DELIMITERS, heading, named_rows

COLUMNS = ("species", "score")
OPTIONAL = ("attack_potential", "failure", "accepted")


def read_attacks(path: Path, *, direction: Direction | str) -> PresentationAttempts:
    """Presentations as a file tells them.

    direction: `similarity` where higher scores are bona fide, `dissimilarity` where higher scores are attacks.
    Raises EvaluationInputError with the row of whatever contradicts itself.
    """
    direction = Direction(direction)
    delimiter = max(DELIMITERS, key=lambda d: len(heading(path, d)))
    found = heading(path, delimiter)
    if missing := [name for name in COLUMNS if name not in found]:
        what = f"there is no column {listed(missing)}"
        raise fault(path, what, f"the columns are {', '.join((*COLUMNS, *OPTIONAL))}", row=1)
    code: dict[str, int] = {}
    potentials: list[str] = []
    species_of, scores, reasons, accepted, rows = [], [], [], [], []
    for row, cell in named_rows(path, delimiter, (*COLUMNS, *OPTIONAL)):
        species, potential = cell["species"], cell.get("attack_potential", "")
        if not species and potential:
            what = f"a bona fide presentation has the attack potential `{potential}`"
            raise fault(path, what, "name the species, or leave the potential empty", row=row)
        if species and species not in code:
            code[species] = len(code)
            potentials.append(potential or NOT_STATED)
        before, here = potentials[code[species]] if species else "", potential or NOT_STATED
        if species and before != here:
            what = f"species `{species}` has the attack potential `{here}`, and before it had `{before}`"
            raise fault(path, what, "one species, one potential", row=row)
        species_of.append(code.get(species, BONA_FIDE))
        scores.append(cell["score"])
        reasons.append(cell.get("failure", ""))
        rows.append(row)
        if "accepted" in found:
            accepted.append(_flag(path, cell["accepted"], row))
    numbers = read_cells(pa.array(scores, pa.string()), pa.array(reasons, pa.string()), frozenset())
    if numbers.wrong is not None:
        raise fault(path, numbers.why, numbers.remedy, row=rows[numbers.wrong])
    oriented = direction.oriented(numbers.scores)
    try:
        return PresentationAttempts(
            np.where(np.isnan(oriented), -np.inf, oriented),
            np.array(species_of, np.int16),
            tuple(code),
            tuple(potentials),
            direction,
            np.array(accepted, np.bool_) if "accepted" in found else None,
        )
    except EvaluationInputError as wrong:
        raise EvaluationInputError(f"`{path.name}`: {wrong}") from None


def _flag(path: Path, word: str, row: int) -> bool:
    """The cell `accepted`, in the words of the column `mated`."""
    if word.lower() in MATED:
        return True
    if word.lower() in NON_MATED:
        return False
    raise fault(
        path, f"`{word}` does not tell whether the presentation was accepted", "write 1 or 0", row=row
    )
