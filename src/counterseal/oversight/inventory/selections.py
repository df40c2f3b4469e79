"""The selections of each question of 2025, built once."""

from functools import cache

from counterseal.oversight.inventory.cells import Selections
from counterseal.oversight.inventory.columns import ANYWHERE, BY_NAME, SPELLINGS


@cache
def of_2025(name: str) -> Selections:
    """The valid selections of the column `name`."""
    return Selections(BY_NAME[name].choices, SPELLINGS.get(name, {}), ANYWHERE)
