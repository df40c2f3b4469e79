"""Claims about permitted requests, written by hand apart from the policies, in a small language of facts.

A claim is an expression in the syntax of Python, over the facts of `docs/reference/facts.md`:
    service.status in {"approved", "approved-with-conditions"} and service.approval_expires > at
    not exigency.claimed or exigency.approver != person.id
    probe.bases_of_collection <= protected         # each of them; `protected` is a list of [words]
    at + hours(48), empty(a & b), instant("2025-01-15T00:00:00Z"), action == "identification"
    owes("exigent-approval")                       # the permit opens this obligation

It has no errors, no short cut and no default: a fact is stated or the claim cannot be read for the action. The
same claim can be asked of a solver and of a concrete request; nothing here is shared with `cedar.py`.
"""

import ast
import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from counterseal.policy.engine import Json
from counterseal.policy.facts import read_instant
from counterseal.policy.proof.errors import UntranslatableError
from counterseal.policy.proof.requests import SymbolicRequest, milliseconds, value_at
from counterseal.policy.proof.solvers import Formula, z3
from counterseal.policy.proof.texts import Fact, Mention, TextClasses, Written
from counterseal.policy.schema import ActionShape, LeafType

_HOUR = 3_600_000
_ORDER: Mapping[type[ast.cmpop], Callable[[Formula, Formula], Formula]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SPANS = {"hours": _HOUR, "days": 24 * _HOUR}


@dataclass(frozen=True, slots=True)
class Claim:
    """One expression. words: lists that it may name. where: the file and table it stands in."""

    text: str
    where: str
    words: Mapping[str, tuple[str, ...]]
    tree: ast.expr = field(repr=False, compare=False)

    @classmethod
    def read(cls, text: str, where: str, words: Mapping[str, tuple[str, ...]]) -> "Claim":
        """Read a claim. Raises: UntranslatableError."""
        try:
            # In brackets, so that a claim may run over several lines.
            tree = ast.parse(f"({text.strip()})", mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise UntranslatableError(where, text, f"the claim cannot be read ({error})") from error
        return cls(text.strip(), where, words, tree)

    def facts(self) -> frozenset[str]:
        """The facts that it names, by dotted path."""
        paths = {_path(node) or "" for node in _outermost(self.tree)}
        return frozenset(paths - {"", "action", *self.words})

    def missing(self, shape: ActionShape) -> tuple[str, ...]:
        """The facts that it names and an action does not have."""
        return tuple(sorted(self.facts() - shape.leaves.keys()))

    def note_texts(self, shape: ActionShape, classes: TextClasses) -> None:
        """Tell `classes` which texts it compares."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Compare():
                    classes.compare(
                        mention
                        for side in (node.left, *node.comparators)
                        for mention in self._mentions(side, shape)
                    )
                case ast.BinOp():
                    classes.compare(
                        mention for side in (node.left, node.right) for mention in self._mentions(side, shape)
                    )

    def _mentions(self, node: ast.expr, shape: ActionShape) -> Iterator[Mention]:
        match node:
            case ast.Constant(value=str() as text):
                yield Written(text)
            case ast.Set(elts=elements):
                for element in elements:
                    yield from self._mentions(element, shape)
            case ast.BinOp(left=left, right=right):
                yield from self._mentions(left, shape)
                yield from self._mentions(right, shape)
            case ast.Name(id=name) if name in self.words:
                yield from map(Written, self.words[name])
            case ast.Name() | ast.Attribute():
                path = _path(node)
                leaf = shape.leaves.get(path or "")
                if path and leaf and leaf.type in (LeafType.STRING, LeafType.STRINGS):
                    yield Fact(path)

    def formula(self, request: SymbolicRequest, owes: Callable[[str], Formula]) -> Formula:
        """The claim over a symbolic request. owes: when an obligation opens. Raises: UntranslatableError."""
        return _Symbolic(self, request, owes).truth(self.tree)

    def holds(self, facts: Json, shape: ActionShape, owed: Collection[str] = ()) -> bool:
        """Whether it holds of a concrete request that opens `owed`. Raises: UntranslatableError."""
        return _Concrete(self, facts, shape, owed).truth(self.tree)


def _path(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = _path(node.value)
        return None if left is None else f"{left}.{node.attr}"
    return None


def _outermost(tree: ast.expr) -> Iterator[ast.expr]:
    """Names and dotted names, each at its full length; names of functions apart."""
    if isinstance(tree, ast.Name | ast.Attribute):
        yield tree
        return
    children: Sequence[ast.AST] = (
        tree.args if isinstance(tree, ast.Call) else list(ast.iter_child_nodes(tree))
    )
    for child in children:
        if isinstance(child, ast.expr):
            yield from _outermost(child)


class _Reading:
    """What both readings of a claim have in common: its grammar."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim

    def error(self, node: ast.AST, says: str) -> UntranslatableError:
        return UntranslatableError(self.claim.where, ast.unparse(node), says)

    def written(self, node: ast.expr) -> tuple[str, ...] | None:
        """A set of texts that is written out or named."""
        match node:
            case ast.Name(id=name) if name in self.claim.words:
                return self.claim.words[name]
            case ast.Set(elts=elements):
                texts = tuple(
                    e.value for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, str)
                )
                if len(texts) != len(elements):
                    raise self.error(node, "a set of anything but written texts")
                return texts
        return None

    def count(self, node: ast.expr) -> int | None:
        """A whole number, an instant or a span that is written out; spans and instants in milliseconds."""
        match node:
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                return number
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=int() as n)]) if name in _SPANS:
                return n * _SPANS[name]
            case ast.Call(func=ast.Name(id="instant"), args=[ast.Constant(value=str() as text)]):
                at = read_instant(text)
                if at is None:
                    raise self.error(node, "this is no instant")
                return milliseconds(at)
        return None


