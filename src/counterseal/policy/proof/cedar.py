"""Cedar's policies, in their JSON form, as formulas over a symbolic request.

Every expression becomes a value and the formula of its error, as the language defines them: `&&`, `||` and
`if` evaluate from the left and no further than they must; numbers overflow at 64 bits; a policy that errs is
skipped. Types are those of the request's shape; what would be an error of types at the decision is one here.

Entities are their type and id. The gateway gives no entity a parent (`policy/engine.py`) and the schema's
reader takes none (`policy/schema.py`), so `in` is the identity: nothing is below anything else.

What has no translation raises `UntranslatableError` with pack, policy and expression; nothing is left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from counterseal.policy.engine import Json
from counterseal.policy.proof.errors import ProofError, UntranslatableError
from counterseal.policy.proof.requests import LEAST_LONG, MOST_LONG, SymbolicRequest, milliseconds
from counterseal.policy.proof.solvers import Formula, z3
from counterseal.policy.proof.texts import Fact, Mention, Pattern, TextClass, TextClasses, Written, fits
from counterseal.policy.schema import PRINCIPAL_GROUP, ActionShape, Leaf, LeafType, Record

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)
DAY = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Truth:
    """A boolean."""

    value: Formula
    error: Formula = FALSE


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number; `kind` is long, datetime or duration (the last two in milliseconds)."""

    kind: str
    value: Formula
    error: Formula = FALSE


@dataclass(frozen=True, slots=True)
class Text:
    """A text: under each guard either a written text or a member of a class, by its number.

    The guards exclude each other, and one holds.
    """

    options: tuple[tuple[Formula, "str | tuple[TextClass, Formula]"], ...]
    error: Formula = FALSE


@dataclass(frozen=True, slots=True)
class Texts:
    """A fact that is a set of texts: a truth for each member of its class."""

    texts: TextClass
    bits: tuple[Formula, ...]
    error: Formula = FALSE


@dataclass(frozen=True, slots=True)
class Listed:
    """A set that is written out, element by element."""

    elements: tuple["Value", ...]
    error: Formula = FALSE


