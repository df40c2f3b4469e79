"""Which roles carry the act behind each kind of entry: from the tables of transitions, and from the verbs' own checks.

Who reads a log can so hold each act against the roles that its initiator had. A test holds this table against
the list of kinds in docs/reference/entries.md: no kind is forgotten.
"""

from collections.abc import Mapping

from counterseal.gateway.moving import ALL
from counterseal.gateway.release_figures import MAY_RELEASE
from counterseal.oversight.monitors.expectations import ANYBODY
from counterseal.people.models import Role

# Kind of entry, or `kind:code` where a public `kind` tells acts apart -> the moves that seal it.
MOVES: Mapping[str, tuple[str, ...]] = {
    "case.opened": ("open a case",),
    "case.assigned": ("assign to a case",),
    "case.closed": ("close a case",),
    "step.recorded": ("record a step",),
    "evidence.added": ("add evidence",),
    "evidence.related": ("relate evidence",),
    "contradiction.resolved": ("resolve a contradiction",),
    "probe.collected": ("collect a probe",),
    "probe.failed": ("collect a probe",),
    "search.requested": ("request a search",),
    "search.approved:witness": ("approve a witness probe",),
    "search.approved:exigent": ("approve an exigent use",),
    "search.approved:event": ("approve a use at a protected event",),
    "search.not-approved:witness": ("approve a witness probe",),
    "search.not-approved:exigent": ("approve an exigent use",),
    "search.not-approved:event": ("approve a use at a protected event",),
    "search.intent": ("submit a search",),
    "review.opened": ("open the first review", "open the second review"),
    "candidate.disposed": ("dispose of a candidate",),
    "review.locked": ("lock a review",),
    "candidates.revealed": ("see ranks and scores",),
    "candidate.compared": ("record a comparison",),
    "lead.marked": ("mark a lead",),
    "lead.noted": ("note in a report",),
    "lead.closed": ("close a lead",),
    "search.no-result-used": ("record that no result is used",),
    "action.clearance-requested": ("request clearance",),
    "action.cleared": ("confirm an action",),
    "service.registered": ("register a service",),
    "service.decided": (
        "take up a service's review",
        "approve a service",
        "approve a service with conditions",
        "disapprove a service",
        "suspend a service",
    ),
    "service.tested": ("record a test",),
    "test.planned": ("plan a test",),
    "test.concluded": ("conclude a test",),
    "service.completed": ("complete a service's record",),
    "service.version-changed": ("report a new version",),
    "service.acquisition-reviewed": ("review an acquisition",),
    "service.review-closed": ("close a service review",),
    "service.reconciled": ("reconcile a service",),
    "trial.declared": ("declare a trial",),
    "trial.closed": ("close a trial",),
    "program.recorded": ("record a program code",),
    "policy.change-proposed": ("propose a change of packs",),
    "policy.change-confirmed": ("confirm a change of packs",),
    "policy.changed": ("confirm a change of packs",),
    "policy.change-rejected": ("reject a change of packs",),
    "policy.fact-stated": ("state a fact for a pack",),
    "search.authorised": ("record an authorisation",),
    "search.not-authorised": ("record an authorisation",),
    "use.proposed": ("propose a use",),
    "use.imported": ("propose a use",),
    "use.risk-recorded": ("record a risk",),
    "use.risk-closed": ("close a risk",),
    "use.principle-shown": ("assess a use",),
    "use.reviewed": ("give an office's word on a use", "object to a use"),
    "use.changed": ("review a use again",),
    "use.suspended": ("suspend a use",),
    "verification.terms-stated": ("state how a use verifies claims",),
    "analysis.approved": ("approve age estimation for a use",),
    "partner.recorded": ("record an agreement with a partner",),
    "hold.placed": ("place a hold",),
    "hold.lifted": ("lift a hold",),
    "sample.period-opened": ("open a period of review",),
    "audit.sampled": ("draw the sample of a period",),
    "audit.finding": ("open a finding",),
    "finding.dismissed": ("dismiss a finding",),
    "finding.acted-on": ("act on a finding",),
    "finding.referred": ("refer a finding",),
    "referral.answered": ("answer a referral",),
    "signals.run": ("run the signals",),
    "client.registered": ("register a client",),
    "client.ended": ("end a client",),
    "optout.registered": ("register a choice",),
    "optout.withdrawn": ("withdraw a choice",),
    "optout.list-issued": ("issue a list of choices",),
    "optout.key-handed-out": ("issue a list of choices",),
    "program.file-recorded": ("record in a program's file",),
    "program.list-held": ("note the list a program holds",),
    "redress.asked": ("ask for redress",),
    "redress.answered": ("answer a request for redress",),
}

_ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_TRAINING = frozenset({Role.TRAINING_OFFICE})
_RECORDS = frozenset({Role.RECORDS_OFFICE})
_GATE = frozenset({Role.GATE_OPERATOR})
_GALLERY = frozenset({Role.REVIEWING_UNIT, Role.RECORDS_OFFICE, Role.ADMINISTRATOR})
_DISCLOSING = frozenset({Role.DISCLOSURE_OFFICER, Role.SUPERVISOR})
# Verbs that ask for a role in their own words, or through a policy.
OWN: Mapping[str, frozenset[Role]] = {
    "log.key-rotated": _ADMINISTRATOR,
    "person.admitted": _ADMINISTRATOR,
    "role.granted": _ADMINISTRATOR,
    "role.revoked": _ADMINISTRATOR,
    "certificate.recorded": _TRAINING,
    "qualification.recorded": _TRAINING,
    "gallery.enrolment.intent": _GALLERY,
    "gallery.erasure.intent": _GALLERY,
    "reference.withheld": _GALLERY,
    "reference.restored": _GALLERY,
    "information.disclosed": _DISCLOSING,
    "discovery.released": _DISCLOSING,
    "record.destroyed": _RECORDS,
    "retention.run": _RECORDS,
    "retention.kept": _RECORDS,
    "restore.begun": frozenset({Role.RECORDS_OFFICE, Role.ADMINISTRATOR}),
    "restore.replayed": frozenset({Role.RECORDS_OFFICE, Role.ADMINISTRATOR}),
    "drill.planted": _RECORDS,
    "drill.held": _RECORDS,
    "supervision.reviewed": frozenset({Role.SUPERVISOR}),
    "optout.checked": _GATE,
    "optout.alternative-done": _GATE,
    "verification.intent": _GATE,
    "verification.not-acquired": _GATE,
    "analysis.not-done": frozenset({Role.ANALYSIS_OPERATOR}),
    "figures.released": MAY_RELEASE,
    "openings.handed-out": MAY_RELEASE,
}

# Acts that need no role of their own: of everybody who is admitted, of the gateway, or of the public.
BY_ANYBODY = frozenset(
    {
        "log.opened",
        "attestation.made",
        "terms.accepted",
        "evaluation.revealed",
        "optout.complaint",
        "record.viewed",
        "session.begun",
        "session.ended",
        "session.disowned",
        # What came of something that had been permitted is sealed whoever holds what by then.
        "search.outcome",
        "search.failed",
        "verification.outcome",
        "verification.failed",
        "gallery.enrolment.outcome",
        "gallery.erasure.outcome",
    }
)


def carrying_roles() -> dict[str, frozenset[str]]:
    """Every kind of act, or `kind:code`, with the roles that carry it; `ANYBODY` where none is needed."""
    roles = {
        kind: frozenset[str]().union(*(ALL[move].roles for move in moves)) for kind, moves in MOVES.items()
    }
    roles |= {kind: frozenset(map(str, own)) for kind, own in OWN.items()}
    roles |= dict.fromkeys(BY_ANYBODY, frozenset({ANYBODY}))
    return roles
