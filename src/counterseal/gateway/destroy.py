"""Destroy what the vault holds about a record: sealed first, then the keys, then the bytes.

The log keeps the fact, the proofs still verify, and nobody can open the objects any more: their keys are
gone. A backup of the database from before still has them; whoever restores it repeats the destruction.
"""

from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import VaultObject
from counterseal.people.models import Role
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError


def destroy(office: Office, *, about: str, authority: str, by: str) -> list[str] | Refusal:
    """Destroy every vault object about this record; answers with their ids.

    authority: code of the retention rule or order that demands it.

    Raises:
        BadInputError: nothing about this record is left in the vault.
    """
    with change(office) as now:
        if Role.RECORDS_OFFICE not in office.acting(by):
            return now.refuse(
                "record.not-destroyed",
                now.unmet(
                    [
                        Unmet(
                            "D-026-11/security",
                            "only the records office destroys records",
                            "ask the records office, with the rule that demands it",
                        )
                    ]
                ),
                by=by,
                action="destroy",
                target=about,
            )
        objects = list(VaultObject.objects.filter(about=about, destroyed_at=None))
        if not objects:
            raise BadInputError(f"the vault holds nothing (any more) about `{about}`")
        for held in objects:
            held.wrapped_key, held.destroyed_at = None, now.at
        now.seal(
            "record.destroyed",
            by=by,
            action="destroy",
            target=about,
            outcome="done",
            public={"objects": len(objects)},
            committed={"authority": authority, "objects": [o.id for o in objects]},
            objects=objects,
        )
    office.vault.destroy(objects)
    return [o.id for o in objects]