@dataclass(frozen=True, slots=True)
class Group:
    """A record."""

    members: Mapping[str, "Value"]
    error: Formula = FALSE


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity. members: its attributes, of principal and resource only."""

    type: str
    id: Text
    members: Mapping[str, "Value"]
    error: Formula = FALSE


@dataclass(frozen=True, slots=True)
class Wrong:
    """No value: evaluating this is always an error."""

    error: Formula = TRUE


Value = Truth | Number | Text | Texts | Listed | Group | Entity | Wrong
WRONG = Wrong()


def both(*parts: Formula) -> Formula:
    """A conjunction. Parts that are `TRUE` or `FALSE` themselves are settled here, which is much quicker."""
    kept = [part for part in parts if part is not TRUE]
    if any(part is FALSE for part in kept):
        return FALSE
    return TRUE if not kept else kept[0] if len(kept) == 1 else z3.And(kept)


def either(*parts: Formula) -> Formula:
    """A disjunction, in the same way."""
    kept = [part for part in parts if part is not FALSE]
    if any(part is TRUE for part in kept):
        return TRUE
    return FALSE if not kept else kept[0] if len(kept) == 1 else z3.Or(kept)


def negated(part: Formula) -> Formula:
    """A negation."""
    return FALSE if part is TRUE else TRUE if part is FALSE else z3.Not(part)


def _constant(truth: bool) -> Formula:
    return TRUE if truth else FALSE


def _written(text: str) -> Text:
    return Text(((TRUE, text),))


# --- What is compared with what -----------------------------------------------------------------------------

_EQUALITIES = ("==", "!=", "in", "contains", "containsAll", "containsAny")


def note_texts(tree: object, shape: ActionShape, classes: TextClasses) -> None:
    """Tell `classes` which texts an expression compares, or a whole policy."""
    if isinstance(tree, list):
        for part in tree:
            note_texts(part, shape, classes)
    elif isinstance(tree, dict):
        for operator, operands in tree.items():
            note_texts(operands, shape, classes)
            if operator in _EQUALITIES and isinstance(operands, dict):
                left, right = operands.get("left"), operands.get("right")
                mentions = [*_mentions(left, shape), *_mentions(right, shape)]
                classes.compare(mentions)
                _note_records(left, right, shape, classes)
            elif operator == "like":
                classes.compare(_mentions(operands["left"], shape), _pattern(operands["pattern"]))
            elif operator in ("principal", "resource") and isinstance(operands, dict):
                scope = {"left": {"Var": operator}, "right": _scope_entity(operands)}
                classes.compare([*_mentions(scope["left"], shape), *_mentions(scope["right"], shape)])


def _scope_entity(scope: Json) -> Json:
    entity = scope.get("entity") or (scope.get("in") or {}).get("entity")
    return {"Value": {"__entity": entity}} if entity else {}


def _note_records(left: Any, right: Any, shape: ActionShape, classes: TextClasses) -> None:
    """Two records that are compared: their facts are, name by name."""
    paths = [_record_of(side, shape) for side in (left, right)]
    for one, other, written in ((paths[0], paths[1], right), (paths[1], paths[0], left)):
        if one is None:
            continue
        for name, leaf in one[1].leaves():
            mentions: list[Mention] = [Fact(f"{one[0]}.{name}")]
            if other is not None:
                mentions.append(Fact(f"{other[0]}.{name}"))
            else:
                part = written
                for step in name.split("."):
                    part = part.get("Record", {}).get(step, {}) if isinstance(part, dict) else {}
                mentions += _mentions(part, shape)
            if leaf.type in (LeafType.STRING, LeafType.STRINGS):
                classes.compare(mentions)


def _record_of(tree: Any, shape: ActionShape) -> tuple[str, Record] | None:
    path = _path(tree, shape)
    member: Leaf | Record | None = shape.facts
    for name in path.split(".") if path else ():
        member = member.members.get(name) if isinstance(member, Record) else None
    return (path, member) if path and isinstance(member, Record) else None


def _path(tree: Any, shape: ActionShape) -> str | None:
    """The dotted path of a fact or group, or None: `context.case.id` is `case.id`, `resource.id` `service.id`."""
    if not isinstance(tree, dict):
        return None
    if "Var" in tree:
        return {"principal": PRINCIPAL_GROUP, "resource": shape.resource_group, "context": ""}.get(
            tree["Var"]
        )
    if "." in tree:
        left = _path(tree["."]["left"], shape)
        return None if left is None else f"{left}.{tree['.']['attr']}".lstrip(".")
    return None


def _mentions(tree: Any, shape: ActionShape) -> list[Mention]:
    """The facts and written texts that an expression may stand for."""
    if not isinstance(tree, dict):
        return []
    if "Value" in tree:
        value = tree["Value"]
        if isinstance(value, str):
            return [Written(value)]
        if isinstance(value, dict) and "__entity" in value:
            return [Written(value["__entity"]["id"])]
        return []
    if "Set" in tree:
        return [mention for part in tree["Set"] for mention in _mentions(part, shape)]
    if "if-then-else" in tree:
        branches = tree["if-then-else"]
        return [*_mentions(branches["then"], shape), *_mentions(branches["else"], shape)]
    path = _path(tree, shape)
    if path is None:
        return []
    if tree.get("Var") in ("principal", "resource"):
        path = f"{path}.id"
    leaf = shape.leaves.get(path)
    return [Fact(path)] if leaf and leaf.type in (LeafType.STRING, LeafType.STRINGS) else []


def _pattern(parts: Sequence[Any]) -> Pattern:
    pattern: list[str | None] = []
    for part in parts:
        if part == "Wildcard":
            pattern.append(None)
        elif isinstance(part, dict) and isinstance(part.get("Literal"), str):
            pattern.append(part["Literal"])
        else:
            raise ProofError(f"`{part}` is no part of a pattern")
    return tuple(pattern)


# --- Translation --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A policy over a symbolic request. satisfied: it applies, without error. errs: evaluating it is an error."""

    satisfied: Formula
    errs: Formula


