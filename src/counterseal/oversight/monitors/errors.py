"""The errors of monitors."""

from counterseal.terms.errors import BadInputError, CountersealError, IntegrityError


class MonitorError(CountersealError):
    """Base of every error of monitors."""


class HistoryUnreadableError(MonitorError, BadInputError):
    """What was brought is no history of a log, or no openings of one."""


class HistoryNotSoundError(MonitorError, IntegrityError):
    """The history does not hold against its signed checkpoint, or an opening against its entry."""


class ClosedError(MonitorError):
    """An entry commits to this value, and nobody brought what opens it."""
