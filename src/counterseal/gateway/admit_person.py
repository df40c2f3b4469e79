"""Admit a person, and grant or revoke a role. Nobody grants a role to themselves."""

from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, change
from counterseal.people.models import Person, Role, RoleGrant
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

_CLAUSE = "D-026-11/security"


def admit_person(office: Office, *, name: str, unit: str, by: str) -> Person | Refusal:
    """Record a person. They can do nothing until somebody grants them a role."""
    if not name.strip() or not unit.strip():
        raise BadInputError("a person has a name and a unit; give both")
    with change(office) as now:
        if refusal := _not_administrator(now, by, "admit a person"):
            return refusal
        person = Person(id=office.new_id(Person), name=name, unit=unit, admitted_at=now.at)
        now.seal(
            "person.admitted", by=by, action="admit a person", target=person.id, outcome="done", rows=[person]
        )
        return person


def grant_role(office: Office, *, person_id: str, role: str, by: str) -> RoleGrant | Refusal:
    """Give a person a role. The granter is an administrator, and somebody else."""
    if role not in list(Role):
        raise BadInputError(f"there is no role `{role}`; the roles are {', '.join(Role)}")
    if not Person.objects.filter(pk=person_id).exists():
        raise BadInputError(f"there is no person `{person_id}`")
    with change(office) as now:
        if refusal := _not_administrator(now, by, "grant a role"):
            return refusal
        if by == person_id:
            return _for_themselves(now, by, "grant a role")
        grant = RoleGrant(
            id=office.new_id(RoleGrant), person_id=person_id, role=role, granted_by_id=by, granted_at=now.at
        )
        now.seal(
            "role.granted",
            by=by,
            action="grant a role",
            target=person_id,
            outcome="done",
            public={"role": role},
            rows=[grant],
        )
        return grant


def revoke_role(office: Office, *, person_id: str, role: str, by: str) -> RoleGrant | Refusal:
    """Take a role away, from this instant."""
    with change(office) as now:
        if refusal := _not_administrator(now, by, "revoke a role"):
            return refusal
        grant = RoleGrant.objects.filter(person_id=person_id, role=role, revoked_at=None).first()
        if grant is None:
            raise BadInputError(f"`{person_id}` does not hold the role `{role}`")
        grant.revoked_at = now.at
        now.seal(
            "role.revoked",
            by=by,
            action="revoke a role",
            target=person_id,
            outcome="done",
            public={"role": role},
            rows=[grant],
        )
        return grant


def _not_administrator(now: Change, by: str, action: str) -> Refusal | None:
    if Role.ADMINISTRATOR in now.office.acting(by):
        return None
    return now.refuse(
        "role.refused",
        now.unmet([Unmet(_CLAUSE, f"`{action}` needs the role administrator", "ask an administrator")]),
        by=by,
        action=action,
        target=by,
    )


def _for_themselves(now: Change, by: str, action: str) -> Refusal:
    return now.refuse(
        "role.refused",
        now.unmet([Unmet(_CLAUSE, "nobody changes their own roles", "ask another administrator")]),
        by=by,
        action=action,
        target=by,
    )
