"""Samples, findings, files, delivery, closed days: what follows from a question, in every order."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from beside import NAME, Audited
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal import bootstrap
from counterseal.connectors.witnesses import HasSize, Lines, NoCosignature, WitnessAnswer
from counterseal.gateway.audit import case_files, deliver
from counterseal.gateway.audit.ask import ask
from counterseal.gateway.audit.case_files import CaseFile
from counterseal.gateway.audit.folder import agency_keys, init_audit_folder
from counterseal.gateway.audit.head import POLICY, STEP, close_day, cosign_head, last_closed
from counterseal.gateway.audit.question import Question
from counterseal.gateway.audit.sample import (
    WORKSHEET,
    commit_to_sample,
    draw_sample,
    fill_worksheet,
    sample,
    samples,
    verify_sample,
)
from counterseal.gateway.witness_folder import init_witness, single_key
from counterseal.ledger.checkpoint import Signer
from counterseal.ledger.cosignature import split_lines
from counterseal.ledger.receipt import verify_receipt
from counterseal.ledger.witness import Witness
from counterseal.oversight.models import Finding, LogEntry
from counterseal.oversight.sampling import draw
from counterseal.terms.errors import BadInputError, CountersealError, IntegrityError, StaleError

SEARCHES = Question(kind="search")
YES = dict.fromkeys(WORKSHEET, "yes")


class TestSample:
    def drawn(self, audited: Audited, share: str = "1/3"):
        sample_id, _ = commit_to_sample(audited.office, by=audited.first)
        return draw_sample(
            audited.office, sample_id=sample_id, question=SEARCHES, share=share, by=audited.first
        )

    def test_anybody_draws_the_same_again(self, audited: Audited) -> None:
        made, shown = self.drawn(audited)

        assert {row.index for row in shown.rows} == set(made.drawn) < set(made.population)
        again = draw(map(str, reversed(made.population)), seed=bytes.fromhex(made.seed), share="1/3")  # type: ignore[arg-type]
        assert tuple(map(int, again)) == made.drawn
        verify_sample(made)
        assert samples(audited.again()) == (made,)

    @pytest.mark.parametrize(
        "change",
        [
            lambda s: {"drawn": s.drawn[1:]},
            lambda s: {"drawn": s.population[:1] * len(s.drawn)},
            lambda s: {"population": tuple(i for i in s.population if i != s.drawn[0])},
            lambda s: {"seed": "00" * 32},
            lambda s: {"tree_size": s.tree_size + 1},
            lambda s: {"secret": "11" * 32},
            lambda s: {"share": "1"},
        ],
    )
    def test_another_sample_is_found(self, audited: Audited, change) -> None:
        made, _ = self.drawn(audited)
        with pytest.raises(CountersealError):
            verify_sample(replace(made, **change(made)))

    def test_once_and_only_after_a_commitment(self, audited: Audited) -> None:
        made, _ = self.drawn(audited)
        again = {"question": SEARCHES, "share": "1/3", "by": audited.first}
        with pytest.raises(StaleError, match="drawn already"):
            draw_sample(audited.office, sample_id=made.id, **again)  # type: ignore[arg-type]
        with pytest.raises(BadInputError, match="no commitment"):
            draw_sample(audited.office, sample_id="sample-0", **again)  # type: ignore[arg-type]
        other, _ = commit_to_sample(audited.office, by=audited.first)
        with pytest.raises(BadInputError, match="nothing to draw"):
            draw_sample(
                audited.office, sample_id=other, question=Question(case="x"), share="1/3", by=audited.first
            )
        assert list(audited.office.log.records())[-1].entry.kind == "audit.asked", (
            "an empty answer is sealed too"
        )
        with pytest.raises(BadInputError, match="fraction"):
            draw_sample(audited.office, sample_id=other, question=SEARCHES, share="all", by=audited.first)

    def test_the_worksheet_and_the_coverage(self, audited: Audited) -> None:
        made, _ = self.drawn(audited)
        first = made.drawn[0]
        fill = {"sample_id": made.id, "by": audited.first}
        with pytest.raises(BadInputError, match="says why"):
            fill_worksheet(audited.office, index=first, answers=YES | {"purpose": "no"}, **fill)  # type: ignore[arg-type]
        with pytest.raises(BadInputError, match="answers each"):
            fill_worksheet(audited.office, index=first, answers={"purpose": "yes"}, **fill)  # type: ignore[arg-type]
        with pytest.raises(BadInputError, match="answers each"):
            fill_worksheet(audited.office, index=first, answers=YES | {"purpose": "perhaps"}, **fill)  # type: ignore[arg-type]
        with pytest.raises(BadInputError, match="not drawn"):
            fill_worksheet(audited.office, index=0, answers=YES, **fill)  # type: ignore[arg-type]
        fill_worksheet(
            audited.office,
            index=first,
            answers=YES | {"purpose": "no"},
            words="nothing of it",
            **fill,  # type: ignore[arg-type]
        )
        with pytest.raises(StaleError, match="filled in already"):
            fill_worksheet(audited.office, index=first, answers=YES, **fill)  # type: ignore[arg-type]

        known = sample(audited.again(), made.id)
        assert (known.filled, dict(known.faults)) == ((first,), {first: ("purpose",)})
        assert known.left == made.drawn[1:]

    def test_every_line_names_a_clause_that_exists(self, audited: Audited) -> None:
        known = {clause.id for clause in audited.agency.office.policies.clauses}
        assert {clause for clause, _ in WORKSHEET.values()} <= known


class TestDelivery:
    def found(self, audited: Audited, **more: object):
        arguments: dict[str, object] = {
            "code": "purpose-not-borne-out",
            "about": "request-1",
            "says": "the file names no such person",
            "entries": [5, 3],
            "by": audited.own,
        } | more
        return case_files.make_finding(audited.office, **arguments)  # type: ignore[arg-type]

    def test_until_it_is_delivered_the_agency_knows_nothing(self, audited: Audited) -> None:
        agency = audited.agency
        size = LogEntry.objects.count()
        made = self.found(audited)
        assert LogEntry.objects.count() == size

        done = deliver.deliver(audited.office, agency.office, finding_id=made.id, by=audited.own)
        assert (done.status, done.delivered_at) == ("delivered", size)
        last = agency.entries()[-1]
        assert (last.kind, last.outcome, dict(last.public)) == (
            "audit.finding", "opened", {"kind": "audit-purpose-not-borne-out"},
        )  # fmt: skip
        assert last.reason.clauses == ("HSI-M/4E5-audits",)
        assert last.causes == (3, 5)
        opened = agency.opened(size)
        assert opened["initiator"] == agency.who("aud")
        row = Finding.objects.get(entry_index=size)
        assert (row.about, row.status) == ("request-1", "open")
        assert "no such person" not in row.says, "the auditor's words stay with the auditor"
        assert agency.fsck().sound
        proof = list(audited.office.log.records())[-1]
        body = bytes(LogEntry.objects.get(pk=size).body)
        shown = verify_receipt(
            proof.says("receipt").encode(), body, audited.office.agency, agency.office.origin
        )
        assert shown.index == size

    @pytest.mark.parametrize("stops_at", ["change", "receipt_of"])
    def test_interrupted_and_repeated_it_is_delivered_once(
        self, audited: Audited, monkeypatch: pytest.MonkeyPatch, stops_at: str
    ) -> None:
        made = self.found(audited)

        class StoppedError(Exception):
            """The machine stopped here."""

        def stop(*_: object) -> None:
            raise StoppedError

        monkeypatch.setattr(deliver, stops_at, stop)
        with pytest.raises(StoppedError):
            deliver.deliver(audited.office, audited.agency.office, finding_id=made.id, by=audited.own)
        monkeypatch.undo()
        done = deliver.deliver(audited.again(), audited.agency.office, finding_id=made.id, by=audited.own)

        assert done.status == "delivered"
        assert Finding.objects.filter(kind="audit-purpose-not-borne-out").count() == 1
        with pytest.raises(StaleError):
            deliver.deliver(audited.office, audited.agency.office, finding_id=made.id, by=audited.own)

    def test_who_cannot(self, audited: Audited) -> None:
        made = self.found(audited)
        with pytest.raises(BadInputError, match="holds the role auditor"):
            deliver.deliver(audited.office, audited.agency.office, finding_id=made.id, by=audited.first)
        with pytest.raises(BadInputError, match="no auditor"):
            deliver.deliver(
                audited.office, audited.agency.office, finding_id=made.id, by=audited.agency.who("aud")
            )
        with pytest.raises(BadInputError, match="account of your own"):
            self.found(audited, person=audited.agency.who("aud"))
        case_files.withdraw_finding(audited.office, finding_id=made.id, reason="a mistake", by=audited.first)
        with pytest.raises(StaleError, match="withdrawn"):
            deliver.deliver(audited.office, audited.agency.office, finding_id=made.id, by=audited.own)
        for bad in ({"says": " "}, {"entries": []}, {"about": ""}):
            with pytest.raises(BadInputError, match="names a record"):
                self.found(audited, **bad)
        with pytest.raises(CountersealError, match="no code"):
            self.found(audited, code="two words and more")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit office without an agency, for acts that read none."""
    folder = tmp_path_factory.mktemp("bare") / "audit"
    init_audit_folder(
        folder,
        name=NAME,
        home=folder.parent / "home",
        agency=agency_keys(Signer.from_seed("agency.example/log", b"\x05" * 32).vkey),
        auditor="A",
        at=datetime.now(UTC),
        persons=[],
    )
    return folder


