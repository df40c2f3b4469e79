"""Destroy what the vault holds about a record: sealed first, then listed, then the keys, then the bytes.

1 look for a hold: where one stands, nothing is destroyed; 2 seal what is to be destroyed and under which rule;
3 put it on the erasure list, so that it is repeated after a restore; 4 overwrite the keys; 5 remove the bytes.
What stops between 2 and 5 is finished by the next `counterseal retention run`, and `fsck` names it until then.

The log keeps the fact, the proofs still verify, and nobody can open the objects any more, from a backup of
the database neither: their slots in the key store are gone.
"""

from collections.abc import Mapping, Sequence

from counterseal.gateway import erasures
from counterseal.gateway.belonging import case_of
from counterseal.gateway.holds import holds_on
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, Sealed, change
from counterseal.ledger.entry import JsonValue
from counterseal.oversight.models import KeptSample, VaultObject
from counterseal.people.models import Role
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

RECORDS_CLAUSE = "D-026-11/security"


def destroy(office: Office, *, about: str, authority: str, by: str) -> list[str] | Refusal:
    """Destroy every vault object about this record; answers with their ids.

    authority: code of the retention rule or order that demands it.

    Raises:
        BadInputError: nothing about this record is left in the vault.
    """
    with change(office) as now:
        if refusal := not_the_records_office(now, by=by, action="destroy", target=about):
            return refusal
        objects = list(VaultObject.objects.filter(about=about, destroyed_at=None).order_by("id"))
        if not objects:
            raise BadInputError(f"the vault holds nothing (any more) about `{about}`")
        if refusal := held_back(now, about, by=by, action="destroy"):
            return refusal
        sealed = seal_destruction(now, objects, about=about, by=by, committed={"authority": authority})
    finish(office, objects, sealed, now.receipt)
    return [o.id for o in objects]


def seal_destruction(
    now: Change,
    objects: Sequence[VaultObject],
    *,
    about: str,
    by: str,
    action: str = "destroy",
    clauses: Sequence[str] = (),
    public: Mapping[str, str | int] | None = None,
    committed: Mapping[str, JsonValue],
) -> Sealed:
    """Step 2: the entry, and the rows without their keys. The caller goes on with `finish` after the commit."""
    for held in objects:
        held.wrapped_key, held.destroyed_at = None, now.at
    samples = list(KeptSample.objects.filter(object__in=[o.id for o in objects], destroyed_at=None))
    for sample in samples:
        sample.destroyed_at = now.at
    return now.seal(
        erasures.DESTROYED,
        by=by,
        action=action,
        target=about,
        outcome="done",
        clauses=clauses,
        public={"objects": len(objects), **(public or {})},
        committed={**committed, "case": case_of(about), "objects": [o.id for o in objects]},
        rows=samples,
        objects=objects,
    )


def finish(office: Office, objects: Sequence[VaultObject], sealed: Sealed, receipt: bytes) -> None:
    """Steps 3 to 5, after the commit. receipt: of `sealed`."""
    erasures.keep(office.home, sealed, receipt)
    office.vault.destroy(objects)


def not_the_records_office(now: Change, *, by: str, action: str, target: str) -> Refusal | None:
    """None for the records office; for anybody else the refusal, sealed."""
    if Role.RECORDS_OFFICE in now.office.acting(by):
        return None
    unmet = Unmet(
        RECORDS_CLAUSE,
        "only the records office destroys records",
        "ask the records office, with the rule that demands it",
    )
    return now.refuse("record.not-destroyed", now.unmet([unmet]), by=by, action=action, target=target)


def held_back(now: Change, about: str, *, by: str, action: str) -> Refusal | None:
    """None where no hold stands over this record; else the refusal, sealed, with each hold."""
    clauses = {rule.kind: rule.clause for rule in now.office.policies.hold_rules(now.at)}
    unmet = [
        Unmet(
            clauses.get(hold.kind, RECORDS_CLAUSE),
            f"a {hold.kind} hold (`{hold.id}`) stands over "
            + ("this record" if hold.about == about else f"its case `{case_of(about)}`"),
            "have it lifted by somebody who may, when its ground is gone (`counterseal retention lift`)",
        )
        for hold in holds_on(about)
    ]
    if not unmet:
        return None
    return now.refuse("record.not-destroyed", now.unmet(unmet), by=by, action=action, target=about)
