"""Show ranks and scores before any review: in an installation for evaluation only, and sealed.

Whoever tries the gateway on synthetic people wants to see that the search works. On real people the road
through both reviews is the only one (`review.reveal`).
"""

from dataclasses import dataclass

from counterseal.casework.models import CandidateListRow
from counterseal.gateway.found import found
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.terms.decisions import Refusal, Unmet


@dataclass(frozen=True, slots=True)
class ShownForEvaluation:
    """One candidate as the service ranked it. Ids are the service's own."""

    rank: int
    candidate_id: str
    reference_id: str
    person_ref: str
    score: float
    score_kind: str


def reveal_for_evaluation(
    office: Office, *, list_id: str, by: str
) -> tuple[ShownForEvaluation, ...] | Refusal:
    """Every candidate by rank, whether or not anybody reviewed the list."""
    with change(office) as now:
        office.acting(by)
        candidate_list = found(CandidateListRow, list_id)
        if not office.evaluation:
            return now.refuse(
                "evaluation.refused", now.unmet([_NO_EVALUATION]), by=by, action="see ranks and scores",
                target=list_id,
            )  # fmt: skip
        now.seal(
            "evaluation.revealed",
            by=by,
            action="see ranks and scores before review",
            target=list_id,
            outcome="done",
            causes=[candidate_list.entry_index],
        )
        return tuple(
            ShownForEvaluation(c.rank or 0, c.id, c.reference_id, c.person_ref, c.score or 0.0, c.score_kind)
            for c in candidate_list.candidates.filter(foil=False).order_by("rank")
        )


_NO_EVALUATION = Unmet(
    "HSI-M/2-candidate-list",
    "ranks and scores are shown before review only in an installation for evaluation, and this is none",
    "have the list reviewed by two people (`counterseal review open`), then `counterseal review reveal`",
)
