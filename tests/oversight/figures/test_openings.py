"""What is kept back cannot be computed from what is released (R67)."""

from collections import Counter as Tally
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from making import Log, busy_log

from counterseal.ledger.entry import Entry, Reason
from counterseal.oversight.figures import release
from counterseal.oversight.figures.openings import Coded, choose_openings, class_of, faults_of
from counterseal.oversight.figures.rule import SEALED_KIND, SEALED_NAMES, Rule

CODES = st.sampled_from(["fraud", "theft", "homicide", "arson", "abduction"])
ROLES = st.sampled_from(["suspect", "witness", "victim"])
SEARCHES = st.lists(
    st.tuples(
        st.sampled_from(["2025", "2026"]),
        st.sampled_from(["a", "b"]),
        st.one_of(st.none(), CODES),
        st.one_of(st.none(), ROLES),
    ),
    max_size=60,
)
K = st.integers(2, 6)


def coded(searches: list[tuple[str, str, str | None, str | None]]) -> list[Coded]:
    return [
        Coded(i, (period, service), (code, role)) for i, (period, service, code, role) in enumerate(searches)
    ]


def shown(all_of_them: list[Coded], opened: frozenset[tuple[int, str]]) -> list[Coded]:
    """What a reader sees."""
    return [
        Coded(
            each.index,
            each.place,
            tuple(
                code if (each.index, name) in opened else None
                for code, name in zip(each.codes, SEALED_NAMES, strict=True)
            ),
        )
        for each in all_of_them
    ]


class TestKeptBack:
    @settings(max_examples=150, deadline=None)
    @given(SEARCHES, K)
    def test_whatever_is_shown_of_an_entry_k_entries_of_its_class_show(
        self, searches: list[tuple[str, str, str | None, str | None]], k: int
    ) -> None:
        """k-anonymity, over everything that a reader has of an entry but its instant."""
        seen = shown(coded(searches), choose_openings(coded(searches), k))
        alike = Tally((each.place, each.codes) for each in seen)

        assert all(alike[each.place, each.codes] >= k for each in seen if any(each.codes))

    @settings(max_examples=150, deadline=None)
    @given(SEARCHES, K)
    def test_those_kept_back_are_never_few_beside_others(
        self, searches: list[tuple[str, str, str | None, str | None]], k: int
    ) -> None:
        """Complementary suppression: a total less what is shown never gives a small cell."""
        seen = shown(coded(searches), choose_openings(coded(searches), k))

        for place in {each.place for each in seen}:
            members = [each for each in seen if each.place == place]
            for name in range(2):
                hidden = sum(each.codes[name] is None for each in members)
                assert hidden == 0 or hidden >= min(k, len(members))
        assert faults_of(seen, k) == []

    @settings(max_examples=150, deadline=None)
    @given(SEARCHES, K, st.data())
    def test_other_codes_in_their_place_release_the_same(
        self, searches: list[tuple[str, str, str | None, str | None]], k: int, data: st.DataObject
    ) -> None:
        """What was kept back can have been anything: a world with other codes gives the same release.

        So no count of a code that was kept back can be computed from what is released.
        """
        world = coded(searches)
        opened = choose_openings(world, k)
        seen = shown(world, opened)
        fresh: dict[object, str] = {}

        def another(each: Coded, place: int) -> str | None:
            code = each.codes[place]
            if code is None or seen[each.index].codes[place] is not None:
                return code
            # Codes that differed still differ, and every one is another than it was.
            tag = data.draw(st.just(len(fresh)))
            return fresh.setdefault((each.place, place, seen[each.index].codes, code), f"other-{tag}")

        elsewhere = [Coded(each.index, each.place, (another(each, 0), another(each, 1))) for each in world]

        assert choose_openings(elsewhere, k) == opened
        assert shown(elsewhere, opened) == seen

    @settings(max_examples=150, deadline=None)
    @given(SEARCHES, K, st.integers(0, 60))
    def test_two_releases_together_tell_no_code_that_neither_shows(
        self, searches: list[tuple[str, str, str | None, str | None]], k: int, first: int
    ) -> None:
        """They may tell which few entries stay back; what these carry can still have been anything."""
        world = coded(searches)
        before, after = choose_openings(world[:first], k), choose_openings(world, k)
        told = {(world[i].place, name, dict(zip(SEALED_NAMES, world[i].codes, strict=True))[name])
                for i, name in before | after}  # fmt: skip
        elsewhere = [
            Coded(
                each.index,
                each.place,
                tuple(
                    code if code is None or (each.place, name, code) in told else f"other-{code}"
                    for name, code in zip(SEALED_NAMES, each.codes, strict=True)
                ),
            )
            for each in world
        ]

        assert choose_openings(elsewhere, k) == after
        assert choose_openings(elsewhere[:first], k) == before

    @settings(max_examples=200, deadline=None)
    @given(SEARCHES, K)
    def test_the_spelling_of_codes_decides_nothing(
        self, searches: list[tuple[str, str, str | None, str | None]], k: int
    ) -> None:
        """Else the order in which ties are settled would tell which code was kept back."""
        turned = [(p, s, c and c[::-1], r and r[::-1]) for p, s, c, r in searches]

        assert choose_openings(coded(turned), k) == choose_openings(coded(searches), k)

    def test_what_is_common_enough_is_shown(self) -> None:
        """A rule that kept everything back would pass every other test."""
        searches: list[tuple[str, str, str | None, str | None]] = [("2026", "a", "fraud", "suspect")] * 10
        searches += [("2026", "a", "theft", "witness")] * 5

        assert len(choose_openings(coded(searches), 5)) == 30

    def test_a_few_are_joined_by_the_smallest_group(self) -> None:
        searches: list[tuple[str, str, str | None, str | None]] = [("2026", "a", "fraud", "suspect")] * 9
        searches += [("2026", "a", "theft", "suspect")] * 6 + [("2026", "a", "arson", "suspect")] * 2
        seen = shown(coded(searches), choose_openings(coded(searches), 5))

        assert Tally(each.codes[0] for each in seen) == {"fraud": 9, None: 8}

    def test_a_class_is_every_public_code_and_the_year(self) -> None:
        """What stands in the entry itself is seen anyway: it must not make an opened code rare."""

        def entry(year: int, **public: object) -> Entry:
            return Entry(SEALED_KIND, datetime(year, 3, 1, tzinfo=UTC), "permitted", Reason(), (), public, ())  # type: ignore[arg-type]

        classes = {
            class_of(entry(2026, mode="identification")),
            class_of(entry(2025, mode="identification")),
            class_of(entry(2026, mode="verification")),
            class_of(entry(2026, mode="identification", exigency=True)),
            class_of(entry(2026, mode="identification", exigency=["a"])),
        }
        assert len(classes) == 5


