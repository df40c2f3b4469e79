"""Propose a use of face recognition, hear the three offices, suspend it, and have it reviewed again.

A use becomes active when three offices concur, in one round of review, after its assessment is whole
(`assess_use.py`); an objection stops it; a change sends it back (D-026-11/oversight).
"""

from collections.abc import Mapping
from datetime import datetime

from counterseal.gateway.assess_use import missing_of
from counterseal.gateway.brought import instant_text
from counterseal.gateway.coding import codes_of_use
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Concurrence, Duty, Use, UseChange, UseKind, UseStatus, VaultObject
from counterseal.oversight.principles import CHANGES
from counterseal.oversight.transitions import THREE_OFFICES
from counterseal.people.models import Person
from counterseal.terms.biometrics import Mode
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

LISTED_CONDITIONS = ("modes", "case_types", "services")


def propose_use(
    office: Office, *, name: str, purpose: str, law_enforcement: bool, by: str, kind: str = ""
) -> Use | Refusal:
    """Put a use before the three offices. Nothing runs under it until all three concur.

    kind: `verification`, `identification`, `capture` or `analysis`; unless told, identification for law
    enforcement and verification outside it.
    """
    if not name.strip() or not purpose.strip():
        raise BadInputError("a use has a name and a purpose; give both")
    kind = known_kind(kind or (UseKind.IDENTIFICATION if law_enforcement else UseKind.VERIFICATION))
    with change(office) as now:
        use_id = office.new_id(Use)
        if refusal := stands_against(now, "propose a use", by=by, target=use_id):
            return refusal
        use = Use(
            id=use_id,
            name=name,
            purpose=purpose,
            kind=kind,
            law_enforcement=law_enforcement,
            analysis_approved=[],
            status=UseStatus.UNDER_REVIEW,
            proposed_by_id=by,
        )
        now.seal(
            "use.proposed",
            by=by,
            action="propose a use",
            target=use.id,
            outcome="done",
            clauses=["D-026-11/oversight"],
            public=codes_of_use(use),
            rows=[use],
        )
        return use


def known_kind(kind: str) -> str:
    """The kind of use, or an error that lists them.

    Raises:
        BadInputError: there is no such kind.
    """
    if kind not in set(UseKind):
        raise BadInputError(f"there is no kind of use `{kind}`; the kinds are {', '.join(UseKind)}")
    return str(kind)


def concur(
    office: Office,
    *,
    use_id: str,
    as_office: str,
    concurs: bool,
    by: str,
    conditions: Mapping[str, object] | None = None,
    words: str = "",
) -> Concurrence | Refusal:
    """Give one office's word. The third concurrence, by a third person, activates the use; an objection stops it.

    conditions: what each use under it is checked against: lists under `modes`, `case_types`, `services`, an instant
    under `until`. words: other conditions, or the reasons of an objection; kept in the vault.
    """
    if not concurs and not words.strip():
        raise BadInputError("an objection gives its reasons; say why the office objects")
    if not concurs and conditions:
        raise BadInputError("an objection has no conditions: concur with conditions, or object")
    with change(office) as now:
        use = found(Use, use_id)
        if as_office not in THREE_OFFICES:
            raise BadInputError(f"the offices are {', '.join(sorted(THREE_OFFICES))}, not `{as_office}`")
        if as_office not in office.acting(by):
            raise BadInputError(f"`{by}` does not speak for the office `{as_office}`")
        kept = _conditions(conditions or {}, at=now.at)
        move = "give an office's word on a use" if concurs else "object to a use"
        people = {"proposed_by_id": use.proposed_by_id}
        if refusal := stands_against(now, move, by=by, target=use_id, state=use.status, people=people):
            return refusal
        unit, proposer_unit = found(Person, by).unit, found(Person, use.proposed_by_id).unit
        unmet = [_SAME_UNIT] if unit == proposer_unit else []
        if concurs:
            unmet += missing_of(use)
        if unmet:
            return now.refuse("use.refused", now.unmet(unmet), by=by, action=move, target=use_id)
        objects: list[VaultObject] = []
        if words.strip():
            objects.append(
                office.vault.put(
                    office.new_name("object"), words.encode(), kind="office-words", about=use.id, at=now.at
                )
            )
        word = Concurrence(
            id=office.new_id(Concurrence),
            use=use,
            round=use.round,
            office=as_office,
            person_id=by,
            unit=unit,
            proposer_id=use.proposed_by_id,
            proposer_unit=proposer_unit,
            concurs=concurs,
            conditions=kept,
            words=objects[0].id if objects else "",
            at=now.at,
        )
        said = set(
            Concurrence.objects.filter(use=use, round=use.round, concurs=True).values_list(
                "office", flat=True
            )
        )
        duties: list[Duty] = []
        if not concurs:
            use.status = UseStatus.OBJECTED
        elif said | {as_office} == THREE_OFFICES:
            use.status = UseStatus.ACTIVE
            duties = list(Duty.objects.filter(kind="use-review", about=use.id, closed_at=None))
            for duty in duties:
                duty.closed_at, duty.closed_by_id = now.at, by
        now.seal(
            "use.reviewed",
            by=by,
            action=move,
            target=use_id,
            outcome="objects" if not concurs else "concurs-conditionally" if kept or words else "concurs",
            clauses=["D-026-11/oversight"],
            public={"use": use.id, "office": as_office, "status": use.status, "round": use.round},
            # The word first: the guards count it before the use becomes active.
            rows=[word, use, *duties],
            objects=objects,
        )
        return word


