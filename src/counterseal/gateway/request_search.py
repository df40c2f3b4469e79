"""Request a use of a service. What is asked is frozen here; approvals bind to its digest."""

import hashlib
from dataclasses import dataclass

from counterseal.casework.models import Case, Probe, SearchRequest
from counterseal.casework.narrative import measure, normalised
from counterseal.casework.words import RequestStatus
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.ledger.canonical import write_canonical
from counterseal.oversight.models import PartnerAgreement, Service, Use, VaultObject
from counterseal.terms.biometrics import Mode
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

TELLING_WORDS = 3


@dataclass(frozen=True, slots=True)
class Exigency:
    """A claim of exigent circumstances: which ground, which facts, and why nobody could approve before.

    Facts and reason count as stated from three words on that say something (`TELLING_WORDS`).
    """

    ground: str
    facts: str
    why_no_prior_approval: str = ""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why: a coded reason, what it is relevant and necessary for, and a narrative that says something."""

    code: str
    narrative: str
    relevant: bool = True
    necessary: bool = True


def request_search(
    office: Office,
    *,
    case_id: str,
    probe_id: str,
    service_id: str,
    use_id: str,
    mode: str,
    purpose: Purpose,
    by: str,
    limit: int = 10,
    minimum: float | None = None,
    second_probe_id: str = "",
    claimed_reference: str = "",
    exigency: Exigency | None = None,
    witness_methods_exhausted: bool = False,
    why_again: str = "",
    on_behalf_of: str = "",
) -> SearchRequest | Refusal:
    """Write down what is asked. Nothing is decided and nothing leaves yet: `search` does that.

    limit: longest candidate list wanted, 1 to 50 (10 unless told: long lists make reviewers err, R31).
    on_behalf_of: id of the agreement with the agency that asked, where it is not our own search.

    Raises:
        BadInputError: unknown mode, agreement or row, limit out of range, a mode without what it needs, or the same
            photograph again without `why_again` (R12).
    """
    if mode not in list(Mode):
        raise BadInputError(f"there is no mode `{mode}`; the modes are {', '.join(Mode)}")
    if not 1 <= limit <= 50:
        raise BadInputError(f"a candidate list holds 1 to 50 candidates, not {limit}")
    if (mode == Mode.TWO_PHOTOGRAPHS) != bool(second_probe_id):
        raise BadInputError("a second probe belongs to a comparison of two photographs, and only to that")
    if (mode == Mode.VERIFICATION) != bool(claimed_reference):
        raise BadInputError("a claimed reference belongs to a verification, and only to that")
    with change(office) as now:
        request_id = office.new_id(SearchRequest)
        if refusal := stands_against(now, "request a search", by=by, target=request_id):
            return refusal
        case, probe = found(Case, case_id), found(Probe, probe_id)
        second = found(Probe, second_probe_id) if second_probe_id else None
        found(Service, service_id)
        found(Use, use_id)
        if on_behalf_of:
            found(PartnerAgreement, on_behalf_of)
        for p in (probe, second):
            if p is not None and p.case_id != case.id:
                raise BadInputError(f"probe `{p.id}` belongs to another case")
        if not why_again and _searched_before(probe, service_id):
            raise BadInputError(
                "this photograph was searched in this service before: look at that result first, "
                "or say why again (`--why-again`)"
            )
        objects: list[VaultObject] = []

        def keep(text: str, kind: str) -> str:
            if not text:
                return ""
            objects.append(
                office.vault.put(
                    office.new_name("object"), text.encode(), kind=kind, about=request_id, at=now.at
                )
            )
            return objects[-1].id

        stop_list = office.policies.narrative.stop_list

        def telling(text: str) -> str:
            # "." or "emergency" states no fact: it is kept as nothing, and policy says what is missing.
            return text if measure(text, stop_list).distinct_words >= TELLING_WORDS else ""

        measures = measure(purpose.narrative, stop_list)
        fingerprint = office.fingerprint(normalised(purpose.narrative).encode())
        request = SearchRequest(
            id=request_id,
            case=case,
            probe=probe,
            second_probe=second,
            claimed_reference=claimed_reference,
            service_id=service_id,
            use_id=use_id,
            requester_id=by,
            mode=mode,
            limit=limit,
            minimum=minimum,
            purpose_code=purpose.code,
            relevant=purpose.relevant,
            necessary=purpose.necessary,
            narrative=keep(purpose.narrative, "narrative"),
            narrative_measures={
                "distinct_words": measures.distinct_words,
                "stop_listed": measures.stop_listed,
                # The same words for another case or another photograph are no reason for this one. Words of
                # a request that was refused were no reason for anything yet.
                "repeated": SearchRequest.objects.filter(
                    requester_id=by, narrative_measures__fingerprint=fingerprint
                )
                .exclude(case=case, probe=probe)
                .exclude(status=RequestStatus.REFUSED)
                .exists(),
                "fingerprint": fingerprint,
            },
            witness_methods_exhausted=witness_methods_exhausted,
            exigency_claimed=exigency is not None,
            exigency_ground=exigency.ground if exigency else "",
            exigency_facts=keep(telling(exigency.facts), "exigency-facts") if exigency else "",
            exigency_why_no_prior_approval=keep(telling(exigency.why_no_prior_approval), "exigency-why")
            if exigency
            else "",
            why_again=keep(why_again, "why-again"),
            on_behalf_of=on_behalf_of,
            status=RequestStatus.REQUESTED,
            requested_at=now.at,
        )
        request.payload_digest = payload_digest(office, request)
        now.seal(
            "search.requested",
            by=by,
            action="request a search",
            target=request.id,
            outcome="done",
            public={"mode": mode, "exigency": exigency is not None, "on_behalf": bool(on_behalf_of)},
            rows=[request],
            objects=objects,
        )
        return request


def payload_digest(office: Office, request: SearchRequest) -> str:
    """Digest of what an approver approves: the question, the photographs and the words, frozen."""
    payload = {
        "case": request.case_id,
        "probe": [request.probe_id, request.probe.fingerprint, request.probe.edits_declared],
        "second": request.second_probe_id or "",
        "claimed": request.claimed_reference,
        "service": request.service_id,
        "use": request.use_id,
        "requester": request.requester_id,
        "mode": request.mode,
        "limit": request.limit,
        "minimum": repr(request.minimum),
        "purpose": request.purpose_code,
        "narrative": request.narrative_measures["fingerprint"],
        "relevant": [request.relevant, request.necessary],
        "exigency": [
            request.exigency_claimed,
            request.exigency_ground,
            request.exigency_facts,
            request.exigency_why_no_prior_approval,
        ],
        "methods_exhausted": request.witness_methods_exhausted,
        "again": request.why_again,
        "behalf": request.on_behalf_of,
    }
    return hashlib.sha256(office.fingerprint_key + write_canonical(payload)).hexdigest()


def _searched_before(probe: Probe, service_id: str) -> bool:
    return SearchRequest.objects.filter(
        probe__fingerprint=probe.fingerprint, service_id=service_id, intent_index__isnull=False
    ).exists()
