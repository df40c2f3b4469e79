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
        # By class, the fresh members that stand for texts of a request, so that a witness near it reads like it.
        self._names: dict[int, dict[str, int]] = {}

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
        terms = self.terms(path, value)
        if terms is None:
            return None
        return z3.And([term == meant for term, meant in zip(self.symbols[path].terms, terms, strict=True)])

    def terms(self, path: str, value: object) -> list[Formula] | None:
        """The values of a fact's symbols where the fact has this value, or None as above.

        A text that no formula names stands for itself until `forget`: the next one for another fresh member.
        """
        symbol = self.symbols[path]
        match symbol.type:
            case LeafType.BOOL:
                return [z3.BoolVal(bool(value))]
            case LeafType.LONG:
                return [z3.IntVal(int(str(value)))]
            case LeafType.DATETIME:
                at = read_instant(value)
                return None if at is None else [z3.IntVal(milliseconds(at))]
            case LeafType.STRING:
                assert symbol.texts is not None
                code = self._code(symbol, str(value))
                return None if code is None else [z3.BitVecVal(code, symbol.texts.width)]
            case _:
                assert isinstance(value, list | tuple)
                codes = {self._code(symbol, str(text)) for text in value}
                return None if None in codes else [z3.BoolVal(n in codes) for n in range(len(symbol.terms))]

    def forget(self) -> None:
        """Free the fresh members that stand for texts of a request."""
        self._names.clear()

    def _code(self, symbol: Symbol, text: str) -> int | None:
        texts = symbol.texts
        assert texts is not None
        if text in texts.members[: texts.written]:
            return texts.code(text)
        named = self._names.setdefault(id(texts), {})
        if text not in named:
            free = set(range(texts.written, len(texts.members))) - set(named.values())
            code = next((code for code in sorted(free) if texts.alike(text, code)), None)
            if code is None:
                return None
            named[text] = code
        return named[text]

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
        named = self._names.get(id(symbol.texts), {})
        for text, meant in named.items():
            if meant == code:
                return text
        text = symbol.texts.members[code]
        # A fresh member whose own text already stands for another one reads otherwise.
        while text in named:
            text += "-again"
        return text


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
