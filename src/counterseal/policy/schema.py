"""What a policy may read, as shapes: for each action the facts it needs, their types and their words.

Reads the part of Cedar's schema grammar that a safeguard may use: records, Bool, Long, String, datetime, Set
of String, and nothing optional (an optional attribute is one that a safeguard could miss). Whatever else
stands in a schema is refused on load. Cedar compiles the same text and checks every request against it, so a
slip of this reader shows as a refusal, never as a permit.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from counterseal.policy.errors import PackError

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark>[{}\[\]():;,<>=@?])"""
)


class LeafType(StrEnum):
    """The types a fact may have."""

    BOOL = "Bool"
    LONG = "Long"
    STRING = "String"
    DATETIME = "datetime"
    STRINGS = "Set<String>"


_LEAF_TYPES = frozenset(LeafType)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One fact. doc: what to state, in plain words.

    about, stated_by: of an overlay's fact that no register holds: what it is stated about, and by which role.
    """

    type: LeafType
    doc: str
    about: str = ""
    stated_by: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A group of facts, by name."""

    members: Mapping[str, "Leaf | Record"]

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Leaf]]:
        """Every fact below, with its dotted path."""
        for name, member in self.members.items():
            if isinstance(member, Leaf):
                yield prefix + name, member
            else:
                yield from member.leaves(f"{prefix}{name}.")


@dataclass(frozen=True, slots=True)
class ActionShape:
    """The facts one action needs.

    principal_type, resource_type: Cedar entity types. resource_group: the group of a request that becomes the
    resource (the type's name in lower case). facts: every group a request must have, `action` apart.
    """

    action: str
    principal_type: str
    resource_type: str
    resource_group: str
    facts: Record
    leaves: Mapping[str, Leaf] = field(init=False)

    def __post_init__(self) -> None:
        """List the facts by dotted path once."""
        object.__setattr__(self, "leaves", dict(self.facts.leaves()))

    def with_groups(self, groups: Mapping[str, Record]) -> "ActionShape":
        """The same action with more groups of facts in its context."""
        facts = Record({**self.facts.members, **groups})
        return ActionShape(self.action, self.principal_type, self.resource_type, self.resource_group, facts)

    def group(self, name: str) -> Record:
        """The facts of one group. Raises: KeyError."""
        found = self.facts.members[name]
        if isinstance(found, Leaf):
            raise KeyError(name)
        return found


PRINCIPAL_GROUP = "person"

# What a fact may be stated about that no register holds; empty for facts that the gateway gathers itself.
ABOUT = ("", "person", "case", "service", "use", "request", "action", "record")

Groups = Mapping[str, Mapping[str, Record]]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


