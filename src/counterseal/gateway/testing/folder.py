"""The folder of one test: which file is what, written whole or not at all."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from counterseal.terms.errors import BadInputError

PLAN, CORPUS, SCORES, FAILURES = "plan.json", "corpus.json", "scores.parquet", "failures.csv"
RESULT, VERDICT, COUNTED, TIMES = "result.json", "verdict.json", "counted.json", "times.json"
RUN = "run.json"
"""When the run began, on what."""
WORK = "work.jsonl"
"""What a run has done so far; holds templates, and goes when the run ends."""


REPORTS = ("report.html", "report.pdf", "public.html", "result.csv", "sha256.txt")
OURS = frozenset({PLAN, CORPUS, SCORES, FAILURES, RESULT, VERDICT, COUNTED, TIMES, RUN, WORK, *REPORTS})
"""Every name that a test's folder gives a meaning to."""


class AnotherRunError(BadInputError):
    """The folder holds the beginning of another run."""


def begin(folder: Path, facts: Mapping[str, str], at: datetime) -> datetime:
    """Note when a run on these inputs began; where it had begun already, the first time stands.

    Raises:
        AnotherRunError: what began here was a run on something else.
    """
    path = folder / RUN
    if not path.exists():
        write_json(path, {"began_at": at.isoformat(), **facts})
        return at
    begun = read_json(path, "")
    for name, value in facts.items():
        if begun.get(name) != value:
            raise AnotherRunError(
                f"the run that began in `{folder}` had another {name.removesuffix('_sha256').replace('_', ' ')}"
                f" ({begun.get(name)}, now {value}): a folder is for one test; bring back what it began with, or plan"
                " a test in a new folder"
            )
    return began_at(folder)


def end(folder: Path, written: Iterable[str]) -> None:
    """Note that the run ended, and the digests of what it wrote."""
    begun = read_json(folder / RUN, "")
    write_json(folder / RUN, begun | {"wrote": {name: sha256_of(folder / name) for name in written}})


def check_wrote(folder: Path, begun: Mapping[str, Any]) -> None:
    """Hold what a run wrote against what is there.

    Raises:
        BadInputError: the run did not end, or a file is missing or another one now.
    """
    wrote = begun.get("wrote")
    again = "start it again with the same images"
    if not isinstance(wrote, Mapping):
        raise BadInputError(f"the run in `{folder}` did not end: {again}, it goes on where it stopped")
    for name, digest in wrote.items():
        if not (folder / str(name)).is_file() or sha256_of(folder / str(name)) != digest:
            raise BadInputError(
                f"`{folder / str(name)}` is not what the run wrote: {again}, or put that file back"
            )


def began_at(folder: Path) -> datetime:
    """When the run in this folder began.

    Raises:
        BadInputError: nothing was run here.
    """
    begun = read_json(folder / RUN, "run the test first (`counterseal evaluate run`)")
    try:
        return datetime.fromisoformat(str(begun.get("began_at")))
    except ValueError as error:
        raise BadInputError(
            f"`{folder / RUN}` does not say when the run began; plan a test in a new folder"
        ) from error


def write_whole(path: Path, data: bytes) -> None:
    """Put a file into place at once: nobody sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Plain JSON, two spaces, keys as they come: the same document gives the same bytes."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, text.encode() + b"\n")


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """A JSON object of the folder.

    Raises:
        BadInputError: it is missing (then `remedy` says what to do) or no JSON object.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BadInputError(f"there is no {path.name} in `{path.parent}`: {remedy}") from error
    except (OSError, ValueError) as error:
        raise BadInputError(f"`{path}` cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise BadInputError(f"`{path}` is no JSON object")
    return document


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Rows as CSV with Unix line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
