"""The file of a program: what shows each line, until when, and the list that it holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.gateway.opt_out import issue_list
from counterseal.gateway.program_file import file_of, note_list, record_in_file
from counterseal.gateway.propose_use import propose_use
from counterseal.oversight.figures.followed import program_files
from counterseal.oversight.figures.rule import Rule
from counterseal.oversight.models import ProgramFileRecord, ProgramListHeld, Use
from counterseal.oversight.program_file import HeldList, LineState, ListState, Shown, check_file
from counterseal.policy import FileLine
from counterseal.terms.calendar import Period, years
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made

LINES = (
    "written-procedure", "staff-training", "sign", "partner-audit", "complaints", "error-handling", "retention-proof",
)  # fmt: skip
PHOTOGRAPH = b"\x89PNG\r\n\x1a\n and the rest"
AT = datetime(2026, 6, 1, tzinfo=UTC)
TWO = (
    FileLine("procedure", "c-1", "?", years(1), hangs=False),
    FileLine("sign", "c-1", "?", Period(6, timedelta()), hangs=True),
)


@pytest.fixture
def use_id(office: SimulatedOffice) -> str:
    row = made(
        propose_use(
            office.office, name="Boarding", purpose="check", law_enforcement=False, by=office.who("sol")
        )
    )
    return row.id


def record(office: SimulatedOffice, use_id: str, line: str, *, by: str = "sol", **stated: object):
    hangs = line == "sign"
    arguments: dict[str, object] = {
        "line": line,
        "document": PHOTOGRAPH if hangs else b"a page",
        "made_on": (office.clock.now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0),
        "place": "Gate 4, left of the door" if hangs else "",
    } | stated
    return record_in_file(office.office, use_id=use_id, by=office.who(by), **arguments)


def filled(office: SimulatedOffice, use_id: str) -> None:
    for line in LINES:
        made(record(office, use_id, line))


def new_list(office: SimulatedOffice) -> bytes:
    return made(issue_list(office.office, by=office.who("pat"))).data


class TestLines:
    def test_an_empty_file_lacks_every_line(self, office, use_id):
        file = file_of(office.office, use_id=use_id)

        assert [c.line.id for c in file.lines] == list(LINES)
        assert {c.state for c in file.lines} == {LineState.MISSING}
        assert (file.complete, file.share, file.compliant, file.valid_until) == (0, 0, False, None)

    def test_line_by_line_until_it_is_complete(self, office, use_id):
        for number, line in enumerate(LINES, start=1):
            assert not file_of(office.office, use_id=use_id).compliant
            row = made(record(office, use_id, line))
            assert office.entries()[-1].public["share"] == 100 * number // 7
            assert (office.entries()[-1].public["complete_until"] > 0) == (number == 7)
            assert office.office.vault.open(row.document).startswith((b"a page", PHOTOGRAPH))
        file = file_of(office.office, use_id=use_id)
        assert (file.complete, file.share, file.compliant) == (7, 100, True)
        assert file.list_state == ListState.ASKED_EACH_TIME
        assert office.fsck().sound

    def test_each_runs_out_by_the_packs_time(self, office, use_id):
        filled(office, use_id)
        file = file_of(office.office, use_id=use_id)
        assert file.valid_until == ProgramFileRecord.objects.get(line="sign").valid_until
        later = file_of(office.office, use_id=use_id, at=file.valid_until)

        assert {c.line.id for c in later.lines if c.state == LineState.OUT_OF_DATE} == {
            "sign",
            "retention-proof",
        }
        assert (later.compliant, later.share) == (False, 71)

    def test_one_sign_out_of_date_is_a_line_out_of_date_until_it_is_taken_down(self, office, use_id):
        old = office.clock.now - timedelta(days=300)
        filled(office, use_id)
        made(record(office, use_id, "sign", place="Gate 5", made_on=old))
        assert not file_of(office.office, use_id=use_id).compliant
        made(record(office, use_id, "sign", place="Gate 5", taken_down=True))

        assert file_of(office.office, use_id=use_id).compliant

    def test_no_sign_left_is_a_line_missing(self, office, use_id):
        filled(office, use_id)
        made(record(office, use_id, "sign", taken_down=True))
        file = file_of(office.office, use_id=use_id)

        assert next(c for c in file.lines if c.line.id == "sign").state == LineState.MISSING

    @pytest.mark.parametrize(
        ("line", "stated", "says"),
        [
            ("liveness", {}, "has no line"),
            ("sign", {"place": ""}, "where the sign hangs"),
            ("sign", {"place": "x" * 121}, "where the sign hangs"),
            ("sign", {"document": b"%PDF-1.7"}, "by a photograph"),
            ("complaints", {"place": "Gate 4"}, "hangs nowhere"),
            ("complaints", {"taken_down": True}, "cannot be taken down"),
            ("complaints", {"document": b""}, "is empty"),
            ("complaints", {"made_on": datetime(2100, 1, 1, tzinfo=UTC)}, "yet to come"),
        ],
    )
    def test_bad_input_leaves_nothing(self, office, use_id, line, stated, says):
        size = len(office.bodies())

        with pytest.raises(BadInputError, match=says):
            record(office, use_id, line, **stated)
        assert len(office.bodies()) == size

    def test_a_use_for_law_enforcement_keeps_none(self, office):
        use_id = Use.objects.get(law_enforcement=True).id

        with pytest.raises(BadInputError, match="law enforcement"):
            file_of(office.office, use_id=use_id)
        with pytest.raises(BadInputError, match="law enforcement"):
            record(office, use_id, "complaints")

    @pytest.mark.parametrize("short", ["exa", "gail", "aud"])
    def test_not_by_whoever_happens_to_be_there(self, office, use_id, short):
        refusal = record(office, use_id, "complaints", by=short)

        office.sealed_refusal(refusal, "programfilerecord.refused", "D-026-11/opt-out")
        assert not ProgramFileRecord.objects.exists()


class TestList:
    def test_a_list_held_counts_until_its_last_day(self, office, use_id):
        filled(office, use_id)
        held = made(note_list(office.office, use_id=use_id, data=new_list(office), by=office.who("gail")))
        file = file_of(office.office, use_id=use_id)
        assert (file.list_state, file.compliant, file.valid_until) == (
            ListState.VALID,
            True,
            held.valid_until,
        )
        stale = file_of(office.office, use_id=use_id, at=held.valid_until)

        assert (stale.list_state, stale.compliant, stale.share) == (ListState.STALE, False, 100)

    def test_a_newer_one_mends_it(self, office, use_id):
        filled(office, use_id)
        made(note_list(office.office, use_id=use_id, data=new_list(office), by=office.who("gail")))
        office.clock.forward(days=40)
        assert not file_of(office.office, use_id=use_id).compliant
        made(note_list(office.office, use_id=use_id, data=new_list(office), by=office.who("gail")))

        assert file_of(office.office, use_id=use_id).compliant

    def test_stale_forged_cut_older_or_again_is_not_noted(self, office, use_id):
        old, new = new_list(office), new_list(office)
        note = {"use_id": use_id, "by": office.who("gail")}
        made(note_list(office.office, data=new, **note))
        for data in (old, new, new[:-9], new.replace(b"count 0", b"count 1"), b"", b"\xff" * 40):
            with pytest.raises(BadInputError):
                note_list(office.office, data=data, **note)
        last = new_list(office)
        office.clock.forward(days=32)
        with pytest.raises(BadInputError, match="fetch a new list"):
            note_list(office.office, data=last, **note)
        assert ProgramListHeld.objects.count() == 1

    def test_by_whom(self, office, use_id):
        refusal = note_list(office.office, use_id=use_id, data=new_list(office), by=office.who("aud"))

        office.sealed_refusal(refusal, "programlistheld.refused", "D-026-11/opt-out")


def test_the_figure_counts_every_use_outside_law_enforcement_once(office, use_id):
    """Complete until the day that its last recording named, whatever came before."""
    other = made(
        propose_use(office.office, name="Ferry", purpose="x", law_enforcement=False, by=office.who("sol"))
    )
    filled(office, use_id)
    made(record(office, other.id, "complaints"))
    entries = dict(enumerate(office.entries()))
    until = file_of(office.office, use_id=use_id).valid_until

    def counted(at):
        return sorted(code for _, code in program_files(entries, rule=Rule(), until=at))

    assert counted(office.clock.now) == ["complete", "not-complete"]
    assert counted(until) == ["not-complete", "not-complete"]


@given(
    st.lists(
        st.builds(
            Shown,
            line=st.sampled_from(["procedure", "sign", "unknown"]),
            place=st.sampled_from(["", "A", "B"]),
            document=st.just("object-x"),
            made_on=st.just(AT - timedelta(days=400)),
            valid_until=st.integers(-5, 5).map(lambda d: AT + timedelta(days=d)),
            taken_down=st.booleans(),
            recorded_by=st.just("person-x"),
        ),
        max_size=8,
    ),
    st.none() | st.integers(-5, 5).map(lambda d: HeldList(1, AT - timedelta(days=9), AT + timedelta(days=d))),
)
def test_it_is_compliant_exactly_until_its_day(shown, held):
    """Whatever was recorded: with a day it is compliant at every instant before that day and not at it."""
    file = check_file(TWO, shown, held, at=AT)

    assert file.compliant == (file.valid_until is not None)
    assert (file.share == 100) == (file.complete == 2)
    if file.valid_until:
        assert file.valid_until > AT
        assert not check_file(TWO, shown, held, at=file.valid_until).compliant
        assert check_file(TWO, shown, held, at=file.valid_until - timedelta(microseconds=1)).compliant
