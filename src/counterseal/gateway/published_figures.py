"""The releases of public figures, as they were sealed: read for whoever asks. They are public."""

from typing import Any

from counterseal.ledger.entry import Disclosure, read_entry
from counterseal.oversight.figures.release import KIND
from counterseal.oversight.models import LogDisclosures, LogEntry


def published_figures(*, first: int, most: int) -> list[tuple[int, dict[str, Any]]]:
    """At most so many releases from the first on, in order: the index of each entry, and the document it sealed."""
    needle = f'"kind":"{KIND}"'.encode()
    # The log is read in order of its index; a release is rare and each is sought once a request.
    found: list[tuple[int, dict[str, Any]]] = []
    seen = 0
    for index, body in LogEntry.objects.order_by("index").values_list("index", "body").iterator():
        if needle not in bytes(body) or read_entry(bytes(body)).kind != KIND:
            continue
        seen += 1
        if seen <= first:
            continue
        found.append((index, _document(index)))
        if len(found) == most:
            break
    return found


def _document(index: int) -> dict[str, Any]:
    encoded = LogDisclosures.objects.filter(pk=index).values_list("encoded", flat=True).first() or ""
    for line in filter(None, encoded.split("\n")):
        opened = Disclosure.parse(line)
        if opened.name == "document" and isinstance(opened.value, dict):
            return opened.value
    return {}
