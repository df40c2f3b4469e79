"""A batch is shared out: several persons, each below the limit, together above it, in this run's time."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_history import BEGIN, clean_year

from counterseal.oversight.signals.dragnet import over_the_whole
from counterseal.oversight.signals.rows import History, Signal
from counterseal.policy import SignalRule, load_policies

AT = BEGIN + timedelta(days=30, hours=12)


@pytest.fixture(scope="module")
def rule() -> SignalRule:
    """The shipped numbers: two persons, more than four faces, an hour."""
    found = load_policies(Path(__file__).parents[3] / "policies").signals(datetime(2025, 6, 1, tzinfo=UTC))
    assert found is not None
    return found


def searched(*faces_by: int, apart: float = 5.0) -> History:
    """One case, and so many new faces by person 0, 1, ... in turn, so many minutes apart."""
    year = clean_year(0)
    year.searches, year.closed, year.approved = [], [], []
    turns = [p for n in range(max(faces_by)) for p, faces in enumerate(faces_by) if n < faces]
    for n, person in enumerate(turns):
        year.search(person, AT + timedelta(minutes=apart * n), "case-1")
    return year.made()


def batches(history: History, rule: SignalRule, *, since: datetime = AT) -> list[Signal]:
    """What a run over the two days from `since` on tells of batches."""
    told = over_the_whole(history, rule, since=since, until=since + timedelta(days=2))
    return [s for s in told if s.kind == "batch-of-several-persons"]


@pytest.mark.parametrize("faces_by", [(3, 2), (2, 2, 2), (4, 4)])
def test_shared_out_is_a_batch(rule: SignalRule, faces_by: tuple[int, ...]) -> None:
    (signal,) = batches(searched(*faces_by), rule)
    assert signal.numbers["count"] == sum(faces_by)
    assert len(signal.entries) == sum(faces_by)


@pytest.mark.parametrize("faces_by", [(6,), (2, 2), (4, 0)])
def test_one_person_or_few_faces_are_none(rule: SignalRule, faces_by: tuple[int, ...]) -> None:
    """One person with many faces is told of as that: many faces on one case."""
    assert batches(searched(*faces_by), rule) == []


def test_whoever_passes_the_limit_alone_is_no_part_of_a_sharing(rule: SignalRule) -> None:
    """Six by one and one by another within the hour: that one person's many faces, told of as such."""
    year = clean_year(0)
    year.searches, year.closed, year.approved = [], [], []
    for n in range(6):
        year.search(0, AT + timedelta(minutes=n), "case-1")
    year.search(1, AT + timedelta(minutes=9), "case-1")

    assert batches(year.made(), rule) == []


def test_spread_over_the_day_is_none(rule: SignalRule) -> None:
    assert batches(searched(3, 3, apart=40), rule) == []


def test_batch_of_the_run_before_is_not_told_again(rule: SignalRule) -> None:
    """It ended before this run's time began; one that reaches into it is told."""
    history = searched(3, 3)
    end = history.searches[-1].at

    assert batches(history, rule, since=end + timedelta(minutes=1)) == []
    assert len(batches(history, rule, since=end)) == 1
