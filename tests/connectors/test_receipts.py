"""No receipt, no call: everything that is not exactly this use, just now, once, for this service, is refused.

The backend behind the gate counts its calls: a refusal after the fact would not do.
"""

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from counterseal import bootstrap
from counterseal.cli.demo.agency import add_service
from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.connectors.receipts import Question, ReceiptGate, ReceiptRefusedError, UsedReceipts
from counterseal.connectors.serve import Server, build
from counterseal.connectors.wire import answer_of, submission_message
from counterseal.gateway.export_ledger import entry_of, receipt_of
from counterseal.gateway.register_service import accept_terms
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.gateway.search import search
from counterseal.ledger.checkpoint import Checkpoint, Signer, open_checkpoint, sign_checkpoint
from counterseal.ledger.entry import Disclosure
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import build_receipt, parse_receipt
from counterseal.oversight.models import ServiceStatus
from counterseal.terms.errors import UnavailableError
from office import SimulatedOffice, made, person

USE_ALL = """
import sys
from pathlib import Path
from counterseal.connectors.receipts import UsedReceipts
used = UsedReceipts(Path(sys.argv[1]))
print(*[n for n in range(200) if used.use(n)])
"""


@dataclass
class CountingBackend:
    """Compares nothing, and counts how often it was asked to."""

    asked: list[Question] = field(default_factory=list)

    def answer(self, question: Question, submission: Submission) -> Answer | ServiceFailure:
        """An empty list."""
        self.asked.append(question)
        return Answer("counting-1", "similarity", 0, 0)


@dataclass
class Desk:
    """One service: its server, what stands behind it, and a submission that is in order and not yet used."""

    office: SimulatedOffice
    server: Server
    backend: CountingBackend
    good: Submission

    def says(self, submission: Submission) -> Answer | ServiceFailure:
        """What comes back over the wire format."""
        return answer_of(self.server.respond(submission_message(submission)))

    def refuses(self, submission: Submission, why: str) -> None:
        """Assert a refusal in these words, and that nothing was compared; the good one still runs after it."""
        answer = self.says(submission)
        assert isinstance(answer, ServiceFailure), answer
        assert answer.code == "receipt-refused"
        assert why in answer.says
        assert self.backend.asked == []
        assert isinstance(self.says(self.good), Answer), "the refusal used the good receipt up"
        assert len(self.backend.asked) == 1


class Intercepted:
    """A service on the port that keeps the submission and does not deliver it."""

    def __init__(self) -> None:
        self.kept: list[Submission] = []

    def submit(self, submission: Submission) -> Answer | ServiceFailure:
        """Keep it."""
        self.kept.append(submission)
        return ServiceFailure("intercepted", "kept for the test")

    def close(self) -> None:
        """Nothing to stop."""


def intercept(office: SimulatedOffice, **asked: object) -> Submission:
    """A whole permitted search whose submission never arrived."""
    box = Intercepted()
    diverted = replace(office.office, services=lambda _: box)
    case = office.case()
    probe = office.probe(case, photograph=asked.pop("photograph", None))
    request = made(
        office.request(case, probe, purpose=office.another_reason(), why_again="never delivered", **asked)
    )
    search(diverted, request_id=request.id, by=office.who("ines"))
    (submission,) = box.kept
    return submission


def desk_of(office: SimulatedOffice, good: Submission) -> Desk:
    """The embedded service's own gate and folder, with a counting backend behind."""
    backend = CountingBackend()
    server = build(office.office.home / "services" / "embedded", office.clock)
    server._backend = backend
    return Desk(office, server, backend, good)


@pytest.fixture
def desk(office: SimulatedOffice) -> Iterator[Desk]:
    """A service with one submission in order."""
    made_desk = desk_of(office, intercept(office))
    yield made_desk
    made_desk.server._gate.used.close()


class TestAdmitted:
    def test_submission_in_order_is_admitted_once(self, desk):
        """What was asked is what the backend is told, and no more."""
        assert isinstance(desk.says(desk.good), Answer)
        (question,) = desk.backend.asked
        asked = json.loads(desk.good.request)
        assert (question.id, question.mode, question.limit) == (asked["id"], asked["mode"], asked["limit"])

    def test_replayed(self, desk):
        """The same receipt a second time."""
        assert isinstance(desk.says(desk.good), Answer)
        again = desk.says(desk.good)
        assert isinstance(again, ServiceFailure)
        assert (again.code, again.says) == ("receipt-refused", "the receipt was used before")
        assert len(desk.backend.asked) == 1