class TestTable:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(CODES, ROLES), min_size=1, max_size=30), K)
    def test_a_released_table_equals_a_recount_by_hand(self, searches: list[tuple[str, str]], k: int) -> None:
        """Every cell is at least k; with what is not shown it adds up to the total."""
        log = Log()
        for case_type, role in searches:
            log.search(case_type, role)
        entries, sealed = log.entries(len(searches)), log.sealed(len(searches))
        opened = release.openings_of(entries, sealed, Rule(k=k))
        seen = {(index, name): sealed[index][name] for index, name in opened}
        until = entries[len(searches) - 1].at
        head = release.Head("log.example", 1, until, until, len(searches), Rule(k=k, delay_days=0), None, ())
        content = release.document(head, entries, seen)
        rows = {each["id"]: each["rows"] for each in content["figures"]}

        assert rows["searches"] == [["2026", "", len(searches)]]
        for figure, place in (("searches-by-case-type", 0), ("searches-by-subject-role", 1)):
            cells = {code: number for _, code, number in rows[figure]}
            assert sum(cells.values()) == len(searches)
            truth = Tally(search[place] for search in searches)
            for code, number in cells.items():
                if code != "not-shown":
                    assert k <= number <= truth[code]
            # A code that fewer than k entries carry is in no table at all.
            assert not {code for code in truth if truth[code] < k} & cells.keys()

    def test_a_rare_code_stands_in_no_byte_of_a_release(self) -> None:
        """Two homicides and one witness among 21 searches."""
        files = busy_log().released()

        for data in files.values():
            assert b"homicide" not in data
            assert b"witness" not in data
        assert any(b"fraud" in data for data in files.values())
