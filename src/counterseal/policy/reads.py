"""What a policy reads, taken from its JSON form, so that nobody keeps a list by hand."""

from collections.abc import Iterator
from typing import Any

from counterseal.policy.engine import Json
from counterseal.policy.schema import PRINCIPAL_GROUP, ActionShape


def _nodes(tree: object) -> Iterator[Json]:
    """Every object of a JSON tree, outermost first."""
    if isinstance(tree, dict):
        yield tree
        for child in tree.values():
            yield from _nodes(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)


def _path(node: Json) -> tuple[str, ...] | None:
    """`context.case.status` as ("context", "case", "status"); None for anything else."""
    if "Var" in node:
        return (str(node["Var"]),)
    if "." in node:
        left = _path(node["."]["left"])
        return None if left is None else (*left, str(node["."]["attr"]))
    return None


def _fact(path: tuple[str, ...], group: str) -> str:
    match path[0]:
        case "principal":
            return ".".join((PRINCIPAL_GROUP, *path[1:]))
        case "resource":
            return ".".join((group, *path[1:]))
        case _:
            return ".".join(path[1:])


def _paths(tree: Any) -> Iterator[tuple[str, ...]]:
    """The attribute paths of a tree, each once at its full length."""
    if isinstance(tree, dict):
        path = _path(tree)
        if path is not None:
            yield path
        else:
            for child in tree.values():
                yield from _paths(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _paths(child)


def facts_read(conditions: list[Json], shape: ActionShape) -> frozenset[str]:
    """The facts of `shape` that these conditions of a policy read; a group read whole counts as all."""
    read = {
        _fact(path, shape.resource_group)
        for path in _paths(conditions)
        if path[0] == "context" or (path[0] != "action" and len(path) > 1)
    }
    return frozenset(
        leaf
        for leaf in shape.leaves
        if any(not fact or leaf == fact or leaf.startswith(f"{fact}.") for fact in read)
    )


def asks_presence(policy: Json) -> bool:
    """True if the policy uses `has`: with it, an absent fact would pass a safeguard by."""
    return any("has" in node for node in _nodes(policy["conditions"]))


# Whole numbers overflow, and Cedar then skips the policy; so does time that runs out of its range.
_CAN_ERR = {"+": "+", "-": "-", "*": "*", "neg": "-", "offset": "offset", "durationSince": "durationSince"}


def can_err(policy: Json) -> str:
    """The operation by which the policy could end in an error although every fact is stated; empty if none."""
    return next(
        (_CAN_ERR[key] for node in _nodes(policy["conditions"]) for key in node if key in _CAN_ERR), ""
    )


def compares(policy: Json, operator: str, fact: str, literal: str | int) -> bool:
    """True if some condition is `fact <operator> literal`, with the fact in the context."""
    wanted = ("context", *fact.split("."))
    return any(
        operator in node
        and isinstance(node[operator], dict)
        and _path(node[operator].get("left", {})) == wanted
        and node[operator].get("right") == {"Value": literal}
        for node in _nodes(policy["conditions"])
    )
