"""What every stored row of ours has in common: an id of ours, and the log entry that sealed it.

A `SealedRow` is saved only together with a log entry that holds its digest, in one transaction. A change
made behind the gateway's back leaves a digest that fits no entry, and fsck names the row.
"""

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from django.db import models


def stored_value(value: Any) -> Any:
    """The JSON form of one field's value: the same before a row is saved and after it is read back."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return str(value)
    return value


class SealedRow(models.Model):
    """A row that changes only together with a log entry.

    id: a prefix and 16 random hex digits, never a name. entry_index: leaf index of the latest entry that
    covers this row.
    """

    prefix: ClassVar[str] = "row"

    id = models.CharField(primary_key=True, max_length=48)
    entry_index = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)

    @classmethod
    def table(cls) -> str:
        """The name under which log entries speak of this kind of row."""
        return cls._meta.label_lower

    def digest(self) -> str:
        """SHA-256 (hex) over all stored fields but `entry_index`, as sorted, compact JSON in UTF-8."""
        fields = {
            f.attname: stored_value(getattr(self, f.attname))
            for f in self._meta.concrete_fields
            if f.attname != "entry_index"
        }
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
