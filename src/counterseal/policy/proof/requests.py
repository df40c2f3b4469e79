"""A request of one action as symbols: each fact a constant of the solver, and back again to facts in JSON.

Two domains:
- `cedar`: whatever the schema admits and JSON can state: whole numbers of 64 bits with sign, instants of the
  years 1 to 9999, texts and sets of any length.
- `gateway`: what `policy/facts.py` lets through: of whole numbers only counts, from zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from counterseal.policy.engine import Json
from counterseal.policy.facts import read_instant
from counterseal.policy.proof.errors import ProofError
from counterseal.policy.proof.solvers import Formula, z3
from counterseal.policy.proof.texts import TextClass, TextClasses
from counterseal.policy.schema import ActionShape, LeafType

LEAST_LONG, MOST_LONG = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(at: datetime) -> int:
    """An instant as Cedar counts it: milliseconds since 1970, cut off."""
    return (at - _EPOCH) // _MILLISECOND


_FIRST = milliseconds(datetime(1, 1, 1, tzinfo=UTC))
_LAST = milliseconds(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Symbol:
    """One fact. terms: one constant, or for a set of texts one truth for each member of its class."""

    path: str
    type: LeafType
    terms: tuple[Formula, ...]
    texts: TextClass | None


class SymbolicRequest:
    """The facts of one action, as symbols."""

    def __init__(self, shape: ActionShape, classes: TextClasses) -> None:
        self.shape = shape
        types = {path: leaf.type for path, leaf in shape.leaves.items()}
        closed = classes.close(types)
        self.symbols = {path: _symbol(path, kind, closed.get(path)) for path, kind in types.items()}
        # Names that an example gives to fresh members, so that a witness near it reads like it.
        self._names: dict[tuple[int, int], str] = {}

    def domain(self, *, gateway: bool) -> list[Formula]:
        """What every request of the domain satisfies."""
        bounds = []
        for symbol in self.symbols.values():
            (term, *_) = symbol.terms or (None,)
            if symbol.type is LeafType.LONG:
                bounds += [term >= (0 if gateway else LEAST_LONG), term <= MOST_LONG]
            elif symbol.type is LeafType.DATETIME:
                bounds += [term >= _FIRST, term <= _LAST]
            elif symbol.type is LeafType.STRING:
                assert symbol.texts is not None
                if len(symbol.texts.members) < 2**symbol.texts.width:
                    bounds.append(z3.ULT(term, len(symbol.texts.members)))
        return bounds

    def equals(self, path: str, value: object) -> Formula | None:
        """That a fact has a value, or None where no member of its class can stand for the value."""
        symbol = self.symbols[path]
        match symbol.type:
            case LeafType.BOOL:
                return symbol.terms[0] == bool(value)
            case LeafType.LONG:
                return symbol.terms[0] == int(str(value))
            case LeafType.DATETIME:
                at = read_instant(value)
                return None if at is None else symbol.terms[0] == milliseconds(at)
            case LeafType.STRING:
                code = self._code(symbol, str(value))
                return None if code is None else symbol.terms[0] == code
            case _:
                assert isinstance(value, list | tuple)
                codes = {self._code(symbol, str(text)) for text in value}
                if None in codes:
                    return None
                return z3.And([term == (code in codes) for code, term in enumerate(symbol.terms)])

    def _code(self, symbol: Symbol, text: str) -> int | None:
        texts = symbol.texts
        assert texts is not None
        if text in texts.members:
            return texts.members.index(text)
        named = {code: name for (which, code), name in self._names.items() if which == id(texts)}
        for code, name in named.items():
            if name == text:
                return code
        if texts.patterns:
            return None
        for code in range(texts.written, len(texts.members)):
            if code not in named:
                self._names[id(texts), code] = text
                return code
        return None

    def facts(self, model: Formula, example: Json) -> Json:
        """The request that a model describes, as `counterseal decide` reads it.

        example: a request whose sets are kept in their order where they are the same.
        """
        request: Json = {"action": self.shape.action}
        for path, symbol in self.symbols.items():
            group = request
            *groups, name = path.split(".")
            for part in groups:
                group = group.setdefault(part, {})
            value, before = self._value(symbol, model), value_at(example, path)
            same = isinstance(value, list) and isinstance(before, list) and sorted(value) == sorted(before)
            group[name] = before if same else value
        return request

    def _value(self, symbol: Symbol, model: Formula) -> object:
        values = [model.eval(term, model_completion=True) for term in symbol.terms]
        match symbol.type:
            case LeafType.BOOL:
                return z3.is_true(values[0])
            case LeafType.LONG:
                return values[0].as_long()
            case LeafType.DATETIME:
                return instant_text(values[0].as_long())
            case LeafType.STRING:
                return self._text(symbol, values[0].as_long())
            case _:
                return [self._text(symbol, code) for code, bit in enumerate(values) if z3.is_true(bit)]

    def _text(self, symbol: Symbol, code: int) -> str:
        assert symbol.texts is not None
        return self._names.get((id(symbol.texts), code), symbol.texts.members[code])


def instant_text(count: int) -> str:
    """Milliseconds since 1970 as RFC 3339. Raises: ProofError: outside of the years 1 to 9999."""
    try:
        at = _EPOCH + count * _MILLISECOND
    except OverflowError as error:
        raise ProofError(f"{count} ms since 1970 is no instant of the years 1 to 9999") from error
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


def _symbol(path: str, kind: LeafType, texts: TextClass | None) -> Symbol:
    match kind:
        case LeafType.BOOL:
            terms: tuple[Formula, ...] = (z3.Bool(path),)
        case LeafType.LONG | LeafType.DATETIME:
            terms = (z3.Int(path),)
        case LeafType.STRING:
            assert texts is not None
            terms = (z3.BitVec(path, texts.width),)
        case LeafType.STRINGS:
            assert texts is not None
            terms = tuple(z3.Bool(f"{path} has {code}") for code in range(len(texts.members)))
        case _:
            raise ProofError(f"the fact `{path}` has the type `{kind}`, which has no symbol")
    return Symbol(path, kind, terms, texts)


def value_at(facts: Mapping[str, Any], path: str) -> object:
    """The fact of a request by dotted path, or None."""
    value: Any = facts
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
