"""The closed lists of casework: states, judgements, kinds of evidence and relations."""

from enum import StrEnum


class CaseStatus(StrEnum):
    """A case is open until somebody closes it; a closed one takes no search."""

    OPEN = "open"
    CLOSED = "closed"


class RequestStatus(StrEnum):
    """requested -> submitted (intent sealed) -> answered | failed; requested -> refused can be tried again."""

    REQUESTED = "requested"
    REFUSED = "refused"
    SUBMITTED = "submitted"
    ANSWERED = "answered"
    FAILED = "failed"


class ApprovalKind(StrEnum):
    """What a supervisor approves: a search about a witness, one in exigency, one from a protected event."""

    WITNESS = "witness"
    EXIGENT = "exigent"
    EVENT = "event"


class ReviewStatus(StrEnum):
    """Open for judgements, or locked for good."""

    OPEN = "open"
    LOCKED = "locked"


class Judgement(StrEnum):
    """What a reviewer may say of a candidate. The last three are examiner conclusions (HSI-M/4D1-examiners)."""

    POTENTIAL_LEAD = "potential-lead"
    EXCLUDED = "excluded"
    INCONCLUSIVE = "inconclusive"
    SUPPORT_FOR_SAME = "support-for-same-source"
    SUPPORT_FOR_DIFFERENT = "support-for-different-source"
    NO_SUPPORT = "no-support-either-way"


KEPT = frozenset({Judgement.POTENTIAL_LEAD, Judgement.SUPPORT_FOR_SAME})


class LeadStatus(StrEnum):
    """Possible lead, then corroborated (independent support exists), then cited; or closed."""

    POSSIBLE_LEAD = "possible-lead"
    CORROBORATED = "corroborated"
    CITED = "cited"
    CLOSED = "closed-no-lead"


class NodeKind(StrEnum):
    """Kinds of evidence items. Those in FACE_DERIVED_KINDS rest on a face whatever their edges say."""

    FOOTAGE = "footage"
    PHOTOGRAPH = "photograph"
    WITNESS_STATEMENT = "witness-statement"
    LINE_UP = "line-up"
    OWN_LOOK = "own-look"
    OTHER_FACE_SERVICE = "other-face-service"
    PHYSICAL_EVIDENCE = "physical-evidence"
    RECORD = "record"
    LOCATION_RECORD = "location-record"
    DESCRIPTION = "description"


FACE_DERIVED_KINDS = frozenset({NodeKind.OWN_LOOK, NodeKind.OTHER_FACE_SERVICE})
WITNESS_KINDS = frozenset({NodeKind.WITNESS_STATEMENT, NodeKind.LINE_UP})


class Relation(StrEnum):
    """Edges of the evidence graph, read from source to target."""

    DERIVED_FROM = "derived-from"
    SHOWN_TO = "shown-to"
    CONTRADICTS = "contradicts"
    SUPPORTS_OFFENCE = "supports-offence"
    SUPPORTS_PRESENCE = "supports-presence"


class ActionKind(StrEnum):
    """What enforcement may rest on a lead, criminal and civil."""

    ARREST = "arrest"
    SEARCH_WARRANT = "search-warrant"
    CITATION = "citation"
    CIVIL_ENFORCEMENT = "civil-enforcement"


class ActionStatus(StrEnum):
    """requested -> awaiting-confirmation | refused; awaiting-confirmation -> cleared | refused."""

    REFUSED = "refused"
    AWAITING_CONFIRMATION = "awaiting-confirmation"
    CLEARED = "cleared"


class ComparisonResult(StrEnum):
    """Outcome of holding a candidate against other information."""

    CONSISTENT = "consistent"
    INCONSISTENT = "inconsistent"
    INCONCLUSIVE = "inconclusive"


class ProbeMedia(StrEnum):
    """What the collector says the photograph is taken from. Only a still can be searched."""

    STILL = "still"
    SEVERAL_FRAMES = "several-frames"
    VIDEO = "video"
    STREAM = "stream"