class _Symbolic(_Reading):
    """A claim as a formula."""

    def __init__(self, claim: Claim, request: SymbolicRequest, owes: Callable[[str], Formula]) -> None:
        super().__init__(claim)
        self.request = request
        self.owes = owes

    def truth(self, node: ast.expr) -> Formula:
        match node:
            case ast.BoolOp(op=op, values=values):
                parts = [self.truth(value) for value in values]
                return z3.And(parts) if isinstance(op, ast.And) else z3.Or(parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return z3.Not(self.truth(operand))
            case ast.Constant(value=bool() as value):
                return z3.BoolVal(value)
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [left, *others]
                pairs = zip(ops, sides, sides[1:], strict=False)
                return z3.And([self.compared(op, one, other, node) for op, one, other in pairs])
            case ast.Call(func=ast.Name(id="empty"), args=[of]):
                return z3.Not(z3.Or(list(self.bits(of))))
            case ast.Call(func=ast.Name(id="owes"), args=[ast.Constant(value=str() as name)]):
                return self.owes(name)
            case ast.Name() | ast.Attribute():
                symbol = self.request.symbols.get(_path(node) or "")
                if symbol is not None and symbol.type is LeafType.BOOL:
                    return symbol.terms[0]
        raise self.error(node, "no claim, or one about facts of another type")

    def compared(self, op: ast.cmpop, left: ast.expr, right: ast.expr, node: ast.expr) -> Formula:
        if isinstance(op, ast.In | ast.NotIn):
            found = self.member(left, right)
            return found if isinstance(op, ast.In) else z3.Not(found)
        if isinstance(op, ast.Eq | ast.NotEq):
            same = self.same(left, right, node)
            return same if isinstance(op, ast.Eq) else z3.Not(same)
        compare = _ORDER.get(type(op))
        if compare is None:
            raise self.error(node, "no comparison of claims")
        if self.is_set(left) or self.is_set(right):
            if not isinstance(op, ast.LtE):
                raise self.error(node, "sets are compared with `<=` only")
            pairs = zip(*self.aligned(left, right, node), strict=True)
            return z3.And([z3.Implies(one, other) for one, other in pairs])
        return compare(self.number(left), self.number(right))

    def same(self, left: ast.expr, right: ast.expr, node: ast.expr) -> Formula:
        if _path(left) == "action" or _path(right) == "action":
            name = right if _path(left) == "action" else left
            return z3.BoolVal(isinstance(name, ast.Constant) and name.value == self.request.shape.action)
        if self.is_set(left) or self.is_set(right):
            pairs = zip(*self.aligned(left, right, node), strict=True)
            return z3.And([one == other for one, other in pairs])
        kinds = {self.kind(left), self.kind(right)} - {None}
        if kinds == {LeafType.STRING}:
            return self.text(left, right) == self.text(right, left)
        if kinds == {LeafType.BOOL}:
            return self.truth(left) == self.truth(right)
        return self.number(left) == self.number(right)

    def kind(self, node: ast.expr) -> LeafType | None:
        symbol = self.request.symbols.get(_path(node) or "")
        return symbol.type if symbol is not None else None

    def is_set(self, node: ast.expr) -> bool:
        return (
            self.kind(node) is LeafType.STRINGS
            or self.written(node) is not None
            or (
                isinstance(node, ast.BinOp)
                and isinstance(node.op, ast.BitAnd | ast.Sub)
                and self.is_set(node.left)
            )
        )

    def text(self, node: ast.expr, beside: ast.expr) -> Formula:
        symbol = self.request.symbols.get(_path(node) or "")
        if symbol is not None and symbol.type is LeafType.STRING:
            return symbol.terms[0]
        other = self.request.symbols.get(_path(beside) or "")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and other and other.texts:
            return other.texts.code(node.value)
        raise self.error(node, "this is no text")

    def number(self, node: ast.expr) -> Formula:
        count = self.count(node)
        if count is not None:
            return z3.IntVal(count)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            left, right = self.number(node.left), self.number(node.right)
            return left + right if isinstance(node.op, ast.Add) else left - right
        symbol = self.request.symbols.get(_path(node) or "")
        if symbol is not None and symbol.type in (LeafType.LONG, LeafType.DATETIME):
            return symbol.terms[0]
        raise self.error(node, "this is no number and no instant")

    def bits(self, node: ast.expr) -> tuple[Formula, ...]:
        """A set that rests on a fact, a truth for each member of its class."""
        symbol = self.request.symbols.get(_path(node) or "")
        if symbol is not None and symbol.type is LeafType.STRINGS:
            return symbol.terms
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.Sub):
            pairs = zip(*self.aligned(node.left, node.right, node), strict=True)
            without = isinstance(node.op, ast.Sub)
            return tuple(z3.And(one, z3.Not(other) if without else other) for one, other in pairs)
        raise self.error(node, "this is no set of facts")

    def aligned(
        self, left: ast.expr, right: ast.expr, node: ast.expr
    ) -> tuple[Sequence[Formula], Sequence[Formula]]:
        """Two sets as truths in the same order, one of them possibly written out."""
        one, other = self.written(left), self.written(right)
        if one is not None and other is not None:
            raise self.error(node, "two sets that are both written out")
        if other is not None:
            bits = self.bits(left)
            return bits, self.row(other, self.texts_of(left), node)
        if one is not None:
            bits = self.bits(right)
            return self.row(one, self.texts_of(right), node), bits
        return self.bits(left), self.bits(right)

    def row(self, texts: tuple[str, ...], members: tuple[str, ...], node: ast.expr) -> Sequence[Formula]:
        if not set(texts) <= set(members):
            raise self.error(node, "a text of another class")
        return [z3.BoolVal(member in texts) for member in members]

    def texts_of(self, node: ast.expr) -> tuple[str, ...]:
        while isinstance(node, ast.BinOp):
            node = node.left
        symbol = self.request.symbols.get(_path(node) or "")
        if symbol is None or symbol.texts is None:
            raise self.error(node, "this is no set of facts")
        return symbol.texts.members

    def member(self, element: ast.expr, whole: ast.expr) -> Formula:
        written = self.written(whole)
        if _path(element) == "action" and written is not None:
            return z3.BoolVal(self.request.shape.action in written)
        if written is not None:
            symbol = self.request.symbols.get(_path(element) or "")
            if symbol is None or symbol.texts is None or symbol.type is not LeafType.STRING:
                raise self.error(element, "this is no fact that is a text")
            return z3.Or([symbol.terms[0] == symbol.texts.code(text) for text in written])
        bits, texts = self.bits(whole), self.texts_of(whole)
        if isinstance(element, ast.Constant) and isinstance(element.value, str):
            return bits[texts.index(element.value)]
        code = self.text(element, whole)
        return z3.Or([z3.And(code == number, bit) for number, bit in enumerate(bits)])


