"""What is wrong with a file, said so that it can be mended: file, row, what, what to do."""

from pathlib import Path

from counterseal.evaluation.comparisons import EvaluationInputError

NAMED = 5
"""How many offending names a message lists before it only counts."""
LONGEST = 600
"""Letters of what is wrong: it may quote a cell, and a cell may hold a book."""


def fault(path: Path, what: str, remedy: str, *, row: int | None = None) -> EvaluationInputError:
    """An error about `path`; row is 1-based, as an editor shows it."""
    where = f"`{path.name}`" if row is None else f"`{path.name}`, row {row}"
    what = what if len(what) <= LONGEST else f"{what[:LONGEST]} ..."
    return EvaluationInputError(f"{where}: {what}; {remedy}")


def listed(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
