"""The tables of transitions fit the models, the roles and the verbs."""

import ast
from pathlib import Path

import pytest

import counterseal.gateway
from counterseal.casework.models import Case
from counterseal.gateway.moving import ALL
from counterseal.people.models import Role

SOURCES = {p.name: p.read_text() for p in Path(counterseal.gateway.__file__).parent.glob("*.py")}
# Moves that the database's guards need and no person makes by name: they ride on another act.
RIDING = {
    "refuse a request",
    "record the answer",
    "record the failure",
    "corroborate a lead",
    "refuse clearance",
    "activate a use",
    "open a service review",
    "open a finding",
    "open a referral",
}
# Not built yet: nobody can do it.
WITHOUT_VERB = {"cite a lead"}


def named_in_code() -> set[str]:
    """Every text constant of the gateway's code."""
    return {
        node.value
        for source in SOURCES.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_roles_are_roles():
    """A misspelt role would bar everybody, or, removed, nobody."""
    wanted = {role for t in ALL.values() for role in t.roles}
    assert wanted
    assert wanted - {str(r) for r in Role} <= {"anybody"}  # who asks for no search has no role
    assert all(t.roles for t in ALL.values())


def test_every_move_is_made_by_a_verb():
    """A row of the table that nobody checks holds nothing."""
    moves = set(ALL)
    assert len(moves) >= 39
    assert moves - named_in_code() - RIDING == WITHOUT_VERB
    assert not RIDING & WITHOUT_VERB


def test_every_clause_is_one_of_the_texts(office):
    """A refusal by a transition names a clause that exists."""
    known = {clause.id for clause in office.office.policies.clauses}
    assert {t.clause for t in ALL.values()} <= known


@pytest.mark.parametrize("move", ["approve a witness probe", "open the second review", "confirm an action"])
def test_pairs_that_must_differ_are_in_the_table(move):
    """DESIGN: pairs that must differ are data."""
    assert ALL[move].distinct_from


def test_case_has_no_state_called_identified():
    """Nowhere."""
    states = {t.after for t in ALL.values()} | {b for t in ALL.values() for b in t.before}
    assert not {s for s in states if "identif" in s}
    assert "identified" not in {f.name for f in Case._meta.fields}
