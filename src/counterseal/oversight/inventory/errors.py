"""Errors of the inventory: what was brought cannot be read, or our own uses cannot be exported as they are."""

from counterseal.terms.errors import BadInputError


class InventoryError(BadInputError):
    """An inventory cannot be used as it is."""


class UnusableInventoryError(InventoryError):
    """A file is no inventory that can be read: no table, no such columns, encrypted, or out of bounds."""


class ExportRefusedError(InventoryError):
    """A use breaks a rule of the published dictionary, or would not come back as it is."""
