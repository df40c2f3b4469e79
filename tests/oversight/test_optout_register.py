"""The register of choices: no face, no document, no approval, no identity; and what declining was like."""

import inspect

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import databases
from checkpoint import NO, TOLD, Gate
from counterseal.gateway.check_opt_out import Checked, Choice, check_opt_out
from counterseal.gateway.opt_out import (
    complain,
    finish_alternative,
    issue_list,
    list_signer,
    opt_out_key,
    register_choice,
    withdraw_choice,
)
from counterseal.oversight.models import Complaint, OptOut
from counterseal.oversight.optout import ReferenceKind, StaleListError, read_list, token_of
from counterseal.oversight.optout_figures import choice_figures
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made


@pytest.fixture
def gate(office: SimulatedOffice) -> Gate:
    return Gate(office)


def check(office: SimulatedOffice, gate: Gate, *references: tuple[str, str]) -> Checked:
    checked = check_opt_out(
        office.office,
        use_id=gate.use_id,
        choice=Choice(told=True, references=references),
        by=office.who("gail"),
    )
    assert isinstance(checked, Checked), checked
    return checked


class TestRegister:
    def test_no_face_and_no_identity_document_can_even_be_given(self):
        """R59: the verb has no place for a picture or a name, and nobody's approval is asked (R61)."""
        assert list(inspect.signature(register_choice).parameters) == ["office", "kind", "reference"]

    def test_it_holds_at_once_and_each_check_has_a_receipt(self, office, gate):
        before = check(office, gate, ("booking", "QX7P2L"))
        register_choice(office.office, kind="booking", reference="qx7-p2l")
        after = check(office, gate, ("booking", "QX7P2L"))

        assert (before.declined, after.declined, after.via) == (False, True, "list")
        assert after.receipt.startswith(b"c2sp.org/tlog-proof")
        assert before.index < after.index
        assert before.alternative == ""
        assert "by eye" in after.alternative

    def test_the_register_holds_no_identity(self, office):
        registered = register_choice(office.office, kind="document", reference="X1234567")
        (row,) = OptOut.objects.all()
        database = databases.stored(office.office.home)

        assert row.token == token_of(opt_out_key(office.office), ReferenceKind.DOCUMENT, "X1234567")
        for secret in ("X1234567", registered.code, registered.code.replace("-", "")):
            assert secret.encode() not in database

    def test_without_any_reference_the_code_stands_for_the_choice(self, office, gate):
        registered = register_choice(office.office)

        assert check(office, gate, ("receipt", registered.code)).via == "list"
        assert registered.code not in repr(registered)

    def test_duplicates_are_one_choice_and_nobody_learns_of_another(self, office):
        """The answer to a second registration is like that to the first, and the list has the token once."""
        first = register_choice(office.office, kind="booking", reference="QX7P2L")
        alone = issue_list(office.office, by=office.who("pat")).row.count
        second = register_choice(office.office, kind="booking", reference="QX7P2L")
        other = register_choice(office.office, kind="booking", reference="ZZ9999")

        entries = [e for e in office.entries() if e.kind == "optout.registered"]
        assert len({(e.outcome, e.public["by"]) for e in entries}) == 1
        assert len({len(r.code) for r in (first, second, other)}) == 1
        # One token of the booking, and one of each receipt.
        assert (alone, issue_list(office.office, by=office.who("pat")).row.count) == (2, 5)

    def test_whoever_registers_it_again_cannot_undo_it(self, office, gate):
        register_choice(office.office, kind="booking", reference="QX7P2L")
        meddler = register_choice(office.office, kind="booking", reference="QX7P2L")
        withdraw_choice(office.office, code=meddler.code)

        assert check(office, gate, ("booking", "QX7P2L")).declined

    def test_the_holder_of_the_receipt_takes_it_back_and_the_token_is_gone(self, office, gate):
        registered = register_choice(office.office, kind="booking", reference="QX7P2L")
        withdraw_choice(office.office, code=registered.code)

        (row,) = OptOut.objects.all()
        assert (row.status, row.token, row.receipt_token) == ("withdrawn", "", "")
        assert not check(office, gate, ("booking", "QX7P2L"), ("receipt", registered.code)).declined
        with pytest.raises(BadInputError, match="no choice that stands"):
            withdraw_choice(office.office, code=registered.code)
        assert office.fsck().sound

    @pytest.mark.parametrize(
        ("kind", "reference"),
        [("name", "SMITH"), ("receipt", "ABCDE"), ("booking", "x"), ("booking", ""), ("", "X12345")],
    )
    def test_what_cannot_be_registered(self, office, kind, reference):
        with pytest.raises(BadInputError):
            register_choice(office.office, kind=kind, reference=reference)
        assert not OptOut.objects.exists()

    def test_a_check_is_a_gate_operators(self, office, gate):
        refusal = check_opt_out(office.office, use_id=gate.use_id, choice=TOLD, by=office.who("ines"))

        office.sealed_refusal(refusal, "optout.check-refused", "road/role")


