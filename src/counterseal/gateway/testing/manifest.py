"""The manifest of a test set: which image shows whom, in what part, of which groups.

A CSV file with a header: `image` (a path below the folder of images), `subject` (a number or another pseudonym;
never a name), `role` (`probe`, `reference` or `both`); and where they are known `session`, `captured` (a day such
as 2026-11-21), `quality` (a number of whoever made the set), `sha256` of the image, and one column for each
grouping that the plan names. Who a picture shows and which groups they are of is told here, and never inferred.

Everything that can be wrong with it is found before the first image is decoded.
"""

import csv
import hashlib
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path, PurePosixPath

from counterseal.gateway.testing.folder import sha256_of
from counterseal.terms.errors import BadInputError

MOST_BYTES = 512_000_000
_NEEDED = ("image", "subject", "role")
_KNOWN = (*_NEEDED, "session", "captured", "quality", "sha256")
_SHOWN = 5  # faults of one kind that an error names


class ManifestError(BadInputError):
    """The manifest, or the images it names, cannot be tested with; says in which rows, why and what to do."""


class Part(StrEnum):
    """What an image is in the test."""

    PROBE = "probe"
    REFERENCE = "reference"
    BOTH = "both"

    @property
    def is_probe(self) -> bool:
        """It is compared with references."""
        return self is not Part.REFERENCE

    @property
    def is_reference(self) -> bool:
        """It is compared with."""
        return self is not Part.PROBE


@dataclass(frozen=True, slots=True)
class Image:
    """One row. row: its line in the file, the header being 1. sha256: of the bytes found in the folder.
    groups: grouping -> label, empty where nobody told."""

    row: int
    name: str
    subject: str
    part: Part
    session: str
    captured: date | None
    quality: float | None
    sha256: str
    groups: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A test set whose images are all there. folder: of the images. sha256: of the manifest's own bytes."""

    folder: Path
    images: tuple[Image, ...]
    groupings: tuple[str, ...]
    sha256: str

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everybody, in the order in which they come."""
        return tuple(dict.fromkeys(i.subject for i in self.images))

    def path(self, image: Image) -> Path:
        """Where it lies."""
        return self.folder / image.name


def read_manifest(file: Path, folder: Path, *, groupings: Mapping[str, Sequence[str]]) -> Manifest:
    """Read a manifest and check it against the images. Each image is hashed, none is decoded.

    groupings: what the plan tells people apart by, each with its labels; every one is a column.

    Raises:
        ManifestError: anything in it that a test could not be made with.
    """
    data = _bytes_of(file)
    if not folder.is_dir():
        raise ManifestError(f"`{folder}` is no folder; name the folder that holds the images")
    root = folder.resolve()
    images = tuple(_rows(data, file.name, groupings, root))
    _check_whole(images, file.name)
    return Manifest(root, images, tuple(groupings), hashlib.sha256(data).hexdigest())


def _bytes_of(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise ManifestError(f"there is no manifest `{file}`; check the path")
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ManifestError(f"manifest `{file}` cannot be read: {error}; check the path") from error
    if len(data) > MOST_BYTES:
        raise ManifestError(f"manifest `{file.name}` is larger than {MOST_BYTES // 1_000_000} MB")
    if (at := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise ManifestError(f"manifest `{file.name}`, row {line}: a NUL byte; save it as CSV in UTF-8")
    return data


def _rows(data: bytes, name: str, groupings: Mapping[str, Sequence[str]], root: Path) -> Iterator[Image]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"manifest `{name}`, row {line}: no UTF-8; save it as CSV in UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        _check_header(header, name, groupings)
        for cells in reader:
            at = f"manifest `{name}`, row {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise ManifestError(f"{at}: {len(cells)} cells; the header has {len(header)} columns")
            row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            yield _image(row, reader.line_num, at, groupings, root)
    except csv.Error as error:
        raise ManifestError(f"manifest `{name}`, row {reader.line_num}: no CSV: {error}") from error


def _check_header(header: Sequence[str], name: str, groupings: Mapping[str, Sequence[str]]) -> None:
    at = f"manifest `{name}`, row 1"
    if twice := [column for column, n in Counter(header).items() if n > 1]:
        raise ManifestError(f"{at}: column `{twice[0]}` is there {header.count(twice[0])} times; keep one")
    if missing := [column for column in _NEEDED if column not in header]:
        raise ManifestError(
            f"{at}: column `{missing[0]}` is missing; a manifest begins with a header of"
            f" {', '.join(_NEEDED)} and, where known, {', '.join(_KNOWN[3:])} and the plan's groupings"
        )
    if lost := [grouping for grouping in groupings if grouping not in header]:
        raise ManifestError(
            f"{at}: the plan tells people apart by `{lost[0]}`, and there is no such column; add it (empty"
            " where it was not told), or make a new plan without it"
        )
    if unknown := [column for column in header if column not in _KNOWN and column not in groupings]:
        raise ManifestError(
            f"{at}: column `{unknown[0]}` is unknown: the plan names no such grouping"
            f" ({', '.join(groupings) or 'it names none'}); remove the column, or make a new plan with it"
        )


def _image(
    row: Mapping[str, str], line: int, at: str, groupings: Mapping[str, Sequence[str]], root: Path
) -> Image:
    if not row["subject"]:
        raise ManifestError(f"{at}: no subject; say by a number whom `{row['image']}` shows")
    if row["role"] not in set(Part):
        raise ManifestError(f"{at}: role `{row['role']}`; it is {', '.join(Part)}")
    for grouping, labels in groupings.items():
        if row[grouping] and row[grouping] not in labels:
            raise ManifestError(
                f"{at}: `{row[grouping]}` is no label of `{grouping}`: the plan lists {', '.join(labels)};"
                " leave the cell empty where it was not told"
            )
    path = _path(row["image"], at, root)
    digest = _digest(path, at)
    if (stated := row.get("sha256", "").lower()) and stated != digest:
        raise ManifestError(
            f"{at}: `{row['image']}` has the sha256 {digest}, and the manifest says {stated}: it is another"
            " image than the set was made with"
        )
    return Image(
        row=line,
        name=row["image"],
        subject=row["subject"],
        part=Part(row["role"]),
        session=row.get("session", ""),
        captured=_day(row.get("captured", ""), at),
        quality=_number(row.get("quality", ""), at),
        sha256=digest,
        groups={grouping: row[grouping] for grouping in groupings},
    )


def _path(name: str, at: str, root: Path) -> Path:
    """The image's place, if that is plainly below the folder."""
    if not name:
        raise ManifestError(f"{at}: no image; give its path below the folder of images")
    written = PurePosixPath(name)
    if written.is_absolute() or ".." in written.parts or "\\" in name or not all(map(str.isprintable, name)):
        raise ManifestError(f"{at}: `{name}` leaves the folder of images; give a plain path below it")
    path = root / name
    try:
        if path.resolve() != root / written:
            raise ManifestError(
                f"{at}: `{name}` is reached through a link; put the image itself into the folder"
            )
        if not path.exists():
            raise ManifestError(f"{at}: there is no image `{name}` in `{root}`; check the path")
        if not path.is_file():
            raise ManifestError(f"{at}: `{name}` is no file")
    except (OSError, RuntimeError) as error:
        raise ManifestError(f"{at}: `{name}` cannot be looked at: {error}") from error
    return path


