"""The audit office's own register of auditors: who may ask, and which accounts in the agency are theirs.

Not the agency's: whoever is audited could end an auditor there. An auditor never audits their own acts, so each
states the accounts that they hold in the agency; what those did, another auditor reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from counterseal.gateway.audit.folder import AuditOffice
from counterseal.terms.errors import BadInputError, StaleError


@dataclass(frozen=True, slots=True)
class Auditor:
    """Somebody who may ask. persons: ids of the accounts that they hold in the agency."""

    id: str
    name: str
    persons: tuple[str, ...]
    active: bool


def auditors(office: AuditOffice) -> dict[str, Auditor]:
    """Everybody who is or was an auditor here, by id."""
    found: dict[str, Auditor] = {}
    for record in office.records("audit.opened", "audit.auditor-admitted", "audit.auditor-ended"):
        target = record.says("target")
        if record.entry.kind == "audit.auditor-ended":
            ended = found[target]
            found[target] = Auditor(ended.id, ended.name, ended.persons, active=False)
        else:
            persons = record.opened.get("persons", [])
            assert isinstance(persons, Sequence)
            found[target] = Auditor(target, record.says("name"), tuple(map(str, persons)), active=True)
    return found


def acting(office: AuditOffice, by: str) -> Auditor:
    """The auditor who acts.

    Raises:
        BadInputError: nobody of this id is an auditor here (any more).
    """
    found = auditors(office).get(by)
    if found is None or not found.active:
        raise BadInputError(f"`{by}` is no auditor of this office: `counterseal audit auditors` lists them")
    return found


def admit_auditor(office: AuditOffice, *, name: str, persons: Sequence[str], by: str) -> Auditor:
    """Take up an auditor. persons: ids of every account that they hold in the agency; none is an answer too."""
    acting(office, by)
    if not name.strip():
        raise BadInputError("an auditor has a name")
    new = Auditor(office.new_name("auditor"), name.strip(), tuple(sorted(set(persons))), active=True)
    office.seal(
        "audit.auditor-admitted",
        by=by,
        action="admit an auditor",
        target=new.id,
        committed={"name": new.name, "persons": list(new.persons)},
    )
    return new


def end_auditor(office: AuditOffice, *, auditor_id: str, by: str) -> Auditor:
    """End an auditor, from this instant. Nobody ends the last one: an office without auditors reads nothing.

    Raises:
        StaleError: they were ended already.
    """
    with office.turn():
        acting(office, by)
        known = auditors(office)
        ended = known.get(auditor_id)
        if ended is None:
            raise BadInputError(
                f"there is no auditor `{auditor_id}`: `counterseal audit auditors` lists them"
            )
        if not ended.active:
            raise StaleError(f"`{auditor_id}` was ended already")
        if sum(each.active for each in known.values()) == 1:
            raise BadInputError("this is the last auditor: admit another first")
        office.seal("audit.auditor-ended", by=by, action="end an auditor", target=auditor_id)
    return Auditor(ended.id, ended.name, ended.persons, active=False)
