"""The reference of facts, written from the schema: `python -m counterseal.policy.reference policies`."""

import sys
from collections.abc import Iterable
from pathlib import Path

from counterseal.policy.library import PolicyLibrary, load_policies
from counterseal.policy.reads import facts_read
from counterseal.policy.road import CLAUSES
from counterseal.policy.schema import PRINCIPAL_GROUP, LeafType

_HEAD = """\
# The facts of a request

Written from `policies/schema.cedarschema` by `python -m counterseal.policy.reference policies`; a test compares the
two. `counterseal decide FILE` takes such facts, and the gateway gathers the same ones.

A request is a flat JSON object. `action` says what is asked for; `at` is the instant of the decision; every other
member is a group of facts. One example per action that is permitted as it stands lies in `examples/`.

Rules that hold for every fact:

- All facts of an action are required. One that is absent, or `null`, is refused with the clauses of the policies that
  read it.
- Nothing else is accepted: a fact that the action does not need is refused (`road/facts`), because a misspelt fact
  must not pass for a stated one. A wrong type is refused likewise.
- An instant is a text of RFC 3339 with an offset, such as `2026-11-20T15:00:00Z`. What is finer than a millisecond is
  cut off. Where there is nothing to state (no certificate, no test), state an instant that is not later than the
  request: it opens nothing.
- A whole number is a count: zero or more. A text has at most 4,096 characters, a list at most 256 members.
- Where a fact names a person who approved, an empty text means nobody.

In Cedar, `person` is the principal, the group named after the resource is the resource, and the rest is the context:
`case.status` reads `context.case.status`, `service.status` reads `resource.status`.
"""


_WORDS = {
    LeafType.BOOL: "true or false",
    LeafType.LONG: "count",
    LeafType.STRING: "text",
    LeafType.DATETIME: "instant",
    LeafType.STRINGS: "list of texts",
}


def facts_reference(library: PolicyLibrary) -> str:
    """The whole page, in Markdown."""
    return "\n".join([_HEAD, *_own_clauses(), *_actions(library), *_leaves(library)])


def _own_clauses() -> Iterable[str]:
    yield "## Clauses of the road itself\n"
    yield "Some demands are this gateway's own and stand in no source document:\n"
    yield "| clause | what it demands |\n|---|---|"
    for clause in CLAUSES.values():
        yield f"| `{clause.id}` | {clause.says} |"
    yield ""


def _actions(library: PolicyLibrary) -> Iterable[str]:
    yield "## Actions\n"
    yield "| action | resource | groups |\n|---|---|---|"
    for action, shape in library.shapes.items():
        groups = ", ".join(f"`{name}`" for name in shape.facts.members if name != "at")
        yield f"| `{action}` | `{shape.resource_group}` | {groups} |"
    yield ""


def _leaves(library: PolicyLibrary) -> Iterable[str]:
    """One table a group; a group that differs between actions gets a table each."""
    seen: dict[tuple[str, ...], list[str]] = {}
    rows: dict[tuple[str, ...], list[str]] = {}
    groups: dict[tuple[str, ...], str] = {}
    for action, shape in library.shapes.items():
        for group in shape.facts.members:
            leaves = {path: leaf for path, leaf in shape.leaves.items() if path.split(".")[0] == group}
            key = tuple(f"{path} {leaf.type}" for path, leaf in leaves.items())
            if group == "at":
                continue
            seen.setdefault(key, []).append(action)
            groups[key] = group
            rows[key] = [f"| `{path}` | {_WORDS[leaf.type]} | {leaf.doc} |" for path, leaf in leaves.items()]
    yield "## Facts\n"
    yield "| fact | type | what to state |\n|---|---|---|"
    yield "| `action` | text | one of the actions above |"
    yield "| `at` | instant | the instant of the request |\n"
    order = sorted(rows, key=lambda key: (groups[key] != PRINCIPAL_GROUP, groups[key]))
    for key in order:
        used = (
            "every action"
            if len(seen[key]) == len(library.shapes)
            else ", ".join(f"`{a}`" for a in seen[key])
        )
        yield f"### `{groups[key]}`\n"
        yield f"In {used}. Read by {_clauses_of(library, groups[key], seen[key])}.\n"
        yield "| fact | type | what to state |\n|---|---|---|"
        yield from rows[key]
        yield ""


def _clauses_of(library: PolicyLibrary, group: str, actions: list[str]) -> str:
    """The clauses whose policies read some fact of the group in these actions."""
    found: dict[str, None] = {}
    for policy in library.policies():
        for number, condition in enumerate(policy.conditions):
            cedar = policy.cedar["conditions"]
            part = [cedar[number]] if policy.permits else cedar
            for action in actions:
                shape = library.shapes[action]
                read = facts_read(part, shape) if policy.applies_to(shape) else ()
                if any(path.split(".")[0] == group for path in read):
                    found.update(dict.fromkeys(condition.clauses))
    return ", ".join(f"`{clause}`" for clause in sorted(found))


if __name__ == "__main__":
    sys.stdout.write(facts_reference(load_policies(Path(sys.argv[1]))))
