"""The two outcomes of a decision."""

import pytest

from counterseal.terms.decisions import Refusal, Unmet


def test_refusal_names_each_clause_once_in_order():
    """Two conditions of one clause are one clause."""
    unmet = (Unmet("b", "m", "r"), Unmet("a", "m", "r"), Unmet("b", "n", "r"))
    assert Refusal(unmet=unmet, policies=(), pack_digest="").clauses == ("b", "a")


def test_refusal_without_a_reason_cannot_be_made():
    """No silent no."""
    with pytest.raises(ValueError, match="at least one unmet"):
        Refusal(unmet=(), policies=(), pack_digest="")
