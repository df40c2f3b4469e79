"""Run one search: the road that every use of face recognition takes.

1. Decide. Facts are gathered as plain values; the policy packs in force at this instant permit or refuse,
   each with clauses; a refusal lists every unmet condition and its remedy.
2. Seal the intent. Entry and signed checkpoint are durable before anything leaves. A refusal is sealed too.
3. Act. The connector takes request, entry and receipt and verifies the receipt itself. No receipt, no call.
4. Seal the outcome: codes, counts, commitments. An intent without outcome stays visible (`fsck`).
5. Review: `review.py`. Candidates are judged blind, twice, before any score or rank is seen.
6. Lead: `mark_lead.py`, after a recorded comparison with other information.
7. Action: `request_clearance.py`, only on support that is independent of any face, confirmed by another.

This module does 1 to 4. Its caller MUST go on with 5: a candidate is not an identification.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from counterseal.casework.models import CandidateListRow, CandidateRow, Case, Probe, SearchRequest
from counterseal.casework.words import RequestStatus
from counterseal.connectors.port import Answer, Foil, ReturnedCandidate, ServiceFailure, Submission
from counterseal.gateway.brought import Subject
from counterseal.gateway.coding import coded
from counterseal.gateway.facts import facts_of_test, search_facts
from counterseal.gateway.findings import open_finding
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.partners import Partner, partner_of
from counterseal.gateway.raise_signals import signals_at_search
from counterseal.gateway.records import read_records
from counterseal.gateway.request_search import payload_digest
from counterseal.gateway.review_reasons import with_reasons
from counterseal.gateway.sealing import Change, Sealed, change
from counterseal.ledger.canonical import write_canonical
from counterseal.oversight.models import Duty, Service, ServiceReview, VaultObject
from counterseal.terms.decisions import Obligation, Permit, Refusal, Unmet
from counterseal.terms.errors import IntegrityError, UnavailableError
from counterseal.terms.rows import SealedRow


@dataclass(frozen=True, slots=True)
class Answered:
    """The service answered. `permit` says on which clauses; candidates await review."""

    request: SearchRequest
    permit: Permit
    answer: Answer
    candidate_list: CandidateListRow
    intent_index: int
    outcome_index: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The service gave no usable answer. The intent stands in the log, with this outcome."""

    request: SearchRequest
    failure: ServiceFailure
    intent_index: int
    outcome_index: int


def search(office: Office, *, request_id: str, by: str) -> Answered | Failed | Refusal:
    """Take a requested search down the road, once.

    Raises:
        BadInputError: unknown request or person. StaleError: it was submitted already.
        SealingError: the log could not take the intent (nothing ran) or the outcome (the intent stands open).
    """
    # (1) and (2) in one transaction: what was decided is what is sealed.
    with change(office) as now:
        request = _whole(request_id)
        if refusal := stands_against(now, "submit a search", by=by, target=request_id, state=request.status):
            return refusal
        if by != request.requester_id:
            return now.refuse(
                "search.refused",
                now.unmet([_ANOTHERS_REQUEST]),
                by=by,
                action="submit a search",
                target=request.id,
            )
        if payload_digest(office, request) != request.payload_digest:
            raise IntegrityError(
                f"request `{request.id}` is not what was asked and approved: somebody changed it; "
                "run `counterseal fsck`, and make a new request"
            )
        service = found(Service, request.service_id)
        held = read_records(request, at=now.at)
        test = facts_of_test(office, service, mode=request.mode, use_id=request.use_id, at=now.at)
        partner = partner_of(request, service) if held.behind_partner or request.on_behalf_of else None
        facts = search_facts(request, service, held, test=test, partner=partner, at=now.at)
        decision = office.decide(facts, now.at, subject_of(request))
        if isinstance(decision, Refusal):
            request.status = RequestStatus.REFUSED
            return now.refuse(
                "search.refused",
                decision,
                by=by,
                action="submit a search",
                target=request.id,
                rows=[request],
                public={"mode": request.mode, "service": request.service_id},
            )
        # Opened once: what was hashed into the question is what leaves.
        probe = office.vault.open(request.probe.sent)
        second = office.vault.open(request.second_probe.sent) if request.second_probe else b""
        question, intent = _seal_intent(
            now, request, decision, by, probe, second, faces=held.faces + 1, partner=partner
        )
    submission = Submission(
        request=question,
        entry=intent.body,
        opening=intent.openings["request"],
        receipt=now.receipt,
        probe=probe,
        second=second,
    )
    # (3) If we stop from here on, the overseer sees an intent without outcome.
    try:
        answer = office.services(service.connector).submit(submission)
    except UnavailableError as error:
        answer = ServiceFailure("unreachable", str(error))
    # (4)
    if isinstance(answer, ServiceFailure):
        return _seal_failure(office, request, answer, intent, by)
    return _seal_answer(office, request, answer, intent, decision, by)


def subject_of(request: SearchRequest) -> Subject:
    """What a decision on this search is about."""
    return Subject(
        person=request.requester_id,
        case=request.case_id,
        service=request.service_id,
        use=request.use_id,
        request=request,
    )


def _whole(request_id: str) -> SearchRequest:
    """The request with its case and photographs."""
    request = found(SearchRequest, request_id)
    request.case = found(Case, request.case_id)
    request.probe = found(Probe, request.probe_id)
    if request.second_probe_id:
        request.second_probe = found(Probe, request.second_probe_id)
    return request