class TestList:
    def test_a_program_without_a_connection_reads_it(self, office, gate):
        registered = register_choice(office.office, kind="document", reference="X1234567")
        issued = made(issue_list(office.office, by=office.who("pat")))

        held = read_list(issued.data, verifier=list_signer(office.office).verifier, at=office.clock.now)

        assert held.holds(token_of(opt_out_key(office.office), ReferenceKind.DOCUMENT, "x1234 567"))
        assert held.holds(token_of(opt_out_key(office.office), ReferenceKind.RECEIPT, registered.code))
        assert not held.holds(token_of(opt_out_key(office.office), ReferenceKind.DOCUMENT, "X1234568"))
        assert issued.vkey == list_signer(office.office).vkey != office.office.signer.vkey
        office.clock.forward(days=31)
        with pytest.raises(StaleListError):
            read_list(issued.data, verifier=list_signer(office.office).verifier, at=office.clock.now)

    def test_lists_are_numbered(self, office):
        numbers = [made(issue_list(office.office, by=office.who("pat"))).row.sequence for _ in range(3)]

        assert numbers == [1, 2, 3]
        assert [e.public["sequence"] for e in office.entries() if e.kind == "optout.list-issued"] == numbers

    def test_a_gate_operator_issues_none(self, office):
        office.sealed_refusal(
            issue_list(office.office, by=office.who("gail")), "optoutlistissued.refused", "D-026-11/opt-out"
        )


class TestComplaints:
    def test_anybody_complains_without_a_name(self, office, gate):
        words = "the officer said that I would miss my flight"
        complaint = complain(office.office, use_id=gate.use_id, about="pressed", words=words)

        assert office.office.vault.open(complaint.words).decode() == words
        assert office.opened(len(office.entries()) - 1)["initiator"] == "anybody"
        assert words.encode() not in b"".join(office.bodies())
        assert office.fsck().sound

    @pytest.mark.parametrize(("about", "words"), [("weather", ""), ("pressed", "w" * 4001)])
    def test_what_is_no_complaint(self, office, gate, about, words):
        with pytest.raises(BadInputError):
            complain(office.office, use_id=gate.use_id, about=about, words=words)
        assert not Complaint.objects.exists()