class _Concrete(_Reading):
    """A claim about a request in JSON. Instants are compared as milliseconds."""

    def __init__(self, claim: Claim, facts: Json, shape: ActionShape, owed: Collection[str]) -> None:
        super().__init__(claim)
        self.facts = facts
        self.shape = shape
        self.owed = owed

    def truth(self, node: ast.expr) -> bool:
        match node:
            case ast.BoolOp(op=op, values=values):
                truths = [self.truth(value) for value in values]
                return all(truths) if isinstance(op, ast.And) else any(truths)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.truth(operand)
            case ast.Call(func=ast.Name(id="empty"), args=[of]):
                return not self.value(of)
            case ast.Call(func=ast.Name(id="owes"), args=[ast.Constant(value=str() as name)]):
                return name in self.owed
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [left, *others]
                return all(self.compared(op, a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
        value = self.value(node)
        if not isinstance(value, bool):
            raise self.error(node, "no claim")
        return value

    def compared(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> bool:
        one, other = self.value(left), self.value(right)
        match op:
            case ast.Eq():
                return bool(one == other)
            case ast.NotEq():
                return bool(one != other)
            case ast.In():
                return one in other
            case ast.NotIn():
                return one not in other
        return bool(_ORDER[type(op)](one, other))

    def value(self, node: ast.expr) -> Formula:
        written = self.written(node)
        if written is not None:
            return frozenset(written)
        count = self.count(node)
        if count is not None:
            return count
        match node:
            case ast.Constant():
                return node.value
            case ast.BinOp(left=left, op=op, right=right):
                one, other = self.value(left), self.value(right)
                if isinstance(op, ast.BitAnd):
                    return one & other
                return one + other if isinstance(op, ast.Add) else one - other
        path = _path(node)
        if path == "action":
            return self.shape.action
        leaf = self.shape.leaves.get(path or "")
        value = value_at(self.facts, path or "")
        if path is None or leaf is None or value is None:
            raise self.error(node, "no fact of this request")
        if leaf.type is LeafType.DATETIME:
            at = read_instant(value)
            if at is None:
                raise self.error(node, "this fact is no instant")
            return milliseconds(at)
        return frozenset(value) if isinstance(value, list | tuple) else value
