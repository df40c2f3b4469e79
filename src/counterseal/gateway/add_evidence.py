"""Add an evidence item to a case, relate items to one another, and resolve a contradiction.

What was derived from what, and what was shown to whom, is recorded here; what follows from it is computed
(`casework/evidence_graph.py`), never typed in.
"""

from datetime import datetime

from counterseal.casework.models import (
    CandidateRow,
    Case,
    EvidenceItem,
    EvidenceRelation,
    InvestigativeStep,
    Lead,
    SearchRequest,
)
from counterseal.casework.words import NodeKind, Relation
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


def add_evidence(
    office: Office,
    *,
    case_id: str,
    kind: str,
    source_class: str,
    lawful_basis: str,
    obtained_at: datetime,
    by: str,
    content: bytes = b"",
    saw_offence: bool | None = None,
) -> EvidenceItem | Refusal:
    """Take an item into the case. `saw_offence` must be answered for what a witness says of identity.

    Raises:
        BadInputError: unknown kind, missing source or basis, or a witness item that leaves `saw_offence` open.
    """
    if kind not in list(NodeKind):
        raise BadInputError(f"there is no kind of evidence `{kind}`; the kinds are {', '.join(NodeKind)}")
    if not source_class.strip() or not lawful_basis.strip():
        raise BadInputError(
            "say from what source class the item comes and on what lawful basis it was obtained"
        )
    if kind in (NodeKind.WITNESS_STATEMENT, NodeKind.LINE_UP) and saw_offence is None:
        raise BadInputError(
            "say whether this witness saw the offence (`--saw-offence` or `--did-not-see-offence`)"
        )
    with change(office) as now:
        case = found(Case, case_id)
        if refusal := stands_against(now, "add evidence", by=by, target=case_id, on_case=case_id):
            return refusal
        if obtained_at > now.at:
            raise BadInputError("an item was obtained in the past")
        item_id = office.new_id(EvidenceItem)
        objects = []
        if content:
            objects.append(
                office.vault.put(
                    office.new_name("object"), content, kind="evidence", about=item_id, at=now.at
                )
            )
        item = EvidenceItem(
            id=item_id,
            case=case,
            kind=kind,
            source_class=source_class,
            lawful_basis=lawful_basis,
            obtained_at=obtained_at,
            saw_offence=saw_offence,
            content=objects[0].id if objects else "",
            added_by_id=by,
        )
        now.seal(
            "evidence.added",
            by=by,
            action="add evidence",
            target=item.id,
            outcome="done",
            public={"kind": kind},
            rows=[item],
            objects=objects,
        )
        return item


def relate(office: Office, *, source: str, relation: str, target: str, by: str) -> EvidenceRelation | Refusal:
    """Record that `source` stands in `relation` to `target`, both of one case.

    Raises:
        BadInputError: unknown relation, unknown item, items of two cases.
        StaleError: this is recorded already.
    """
    if relation not in list(Relation):
        raise BadInputError(f"there is no relation `{relation}`; the relations are {', '.join(Relation)}")
    with change(office) as now:
        case_id = _case_of(source)
        if _case_of(target) != case_id:
            raise BadInputError(f"`{source}` and `{target}` belong to different cases")
        if refusal := stands_against(now, "relate evidence", by=by, target=target, on_case=case_id):
            return refusal
        edge = EvidenceRelation(
            id=office.new_id(EvidenceRelation),
            case_id=case_id,
            source=source,
            relation=relation,
            target=target,
            by_id=by,
            at=now.at,
        )
        now.seal(
            "evidence.related",
            by=by,
            action="relate evidence",
            target=target,
            outcome="done",
            public={"relation": relation},
            rows=[edge],
        )
        return edge


def resolve_contradiction(
    office: Office, *, relation_id: str, reasons: str, by: str
) -> EvidenceRelation | Refusal:
    """Resolve an open contradiction, with reasons. Never the person who recorded it."""
    if len(reasons.split()) < 5:
        raise BadInputError("say in a sentence why the contradiction does not stand")
    with change(office) as now:
        edge = found(EvidenceRelation, relation_id)
        if edge.relation != Relation.CONTRADICTS:
            raise BadInputError(f"`{relation_id}` is no contradiction")
        refusal = stands_against(
            now,
            "resolve a contradiction",
            by=by,
            target=relation_id,
            state="resolved" if edge.resolved_by_id else "open",
            on_case=edge.case_id,
            people={"by_id": edge.by_id},
        )
        if refusal:
            return refusal
        prose = office.vault.put(
            office.new_name("object"), reasons.encode(), kind="resolution", about=edge.id, at=now.at
        )
        edge.resolved_by_id, edge.resolved_at, edge.resolution = by, now.at, prose.id
        now.seal(
            "contradiction.resolved",
            by=by,
            action="resolve a contradiction",
            target=edge.target,
            outcome="done",
            clauses=["HSI-M/4D3-leads-only"],
            rows=[edge],
            objects=[prose],
        )
        return edge


def _case_of(item: str) -> str:
    """The case to which this id belongs, whatever kind of row it names."""
    for model, field in (
        (EvidenceItem, "case_id"),
        (InvestigativeStep, "case_id"),
        (SearchRequest, "case_id"),
        (Lead, "case_id"),
        (CandidateRow, "candidate_list__request__case_id"),
    ):
        case_id = model._default_manager.filter(pk=item).values_list(field, flat=True).first()
        if case_id is not None:
            return str(case_id)
    raise BadInputError(f"no case holds anything with the id `{item}`")
