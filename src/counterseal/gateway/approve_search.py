"""A second person's yes or no to one request: a witness probe, an exigent use, or a protected event.

Never the requester, in whatever role. The approval names the payload's digest: what changes afterwards was
not approved.
"""

from counterseal.casework.models import Approval, SearchRequest
from counterseal.casework.words import ApprovalKind
from counterseal.gateway.found import found
from counterseal.gateway.moving import ALL, stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.request_search import payload_digest
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Duty, SupervisorReview
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError, StaleError

_MOVES = {
    ApprovalKind.WITNESS: "approve a witness probe",
    ApprovalKind.EXIGENT: "approve an exigent use",
    ApprovalKind.EVENT: "approve a use at a protected event",
}
_REVIEWED_IT = Unmet(
    "HSI-M/4E4-supervisor-review",
    "you reviewed this search as its supervisor, and nobody approves what they reviewed",
    "ask another person who may approve it",
)


def approve_search(
    office: Office, *, request_id: str, kind: str, granted: bool, words: str, by: str
) -> Approval | Refusal:
    """Decide on a request as it was frozen, in words of one's own.

    For an exigent use that ran without prior approval this is the approval after the fact, and it closes
    the duty that the use opened (HSI-M/4C3-exigent-approval).

    Raises:
        BadInputError: unknown kind, no words. StaleError: decided already, or the request has changed.
    """
    if kind not in list(ApprovalKind):
        raise BadInputError(f"there is no approval `{kind}`; there are {', '.join(ApprovalKind)}")
    if not words.strip():
        raise BadInputError("say in words why you approve or refuse")
    with change(office) as now:
        request = found(SearchRequest, request_id)
        move = _MOVES[ApprovalKind(kind)]
        refusal = stands_against(
            now, move, by=by, target=request_id, people={"requester_id": request.requester_id}
        )
        if refusal:
            return refusal
        if SupervisorReview.objects.filter(request_id=request_id, reviewer_id=by).exists():
            return now.refuse(
                "approval.refused", now.unmet([_REVIEWED_IT]), by=by, action=move, target=request_id
            )
        if Approval.objects.filter(request=request, kind=kind).exists():
            raise StaleError(f"request `{request_id}` was decided already; read it again before you act")
        if payload_digest(office, request) != request.payload_digest:
            raise StaleError(f"request `{request_id}` has changed since it was made; it must be made anew")
        prose = office.vault.put(
            office.new_name("object"), words.encode(), kind="approval", about=request_id, at=now.at
        )
        approval = Approval(
            id=office.new_id(Approval),
            request=request,
            kind=kind,
            approver_id=by,
            requester_id=request.requester_id,
            payload_digest=request.payload_digest,
            granted=granted,
            words=prose.id,
            at=now.at,
        )
        duties = list(Duty.objects.filter(kind="exigent-approval", about=request_id, closed_at=None))
        if kind != ApprovalKind.EXIGENT:
            duties = []
        for duty in duties:
            duty.closed_at, duty.closed_by_id = now.at, by
        now.seal(
            "search.approved" if granted else "search.not-approved",
            by=by,
            action=move,
            target=request_id,
            outcome="granted" if granted else "refused",
            clauses=[ALL[move].clause],
            causes=[] if request.intent_index is None else [request.intent_index],
            public={"kind": kind},
            rows=[approval, *duties],
            objects=[prose],
        )
        return approval
