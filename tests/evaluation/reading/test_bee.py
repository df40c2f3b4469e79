"""Binary matrices and their masks."""

import struct
from pathlib import Path

import numpy as np
import pytest

from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.reading import read, read_comparisons

SCORES = np.array([[0.9, 0.1, 0.2], [0.3, 0.8, 0.4]], np.float32)
MASK = np.array([[0xFF, 0x7F, 0x00], [0x7F, 0xFF, 0x7F]], np.uint8)


def header(kind: str, shape: tuple[int, ...], *, order: str = "<", letter: str = "S") -> bytes:
    text = f"{letter}2\nreferences.lst\nprobes.lst\nM{kind} {shape[0]} {shape[1]} "
    return text.encode() + struct.pack(order + "I", 0x12345678) + b"\n"


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "scores.mtx"
    path.write_bytes(header("F", SCORES.shape) + SCORES.tobytes())
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    path = tmp_path / "scores.mask"
    path.write_bytes(header("B", MASK.shape) + MASK.tobytes())
    return path


@pytest.mark.parametrize("order", ["<", ">"])
def test_are_read(matrix: Path, mask: Path, order: str) -> None:
    matrix.write_bytes(header("F", SCORES.shape, order=order) + SCORES.astype(order + "f4").tobytes())

    reading = read(matrix, format="matrix", direction="similarity", mated_file=mask, samples=True)

    assert np.array_equal(reading.comparisons.scores, SCORES.ravel()[[0, 1, 3, 4, 5]])
    assert reading.comparisons.mated.tolist() == [True, False, False, True, False]
    assert reading.left_out == {"comparisons the mask leaves out": 1}
    assert reading.rows == 6
    assert reading.comparisons.subjects == ()
    assert reading.probes is not None
    assert reading.probes.codes.tolist() == [0, 0, 1, 1, 1]


def test_of_distances_are_oriented(matrix: Path, mask: Path) -> None:
    matrix.write_bytes(header("F", SCORES.shape, letter="D") + SCORES.tobytes())

    c = read_comparisons(matrix, format="matrix", direction="dissimilarity", mated_file=mask)

    assert c.scores[0] == -np.float32(0.9)


def refusal(matrix: Path, mask: Path | None, direction: str = "similarity") -> str:
    with pytest.raises(EvaluationInputError) as refused:
        read(matrix, format="matrix", direction=direction, mated_file=mask)
    return str(refused.value)


def test_are_refused(matrix: Path, mask: Path) -> None:
    assert "nothing tells which comparisons are mated" in refusal(matrix, None)
    assert "the file says that its scores are `similarity`, not `dissimilarity`" in refusal(
        matrix, mask, "dissimilarity"
    )
    assert "no mask" in refusal(matrix, matrix)
    assert "no matrix" in refusal(mask, mask)


def test_with_another_size_are_refused(matrix: Path, mask: Path) -> None:
    whole = matrix.read_bytes()
    matrix.write_bytes(whole[:-1])
    assert "its header tells 2 x 3 cells, and 23 bytes follow" in refusal(matrix, mask)

    matrix.write_bytes(header("F", (10**9, 10**9)) + SCORES.tobytes())
    assert "it was cut off or is damaged" in refusal(matrix, mask)

    matrix.write_bytes(whole)
    mask.write_bytes(header("B", (3, 2)) + MASK.tobytes())
    assert "the mask has (3, 2) cells and the matrix (2, 3)" in refusal(matrix, mask)


def test_with_bad_cells_are_refused(matrix: Path, mask: Path) -> None:
    bad = SCORES.copy()
    bad[1, 2] = np.nan
    matrix.write_bytes(header("F", SCORES.shape) + bad.tobytes())
    assert "row 2: the score in column 3 is nan" in refusal(matrix, mask)

    other = MASK.copy()
    other[0, 1] = 3
    mask.write_bytes(header("B", MASK.shape) + other.tobytes())
    assert "row 1: the mask has the byte 0x03 in column 2" in refusal(matrix, mask)

    mask.write_bytes(header("B", MASK.shape) + (MASK * 0 + 0x7F).tobytes())
    matrix.write_bytes(header("F", SCORES.shape) + SCORES.tobytes())
    assert "0 of 6 comparisons are mated" in refusal(matrix, mask)


def test_without_their_order_of_bytes_are_refused(matrix: Path, mask: Path) -> None:
    matrix.write_bytes(matrix.read_bytes().replace(b"\x78\x56\x34\x12", b"abcd"))

    assert "row 4: its header does not tell the order of bytes" in refusal(matrix, mask)