class Translator:
    """Translates policies over one symbolic request."""

    def __init__(self, request: SymbolicRequest) -> None:
        self._request = request
        self._shape = request.shape
        self._where = ""
        # The tree is kept beside its value, so that its identity stays its own.
        self._known: dict[int, tuple[Json, Value]] = {}
        groups = {name: self._fact(member, name) for name, member in self._shape.facts.members.items()}
        principal = groups.pop(PRINCIPAL_GROUP)
        resource = groups.pop(self._shape.resource_group)
        self._variables: dict[str, Value] = {
            "principal": self._entity(self._shape.principal_type, PRINCIPAL_GROUP, principal),
            "resource": self._entity(self._shape.resource_type, self._shape.resource_group, resource),
            "action": Entity("Action", _written(self._shape.action), {}),
            "context": Group(groups),
        }

    def _fact(self, member: Leaf | Record, path: str) -> Value:
        if isinstance(member, Record):
            return Group(
                {name: self._fact(inner, f"{path}.{name}") for name, inner in member.members.items()}
            )
        symbol = self._request.symbols[path]
        match symbol.type:
            case LeafType.BOOL:
                return Truth(symbol.terms[0])
            case LeafType.LONG:
                return Number("long", symbol.terms[0])
            case LeafType.DATETIME:
                return Number("datetime", symbol.terms[0])
            case LeafType.STRING:
                assert symbol.texts is not None
                return Text(((TRUE, (symbol.texts, symbol.terms[0])),))
            case _:
                assert symbol.texts is not None
                return Texts(symbol.texts, symbol.terms)

    @staticmethod
    def _entity(type_name: str, group: str, facts: Value) -> Entity:
        """The request's `id` of a group is both its entity's id and an attribute (`policy/facts.py`)."""
        assert isinstance(facts, Group)
        identifier = facts.members.get("id")
        if not isinstance(identifier, Text):
            raise ProofError(f"the group `{group}` has no text `id`, by which its entity would be known")
        return Entity(type_name, identifier, facts.members)

    def policy(self, cedar: Json, where: str) -> Evaluated:
        """Scope and conditions of one policy. where: pack and id, for errors."""
        self._where = where
        value: Formula = TRUE
        error: Formula = FALSE
        for part in (
            self._in_scope(cedar["principal"], "principal"),
            self._in_scope(cedar["action"], "action"),
            self._in_scope(cedar["resource"], "resource"),
        ):
            value = both(value, part)
        for condition in cedar["conditions"]:
            if value is FALSE:
                break
            held = self._truth(self.value(condition["body"]))
            wanted = held.value if condition["kind"] == "when" else negated(held.value)
            error = either(error, both(value, held.error))
            value = both(value, negated(held.error), wanted)
        return Evaluated(both(value, negated(error)), error)

    def _in_scope(self, scope: Json, variable: str) -> Formula:
        subject = self._variables[variable]
        assert isinstance(subject, Entity)
        operator = scope["op"]
        if operator == "All":
            return TRUE
        if operator == "is":
            fits = _constant(subject.type == scope["entity_type"])
            inside = scope.get("in")
            return both(fits, self._same(subject, _literal(inside["entity"]))) if inside else fits
        if operator in ("==", "in"):
            named = scope.get("entities") or ([scope["entity"]] if "entity" in scope else [])
            return either(*(self._same(subject, _literal(entity)) for entity in named))
        raise UntranslatableError(self._where, scope, "no translation of this scope")

    def value(self, tree: Json) -> Value:
        """One expression. Raises: UntranslatableError."""
        # By identity: policies that differ in one point share everything else.
        known = self._known.get(id(tree))
        if known is not None:
            return known[1]
        if not isinstance(tree, dict) or len(tree) != 1:
            raise UntranslatableError(self._where, tree, "no expression")
        ((operator, operands),) = tree.items()
        if operator in _OPERATORS:
            value = _OPERATORS[operator](self, operands)
        elif operator in _METHODS:
            value = self._method(operator, [self.value(operand) for operand in operands], tree)
        else:
            raise UntranslatableError(self._where, tree, f"no translation of `{operator}`")
        self._known[id(tree)] = tree, value
        return value

    # Literals, variables, attributes

    def _value(self, value: Any) -> Value:
        if isinstance(value, bool):
            return Truth(_constant(value))
        if isinstance(value, int):
            return Number("long", z3.IntVal(value))
        if isinstance(value, str):
            return _written(value)
        if isinstance(value, dict) and "__entity" in value:
            return _literal(value["__entity"])
        raise UntranslatableError(self._where, value, "no translation of this literal")

    def _var(self, name: str) -> Value:
        return self._variables[name]

    def _set(self, parts: list[Json]) -> Value:
        elements = tuple(self.value(part) for part in parts)
        return Listed(elements, either(*(element.error for element in elements)))

    def _record(self, parts: Json) -> Value:
        members = {name: self.value(part) for name, part in parts.items()}
        return Group(members, either(*(member.error for member in members.values())))

    def _attribute(self, operands: Json) -> Value:
        owner = self.value(operands["left"])
        if not isinstance(owner, Group | Entity) or operands["attr"] not in owner.members:
            return WRONG
        member = owner.members[operands["attr"]]
        return member if owner.error is FALSE else _erring(member, owner.error)

    def _has(self, operands: Json) -> Value:
        owner = self.value(operands["left"])
        if not isinstance(owner, Group | Entity):
            return WRONG
        return Truth(_constant(operands["attr"] in owner.members), owner.error)

    # Logic

    @staticmethod
    def _truth(value: Value) -> Truth:
        return value if isinstance(value, Truth) else Truth(FALSE, TRUE)

    def _not(self, operands: Json) -> Value:
        held = self._truth(self.value(operands["arg"]))
        return Truth(negated(held.value), held.error)

    def _and(self, operands: Json) -> Value:
        left, right = self._truth(self.value(operands["left"])), self._truth(self.value(operands["right"]))
        return Truth(both(left.value, right.value), either(left.error, both(left.value, right.error)))

    def _or(self, operands: Json) -> Value:
        left, right = self._truth(self.value(operands["left"])), self._truth(self.value(operands["right"]))
        return Truth(
            either(left.value, right.value), either(left.error, both(negated(left.value), right.error))
        )

    def _if(self, operands: Json) -> Value:
        asked = self._truth(self.value(operands["if"]))
        one, other = self.value(operands["then"]), self.value(operands["else"])
        error = either(asked.error, both(asked.value, one.error), both(negated(asked.value), other.error))
        return _erring(self._chosen(asked.value, one, other, operands), error, replacing=True)

    def _chosen(self, asked: Formula, one: Value, other: Value, operands: Json) -> Value:
        match one, other:
            case (Wrong(), _):
                return other
            case (_, Wrong()):
                return one
            case (Truth(), Truth()):
                return Truth(z3.If(asked, one.value, other.value))
            case (Number(), Number()) if one.kind == other.kind:
                return Number(one.kind, z3.If(asked, one.value, other.value))
            case (Text(), Text()):
                chosen = [(both(asked, guard), text) for guard, text in one.options]
                return Text(
                    (*chosen, *((both(negated(asked), guard), text) for guard, text in other.options))
                )
        raise UntranslatableError(self._where, operands, "no translation of `if` between values of this type")

    # Comparison

    def _equal(self, operands: Json) -> Value:
        left, right = self.value(operands["left"]), self.value(operands["right"])
        if isinstance(left, Wrong) or isinstance(right, Wrong):
            return WRONG
        return Truth(self._same(left, right), either(left.error, right.error))

    def _unequal(self, operands: Json) -> Value:
        equal = self._truth(self._equal(operands))
        return Truth(negated(equal.value), equal.error)

    def _same(self, left: Value, right: Value) -> Formula:
        match left, right:
            case (Truth(), Truth()):
                return left.value == right.value
            case (Number(), Number()):
                return left.value == right.value if left.kind == right.kind else FALSE
            case (Text(), Text()):
                return either(
                    *(both(g, h, _same_text(a, b)) for g, a in left.options for h, b in right.options)
                )
            case (Entity(), Entity()):
                return self._same(left.id, right.id) if left.type == right.type else FALSE
            case (Group(), Group()):
                if left.members.keys() != right.members.keys():
                    return FALSE
                return both(*(self._same(left.members[name], right.members[name]) for name in left.members))
            case (Texts() | Listed(), Texts() | Listed()):
                return both(self._covers(left, right), self._covers(right, left))
        return FALSE

    def _ordered(self, operands: Json, compare: Callable[[Formula, Formula], Formula]) -> Value:
        left, right = self.value(operands["left"]), self.value(operands["right"])
        if not (isinstance(left, Number) and isinstance(right, Number) and left.kind == right.kind):
            return WRONG
        return Truth(compare(left.value, right.value), either(left.error, right.error))

    def _like(self, operands: Json) -> Value:
        subject = self.value(operands["left"])
        pattern = _pattern(operands["pattern"])
        if not isinstance(subject, Text):
            return WRONG
        found = []
        for guard, text in subject.options:
            if isinstance(text, str):
                found.append(both(guard, _constant(fits(text, pattern))))
            else:
                texts, code = text
                members = [code == n for n, member in enumerate(texts.members) if fits(member, pattern)]
                found.append(both(guard, either(*members)))
        return Truth(either(*found), subject.error)

    def _is(self, operands: Json) -> Value:
        subject = self.value(operands["left"])
        if not isinstance(subject, Entity):
            return WRONG
        fits = _constant(subject.type == operands["entity_type"])
        if "in" not in operands:
            return Truth(fits, subject.error)
        inside = self._truth(self._in({"left": operands["left"], "right": operands["in"]}))
        # As `is T && in E`: what is of another type is not looked at further.
        return Truth(both(fits, inside.value), either(subject.error, both(fits, inside.error)))

    def _in(self, operands: Json) -> Value:
        left, right = self.value(operands["left"]), self.value(operands["right"])
        above = right.elements if isinstance(right, Listed) else (right,)
        if not isinstance(left, Entity) or not all(isinstance(entity, Entity) for entity in above):
            return WRONG
        return Truth(either(*(self._same(left, entity) for entity in above)), either(left.error, right.error))

    # Sets

    def _covers(self, whole: Texts | Listed, part: Texts | Listed) -> Formula:
        """That each member of `part` is in `whole`."""
        if isinstance(part, Listed):
            return both(*(self._holds(whole, element) for element in part.elements))
        if isinstance(whole, Texts):
            if whole.texts is not part.texts:
                raise UntranslatableError(self._where, part, "two sets of different classes are compared")
            return both(*(either(negated(p), w) for p, w in zip(part.bits, whole.bits, strict=True)))
        members = (_member(part.texts, n) for n in range(len(part.bits)))
        return both(
            *(either(negated(bit), self._holds(whole, m)) for bit, m in zip(part.bits, members, strict=True))
        )

    def _holds(self, whole: Texts | Listed, element: Value) -> Formula:
        if isinstance(whole, Listed):
            return either(*(self._same(member, element) for member in whole.elements))
        if not isinstance(element, Text):
            return FALSE
        found = []
        for guard, text in element.options:
            if isinstance(text, str):
                found.append(both(guard, whole.bits[whole.texts.code(text)]))
                continue
            texts, code = text
            if texts is not whole.texts:
                raise UntranslatableError(self._where, element, "a text and a set of different classes meet")
            if z3.is_bv_value(code):
                found.append(both(guard, whole.bits[code.as_long()]))
            else:
                found.append(both(guard, either(*(both(code == n, bit) for n, bit in enumerate(whole.bits)))))
        return either(*found)

    def _sets(self, operands: Json) -> tuple[Texts | Listed, Texts | Listed, Formula] | None:
        left, right = self.value(operands["left"]), self.value(operands["right"])
        if not (isinstance(left, Texts | Listed) and isinstance(right, Texts | Listed)):
            return None
        return left, right, either(left.error, right.error)

    def _contains(self, operands: Json) -> Value:
        whole, element = self.value(operands["left"]), self.value(operands["right"])
        if not isinstance(whole, Texts | Listed) or isinstance(element, Wrong):
            return WRONG
        return Truth(self._holds(whole, element), either(whole.error, element.error))

    def _contains_all(self, operands: Json) -> Value:
        sets = self._sets(operands)
        return WRONG if sets is None else Truth(self._covers(sets[0], sets[1]), sets[2])

    def _contains_any(self, operands: Json) -> Value:
        sets = self._sets(operands)
        if sets is None:
            return WRONG
        left, right, error = sets
        if isinstance(left, Texts) and isinstance(right, Texts):
            if left.texts is not right.texts:
                raise UntranslatableError(self._where, operands, "two sets of different classes are compared")
            met = either(*(both(one, other) for one, other in zip(left.bits, right.bits, strict=True)))
        else:
            listed, other = (left, right) if isinstance(left, Listed) else (right, left)
            assert isinstance(listed, Listed)
            met = either(*(self._holds(other, element) for element in listed.elements))
        return Truth(met, error)

    def _is_empty(self, operands: Json) -> Value:
        subject = self.value(operands["arg"])
        match subject:
            case Texts():
                return Truth(both(*(negated(bit) for bit in subject.bits)), subject.error)
            case Listed():
                return Truth(_constant(not subject.elements), subject.error)
        return WRONG

    # Numbers

    def _arithmetic(self, operands: Json, compute: Callable[[Formula, Formula], Formula]) -> Value:
        left, right = self.value(operands["left"]), self.value(operands["right"])
        if not (_is_long(left) and _is_long(right)):
            return WRONG
        assert isinstance(left, Number) and isinstance(right, Number)
        return _bounded("long", compute(left.value, right.value), either(left.error, right.error))

    def _negative(self, operands: Json) -> Value:
        number = self.value(operands["arg"])
        if not _is_long(number):
            return WRONG
        assert isinstance(number, Number)
        return _bounded("long", -number.value, number.error)

    # Instants and durations

    def _method(self, name: str, arguments: list[Value], tree: Json) -> Value:
        if name in ("datetime", "duration"):
            return self._extension(name, tree)
        numbers = [argument for argument in arguments if isinstance(argument, Number)]
        kinds, result = _METHODS[name]
        if [number.kind for number in numbers] != list(kinds) or len(arguments) != len(kinds):
            return WRONG
        error = either(*(number.error for number in numbers))
        first = numbers[0].value
        if name == "offset":
            return _bounded(result, first + numbers[1].value, error)
        if name == "durationSince":
            return _bounded(result, first - numbers[1].value, error)
        if name == "toDate":
            # Down to midnight, also before 1970; below the least midnight there is none.
            return _bounded(result, first - first % DAY, error)
        if name == "toTime":
            return Number(result, first % DAY, error)
        unit = _UNITS[name]
        # Cut off towards zero; the solvers' division rounds down.
        return Number(result, z3.If(first >= 0, first / unit, -(-first / unit)), error)

    def _extension(self, name: str, tree: Json) -> Value:
        (operands,) = tree.values()
        if len(operands) != 1 or not isinstance(operands[0].get("Value"), str):
            raise UntranslatableError(self._where, tree, f"`{name}` of anything but a written text")
        text = operands[0]["Value"]
        count = _read_instant(text) if name == "datetime" else _read_duration(text)
        return WRONG if count is None else Number(name, z3.IntVal(count))


