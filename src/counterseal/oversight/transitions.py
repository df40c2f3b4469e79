"""Which row of oversight may go from where to where, by whom, and from whom that person must differ."""

from counterseal.oversight.models import (
    ApiClientStatus,
    FindingStatus,
    HoldStatus,
    PackChangeStatus,
    PeriodStatus,
    RedressStatus,
    ReferralStatus,
    RiskStatus,
    ServiceStatus,
    UseStatus,
)
from counterseal.terms.transitions import Transition

REVIEWING_UNIT = frozenset({"reviewing-unit"})
THREE_OFFICES = frozenset({"privacy", "civil-rights", "information-officer"})
HOLDERS = frozenset({"records-office", "auditor", "administrator"}) | THREE_OFFICES
# Which of them may decide a finding depends on its kind (`finding_kinds`).
FINDERS = REVIEWING_UNIT | frozenset({"supervisor", "auditor"})
# Who keeps the packs: each act on one takes two of them, of different offices.
POLICY_KEEPERS = REVIEWING_UNIT | THREE_OFFICES
PROPOSERS = frozenset({"investigator", "supervisor", "reviewing-unit", "administrator"})
ANSWER_REDRESS = THREE_OFFICES | frozenset({"records-office"})
_REGISTRARS = frozenset({"reviewing-unit", "investigator", "administrator"})
STAFF = frozenset({
    "investigator", "supervisor", "examiner", "disclosure-officer", "analysis-operator", "gate-operator",
    "training-office", "records-office", "auditor", "administrator",
}) | REVIEWING_UNIT | THREE_OFFICES  # fmt: skip
_DECIDABLE = (
    ServiceStatus.UNREVIEWED,
    ServiceStatus.UNDER_REVIEW,
    ServiceStatus.APPROVED,
    ServiceStatus.APPROVED_WITH_CONDITIONS,
    ServiceStatus.DISAPPROVED,
    ServiceStatus.SUSPENDED,
    ServiceStatus.EXPIRED,
)
# Not from disapproved or suspended: while it is looked at again it stays barred, in an emergency too.
_REVIEWABLE = tuple(s for s in _DECIDABLE if s not in (ServiceStatus.DISAPPROVED, ServiceStatus.SUSPENDED))
_UNAPPROVED = tuple(
    s for s in _DECIDABLE if s not in (ServiceStatus.APPROVED, ServiceStatus.APPROVED_WITH_CONDITIONS)
)

