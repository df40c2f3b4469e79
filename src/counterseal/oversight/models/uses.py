"""Uses of face recognition, what was assessed of them, and the word of the three offices on each."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.oversight.principles import CHANGES, PRINCIPLES
from counterseal.terms.rows import SealedRow


class UseStatus(StrEnum):
    """Whether three offices have concurred in a use, one has objected, or one has suspended it since."""

    UNDER_REVIEW = "under-review"
    ACTIVE = "active"
    OBJECTED = "objected"
    SUSPENDED = "suspended"


class UseKind(StrEnum):
    """What a use does with faces (D-026-11/def-verification and its neighbours)."""

    VERIFICATION = "verification"
    IDENTIFICATION = "identification"
    CAPTURE = "capture"
    ANALYSIS = "analysis"


class RiskStatus(StrEnum):
    """Whether the mitigation of a risk is in place."""

    OPEN = "open"
    MITIGATED = "mitigated"


class Use(SealedRow):
    """A use of face recognition that three offices review before it becomes active (D-026-11/oversight).

    round: which review this is, from 1; words of an earlier round count no more. since: for a use that
    existed before this register, the day it began.
    """

    prefix = "use"

    name = models.CharField(max_length=120, unique=True)
    purpose = models.CharField(max_length=300)
    kind = models.CharField(max_length=20)
    law_enforcement = models.BooleanField()
    analysis_approved = models.JSONField(default=list)
    status = models.CharField(max_length=20, default=UseStatus.UNDER_REVIEW)
    round = models.IntegerField(default=1)
    since = models.DateTimeField(null=True)
    proposed_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=[str(s) for s in UseStatus]), name="use_status"),
            models.CheckConstraint(condition=Q(kind__in=[str(k) for k in UseKind]), name="use_kind"),
        ]


class Concurrence(SealedRow):
    """One office's recorded word on a use, in one round of review.

    Three offices, three persons, none of them the proposer or of the proposer's unit. conditions: what
    `gateway.facts` checks at each use (`modes`, `case_types`, `services`, `until`). words: vault object of other
    conditions, or of why the office objects; empty where there is none.
    """

    prefix = "concurrence"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="concurrences")
    round = models.IntegerField(default=1)
    office = models.CharField(max_length=40)
    person_id = models.CharField(max_length=48)
    unit = models.CharField(max_length=200)
    proposer_id = models.CharField(max_length=48)
    proposer_unit = models.CharField(max_length=200)
    concurs = models.BooleanField()
    conditions = models.JSONField(default=dict)
    words = models.CharField(max_length=48, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(office__in=["privacy", "civil-rights", "information-officer"]),
                name="concurrence_office",
            ),
            models.UniqueConstraint(fields=["use", "round", "office"], name="office_once"),
            models.UniqueConstraint(fields=["use", "round", "person_id"], name="three_distinct_persons"),
            models.CheckConstraint(condition=~Q(person_id=F("proposer_id")), name="concurred_by_another"),
            models.CheckConstraint(condition=~Q(unit=F("proposer_unit")), name="concurred_from_outside"),
            models.CheckConstraint(condition=Q(concurs=True) | ~Q(words=""), name="objection_has_words"),
        ]


class UseRisk(SealedRow):
    """A risk of a use, what is done about it, who answers for that, and until when (D-026-11/risk-assessment)."""

    prefix = "risk"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="risks")
    risk = models.CharField(max_length=300)
    mitigation = models.CharField(max_length=300)
    owner_id = models.CharField(max_length=48)
    due = models.DateTimeField()
    status = models.CharField(max_length=20)
    evidence = models.CharField(max_length=200, blank=True)
    recorded_by_id = models.CharField(max_length=48)
    closed_by_id = models.CharField(max_length=48, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", evidence="", closed_by_id="")
                | (Q(status="mitigated") & ~Q(evidence="") & ~Q(closed_by_id="")),
                name="risk_closed_on_evidence",
            ),
            models.CheckConstraint(condition=~Q(closed_by_id=F("owner_id")), name="risk_closed_by_another"),
        ]


class PrincipleEvidence(SealedRow):
    """Where it stands that a use keeps one of the nine principles, for one round of review (PS-139-06/eo-13960)."""

    prefix = "principle"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="principles")
    round = models.IntegerField()
    principle = models.CharField(max_length=20)
    evidence = models.CharField(max_length=300)
    by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(principle__in=list(PRINCIPLES)), name="one_of_nine"),
            models.CheckConstraint(condition=~Q(evidence=""), name="principle_has_evidence"),
            models.UniqueConstraint(fields=["use", "round", "principle"], name="principle_once"),
        ]


class UseChange(SealedRow):
    """What changed about a use, so that three offices look again. words: vault object that says it."""

    prefix = "usechange"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="changes")
    round = models.IntegerField()
    what = models.CharField(max_length=20)
    words = models.CharField(max_length=48)
    by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(what__in=list(CHANGES)), name="change_is_known"),
            models.UniqueConstraint(fields=["use", "round"], name="round_begun_once"),
        ]
