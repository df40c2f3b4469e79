"""Hand information to somebody outside, on a recorded authority (HSI-M/3-sharing, D-026-11/limited-sharing)."""

from dataclasses import dataclass
from datetime import datetime

from counterseal.casework.models import Case
from counterseal.gateway.brought import instant_text
from counterseal.gateway.facts import disclosure_facts
from counterseal.gateway.found import found
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Disclosure
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Authority:
    """A statute, a regulation or an information-sharing agreement, with its dates."""

    kind: str
    citation: str
    valid_from: datetime
    valid_until: datetime


def disclose(
    office: Office,
    *,
    case_id: str,
    about: str,
    recipient: str,
    authority: Authority,
    contents: list[str],
    by: str,
) -> Disclosure | Refusal:
    """Record and seal a disclosure of these contents of record `about`. The caveat always goes with it.

    contents: codes such as ``lead`` or ``search-report``; the pack has the list.
    """
    if not recipient.strip() or not contents:
        raise BadInputError("say to whom and what: a recipient and at least one content code")
    with change(office) as now:
        office.acting(by)
        found(Case, case_id)
        facts = facts_of(
            by=by,
            about=about,
            case_id=case_id,
            recipient=recipient,
            authority=authority,
            contents=contents,
            at=now.at,
        )
        decision = office.decide(facts, now.at)
        if isinstance(decision, Refusal):
            return now.refuse("disclosure.refused", decision, by=by, action="disclose", target=about)
        disclosure = Disclosure(
            id=office.new_id(Disclosure),
            about=about,
            recipient=recipient,
            authority_kind=authority.kind,
            authority_citation=authority.citation,
            authority_from=authority.valid_from,
            authority_until=authority.valid_until,
            contents=sorted(contents),
            by_id=by,
            at=now.at,
        )
        now.seal(
            "information.disclosed",
            by=by,
            action="disclose",
            target=about,
            outcome="done",
            decision=decision,
            public={"authority": authority.kind},
            committed={
                "authority_from": instant_text(authority.valid_from),
                "authority_until": instant_text(authority.valid_until),
            },
            rows=[disclosure],
        )
        return disclosure


def facts_of(
    *,
    by: str,
    about: str,
    case_id: str,
    recipient: str,
    authority: Authority,
    contents: list[str],
    at: datetime,
) -> dict[str, object]:
    """What policy is asked about a disclosure: when it is made, and again when an export is written under it."""
    return disclosure_facts(
        by=by,
        record=about,
        case_id=case_id,
        recipient=recipient,
        authority={
            "kind": authority.kind,
            "citation": authority.citation,
            "valid_from": instant_text(authority.valid_from),
            "valid_until": instant_text(authority.valid_until),
        },
        contents=contents,
        at=at,
    )
