"""Record the answer of a court or an independent authority on one search (EU-AIA/26-10-authorisation).

Granted, it closes the duty that the search opened. Refused, the use stops at once, and what it brought is
destroyed: candidates, their photographs, the request's words. A hold stands over that, and says so.
"""

from counterseal.casework.models import CandidateListRow, SearchRequest
from counterseal.gateway.brought import AUTHORISATION
from counterseal.gateway.destroy import finish, held_back, seal_destruction
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Duty, UseAuthorisation, VaultObject
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError

MOVE = "record an authorisation"
CLAUSE = "EU-AIA/26-10-authorisation"
REFUSED = "EU-AIA/26-10-refused"


def authorise_use(
    office: Office, *, request_id: str, granted: bool, authority: str, reference: str, by: str
) -> UseAuthorisation | Refusal:
    """Record the answer, once, before or after the search ran. Never by the person who asked for the search.

    authority: the court or authority. reference: its file number.

    Raises:
        BadInputError: unknown request, or no authority or reference. StaleError: it was answered already.
    """
    if not authority.strip() or not reference.strip():
        raise BadInputError("say which court or authority answered, and under which file number")
    objects: list[VaultObject] = []
    with change(office) as now:
        request = found(SearchRequest, request_id)
        people = {"requester_id": request.requester_id}
        if refusal := stands_against(now, MOVE, by=by, target=request_id, people=people):
            return refusal
        if UseAuthorisation.objects.filter(request_id=request_id).exists():
            raise StaleError(f"the authorisation of `{request_id}` was answered already; read it again")
        if not granted:
            if refusal := held_back(now, request_id, by=by, action=MOVE):
                return refusal
            about = [request_id, *_brought(request)]
            objects = list(VaultObject.objects.filter(about__in=about, destroyed_at=None).order_by("id"))
        answered = UseAuthorisation(
            id=office.new_id(UseAuthorisation),
            request_id=request_id,
            requester_id=request.requester_id,
            granted=granted,
            authority=authority,
            reference=reference,
            deleted=len(objects),
            recorded_by_id=by,
            at=now.at,
        )
        duties = list(Duty.objects.filter(kind=AUTHORISATION, about=request_id, closed_at=None))
        for duty in duties:
            duty.closed_at, duty.closed_by_id = now.at, by
        now.seal(
            "search.authorised" if granted else "search.not-authorised",
            by=by,
            action=MOVE,
            target=request_id,
            outcome="granted" if granted else "refused",
            clauses=[CLAUSE if granted else REFUSED],
            causes=[] if request.intent_index is None else [request.intent_index],
            public={"deleted": len(objects)},
            committed={"authority": authority, "reference": reference},
            rows=[answered, *duties],
        )
        if not objects:
            return answered
        sealed = seal_destruction(
            now, objects, about=request_id, by=by, action=MOVE, clauses=[REFUSED],
            committed={"authority": "authorisation-refused"},
        )  # fmt: skip
    finish(office, objects, sealed, now.receipt)
    return answered


def _brought(request: SearchRequest) -> list[str]:
    """Ids of the records that the search brought."""
    answered = CandidateListRow.objects.filter(request=request).first()
    if answered is None:
        return []
    return [answered.id, *answered.candidates.values_list("id", flat=True)]
