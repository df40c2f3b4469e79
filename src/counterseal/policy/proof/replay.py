"""A concrete request put to Cedar itself: whatever a solver found must be found there too."""

from collections.abc import Mapping

from counterseal.policy.engine import Answer, Asked, Json, Question, Schema, Uid, compile_set, instant_json
from counterseal.policy.facts import read_instant
from counterseal.policy.proof.errors import ProofError
from counterseal.policy.proof.requests import instant_text, milliseconds
from counterseal.policy.schema import PRINCIPAL_GROUP, ActionShape, LeafType, Record

# The weakest permit there is: with it, only forbids decide.
OPEN = {
    "effect": "permit",
    "principal": {"op": "All"},
    "action": {"op": "All"},
    "resource": {"op": "All"},
    "conditions": [],
}


def question_of(facts: Json, shape: ActionShape) -> Question:
    """A request whose facts are all stated in their types, as Cedar is asked it. Raises: ProofError."""
    groups = _cedar(shape.facts, facts, "")
    principal, resource = groups.pop(PRINCIPAL_GROUP), groups.pop(shape.resource_group)
    return Question(
        principal=Uid(shape.principal_type, principal["id"]),
        action=shape.action,
        resource=Uid(shape.resource_type, resource["id"]),
        principal_attributes=principal,
        resource_attributes=resource,
        context=groups,
    )


def _cedar(record: Record, facts: Json, prefix: str) -> Json:
    values: Json = {}
    for name, member in record.members.items():
        if isinstance(member, Record):
            values[name] = _cedar(member, facts.get(name, {}), f"{prefix}{name}.")
        elif member.type is LeafType.DATETIME:
            at = read_instant(facts.get(name))
            if at is None:
                raise ProofError(f"`{prefix}{name}` is no instant")
            values[name] = instant_json(instant_text(milliseconds(at)))
        else:
            values[name] = facts[name]
    return values


def ask(facts: Json, shape: ActionShape, policies: Mapping[str, Json], schema: Schema) -> Answer:
    """Cedar's answer about a request, under policies by their ids."""
    return Asked(question_of(facts, shape), schema).put_to(compile_set(policies), schema)