class TestFigures:
    def test_everything_is_counted_from_public_parts(self, office, gate):
        """Checks, honoured, lag, time added, complaints (R64)."""
        gail = office.who("gail")
        register_choice(office.office, kind="booking", reference="QX7P2L")
        office.clock.forward(hours=5)
        made(issue_list(office.office, by=office.who("pat")))
        register_choice(office.office)
        camera = lambda: pytest.fail("the camera looked")  # noqa: E731
        declined = gate.verify(camera, choice=NO, reference="any")
        office.clock.forward(seconds=90)
        made(finish_alternative(office.office, after_entry=declined.index, by=gail))
        gate.verify(camera, choice=Choice(told=True, references=(("booking", "QX7P2L"),)), reference="any")
        check(office, gate, ("booking", "OTHER1"))
        gate.verify(camera, choice=Choice(told=False), reference="any")
        complain(office.office, use_id=gate.use_id, about="not-told")

        figures = choice_figures(office.entries(), use_id=gate.use_id)

        assert (figures.registrations, figures.withdrawals, figures.unlisted) == (2, 0, 1)
        assert (figures.checks, figures.untold, figures.honoured, figures.overruled) == (4, 1, 2, 0)
        assert figures.declined == {"list": 1, "no": 1}
        assert figures.lag_ms.count == 2
        assert 0 < figures.lag_ms.longest < 1000
        assert (figures.list_lag_hours.count, figures.list_lag_hours.longest) == (1, 5)
        assert figures.check_ms.count == 4
        assert (figures.alternative_seconds.median, figures.alternative_seconds.count) == (90, 1)
        assert figures.complaints == {"not-told": 1}
        assert choice_figures(office.entries(), use_id="use-other").checks == 0
        assert choice_figures([]).lag_ms.median is None

    def test_an_alternative_is_recorded_once_and_after_something(self, office, gate):
        gail = office.who("gail")
        declined = gate.verify(lambda: pytest.fail("looked"), choice=NO, reference="any")
        made(finish_alternative(office.office, after_entry=declined.index, by=gail))

        with pytest.raises(BadInputError, match="already"):
            finish_alternative(office.office, after_entry=declined.index, by=gail)
        for index in (0, 10**6):
            with pytest.raises(BadInputError, match="sent nobody"):
                finish_alternative(office.office, after_entry=index, by=gail)
        assert isinstance(
            finish_alternative(office.office, after_entry=declined.index, by=office.who("ines")), Refusal
        )


class AnyOrder(RuleBasedStateMachine):
    """Register, register again, withdraw, list and check, in every order: a choice stands exactly while a
    registration of its reference does."""

    office: SimulatedOffice
    gate: Gate

    def __init__(self) -> None:
        super().__init__()
        self.standing: list[tuple[str, str]] = []

    @initialize()
    def begin(self) -> None:
        for row in OptOut.objects.filter(status="standing"):
            raise AssertionError(f"{row.id} was left by an earlier run")

    @rule(n=st.booleans(), bare=st.booleans())
    def register(self, n: bool, bare: bool) -> None:
        reference = "" if bare else f"BOOK{n:d}1"
        kind = "" if bare else "booking"
        self.standing.append(
            (reference, register_choice(self.office.office, kind=kind, reference=reference).code)
        )

    @precondition(lambda self: self.standing)
    @rule(last=st.booleans())
    def withdraw(self, last: bool) -> None:
        _, code = self.standing.pop(-1 if last else 0)
        withdraw_choice(self.office.office, code=code)

    @rule()
    def time_passes(self) -> None:
        self.office.clock.forward(hours=1)

    @invariant()
    def checks_agree(self) -> None:
        for reference in ("BOOK01", "BOOK11"):
            declined = check(self.office, self.gate, ("booking", reference)).declined
            assert declined is (reference in {r for r, _ in self.standing})
        tokens = {t for r in OptOut.objects.all() for t in (r.token, r.receipt_token) if t}
        assert len(tokens) == len({r for r, _ in self.standing if r}) + len(self.standing)

    def teardown(self) -> None:
        for _, code in self.standing:
            withdraw_choice(self.office.office, code=code)


def test_every_order_of_acts(office, gate):
    AnyOrder.office, AnyOrder.gate = office, gate
    run_state_machine_as_test(
        AnyOrder, settings=settings(max_examples=12, stateful_step_count=12, deadline=None)
    )

    assert office.fsck().sound
    assert choice_figures(office.entries()).withdrawals == choice_figures(office.entries()).registrations > 5
