"""Let a pack count, or count no more: an act of persons of different offices.

1 One person proposes it. What would be newly allowed and newly denied is worked out by the program, sealed, and
kept. 2 Persons of other offices confirm it, each for their own office; one rejection ends it. 3 With as many
persons as composition.toml asks for it takes effect, in that same entry, for every decision after it.
Nothing else changes what counts: no date by itself loosens anything, and no file that is edited afterwards.
"""

import json
from collections.abc import Sequence

from django.db import connection

from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.records import instant_of_row
from counterseal.gateway.sealing import Change, change
from counterseal.oversight.models import PackChange, PackChangeStatus, PackConfirmation
from counterseal.people.models import Person
from counterseal.policy.composition import ActKind, Composition, Layer, PackAct
from counterseal.policy.engine import Json
from counterseal.policy.errors import PolicyError
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

_ACTS = """
SELECT effective_at, kind, pack, pack_digest, replaces FROM oversight_packchange
WHERE status = 'in-effect' ORDER BY entry_index
"""
PROPOSE = "propose a change of packs"
CONFIRM = "confirm a change of packs"
REJECT = "reject a change of packs"
CLAUSE = "road/pack"


def acts_on_packs() -> tuple[PackAct, ...]:
    """Every act that took effect, in the order of the log: what `PolicyLibrary.acts` asks for."""
    # Asked at every decision, and nearly always empty: plain SQL.
    with connection.cursor() as cursor:
        cursor.execute(_ACTS)
        return tuple(
            PackAct(instant_of_row(at), ActKind(kind), pack, digest, replaces)
            for at, kind, pack, digest, replaces in cursor.fetchall()
        )


def propose_pack_change(
    office: Office, *, kind: str, pack: str, by: str, replaces: str = "", near: Sequence[Json] = ()
) -> PackChange | Refusal:
    """Propose that a pack is activated or withdrawn. replaces: for an activation, the pack whose place it takes.

    near: requests that the witnesses of the difference should resemble, such as the shipped examples.

    Raises:
        BadInputError: no such pack, or it is composed already, or is not, or could not stand beside the others.
    """
    if kind not in list(ActKind):
        raise BadInputError(f"packs are put to {' or '.join(ActKind)}, not `{kind}`")
    with change(office) as now:
        composed = office.policies.composition(now.at)
        after = _after(office, composed, ActKind(kind), pack, replaces)
        if refusal := stands_against(now, PROPOSE, by=by, target=pack):
            return refusal
        before, then = office.policies.in_force(now.at), office.policies.composed(after).in_force(now.at)
        # Only now: it needs the solvers, and no other act does.
        from counterseal.policy.proof.difference import difference as what_changes

        said = what_changes(before, then, near=near)
        difference = office.vault.put(
            office.new_name("object"),
            json.dumps(said.json(), ensure_ascii=False).encode(),
            kind="pack-difference",
            about=pack,
            at=now.at,
        )
        proposed = PackChange(
            id=office.new_id(PackChange),
            kind=kind,
            pack=pack,
            pack_digest=office.policies.pack(pack).digest,
            replaces=replaces,
            difference=difference.id,
            status=PackChangeStatus.PROPOSED,
            proposed_by_id=by,
            proposer_unit=found(Person, by).unit,
            proposed_at=now.at,
        )
        now.seal(
            "policy.change-proposed",
            by=by,
            action=PROPOSE,
            target=proposed.id,
            outcome=kind,
            clauses=[CLAUSE],
            public={
                "pack": pack,
                "replaces": replaces or "none",
                "equivalent": said.equivalent,
                "loosens": said.loosens,
                "changes": len(said.changes),
            },
            committed={"difference": said.json(), "before": before.digest, "after": then.digest},
            rows=[proposed],
            objects=[difference],
        )
        return proposed


