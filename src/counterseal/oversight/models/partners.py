"""Agencies for which, or through which, a search may run, and on what authority."""

from django.db import models
from django.db.models import F, Q

from counterseal.oversight.models.services import Service
from counterseal.terms.rows import SealedRow


class PartnerAgreement(SealedRow):
    """An authority under which a search runs for, or through, another agency (HSI-M/3-sharing).

    agency: a short code of the agency. kind: statute, regulation or agreement. bars: ids of the services that
    the partner's own rules bar it from; `*` means every service.
    """

    prefix = "partner"

    agency = models.CharField(max_length=40)
    kind = models.CharField(max_length=20)
    citation = models.CharField(max_length=200)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    bars = models.JSONField(default=list)
    recorded_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(valid_until__gt=F("valid_from")), name="partner_ends_later"),
            models.CheckConstraint(
                condition=Q(kind__in=["statute", "regulation", "agreement"]), name="partner_authority_kind"
            ),
            models.CheckConstraint(condition=~Q(citation=""), name="partner_authority_cited"),
        ]


class PartnerService(SealedRow):
    """A service on our register behind which a partner stands, and the service that answers there in the end.

    Whoever searches in `service` asks the partner, whether they say so or not.
    """

    prefix = "partnerservice"

    service = models.OneToOneField(Service, on_delete=models.PROTECT, related_name="through_partner")
    agreement = models.ForeignKey(PartnerAgreement, on_delete=models.PROTECT, related_name="services")
    reaches = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="+")