def _is_long(value: Value) -> bool:
    return isinstance(value, Number) and value.kind == "long"


def _bounded(kind: str, value: Formula, error: Formula) -> Number:
    overflows = z3.Or(value < LEAST_LONG, value > MOST_LONG)
    return Number(kind, value, either(error, z3.simplify(overflows)))


def _erring(value: Value, error: Formula, *, replacing: bool = False) -> Value:
    error = error if replacing else either(value.error, error)
    match value:
        case Truth():
            return Truth(value.value, error)
        case Number():
            return Number(value.kind, value.value, error)
        case Text():
            return Text(value.options, error)
        case Texts():
            return Texts(value.texts, value.bits, error)
        case Listed():
            return Listed(value.elements, error)
        case Group():
            return Group(value.members, error)
        case Entity():
            return Entity(value.type, value.id, value.members, error)
        case _:
            return WRONG


def _literal(entity: Json) -> Entity:
    return Entity(entity["type"], _written(entity["id"]), {})


def _member(texts: TextClass, number: int) -> Text:
    """A member of a class as a text of its own, so that each is compared by its number."""
    if number < texts.written:
        return _written(texts.members[number])
    return Text(((TRUE, (texts, z3.BitVecVal(number, texts.width))),))


def _same_text(one: "str | tuple[TextClass, Formula]", other: "str | tuple[TextClass, Formula]") -> Formula:
    match one, other:
        case (str(), str()):
            return _constant(one == other)
        case (str(), (texts, code)) | ((texts, code), str()):
            number = texts.code(one if isinstance(one, str) else str(other))
            return _constant(code.as_long() == number) if z3.is_bv_value(code) else code == number
        case ((texts, code), (other_texts, other_code)):
            if texts is not other_texts:
                raise ProofError("two texts of different classes are compared")
            return code == other_code
    raise AssertionError


