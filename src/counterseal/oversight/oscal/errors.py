"""The errors of OSCAL documents."""

from counterseal.terms.errors import BadInputError, CountersealError


class OscalError(CountersealError):
    """Base of every error of OSCAL documents."""


class OscalUnreadableError(OscalError, BadInputError):
    """A file is no OSCAL document of the kinds that are written here."""
