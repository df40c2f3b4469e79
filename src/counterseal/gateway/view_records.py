"""Show what the vault holds to a person: sealed first, with who, which record classes, and why (R41).

The one road from the vault to a reader; whatever opens the vault beside it is in `BESIDE`, with its reason, and a
test sweeps the code for others. Who sees what: the offices in `SEES_ALL`; whoever works on the record's case; a
reviewer what is on the sheet of an own open review, for no other reason than to review it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from counterseal.casework.models import Review
from counterseal.casework.words import ReviewStatus
from counterseal.gateway.belonging import case_of
from counterseal.gateway.moving import stands_against, works_on
from counterseal.gateway.office import Office
from counterseal.gateway.review import sheet
from counterseal.gateway.sealing import Change, change
from counterseal.oversight.models import VaultObject
from counterseal.oversight.transitions import ANSWER_REDRESS, THREE_OFFICES
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

SEES_ALL = frozenset({"supervisor", "auditor", "records-office", "disclosure-officer"})
ACTION = "view records"
# The secret of a draw: whoever knew it before could try how to steer the draw, which then shows it to all.
NEVER_SHOWN = frozenset({"sample-secret"})
# Not for whoever sees all of a case: what an asker wrote may be about a supervisor.
SEEN_BY: Mapping[str, frozenset[str]] = {
    "redress": ANSWER_REDRESS | {"auditor"},
    "program-file": SEES_ALL | THREE_OFFICES,
}


class Why(StrEnum):
    """Why somebody looks."""

    REVIEW = "review"
    CASE_WORK = "case-work"
    SUPERVISION = "supervision"
    AUDIT = "audit"
    DISCLOSURE = "disclosure"
    REQUEST_OF_A_PERSON = "request-of-a-person"
    COURT_ORDER = "court-order"
    RECORDS = "records"


BESIDE: Mapping[str, str] = {
    "gateway/search.py": "hands the probe to a service's connector, under a sealed intent; no person sees it",
    "gateway/run_fsck.py": "opens each object to see that it opens; shows nothing of it",
    "gateway/erasure_drill.py": "opens what the drill itself planted",
    "gateway/draw_sample.py": "takes the secret of a draw, which the draw then publishes",
    "gateway/discovery_package.py": "its release is sealed under a disclosure before anything is written",
    "cli/commands/policy_change.py": "shows the difference of two packs to whoever just proposed it; of no person",
    "gateway/conclude_test.py": "reads plan and result of a test: rates and goals, of no person",
    "gateway/redress.py": "hands an answer to the holder of its code, who has no name, and no words of anybody else",
    "gateway/audit/ask.py": "sealed in the audit office's own log before it is shown",
    "gateway/audit/package.py": "sealed in the audit office's own log before it is written",
}
"""Every other module that opens the vault, and why it may."""


def view_records(
    office: Office, *, objects: Sequence[str], why: str, by: str
) -> Mapping[str, bytes] | Refusal:
    """The bytes of these vault objects by id, once the look is sealed. why: one of `Why`.

    Raises:
        BadInputError: no such reason, or the vault holds no such object.
        DestroyedError: one was destroyed: nobody can open it any more. Nothing is shown.
    """
    if why not in list(Why):
        raise BadInputError(f"there is no reason `{why}`; the reasons are {', '.join(Why)}")
    wanted = sorted(set(objects))
    with change(office) as now:
        rows = {row.pk: row for row in VaultObject.objects.filter(pk__in=wanted)}
        if missing := [each for each in wanted if each not in rows]:
            raise BadInputError(f"the vault holds no object `{missing[0]}`")
        if not wanted:
            raise BadInputError("name at least one object of the vault")
        if refusal := stands_against(now, ACTION, by=by, target=wanted[0]):
            return refusal
        for row in rows.values():
            if not _may_see(now, row, why=why, by=by):
                return _strange(now, row, by=by)
        # Opened before it is sealed, shown after: what does not open was not seen.
        opened = {each: office.vault.open(each) for each in wanted}
        now.seal(
            "record.viewed",
            by=by,
            action=ACTION,
            target=rows[wanted[0]].about,
            outcome="done",
            public={
                "why": why,
                "classes": sorted({row.kind for row in rows.values()}),
                "objects": len(wanted),
            },
            committed={"viewed": wanted},
        )
    return opened


def _may_see(now: Change, row: VaultObject, *, why: str, by: str) -> bool:
    if row.kind in NEVER_SHOWN:
        return False
    if why == Why.REVIEW:
        own = Review.objects.filter(reviewer_id=by, status=ReviewStatus.OPEN)
        return any(row.pk in (s.probe, *(photograph for _, photograph in s.items)) for s in map(sheet, own))
    if row.kind in SEEN_BY:
        return bool(now.office.acting(by) & SEEN_BY[row.kind])
    case = case_of(row.about)
    return bool(now.office.acting(by) & SEES_ALL) or bool(case and works_on(case, by))


def _strange(now: Change, row: VaultObject, *, by: str) -> Refusal:
    unmet = Unmet(
        "D-026-11/security",
        "the record belongs to no case of yours, nor to the sheet of a review that you have open",
        "ask somebody who works on the case, or a supervisor",
    )
    return now.refuse("vaultobject.refused", now.unmet([unmet]), by=by, action=ACTION, target=row.about)