ACTS = st.lists(
    st.tuples(st.sampled_from(["note", "refer", "follow", "close"]), st.integers(0, 3)), max_size=10
)


class TestFiles:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(acts=ACTS)
    def test_in_any_order_of_acts(self, bare: Path, acts: list[tuple[str, int]]) -> None:
        """A file closes once, on answers to everything it asked, and takes nothing up afterwards."""
        office = bootstrap.open_audit_office(bare)
        by = next(iter(r.says("target") for r in office.records("audit.opened")))
        made = case_files.open_file(office, title="t", findings=[], by=by)
        due = office.clock().date() + timedelta(9)
        asked: list[str] = []
        answered: set[str] = set()
        closed, notes = False, 0
        for act, place in acts:
            try:
                if act == "note":
                    made = case_files.note(office, file_id=made.id, words="w", by=by)
                    notes += 1
                elif act == "refer":
                    made = case_files.refer(office, file_id=made.id, to="x", authority="y", due=due, by=by)
                    asked.append(made.referrals[-1].id)
                elif act == "follow" and asked:
                    which = asked[place % len(asked)]
                    made = case_files.follow_up(
                        office, file_id=made.id, referral_id=which, answer="done", by=by
                    )
                    assert which not in answered
                    answered.add(which)
                elif act == "close":
                    made = case_files.close_file(office, file_id=made.id, outcome="founded", by=by)
                    assert set(asked) == answered
                    closed = True
            except StaleError:
                assert closed or set(asked) != answered or act == "follow"
        status = "closed" if closed else "referred" if asked else "open"
        assert case_files.file(office, made.id) == made
        assert (made.status, len(made.notes), len(made.referrals)) == (status, notes, len(asked))

    def test_what_is_overdue_is_told(self, audited: Audited) -> None:
        office, by = audited.office, audited.first
        made = case_files.open_file(office, title="t", findings=[], by=by)
        today = office.clock().date()
        for days in (5, 2):
            made = case_files.refer(
                office, file_id=made.id, to="x", authority="y", due=today + timedelta(days), by=by
            )

        assert case_files.overdue(office, today) == ()
        late = case_files.overdue(office, today + timedelta(9))
        assert [r.due for _, r in late] == [today + timedelta(2), today + timedelta(5)]
        case_files.follow_up(office, file_id=made.id, referral_id=late[0][1].id, answer="no", by=by)
        assert len(case_files.overdue(office, date.max)) == 1

    def test_bad_input(self, audited: Audited) -> None:
        office, by = audited.office, audited.first
        made: CaseFile = case_files.open_file(office, title="t", findings=[], by=by)
        for wrong in (
            lambda: case_files.open_file(office, title=" ", findings=[], by=by),
            lambda: case_files.open_file(office, title="t", findings=["finding-0"], by=by),
            lambda: case_files.note(office, file_id="file-0", words="w", by=by),
            lambda: case_files.refer(office, file_id=made.id, to="", authority="y", due=date.max, by=by),
            lambda: case_files.refer(office, file_id=made.id, to="x", authority="y", due=date.min, by=by),
            lambda: case_files.follow_up(office, file_id=made.id, referral_id="r", answer="a", by=by),
            lambda: case_files.close_file(office, file_id=made.id, outcome="well", by=by),
        ):
            with pytest.raises(BadInputError):
                wrong()