# "complete a service's record" leaves the state as it is; "report a new version" suspends an approved service.
_TABLE = [
    Transition("oversight.service", "register a service", ("",), ServiceStatus.UNREVIEWED, _REGISTRARS, "HSI-M/2-service"),
    Transition("oversight.service", "take up a service's review", _REVIEWABLE, ServiceStatus.UNDER_REVIEW, REVIEWING_UNIT, "HSI-M/4C1-approved"),
    Transition("oversight.service", "approve a service", _DECIDABLE, ServiceStatus.APPROVED, REVIEWING_UNIT, "HSI-M/4C1-approved", ("registered_by_id",)),
    Transition("oversight.service", "approve a service with conditions", _DECIDABLE, ServiceStatus.APPROVED_WITH_CONDITIONS, REVIEWING_UNIT, "HSI-M/4C1-approved", ("registered_by_id",)),
    Transition("oversight.service", "disapprove a service", _DECIDABLE, ServiceStatus.DISAPPROVED, REVIEWING_UNIT, "HSI-M/4C3-disapproved", ("registered_by_id",)),
    Transition("oversight.service", "suspend a service", _DECIDABLE, ServiceStatus.SUSPENDED, REVIEWING_UNIT | THREE_OFFICES, "HSI-M/4C1-approved"),
    Transition("oversight.service", "complete a service's record", _UNAPPROVED, ServiceStatus.SUSPENDED, _REGISTRARS, "HSI-M/2-service"),
    Transition("oversight.service", "report a new version", _DECIDABLE, ServiceStatus.SUSPENDED, _REGISTRARS, "D-026-11/testing"),
    Transition("oversight.acquisitionreview", "review an acquisition", ("",), "recorded", REVIEWING_UNIT, "PS-139-06/acquisition", ("registered_by_id",)),
    Transition("oversight.reconciliation", "reconcile a service", ("",), "recorded", REVIEWING_UNIT | THREE_OFFICES | frozenset({"auditor"}), "HSI-M/4E1-log"),
    Transition("oversight.trialdeclaration", "declare a trial", ("",), "open", STAFF, "HSI-M/4C1-approved"),
    Transition("oversight.trialdeclaration", "close a trial", ("open",), "closed", REVIEWING_UNIT, "HSI-M/4C1-approved", ("declared_by_id",)),
    Transition("oversight.servicetest", "record a test", ("",), "recorded", REVIEWING_UNIT, "D-026-11/testing", ("registered_by_id",)),
    Transition("oversight.servicetestplan", "plan a test", ("",), "planned", REVIEWING_UNIT, "D-026-11/testing", ("registered_by_id",)),
    Transition("oversight.servicetestplan", "conclude a test", ("planned",), "concluded", REVIEWING_UNIT, "D-026-11/testing", ("registered_by_id",)),
    Transition("oversight.programcode", "record a program code", ("",), "recorded", REVIEWING_UNIT | frozenset({"supervisor", "administrator"}), "HSI-M/4E3-program-code"),
    Transition("oversight.duty", "record that no result is used", ("",), "recorded", frozenset({"investigator", "examiner"}), "HSI-M/4E2-results"),
    Transition("oversight.servicereview", "open a service review", ("",), "open", frozenset({"investigator", "examiner"}), "HSI-M/4C3-after-review"),
    Transition("oversight.servicereview", "close a service review", ("open",), "closed", REVIEWING_UNIT, "HSI-M/4C3-after-review", ("requester_id",)),
    Transition("oversight.use", "propose a use", ("",), UseStatus.UNDER_REVIEW, PROPOSERS, "D-026-11/oversight"),
    Transition("oversight.use", "give an office's word on a use", (UseStatus.UNDER_REVIEW,), UseStatus.UNDER_REVIEW, THREE_OFFICES, "D-026-11/oversight", ("proposed_by_id",)),
    Transition("oversight.use", "activate a use", (UseStatus.UNDER_REVIEW,), UseStatus.ACTIVE, THREE_OFFICES, "D-026-11/oversight", ("proposed_by_id",)),
    Transition("oversight.use", "object to a use", (UseStatus.UNDER_REVIEW,), UseStatus.OBJECTED, THREE_OFFICES, "D-026-11/oversight", ("proposed_by_id",)),
    Transition("oversight.use", "review a use again", (UseStatus.ACTIVE, UseStatus.OBJECTED, UseStatus.SUSPENDED), UseStatus.UNDER_REVIEW, PROPOSERS | THREE_OFFICES, "D-026-11/oversight"),
    Transition("oversight.use", "assess a use", (UseStatus.UNDER_REVIEW,), UseStatus.UNDER_REVIEW, PROPOSERS | THREE_OFFICES, "D-026-11/risk-assessment"),
    Transition("oversight.userisk", "record a risk", ("",), RiskStatus.OPEN, PROPOSERS | THREE_OFFICES, "D-026-11/risk-assessment"),
    Transition("oversight.userisk", "close a risk", (RiskStatus.OPEN,), RiskStatus.MITIGATED, THREE_OFFICES, "D-026-11/risk-assessment", ("owner_id",)),
    Transition("oversight.verificationterms", "state how a use verifies claims", ("",), "recorded", frozenset({"privacy"}), "D-026-11/opt-out", ("proposed_by_id",)),
    Transition("oversight.analysisapproval", "approve age estimation for a use", ("",), "recorded", THREE_OFFICES, "D-026-11/no-face-analysis", ("proposed_by_id",)),
    Transition("oversight.optout", "register a choice", ("",), "standing", frozenset({"anybody"}), "D-026-11/opt-out"),
    Transition("oversight.optout", "withdraw a choice", ("standing",), "withdrawn", frozenset({"anybody"}), "D-026-11/opt-out"),
    Transition("oversight.optoutlistissued", "issue a list of choices", ("",), "recorded", frozenset({"privacy", "records-office"}), "D-026-11/opt-out"),
    Transition("oversight.partneragreement", "record an agreement with a partner", ("",), "recorded", REVIEWING_UNIT | frozenset({"disclosure-officer"}), "HSI-M/3-sharing"),
    Transition("oversight.use", "suspend a use", (UseStatus.ACTIVE, UseStatus.UNDER_REVIEW, UseStatus.OBJECTED), UseStatus.SUSPENDED, THREE_OFFICES, "D-026-11/oversight"),
    Transition("oversight.hold", "place a hold", ("",), HoldStatus.IN_FORCE, HOLDERS, "D-026-11/security"),
    Transition("oversight.finding", "open a finding", ("",), FindingStatus.OPEN, FINDERS, "HSI-M/4E4-supervisor-review"),
    Transition("oversight.finding", "dismiss a finding", (FindingStatus.OPEN,), FindingStatus.DISMISSED, FINDERS, "HSI-M/4E4-supervisor-review", ("person_id",)),
    Transition("oversight.finding", "act on a finding", (FindingStatus.OPEN,), FindingStatus.ACTED_ON, FINDERS, "HSI-M/4E4-supervisor-review", ("person_id",)),
    Transition("oversight.finding", "refer a finding", (FindingStatus.OPEN,), FindingStatus.REFERRED, FINDERS, "HSI-M/4E4-supervisor-review", ("person_id",)),
    Transition("oversight.finding", "dismiss a referred finding", (FindingStatus.REFERRED,), FindingStatus.DISMISSED, frozenset({"auditor"}), "HSI-M/4E5-audits", ("person_id", "referred_by_id")),
    Transition("oversight.finding", "act on a referred finding", (FindingStatus.REFERRED,), FindingStatus.ACTED_ON, frozenset({"auditor"}), "HSI-M/4E5-audits", ("person_id", "referred_by_id")),
    Transition("oversight.referral", "open a referral", ("",), ReferralStatus.OPEN, FINDERS, "HSI-M/4E4-supervisor-review"),
    Transition("oversight.referral", "answer a referral", (ReferralStatus.OPEN,), ReferralStatus.ANSWERED, frozenset({"auditor"}), "HSI-M/4E5-audits", ("referred_by_id",)),
    Transition("oversight.sampleperiod", "open a period of review", ("",), PeriodStatus.OPEN, frozenset({"supervisor", "auditor"}), "HSI-M/4E4-supervisor-review"),
    Transition("oversight.sampleperiod", "draw the sample of a period", (PeriodStatus.OPEN,), PeriodStatus.DRAWN, frozenset({"supervisor", "auditor"}), "HSI-M/4E4-supervisor-review"),
    Transition("oversight.supervisorreview", "review the use of a search", ("",), "recorded", frozenset({"supervisor"}), "HSI-M/4E4-supervisor-review", ("requester_id", "approver_id")),
    Transition("oversight.hold", "lift a hold", (HoldStatus.IN_FORCE,), HoldStatus.LIFTED, HOLDERS, "D-026-11/security", ("placed_by_id",)),
    Transition("oversight.finding", "run the signals", ("",), FindingStatus.OPEN, frozenset({"supervisor", "auditor"}), "HSI-M/4E5-audits"),
    Transition("oversight.vaultobject", "view records", ("",), "seen", STAFF, "D-026-11/security"),
    Transition("people.session", "end a session", ("standing",), "ended", STAFF, "D-026-11/security"),
    Transition("people.session", "end another's session", ("standing",), "ended", frozenset({"supervisor", "auditor", "administrator"}), "D-026-11/security"),
    Transition("people.sessiondisowned", "disown a session", ("",), "disowned", STAFF, "HSI-M/4E1-log"),
    Transition("oversight.apiclient", "register a client", ("",), ApiClientStatus.ACTIVE, frozenset({"administrator"}), "D-026-11/security", ("person_id",)),
    Transition("oversight.apiclient", "end a client", (ApiClientStatus.ACTIVE,), ApiClientStatus.ENDED, frozenset({"administrator"}), "D-026-11/security"),
    Transition("oversight.packchange", "propose a change of packs", ("",), PackChangeStatus.PROPOSED, POLICY_KEEPERS, "road/pack"),
    Transition("oversight.packchange", "confirm a change of packs", (PackChangeStatus.PROPOSED,), PackChangeStatus.IN_EFFECT, POLICY_KEEPERS, "road/pack", ("proposed_by_id",)),
    Transition("oversight.packchange", "reject a change of packs", (PackChangeStatus.PROPOSED,), PackChangeStatus.REJECTED, POLICY_KEEPERS, "road/pack", ("proposed_by_id",)),
    Transition("oversight.packfact", "state a fact for a pack", ("",), "recorded", STAFF, "road/facts"),
    Transition("oversight.useauthorisation", "record an authorisation", ("",), "recorded", frozenset({"supervisor"}) | THREE_OFFICES, "EU-AIA/26-10-authorisation", ("requester_id",)),
    Transition("oversight.redressrequest", "ask for redress", ("",), RedressStatus.OPEN, frozenset({"anybody"}), "D-026-11/rights-safe-bias"),
    Transition("oversight.redressrequest", "answer a request for redress", (RedressStatus.OPEN,), RedressStatus.ANSWERED, ANSWER_REDRESS, "D-026-11/rights-safe-bias"),
    Transition("oversight.programfilerecord", "record in a program's file", ("",), "recorded", PROPOSERS | THREE_OFFICES | frozenset({"records-office", "training-office"}), "D-026-11/opt-out"),
    Transition("oversight.programlistheld", "note the list a program holds", ("",), "recorded", PROPOSERS | THREE_OFFICES | frozenset({"gate-operator"}), "D-026-11/opt-out"),
]  # fmt: skip

TRANSITIONS = {t.name: t for t in _TABLE}
