"""The rows of oversight, one file a subject: services, uses, duties, disclosures, the log, the vault."""

from counterseal.oversight.models.disclosures import Disclosure
from counterseal.oversight.models.duties import Duty
from counterseal.oversight.models.findings import Finding, FindingStatus, Referral, ReferralStatus
from counterseal.oversight.models.interface import (
    ApiAnswer,
    ApiAssertion,
    ApiClient,
    ApiClientStatus,
    ApiCount,
    ApiToken,
)
from counterseal.oversight.models.log import (
    LogCosignature,
    LogDisclosures,
    LogEntry,
    LogKey,
    LogNode,
    LogState,
)
from counterseal.oversight.models.optout import (
    AlternativeTaken,
    AnalysisApproval,
    Complaint,
    KeptSample,
    OptOut,
    OptOutListIssued,
    OptOutStatus,
    VerificationTerms,
)
from counterseal.oversight.models.partners import PartnerAgreement, PartnerService
from counterseal.oversight.models.policies import (
    PackChange,
    PackChangeStatus,
    PackConfirmation,
    PackFact,
    UseAuthorisation,
)
from counterseal.oversight.models.program_file import ProgramFileRecord, ProgramListHeld
from counterseal.oversight.models.redress import RedressAbout, RedressOutcome, RedressRequest, RedressStatus
from counterseal.oversight.models.retention import Hold, HoldStatus
from counterseal.oversight.models.samples import (
    PeriodStatus,
    ReviewConclusion,
    SamplePeriod,
    SupervisorReview,
)
from counterseal.oversight.models.services import (
    AcquisitionReview,
    ProgramCode,
    Reconciliation,
    ReviewOutcome,
    Service,
    ServiceReview,
    ServiceStatus,
    ServiceTest,
    TermsAcceptance,
    TrialDeclaration,
)
from counterseal.oversight.models.uses import (
    Concurrence,
    PrincipleEvidence,
    RiskStatus,
    Use,
    UseChange,
    UseKind,
    UseRisk,
    UseStatus,
)
from counterseal.oversight.models.vault import VaultObject

__all__ = [
    "AcquisitionReview",
    "AlternativeTaken",
    "AnalysisApproval",
    "ApiAnswer",
    "ApiAssertion",
    "ApiClient",
    "ApiClientStatus",
    "ApiCount",
    "ApiToken",
    "Complaint",
    "Concurrence",
    "Disclosure",
    "Duty",
    "Finding",
    "FindingStatus",
    "Hold",
    "HoldStatus",
    "KeptSample",
    "LogCosignature",
    "LogDisclosures",
    "LogEntry",
    "LogKey",
    "LogNode",
    "LogState",
    "OptOut",
    "OptOutListIssued",
    "OptOutStatus",
    "PackChange",
    "PackChangeStatus",
    "PackConfirmation",
    "PackFact",
    "PartnerAgreement",
    "PartnerService",
    "PeriodStatus",
    "PrincipleEvidence",
    "ProgramCode",
    "ProgramFileRecord",
    "ProgramListHeld",
    "Reconciliation",
    "RedressAbout",
    "RedressOutcome",
    "RedressRequest",
    "RedressStatus",
    "Referral",
    "ReferralStatus",
    "ReviewConclusion",
    "ReviewOutcome",
    "RiskStatus",
    "SamplePeriod",
    "Service",
    "ServiceReview",
    "ServiceStatus",
    "ServiceTest",
    "SupervisorReview",
    "TermsAcceptance",
    "TrialDeclaration",
    "Use",
    "UseAuthorisation",
    "UseChange",
    "UseKind",
    "UseRisk",
    "UseStatus",
    "VaultObject",
    "VerificationTerms",
]
