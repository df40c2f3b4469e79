"""retention.toml: clocks and holds are part of a pack's digest, and a mistake in them stops the loading."""

from datetime import UTC, datetime, timedelta

import pytest

from counterseal.policy import PackError, load_policies
from counterseal.terms.calendar import Period

AT = datetime(2026, 6, 1, tzinfo=UTC)
FILE = "hsi-frs-2021/retention.toml"


def spoilt(packs, old: str, new: str) -> None:
    """One text of the file, replaced where it first stands."""
    path = packs.folder / FILE
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.fixture
def packs(tmp_path, root):
    """A copy of the shipped packs."""
    import shutil
    from types import SimpleNamespace

    shutil.copytree(root / "policies", tmp_path / "policies")
    return SimpleNamespace(folder=tmp_path / "policies")


def test_clocks_and_holds_are_read(library) -> None:
    clocks = {c.id: c for c in library.clocks(AT)}
    rules = {r.kind: r for r in library.hold_rules(AT)}

    assert clocks["no-lead-photographs"].within == Period(0, timedelta(days=180))
    assert clocks["no-lead-photographs"].starts == "answered-without-lead"
    assert "complaints" in clocks
    assert {kind: rule.two_persons for kind, rule in rules.items()} == {
        "litigation": True,
        "oversight": True,
        "audit": False,
    }


def test_before_the_pack_there_is_none(library) -> None:
    """Clocks are dated with their pack."""
    assert library.clocks(datetime(2020, 1, 1, tzinfo=UTC)) == ()
    assert library.hold_rules(datetime(2020, 1, 1, tzinfo=UTC)) == ()


def test_a_changed_clock_changes_the_digest(packs, library) -> None:
    """Nobody shortens or prolongs a clock without it showing in every entry after."""
    spoilt(packs, "P180D", "P181D")

    assert load_policies(packs.folder).in_force(AT).digest != library.in_force(AT).digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('within = "P180D"', 'within = "half a year"', "is no time"),
        ('within = "P180D"', 'within = "P0D"', "is no time"),
        ('starts = "answered-without-lead"', 'starts = "someday"', "no clock starts"),
        ('clause = "HSI-M/4A3-safeguards"', 'clause = "HSI-M/4Z9"', "not in clauses.toml"),
        ('id = "no-lead-probe"', 'id = "no-lead-photographs"', "listed twice"),
        ('"probe-original", "probe-edit"]', '"candidate"]', "two clocks of `candidate`"),
        ('classes = ["hold-reason"]', 'classes = ["Hold reason"]', "is no code"),
        ("two_persons = true", 'two_persons = "yes"', "true or false"),
        ('kind = "oversight"', 'kind = "litigation"', "listed twice"),
        ('kind = "audit"', 'kind = "audit"\nforever = true', "is not a field here"),
        ('basis = "What a drill', 'basis = ""\nwhy = "What a drill', "`basis` is empty"),
        ("[[clock]]", "[[timer]]", "is not a field here"),
    ],
)
def test_a_mistake_is_named_with_its_line(packs, old: str, new: str, says: str) -> None:
    spoilt(packs, old, new)

    with pytest.raises(PackError, match=says) as raised:
        load_policies(packs.folder)
    assert "retention.toml" in str(raised.value)
