"""The language of claims: read strictly, and the same to a solver as to whoever reads the facts."""

import copy
import random
from collections.abc import Mapping
from typing import Any

import pytest

from counterseal.policy import PolicyLibrary, PolicySetInForce
from counterseal.policy.proof import properties as module
from counterseal.policy.proof.claims import Claim
from counterseal.policy.proof.errors import ProofError, UntranslatableError
from counterseal.policy.proof.properties import GENERAL, expected_of
from counterseal.policy.proof.questions import Rules, questions_of, witness
from counterseal.policy.proof.requests import value_at
from counterseal.policy.proof.solvers import z3
from counterseal.policy.schema import LeafType

WORDS: Mapping[str, tuple[str, ...]] = {"offices": ("privacy", "civil-rights")}
NEVER = z3.BoolVal(False)


def read(text: str) -> Claim:
    return Claim.read(text, "a file", WORDS)


CLAIMS = [
    'service.status in {"approved", "suspended"}',
    'service.status not in {"approved"} or person.active',
    "offices <= use.concurrences",
    "not empty(use.concurrences & offices)",
    "empty(use.concurrences - offices)",
    "person.roles <= service.modes",
    'person.roles == {"investigator"}',
    '"investigator" in person.roles',
    "purpose.code in person.roles",
    "volume.batch + 1 > volume.case_faces - 2",
    "at + hours(48) <= certificate.expires",
    "prior_means.latest < at - days(2)",
    'at == instant("2026-11-20T15:00:00Z")',
    "1 <= volume.batch < 3",
    'action == "identification"',
    'action in {"verification", "disclosure"}',
    "probe.generated == probe.sketch",
    "witness.approver != person.id and person.id == person.id",
    'owes("exigent-approval") or not exigency.claimed',
]


@pytest.mark.parametrize("text", CLAIMS)
def test_a_solver_and_a_reader_of_facts_agree(
    text: str, base: PolicySetInForce, examples: Mapping[str, dict[str, Any]]
) -> None:
    """On what the claim holds of, what it does not, and examples with facts changed at random."""
    claim = read(text)
    questions = questions_of(Rules.of(base), "identification", claims=[claim])
    request, shape = questions.request, questions.request.shape
    formula = claim.formula(request, questions.owes)
    owed = questions.owes("exigent-approval")
    seen = set()
    dice = random.Random(text)
    made = [witness(request, [wanted]) for wanted in (formula, z3.Not(formula))]
    requests = [facts for facts in made if facts is not None]
    for _ in range(40):
        facts = copy.deepcopy(examples["permitted-search"])
        for path in dice.sample(sorted(claim.facts()) or ["person.active"], 1):
            symbol = request.symbols[path]
            *groups, name = path.split(".")
            group = facts
            for part in groups:
                group = group[part]
            if symbol.type is LeafType.BOOL:
                group[name] = dice.random() < 0.5
            elif symbol.type is LeafType.LONG:
                group[name] = dice.randint(0, 4)
            elif symbol.texts is not None:
                members = list(symbol.texts.members)
                several = symbol.type is LeafType.STRINGS
                group[name] = dice.sample(members, min(2, len(members))) if several else dice.choice(members)
        requests.append(facts)
    for facts in requests:
        request.forget()
        swaps = [
            pair
            for path, symbol in request.symbols.items()
            for pair in zip(symbol.terms, request.terms(path, value_at(facts, path)) or (), strict=True)
        ]
        solved = z3.is_true(z3.simplify(z3.substitute(formula, *swaps)))
        opened = ["exigent-approval"] if z3.is_true(z3.simplify(z3.substitute(owed, *swaps))) else []
        assert claim.holds(facts, shape, opened) is solved
        seen.add(solved)
    assert seen


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("service.status ==", "cannot be read"),
        ("service.status", "no claim"),
        ("service.status > at", "no number"),
        ('service.status < "approved"', "no number"),
        ("person.roles < offices", "compared with `<=` only"),
        ("person.active + 1 == 2", "no number"),
        ("print(at)", "no claim"),
        ('at < instant("yesterday")', "no instant"),
        ("{1, 2} <= person.roles", "anything but written texts"),
        ("offices <= offices", "both written out"),
        ("at is at", "no comparison"),
        ("[x for x in person.roles]", "no claim"),
    ],
)
def test_what_is_no_claim_is_refused_with_its_place(text: str, says: str, base: PolicySetInForce) -> None:
    with pytest.raises(UntranslatableError, match=f"a file: .*{says}"):
        claim = read(text)
        questions = questions_of(Rules.of(base), "identification", claims=[claim])
        claim.formula(questions.request, questions.owes)


def test_a_fact_that_an_action_lacks_is_named(base: PolicySetInForce) -> None:
    claim = read("volume.batch == 1 and probe.faces == 1 and service.id != ''")

    assert claim.missing(base.shapes["disclosure"]) == ("probe.faces", "service.id", "volume.batch")
    assert claim.missing(base.shapes["identification"]) == ()


class TestFiles:
    def test_every_file_belongs_to_a_pack_and_every_pack_with_policies_has_one(
        self, library: PolicyLibrary
    ) -> None:
        files = {path.stem for path in module.EXPECTED.glob("*.toml")}

        assert files - {GENERAL, module.WORDS} == {pack.source.id for pack in library.packs if pack.policies}

    def test_every_clause_that_a_property_names_exists(self, library: PolicyLibrary) -> None:
        packs = [pack.source.id for pack in library.packs]
        named = {clause for each in expected_of([GENERAL, *packs]) for clause in each.clauses}

        assert len(named) >= 40
        assert named <= {clause.id for clause in library.clauses}

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ('name = "x"\nclauses = []\nactions = []\nsays = "x"', "always"),
            (
                'name = "x"\nclauses = []\nactions = []\nsays = "x"\nalways = "1 == 1"\nnever = "1 == 1"',
                "always",
            ),
            ('name = "x"\nclauses = []\nactions = "nowhere"\nsays = "x"\nalways = "1 == 1"', "no list"),
            ('name = "x"\nclauses = []\nactions = []\nalways = "1 == 1"', "a property has"),
            (
                'name = "x"\nclauses = []\nactions = []\nsays = "x"\nalways = "1 == 1"\nodd = 1',
                "a property has",
            ),
        ],
    )
    def test_a_table_that_is_no_property_is_refused(
        self, table: str, says: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "words.toml").write_text("", "utf-8")
        (tmp_path / "odd.toml").write_text(f"[[property]]\n{table}\n", "utf-8")
        monkeypatch.setattr(module, "EXPECTED", tmp_path)

        with pytest.raises(ProofError, match=says):
            expected_of(["odd"])