class TestRefused:
    def test_for_another_request(self, desk):
        """The sealed question is changed on the way: more candidates, please."""
        more = json.dumps({**json.loads(desk.good.request), "limit": 50}).encode()
        desk.refuses(replace(desk.good, request=more), "for another request")

    def test_receipt_of_another_search(self, desk):
        """Two permitted searches, one's receipt with the other's question."""
        other = intercept(desk.office, photograph=person(4).photograph(1))
        desk.refuses(replace(desk.good, request=other.request), "for another request")
        desk.backend.asked.clear()
        desk.good = other
        desk.refuses(replace(other, receipt=desk_receipt_without_entry(other, desk)), "does not hold")

    @pytest.mark.parametrize("opened", ["case", "initiator", "probe"])
    def test_opening_of_something_else(self, desk, opened):
        """A true disclosure of the entry, but not the one of the request."""
        index = parse_receipt(desk.good.receipt).index
        _, encoded = entry_of(index)
        by_name = {name: e for e in encoded for name in [_name_of(e)]}
        desk.refuses(replace(desk.good, opening=by_name[opened]), "for another request")

    def test_opening_that_is_none(self, desk):
        """Nor rubbish."""
        desk.refuses(replace(desk.good, opening="e30"), "does not hold")

    @pytest.mark.parametrize("part", ["probe", "second"])
    def test_changed_photograph(self, desk, part):
        """Another face than the one that was sealed, or one where none was."""
        desk.refuses(replace(desk.good, **{part: person(5).photograph(0)}), f"the {part} photograph is not")

    def test_missing_photograph(self, desk):
        """Or none."""
        desk.refuses(replace(desk.good, probe=b""), "the probe photograph is not")

    @pytest.mark.parametrize("by", [timedelta(seconds=61), timedelta(days=1), timedelta(seconds=-120)])
    def test_stale_or_from_the_future(self, desk, by):
        """A receipt is good for a minute, by the service's own clock."""
        desk.office.clock.now += by
        answer = desk.says(desk.good)
        assert isinstance(answer, ServiceFailure)
        assert "s old; at most 60 s are accepted" in answer.says
        assert desk.backend.asked == []
        desk.office.clock.now -= by
        assert isinstance(desk.says(desk.good), Answer)

    def test_checkpoint_of_another_log(self, desk):
        """The same name, another key."""
        origin = desk.office.office.origin
        desk.refuses(_signed_anew(desk.good, Signer.from_seed(origin, b"\7" * 32), origin), "does not hold")

    def test_checkpoint_of_another_origin(self, desk):
        """Our key, under another log's name."""
        seed = (desk.office.office.home / "keys" / "log.key").read_bytes()
        other = "elsewhere.example/faces"
        desk.refuses(_signed_anew(desk.good, Signer.from_seed(other, seed), other), "does not hold")

    def test_forged_root(self, desk):
        """Our note with another root, its signature kept."""
        receipt = parse_receipt(desk.good.receipt)
        lines = receipt.note.split(b"\n")
        lines[2] = b"A" * 43 + b"="
        forged = build_receipt(receipt.index, receipt.proof, b"\n".join(lines))
        desk.refuses(replace(desk.good, receipt=forged), "does not hold")

    def test_entry_that_is_not_in_the_log(self, desk):
        """A body changed after it was sealed."""
        changed = desk.good.entry.replace(b'"outcome":"permitted"', b'"outcome":"permittee"')
        assert changed != desk.good.entry
        desk.refuses(replace(desk.good, entry=changed), "does not hold")

    def test_no_receipt(self, desk):
        """No receipt, no call."""
        desk.refuses(replace(desk.good, receipt=b""), "does not hold")

    def test_receipt_of_a_sealed_refusal(self, desk):
        """A refusal is sealed too, and its receipt is a true one."""
        office = desk.office
        case = office.case(with_step=False)
        request = made(
            office.request(
                case, office.probe(case, photograph=person(6).photograph(1)), purpose=office.another_reason()
            )
        )
        refusal = office.search(request)
        index = len(office.entries()) - 1
        body, encoded = entry_of(index)
        assert office.entries()[index].kind == "search.refused", refusal
        sneaked = replace(desk.good, entry=body, opening=encoded[0], receipt=receipt_of(index))
        desk.refuses(sneaked, "no permitted search")

    def test_receipt_of_any_other_entry(self, desk):
        """Whatever was sealed besides."""
        body, encoded = entry_of(3)
        sneaked = replace(desk.good, entry=body, opening=encoded[0], receipt=receipt_of(3))
        desk.refuses(sneaked, "no permitted search")

    def test_for_another_service(self, desk):
        """A true, fresh, unused receipt, brought to the wrong door."""
        office = desk.office
        other = add_service(
            office.office,
            office.agency.people,
            name="Other",
            connector="other",
            status=ServiceStatus.APPROVED,
        )
        accept_terms(office.office, service_id=other.id, by=office.who("ines"))
        elsewhere = intercept(office, service_id=other.id, photograph=person(6).photograph(1))
        desk.refuses(elsewhere, "addresses another service")


