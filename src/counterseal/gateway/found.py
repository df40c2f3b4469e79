"""Find a row by its id, or say plainly that there is none."""

from typing import TypeVar

from counterseal.gateway.storing import read
from counterseal.terms.errors import BadInputError
from counterseal.terms.rows import SealedRow

RowT = TypeVar("RowT", bound=SealedRow)


def found(model: type[RowT], row_id: str) -> RowT:
    """The row of this id.

    Raises:
        BadInputError: there is none.
    """
    row = read(model, row_id)
    if row is None:
        raise BadInputError(f"there is no {model._meta.verbose_name} `{row_id}`")
    return row
