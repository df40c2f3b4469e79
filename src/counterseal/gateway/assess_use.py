"""Assess a use before three offices concur: its risks, and the nine principles, each with evidence.

Clauses: D-026-11/risk-assessment, D-026-11/oversight. The nine principles are those that PS-139-06/eo-13960 names.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from counterseal.gateway.coding import codes_of_use
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import (
    Duty,
    PrincipleEvidence,
    RiskStatus,
    Use,
    UseKind,
    UseRisk,
    UseStatus,
)
from counterseal.oversight.principles import PRINCIPLES, missing_principles
from counterseal.people.models import Person
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

COLUMNS = ("name", "purpose", "kind", "law_enforcement", "in_use_since", "review_due")


@dataclass(frozen=True, slots=True)
class ExistingUse:
    """A use that existed before this register: since when, and by when three offices are to have looked at it."""

    name: str
    purpose: str
    kind: str
    law_enforcement: bool
    since: datetime
    due: datetime


def record_risk(
    office: Office, *, use_id: str, risk: str, mitigation: str, owner: str, due: datetime, by: str
) -> UseRisk | Refusal:
    """Enter a risk to people's rights, what is done about it, who answers for that and until when."""
    if not risk.strip() or not mitigation.strip():
        raise BadInputError("say what the risk is and what is done about it")
    with change(office) as now:
        use = found(Use, use_id)
        risk_id = office.new_id(UseRisk)
        if refusal := stands_against(now, "record a risk", by=by, target=use_id):
            return refusal
        found(Person, owner)
        if due <= now.at:
            raise BadInputError("a mitigation is due on a day in the future; give it")
        row = UseRisk(
            id=risk_id,
            use=use,
            risk=risk,
            mitigation=mitigation,
            owner_id=owner,
            due=due,
            status=RiskStatus.OPEN,
            recorded_by_id=by,
        )
        now.seal(
            "use.risk-recorded",
            by=by,
            action="record a risk",
            target=use.id,
            outcome="done",
            clauses=["D-026-11/risk-assessment"],
            public={"use": use.id},
            rows=[row],
        )
        return row


def close_risk(office: Office, *, risk_id: str, evidence: str, by: str) -> UseRisk | Refusal:
    """One of the three offices finds a mitigation in place, on evidence; never the owner of the risk."""
    if not evidence.strip():
        raise BadInputError("a risk is closed on evidence; say where it stands")
    with change(office) as now:
        row = found(UseRisk, risk_id)
        move = "close a risk"
        people = {"owner_id": row.owner_id}
        if refusal := stands_against(now, move, by=by, target=risk_id, state=row.status, people=people):
            return refusal
        row.status, row.evidence, row.closed_by_id = RiskStatus.MITIGATED, evidence, by
        now.seal(
            "use.risk-closed",
            by=by,
            action=move,
            target=row.use_id,
            outcome="done",
            clauses=["D-026-11/risk-assessment"],
            public={"use": row.use_id},
            rows=[row],
        )
        return row


def show_principle(
    office: Office, *, use_id: str, principle: str, evidence: str, by: str
) -> PrincipleEvidence | Refusal:
    """Say where it stands that the use keeps this principle, for the present round of review."""
    if principle not in PRINCIPLES:
        raise BadInputError(f"there is no principle `{principle}`; the nine are {', '.join(PRINCIPLES)}")
    if not evidence.strip():
        raise BadInputError("say where the evidence stands")
    with change(office) as now:
        use = found(Use, use_id)
        move = "assess a use"
        if refusal := stands_against(now, move, by=by, target=use_id, state=use.status):
            return refusal
        row = PrincipleEvidence(
            id=office.new_id(PrincipleEvidence),
            use=use,
            round=use.round,
            principle=principle,
            evidence=evidence,
            by_id=by,
            at=now.at,
        )
        now.seal(
            "use.principle-shown",
            by=by,
            action=move,
            target=use.id,
            outcome=principle,
            clauses=["PS-139-06/eo-13960"],
            public={"use": use.id},
            rows=[row],
        )
        return row


