"""signals.toml and sessions.toml: part of a pack's digest, and a mistake in them stops the loading."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.people.models import Role
from counterseal.policy import PackError, PolicyLibrary, SessionRule, UnknownClauseError, load_policies
from counterseal.terms.sessions import Factor

AT = datetime(2026, 6, 1, tzinfo=UTC)
SIGNALS, SESSIONS = "hsi-frs-2021/signals.toml", "dhs-026-11/sessions.toml"


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    """A copy of the shipped packs."""
    shutil.copytree(root / "policies", tmp_path / "policies")
    return tmp_path / "policies"


def spoilt(folder: Path, file: str, old: str, new: str) -> None:
    """One text of a file, replaced where it first stands."""
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")


class TestSignals:
    def test_they_are_read_and_dated_with_their_pack(self, library: PolicyLibrary) -> None:
        rule = library.signals(AT)
        assert rule is not None
        assert (rule.chance, rule.faces_of_a_case, rule.batch_within) == (
            Fraction(1, 1000),
            3,
            timedelta(hours=1),
        )
        assert library.signals(datetime(2020, 1, 1, tzinfo=UTC)) is None

    def test_type_without_a_line_takes_the_star_and_without_that_everything(
        self, library: PolicyLibrary
    ) -> None:
        rule = library.signals(AT)
        assert rule is not None
        assert not rule.fits_case("social-media", "fraud")
        assert rule.fits_case("social-media", "harassment")
        assert not rule.fits_case("a-dream", "harassment")
        assert replace(rule, fits={}).fits_case("a-dream", "fraud")

    def test_every_class_that_fits_is_one_that_a_probe_may_have(
        self, library: PolicyLibrary, root: Path
    ) -> None:
        """A misspelt class would flag every photograph of it."""
        rule = library.signals(AT)
        assert rule is not None
        cedar = (root / "policies/hsi-frs-2021/rules.cedar").read_text("utf-8")
        named = {source for classes in rule.fits.values() for source in classes}

        assert len(named) == 10
        assert all(f'"{source}"' in cedar for source in named)

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ("once_in = 1000", "once_in = 10", "`once_in` is at least 20"),
            ("once_in = 1000", "", "`once_in` is missing"),
            ("once_in = 1000", "once_in = true", "`once_in` must be a whole number"),
            ("times = 3.0", "times = 0.5", "`times` is at least 1.0"),
            ("faces_of_a_case = 3", "faces_of_a_case = 0", "`faces_of_a_case` is at least 1"),
            (
                "faces_of_a_case = 3",
                "faces_of_a_case = 3\nfaces_of_a_town = 3",
                "`faces_of_a_town` is not a field",
            ),
            ("[batch]", "[batches]", "`batches` is no table here"),
            ('within = "PT1H"', 'within = "an hour"', "`an hour` is no time"),
            ('within = "PT1H"', 'within = "PT"', "`PT` is no time"),
            ("HSI-M/4E5-audits", "HSI-M/9-nothing", "is not in clauses.toml"),
            ("burglary = [", "burglary = 3 # [", "`burglary` must be"),
        ],
    )
    def test_mistake_is_named(self, folder: Path, old: str, new: str, says: str) -> None:
        spoilt(folder, SIGNALS, old, new)
        with pytest.raises(PackError, match=says):
            load_policies(folder)

    @pytest.mark.parametrize("table", ["comparison", "limits", "batch", "fits"])
    def test_missing_table_is_named(self, folder: Path, table: str) -> None:
        """No number has a default in the code."""
        kept = [
            f"[{part}"
            for part in (folder / SIGNALS).read_text("utf-8").split("\n[")[1:]
            if not part.startswith(table)
        ]
        assert len(kept) == 3
        (folder / SIGNALS).write_text("\n".join(kept), "utf-8")
        with pytest.raises(PackError, match=rf"there is no \[{table}\]"):
            load_policies(folder)

    @pytest.mark.parametrize("file", [SIGNALS, SESSIONS])
    def test_changed_number_changes_the_digest(self, folder: Path, library: PolicyLibrary, file: str) -> None:
        """Nobody loosens one without it showing in every entry after."""
        old, new = ("times = 3.0", "times = 9.0") if file == SIGNALS else ("PT12H", "PT13H")
        spoilt(folder, file, old, new)

        assert load_policies(folder).in_force(AT).digest != library.in_force(AT).digest


class TestSessions:
    def test_they_are_read(self, library: PolicyLibrary) -> None:
        rule = library.sessions(AT)

        assert (rule.lasts, rule.idle) == (timedelta(hours=12), timedelta(minutes=30))
        assert rule.factor_for(["investigator"]) == Factor.PASSWORD
        assert rule.factor_for(["investigator", "auditor"]) == Factor.PHISHING_RESISTANT

    def test_roles_are_roles(self, library: PolicyLibrary) -> None:
        """A misspelt role would ask nothing more of anybody."""
        assert set(library.sessions(AT).by_role) <= {str(r) for r in Role}
        assert "administrator" in library.sessions(AT).by_role

    def test_without_a_pack_that_says_it_nobody_signs_in(self, library: PolicyLibrary) -> None:
        with pytest.raises(UnknownClauseError, match="nobody can sign in"):
            library.sessions(datetime(2020, 1, 1, tzinfo=UTC))

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ('idle = "PT30M"', 'idle = "PT13H"', "`idle` is longer than the session"),
            ('least_factor = "password"', 'least_factor = "smile"', "`smile` is no factor"),
            ('factor = "phishing-resistant"', 'factor = "none"', "`none` is no factor"),
            ('"administrator", ', '"auditor", ', "names something twice"),
            ("[[stronger]]", "[[weaker]]", "`weaker` is not a field"),
            ("D-026-11/security", "D-026-11/nothing", "is not in clauses.toml"),
        ],
    )
    def test_mistake_is_named(self, folder: Path, old: str, new: str, says: str) -> None:
        spoilt(folder, SESSIONS, old, new)
        with pytest.raises(PackError, match=says):
            load_policies(folder)


factors = st.sampled_from(list(Factor))
rules = st.builds(
    SessionRule,
    clause=st.just("D-026-11/security"),
    lasts=st.timedeltas(timedelta(minutes=1), timedelta(days=2)),
    idle=st.timedeltas(timedelta(minutes=1), timedelta(days=2)),
    least=factors,
    by_role=st.dictionaries(st.sampled_from(["a", "b", "c"]), factors),
)


@given(rules, rules, st.sets(st.sampled_from(["a", "b", "c", "d"])))
def test_two_packs_are_never_looser_than_one(one: SessionRule, other: SessionRule, roles: set[str]) -> None:
    """Whatever each says, and whoever asks: what both accept is what one accepts, and the order is nothing."""
    both = one.stricter(other)

    for factor in Factor:
        enough = factor.reaches(both.factor_for(roles))
        assert enough == (factor.reaches(one.factor_for(roles)) and factor.reaches(other.factor_for(roles)))
    assert both.lasts == min(one.lasts, other.lasts)
    assert other.stricter(one).factor_for(roles) == both.factor_for(roles)
