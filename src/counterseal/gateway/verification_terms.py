"""State how a use outside law enforcement verifies claims: its service, its alternative, what is kept how long.

The privacy office states it, never the person who proposed the use. The latest statement is in force.
"""

import re
from collections.abc import Mapping

from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Service, Use, VerificationTerms
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

OUTCOMES = ("verified", "not-verified", "no-decision")
LONGEST_HOURS = 24 * 366
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
KeepHours = Mapping[str, Mapping[str, int]]


def state_verification_terms(
    office: Office,
    *,
    use_id: str,
    service_id: str,
    setting: str,
    alternative: str,
    by: str,
    liveness_called_for: bool = False,
    destination: str = "gate",
    keep_hours: KeepHours | None = None,
) -> VerificationTerms | Refusal:
    """State how this use verifies claims, from now on.

    setting: a code for the kind of checkpoint; the service's approval must cover it. alternative: the
    procedure for whoever is not compared, in words for that person. destination: a code for where the sample
    goes. keep_hours: hours by outcome (`OUTCOMES`) and destination; what is not named, or 0, is not kept.

    Raises:
        BadInputError: unknown use or service, a use for law enforcement, or words that cannot be used.
    """
    keep = {outcome: dict(hours) for outcome, hours in (keep_hours or {}).items()}
    _check(setting, alternative, destination, keep)
    with change(office) as now:
        use, service = found(Use, use_id), found(Service, service_id)
        if use.law_enforcement:
            raise BadInputError("this use is for law enforcement: it takes the road of a search, with a case")
        move = "state how a use verifies claims"
        people = {"proposed_by_id": use.proposed_by_id}
        if refusal := stands_against(now, move, by=by, target=use_id, people=people):
            return refusal
        terms = VerificationTerms(
            id=office.new_id(VerificationTerms),
            use=use,
            service_id=service.id,
            setting=setting,
            alternative=alternative.strip(),
            liveness_called_for=liveness_called_for,
            destination=destination,
            keep_hours=keep,
            stated_by_id=by,
            proposer_id=use.proposed_by_id,
            at=now.at,
        )
        now.seal(
            "verification.terms-stated",
            by=by,
            action=move,
            target=use_id,
            outcome="done",
            clauses=["D-026-11/opt-out"],
            public={
                "use": use_id,
                "service": service.id,
                "setting": setting,
                "liveness_called_for": liveness_called_for,
                "longest_hours": max((h for by_place in keep.values() for h in by_place.values()), default=0),
            },
            rows=[terms],
        )
        return terms


def terms_in_force(use: Use) -> VerificationTerms:
    """How this use verifies claims now.

    Raises:
        BadInputError: nobody has stated it.
    """
    terms = VerificationTerms.objects.filter(use=use).order_by("-at", "-entry_index").first()
    if terms is None:
        raise BadInputError(
            f"nobody has stated how use `{use.id}` verifies claims: its service, its alternative and what is kept "
            "(`counterseal verify terms`)"
        )
    return terms


def _check(setting: str, alternative: str, destination: str, keep: dict[str, dict[str, int]]) -> None:
    for code in (setting, destination, *(place for hours in keep.values() for place in hours)):
        if _CODE.fullmatch(code) is None:
            raise BadInputError(f"`{code[:60]}` is no code: write lower-case letters, digits and dashes")
    if len(alternative.split()) < 3:
        raise BadInputError("say in words what happens instead for whoever is not compared")
    if unknown := set(keep) - set(OUTCOMES):
        raise BadInputError(f"samples are kept by outcome ({', '.join(OUTCOMES)}), not by {unknown}")
    if any(not 0 <= hours <= LONGEST_HOURS for places in keep.values() for hours in places.values()):
        raise BadInputError(f"a sample is kept for 0 to {LONGEST_HOURS} hours")
