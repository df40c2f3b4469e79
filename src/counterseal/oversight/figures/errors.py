"""The errors of public figures."""

from counterseal.terms.errors import BadInputError, CountersealError


class FiguresError(CountersealError):
    """Base of every error of public figures."""


class ReleaseUnreadableError(FiguresError, BadInputError):
    """The folder holds no release that could be checked at all."""
