"""Read what people type: dates and instants, files, boxes."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from counterseal.terms.errors import BadInputError

FORM = "a date like 2026-11-20 (midnight UTC) or an instant like 2026-11-20T15:00:00Z"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII)


class Instant(click.ParamType[datetime]):
    """A date or an instant with its offset, as a datetime in UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse, or fail with the form that is wanted."""
        if isinstance(value, datetime):
            return value
        text = f"{value}T00:00:00Z" if _DAY.fullmatch(str(value)) else str(value)
        if not _INSTANT.fullmatch(text):
            self.fail(f"`{value}` cannot be read; give {FORM}", param, ctx)
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            self.fail(f"`{value}` does not exist ({error}); give {FORM}", param, ctx)


INSTANT = Instant()
MEGABYTE = 1_000_000
FILE = click.Path(path_type=Path)


def read_file(path: Path, what: str, *, most: int = 64 * MEGABYTE) -> bytes:
    """The bytes of a file that somebody named. most: bytes; the capture step has a tighter bound of its own.

    Raises:
        BadInputError: it is not there, is no file, is too large, or cannot be read.
    """
    try:
        # Not a device: some of them never end.
        if path.exists() and not path.is_file():
            raise BadInputError(f"{what} `{path}` is no file; check the path")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        says = getattr(error, "strerror", None) or error
        raise BadInputError(f"{what} `{path}` cannot be read: {says}; check the path") from error
    if len(data) > most:
        raise BadInputError(f"{what} `{path}` is larger than {most // MEGABYTE} MB; give a smaller file")
    return data


def new_folder(folder: Path, what: str) -> Path:
    """Make a folder for output; one that is there must be empty.

    Raises:
        BadInputError: it holds something, is a file, or cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadInputError(f"`{folder}` is not empty; name a new folder for {what}")
        probe = folder / ".write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInputError(
            f"`{folder}` cannot be used for {what}: {error.strerror or error}; name another folder"
        ) from error
    return folder


def extension(picture: bytes) -> str:
    """The ending that tells a viewer what a picture file is."""
    return ".png" if picture.startswith(b"\x89PNG") else ".jpg"
