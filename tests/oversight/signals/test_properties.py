"""What holds of signals whatever the history: none falls between two runs, names do not matter, more is not less."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from made_history import BEGIN, PATTERNS, planted

from counterseal.oversight.signals.comparisons import Cell, excess
from counterseal.oversight.signals.rows import History, Search
from counterseal.oversight.signals.run import signals_of
from counterseal.policy import SignalRule, load_policies

PACKS = load_policies(Path(__file__).parents[3] / "policies")
_FOUND = PACKS.signals(datetime(2025, 6, 1, tzinfo=UTC))
assert _FOUND is not None
RULE: SignalRule = _FOUND
SPAN = timedelta(days=40)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Small and crowded: few persons, cases, faces, items, so that things coincide."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, int(SPAN.total_seconds() // 600) - 1),
                st.integers(0, 3),
                st.integers(0, 2),
                st.integers(0, 9),
                st.sampled_from(["social-media", "store-camera-still", "body-camera-still"]),
                st.integers(0, 3),
                st.booleans(),
            ),
            max_size=30,
        )
    )
    searches = [
        Search(
            id=f"request-{n}",
            person=f"person-{person}",
            unit="Unit",
            case=f"case-{case}",
            case_type="fraud",
            service=f"service-{item}",
            source_class=source,
            item=f"evidence-{item}",
            face=f"{face:064d}",
            captured=BEGIN - timedelta(days=item),
            protected_event=night,
            at=BEGIN + timedelta(minutes=10 * tick),
            on_duty=not night,
            entry=n,
        )
        for n, (tick, person, case, face, source, item, night) in enumerate(sorted(rows))
    ]
    return History(searches)


@settings(deadline=None)
@given(histories(), st.lists(st.integers(1, 39), max_size=4))
def test_nothing_falls_between_two_runs(history: History, days: list[int]) -> None:
    """However the time is cut into runs, they tell of every limit that one run over all of it tells of."""
    cuts = [BEGIN, *(BEGIN + timedelta(days=d) for d in sorted(set(days))), BEGIN + SPAN]
    whole = {(s.kind, s.about) for s in signals_of(history, RULE, since=BEGIN, until=BEGIN + SPAN)}
    parts = set()
    for since, until in pairwise(cuts):
        so_far = History([s for s in history.searches if s.at < until])
        parts |= {(s.kind, s.about) for s in signals_of(so_far, RULE, since=since, until=until)}

    limits = {(kind, about) for kind, about in whole if not kind.endswith(("-peers", "-past", "-day"))}
    assert limits <= parts


@settings(deadline=None)
@given(histories(), st.permutations(range(4)))
def test_names_do_not_matter(history: History, order: list[int]) -> None:
    """Give everybody somebody else's id: the same signals, of the others."""
    names = {f"person-{n}": f"person-{m}" for n, m in enumerate(order)}
    renamed = History([replace(s, person=names[s.person]) for s in history.searches])

    def told(of: History, called: dict[str, str]) -> set[tuple[str, str, float, tuple[int, ...]]]:
        return {
            (s.kind, called.get(s.person, ""), s.times, s.entries)
            for s in signals_of(of, RULE, since=BEGIN, until=BEGIN + SPAN)
        }

    assert told(history, names) == told(renamed, {name: name for name in names.values()})


@settings(deadline=None)
@given(histories())
def test_every_signal_leads_to_entries_of_its_own(history: History) -> None:
    """Each entry named is one of the case, face, item or person that it is about."""
    by_entry = {s.entry: s for s in history.searches}
    for signal in signals_of(history, RULE, since=BEGIN, until=BEGIN + SPAN):
        assert signal.entries
        behind = [by_entry[entry] for entry in signal.entries]
        if signal.about.startswith("case-"):
            assert {s.case for s in behind} == {signal.about}
        if signal.about.startswith("face-"):
            assert {f"face-{s.face[:32]}" for s in behind} == {signal.about}
        if signal.about.startswith("evidence-"):
            assert {s.item for s in behind} == {signal.about}
        if ":" in signal.about and signal.person:
            assert {s.person for s in behind} == {signal.person}


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 8)), min_size=12, max_size=40),
    st.integers(1, 8),
    st.integers(0, 40),
)
def test_more_is_not_less(others: list[tuple[int, int]], exposure: int, count: int) -> None:
    """Whoever is a signal with so many is one with one more; and with less work for as many, too."""
    if excess(RULE, Cell(count, exposure), others) is not None:
        assert excess(RULE, Cell(count + 1, exposure), others) is not None
        assert excess(RULE, Cell(count, exposure / 2), others) is not None


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 8)), max_size=40), st.integers(0, 4))
def test_few_events_are_never_a_signal(others: list[tuple[int, int]], count: int) -> None:
    """Below `least`, however rare by arithmetic."""
    assert excess(RULE, Cell(count, 1.0), others) is None


@pytest.mark.parametrize("name", ["many faces on one case", "service after service", "a batch shared out"])
def test_limit_fires_at_the_first_that_passes_it(name: str) -> None:
    """Not before, and not only at the end."""
    history, about = planted(1, [name])
    kinds = PATTERNS[name].kinds
    mine = [s.entry for s in history.searches if about[name] in (s.case, f"face-{s.face[:32]}")]
    fired = [
        n
        for n, entry in enumerate(mine, start=1)
        if any(
            s.kind in kinds and s.about == about[name]
            for s in signals_of(
                History([s for s in history.searches if s.entry <= entry]),
                RULE,
                since=BEGIN,
                until=BEGIN + timedelta(days=366),
            )
        )
    ]
    first = {"many faces on one case": 4, "service after service": 3, "a batch shared out": 5}[name]

    assert fired == list(range(first, len(mine) + 1))
