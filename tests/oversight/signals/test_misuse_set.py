"""A year of forty officers, clean and with misuse planted: what is found, and what is found for nothing.

The counts are printed (`-s`), so that whoever changes a number in signals.toml sees what it costs.
"""

import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import comb
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_history import BEGIN, DAYS, PATTERNS, clean_year, plant_own_past, planted, who

from counterseal.oversight.finding_kinds import kind_of
from counterseal.oversight.signals.rows import History, Signal, month_of
from counterseal.oversight.signals.run import signals_of
from counterseal.policy import SignalRule, load_policies

END = BEGIN + timedelta(days=DAYS + 1)
# The method was chosen by looking at the years 0 to 7; it is held to years that nobody looked at then.
SEEDS = range(200, 208)
# Answers to a question asked of chance; the others state that a limit was passed.
BY_CHANCE = (
    "searches-above-peers",
    "searches-above-own-past",
    "off-duty-above-peers",
    "social-media-above-peers",
    "events-above-peers",
    "quick-approvals",
    "quicker-than-before",
    "approvals-of-a-pair",
    "busy-day",
)


@pytest.fixture(scope="module")
def rule() -> SignalRule:
    """The shipped numbers."""
    packs = load_policies(Path(__file__).parents[3] / "policies")
    found = packs.signals(datetime(2025, 6, 1, tzinfo=UTC))
    assert found is not None
    return found


def year_of(history: History, rule: SignalRule) -> list[Signal]:
    """A run over the whole year."""
    return signals_of(history, rule, since=BEGIN, until=END)


def speaks_of(signal: Signal, about: str) -> bool:
    """Whether a signal is about this person, case, face, item or day."""
    return about in (signal.about, signal.person)


class TestPlanted:
    @pytest.mark.parametrize("name", PATTERNS)
    def test_each_pattern_alone_is_found(self, rule, name):
        """In years of several seeds, so that it is no luck."""
        missed = []
        for seed in range(100, 104):
            history, about = planted(seed, [name])
            found = [s for s in year_of(history, rule) if s.kind in PATTERNS[name].kinds]
            if not any(speaks_of(s, about[name]) for s in found):
                missed.append(seed)

        assert not missed, f"{name}: not found in the years {missed}"

    def test_all_together_are_found_and_the_false_alarms_are_few(self, rule, capsys):
        """One hides no other. What is left over is counted."""
        history, about = planted(1, PATTERNS)
        signals = year_of(history, rule)
        found = {
            name: [s for s in signals if s.kind in PATTERNS[name].kinds and speaks_of(s, about[name])]
            for name in PATTERNS
        }
        honest = {s.id for s in clean_year(1).searches} | {
            a.decided.request_id for a in clean_year(1).approved
        }
        added = {s.entry for s in history.searches if s.id not in honest}
        added |= {a.entry for a in history.approved if a.decided.request_id not in honest}
        over = [s for s in signals if not added & set(s.entries)]
        with capsys.disabled():
            print(
                f"\n{len(history.searches)} searches, {len(PATTERNS)} patterns planted, {len(signals)} signals"
            )
            for name, each in found.items():
                print(f"  {name}: {each[0].kind if each else 'MISSED'}: {each[0].says if each else ''}")
            print(f"  with nothing planted behind them: {dict(Counter(s.kind for s in over))}")

        assert all(found.values())
        assert added
        assert len([s for s in over if s.kind in BY_CHANCE]) <= 2

    def test_most_striking_comes_first_and_each_once(self, rule):
        """The list is ranked, and repeats nothing."""
        history, _ = planted(2, PATTERNS)
        signals = year_of(history, rule)

        assert [s.times for s in signals] == sorted((s.times for s in signals), reverse=True)
        assert len({(s.kind, s.about) for s in signals}) == len(signals)
        assert signals == year_of(history, rule)

    def test_every_signal_has_words_numbers_entries_and_a_kind_of_finding(self, rule):
        """What a supervisor needs, within what a finding can hold."""
        history, _ = planted(3, PATTERNS)
        signals = year_of(history, rule)
        kinds = {s.kind for s in signals}

        assert kinds >= {k for p in PATTERNS.values() for k in p.kinds}
        entries = {s.entry for s in history.searches} | {a.entry for a in history.approved}
        for signal in signals:
            assert kind_of(signal.kind).words
            assert 0 < len(signal.about) <= 48
            assert 20 < len(signal.says) <= 300
            assert signal.entries
            assert set(signal.entries) <= entries
            assert signal.numbers
            assert not any(f"person-{n:04d}" in signal.says for n in range(40)), "says names nobody"


