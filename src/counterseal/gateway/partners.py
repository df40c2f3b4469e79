"""Who stands behind a search besides us: an agency that asked for it, or one through which a service is reached.

A service that a partner runs is known as such by the register, not by what the requester says: a request
through it is a use of the service that answers in the end.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from counterseal.casework.models import SearchRequest
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.gateway.storing import read
from counterseal.oversight.models import PartnerAgreement, PartnerService, Service
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, IntegrityError

KINDS = ("statute", "regulation", "agreement")
EVERY_SERVICE = "*"
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Partner:
    """The other agency and the authority. reached: the service that answers in the end. bars_it: whether the
    agency's own rules bar it from the service asked or the one reached."""

    agency: str
    authority: str
    citation: str
    valid_from: datetime
    valid_until: datetime
    reached: Service
    bars_it: bool


def partner_of(request: SearchRequest, service: Service) -> Partner | None:
    """The partner of this request, or None. Where one agency asks and another answers, both must hold."""
    behind = PartnerService.objects.select_related("agreement", "reaches").filter(service=service).first()
    reached = behind.reaches if behind else service
    asking = read(PartnerAgreement, request.on_behalf_of) if request.on_behalf_of else None
    if request.on_behalf_of and asking is None:
        raise IntegrityError(
            f"request `{request.id}` names an agreement that is gone: run `counterseal fsck`"
        )
    partners = [
        Partner(
            agency=agreement.agency,
            authority=agreement.kind,
            citation=agreement.citation,
            valid_from=agreement.valid_from,
            valid_until=agreement.valid_until,
            reached=reached,
            bars_it=bool({EVERY_SERVICE, service.id, reached.id} & set(agreement.bars)),
        )
        for agreement in (asking, behind.agreement if behind else None)
        if agreement is not None
    ]
    if not partners:
        return None
    first, last = partners[0], partners[-1]
    return replace(
        first,
        valid_from=max(first.valid_from, last.valid_from),
        valid_until=min(first.valid_until, last.valid_until),
        bars_it=first.bars_it or last.bars_it,
    )


def record_agreement(
    office: Office,
    *,
    agency: str,
    kind: str,
    citation: str,
    valid_from: datetime,
    valid_until: datetime,
    by: str,
    bars: tuple[str, ...] = (),
    services: tuple[tuple[str, str], ...] = (),
) -> PartnerAgreement | Refusal:
    """Record on what authority a partner may ask us, or be asked.

    agency: a code, for example ``city-police``. bars: service ids that its own rules bar it from, or `*`.
    services: pairs of a service on our register that this partner runs, and the one that answers there in the
    end.

    Raises:
        BadInputError: unknown kind or service, no citation, dates the wrong way round, or a service that
            already stands behind a partner.
    """
    if not _CODE.fullmatch(agency) or kind not in KINDS or not citation.strip():
        raise BadInputError(
            f"an agreement names the agency by a code like `city-police`, its kind ({', '.join(KINDS)}) and its number"
        )
    if valid_until <= valid_from:
        raise BadInputError("an agreement ends after it begins")
    with change(office) as now:
        agreement_id = office.new_id(PartnerAgreement)
        move = "record an agreement with a partner"
        if refusal := stands_against(now, move, by=by, target=agreement_id):
            return refusal
        for service_id in bars:
            if service_id != EVERY_SERVICE:
                found(Service, service_id)
        agreement = PartnerAgreement(
            id=agreement_id,
            agency=agency,
            kind=kind,
            citation=citation,
            valid_from=valid_from,
            valid_until=valid_until,
            bars=sorted(set(bars)),
            recorded_by_id=by,
        )
        behind = [_behind(office, agreement, *pair) for pair in services]
        now.seal(
            "partner.recorded",
            by=by,
            action=move,
            target=agreement.id,
            outcome="done",
            clauses=["HSI-M/3-sharing"],
            public={"agency": agency, "kind": kind, "services": len(behind), "bars": len(agreement.bars)},
            rows=[agreement, *behind],
        )
        return agreement


def _behind(office: Office, agreement: PartnerAgreement, service_id: str, reaches_id: str) -> PartnerService:
    service, reaches = found(Service, service_id), found(Service, reaches_id)
    if PartnerService.objects.filter(service=service).exists():
        raise BadInputError(
            f"service `{service_id}` already stands behind a partner: register the other road as a service of its own"
        )
    return PartnerService(
        id=office.new_id(PartnerService), service=service, agreement=agreement, reaches=reaches
    )
