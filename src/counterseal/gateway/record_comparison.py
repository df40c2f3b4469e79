"""Hold a kept candidate against information from traditional means (HSI-M/4D2-compare, HSI-B/compare)."""

from counterseal.casework.models import CandidateRow, Comparison, EvidenceItem, InvestigativeStep
from counterseal.casework.words import ComparisonResult
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


def record_comparison(
    office: Office,
    *,
    candidate_id: str,
    result: str,
    notes: str,
    by: str,
    evidence_id: str = "",
    step_id: str = "",
) -> Comparison | Refusal:
    """Record what came of comparing a candidate with one evidence item or one investigative step.

    Raises:
        BadInputError: unknown result, no notes, not exactly one thing compared with, or one of another case.
    """
    if result not in list(ComparisonResult):
        raise BadInputError(f"there is no result `{result}`; there are {', '.join(ComparisonResult)}")
    if bool(evidence_id) == bool(step_id):
        raise BadInputError("compare with exactly one thing: an evidence item or an investigative step")
    if len(notes.split()) < 3:
        raise BadInputError("say in words what was compared and what was seen")
    with change(office) as now:
        candidate = found(CandidateRow, candidate_id)
        case_id = candidate.candidate_list.request.case_id
        if refusal := stands_against(now, "record a comparison", by=by, target=candidate_id, on_case=case_id):
            return refusal
        evidence = found(EvidenceItem, evidence_id) if evidence_id else None
        step = found(InvestigativeStep, step_id) if step_id else None
        if case_id != (evidence or step).case_id:  # type: ignore[union-attr]
            raise BadInputError("that belongs to another case")
        request = candidate.candidate_list.request
        probes = [request.probe] + ([request.second_probe] if request.second_probe else [])
        if evidence is not None and evidence.id in {p.evidence_item_id for p in probes}:
            raise BadInputError(
                "that is what was searched with: compare the candidate with other information (HSI-M/4D2-compare)"
            )
        comparison_id = office.new_id(Comparison)
        prose = office.vault.put(
            office.new_name("object"), notes.encode(), kind="comparison", about=comparison_id, at=now.at
        )
        comparison = Comparison(
            id=comparison_id,
            candidate=candidate,
            with_evidence=evidence,
            with_step=step,
            result=result,
            notes=prose.id,
            by_id=by,
            at=now.at,
        )
        now.seal(
            "candidate.compared",
            by=by,
            action="record a comparison",
            target=candidate_id,
            outcome=result,
            clauses=["HSI-M/4D2-compare", "HSI-B/compare"],
            rows=[comparison],
            objects=[prose],
        )
        return comparison