class TestClean:
    def test_chance_raises_no_more_than_is_stated(self, rule, capsys):
        """signals.toml: each comparison once in a thousand at most. Held against every question of eight years."""
        alarms: Counter[str] = Counter()
        months_asked = days_asked = 0
        for seed in SEEDS:
            history = clean_year(seed).made()
            alarms.update(s.kind for s in year_of(history, rule))
            searches = history.searches
            months_asked += len({s.person for s in searches}) * len({month_of(s.at) for s in searches})
            groups = 2 + len({s.unit for s in searches}) + len({s.service for s in searches})
            days_asked += groups * len({s.at.date() for s in searches})
        with capsys.disabled():
            print(
                f"\nclean: {len(SEEDS)} years of 40 officers, {months_asked} person-months and "
                f"{days_asked} days of a group a kind: {dict(alarms)}"
            )

        for kind in BY_CHANCE:
            asked = days_asked if kind == "busy-day" else months_asked
            limit = most_by_chance(asked, rule.chance)
            assert alarms[kind] <= limit, f"{kind}: {alarms[kind]} false alarms, at most {limit} are stated"
        assert months_asked > 3000

    def test_only_limits_speak_of_honest_people_otherwise(self, rule):
        """No pattern's own kind appears where nothing was planted, but the limit on faces of a case."""
        kinds = {s.kind for seed in SEEDS for s in year_of(clean_year(seed).made(), rule)}

        assert kinds - set(BY_CHANCE) <= {"many-faces-on-one-case"}

    def test_stricter_chance_raises_less(self, rule):
        """The number does what it says."""
        loose = replace(rule, chance=Fraction(1, 20), times=1.0, least=2)
        history = clean_year(0).made()

        assert len(year_of(history, loose)) > len(year_of(history, rule))


def most_by_chance(questions: int, chance: Fraction) -> int:
    """The number of alarms that chance passes in one run of twenty only, where it is as stated."""
    p, below, k = float(chance), 0.0, 0
    while True:
        below += comb(questions, k) * p**k * (1 - p) ** (questions - k)
        if below >= 0.95:
            return k
        k += 1


class TestLittle:
    def test_nothing_from_nothing(self, rule):
        """No search, no signal; and one search neither."""
        assert year_of(History(()), rule) == []
        year = clean_year(0)
        alone = year.search(1, BEGIN + timedelta(days=9), year.new_case())
        assert year_of(History((alone,)), rule) == []

    def test_few_others_are_no_measure(self, rule):
        """Two officers say nothing about a third; the limits still hold."""
        year = clean_year(0)
        year.searches, year.closed, year.approved = [], [], []
        for n in range(40):
            year.search(1, BEGIN + timedelta(days=40, minutes=n * 20), year.new_case())
        for person in (2, 3):
            year.search(person, BEGIN + timedelta(days=40), year.new_case())
        kinds = {s.kind for s in year_of(year.made(), rule)}

        assert "searches-above-peers" not in kinds

    def test_signal_of_an_earlier_month_is_not_told_again(self, rule):
        """A run over June does not speak of May."""
        year = clean_year(5)
        quiet = plant_own_past(year)
        june = BEGIN + timedelta(days=155)
        signals = signals_of(year.made(), rule, since=june, until=june + timedelta(days=20))

        assert not [s for s in signals if s.person == quiet and s.about.endswith("2025-05")]

    def test_case_that_only_its_own_officer_knows_is_told_with_the_persons_id(self, rule):
        """The finding concerns somebody, and the words name nobody."""
        history, about = planted(1, ["many faces on one case"])
        (signal,) = [s for s in year_of(history, rule) if s.about == about["many faces on one case"]]

        assert signal.person == who(3)
        assert len(signal.entries) == 9
        assert signal.says.startswith("9 faces on one case; other cases have 1.")
