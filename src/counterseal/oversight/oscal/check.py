"""Our own check of the three documents: what OSCAL requires of the members we write, and that every reference leads
somewhere, within a file and across the three.

It is no schema of OSCAL's. compliance-trestle, which nobody of this project wrote, reads the same files (`make oscal`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from counterseal.oversight.oscal.errors import OscalUnreadableError
from counterseal.oversight.oscal.parts import CATALOG_FILE, COMPONENT_FILE, OSCAL, RESULTS_FILE

ROOTS = {
    CATALOG_FILE: "catalog",
    COMPONENT_FILE: "component-definition",
    RESULTS_FILE: "assessment-results",
}
# Members by which we know an object, by the name under which it stands -> the members it must have.
REQUIRED: Mapping[str, frozenset[str]] = {
    "catalog": frozenset({"uuid", "metadata", "groups"}),
    "component-definition": frozenset({"uuid", "metadata", "components"}),
    "assessment-results": frozenset({"uuid", "metadata", "import-ap", "results"}),
    "metadata": frozenset({"title", "last-modified", "version", "oscal-version"}),
    "groups": frozenset({"id", "title", "controls"}),
    "controls": frozenset({"id", "title", "parts"}),
    "parts": frozenset({"id", "name", "prose"}),
    "props": frozenset({"name", "value"}),
    "links": frozenset({"href"}),
    "components": frozenset({"uuid", "type", "title", "description"}),
    "control-implementations": frozenset({"uuid", "source", "description", "implemented-requirements"}),
    "implemented-requirements": frozenset({"uuid", "control-id", "description"}),
    "import-ap": frozenset({"href"}),
    "results": frozenset({"uuid", "title", "description", "start", "reviewed-controls"}),
    "reviewed-controls": frozenset({"control-selections"}),
    "include-controls": frozenset({"control-id"}),
    "observations": frozenset({"uuid", "description", "methods", "collected"}),
    "subjects": frozenset({"subject-uuid", "type"}),
    "relevant-evidence": frozenset({"description"}),
    "findings": frozenset({"uuid", "title", "description", "target"}),
    "target": frozenset({"type", "target-id", "status"}),
    "status": frozenset({"state"}),
    "related-observations": frozenset({"observation-uuid"}),
    "resources": frozenset({"uuid"}),
    "citation": frozenset({"text"}),
    "rlinks": frozenset({"href"}),
    "base64": frozenset({"value"}),
}

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
_ONE_LINE = re.compile(r"\S(.*\S)?")
_TOKENS = ("id", "control-id", "target-id", "name", "class")
_INSTANTS = ("last-modified", "start", "end", "collected")


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not hold, and where: file and path within it."""

    where: str
    says: str


@dataclass(frozen=True, slots=True)
class _At:
    """One object or value, by the member under which it stands."""

    path: str
    member: str
    value: Any


def check(files: Mapping[str, bytes]) -> tuple[Fault, ...]:
    """Every fault of these documents, by file name; empty where all of them hold.

    Raises:
        OscalUnreadableError: one of the three is not there, or is no JSON object of its kind.
    """
    documents = {name: _read(name, files) for name in ROOTS}
    places = {name: list(_walk(name, "", document)) for name, document in documents.items()}
    faults = [
        Fault(f"{name}/{root}", "is no object")
        for name, root in ROOTS.items()
        if not isinstance(documents[name][root], dict)
    ]
    faults += [fault for name in ROOTS for at in places[name] for fault in _of_one(at)]
    faults += [fault for name in ROOTS for fault in _within(places[name])]
    return (*faults, *_across(places))


