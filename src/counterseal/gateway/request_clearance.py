"""Ask whether an enforcement action may go forward, and confirm it by a second person.

The policy packs decide on what the evidence graph computes: support that descends from a face counts for
nothing, support must tie the person to the offence, an open contradiction blocks. What was true at the
request must still be true at the confirmation: it is decided again.
"""

from dataclasses import dataclass

from counterseal.casework.evidence_graph import Edge, EvidenceGraph, Node, Standing
from counterseal.casework.models import EnforcementAction, Lead
from counterseal.casework.words import ActionKind, ActionStatus, LeadStatus
from counterseal.gateway.brought import Subject
from counterseal.gateway.facts import clearance_facts
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, change
from counterseal.terms.decisions import Permit, Refusal
from counterseal.terms.errors import BadInputError
from counterseal.terms.rows import SealedRow


@dataclass(frozen=True, slots=True)
class Cleared:
    """The action's state, the decision, and how each item of support was weighed."""

    action: EnforcementAction
    decision: Permit
    standing: Standing


@dataclass(frozen=True, slots=True)
class NotCleared:
    """The refusal, and how each item of support was weighed."""

    action: EnforcementAction
    refusal: Refusal
    standing: Standing


def standing_of(lead: Lead) -> Standing:
    """Weigh a lead on the evidence graph of its case, as recorded now."""
    return graph_of(lead).standing(lead.id)


def graph_of(lead: Lead) -> EvidenceGraph:
    """The evidence graph of a lead's case, as recorded now."""
    case = lead.case
    nodes = [Node(e.id, e.kind, e.saw_offence) for e in case.evidence.all()]
    nodes += [Node(s.id, "step") for s in case.steps.all()]
    edges = [Edge(r.source, r.relation, r.target, open=not r.resolved_by_id) for r in case.relations.all()]
    for request in case.requests.select_related("probe", "second_probe"):
        nodes.append(Node(request.id, "search"))
        probes = [request.probe] + ([request.second_probe] if request.second_probe else [])
        edges += [Edge(request.id, "derived-from", p.evidence_item_id) for p in probes]
    for other in case.leads.select_related("candidate__candidate_list"):
        nodes += [Node(other.id, "lead"), Node(other.candidate_id, "candidate")]
        edges.append(Edge(other.id, "derived-from", other.candidate_id))
        edges.append(Edge(other.candidate_id, "derived-from", other.candidate.candidate_list.request_id))
    return EvidenceGraph(nodes, edges)


def request_clearance(
    office: Office,
    *,
    lead_id: str,
    kind: str,
    location_check: str,
    disclosure_text_included: bool,
    by: str,
) -> Cleared | NotCleared | Refusal:
    """Decide whether an action against the person of this lead may go to a second person for confirmation.

    location_check: ``done``, ``open`` or ``contradicts``: could this person have been there?
    disclosure_text_included: whether the warrant package says that face recognition was used.
    """
    if kind not in list(ActionKind):
        raise BadInputError(f"there is no kind of action `{kind}`; there are {', '.join(ActionKind)}")
    if location_check not in ("done", "open", "contradicts"):
        raise BadInputError("a location check is `done`, `open` or `contradicts`")
    with change(office) as now:
        lead = found(Lead, lead_id)
        if refusal := stands_against(now, "request clearance", by=by, target=lead_id, on_case=lead.case_id):
            return refusal
        action = EnforcementAction(
            id=office.new_id(EnforcementAction),
            case=lead.case,
            lead=lead,
            kind=kind,
            status=ActionStatus.AWAITING_CONFIRMATION,
            location_check=location_check,
            disclosure_text_included=disclosure_text_included,
            requested_by_id=by,
            requested_at=now.at,
        )
        return _decide(
            now, action, lead, by=by, kind="action.clearance-requested", action_word="request clearance"
        )


def confirm_action(office: Office, *, action_id: str, by: str) -> Cleared | NotCleared | Refusal:
    """A second person confirms; the same questions are asked again on the records as they are now."""
    with change(office) as now:
        action = found(EnforcementAction, action_id)
        refusal = stands_against(
            now,
            "confirm an action",
            by=by,
            target=action_id,
            state=action.status,
            people={"requested_by_id": action.requested_by_id},
        )
        if refusal:
            return refusal
        action.status, action.confirmed_by_id, action.confirmed_at = ActionStatus.CLEARED, by, now.at
        return _decide(
            now, action, action.lead, by=by, kind="action.cleared", action_word="confirm an action"
        )


def _decide(
    now: Change, action: EnforcementAction, lead: Lead, *, by: str, kind: str, action_word: str
) -> Cleared | NotCleared:
    standing = standing_of(lead)
    about = Subject(person=by, case=action.case_id, action=action, graph=lambda: graph_of(lead))
    decision = now.office.decide(clearance_facts(action, standing, by=by, at=now.at), now.at, about)
    if isinstance(decision, Refusal):
        action.status, action.confirmed_by_id, action.confirmed_at = ActionStatus.REFUSED, "", None
        now.refuse(
            "action.refused", decision, by=by, action=action_word, target=action.id, rows=[action],
            public={"kind": action.kind},
        )  # fmt: skip
        return NotCleared(action, decision, standing)
    rows: list[SealedRow] = [action]
    if lead.status == LeadStatus.POSSIBLE_LEAD:
        lead.status = LeadStatus.CORROBORATED
        rows.append(lead)
    now.seal(
        kind,
        by=by,
        action=action_word,
        target=action.id,
        outcome=action.status,
        decision=decision,
        causes=[lead.entry_index],
        public={"kind": action.kind},
        committed={"weighed": [[w.node, w.counts, w.why] for w in standing.weighed]},
        rows=rows,
    )
    return Cleared(action, decision, standing)