def _digest(path: Path, at: str) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise ManifestError(
            f"{at}: `{path.name}` cannot be read: {error.strerror}; check its rights"
        ) from error


def _day(text: str, at: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ManifestError(f"{at}: captured `{text}`; give a day such as 2026-11-21") from error


def _number(text: str, at: str) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError as error:
        raise ManifestError(f"{at}: quality `{text}` is no number; leave the cell empty") from error
    if number is not None and not math.isfinite(number):
        raise ManifestError(f"{at}: quality `{text}` is not finite; leave the cell empty")
    return number


def _check_whole(images: Sequence[Image], name: str) -> None:
    """What no single row shows."""
    at = f"manifest `{name}`"
    if not images:
        raise ManifestError(f"{at} names no image; a row is needed for each")
    _check_once(images, at, "image", lambda i: i.name)
    _check_once(images, at, "sha256", lambda i: i.sha256)
    if len({i.subject for i in images}) < 2:
        raise ManifestError(
            f"{at} names one subject only; comparisons of different people need at least two of them"
        )
    probes, references = (
        [i for i in images if getattr(i.part, part)] for part in ("is_probe", "is_reference")
    )
    if not probes or not references:
        raise ManifestError(
            f"{at} has {len(probes)} probes and {len(references)} references; a comparison needs one of each"
            " (an image of the role `both` is compared in either part)"
        )
    held: dict[str, set[str]] = {}
    for image in references:
        held.setdefault(image.subject, set()).add(image.name)
    if not any(held.get(image.subject, set()) - {image.name} for image in probes):
        raise ManifestError(
            f"{at} has no mated pair: nobody has both a probe and another image as reference; without one no"
            " rate of false non-matches can be measured"
        )


def _check_once(images: Sequence[Image], at: str, what: str, key: Callable[[Image], str]) -> None:
    first: dict[str, Image] = {}
    faults = []
    for image in images:
        before = first.setdefault(key(image), image)
        if before is not image:
            faults.append(
                f"row {image.row} `{image.name}`"
                + (
                    f" is row {before.row}"
                    if what == "image"
                    else f" has the bytes of row {before.row} `{before.name}`"
                )
            )
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise ManifestError(
            f"{at}: an image is there twice: {'; '.join(faults[:_SHOWN])}{more}. An image compared with its own"
            " copy says nothing: keep one row"
        )
