"""Documents that people write for a test, read strictly: a misspelt key is an error, never left out.

Every error names the place of its key, such as `goals[2].limit`.
"""

import hashlib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

import rfc8785

from counterseal.evaluation.comparisons import EvaluationInputError

Document = Mapping[str, Any]
EnumT = TypeVar("EnumT", bound=StrEnum)


class PlanError(EvaluationInputError):
    """The plan or corpus card cannot be used as it is written; names the key."""


def read_toml(text: str, what: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises PlanError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"the {what} is no TOML: {error}") from error


def document_digest(document: Document) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON (RFC 8785) of a document.

    Raises:
        EvaluationInputError: it holds NaN, an infinity, a whole number beyond 2**53 or something that is no JSON.
    """
    try:
        return hashlib.sha256(rfc8785.dumps(dict(document))).hexdigest()
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise EvaluationInputError(f"the document has no canonical JSON: {error}") from error


def plain(value: Any) -> Any:
    """Frozen dataclasses as plain JSON values."""
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, StrEnum) else value


class Table:
    """One table of a document, read key by key; `done` refuses what nobody asked for."""

    def __init__(self, content: object, place: str) -> None:
        if not isinstance(content, Mapping):
            raise PlanError(f"`{place or 'document'}` is not a table of keys and values")
        self.content, self.place, self.asked = content, place, list[str]()

    def at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def value(self, key: str, *, optional: bool) -> Any:
        self.asked.append(key)
        found = self.content.get(key)
        if found is None and not optional:
            close = get_close_matches(key, map(str, self.content.keys() - set(self.asked)), 1)
            hint = f"; is `{close[0]}` meant for it?" if close else ""
            raise PlanError(f"`{self.at(key)}` is missing{hint}")
        return found

    def text(self, key: str, *, optional: bool = False) -> Any:
        found = self.value(key, optional=optional)
        if found is None or (optional and found == ""):
            return None
        if not isinstance(found, str) or not found.strip():
            raise PlanError(f"`{self.at(key)}` is a text, and not an empty one")
        return found.strip()

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        found = self.value(key, optional=False)
        if found not in allowed:
            raise PlanError(f"`{self.at(key)}` is one of {', '.join(allowed)}; not `{found}`")
        return str(found)

    def word(self, key: str, kind: type[EnumT]) -> EnumT:
        return kind(self.choice(key, [str(each) for each in kind]))

    def number(self, key: str, *, low: float = -math.inf, high: float = math.inf) -> float:
        found = self.value(key, optional=False)
        return in_range(found, self.at(key), low, high)

    def perhaps(self, key: str, *, low: float = -math.inf, high: float = math.inf) -> float | None:
        found = self.value(key, optional=True)
        return None if found is None else in_range(found, self.at(key), low, high)

    def integer(self, key: str, *, least: int, optional: bool = False) -> Any:
        found = self.value(key, optional=optional)
        if found is None:
            return None
        if not isinstance(found, int) or isinstance(found, bool) or found < least:
            raise PlanError(f"`{self.at(key)}` is a whole number of at least {least}; not `{found}`")
        return found

    def sha256(self, key: str) -> str | None:
        found = self.text(key, optional=True)
        if found is not None and (len(found) != 64 or set(found) - set("0123456789abcdef")):
            raise PlanError(f"`{self.at(key)}` is a SHA-256 in 64 lower-case hexadecimal digits")
        return None if found is None else str(found)

    def table(self, key: str, *, optional: bool = False) -> "Table | None":
        found = self.value(key, optional=optional)
        return None if found is None else Table(found, self.at(key))

    def items(self, key: str, *, optional: bool = False) -> list[Any]:
        found = self.value(key, optional=optional)
        if found is None:
            return []
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise PlanError(f"`{self.at(key)}` is a list")
        return list(found)

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        found = self.items(key, optional=optional)
        for place, each in enumerate(found):
            if not isinstance(each, str) or not each.strip():
                raise PlanError(f"`{self.at(key)}[{place}]` is a text, and not an empty one")
        if len(set(found)) != len(found):
            raise PlanError(f"`{self.at(key)}` names something twice")
        return tuple(found)

    def tables(self, key: str, *, optional: bool = False) -> "list[Table]":
        found = self.items(key, optional=optional)
        return [Table(each, f"{self.at(key)}[{place}]") for place, each in enumerate(found)]

    def done(self) -> None:
        """Refuse unknown keys: a misspelt one would else be silently left out."""
        for key in self.content:
            if key not in self.asked:
                close = get_close_matches(str(key), self.asked, 1)
                hint = f"; is `{close[0]}` meant?" if close else f"; known are {', '.join(self.asked)}"
                raise PlanError(f"`{self.at(str(key))}` is no key here{hint}")


def in_range(found: object, place: str, low: float, high: float) -> float:
    """A finite number from low to high, both allowed; `place` is what an error names."""
    if not isinstance(found, int | float) or isinstance(found, bool) or not math.isfinite(found):
        raise PlanError(f"`{place}` is a number; not `{found}`")
    if not low <= found <= high:
        raise PlanError(f"`{place}` is {found}, outside {low:g} to {high:g}")
    return float(found)