_OPERATORS: Mapping[str, Callable[[Translator, Any], Value]] = {
    "Value": Translator._value,
    "Var": Translator._var,
    "Set": Translator._set,
    "Record": Translator._record,
    ".": Translator._attribute,
    "has": Translator._has,
    "!": Translator._not,
    "&&": Translator._and,
    "||": Translator._or,
    "if-then-else": Translator._if,
    "==": Translator._equal,
    "!=": Translator._unequal,
    "<": lambda self, operands: self._ordered(operands, lambda a, b: a < b),
    "<=": lambda self, operands: self._ordered(operands, lambda a, b: a <= b),
    ">": lambda self, operands: self._ordered(operands, lambda a, b: a > b),
    ">=": lambda self, operands: self._ordered(operands, lambda a, b: a >= b),
    "like": Translator._like,
    "is": Translator._is,
    "in": Translator._in,
    "contains": Translator._contains,
    "containsAll": Translator._contains_all,
    "containsAny": Translator._contains_any,
    "isEmpty": Translator._is_empty,
    "+": lambda self, operands: self._arithmetic(operands, lambda a, b: a + b),
    "-": lambda self, operands: self._arithmetic(operands, lambda a, b: a - b),
    "*": lambda self, operands: self._arithmetic(operands, lambda a, b: a * b),
    "neg": Translator._negative,
}

