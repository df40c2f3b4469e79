"""Declare a trial or a use beside the register, and say what came of it (HSI-M/4C1-approved).

Whoever works here may declare, also of themselves; each declaration is a finding until the reviewing unit closes it.
"""

from dataclasses import dataclass
from datetime import datetime

from counterseal.gateway.findings import open_finding
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import TrialDeclaration
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

HOW = ("free-trial", "own-account", "shared-account", "partner-agency", "unreviewed-purchase")
# Where to look: the check-list of the reviewing unit.
FOUND_BY = ("told", "expenses", "network-log", "mail", "operator-log", "case-file")
OUTCOMES = ("stopped", "registered", "unfounded")


@dataclass(frozen=True, slots=True)
class Trial:
    """What is declared. searches: how many, None where nobody knows. until: None where it goes on.

    how: a code of `HOW`. found_by: one of `FOUND_BY`. words: the rest; they go to the vault.
    """

    tool: str
    operator: str
    unit: str
    how: str
    found_by: str
    since: datetime
    words: str
    until: datetime | None = None
    searches: int | None = None


def declare_trial(office: Office, *, trial: Trial, by: str) -> TrialDeclaration | Refusal:
    """Record that a service is or was used beside the register. It opens a finding."""
    for said in ("tool", "operator", "unit", "words"):
        if not str(getattr(trial, said)).strip():
            raise BadInputError(f"a declaration states its {said}")
    if trial.how not in HOW or trial.found_by not in FOUND_BY:
        raise BadInputError(f"say how ({', '.join(HOW)}) and how it was found ({', '.join(FOUND_BY)})")
    if trial.searches is not None and trial.searches < 0:
        raise BadInputError("a number of searches is not below zero; leave it out where nobody knows")
    with change(office) as now:
        trial_id = office.new_id(TrialDeclaration)
        if refusal := stands_against(now, "declare a trial", by=by, target=trial_id):
            return refusal
        if trial.since > now.at or (trial.until is not None and trial.until < trial.since):
            raise BadInputError("a trial began in the past, and ended after it began")
        words = office.vault.put(
            office.new_name("object"), trial.words.encode(), kind="trial", about=trial_id, at=now.at
        )
        row = TrialDeclaration(
            id=trial_id,
            tool=trial.tool,
            operator=trial.operator,
            unit=trial.unit,
            how=trial.how,
            found_by=trial.found_by,
            since=trial.since,
            until=trial.until,
            searches=trial.searches,
            words=words.id,
            status="open",
            declared_by_id=by,
            declared_at=now.at,
        )
        says = (
            f"a service beside the register is declared ({trial.how}): which searches were made, and of whom?"
        )
        finding = open_finding(now, "use-beside-the-register", trial_id, says)
        now.seal(
            "trial.declared",
            by=by,
            action="declare a trial",
            target=trial_id,
            outcome=trial.how,
            clauses=["HSI-M/4C1-approved"],
            rows=[row, *finding],
            objects=[words],
        )
        return row


def close_trial(office: Office, *, trial_id: str, outcome: str, by: str) -> TrialDeclaration | Refusal:
    """Close a declaration: `stopped`, `registered` or `unfounded`. Never by the person who declared."""
    if outcome not in OUTCOMES:
        raise BadInputError(f"a declaration closes with an outcome: {', '.join(OUTCOMES)}; not `{outcome}`")
    with change(office) as now:
        row = found(TrialDeclaration, trial_id)
        move = "close a trial"
        people = {"declared_by_id": row.declared_by_id}
        if refusal := stands_against(now, move, by=by, target=trial_id, state=row.status, people=people):
            return refusal
        row.status, row.outcome, row.closed_by_id = "closed", outcome, by
        now.seal(
            "trial.closed",
            by=by,
            action=move,
            target=trial_id,
            outcome=outcome,
            clauses=["HSI-M/4C1-approved"],
            rows=[row],
        )
        return row