class TestRotation:
    def test_retired_key_signs_no_receipt_any_more(self, office):
        """The old key's checkpoint of a tree that the new one owns is refused; the new one's is taken."""
        old = office.office.signer
        new = Signer.from_seed(office.office.origin, b"\5" * 32)
        assert isinstance(rotate_log_key(office.office, new=new, by=office.who("admin")), int)
        office.office = bootstrap.install_log_key(office.office, new, b"\5" * 32)
        desk = desk_of(office, intercept(office))

        assert open_checkpoint(parse_receipt(desk.good.receipt).note, [new.verifier])
        desk.refuses(_signed_anew(desk.good, old, office.office.origin), "does not hold")


class TestUsedReceipts:
    def test_survive_a_restart(self, desk):
        """What was used stays used when the service comes up again."""
        assert isinstance(desk.says(desk.good), Answer)
        desk.server._gate.used.close()

        again = desk_of(desk.office, desk.good)
        answer = again.says(desk.good)

        assert isinstance(answer, ServiceFailure)
        assert "used before" in answer.says
        assert again.backend.asked == []
        again.server._gate.used.close()

    def test_are_shared_by_processes(self, tmp_path):
        """Two processes of one service, 200 receipts each wants: every one is used exactly once."""
        workers = [
            subprocess.Popen([sys.executable, "-c", USE_ALL, str(tmp_path / "used")], stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        said = [worker.communicate(timeout=60)[0] for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0]
        assert sorted(int(n) for each in said for n in each.split()) == list(range(200))

    def test_are_shared_by_threads(self, tmp_path):
        """One list, four threads."""
        used, won = UsedReceipts(tmp_path / "used"), []
        threads = [
            threading.Thread(target=lambda: won.extend(n for n in range(50) if used.use(n))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        used.close()
        assert sorted(won) == list(range(50))

    def test_list_that_cannot_be_written_lets_nothing_through(self, desk):
        """Closed by default: what cannot be noted as used is not used."""
        desk.server._gate.used.close()
        answer = desk.says(desk.good)
        assert isinstance(answer, ServiceFailure)
        assert answer.code == "service-error"
        assert desk.backend.asked == []

    def test_read_only_list_is_unavailable(self, tmp_path):
        """The disk is full or the rights are gone."""
        used = UsedReceipts(tmp_path / "used")
        used._db.execute("PRAGMA query_only = ON")
        with pytest.raises(UnavailableError, match="cannot be written"):
            used.use(1)
        used.close()


class TestGateAlone:
    def test_gate_names_what_fails_first(self, desk):
        """The gate raises its own error; the server turns it into a failure value."""
        gate: ReceiptGate = desk.server._gate
        assert isinstance(gate.trust, KeyHistory)
        with pytest.raises(ReceiptRefusedError, match="does not hold"):
            gate.admit(replace(desk.good, receipt=b"x"))
        assert gate.admit(desk.good).mode == "identification"


def _signed_anew(submission: Submission, signer: Signer, origin: str) -> Submission:
    """The submission with its checkpoint's size and root under another signature."""
    receipt = parse_receipt(submission.receipt)
    size, root = receipt.note.split(b"\n")[1:3]
    note = sign_checkpoint(Checkpoint(origin, int(size), base64.b64decode(root)), signer)
    return replace(submission, receipt=build_receipt(receipt.index, receipt.proof, note))


def _name_of(encoded: str) -> str:
    return Disclosure.parse(encoded).name


def desk_receipt_without_entry(other: Submission, desk: Desk) -> bytes:
    """A true receipt of the entry before."""
    return receipt_of(parse_receipt(other.receipt).index - 1)
