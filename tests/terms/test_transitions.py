"""The one function that checks a move."""

import pytest

from counterseal.terms.errors import StaleError
from counterseal.terms.transitions import Transition, check_transition

MOVE = Transition(
    "t.row", "close it", ("open", "late"), "closed", frozenset({"boss", "chief"}), "x-1", ("maker_id",)
)


def check(*, state: str = "open", actor: str = "b", roles: tuple[str, ...] = ("boss",), maker: str = "a"):
    return check_transition(MOVE, state=state, actor=actor, roles=roles, people={"maker_id": maker})


def test_right_person_in_the_right_state_moves():
    """From each state that the table names, in each role."""
    assert check() == ()
    assert check(state="late", roles=("other", "chief")) == ()


def test_wrong_state_is_stale():
    """Somebody was faster: nothing is decided on an old reading."""
    with pytest.raises(StaleError, match="already `closed`, not 'open' or 'late'"):
        check(state="closed")


def test_wrong_role_names_clause_and_remedy():
    """Who holds another role is told whom to ask."""
    (unmet,) = check(roles=("clerk",))
    assert (unmet.clause, unmet.remedy) == ("x-1", "ask somebody who holds the role boss or chief")


def test_same_person_is_refused_in_any_role():
    """In every role at once."""
    (unmet,) = check(actor="a", roles=("boss", "chief"))
    assert unmet.missing == "the person who acts is the same as the maker"


def test_everything_unmet_is_told_at_once():
    """Nobody is sent round twice."""
    assert len(check(actor="a", roles=())) == 2


def test_person_to_differ_from_must_be_brought():
    """A verb that forgets to say who the other is fails, and does not pass."""
    with pytest.raises(KeyError):
        check_transition(MOVE, state="open", actor="b", roles=("boss",), people={})
