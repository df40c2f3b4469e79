"""What somebody asks who was wrongly linked, stopped, arrested or refused, and what they are answered."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class RedressAbout(StrEnum):
    """What was done to the asker on the word of a face."""

    LINKED = "linked"
    STOPPED = "stopped"
    ARRESTED = "arrested"
    REFUSED = "refused"


class RedressOutcome(StrEnum):
    """What came of it. The first three put something right that stood in a case of this agency."""

    RECORD_CORRECTED = "record-corrected"
    REFERENCE_WITHHELD = "reference-withheld"
    LEAD_WITHDRAWN = "lead-withdrawn"
    NOTHING_FOUND = "nothing-found"
    OTHER_AGENCY = "other-agency"


PUT_RIGHT = frozenset(
    {RedressOutcome.RECORD_CORRECTED, RedressOutcome.REFERENCE_WITHHELD, RedressOutcome.LEAD_WITHDRAWN}
)


class RedressStatus(StrEnum):
    """Whether it was answered. An answer is not changed; whoever is not content asks again."""

    OPEN = "open"
    ANSWERED = "answered"


class RedressRequest(SealedRow):
    """One request for redress. It names nobody.

    words, contact, answer: vault objects; contact is empty where the asker left none. code_token: keyed token of
    the code that the asker alone holds. case_id: the case that the answer looked into, empty where none was found.
    """

    prefix = "redress"

    about = models.CharField(max_length=20)
    words = models.CharField(max_length=48)
    contact = models.CharField(max_length=48, blank=True)
    code_token = models.CharField(max_length=32, unique=True)
    status = models.CharField(max_length=20, default=RedressStatus.OPEN)
    asked_at = models.DateTimeField()
    due = models.DateTimeField()
    outcome = models.CharField(max_length=20, blank=True)
    case_id = models.CharField(max_length=48, blank=True)
    answer = models.CharField(max_length=48, blank=True)
    answered_by_id = models.CharField(max_length=48, blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(about__in=[str(a) for a in RedressAbout]) & ~Q(words=""), name="redress_about"
            ),
            models.CheckConstraint(condition=Q(due__gt=F("asked_at")), name="redress_due_later"),
            models.CheckConstraint(
                condition=Q(
                    status="open", outcome="", case_id="", answer="", answered_by_id="", answered_at=None
                )
                | (
                    Q(
                        status="answered",
                        outcome__in=[str(o) for o in RedressOutcome],
                        answered_at__isnull=False,
                    )
                    & ~Q(answer="")
                    & ~Q(answered_by_id="")
                ),
                name="redress_answered_with_words",
            ),
            models.CheckConstraint(
                condition=~Q(outcome__in=sorted(map(str, PUT_RIGHT))) | ~Q(case_id=""),
                name="redress_put_right_in_a_case",
            ),
        ]
