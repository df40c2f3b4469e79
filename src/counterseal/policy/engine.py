"""The only caller of Cedar. Everything it answers is plain data; whatever it cannot answer is an error in it.

Traps of the engine that this file closes for the rest of the room:
- ids given by the parser are positional: policies go in as JSON under our own `@id`;
- an erroring policy is skipped: `Answer.errors` carries every error, and `Answer.allows` is false with any;
- a request that does not conform to the schema has no decision: that is an error too;
- a ready-made entities handle is not checked again at the decision: it is made here, per request, under
  the schema.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import cedarpy

Json = dict[str, Any]

Schema = cedarpy.Schema
PolicySet = cedarpy.PolicySet

ENGINE = f"cedarpy {version('cedarpy')}"


class CedarError(ValueError):
    """Cedar cannot compile a text; the loader turns this into a `PackError` with its place."""


@dataclass(frozen=True, slots=True)
class Uid:
    """A Cedar entity's type and id."""

    type: str
    id: str

    def json(self) -> Json:
        """The structured form, which takes every id (the textual one does not)."""
        return {"type": self.type, "id": self.id}


@dataclass(frozen=True, slots=True)
class Question:
    """One request as Cedar takes it, with explicit datetimes in attributes and context."""

    principal: Uid
    action: str
    resource: Uid
    principal_attributes: Json
    resource_attributes: Json
    context: Json


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cedar said. allowed: its bare decision. reasons: ids of the determining policies, or the satisfied
    ones of a set of questions. errors: every error, in Cedar's words."""

    allowed: bool
    reasons: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def allows(self) -> bool:
        """Allow, without any error, by at least one named policy."""
        return self.allowed and not self.errors and bool(self.reasons)


def compile_schema(text: str) -> Schema:
    """Compile Cedar schema text. Raises: CedarError."""
    try:
        return Schema.from_str(text)
    except ValueError as error:
        raise CedarError(str(error)) from error


def compile_schema_json(text: str) -> Schema:
    """Compile a schema in Cedar's JSON form. Raises: CedarError."""
    try:
        return Schema.from_json_str(text)
    except ValueError as error:
        raise CedarError(str(error)) from error


def policies_of(text: str) -> list[Json]:
    """The policies of `text` in file order, in Cedar's JSON form. Raises: CedarError."""
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise CedarError(str(error)) from error
    if parsed["templates"]:
        raise CedarError("a template (`?principal`, `?resource`) has no place in a pack")
    static: Json = parsed["staticPolicies"]
    return [static[f"policy{number}"] for number in range(len(static))]


def faults_of(text: str, schema: Schema) -> list[tuple[int, str]]:
    """What Cedar's validator finds in `text`: (number of the policy in the file, from 0, and its words)."""
    result = cedarpy.validate_policies(text, schema)
    return [(int(error.policy_id.removeprefix("policy") or 0), error.error) for error in result.errors]


def compile_set(policies: Mapping[str, Json]) -> PolicySet:
    """A policy set keyed by our own ids."""
    return PolicySet.from_json_str(
        json.dumps({"staticPolicies": dict(policies), "templates": {}, "templateLinks": []})
    )


def instant_json(text: str) -> Json:
    """An instant as Cedar's explicit extension value, which needs no schema to be read."""
    return {"__extn": {"fn": "datetime", "arg": text}}


@lru_cache(maxsize=1024)
def _entities(text: str, schema: Schema | None) -> cedarpy.Entities:
    """Entities read and checked once: the same person and service ask again and again."""
    return cedarpy.Entities.from_json_str(text, schema)


class Asked:
    """One question made ready once, to be put to several sets of policies."""

    def __init__(self, question: Question, schema: Schema | None) -> None:
        """With a schema the entities must conform to it; else every answer carries the error."""
        self._question = question
        self._request = {
            "principal": question.principal.json(),
            "action": {"type": "Action", "id": question.action},
            "resource": question.resource.json(),
        }
        self._entities: cedarpy.Entities | None = None
        self._error = ""
        entities = [
            {"uid": question.principal.json(), "attrs": question.principal_attributes, "parents": []},
            {"uid": question.resource.json(), "attrs": question.resource_attributes, "parents": []},
        ]
        try:
            self._entities = _entities(json.dumps(entities), schema)
        except ValueError as error:
            self._error = str(error)

    def put_to(self, policies: PolicySet, schema: Schema | None, context: Json | None = None) -> Answer:
        """Cedar's answer. context: a part of the question's context, for policies that read no more than it.

        With a schema the request must conform to it. Without one, what is absent is an error of each policy
        that reads it: only an explanation, or a question about a request already checked, asks so.
        """
        if self._entities is None:
            return Answer(False, (), (self._error,))
        context_json = json.dumps(self._question.context if context is None else context)
        result = cedarpy.is_authorized(
            {**self._request, "context": context_json}, policies, self._entities, schema
        )
        found = result.diagnostics
        if result.decision is cedarpy.Decision.NoDecision and not found.errors:
            return Answer(False, (), ("the engine made no decision",))
        return Answer(result.allowed, tuple(found.reasons), tuple(found.errors))
