"""Gather the facts that packs bring themselves: stated ones from their register, the others counted here.

Asked for only while a pack in force asks: an installation without the pack answers nothing. A fact that nobody
stated is left out, and the pack's clause refuses by name. Nothing is decided here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from counterseal.casework.evidence_graph import EvidenceGraph
from counterseal.casework.models import EnforcementAction, Lead, SearchRequest
from counterseal.casework.words import NodeKind, Relation
from counterseal.oversight.models import Duty, PackFact, UseAuthorisation
from counterseal.people.models import Certificate, roles_of
from counterseal.policy.schema import Leaf, Record

Facts = dict[str, object]
NEAR_REAL_TIME = timedelta(minutes=15)
AUTHORISATION = "use-authorisation"


def instant_text(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as the facts carry instants."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a decision is about. request, action: the row itself, saved or not. graph: of an action's case."""

    person: str = ""
    case: str = ""
    service: str = ""
    use: str = ""
    record: str = ""
    request: SearchRequest | None = None
    action: EnforcementAction | None = None
    graph: Callable[[], EvidenceGraph] | None = None

    def id_of(self, about: str) -> str:
        """The id of what a fact is stated about; empty where the decision is about no such thing."""
        found = getattr(self, about)
        return str(found.id) if isinstance(found, SearchRequest | EnforcementAction) else str(found or "")


def brought_facts(groups: Mapping[str, Record], subject: Subject, *, at: datetime) -> Facts:
    """The groups with every fact that is stated or can be counted."""
    return {name: _group(record, f"{name}.", subject, at) for name, record in groups.items()}


def _group(record: Record, prefix: str, subject: Subject, at: datetime) -> Facts:
    facts: Facts = {}
    for name, member in record.members.items():
        path = prefix + name
        if isinstance(member, Record):
            facts[name] = _group(member, f"{path}.", subject, at)
            continue
        value = _stated(path, member, subject) if member.about else _counted(path, subject, at)
        if value is not None:
            facts[name] = value
    return facts


def _stated(path: str, leaf: Leaf, subject: Subject) -> object:
    about = subject.id_of(leaf.about)
    latest = PackFact.objects.filter(fact=path, about=about).order_by("-entry_index").first()
    return latest.value if latest else None


def _counted(path: str, subject: Subject, at: datetime) -> object:
    count = COUNTED.get(path)
    return None if count is None else count(subject, at)


def _request(subject: Subject) -> SearchRequest:
    """The search in question, or the one that the action's lead goes back to."""
    if subject.request is not None:
        return subject.request
    assert subject.action is not None
    return subject.action.lead.candidate.candidate_list.request


def _earlier_searches(subject: Subject, at: datetime) -> int:
    request = _request(subject)
    earlier = SearchRequest.objects.filter(
        probe__fingerprint=request.probe.fingerprint, intent_index__isnull=False, submitted_at__lt=at
    )
    return earlier.exclude(pk=request.id).count()


def _near_real_time(subject: Subject, at: datetime) -> bool:
    return at - _request(subject).probe.captured_at < NEAR_REAL_TIME


def _line_ups_from_search(subject: Subject, _at: datetime) -> int:
    """Line-ups that descend from the search, held before evidence independent of it tied the person to the offence."""
    assert subject.action is not None and subject.graph is not None
    lead: Lead = subject.action.lead
    graph = subject.graph()
    standing = graph.standing(lead.id)
    tied = {weighed.node for weighed in standing.weighed if weighed.counts}
    items = {item.id: item for item in lead.case.evidence.all()}
    supports = lead.case.relations.filter(relation=Relation.SUPPORTS_OFFENCE, target=lead.id)
    first = min(
        (items[r.source].obtained_at for r in supports if r.source in tied and r.source in items),
        default=None,
    )
    return sum(
        item.kind == NodeKind.LINE_UP
        and bool(graph.descent(item.id))
        and (first is None or item.obtained_at < first)
        for item in items.values()
    )


def _authorisation(subject: Subject, _at: datetime) -> str:
    answered = UseAuthorisation.objects.filter(request_id=_request(subject).id).first()
    return "none" if answered is None else "granted" if answered.granted else "refused"


def _overdue_authorisations(subject: Subject, at: datetime) -> int:
    on_case = SearchRequest.objects.filter(case_id=subject.case).values_list("id", flat=True)
    return Duty.objects.filter(
        kind=AUTHORISATION, about__in=list(on_case), closed_at=None, due__lt=at
    ).count()


def _competent_verifiers(subject: Subject, at: datetime) -> int:
    """Reviewers who kept the lead's candidate, are active in a role, and hold a certificate in force."""
    assert subject.action is not None
    lead: Lead = subject.action.lead
    return sum(
        bool(roles_of(person)) and Certificate.objects.filter(person_id=person, expires__gt=at).exists()
        for person in {lead.first_reviewer_id, lead.second_reviewer_id}
    )


# What the gateway counts for the packs that come with it, by the path of the fact.
COUNTED: Mapping[str, Callable[[Subject, datetime], object]] = {
    "washington.earlier_searches": _earlier_searches,
    "washington.near_real_time": _near_real_time,
    "detroit.line_ups_from_search": _line_ups_from_search,
    "eu_use.authorisation": _authorisation,
    "eu_use.overdue": _overdue_authorisations,
    "eu_action.authorisation": _authorisation,
    "eu_action.competent_verifiers": _competent_verifiers,
}
