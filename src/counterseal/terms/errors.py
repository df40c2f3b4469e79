"""One base for every error of ours. A refusal is no error: it is an ordinary value (`Refusal`)."""


class CountersealError(Exception):
    """A promise could not be kept. The message says what is wrong and, where one exists, the remedy."""


class BadInputError(CountersealError):
    """What the caller brought cannot be used as it is."""


class StaleError(CountersealError):
    """The object changed after the caller read it."""


class IntegrityError(CountersealError):
    """Something sealed does not hold any more: stop and look."""


class UnavailableError(CountersealError):
    """Something outside this process did not answer; nothing was done."""
