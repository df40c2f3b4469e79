"""detroit-2019, -2020 and -2023 once more, under the rules that the city's police took on in 2024."""

from datetime import timedelta

import pytest

from counterseal.gateway.add_evidence import relate
from counterseal.gateway.request_clearance import Cleared, NotCleared
from office import SimulatedOffice


@pytest.fixture
def detroit(office: SimulatedOffice) -> SimulatedOffice:
    office.under("detroit-2024")
    return office


def line_up(office: SimulatedOffice, lead, *, hours_ago: float = 10, derived: bool = True):
    """A witness picks the candidate from a line-up that was held because of the search."""
    item = office.item(
        lead.case, "line-up", saw_offence=True, obtained_at=office.clock.now - timedelta(hours=hours_ago)
    )
    if derived:
        relate(office.office, source=item.id, relation="derived-from", target=lead.id, by=office.who("ines"))
    relate(office.office, source=item.id, relation="supports-offence", target=lead.id, by=office.who("ines"))
    return item


def test_line_up_straight_from_the_search_stops_the_action(detroit: SimulatedOffice) -> None:
    """Even with good evidence found afterwards: the witness has seen the face."""
    lead = detroit.lead(detroit.searched(limit=2))
    line_up(detroit, lead, hours_ago=30)
    detroit.support(lead)

    stopped = detroit.clearance(lead)

    assert isinstance(stopped, NotCleared)
    assert stopped.refusal.clauses == ("DPD/no-line-up-from-search",)


def test_line_up_alone_is_refused_by_every_rule_that_it_breaks(detroit: SimulatedOffice) -> None:
    lead = detroit.lead(detroit.searched(limit=2))
    line_up(detroit, lead)

    stopped = detroit.clearance(lead)

    assert isinstance(stopped, NotCleared)
    assert {"DPD/no-line-up-from-search", "DPD/no-arrest-on-search", "D-026-11/not-sole-basis"} <= set(
        stopped.refusal.clauses
    )


def test_line_up_after_independent_evidence_does_not(detroit: SimulatedOffice) -> None:
    lead = detroit.lead(detroit.searched(limit=2))
    detroit.support(lead)
    line_up(detroit, lead, hours_ago=1)

    assert isinstance(detroit.clearance(lead), Cleared)


def test_line_up_that_owes_nothing_to_the_search_does_not(detroit: SimulatedOffice) -> None:
    lead = detroit.lead(detroit.searched(limit=2))
    line_up(detroit, lead, derived=False)

    assert isinstance(detroit.clearance(lead), Cleared)


def test_papers_that_keep_the_search_quiet_stop_it(detroit: SimulatedOffice) -> None:
    lead = detroit.lead(detroit.searched(limit=2))
    detroit.support(lead)

    stopped = detroit.clearance(lead, disclosure_text_included=False)

    assert isinstance(stopped, NotCleared)
    assert "DPD/disclosure" in stopped.refusal.clauses


def test_without_the_overlay_good_evidence_found_later_is_enough(office: SimulatedOffice) -> None:
    """The neighbour: what the base texts leave open, Detroit's rules close."""
    lead = office.lead(office.searched(limit=2))
    line_up(office, lead, hours_ago=30)
    office.support(lead)

    assert isinstance(office.clearance(lead), Cleared)