def _seal_intent(
    now: Change,
    request: SearchRequest,
    permit: Permit,
    by: str,
    probe: bytes,
    second: bytes,
    *,
    faces: int,
    partner: Partner | None,
) -> tuple[bytes, Sealed]:
    """Open the permit's duties, mark the request submitted, and seal the question that will leave."""
    question = write_canonical(
        {
            "id": request.id,
            "mode": request.mode,
            "service": request.service_id,
            "limit": request.limit,
            "minimum": request.minimum,
            "claimed_reference": request.claimed_reference,
            "probe": hashlib.sha256(probe).hexdigest(),
            "second": hashlib.sha256(second).hexdigest() if second else "",
        }
    )
    index = now.next_index
    request.status, request.intent_index, request.submitted_at = RequestStatus.SUBMITTED, index, now.at
    duties: list[SealedRow] = [
        *with_reasons(now, request, [_duty(now, request, o) for o in permit.obligations]),
        *(_service_review(now, request, o) for o in permit.obligations if o.name == "service-review"),
    ]
    duties += signals_at_search(now, request, faces=faces)
    sealed = now.seal(
        "search.intent",
        by=by,
        action="submit a search",
        target=request.id,
        outcome="permitted",
        decision=permit,
        causes=[request.entry_index],
        public={
            "mode": request.mode,
            "service": request.service_id,
            "use": request.use_id,
            "exigency": request.exigency_claimed,
            "prior_approval": request.exigency_claimed
            and all(o.name != "exigent-approval" for o in permit.obligations),
            "partner": partner.agency if partner else "none",
        },
        committed={
            # About the person sought: a release of figures opens them only where enough entries say the same.
            "case_type": coded(request.case.type),
            "subject_role": coded(request.probe.subject_role),
            "request": hashlib.sha256(question).hexdigest(),
            "case": request.case_id,
            "probe": request.probe_id,
            "program_code": request.case.program_code,
            "statutory_authority": request.case.statutory_authority,
        },
        rows=[request, *duties],
    )
    return question, sealed


def _duty(now: Change, request: SearchRequest, obligation: Obligation) -> Duty:
    return Duty(
        id=now.office.new_id(Duty),
        kind=obligation.name,
        clause=obligation.clause,
        about=request.id,
        person_id=request.requester_id,
        owner=obligation.owner,
        opened_at=now.at,
        due=now.at + obligation.within,
    )


def _service_review(now: Change, request: SearchRequest, obligation: Obligation) -> ServiceReview:
    return ServiceReview(
        id=now.office.new_id(ServiceReview),
        service_id=request.service_id,
        because_of_request=request.id,
        status="open",
        opened_at=now.at,
        due=now.at + obligation.within,
    )


def _seal_failure(
    office: Office, request: SearchRequest, failure: ServiceFailure, intent: Sealed, by: str
) -> Failed:
    with change(office) as now:
        request.status = RequestStatus.FAILED
        finding = open_finding(now, f"service-{failure.code}", request.id, failure.says or failure.code)
        sealed = now.seal(
            "search.failed",
            by=by,
            action="record the failure",
            target=request.id,
            outcome=failure.code,
            causes=[intent.index],
            public={"mode": request.mode, "service": request.service_id},
            rows=[request, *finding],
        )
        return Failed(request, failure, intent.index, sealed.index)


def _seal_answer(
    office: Office, request: SearchRequest, answer: Answer, intent: Sealed, permit: Permit, by: str
) -> Answered:
    with change(office) as now:
        request.status = RequestStatus.ANSWERED
        candidate_list = CandidateListRow(
            id=office.new_id(CandidateListRow),
            request=request,
            engine_id=answer.engine_id,
            searched=answer.searched,
            limit=request.limit,
            operating_point=answer.operating_point or "",
            comparison={}
            if answer.comparison is None
            else {
                "score": answer.comparison.score,
                "threshold": answer.comparison.threshold,
                "decision": answer.comparison.decision,
            },
            at=now.at,
        )
        objects: list[VaultObject] = []

        def keep(photograph: bytes, candidate_id: str) -> str:
            objects.append(
                office.vault.put(
                    office.new_name("object"), photograph, kind="candidate", about=candidate_id, at=now.at
                )
            )
            return objects[-1].id

        rows = [
            _candidate(office, candidate_list, answer, shown, keep, rank=rank)
            for rank, shown in enumerate(answer.candidates, start=1)
        ]
        rows += [_candidate(office, candidate_list, answer, foil, keep, rank=None) for foil in answer.foils]
        sealed = now.seal(
            "search.outcome",
            by=by,
            action="record the answer",
            target=request.id,
            outcome="answered",
            decision=permit,
            causes=[intent.index],
            public={
                "mode": request.mode,
                "service": request.service_id,
                "candidates": len(answer.candidates),
                "searched": answer.searched,
            },
            committed={"engine": answer.engine_id},
            rows=[request, candidate_list, *rows],
            objects=objects,
        )
        return Answered(request, permit, answer, candidate_list, intent.index, sealed.index)


def _candidate(
    office: Office,
    candidate_list: CandidateListRow,
    answer: Answer,
    shown: ReturnedCandidate | Foil,
    keep: Callable[[bytes, str], str],
    *,
    rank: int | None,
) -> CandidateRow:
    candidate_id = office.new_id(CandidateRow)
    ranked = shown if isinstance(shown, ReturnedCandidate) else None
    return CandidateRow(
        id=candidate_id,
        candidate_list=candidate_list,
        rank=rank,
        reference_id=shown.reference_id,
        person_ref=shown.person_ref,
        score=ranked.score if ranked else None,
        score_kind=answer.score_kind,
        reference_captured_on=ranked.captured_on if ranked else None,
        photograph=keep(shown.photograph, candidate_id),
        foil=ranked is None,
    )


_ANOTHERS_REQUEST = Unmet(
    "HSI-M/4E1-log",
    "the person who submits is not the person who made this request, and the log must name who submitted",
    "make a request of your own",
)
