"""Acts on packs of policies, facts that a pack asks about and no register holds, and authorisations of uses."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class PackChangeStatus(StrEnum):
    """Whether enough persons of different offices stand behind an act on a pack."""

    PROPOSED = "proposed"
    IN_EFFECT = "in-effect"
    REJECTED = "rejected"


class PackChange(SealedRow):
    """A pack is to count, or to count no more; it does once enough persons have confirmed it.

    kind: ``activate`` or ``withdraw``. pack_digest: of the pack's files as they were proposed. replaces: the pack whose
    place it takes. difference: vault object that says what would be newly allowed and newly denied.
    """

    prefix = "packchange"

    kind = models.CharField(max_length=20)
    pack = models.CharField(max_length=80)
    pack_digest = models.CharField(max_length=80)
    replaces = models.CharField(max_length=80, blank=True)
    difference = models.CharField(max_length=48)
    status = models.CharField(max_length=20, default=PackChangeStatus.PROPOSED)
    proposed_by_id = models.CharField(max_length=48)
    proposer_unit = models.CharField(max_length=200)
    proposed_at = models.DateTimeField()
    effective_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[str(s) for s in PackChangeStatus]), name="packchange_status"
            ),
            models.CheckConstraint(condition=Q(kind__in=["activate", "withdraw"]), name="packchange_kind"),
            models.CheckConstraint(
                condition=Q(status="in-effect", effective_at__isnull=False)
                | (~Q(status="in-effect") & Q(effective_at=None)),
                name="packchange_in_effect_since",
            ),
            models.UniqueConstraint(
                fields=["pack"], condition=Q(status="proposed"), name="one_open_change_a_pack"
            ),
        ]


class PackConfirmation(SealedRow):
    """Another person, of another office, on an act on a pack. confirms: false rejects it."""

    prefix = "packconfirmation"

    change = models.ForeignKey(PackChange, on_delete=models.PROTECT, related_name="confirmations")
    confirms = models.BooleanField()
    person_id = models.CharField(max_length=48)
    unit = models.CharField(max_length=200)
    proposer_id = models.CharField(max_length=48)
    proposer_unit = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(person_id=F("proposer_id")), name="pack_confirmed_by_another"
            ),
            models.CheckConstraint(
                condition=~Q(unit=F("proposer_unit")), name="pack_confirmed_by_another_office"
            ),
            models.UniqueConstraint(fields=["change", "person_id"], name="pack_confirmed_once"),
            models.UniqueConstraint(fields=["change", "unit"], name="pack_confirmed_once_an_office"),
        ]


class PackFact(SealedRow):
    """Something that a pack asks about and no register holds, as the role named in the pack states it.

    fact: its dotted path. about: id of what it is stated about. value: JSON of the fact's type; the latest counts.
    """

    prefix = "packfact"

    fact = models.CharField(max_length=120)
    about = models.CharField(max_length=48)
    value = models.JSONField()
    stated_by_id = models.CharField(max_length=48)
    at = models.DateTimeField()


class UseAuthorisation(SealedRow):
    """The answer of a court or an independent authority on one search (EU-AIA/26-10-authorisation).

    reference: its file number. deleted: number of vault objects that a refusal had deleted.
    """

    prefix = "authorisation"

    request_id = models.CharField(max_length=48, unique=True)
    requester_id = models.CharField(max_length=48)
    granted = models.BooleanField()
    authority = models.CharField(max_length=120)
    reference = models.CharField(max_length=120)
    deleted = models.IntegerField(default=0)
    recorded_by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(recorded_by_id=F("requester_id")), name="authorisation_recorded_by_another"
            ),
            models.CheckConstraint(condition=Q(granted=False) | Q(deleted=0), name="granted_deletes_nothing"),
        ]