def suspend_use(office: Office, *, use_id: str, by: str) -> Use | Refusal:
    """Any one of the three offices suspends a use at once."""
    with change(office) as now:
        use = found(Use, use_id)
        if refusal := stands_against(now, "suspend a use", by=by, target=use_id, state=use.status):
            return refusal
        use.status = UseStatus.SUSPENDED
        now.seal(
            "use.suspended",
            by=by,
            action="suspend a use",
            target=use_id,
            outcome="done",
            clauses=["D-026-11/oversight"],
            public={"use": use.id},
            rows=[use],
        )
        return use


def review_again(office: Office, *, use_id: str, what: str, words: str, by: str) -> Use | Refusal:
    """Say what changed about a use: it goes back to the three offices, in a new round that begins from nothing.

    what: a code of `CHANGES`. It runs no more until three offices concur anew.
    """
    if what not in CHANGES:
        raise BadInputError(f"there is no change `{what}`; the changes are {', '.join(CHANGES)}")
    if not words.strip():
        raise BadInputError("say what changed, in words")
    with change(office) as now:
        use = found(Use, use_id)
        move = "review a use again"
        if refusal := stands_against(now, move, by=by, target=use_id, state=use.status):
            return refusal
        if use.status not in CHANGES[what].states:
            raise BadInputError(
                f"`{what}` does not send back a use that is `{use.status}`: it says that {CHANGES[what].says}"
            )
        use.status, use.round = UseStatus.UNDER_REVIEW, use.round + 1
        told = office.vault.put(
            office.new_name("object"), words.encode(), kind="use-change", about=use.id, at=now.at
        )
        changed = UseChange(
            id=office.new_id(UseChange),
            use=use,
            round=use.round,
            what=what,
            words=told.id,
            by_id=by,
            at=now.at,
        )
        now.seal(
            "use.changed",
            by=by,
            action=move,
            target=use_id,
            outcome=what,
            clauses=["D-026-11/oversight"],
            public={"use": use.id, "round": use.round},
            rows=[use, changed],
            objects=[told],
        )
        return use


def _conditions(given: Mapping[str, object], *, at: datetime) -> dict[str, object]:
    """The conditions in the form in which they are kept and checked.

    Raises:
        BadInputError: a name or a form that nothing checks.
    """
    kept: dict[str, object] = {}
    for name, value in given.items():
        if name == "until":
            if not isinstance(value, datetime) or value <= at:
                raise BadInputError("a concurrence ends on a day in the future; give an instant for `until`")
            kept[name] = instant_text(value)
        elif name in LISTED_CONDITIONS:
            listed = sorted(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else []
            if not listed:
                raise BadInputError(
                    f"the condition `{name}` lists what is allowed; an empty list allows nothing"
                )
            if name == "modes" and (unknown := set(listed) - set(map(str, Mode))):
                raise BadInputError(f"there is no mode {', '.join(sorted(unknown))}")
            kept[name] = listed
        else:
            raise BadInputError(
                f"nothing checks a condition `{name}`; checked are {', '.join(LISTED_CONDITIONS)}, until: "
                "say anything else in words"
            )
    return kept


_SAME_UNIT = Unmet(
    "D-026-11/oversight",
    "the reviewer is of the unit that asks for the use",
    "somebody of the office who works outside that unit must review it",
)
