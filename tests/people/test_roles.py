"""Roles: granted by somebody else, in force until revoked, and asked anew at each act."""

import pytest
from django.db import IntegrityError

from counterseal.gateway.admit_person import admit_person, grant_role, revoke_role
from counterseal.gateway.approve_search import approve_search
from counterseal.people.models import Person, Role, RoleGrant, roles_of
from counterseal.terms.errors import BadInputError
from office import made


def test_new_person_can_do_nothing(office):
    """Until somebody grants a role."""
    newcomer = made(admit_person(office.office, name="Newt New", unit="Fraud", by=office.who("admin")))
    assert roles_of(newcomer.id) == frozenset()
    with pytest.raises(BadInputError, match="holds a role here"):
        office.office.acting(newcomer.id)


def test_roles_hold_until_they_are_revoked(office):
    """And can be granted anew; each grant is a row that stays."""
    pat = office.who("pat")
    made(grant_role(office.office, person_id=pat, role="auditor", by=office.who("admin")))
    assert roles_of(pat) == {"privacy", "auditor"}
    made(revoke_role(office.office, person_id=pat, role="auditor", by=office.who("admin")))
    assert roles_of(pat) == {"privacy"}
    made(grant_role(office.office, person_id=pat, role="auditor", by=office.who("admin")))
    assert roles_of(pat) == {"privacy", "auditor"}
    assert RoleGrant.objects.filter(person_id=pat, role="auditor").count() == 2
    assert office.fsck().sound


def test_inactive_person_holds_none(office):
    """Whoever has left."""
    Person.objects.filter(pk=office.who("sol")).update(active=False)
    assert roles_of(office.who("sol")) == frozenset()


def test_revoked_supervisor_approves_nothing(office):
    """A role is asked for when it is used, not when the request was made."""
    case = office.case()
    request = made(office.request(case, office.probe(case, subject_role="witness")))
    made(revoke_role(office.office, person_id=office.who("sol"), role="supervisor", by=office.who("admin")))
    made(grant_role(office.office, person_id=office.who("sol"), role="auditor", by=office.who("admin")))

    refusal = approve_search(
        office.office, request_id=request.id, kind="witness", granted=True, words="seen", by=office.who("sol")
    )

    office.sealed_refusal(refusal, "approval.refused", "HSI-M/4B2-witnesses")


def test_database_knows_that_nobody_grants_themselves(office):
    """Round Python, too."""
    with pytest.raises(IntegrityError, match="role_granted_by_another"):
        RoleGrant.objects.create(
            id="grant-x",
            entry_index=0,
            person_id=office.who("sol"),
            role=Role.ADMINISTRATOR,
            granted_by_id=office.who("sol"),
            granted_at=office.clock.now,
        )
