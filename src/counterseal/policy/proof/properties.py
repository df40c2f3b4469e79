"""The properties that are claimed, read from `expected/*.toml`: what each says, of which actions, over what.

`properties.toml` and the file of each base pack hold of everything that Cedar allows under the base, and so
under every overlay; an overlay's file, of what is allowed under the base with that overlay. A property with
`by` is stronger: the forbids of that pack alone see to it, whatever else might permit.
"""

import ast
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from counterseal.policy.proof.claims import Claim
from counterseal.policy.proof.errors import ProofError

EXPECTED = Path(__file__).parent / "expected"
GENERAL, WORDS = "properties", "words"
_FIELDS = {"name", "by", "clauses", "actions", "given", "says", "always", "never"}


@dataclass(frozen=True, slots=True)
class Property:
    """One property. given: what it presupposes. always: what then holds; None where it is about the policies
    themselves. by: the pack whose forbids see to it alone.
    """

    name: str
    clauses: tuple[str, ...]
    actions: tuple[str, ...]
    says: str
    given: Claim | None
    always: Claim | None
    by: str = ""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Its expressions."""
        return tuple(claim for claim in (self.given, self.always) if claim is not None)


def expected_of(packs: Iterable[str]) -> tuple[Property, ...]:
    """The properties of these packs (`GENERAL`: of every base); a pack that has no file has none.

    Raises: ProofError, UntranslatableError: a file cannot be used as it stands.
    """
    found: list[Property] = []
    for pack in packs:
        path = EXPECTED / f"{pack}.toml"
        if path.is_file():
            found += _read(path)
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ProofError(f"two properties have the name `{name}`")
    return tuple(found)


@lru_cache(maxsize=64)
def _read(path: Path) -> tuple[Property, ...]:
    words = _toml(EXPECTED / f"{WORDS}.toml")
    listed = {name: tuple(texts) for name, texts in words.items()}
    tables = _toml(path).get("property", [])
    return tuple(_property(table, path, listed) for table in tables)


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ProofError(f"`{path}` cannot be read: {error}") from error


def _property(table: Mapping[str, Any], path: Path, words: Mapping[str, tuple[str, ...]]) -> Property:
    name = str(table.get("name", "a property without a name"))
    where = f"{path.name}, `{name}`"
    if table.keys() - _FIELDS or not {"name", "clauses", "actions", "says"} <= table.keys():
        raise ProofError(
            f"{where}: a property has name, clauses, actions, says and some of {sorted(_FIELDS)}"
        )
    if ("always" in table) == ("never" in table):
        raise ProofError(f"{where}: a property says what is `always` so, or what is `never`")
    actions = table["actions"]
    if isinstance(actions, str):
        if actions not in words:
            raise ProofError(f"{where}: `{actions}` is no list of {WORDS}.toml")
        actions = words[actions]
    claim = Claim.read(str(table.get("always") or table.get("never")), where, words)
    if "never" in table:
        negation = ast.UnaryOp(op=ast.Not(), operand=claim.tree)
        claim = replace(claim, text=f"not ({claim.text})", tree=negation)
    return Property(
        name=name,
        clauses=tuple(table["clauses"]),
        actions=tuple(actions),
        says=str(table["says"]),
        given=Claim.read(str(table["given"]), where, words) if "given" in table else None,
        always=claim,
        by=str(table.get("by", "")),
    )
