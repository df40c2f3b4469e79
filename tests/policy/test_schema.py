"""The reader of schemas reads what Cedar reads, and refuses what a safeguard could miss."""

import re
from pathlib import Path

import pytest

from counterseal.policy import PackError
from counterseal.policy.engine import Uid, compile_set, policies_of
from counterseal.policy.reads import asks_presence, compares, facts_read
from counterseal.policy.schema import LeafType, read_schema

HEAD = """\
entity Person = { @doc("the id") id: String };
entity Thing = { @doc("the id") id: String };
type Inner = { @doc("yes or no") yes: Bool, deep: { @doc("how many") many: Long, @doc("which") which: Set<String> } };
"""
CONTEXT = '{ @doc("when") at: datetime, inner: Inner }'
ACTION = (
    f'action act, "act-two" appliesTo {{ principal: [Person], resource: [Thing], context: {CONTEXT} }};\n'
)


def test_lists_every_fact_by_its_path() -> None:
    shapes = read_schema(HEAD + ACTION, Path("s"))

    assert set(shapes) == {"act", "act-two"}
    assert shapes["act"].resource_group == "thing"
    assert {path: leaf.type for path, leaf in shapes["act"].leaves.items()} == {
        "person.id": LeafType.STRING,
        "thing.id": LeafType.STRING,
        "at": LeafType.DATETIME,
        "inner.yes": LeafType.BOOL,
        "inner.deep.many": LeafType.LONG,
        "inner.deep.which": LeafType.STRINGS,
    }
    assert shapes["act"].leaves["inner.deep.many"].doc == "how many"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD, "the schema declares no action"),
        ("entity Person;", "expected `=`, found `;`"),
        ("namespace N { }", "expected `entity`, `type` or `action`, found `namespace`"),
        ("entity P = { id String };", "expected `:`, found `String`"),
        ('entity P = { @doc("d") id: String @doc("d") b: Bool };', "expected `}`, found `@`"),
        ('entity P = { @doc("d") id: String, @doc("d") id: Bool };', "`id` is declared twice in one record"),
        ('entity P = { @doc("d") id?: String };', "`id` is optional"),
        ("entity P = { id: String };", "`id` has no @doc"),
        (
            'entity P = { @doc("d") id: Long, @doc("d") ip: ipaddr };',
            "`ipaddr` is no type that a fact may have",
        ),
        ('entity P = { @doc("d") id: Set<Long> };', "`Set<Long>` is no type"),
        ("entity P = { }; entity P = { };", "`P` is declared twice"),
        ("entity P = { }; type P = { };", "`P` is declared twice"),
        ("entity 5 = { };", "unexpected character `5`"),
        ("entity = { };", "expected a name, found `=`"),
        ('entity P = { "\\q": Bool };', "cannot be read"),
        (HEAD + "action a appliesTo { principal: [Person] };", "needs `principal`, `resource` and `context`"),
        (
            HEAD + "action a appliesTo { principal: [Nobody], resource: [Thing], context: {} };",
            "`Nobody` is no entity",
        ),
        (
            HEAD + "action a appliesTo { principal: [Person], resource: [Thing], context: {} };",
            "needs `at: datetime`",
        ),
        (
            HEAD + ACTION.replace("inner: Inner", "thing: Inner"),
            "has the name of `action`, the principal or the resource",
        ),
        (
            HEAD + ACTION.replace("[Thing]", "[Person]"),
            "has the name of `action`, the principal or the resource",
        ),
        (HEAD + ACTION + ACTION, "action `act` is declared twice"),
        (HEAD + "entity Q = {", "expected a name, found `end of file`"),
    ],
)
def test_what_a_safeguard_could_miss_is_refused(text: str, words: str) -> None:
    with pytest.raises(PackError, match=re.escape(words)):
        read_schema(text, Path("s"))


def test_the_line_is_named() -> None:
    with pytest.raises(PackError) as caught:
        read_schema("// a comment\nentity P = {\n  id: String\n};", Path("s"))

    assert caught.value.line == 3


def test_what_only_cedar_refuses_is_refused(packs) -> None:
    """A reserved name: our reader knows nothing of it."""
    packs.append("schema.cedarschema", '\ntype Bool = { @doc("d") a: Long };\n')

    with pytest.raises(PackError, match="Cedar cannot read it"):
        packs.load()


class TestReads:
    def read(self, conditions: str) -> frozenset[str]:
        shape = read_schema(HEAD + ACTION, Path("s"))["act"]
        (policy,) = policies_of(f"permit (principal, action, resource) {conditions};")
        return facts_read(policy["conditions"], shape)

    def test_an_attribute_path_is_one_fact(self) -> None:
        assert self.read("when { context.inner.deep.many > 1 }") == {"inner.deep.many"}

    def test_principal_and_resource_are_groups(self) -> None:
        assert self.read("when { principal.id != resource.id }") == {"person.id", "thing.id"}

    def test_a_group_read_whole_counts_for_all_in_it(self) -> None:
        assert self.read("unless { context.inner.deep == context.inner.deep }") == {
            "inner.deep.many",
            "inner.deep.which",
        }

    def test_the_whole_context_counts_for_all(self) -> None:
        assert "inner.yes" in self.read("when { context == context }")

    def test_the_bare_principal_and_the_action_read_nothing(self) -> None:
        assert self.read('when { principal == principal && action == Action::"act" }') == set()

    def test_sets_and_functions_are_looked_into(self) -> None:
        assert self.read('when { [context.inner.yes].contains(true) && context.at > datetime("2020-01-01") }') == {
            "inner.yes", "at"
        }  # fmt: skip

    def test_an_attribute_of_something_computed_is_looked_into(self) -> None:
        assert self.read("when { (if context.inner.yes then context else context).inner.yes }") >= {
            "inner.yes"
        }

    def test_presence_is_seen_wherever_it_is_asked(self) -> None:
        (asks, does_not) = policies_of(
            "permit (principal, action, resource) when { true && !(context.inner has yes) };"
            "permit (principal, action, resource) when { context.inner.yes };"
        )

        assert asks_presence(asks)
        assert not asks_presence(does_not)

    def test_a_comparison_is_found_by_fact_and_literal(self) -> None:
        (policy,) = policies_of(
            'permit (principal, action, resource) when { context.a.b == "x" || context.a.c >= 8 || 8 >= context.a.d };'
        )

        assert compares(policy, "==", "a.b", "x")
        assert compares(policy, ">=", "a.c", 8)
        assert not compares(policy, "==", "a.b", "y")
        assert not compares(policy, ">=", "a.d", 8)


def test_an_id_of_any_characters_is_taken() -> None:
    """The structured form: an id with a quote or a newline is an id, and no Cedar text."""
    assert Uid("Person", 'a"\n').json() == {"type": "Person", "id": 'a"\n'}
    assert len(compile_set({})) == 0
