"""supervision.toml: what is reviewed, by when and with which questions; a mistake in it stops the loading."""

import shutil
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.policy import PackError, PolicyLibrary, SupervisionRule, UnknownClauseError, load_policies
from counterseal.policy.pack import ALWAYS_REVIEWED, Hours

AT = datetime(2026, 6, 1, tzinfo=UTC)
FILE = "hsi-frs-2021/supervision.toml"
DAYTIME = Hours(ZoneInfo("UTC"), frozenset(range(5)), time(8), time(18))


@pytest.fixture
def policies(tmp_path: Path, root: Path) -> Path:
    """A copy of the shipped packs."""
    return shutil.copytree(root / "policies", tmp_path / "policies")


def spoilt(policies: Path, old: str, new: str) -> None:
    """One text of the file, replaced where it first stands."""
    path = policies / FILE
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_it_is_read(library: PolicyLibrary) -> None:
    rule = library.supervision(AT)

    assert rule.share == Fraction(1, 10)
    assert rule.always == set(ALWAYS_REVIEWED)
    assert (rule.review_within, rule.referral_within) == (timedelta(days=30), timedelta(days=30))
    assert len(rule.worksheet) == 8
    assert all(asks.endswith("?") for asks in rule.worksheet.values())


def test_before_the_pack_there_is_none(library: PolicyLibrary) -> None:
    """Nobody knows then what to review, and no search runs either."""
    with pytest.raises(UnknownClauseError, match=r"supervision\.toml"):
        library.supervision(datetime(2020, 1, 1, tzinfo=UTC))


def test_a_changed_question_changes_the_digest(policies: Path, library: PolicyLibrary) -> None:
    """Nobody softens the worksheet without it showing in every entry after."""
    spoilt(policies, "Is every edit of the photograph recorded", "Is an edit of the photograph recorded")

    assert load_policies(policies).in_force(AT).digest != library.in_force(AT).digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('share = "1/10"', 'share = "1/11"', "is no share"),
        ('share = "1/10"', 'share = "0.1"', "is no share"),
        ('share = "1/10"', 'share = "11/10"', "is no share"),
        ('share = "1/10"', "share = 0.1", "must be a text"),
        ('review_within = "P30D"', 'review_within = "a month"', "is no time"),
        ('referral_within = "P30D"', "", "`referral_within` is missing"),
        ('"same-case"]', '"same-day"]', "no reason to review"),
        ('"same-case"]', '"exigent"]', "names something twice"),
        ("\n[[hours]]", "\n[[duty]]", "what is out of hours"),
        ('zone = "America/New_York"', 'zone = "Gotham"', "no such hours"),
        ('zone = "America/New_York"', 'zone = "America"', "no such hours"),
        ('zone = "America/New_York"', 'zone = "../../passwd"', "no such hours"),
        ('from = "06:00"', 'from = "6"', "no such hours"),
        ('from = "06:00"', 'from = "21:00"', "end before they begin"),
        ('from = "06:00"', 'from = "06:00Z"', "without a zone"),
        ('"monday"', '"funday"', "no day of the week"),
        ('id = "own-case"', 'id = "purpose"', "listed twice"),
        ('id = "own-case"', 'id = "Own case"', "is no code"),
        ('asks = "Did', 'ask = "Did', "`asks` is missing"),
        ('clause = "HSI-M/4E4-supervisor-review"', 'clause = "HSI-M/4Z9"', "not in clauses.toml"),
    ],
)
def test_a_mistake_is_named_with_its_file(policies: Path, old: str, new: str, says: str) -> None:
    spoilt(policies, old, new)

    with pytest.raises(PackError, match=says) as raised:
        load_policies(policies)
    assert "supervision.toml" in str(raised.value)


def test_a_unit_of_its_own_hours() -> None:
    """`*` is every other unit; where no hours are known nobody is out of them."""
    rule = _rule(
        hours={"*": DAYTIME, "Night unit": Hours(ZoneInfo("UTC"), frozenset({0}), time(20), time(23))}
    )
    monday_morning, monday_night = datetime(2026, 6, 1, 9, tzinfo=UTC), datetime(2026, 6, 1, 21, tzinfo=UTC)

    assert (rule.on_duty("Fraud unit", monday_morning), rule.on_duty("Fraud unit", monday_night)) == (
        True,
        False,
    )
    assert (rule.on_duty("Night unit", monday_morning), rule.on_duty("Night unit", monday_night)) == (
        False,
        True,
    )
    assert _rule(hours={}).on_duty("Fraud unit", monday_night)


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(["America/New_York", "Pacific/Apia", "UTC"]))
def test_hours_are_those_of_the_wall_clock(at: datetime, zone: str) -> None:
    """Whatever the season: what the unit's own clock shows."""
    try:
        here = at.astimezone(ZoneInfo(zone))
    except OverflowError:
        return
    hours = Hours(ZoneInfo(zone), frozenset(range(5)), time(8), time(18))

    assert hours.take_in(at) == (here.isoweekday() <= 5 and 8 <= here.hour < 18)


@given(
    st.fractions(Fraction(1, 10), 1, max_denominator=99),
    st.fractions(Fraction(1, 10), 1, max_denominator=99),
    st.sets(st.sampled_from(ALWAYS_REVIEWED)),
    st.sets(st.sampled_from(ALWAYS_REVIEWED)),
)
def test_two_packs_together_review_no_less_than_either(
    one: Fraction, other: Fraction, first: set[str], second: set[str]
) -> None:
    """An overlay makes it stricter, whichever comes first."""
    a, b = _rule(share=one, always=first, days=20), _rule(share=other, always=second, days=10)
    for both in (a.stricter(b), b.stricter(a)):
        assert both.share == max(one, other)
        assert both.always == first | second
        assert both.review_within == timedelta(days=10)
        assert set(both.worksheet) == {"purpose"}


def _rule(
    *,
    share: Fraction = Fraction(1, 10),
    always: set[str] | None = None,
    hours: dict[str, Hours] | None = None,
    days: int = 30,
) -> SupervisionRule:
    return SupervisionRule(
        clause="x",
        share=share,
        review_within=timedelta(days=days),
        referral_within=timedelta(days=days),
        always=frozenset(always or ()),
        hours=hours or {},
        worksheet={"purpose": "Does it?"},
    )
