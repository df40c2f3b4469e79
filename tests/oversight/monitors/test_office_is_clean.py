"""What the simulated office does by the book violates nothing, and everything in it can be evaluated."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "gateway"))

from whole_story import tell

from counterseal.gateway.run_monitors import run_monitors
from office import SimulatedOffice


def test_the_whole_story_is_clean(office: SimulatedOffice) -> None:
    tell(office)

    watched = run_monitors(office.office)

    assert watched.clean
    assert watched.whole
