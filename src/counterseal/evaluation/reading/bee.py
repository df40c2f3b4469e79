"""The binary matrices of the Biometric Evaluation Environment: a header of text, then one number a cell.

Four lines: `S2` (similarity) or `D2` (distance), the name of the list of references, that of the list of probes, and
`MF <probes> <references> <byte order>`; then probes x references float32. A mask (`MB`) has one byte a cell: 0xff
mated, 0x7f non-mated, 0x00 not to be counted. The matrix names nobody, so no interval over people can be made.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from counterseal.evaluation.comparisons import Comparisons, Direction
from counterseal.evaluation.reading.assemble import NOT_ASKED, Options, Reading, Samples
from counterseal.evaluation.reading.faults import fault
from counterseal.evaluation.reading.files import must_be_file

_HEADER = 4096
_DIRECTIONS = {b"S2": Direction.SIMILARITY, b"D2": Direction.DISSIMILARITY}
_MATED, _NON_MATED, _NOT_COUNTED = 0xFF, 0x7F, 0x00


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The cells of one file, as they stand in it."""

    direction: Direction
    cells: npt.NDArray[Any]


def is_bee(start: bytes) -> bool:
    """Does a file that begins so hold such a matrix."""
    return start[:3] in (b"S2\n", b"D2\n", b"S2\r", b"D2\r")


def read_bee(path: Path, options: Options, *, mask: Path | None, samples: bool = False) -> Reading:
    """A matrix of scores and its mask as comparisons, row after row."""
    if mask is None:
        raise fault(
            path, "nothing tells which comparisons are mated", "name its mask as the file of mated pairs"
        )
    matrix, flags = _grid(path, b"F"), _grid(mask, b"B")
    if matrix.direction is not options.direction:
        what = f"the file says that its scores are `{matrix.direction}`, not `{options.direction}`"
        raise fault(path, what, "believe one of them")
    if matrix.cells.shape != flags.cells.shape:
        what = f"the mask has {flags.cells.shape} cells and the matrix {matrix.cells.shape}"
        raise fault(mask, what, "a mask belongs to one matrix")
    if (other := ~np.isin(flags.cells, (_MATED, _NON_MATED, _NOT_COUNTED))).any():
        row, column = (int(i) + 1 for i in np.argwhere(other)[0])
        what = f"the mask has the byte {flags.cells[row - 1, column - 1]:#04x} in column {column}"
        raise fault(mask, what, "it holds 0xff (mated), 0x7f (non-mated) or 0x00 (not counted)", row=row)
    asked = flags.cells != _NOT_COUNTED
    if (wrong := asked & ~np.isfinite(matrix.cells)).any():
        row, column = (int(i) + 1 for i in np.argwhere(wrong)[0])
        what = f"the score in column {column} is {matrix.cells[row - 1, column - 1]:g}"
        raise fault(path, what, "write the scores as pairs, with the reason of each failure", row=row)
    mated = flags.cells[asked] == _MATED
    if mated.all() or not mated.any():
        raise fault(
            mask, f"{int(mated.sum())} of {mated.size} comparisons are mated", "a test needs both kinds"
        )
    scores = options.direction.oriented(matrix.cells[asked].astype(np.float32))
    left_out = {NOT_ASKED: int((~asked).sum())} if not asked.all() else {}
    comparisons = Comparisons(scores, mated, options.direction)
    probes = references = None
    if samples:
        probe, reference = (axis.astype(np.int32) for axis in np.nonzero(asked))
        probes = Samples(tuple(str(i + 1) for i in range(asked.shape[0])), probe)
        references = Samples(tuple(str(i + 1) for i in range(asked.shape[1])), reference)
    return Reading(comparisons, "matrix", asked.size, left_out, probes, references)


def _grid(path: Path, kind: bytes) -> _Grid:
    """Header and cells; kind: `F` for scores, `B` for a mask."""
    must_be_file(path)
    with path.open("rb") as stream:
        lines = stream.read(_HEADER).split(b"\n", 4)
        head = [line.strip() for line in lines[:4]]
        form = head[3].split(b" ") if len(lines) == 5 else []
        known = len(form) == 4 and form[0] == b"M" + kind and form[1].isdigit() and form[2].isdigit()
        if head[0] not in _DIRECTIONS or not known:
            what = f"it is no {'mask' if kind == b'B' else 'matrix'} of the Biometric Evaluation Environment"
            raise fault(path, what, "it begins with S2 or D2, two names, and a line such as `MF 100 20 ...`")
        probes, references = int(form[1]), int(form[2])
        size = sum(len(line) + 1 for line in lines[:4])
        width = 1 if kind == b"B" else 4
        there = path.stat().st_size - size
        if there != probes * references * width:
            what = f"its header tells {probes} x {references} cells, and {there} bytes follow"
            raise fault(path, what, "it was cut off or is damaged; fetch it again")
        order = {struct.pack("<I", 0x12345678): "<", struct.pack(">I", 0x12345678): ">"}.get(form[3])
        if order is None:
            raise fault(path, "its header does not tell the order of bytes", "write it again", row=4)
        stream.seek(size)
        cells = np.frombuffer(stream.read(there), "u1" if kind == b"B" else order + "f4")
    return _Grid(_DIRECTIONS[head[0]], cells.reshape(probes, references))
