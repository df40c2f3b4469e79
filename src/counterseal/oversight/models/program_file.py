"""The file of a use outside law enforcement: what shows that it lets people decline, and the list it holds."""

from django.db import models
from django.db.models import F, Q

from counterseal.oversight.models.uses import Use
from counterseal.terms.rows import SealedRow


class ProgramFileRecord(SealedRow):
    """One document for one line of the file; the latest of a line (and of a place) counts.

    line: a line of the pack's `program-file.toml`. place: where a sign hangs; empty for other lines. document:
    vault object. made_on: the day it speaks of, from which it holds until `valid_until`. taken_down: a sign that
    hangs there no more.
    """

    prefix = "filerecord"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="file_records")
    line = models.CharField(max_length=40)
    place = models.CharField(max_length=120, blank=True)
    document = models.CharField(max_length=48)
    made_on = models.DateTimeField()
    valid_until = models.DateTimeField()
    taken_down = models.BooleanField(default=False)
    recorded_by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(document="") & ~Q(line=""), name="file_record_has_a_document"
            ),
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("made_on"), made_on__lte=F("at")), name="file_record_days"
            ),
            models.CheckConstraint(condition=Q(taken_down=False) | ~Q(place=""), name="taken_down_somewhere"),
        ]


class ProgramListHeld(SealedRow):
    """The signed list of choices that a program without a connection holds from now on."""

    prefix = "listheld"

    use = models.ForeignKey(Use, on_delete=models.PROTECT, related_name="lists_held")
    sequence = models.IntegerField()
    list_digest = models.CharField(max_length=64)
    issued = models.DateTimeField()
    valid_until = models.DateTimeField()
    recorded_by_id = models.CharField(max_length=48)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(valid_until__gt=F("issued")), name="list_held_days"),
            models.UniqueConstraint(fields=["use", "sequence"], name="list_held_once"),
        ]
