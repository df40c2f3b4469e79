"""Information handed to somebody outside, and on what authority."""

from django.db import models

from counterseal.terms.rows import SealedRow


class Disclosure(SealedRow):
    """Information handed to somebody outside, and on what authority (HSI-M/3-sharing)."""

    prefix = "disclosure"

    about = models.CharField(max_length=48)
    recipient = models.CharField(max_length=200)
    authority_kind = models.CharField(max_length=20)
    authority_citation = models.CharField(max_length=200)
    authority_from = models.DateTimeField()
    authority_until = models.DateTimeField()
    contents = models.JSONField(default=list)
    by_id = models.CharField(max_length=48)
    at = models.DateTimeField()
