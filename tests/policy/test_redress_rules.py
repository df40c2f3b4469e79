"""redress.toml and program-file.toml: by when, and what is kept on file; a mistake in them stops the loading."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from counterseal.policy import PackError, PolicyLibrary, UnknownClauseError, load_policies
from counterseal.terms.calendar import Period, years

AT = datetime(2026, 6, 1, tzinfo=UTC)
REDRESS, FILE = "dhs-026-11/redress.toml", "dhs-026-11/program-file.toml"


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


def test_they_are_read(library: PolicyLibrary) -> None:
    lines = {line.id: line for line in library.program_file(AT)}

    assert library.redress(AT).answer_within == Period(0, timedelta(days=30))
    assert len(lines) == 7
    assert [line.id for line in lines.values() if line.hangs] == ["sign"]
    assert lines["written-procedure"].holds_for == years(1)


def test_before_the_pack_there_is_none(library: PolicyLibrary) -> None:
    """Nobody can ask then, and no file is complete."""
    for asked in (library.redress, library.program_file):
        with pytest.raises(UnknownClauseError):
            asked(datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("file", "old", "new"), [(REDRESS, "P30D", "P60D"), (FILE, 'holds_for = "P1Y"', 'holds_for = "P9Y"')]
)
def test_a_later_day_changes_the_digest(
    policies: Path, library: PolicyLibrary, file: str, old: str, new: str
) -> None:
    """Nobody gives themselves more time without it showing in every entry after."""
    spoilt(policies, file, old, new)

    assert load_policies(policies).in_force(AT).digest != library.in_force(AT).digest


def test_of_two_packs_the_first_day_counts_and_every_line(policies: Path) -> None:
    """Another pack in force makes it sooner, never later."""
    (policies / "hsi-frs-2021/redress.toml").write_text(
        'clause = "HSI-M/4E4-supervisor-review"\nanswer_within = "P1M"\n'
    )
    (policies / "hsi-frs-2021/program-file.toml").write_text(
        'clause = "HSI-M/4E4-supervisor-review"\n'
        '[[line]]\nid = "sign"\nasks = "The sign."\nholds_for = "P1M"\nhangs = true\n'
        '[[line]]\nid = "complaints"\nasks = "Complaints."\nholds_for = "P5Y"\n'
        '[[line]]\nid = "liveness"\nasks = "A test."\nholds_for = "P5Y"\n'
    )
    library = load_policies(policies)
    lines = {line.id: line.holds_for for line in library.program_file(AT)}

    assert library.redress(datetime(2026, 7, 1, tzinfo=UTC)).answer_within == Period(0, timedelta(days=30))
    assert library.redress(datetime(2026, 2, 1, tzinfo=UTC)).answer_within == Period(1, timedelta())
    assert (lines["sign"], lines["complaints"], lines["liveness"]) == (
        Period(1, timedelta()),
        years(1),
        years(5),
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (REDRESS, '"P30D"', '"soon"', "is no time"),
        (REDRESS, '"P30D"', '"P0D"', "is no time"),
        (REDRESS, 'answer_within = "P30D"', "", "`answer_within` is missing"),
        (REDRESS, "D-026-11/rights", "D-026-11/wrongs", "is not in clauses.toml"),
        (REDRESS, "answer_within", 'phone = "1"\nanswer_within', "phone"),
        (FILE, 'id = "sign"', 'id = "complaints"', "is listed twice"),
        (FILE, 'id = "sign"', 'id = "A Sign"', "is no code"),
        (FILE, 'holds_for = "P1Y"', 'holds_for = "for ever"', "is no time"),
        (FILE, "hangs = true", 'hangs = "yes"', "true or false"),
        (FILE, "D-026-11/opt-out", "D-026-11/opt-in", "is not in clauses.toml"),
    ],
)
def test_mistakes(policies: Path, file: str, old: str, new: str, says: str) -> None:
    spoilt(policies, file, old, new)

    with pytest.raises(PackError, match=says) as raised:
        load_policies(policies)
    assert file.rpartition("/")[2] in str(raised.value)
