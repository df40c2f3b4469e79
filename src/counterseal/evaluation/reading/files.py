"""Open a file of scores: what it must be before anybody looks for scores in it.

Text is UTF-8, with or without a byte order mark, plain or in gzip, or the one file inside a tar.gz (which is read as a
stream and never unpacked onto the disk). What gzip may grow to is bounded.
"""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from counterseal.evaluation.reading.faults import fault

LARGEST_UNPACKED = 16 << 30
"""Bytes that a gzip file may grow to: 1e8 pairs with names take about half of it."""

_CHUNK = 1 << 22
_OTHER_KINDS = (
    (b"\x89HDF", "an HDF5 file", "write its arrays as text, one score a line, or as Parquet"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "save the sheet as CSV (UTF-8)"),
    (b"PAR1", "a Parquet file", "read it with the format `parquet`"),
    (b"\x89PNG", "a picture", "scores are needed, not a plot of them"),
    (b"%PDF", "a PDF document", "scores are needed, not a report about them"),
    (b"\xff\xd8\xff", "a picture", "scores are needed, not a plot of them"),
)
_MARKS = (b"\xff\xfe", b"\xfe\xff")


def must_be_file(path: Path) -> None:
    """Refuse what is missing, a folder or empty."""
    if path.is_dir():
        raise fault(path, "this is a folder", "name one file of scores")
    if not path.is_file():
        raise fault(path, "there is no such file", "check the name and the folder you are in")
    if not path.stat().st_size:
        raise fault(path, "the file is empty", "write the scores again; nothing was read")


def opening(path: Path, size: int = 64) -> bytes:
    """The first bytes of a file, unpacked if it is gzip."""
    must_be_file(path)
    with _stream(path) as stream:
        return stream.read(size)


@contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a text file from its beginning, without a byte order mark.

    Raises EvaluationInputError for a missing file, a folder, an empty file, a file of another kind, UTF-16.
    """
    start = opening(path)
    if not start:
        raise fault(path, "the file is empty", "write the scores again; nothing was read")
    for magic, kind, remedy in _OTHER_KINDS:
        if start.startswith(magic):
            raise fault(path, f"this is {kind}", remedy)
    if start.startswith(_MARKS) or b"\0" in start[:4]:
        raise fault(path, "the text is in UTF-16 or UTF-32", "save it as UTF-8")
    with _stream(path) as stream:
        if start.startswith(b"\xef\xbb\xbf"):
            stream.read(3)
        yield stream


@contextmanager
def open_words(path: Path) -> Iterator[BinaryIO]:
    """The same for text whose columns are set apart by spaces or tabs: one space between two words is left."""
    with open_text(path) as stream, io.BufferedReader(_OneSpace(stream), _CHUNK) as words:
        yield words


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a text file, decoded one by one; refuses the first that is not UTF-8. LF, CRLF or CR ends a line."""
    row = 0
    with open_text(path) as stream:
        for line in io.BufferedReader(_Raw(stream), _CHUNK):
            for piece in line.rstrip(b"\r\n").split(b"\r"):
                row += 1
                try:
                    yield piece.decode("utf-8") + "\n"
                except UnicodeDecodeError:
                    raise fault(path, "the text is not UTF-8", "save it as UTF-8", row=row) from None


def first_line(path: Path) -> str:
    """The first line that is not blank, without its end."""
    for line in text_lines(path):
        if line.strip():
            return line.rstrip("\r\n")
    raise fault(path, "there are only blank lines", "write the scores again; nothing was read")


@contextmanager
def _stream(path: Path) -> Iterator[BinaryIO]:
    """The file, unpacked if it is gzip or a tar.gz of one file."""
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        if not packed:
            yield plain
            return
        with io.BufferedReader(_Unpacked(path, gzip.GzipFile(fileobj=plain)), _CHUNK) as unpacked:
            if unpacked.peek(512)[257:262] != b"ustar":
                yield unpacked
                return
            yield from _inside(path, unpacked)


def _inside(path: Path, unpacked: BinaryIO) -> Iterator[BinaryIO]:
    """The one regular file of an archive, as a stream."""
    try:
        with tarfile.open(fileobj=unpacked, mode="r|") as archive:
            first = archive.next()
            inner = archive.extractfile(first) if first is not None and first.isreg() else None
            if inner is None:
                raise fault(path, "the archive does not begin with a file", "unpack it, and name the file")
            yield inner  # type: ignore[misc]
            if archive.next() is not None:
                raise fault(path, "the archive holds more than one file", "unpack it, and name one file")
    except tarfile.TarError:
        raise fault(path, "the archive is damaged", "fetch or pack it again") from None


class _Raw(io.RawIOBase):
    """A stream that others read through a buffer, and that stays open when they are done."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._take(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _take(self, size: int) -> bytes:
        return self._stream.read(size)


class _Unpacked(_Raw):
    """What gzip unpacks to, up to the bound, with its damage told."""

    def __init__(self, path: Path, stream: gzip.GzipFile) -> None:
        super().__init__(stream)  # type: ignore[arg-type]
        self._path, self._seen = path, 0

    def _take(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except (OSError, EOFError, zlib.error):
            raise fault(self._path, "the gzip file is damaged", "fetch or pack it again") from None
        self._seen += len(data)
        if self._seen > LARGEST_UNPACKED:
            raise fault(
                self._path, f"it unpacks to more than {LARGEST_UNPACKED} bytes", "write it as Parquet"
            )
        return data


class _OneSpace(_Raw):
    """Runs of spaces and tabs become one space; those at either end of a line go."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self._left = self._ready = b""

    def _take(self, size: int) -> bytes:
        while not self._ready:
            chunk = self._stream.read(_CHUNK)
            whole, end, rest = (self._left + chunk).rpartition(b"\n")
            if not chunk:
                whole, end, rest = self._left, b"", b""
            self._left = rest
            if not chunk and not whole:
                return b""
            self._ready = re.sub(rb" ?(?:\r\n|\r|\n) ?", b"\n", re.sub(rb"[ \t]+", b" ", whole + end)).lstrip(
                b" "
            )
            if not chunk:
                self._ready = self._ready.rstrip(b" \r")
        data, self._ready = self._ready[:size], self._ready[size:]
        return data