def confirm_pack_change(office: Office, *, change_id: str, confirms: bool, by: str) -> PackChange | Refusal:
    """Confirm it for one's own office, or reject it. The last confirmation that is needed puts it into effect.

    Raises:
        BadInputError: the pack's files are no longer those that were proposed.
    """
    with change(office) as now:
        proposed = found(PackChange, change_id)
        people = {"proposed_by_id": proposed.proposed_by_id}
        move = CONFIRM if confirms else REJECT
        if refusal := stands_against(
            now, move, by=by, target=change_id, state=proposed.status, people=people
        ):
            return refusal
        unit = found(Person, by).unit
        others = list(PackConfirmation.objects.filter(change=proposed))
        if unit in {proposed.proposer_unit, *(other.unit for other in others)}:
            unmet = Unmet(
                CLAUSE, "your office has spoken on this already", "somebody of another office confirms it"
            )
            return now.refuse("packchange.refused", now.unmet([unmet]), by=by, action=move, target=change_id)
        if office.policies.pack(proposed.pack).digest != proposed.pack_digest:
            raise BadInputError(
                f"the files of `{proposed.pack}` are no longer those that were proposed: reject this and propose anew"
            )
        confirmation = PackConfirmation(
            id=office.new_id(PackConfirmation),
            change=proposed,
            confirms=confirms,
            person_id=by,
            unit=unit,
            proposer_id=proposed.proposed_by_id,
            proposer_unit=proposed.proposer_unit,
            at=now.at,
        )
        if confirms:
            _put_into_effect(now, proposed, persons=2 + len(others))
        else:
            proposed.status = PackChangeStatus.REJECTED
        now.seal(
            {
                PackChangeStatus.PROPOSED: "policy.change-confirmed",
                PackChangeStatus.IN_EFFECT: "policy.changed",
                PackChangeStatus.REJECTED: "policy.change-rejected",
            }[PackChangeStatus(proposed.status)],
            by=by,
            action=move,
            target=proposed.id,
            outcome=proposed.status,
            clauses=[CLAUSE],
            causes=[proposed.entry_index],
            public={"pack": proposed.pack, "kind": proposed.kind},
            rows=[proposed, confirmation],
        )
        return proposed


def _put_into_effect(now: Change, proposed: PackChange, *, persons: int) -> None:
    """Where enough persons stand behind it, and it can still stand beside what counts by now."""
    composed = now.office.policies.composition(now.at)
    if persons < composed.persons:
        return
    _after(now.office, composed, ActKind(proposed.kind), proposed.pack, proposed.replaces)
    proposed.status, proposed.effective_at = PackChangeStatus.IN_EFFECT, now.at


def _after(
    office: Office, composed: Composition, kind: ActKind, identifier: str, replaces: str
) -> Composition:
    """The composition after the act.

    Raises:
        BadInputError: it cannot be.
    """
    try:
        pack = office.policies.pack(identifier)
        displaced = office.policies.pack(replaces) if replaces else None
    except PolicyError as error:
        raise BadInputError(str(error)) from error
    if (kind is ActKind.ACTIVATE) == (identifier in composed.packs):
        raise BadInputError(
            f"`{identifier}` is {'composed already' if kind is ActKind.ACTIVATE else 'not composed'}: "
            "see `counterseal policy in-force`"
        )
    if replaces and (
        kind is ActKind.WITHDRAW
        or replaces not in composed.packs
        or displaced is None
        or displaced.source.layer is not pack.source.layer
    ):
        raise BadInputError(
            f"`{identifier}` cannot take the place of `{replaces}`: it is no such pack in force"
        )
    after = composed.after(
        PackAct(office.clock(), kind, identifier, pack.digest, replaces), pack.source.layer
    )
    if kind is ActKind.ACTIVATE and pack.source.layer is Layer.BASE:
        for other in after.base:
            shared = set(office.policies.pack(other).source.permits) & set(pack.source.permits)
            if other != identifier and shared:
                raise BadInputError(
                    f"`{other}` permits {', '.join(sorted(shared))} already: say that `{identifier}` replaces it"
                )
    return after
