"""gate-decline: a traveller declines the camera at a boarding gate.

Manual check offered, no image kept, no adverse note, a receipt. The neighbour that is allowed, the next
traveller in the queue who does not decline, is told too: same gate, same use, same minute.
"""

import json

import pytest

from checkpoint import ALTERNATIVE, NO, Camera, Gate
from counterseal.gateway.opt_out import finish_alternative
from counterseal.gateway.verify_claim import Instead, Verified
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import verify_receipt
from counterseal.oversight.models import KeptSample, LogEntry, VaultObject
from office import SimulatedOffice, made, person


@pytest.fixture
def gate(office: SimulatedOffice) -> Gate:
    """A gate whose use keeps samples of others for twelve hours: so that keeping none is the choice's doing."""
    return Gate(office, keep_hours={"verified": {"gate": 12}, "not-verified": {"gate": 12}})


def test_the_traveller_who_declines_boards_without_a_camera(office, gate):
    """Everything else is in order: use, service, operator and claim are those of the traveller behind."""
    camera = Camera(person(3).photograph(2))
    stored = {path for path in (office.office.home / "vault").rglob("*") if path.is_file()}

    instead = gate.verify(camera, choice=NO)

    # Refused by the clause of the choice, and by nothing else.
    assert isinstance(instead, Instead)
    assert instead.why.clauses == ("D-026-11/opt-out",)
    assert instead.honoured
    # The manual check is offered, in the words of the use's record.
    assert instead.alternative == ALTERNATIVE
    # No image was taken, sent or kept.
    assert camera.looked == 0
    assert "embedded" not in office.local
    assert stored == {path for path in (office.office.home / "vault").rglob("*") if path.is_file()}
    assert not VaultObject.objects.filter(kind="sample").exists()
    # A receipt: this entry is in the signed log, whoever asks later.
    trust = KeyHistory.from_json((office.office.home / "services/embedded/log-keys.json").read_bytes())
    body = bytes(LogEntry.objects.get(pk=instead.index).body)
    assert verify_receipt(instead.receipt, body, trust, office.office.origin).index == instead.index
    # The gate's clerk records that the manual check is done; that took as long as it took.
    office.clock.forward(seconds=70)
    taken = made(finish_alternative(office.office, after_entry=instead.index, by=office.who("gail")))
    assert taken.seconds == 70
    assert office.fsck().sound


def test_two_who_decline_leave_the_same_trace(office, gate):
    """No adverse note: what is sealed differs in nothing but the instant, so it points at nobody."""
    traces = []
    for n, reference in enumerate((gate.reference(3), gate.reference(5))):
        before = len(office.entries())
        gate.verify(Camera(person(n).photograph(2)), choice=NO, reference=reference)
        traces.append(
            [
                (
                    e.kind,
                    e.outcome,
                    e.reason,
                    {k: v for k, v in e.public.items() if k != "took_ms"},
                    json.dumps(office.opened(before + k), sort_keys=True),
                )
                for k, e in enumerate(office.entries()[before:])
            ]
        )

    assert len(traces[0]) == 2
    assert traces[0] == traces[1]


def test_the_traveller_behind_who_does_not_decline_is_compared(office, gate):
    verified = gate.verify(Camera(person(3).photograph(2)))

    assert isinstance(verified, Verified), verified
    assert KeptSample.objects.get().due == verified.kept_until


def test_declining_after_a_yes_is_heard_the_next_time(office, gate):
    """Nobody is bound by an earlier yes, and nothing of it counts against the no."""
    assert isinstance(gate.verify(Camera(person(3).photograph(2))), Verified)

    assert gate.verify(Camera(person(3).photograph(2)), choice=NO).honoured
