"""The gate and checkpoints: a sealed verification opens a comparison of one with one, and nothing else."""

import hashlib
import json

import pytest

from checkpoint import Camera, Gate
from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.connectors.serve import build
from counterseal.connectors.wire import answer_of, submission_message
from counterseal.gateway.sealing import change
from counterseal.gateway.verify_claim import Verified
from counterseal.ledger.canonical import write_canonical
from counterseal.terms.biometrics import Mode
from office import SimulatedOffice, person

PICTURE = person(3).photograph(2)


class Counting:
    """Compares nothing, and counts."""

    def __init__(self) -> None:
        self.modes: list[str] = []

    def answer(self, question, submission):
        """An empty answer."""
        self.modes.append(question.mode)
        return Answer("counting-1", "similarity", 0, 0)


def submission(office: SimulatedOffice, kind: str, mode: str, outcome: str = "permitted") -> Submission:
    """What a gateway that went wrong would seal and send: an intent of this kind for this comparison."""
    question = write_canonical(
        {
            "id": "verification-0000000000000000",
            "mode": mode,
            "service": office.agency.service_id,
            "limit": 1,
            "minimum": None,
            "claimed_reference": "ref-1",
            "probe": hashlib.sha256(PICTURE).hexdigest(),
            "second": "",
        }
    )
    with change(office.office) as now:
        sealed = now.seal(
            kind,
            by=office.who("gail"),
            action="verify a claim",
            target="verification-0000000000000000",
            outcome=outcome,
            public={"service": office.agency.service_id},
            committed={"request": hashlib.sha256(question).hexdigest()},
        )
    return Submission(question, sealed.body, sealed.openings["request"], now.receipt, PICTURE)


def ask(office: SimulatedOffice, sent: Submission) -> tuple[Answer | ServiceFailure, list[str]]:
    server, backend = build(office.office.home / "services/embedded", office.clock), Counting()
    server._backend = backend
    try:
        return answer_of(server.respond(submission_message(sent))), backend.modes
    finally:
        server._gate.used.close()


@pytest.mark.parametrize(
    ("kind", "mode", "opens"),
    [
        *(("search.intent", str(mode), True) for mode in Mode),
        ("verification.intent", Mode.VERIFICATION, True),
        ("verification.intent", Mode.IDENTIFICATION, False),
        ("verification.intent", Mode.TWO_PHOTOGRAPHS, False),
        ("verification.intent", "age-estimation", False),
        ("optout.checked", Mode.VERIFICATION, False),
        ("verification.refused", Mode.VERIFICATION, False),
    ],
)
def test_which_sealed_intent_opens_which_comparison(office, kind, mode, opens):
    """D-026-11/def-verification: nobody is searched for at a checkpoint, even if the gateway asked."""
    answer, compared = ask(office, submission(office, kind, str(mode)))

    assert isinstance(answer, Answer) is opens, answer
    assert compared == ([str(mode)] if opens else [])
    if not opens:
        assert isinstance(answer, ServiceFailure)
        assert answer.code == "receipt-refused"


def test_a_refused_verification_opens_nothing(office):
    answer, compared = ask(office, submission(office, "verification.intent", "verification", "refused"))

    assert isinstance(answer, ServiceFailure)
    assert compared == []


def test_a_real_verification_is_used_once(office, monkeypatch):
    """The submission that a checkpoint really sent is refused when it comes again."""
    gate, sent = Gate(office), []
    service = office.office.services("embedded")
    submit = service.submit
    monkeypatch.setattr(service, "submit", lambda s: (sent.append(s), submit(s))[1])
    assert isinstance(gate.verify(Camera(PICTURE)), Verified)

    again = submit(sent[0])

    assert json.loads(sent[0].request)["mode"] == "verification"
    assert isinstance(again, ServiceFailure)
    assert "used before" in again.says