# Function or method: kinds of its operands, kind of its result.
_METHODS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "datetime": ((), "datetime"),
    "duration": ((), "duration"),
    "offset": (("datetime", "duration"), "datetime"),
    "durationSince": (("datetime", "datetime"), "duration"),
    "toDate": (("datetime",), "datetime"),
    "toTime": (("datetime",), "duration"),
    "toMilliseconds": (("duration",), "long"),
    "toSeconds": (("duration",), "long"),
    "toMinutes": (("duration",), "long"),
    "toHours": (("duration",), "long"),
    "toDays": (("duration",), "long"),
}
_UNITS = {"toMilliseconds": 1, "toSeconds": 1000, "toMinutes": 60_000, "toHours": 3_600_000, "toDays": DAY}

_DATETIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{3}))?(?:Z|([+-])(\d{2})(\d{2})))?", re.ASCII
)
_DURATION = re.compile(r"(-?)(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)


def _read_instant(text: str) -> int | None:
    found = _DATETIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, thousandth = (int(part or 0) for part in found.groups()[:7])
    try:
        offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0))
        zone = timezone(-offset if found[8] == "-" else offset) if found[8] else UTC
        at = datetime(year, month, day, hour, minute, second, thousandth * 1000, tzinfo=zone)
    except ValueError:
        return None
    return milliseconds(at)


def _read_duration(text: str) -> int | None:
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    units = (DAY, 3_600_000, 60_000, 1000, 1)
    count = sum(int(part or 0) * unit for part, unit in zip(found.groups()[1:], units, strict=True))
    count = -count if found[1] else count
    return count if LEAST_LONG <= count <= MOST_LONG else None