class TestClosedDays:
    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(reads=st.lists(st.integers(0, STEP - 1), min_size=1, max_size=4))
    def test_the_same_step_whether_anything_was_read_or_not(self, bare: Path, reads: list[int]) -> None:
        """What a witness sees of a day says nothing of it."""
        office = bootstrap.open_audit_office(bare)
        before = close_day(office)
        sizes = []
        for count in reads:
            if count:
                office.log.append(
                    [office.entry("audit.asked", by="a", action="ask", target="q") for _ in range(count)]
                )
            sizes.append(close_day(office))
        assert sizes == [before + STEP * n for n in range(1, len(reads) + 1)]

    def test_a_witness_holds_the_office_to_its_reads(self, audited: Audited, tmp_path: Path) -> None:
        """Put back whole, folder and head, the office contradicts what was cosigned."""
        heads = init_witness(tmp_path / "witness", "witness.example/w1")
        heads.trust(single_key(audited.office.signer.vkey))
        seen: list[int] = []

        def asked(_: str, body: bytes) -> WitnessAnswer:
            witness = Witness(
                heads.cosigner, heads.keys_of, heads.store, lambda: int(audited.office.clock().timestamp())
            )
            said = witness.add_checkpoint(body)
            if said.status == 409:
                return HasSize(int(said.body))
            assert said.status == 200, said
            seen.append(heads.logs()[0].head.size)  # type: ignore[union-attr]
            return Lines(split_lines(said.body))

        with pytest.raises(BadInputError, match="no witness is named"):
            cosign_head(audited.office, ask=asked)
        (audited.folder / POLICY).write_text(
            f"# counts from 2020-01-01T00:00:00Z\nwitness w1 {heads.vkey} https://w.example\nquorum w1\n"
        )
        with pytest.raises(BadInputError, match="closed day"):
            cosign_head(audited.office, ask=asked)
        older = shutil.copytree(audited.folder, tmp_path / "older")
        ask(audited.office, SEARCHES, by=audited.first)
        close_day(audited.office)
        ask(audited.office, SEARCHES, by=audited.first)

        assert [a.code for a in cosign_head(audited.office, ask=asked)] == ["cosigned"]
        assert seen == [STEP] == [last_closed(audited.office)], "the read after the closing is not shown"
        assert [a.code for a in cosign_head(audited.office, ask=asked)] == ["already"]
        assert b"witness.example/w1" in audited.office.log.head_at(STEP)[1]
        close_day(audited.office)
        assert [a.code for a in cosign_head(audited.office, ask=asked)] == ["cosigned"]
        # The office thins its log: an older folder, other reads, the same number of entries or fewer.
        shutil.rmtree(audited.folder)
        older.rename(audited.folder)
        office = audited.again()
        close_day(office)
        assert [a.code for a in cosign_head(office, ask=asked)] == ["ahead"]
        for _ in range(2):
            close_day(office)
        assert [a.alarming for a in cosign_head(office, ask=lambda _, b: _told(heads, b))] == [True]


def _told(heads, body: bytes) -> WitnessAnswer:
    said = Witness(heads.cosigner, heads.keys_of, heads.store, lambda: 2**40).add_checkpoint(body)
    if said.status == 409:
        return HasSize(int(said.body))
    return NoCosignature("not-consistent", said.body.decode())


def test_an_integrity_error_is_no_answer(audited: Audited) -> None:
    """The worst hour of an office: its own log does not hold. It reads nothing."""
    (audited.folder / "head").write_bytes(b"x")
    with pytest.raises(IntegrityError):
        ask(audited.office, SEARCHES, by=audited.first)
