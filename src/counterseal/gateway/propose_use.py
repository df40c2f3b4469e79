"""Propose a use of face recognition, hear the three offices, activate or suspend it (D-026-11/oversight)."""

from counterseal.gateway.coding import coded
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Concurrence, Use, UseStatus
from counterseal.oversight.transitions import THREE_OFFICES
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


def propose_use(office: Office, *, name: str, purpose: str, law_enforcement: bool, by: str) -> Use | Refusal:
    """Put a use before the three offices. Nothing runs under it until all three concur."""
    if not name.strip() or not purpose.strip():
        raise BadInputError("a use has a name and a purpose; give both")
    with change(office) as now:
        use_id = office.new_id(Use)
        if refusal := stands_against(now, "propose a use", by=by, target=use_id):
            return refusal
        use = Use(
            id=use_id,
            name=name,
            purpose=purpose,
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
            public={"use": use.id, "name": coded(use.name), "law_enforcement": use.law_enforcement},
            rows=[use],
        )
        return use


def concur(office: Office, *, use_id: str, as_office: str, concurs: bool, by: str) -> Concurrence | Refusal:
    """Give one office's word. The third concurrence, by a third person, activates the use."""
    with change(office) as now:
        use = found(Use, use_id)
        if as_office not in THREE_OFFICES:
            raise BadInputError(f"the offices are {', '.join(sorted(THREE_OFFICES))}, not `{as_office}`")
        if as_office not in office.acting(by):
            raise BadInputError(f"`{by}` does not speak for the office `{as_office}`")
        move = "give an office's word on a use"
        refusal = stands_against(
            now, move, by=by, target=use_id, state=use.status, people={"proposed_by_id": use.proposed_by_id}
        )
        if refusal:
            return refusal
        word = Concurrence(
            id=office.new_id(Concurrence),
            use=use,
            office=as_office,
            person_id=by,
            proposer_id=use.proposed_by_id,
            concurs=concurs,
            at=now.at,
        )
        said = set(Concurrence.objects.filter(use=use, concurs=True).values_list("office", flat=True))
        if concurs and said | {as_office} == THREE_OFFICES:
            use.status = UseStatus.ACTIVE
        now.seal(
            "use.reviewed",
            by=by,
            action=move,
            target=use_id,
            outcome="concurs" if concurs else "objects",
            clauses=["D-026-11/oversight"],
            public={"use": use.id, "office": as_office, "status": use.status},
            rows=[word, use],
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