def _read(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    if name not in files:
        raise OscalUnreadableError(f"`{name}` is not there: `counterseal oscal export` writes all three")
    try:
        found = json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise OscalUnreadableError(f"`{name}` is no JSON: {error}") from error
    if not isinstance(found, dict) or found.keys() != {ROOTS[name]}:
        raise OscalUnreadableError(f"`{name}` is no `{ROOTS[name]}`: that is its one member")
    return found


def _walk(path: str, member: str, value: Any) -> Iterator[_At]:
    yield _At(path, member, value)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(f"{path}/{name}", name, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _walk(f"{path}/{number}", member, inner)


def _of_one(at: _At) -> Iterator[Fault]:
    """What is wrong with one value by itself."""
    value = at.value
    if value in (None, [], {}, ""):
        yield Fault(at.path, "an empty member is left out")
    if isinstance(value, dict):
        if lacking := REQUIRED.get(at.member, frozenset()) - value.keys():
            yield Fault(at.path, f"`{min(lacking)}` is missing")
        return
    if isinstance(value, list) or value in (None, ""):
        return
    if at.member in REQUIRED:
        yield Fault(at.path, f"`{at.member}` is an object")
        return
    if not isinstance(value, str):
        yield Fault(at.path, "every value that we write is a text")
        return
    if at.member == "uuid" or at.member.endswith("-uuid"):
        if not _UUID.fullmatch(value):
            yield Fault(at.path, f"`{value[:60]}` is no UUIDv5")
    elif at.member in _TOKENS:
        if not _TOKEN.fullmatch(value):
            yield Fault(at.path, f"`{value[:60]}` is no token")
    elif at.member in _INSTANTS:
        if not _is_instant(value):
            yield Fault(at.path, f"`{value[:60]}` is no instant with its time zone")
    elif at.member == "oscal-version" and value != OSCAL:
        yield Fault(at.path, f"these documents are of OSCAL {OSCAL}, not `{value[:20]}`")
    elif at.member == "value" and not at.path.endswith("/base64/value") and not _ONE_LINE.fullmatch(value):
        yield Fault(at.path, "a property's value is one line without spaces around it")


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _within(places: Sequence[_At]) -> Iterator[Fault]:
    """Identifiers are unique in a file, and references by fragment lead to a resource of the same file."""
    for member in ("uuid", "id"):
        seen: dict[str, str] = {}
        for at in places:
            if at.member != member or not isinstance(at.value, str):
                continue
            if at.value in seen:
                yield Fault(at.path, f"`{at.value}` is the {member} of `{seen[at.value]}` already")
            seen.setdefault(at.value, at.path)
    resources = {
        at.value["uuid"]
        for at in places
        if at.member == "resources" and isinstance(at.value, dict) and isinstance(at.value.get("uuid"), str)
    }
    for at in places:
        fragment = at.value if at.member in ("href", "source") and isinstance(at.value, str) else ""
        if fragment.startswith("#") and fragment[1:] not in resources:
            yield Fault(at.path, f"`{fragment}` leads to no resource of this file")


def _across(places: Mapping[str, Sequence[_At]]) -> Iterator[Fault]:
    """What one file names, another has."""

    def values(file: str, member: str, parent: str = "") -> list[_At]:
        return [
            at
            for at in places[file]
            if at.member == member and isinstance(at.value, str) and parent in at.path
        ]

    def told(ats: Sequence[_At]) -> set[str]:
        return {at.value for at in ats}

    controls = {
        at.value["id"]
        for at in places[CATALOG_FILE]
        if at.member == "controls" and isinstance(at.value, dict) and isinstance(at.value.get("id"), str)
    }
    statements = told(values(CATALOG_FILE, "id", "/parts/"))
    requirements = told(values(COMPONENT_FILE, "uuid", "/implemented-requirements/"))
    components = told(values(COMPONENT_FILE, "uuid", "/components/"))
    observations = told(values(RESULTS_FILE, "uuid", "/observations/"))
    wanted: tuple[tuple[str, str, set[str], str], ...] = (
        (COMPONENT_FILE, "control-id", controls, "control of the catalog"),
        (RESULTS_FILE, "control-id", controls, "control of the catalog"),
        (RESULTS_FILE, "target-id", statements, "statement of the catalog"),
        (RESULTS_FILE, "implementation-statement-uuid", requirements, "requirement of the component"),
        (RESULTS_FILE, "subject-uuid", components, "component"),
        (RESULTS_FILE, "observation-uuid", observations, "observation of these results"),
    )
    for file, member, there, what in wanted:
        for at in values(file, member):
            if at.value not in there:
                yield Fault(at.path, f"`{at.value}` is no {what}")
    yield from _each_once(controls, values(COMPONENT_FILE, "control-id"), COMPONENT_FILE, "requirement")
    yield from _each_once(statements, values(RESULTS_FILE, "target-id"), RESULTS_FILE, "finding")


def _each_once(wanted: set[str], found: Sequence[_At], file: str, what: str) -> Iterator[Fault]:
    counts: dict[str, int] = {}
    for at in found:
        counts[at.value] = counts.get(at.value, 0) + 1
    for name in sorted(wanted):
        if counts.get(name, 0) != 1:
            yield Fault(file, f"`{name}` has {counts.get(name, 0)} {what}s, not one")
