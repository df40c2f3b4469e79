"""Where the policies and examples lie that come with the program. Loads nothing else, so that it is quick."""

import sys
from pathlib import Path

from counterseal.terms.errors import BadInputError


def shipped(folder: str) -> Path:
    """`policies` or `examples`: beside the sources, or where a wheel puts them.

    Raises:
        BadInputError: they are not there.
    """
    for place in (Path(__file__).parents[2] / folder, Path(sys.prefix) / "share/counterseal" / folder):
        if place.is_dir():
            return place
    raise BadInputError(f"the folder `{folder}` that comes with the program is not there: install it again")