class _Reader:
    """Recursive descent over the tokens of one schema file."""

    def __init__(self, text: str, file: Path, base: Mapping[str, ActionShape] | None = None) -> None:
        self.file = file
        self.base = base
        self.groups: dict[str, dict[str, Record]] = {}
        self.tokens = list(self._tokens(text))
        self.at = 0
        self.types: dict[str, Record] = {}
        self.entities: dict[str, Record] = {}
        self.actions: dict[str, ActionShape] = {}

    def _tokens(self, text: str) -> Iterator[_Token]:
        at, line = 0, 1
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._error(line, f"unexpected character `{text[at]}`")
            kind = found.lastgroup or "skip"
            if kind != "skip":
                yield _Token(kind, found.group(), line)
            line += found.group().count("\n")
            at = found.end()
        yield _Token("end", "end of file", line)

    def _error(self, line: int, says: str) -> PackError:
        remedy = (
            "write entities, types and actions as in the shipped schema: records of Bool, Long, String, "
            "datetime and Set<String>, each required and each with @doc"
        )
        return PackError(self.file, line, says, remedy)

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def _next(self) -> _Token:
        token = self.token
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def _take(self, text: str) -> bool:
        if self.token.text == text and self.token.kind != "text":
            self._next()
            return True
        return False

    def _need(self, text: str) -> None:
        token = self.token
        if not self._take(text):
            raise self._error(token.line, f"expected `{text}`, found `{token.text}`")

    def _name(self) -> str:
        token = self._next()
        if token.kind == "text":
            try:
                return str(json.loads(token.text))
            except ValueError as error:
                raise self._error(token.line, f"{token.text} cannot be read") from error
        if token.kind != "word":
            raise self._error(token.line, f"expected a name, found `{token.text}`")
        return token.text

    def _annotations(self) -> dict[str, str]:
        found = {}
        while self._take("@"):
            name = self._name()
            self._need("(")
            found[name] = self._name()
            self._need(")")
        return found

    def read(self) -> None:
        while self.token.kind != "end":
            self._annotations()
            token = self._next()
            if token.kind == "word" and token.text == "type":
                self._named_record(self.types)
            elif token.kind == "word" and token.text == "entity" and self.base is None:
                self._named_record(self.entities)
            elif token.kind == "word" and token.text == "action":
                self._action()
            else:
                wanted = "`entity`, `type` or `action`" if self.base is None else "`type` or `action`"
                raise self._error(token.line, f"expected {wanted}, found `{token.text}`")

    def _named_record(self, into: dict[str, Record]) -> None:
        line = self.token.line
        name = self._name()
        if name in self.types or name in self.entities:
            raise self._error(line, f"`{name}` is declared twice")
        self._need("=")
        into[name] = self._record()
        self._need(";")

    def _record(self) -> Record:
        members: dict[str, Leaf | Record] = {}
        self._need("{")
        while not self._take("}"):
            notes = self._annotations()
            line = self.token.line
            name = self._name()
            if name in members:
                raise self._error(line, f"`{name}` is declared twice in one record")
            if self._take("?"):
                raise self._error(line, f"`{name}` is optional: a policy that reads it could miss it")
            self._need(":")
            members[name] = self._type(name, notes)
            if not self._take(","):
                self._need("}")
                break
        return Record(members)

    def _type(self, name: str, notes: Mapping[str, str]) -> Leaf | Record:
        token = self.token
        if token.text == "{":
            return self._record()
        word = self._name()
        if word == "Set":
            self._need("<")
            inner = self._name()
            self._need(">")
            word = f"Set<{inner}>"
        if word in _LEAF_TYPES:
            if not notes.get("doc"):
                raise self._error(token.line, f"`{name}` has no @doc: nobody could be told what to state")
            about, stated_by = notes.get("about", ""), notes.get("stated_by", "")
            if bool(about) != bool(stated_by) or about not in ABOUT:
                raise self._error(
                    token.line,
                    f"`{name}` must say both what it is @about ({', '.join(filter(None, ABOUT))}) and the role "
                    "it is @stated_by, or neither",
                )
            return Leaf(LeafType(word), notes["doc"], about, stated_by)
        if word in self.types:
            return self.types[word]
        raise self._error(
            token.line, f"`{word}` is no type that a fact may have, or is declared further down"
        )

    def _action(self) -> None:
        line = self.token.line
        names = [self._name()]
        while self._take(","):
            names.append(self._name())
        self._need("appliesTo")
        self._need("{")
        parts: dict[str, str | Record] = {}
        while not self._take("}"):
            part = self._name()
            self._need(":")
            parts[part] = self._record() if part == "context" else self._one_entity()
            self._take(",")
        self._need(";")
        principal, resource, context = parts.get("principal"), parts.get("resource"), parts.get("context")
        if self.base is not None:
            self._more(line, names, principal, resource, context)
            return
        if not (isinstance(principal, str) and isinstance(resource, str) and isinstance(context, Record)):
            raise self._error(line, "an action needs `principal`, `resource` and `context`")
        at = context.members.get("at")
        if not (isinstance(at, Leaf) and at.type is LeafType.DATETIME):
            raise self._error(line, "an action's context needs `at: datetime`")
        group = resource.lower()
        reserved = {"action", PRINCIPAL_GROUP}
        if {PRINCIPAL_GROUP, group, "action"} & context.members.keys() or group in reserved:
            raise self._error(
                line, "a group of the context has the name of `action`, the principal or the resource"
            )
        facts = Record(
            {PRINCIPAL_GROUP: self.entities[principal], group: self.entities[resource], **context.members}
        )
        for name in names:
            if name in self.actions:
                raise self._error(line, f"action `{name}` is declared twice")
            self.actions[name] = ActionShape(name, principal, resource, group, facts)

    def _more(
        self, line: int, names: list[str], principal: object, resource: object, context: object
    ) -> None:
        """Groups of facts that a pack adds to actions of the schema."""
        if principal is not None or resource is not None or not isinstance(context, Record):
            raise self._error(line, "a pack adds groups to the `context` of an action and to nothing else")
        for name in names:
            shape = (self.base or {}).get(name)
            if shape is None:
                raise self._error(line, f"`{name}` is no action of the schema")
            for group, record in context.members.items():
                if isinstance(record, Leaf):
                    raise self._error(line, f"`{group}` is one fact; a pack adds whole groups of facts")
                if group in shape.facts.members or group in self.groups.get(name, {}):
                    raise self._error(line, f"`{name}` has a group `{group}` already")
                self.groups.setdefault(name, {})[group] = record

    def _one_entity(self) -> str:
        line = self.token.line
        self._need("[")
        name = self._name()
        self._need("]")
        if name not in self.entities:
            raise self._error(line, f"`{name}` is no entity declared above")
        return name


