"""Review a supplied service before it is approved (PS-139-06/acquisition).

Looked at are the evidence, the report of the supplied test, and the terms of the contract.
"""

from dataclasses import dataclass

from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import AcquisitionReview, Service
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at, and whether it held up. words: the findings; they go to the vault."""

    evidence: str
    supplied_test: str
    supplied_test_holds: bool
    contract_terms_hold: bool
    words: str


def review_acquisition(
    office: Office, *, service_id: str, looked: Looked, by: str
) -> AcquisitionReview | Refusal:
    """Record an acquisition review of the present version. Never by the person who put the service on the register.

    It finds the service acceptable when both the supplied test and the terms of the contract held up.
    """
    for said in ("evidence", "supplied_test", "words"):
        if not str(getattr(looked, said)).strip():
            raise BadInputError(f"an acquisition review states its {said.replace('_', ' ')}")
    with change(office) as now:
        service = found(Service, service_id)
        move = "review an acquisition"
        people = {"registered_by_id": service.registered_by_id}
        if refusal := stands_against(now, move, by=by, target=service_id, people=people):
            return refusal
        words = office.vault.put(
            office.new_name("object"),
            looked.words.encode(),
            kind="acquisition-review",
            about=service.id,
            at=now.at,
        )
        review = AcquisitionReview(
            id=office.new_id(AcquisitionReview),
            service=service,
            version=service.version,
            evidence=looked.evidence,
            supplied_test=looked.supplied_test,
            supplied_test_holds=looked.supplied_test_holds,
            contract_terms_hold=looked.contract_terms_hold,
            acceptable=looked.supplied_test_holds and looked.contract_terms_hold,
            words=words.id,
            reviewer_id=by,
            registered_by_id=service.registered_by_id,
            at=now.at,
        )
        now.seal(
            "service.acquisition-reviewed",
            by=by,
            action=move,
            target=service.id,
            outcome="acceptable" if review.acceptable else "not-acceptable",
            clauses=["PS-139-06/acquisition"],
            public={"service": service.id},
            rows=[review],
            objects=[words],
        )
        return review
