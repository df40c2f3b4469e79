"""testing.toml and remedies that name a fact: how long a test counts, and which report a refusal names."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.policy import PackError, PolicyLibrary, authorise, load_policies
from counterseal.terms.decisions import Refusal
from counterseal.terms.testing import Kind

AT = datetime(2026, 6, 1, tzinfo=UTC)
TESTED = datetime(2024, 2, 29, 12, tzinfo=UTC)
FLOOR, BEYOND = "dhs-026-11/testing.toml", "beyond-the-text/testing.toml"


@pytest.fixture
def policies(tmp_path: Path, root: Path) -> Path:
    """A copy of the shipped packs."""
    return shutil.copytree(root / "policies", tmp_path / "policies")


def spoilt(policies: Path, file: str, old: str, new: str) -> None:
    """One text of the file, replaced where it first stands."""
    path = policies / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_shortest_word_of_the_packs_in_force_counts(library: PolicyLibrary) -> None:
    """On the calendar: from 29 February to the 28th. A kind that nobody lists counts for nothing."""
    assert library.counts_until(Kind.DIRECT, TESTED, AT) == datetime(2027, 2, 28, 12, tzinfo=UTC)
    assert library.counts_until(Kind.THIRD_PARTY, TESTED, AT) == datetime(2025, 2, 28, 12, tzinfo=UTC)
    assert library.counts_until(Kind.OPERATIONAL, TESTED, AT) == TESTED


def test_at_the_floor_a_supplied_result_counts_as_long(policies: Path) -> None:
    (policies / BEYOND).unlink()

    found = load_policies(policies).counts_until(Kind.THIRD_PARTY, TESTED, AT)

    assert found == datetime(2027, 2, 28, 12, tzinfo=UTC)


def test_another_agency_sets_another_time(policies: Path) -> None:
    spoilt(policies, FLOOR, 'direct = "P3Y"', 'direct = "P18M"')

    found = load_policies(policies).counts_until(Kind.DIRECT, TESTED, AT)

    assert found == datetime(2025, 8, 29, 12, tzinfo=UTC)


def test_where_no_pack_says_how_long_no_test_counts(policies: Path) -> None:
    for file in (FLOOR, BEYOND):
        (policies / file).unlink()

    assert load_policies(policies).counts_until(Kind.DIRECT, TESTED, AT) == TESTED


def test_it_is_under_the_digest_of_every_decision(policies: Path, library: PolicyLibrary) -> None:
    spoilt(policies, FLOOR, 'direct = "P3Y"', 'direct = "P4Y"')

    assert load_policies(policies).in_force(AT).digest != library.in_force(AT).digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"P3Y"', '"three years"', "is no time"),
        ("third-party", "vendor", "`vendor` is not a field"),
        ("[counts_for]", "[counts]", "`counts_for` is missing"),
        ('clause = "D-026-11/testing"', 'clause = "D-026-11/tests"', "is not in clauses.toml"),
    ],
)
def test_a_mistake_stops_the_loading(policies: Path, old: str, new: str, says: str) -> None:
    spoilt(policies, FLOOR, old, new)

    with pytest.raises(PackError, match=says):
        load_policies(policies)


class TestRemediesThatNameAFact:
    def test_a_refusal_shows_what_was_stated(self, search, library: PolicyLibrary) -> None:
        search["service"]["test"] |= {"status": "failed", "report": "test-9 (sha256:00)"}
        at = datetime.fromisoformat(search["at"])

        refusal = authorise(search, library.in_force(at), at=at)

        assert isinstance(refusal, Refusal)
        assert "Read the report of the test: test-9 (sha256:00)." in refusal.unmet[0].remedy
        assert "{" not in refusal.unmet[0].remedy

    def test_braces_in_what_was_stated_are_only_shown(self, search, library: PolicyLibrary) -> None:
        """Nothing in a fact is looked up again."""
        search["service"]["test"] |= {"status": "failed", "report": "{person.id}"}
        at = datetime.fromisoformat(search["at"])

        refusal = authorise(search, library.in_force(at), at=at)

        assert isinstance(refusal, Refusal)
        assert "test: {person.id}." in refusal.unmet[0].remedy

    def test_what_is_not_stated_is_said_to_be(self, search, library: PolicyLibrary) -> None:
        search["service"]["test"]["status"] = "failed"
        del search["service"]["test"]["report"]
        at = datetime.fromisoformat(search["at"])

        refusal = authorise(search, library.in_force(at), at=at)

        assert isinstance(refusal, Refusal)
        assert {"D-026-11/testing"} == set(refusal.clauses)
        assert any("(not stated)" in u.remedy for u in refusal.unmet)

    def test_only_a_fact_of_every_action_is_named(self, policies: Path) -> None:
        spoilt(policies, "dhs-026-11/rules.cedar", "{service.test.report}", "{probe.id}")

        with pytest.raises(PackError, match="which is no fact of"):
            load_policies(policies)
