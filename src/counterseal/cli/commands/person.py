"""`counterseal person`: admit people, grant and revoke roles."""

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome
from counterseal.cli.views import answered, view
from counterseal.gateway.admit_person import admit_person, grant_role, revoke_role
from counterseal.people.models import Person, Role, roles_of

person = Ordered("person", help="Admit people, grant and revoke roles.")
ROLE = click.Choice([str(r) for r in Role])


@command(person, "admit", acts="admin")
@click.argument("name")
@click.option("--unit", required=True, help="Where they work.")
def admit(desk: Desk, *, name: str, unit: str) -> Outcome:
    """Record a person. They can do nothing until somebody grants them a role."""
    row = admit_person(desk.office, name=name, unit=unit, by=desk.by)
    return answered(row, "Admitted.", "Next: counterseal person grant {id} ROLE")


@command(person, "grant", acts="admin")
@click.argument("who", metavar="PERSON")
@click.argument("role", type=ROLE)
def grant(desk: Desk, *, who: str, role: str) -> Outcome:
    """Give a person a role."""
    row = grant_role(desk.office, person_id=desk.person(who), role=role, by=desk.by)
    return answered(row, "Granted.")


@command(person, "revoke", acts="admin")
@click.argument("who", metavar="PERSON")
@click.argument("role", type=ROLE)
def revoke(desk: Desk, *, who: str, role: str) -> Outcome:
    """Take a role away, from this instant."""
    row = revoke_role(desk.office, person_id=desk.person(who), role=role, by=desk.by)
    return answered(row, "Revoked.")


@command(person, "list")
def list_people(desk: Desk) -> Outcome:
    """Everybody who was admitted, with their roles."""
    short = {person_id: name for name, person_id in desk.staff.items()}
    people = [
        {**view(p), "roles": sorted(roles_of(p.id)), "short": short.get(p.id, "")}
        for p in Person.objects.order_by("admitted_at", "id")
    ]
    columns = ("id", "name", "unit", "roles", *(("short",) if short else ()))
    return Outcome({"people": people}, tables={"people": columns})