def read_schema(text: str, file: Path) -> Mapping[str, ActionShape]:
    """The shape of each action that `text` declares, by name.

    Raises: PackError.
    """
    reader = _Reader(text, file)
    reader.read()
    if not reader.actions:
        raise PackError(file, 0, "the schema declares no action", "declare at least one action")
    return reader.actions


def read_groups(text: str, file: Path, shapes: Mapping[str, ActionShape]) -> Groups:
    """The groups of facts that a pack adds to the context of actions, by action and group.

    Raises: PackError.
    """
    reader = _Reader(text, file, shapes)
    reader.read()
    if not reader.groups:
        raise PackError(file, 0, "it adds no facts to any action", "add a group, or remove the file")
    return reader.groups


def with_groups(shapes: Mapping[str, ActionShape], *added: Groups) -> Mapping[str, ActionShape]:
    """The shapes with the groups of several packs added; theirs have names of their own."""
    for groups in added:
        shapes = {
            name: shape.with_groups(groups[name]) if name in groups else shape
            for name, shape in shapes.items()
        }
    return shapes


def schema_json(shapes: Mapping[str, ActionShape]) -> str:
    """The schema of these actions in Cedar's JSON form, with every record written out where it is used."""
    types: dict[str, Record] = {}
    actions = {}
    for name, shape in shapes.items():
        entities = {shape.principal_type: PRINCIPAL_GROUP, shape.resource_type: shape.resource_group}
        for entity, group in entities.items():
            types[entity] = shape.group(group)
        context = {key: kind for key, kind in shape.facts.members.items() if key not in entities.values()}
        actions[name] = {
            "appliesTo": {
                "principalTypes": [shape.principal_type],
                "resourceTypes": [shape.resource_type],
                "context": _json_type(Record(context)),
            }
        }
    entity_types = {
        name: {"memberOfTypes": [], "shape": _json_type(record)} for name, record in types.items()
    }
    return json.dumps({"": {"entityTypes": entity_types, "actions": actions}})


_JSON_TYPES: Mapping[LeafType, Mapping[str, object]] = {
    LeafType.BOOL: {"type": "Boolean"},
    LeafType.LONG: {"type": "Long"},
    LeafType.STRING: {"type": "String"},
    LeafType.DATETIME: {"type": "Extension", "name": "datetime"},
    LeafType.STRINGS: {"type": "Set", "element": {"type": "String"}},
}


def _json_type(member: Leaf | Record) -> Mapping[str, object]:
    if isinstance(member, Leaf):
        return _JSON_TYPES[member.type]
    attributes = {name: {**_json_type(inner), "required": True} for name, inner in member.members.items()}
    return {"type": "Record", "attributes": attributes}
