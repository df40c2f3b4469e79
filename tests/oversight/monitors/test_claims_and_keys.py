"""Claims at a real gate, and a real change of key: clean as the gateway makes them, found as somebody forges them."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from forging import Forged

from checkpoint import NO, Camera, Gate
from counterseal import bootstrap
from counterseal.casework.models import Probe
from counterseal.cli.commands.monitor import _kept
from counterseal.cli.commands.public import reader
from counterseal.gateway.destroy import destroy
from counterseal.gateway.disclose import Authority, disclose
from counterseal.gateway.export_ledger import export_ledger
from counterseal.gateway.holds import place_hold
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.gateway.run_monitors import StoredHistory, expectations, monitor_export, run_monitors
from counterseal.gateway.verify_claim import Instead, Verified
from counterseal.ledger.checkpoint import Signer, parse_checkpoint, sign_checkpoint, split_note
from counterseal.ledger.entry import Disclosure
from counterseal.oversight.models import LogDisclosures
from counterseal.oversight.monitors.monitor import Result
from counterseal.oversight.monitors.watch import Watched, watch
from counterseal.terms.decisions import Refusal
from office import SimulatedOffice, made, person


def of(watched: Watched, rule: str) -> Result:
    return next(result for result in watched.results if result.rule.id == rule)


@pytest.fixture
def claimed(office: SimulatedOffice) -> SimulatedOffice:
    """Somebody is verified, somebody declines, somebody shows no face."""
    gate = Gate(office)
    assert isinstance(gate.verify(Camera(person(3).photograph(2))), Verified)
    assert isinstance(gate.verify(Camera(person(3).photograph(2)), choice=NO), Instead)
    assert isinstance(gate.verify(Camera(b"no picture at all")), Instead)
    return office


def test_claims_at_a_real_gate_are_clean(claimed: SimulatedOffice) -> None:
    watched = run_monitors(claimed.office)

    assert watched.whole, [(r.rule.id, r.violations, r.closed) for r in watched.results]
    assert of(watched, "no-means-no").checked == 2
    assert of(watched, "use-concurred").checked >= 2


def test_a_change_of_key_is_clean_at_home_and_outside(office: SimulatedOffice, tmp_path: Path) -> None:
    """The checkpoint of the change bears both keys, and an older one the old key alone."""
    before = export_ledger(tmp_path / "log")
    new = Signer.from_seed(office.office.origin, b"\5" * 32)
    assert isinstance(rotate_log_key(office.office, new=new, by=office.who("admin")), int)
    office.office = bootstrap.install_log_key(office.office, new, b"\5" * 32)
    office.case()
    folder = export_ledger(tmp_path / "log").path

    inside = run_monitors(office.office)
    given = {
        row.pk: [Disclosure.parse(each) for each in row.encoded.split("\n") if each]
        for row in LogDisclosures.objects.all()
    }
    outside = monitor_export(
        reader(folder),
        given,
        office.office.policies,
        vkey=before.vkey,
        kept=_kept(folder),
        until=inside.until,
    )

    assert inside.whole
    assert outside.whole
    assert of(inside, "key-in-force").checked >= 3


def test_a_retired_key_that_signs_again_is_found(office: SimulatedOffice) -> None:
    """Somebody kept the old key's file and signs the log as it is now."""
    old = office.office.signer
    new = Signer.from_seed(office.office.origin, b"\5" * 32)
    assert isinstance(rotate_log_key(office.office, new=new, by=office.who("admin")), int)
    office.office = bootstrap.install_log_key(office.office, new, b"\5" * 32)
    office.case()
    history = StoredHistory()
    notes = dict(history.notes())
    latest = parse_checkpoint(split_note(notes["checkpoint"])[0])
    forged = Forged(list(history.rows()), (*notes.items(), ("found", sign_checkpoint(latest, old))))

    watched = watch(forged.lines(), forged.notes(), expectations(office.office.policies))

    [violation] = of(watched, "key-in-force").violations
    assert "`found`" in violation.says
    assert [r.rule.id for r in watched.results if r.violations] == ["key-in-force"]


class TestHolds:
    """Real destructions beside real holds."""

    def record(self, office: SimulatedOffice) -> tuple[str, str]:
        """A probe that may be destroyed, and its case."""
        case = office.case()
        probe = office.probe(case)
        assert isinstance(probe, Probe)
        return probe.id, case.id

    def test_a_hold_on_another_case_stands_in_no_way(self, office: SimulatedOffice) -> None:
        """That a record belongs to another case is in the log: else nobody could tell."""
        (probe, _), (_, held) = self.record(office), self.record(office)
        made(place_hold(office.office, about=held, kind="litigation", reason="a claim", by=office.who("arc")))
        assert not isinstance(
            destroy(office.office, about=probe, authority="retention-7", by=office.who("arc")), Refusal
        )

        watched = run_monitors(office.office)

        assert of(watched, "not-destroyed-under-hold").verdict == "holds"
        assert of(watched, "not-destroyed-under-hold").checked == 1


def test_an_authority_that_runs_out_is_seen_in_the_log(office: SimulatedOffice) -> None:
    """The dates of an authority are committed to, to the millisecond that policy decided on."""
    lead = office.lead()
    now = office.clock.now
    made(
        disclose(
            office.office,
            case_id=lead.case_id,
            about=lead.id,
            recipient="prosecutor-1",
            authority=Authority(
                "statute", "18 U.S.C. 1343", now - timedelta(days=1), now + timedelta(seconds=1)
            ),
            contents=["lead"],
            by=office.who("dis"),
        )
    )

    opened = office.opened(len(office.entries()) - 1)

    assert datetime.fromisoformat(str(opened["authority_until"])) <= now + timedelta(seconds=1)
    assert of(run_monitors(office.office), "disclosure-on-authority").verdict == "holds"
