"""From the facts of a request to the question Cedar is asked.

Strict: each fact has the type the schema gives it, instants are RFC 3339 with an offset, whole numbers are
counts (zero or more), and nothing that the action does not need is accepted: a misspelt fact must not pass
for a stated one. Everything wrong is collected, so that one answer names it all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeGuard

from counterseal.policy.engine import Json, Question, Uid, instant_json
from counterseal.policy.errors import PolicyError
from counterseal.policy.road import FACTS
from counterseal.policy.schema import PRINCIPAL_GROUP, ActionShape, Leaf, LeafType, Record
from counterseal.terms.decisions import Unmet

MAX_TEXT = 4096
MAX_MEMBERS = 256
_MAX_LONG = 2**63 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Facts:
    """A request as read. missing: paths of facts not stated. problems: what is wrong with stated ones."""

    shape: ActionShape
    question: Question
    missing: tuple[str, ...]
    problems: tuple[Unmet, ...]

    @property
    def complete(self) -> bool:
        """Every fact is stated, each in its type."""
        return not self.missing and not self.problems


def read_instant(value: object) -> datetime | None:
    """An RFC 3339 instant in UTC, cut to milliseconds, or None if `value` is none."""
    if not isinstance(value, str) or _INSTANT.fullmatch(value) is None:
        return None
    try:
        return _milliseconds(datetime.fromisoformat(value).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def instant_of(request: Mapping[str, object]) -> datetime:
    """The instant that a request states as `at`, for a caller that has no other clock.

    Raises: PolicyError.
    """
    at = read_instant(request.get("at"))
    if at is None:
        raise PolicyError('the request states no instant `at`; write it like "2026-11-20T15:00:00Z"')
    return at


def _milliseconds(at: datetime) -> datetime:
    # Cedar counts in milliseconds.
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _cedar_instant(at: datetime) -> Json:
    # Not strftime: it does not pad years before 1000.
    text = f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}"
    return instant_json(f"{text}.{at.microsecond // 1000:03}Z")


def _problem(missing: str, remedy: str) -> Unmet:
    return Unmet(FACTS, missing, remedy, FACTS)


def _shown(name: object) -> str:
    return str(name)[:80].encode("ascii", "backslashreplace").decode()


def read_facts(request: object, shapes: Mapping[str, ActionShape], *, at: datetime) -> Facts | Unmet:
    """Read a request made at `at`. An `Unmet` alone where not even its action is known."""
    if at.tzinfo is None:
        raise PolicyError("the instant of a decision needs a time zone")
    if not isinstance(request, Mapping):
        return _problem(
            "The request is not a JSON object of facts.", "Send an object with `action`, `at` and its groups."
        )
    action = request.get("action")
    known = ", ".join(shapes)
    if action is None:
        return _problem("The request states no action.", f"State `action`: one of {known}.")
    if not isinstance(action, str) or action not in shapes:
        return _problem(
            "The request states an action that does not exist.", f"State `action`: one of {known}."
        )
    shape = shapes[action]
    reader = _FactReader(action)
    groups = reader.group(shape.facts, request, "")
    now = _milliseconds(at.astimezone(UTC))
    stated = read_instant(request.get("at"))
    if stated is not None and stated != now:
        reader.problems.append(
            _problem(
                "The request states another instant than the one at which it is decided.",
                "State `at` as the instant of the decision: it is made for now, not for another time.",
            )
        )
    principal, resource = groups.pop(PRINCIPAL_GROUP, {}), groups.pop(shape.resource_group, {})
    question = Question(
        principal=Uid(shape.principal_type, principal.get("id", "")),
        action=action,
        resource=Uid(shape.resource_type, resource.get("id", "")),
        principal_attributes=principal,
        resource_attributes=resource,
        context={**groups, "at": _cedar_instant(now)},
    )
    return Facts(shape, question, tuple(reader.missing), tuple(reader.problems))


class _FactReader:
    def __init__(self, action: str) -> None:
        self.action = action
        self.missing: list[str] = []
        self.problems: list[Unmet] = []

    def group(self, record: Record, values: Mapping[object, object], prefix: str) -> Json:
        """The stated facts of a group as Cedar's JSON; what is missing or wrong is noted and left out."""
        read: Json = {}
        for name, member in record.members.items():
            value = values.get(name)
            path = prefix + name
            if isinstance(member, Leaf):
                if value is None:
                    self.missing.append(path)
                else:
                    self._leaf(read, name, path, member, value)
            elif value is None:
                self.missing.extend(leaf for leaf, _ in member.leaves(f"{path}."))
            elif isinstance(value, Mapping):
                read[name] = self.group(member, value, f"{path}.")
            else:
                self.problems.append(
                    _problem(
                        f"`{path}` is not a group of facts.", f"Write `{path}` as an object of its facts."
                    )
                )
        if len(values) != len(record.members) or not values.keys() <= record.members.keys():
            for other in values:
                if other not in record.members and (prefix or other != "action"):
                    self.problems.append(
                        _problem(
                            f"`{_shown(prefix)}{_shown(other)}` is not a fact of {self.action}.",
                            "Remove it, or mend its name: a misspelt fact counts for nothing.",
                        )
                    )
        return read

    def _leaf(self, read: Json, name: str, path: str, leaf: Leaf, value: object) -> None:
        """Put `value` into `read` as Cedar's JSON, or note what is wrong with it."""
        match leaf.type:
            case LeafType.BOOL:
                if isinstance(value, bool):
                    read[name] = value
                    return
                wanted = "true or false"
            case LeafType.LONG:
                if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_LONG:
                    read[name] = value
                    return
                wanted = "a whole number, zero or more"
            case LeafType.STRING:
                if _is_text(value):
                    read[name] = value
                    return
                wanted = f"a text of at most {MAX_TEXT} characters"
            case LeafType.STRINGS:
                if (
                    isinstance(value, list | tuple)
                    and len(value) <= MAX_MEMBERS
                    and all(map(_is_text, value))
                ):
                    read[name] = list(value)
                    return
                wanted = f"a list of at most {MAX_MEMBERS} texts"
            case _:
                instant = read_instant(value)
                if instant is not None:
                    read[name] = _cedar_instant(instant)
                    return
                wanted = 'an instant like "2026-11-20T15:00:00Z"'
        self.problems.append(
            _problem(f"`{path}` is not {wanted}.", f"State `{path}` as {wanted}: {leaf.doc}.")
        )


def _is_text(value: object) -> TypeGuard[str]:
    # Half of a surrogate pair is no text: it can be written in JSON and cannot be encoded.
    return (
        isinstance(value, str)
        and len(value) <= MAX_TEXT
        and (value.isascii() or _SURROGATE.search(value) is None)
    )
