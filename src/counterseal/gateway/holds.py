"""Place and lift holds: while one stands, nothing that it covers is destroyed, by a clock or by an order.

A hold on a record covers what the vault holds about it; a hold on a case covers every record of the case,
also those that come later. Which kinds there are, and whether another person must lift them, is said by the
packs (`retention.toml`).
"""

from collections.abc import Sequence

from counterseal.gateway.belonging import case_of
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Hold, HoldStatus, VaultObject
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


def place_hold(office: Office, *, about: str, kind: str, reason: str, by: str) -> Hold | Refusal:
    """Hold a record, or a case and everything that belongs to it.

    kind: one that a pack in force names. reason: in words; kept in the vault.

    Raises:
        BadInputError: no such record or kind, or no reason.
    """
    if not reason.strip():
        raise BadInputError("say why this must not be destroyed; the words are kept in the vault")
    with change(office) as now:
        rules = {rule.kind: rule for rule in office.policies.hold_rules(now.at)}
        if kind not in rules:
            raise BadInputError(
                f"no pack in force knows holds of the kind `{kind}`; the kinds are: {', '.join(sorted(rules))}"
            )
        if not case_of(about) and not VaultObject.objects.filter(about=about).exists():
            raise BadInputError(f"there is no record or case `{about}` of which anything is kept")
        hold_id = office.new_id(Hold)
        move = "place a hold"
        if refusal := stands_against(now, move, by=by, target=hold_id):
            return refusal
        words = office.vault.put(
            office.new_name("object"), reason.encode(), kind="hold-reason", about=hold_id, at=now.at
        )
        hold = Hold(
            id=hold_id,
            about=about,
            kind=kind,
            reason=words.id,
            two_persons=rules[kind].two_persons,
            placed_by_id=by,
            placed_at=now.at,
        )
        now.seal(
            "hold.placed",
            by=by,
            action=move,
            target=about,
            outcome="done",
            clauses=[rules[kind].clause],
            public={"kind": kind},
            rows=[hold],
            objects=[words],
        )
        return hold


def lift_hold(office: Office, *, hold_id: str, by: str) -> Hold | Refusal:
    """Lift a hold; where the pack said so when it was placed, never by the person who placed it.

    Raises:
        BadInputError: there is no such hold. StaleError: it was lifted already.
    """
    with change(office) as now:
        hold = found(Hold, hold_id)
        move = "lift a hold"
        refusal = stands_against(
            now,
            move,
            by=by,
            target=hold_id,
            state=hold.status,
            people={"placed_by_id": hold.placed_by_id if hold.two_persons else ""},
        )
        if refusal:
            return refusal
        hold.status, hold.lifted_by_id, hold.lifted_at = HoldStatus.LIFTED, by, now.at
        now.seal(
            "hold.lifted",
            by=by,
            action=move,
            target=hold.about,
            outcome="done",
            causes=[hold.entry_index],
            public={"kind": hold.kind},
            rows=[hold],
        )
        return hold


def holds_on(about: str) -> Sequence[Hold]:
    """The holds that stand over this record: its own, and those of its case."""
    return list(
        Hold.objects.filter(about__in={about, case_of(about)} - {""}, status=HoldStatus.IN_FORCE).order_by(
            "id"
        )
    )


def list_holds(*, all_of_them: bool = False) -> Sequence[Hold]:
    """The holds that stand, by the day they were placed; or every one there ever was."""
    holds = Hold.objects.order_by("placed_at")
    return list(holds if all_of_them else holds.filter(status=HoldStatus.IN_FORCE))
