"""Intents that have no outcome yet: they stay visible to the overseer for ever."""

from counterseal.ledger.entry import Entry

REFUSED = "refused"


class OpenIntents:
    """Follows entries in the order of the log.

    An intent is an entry whose kind ends in `.intent`, unless its outcome is `refused`: then nothing follows.
    An entry whose kind ends in `.outcome` or `.failed` closes the intents among its causes.
    """

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._open: dict[int, None] = {}

    def see(self, index: int, entry: Entry) -> tuple[int, ...]:
        """Take the next entry; answers with the intents that it closes."""
        if entry.kind.endswith((".outcome", ".failed")):
            closes = tuple(cause for cause in entry.causes if cause in self._open)
            for cause in closes:
                del self._open[cause]
            return closes
        if entry.kind.endswith(".intent") and entry.outcome != REFUSED:
            self._open[index] = None
        return ()

    @property
    def open(self) -> tuple[int, ...]:
        """Indices of the intents without outcome, rising."""
        return tuple(self._open)
