"""What all three documents are made of: identifiers that never change by themselves, metadata, properties, resources.

Every identifier is a UUIDv5 of a name that says what is meant: the same clause, policy and entry have the same
identifier in every export, and a document has another one when what it rests on has changed. Members that would
be empty are left out, as OSCAL wants.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Json = dict[str, Any]

OSCAL = "1.1.3"
NAMESPACE = "https://counterseal.example/ns/oscal"
_ROOT = uuid5(NAMESPACE_URL, NAMESPACE)

CATALOG_FILE, COMPONENT_FILE, RESULTS_FILE = (
    "catalog.json",
    "component-definition.json",
    "assessment-results.json",
)


@dataclass(frozen=True, slots=True)
class Edition:
    """What a set of documents rests on. version: of the program. packs: digest of the policies.

    at: the instant as of which everything in them is said.
    """

    version: str
    packs: str
    at: datetime
    agency: str = ""


def identifier(*name: str) -> str:
    """The UUIDv5 of a name in parts."""
    return str(uuid5(_ROOT, "/".join(name)))


def control_id(clause: str) -> str:
    """The id of the control that a clause becomes: OSCAL's tokens have no slash."""
    return clause.replace("/", ".")


def statement_id(clause: str) -> str:
    """The id of its statement."""
    return f"{control_id(clause)}_smt"


def instant(at: datetime) -> str:
    """An instant as OSCAL writes it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def metadata(title: str, edition: Edition) -> Json:
    """The head of a document."""
    return {
        "title": title,
        "last-modified": instant(edition.at),
        "version": edition.version,
        "oscal-version": OSCAL,
        "props": [own("policy-set", edition.packs)],
    }


def own(name: str, value: str) -> Json:
    """A property of our own vocabulary: docs/reference/oscal.md."""
    return {"name": name, "ns": NAMESPACE, "value": value}


def props(*named: tuple[str, str | Iterable[str]]) -> list[Json]:
    """Properties of our own; a name with several values once for each, and none without a value."""
    found = []
    for name, values in named:
        for value in (values,) if isinstance(values, str) else values:
            if text := " ".join(value.split()):
                found.append(own(name, text))
    return found


def resource(name: str, title: str, **more: object) -> Json:
    """A resource of the back matter, found by `link_to`."""
    return {"uuid": identifier("resource", name), "title": title, **more}


def link_to(name: str) -> str:
    """The reference to a resource of the same document."""
    return f"#{identifier('resource', name)}"


def lean(value: Mapping[str, Any]) -> Json:
    """The object without empty lists, empty texts and absent members, at every depth."""

    def kept(each: Any) -> Any:
        if isinstance(each, Mapping):
            return {name: inner for name, part in each.items() if (inner := kept(part)) not in (None, [], "")}
        return [kept(part) for part in each] if isinstance(each, list) else each

    found = kept(value)
    assert isinstance(found, dict)
    return found