def missing_of(use: Use) -> list[Unmet]:
    """What the assessment of a use still lacks, before an office can concur in this round."""
    unmet = []
    if not UseRisk.objects.filter(use=use).exists():
        unmet.append(
            Unmet(
                "D-026-11/risk-assessment",
                "the use has no risk register",
                "record each risk with its mitigation, owner and due date (`counterseal use risk`)",
            )
        )
    held = PrincipleEvidence.objects.filter(use=use, round=use.round).values_list("principle", flat=True)
    if lacking := missing_principles(set(held)):
        unmet.append(
            Unmet(
                "PS-139-06/eo-13960",
                f"no evidence is shown for the principles {', '.join(lacking)}",
                "show it for each of the nine, in this round of review (`counterseal use principle`)",
            )
        )
    return unmet


def read_existing_uses(text: str) -> list[ExistingUse]:
    """Existing uses from CSV with a header of `COLUMNS`. All or nothing: every fault is named by its row.

    Raises:
        BadInputError: what is wrong, row by row; the first row after the header is row 2.
    """
    rows = csv.DictReader(io.StringIO(text), strict=True)
    uses, faults = [], []
    try:
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise BadInputError(f"the first row must name the columns {', '.join(COLUMNS)}, in this order")
        for number, row in enumerate(rows, start=2):
            try:
                uses.append(_existing(row))
            except ValueError as error:
                faults.append(f"row {number}: {error}")
    except csv.Error as error:
        raise BadInputError(f"line {rows.line_num} cannot be read as CSV: {error}") from error
    names = [use.name for use in uses]
    faults += [f"`{name}` stands there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if faults or not uses:
        raise BadInputError("; ".join(faults) or "the file holds no use")
    return uses


def import_existing_uses(office: Office, *, uses: Sequence[ExistingUse], by: str) -> list[Use] | Refusal:
    """Put uses that existed before this register into the queue of the three offices, each with a day it is due.

    They are under review like any other: nothing runs under them until three offices concur.
    """
    if not uses:
        raise BadInputError("there is no use to import")
    with change(office) as now:
        if refusal := stands_against(now, "propose a use", by=by, target=office.new_id(Use)):
            return refusal
        for said in uses:
            if said.since > now.at:
                raise BadInputError(f"`{said.name}` is said to be in use since a day in the future")
            if Use.objects.filter(name=said.name).exists():
                raise BadInputError(
                    f"a use named `{said.name}` is on the register already; nothing was imported"
                )
        made = []
        for said in uses:
            use = Use(
                id=office.new_id(Use),
                name=said.name,
                purpose=said.purpose,
                kind=said.kind,
                law_enforcement=said.law_enforcement,
                analysis_approved=[],
                status=UseStatus.UNDER_REVIEW,
                since=said.since,
                proposed_by_id=by,
            )
            duty = Duty(
                id=office.new_id(Duty),
                kind="use-review",
                clause="D-026-11/oversight",
                about=use.id,
                person_id=by,
                owner="privacy",
                opened_at=now.at,
                due=said.due,
            )
            now.seal(
                "use.imported",
                by=by,
                action="propose a use",
                target=use.id,
                outcome="done",
                clauses=["D-026-11/oversight"],
                public=codes_of_use(use),
                rows=[use, duty],
            )
            made.append(use)
        return made


def _existing(row: dict[str, str]) -> ExistingUse:
    if None in row or None in row.values():
        raise ValueError(f"it has more or fewer than {len(COLUMNS)} cells")
    for column in ("name", "purpose"):
        if not row[column].strip():
            raise ValueError(f"`{column}` is empty")
    if len(row["name"]) > 120 or len(row["purpose"]) > 300:
        raise ValueError("a name has at most 120 characters, a purpose 300")
    if row["kind"] not in set(UseKind):
        raise ValueError(f"there is no kind `{row['kind']}`; the kinds are {', '.join(UseKind)}")
    if row["law_enforcement"] not in ("yes", "no"):
        raise ValueError("`law_enforcement` is yes or no")
    return ExistingUse(
        row["name"].strip(),
        row["purpose"].strip(),
        row["kind"],
        row["law_enforcement"] == "yes",
        _day(row, "in_use_since"),
        _day(row, "review_due"),
    )


def _day(row: dict[str, str], column: str) -> datetime:
    try:
        return datetime.strptime(row[column], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"`{column}` is no date like 2026-11-20") from None
