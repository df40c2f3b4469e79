"""Claims outside law enforcement: asked first, captured second, compared behind the gate, and nothing kept."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image

from checkpoint import ALTERNATIVE, NO, Camera, Gate
from counterseal.biometrics import capture as capture_step
from counterseal.cli.demo.agency import LOOKED, supplied_test
from counterseal.connectors.port import ServiceFailure
from counterseal.gateway.admit_person import grant_role
from counterseal.gateway.analyse import NoEngine, analyse, approve_age_estimation
from counterseal.gateway.check_opt_out import Choice
from counterseal.gateway.opt_out import register_choice, withdraw_choice
from counterseal.gateway.propose_use import suspend_use
from counterseal.gateway.record_evidence import record_evidence
from counterseal.gateway.register_service import (
    ServiceDescription,
    accept_terms,
    decide_on_service,
    register_service,
)
from counterseal.gateway.retention import run_retention
from counterseal.gateway.review_acquisition import review_acquisition
from counterseal.gateway.verification_terms import state_verification_terms
from counterseal.gateway.verify_claim import Instead, Liveness, Verified
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import verify_receipt
from counterseal.oversight.keystore import DestroyedError
from counterseal.oversight.models import KeptSample, LogDisclosures, LogEntry, Service, VaultObject
from counterseal.policy import load_policies
from counterseal.terms.biometrics import FailureToAcquire
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import SimulatedOffice, made, person


@pytest.fixture
def gate(office: SimulatedOffice) -> Gate:
    return Gate(office)


@pytest.fixture
def same() -> Camera:
    """The camera sees person 3, who claims to be person 3."""
    return Camera(person(3).photograph(2))


class Decoder:
    """Counts every decoding of a picture and every look at the engine, and lets them happen."""

    def __init__(self) -> None:
        self.opened = self.read = self.engine = 0


@pytest.fixture
def decoder(office: SimulatedOffice, monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoder]:
    counted = Decoder()
    image_open, read_still, engine = Image.open, capture_step.read_still, office.office.engine

    def opened(*given, **named):
        counted.opened += 1
        return image_open(*given, **named)

    def read(*given, **named):
        counted.read += 1
        return read_still(*given, **named)

    def asked():
        counted.engine += 1
        return engine()

    monkeypatch.setattr(Image, "open", opened)
    monkeypatch.setattr(capture_step, "read_still", read)
    office.office = replace(office.office, engine=asked)
    yield counted


def kinds(office: SimulatedOffice, since: int) -> list[str]:
    return [entry.kind for entry in office.entries()[since:]]


class TestComparison:
    def test_the_person_of_the_claim_is_verified_and_nothing_is_kept(self, office, gate, same):
        """D-026-11/def-verification: one to one, at the threshold that the service states."""
        before, objects = len(office.entries()), VaultObject.objects.count()

        verified = gate.verify(same)

        assert isinstance(verified, Verified), verified
        assert verified.threshold == 0.45
        assert kinds(office, before) == ["optout.checked", "verification.intent", "verification.outcome"]
        assert VaultObject.objects.count() == objects
        assert verified.kept_until is None
        assert not KeptSample.objects.exists()
        assert office.fsck().sound

    def test_another_person_gets_the_alternative_and_no_note(self, office, gate):
        """Not reaching the threshold proves nothing: the same answer as to anybody else who is not compared."""
        instead = gate.verify(Camera(person(5).photograph(2)))

        assert isinstance(instead, Instead), instead
        assert (instead.why, instead.alternative, instead.honoured) == ("not-verified", ALTERNATIVE, False)
        assert not KeptSample.objects.exists()

    def test_nothing_that_points_at_the_person_is_in_the_log_or_beside_it(self, office, gate, same):
        """Neither the claimed reference nor a score, in entries and in what they commit to."""
        before, reference = len(office.entries()), gate.reference(3)
        gate.verify(same, reference=reference)

        stored = b"".join(office.bodies()[before:]).decode()
        opened = [office.opened(n) for n in range(before, len(office.entries()))]
        assert reference not in stored
        assert reference not in str(opened)
        assert [o["rows"] for o in opened] == [[], [], []]
        assert LogDisclosures.objects.count() == LogEntry.objects.count()

    def test_without_a_stated_threshold_nobody_is_verified(self, office, gate, same):
        """No threshold, no decision: not even of two pictures of one person."""
        settings = office.office.home / "services/embedded/service.toml"
        kept = [
            line
            for line in settings.read_text().splitlines()
            if not line.startswith("verification_threshold")
        ]
        settings.write_text("\n".join(kept) + "\n")

        instead = gate.verify(same)

        assert isinstance(instead, Instead)
        assert instead.why == "no-decision"

    def test_a_service_that_fails_sends_people_to_the_alternative(self, office, gate, same):
        instead = gate.verify(same, reference="reference-that-is-none")

        assert isinstance(instead, Instead)
        assert isinstance(instead.why, ServiceFailure)
        assert office.entries()[-1].kind == "verification.failed"
        assert office.fsck().sound

    def test_a_picture_without_a_face_is_an_outcome(self, office, gate):
        instead = gate.verify(Camera(b"no picture at all"))

        assert isinstance(instead.why, FailureToAcquire)
        assert instead.alternative == ALTERNATIVE
        assert office.entries()[-1].kind == "verification.not-acquired"


class TestChoiceFirst:
    """A no is heard before a camera, a decoder or an engine has run (issue: done when 3)."""

    @pytest.mark.parametrize("said", ["no", "signed-no"])
    def test_a_spoken_or_signed_no_is_enough(self, office, gate, same, decoder, said):
        instead = gate.verify(same, choice=Choice(told=True, said=said))

        assert isinstance(instead, Instead)
        assert instead.honoured
        assert instead.why.clauses == ("D-026-11/opt-out",)
        assert instead.alternative == ALTERNATIVE
        assert (same.looked, decoder.opened, decoder.read, decoder.engine) == (0, 0, 0, 0)
        assert "embedded" not in office.local

    @pytest.mark.parametrize("kind", ["document", "booking", "receipt"])
    def test_an_opted_out_token_is_refused_before_any_image_is_decoded(
        self, office, gate, same, decoder, kind
    ):
        """With receipt and alternative. The control below shows that the counters do count."""
        asked = {} if kind == "receipt" else {"kind": kind, "reference": "X1234-567"}
        registered = register_choice(office.office, **asked)
        shown = registered.code if kind == "receipt" else "x1234567"
        before = len(office.entries())

        instead = gate.verify(same, choice=Choice(told=True, references=((kind, shown),)))

        assert isinstance(instead, Instead)
        assert instead.honoured
        assert (instead.why.clauses, instead.alternative) == (("D-026-11/opt-out",), ALTERNATIVE)
        assert (same.looked, decoder.opened, decoder.read, decoder.engine) == (0, 0, 0, 0)
        assert kinds(office, before) == ["optout.checked", "verification.refused"]
        trust = KeyHistory.from_json((office.office.home / "services/embedded/log-keys.json").read_bytes())
        body = bytes(LogEntry.objects.get(pk=instead.index).body)
        assert verify_receipt(instead.receipt, body, trust, office.office.origin).index == instead.index

    def test_the_counters_count_when_nobody_declines(self, gate, same, decoder):
        assert isinstance(gate.verify(same), Verified)
        assert same.looked == decoder.engine == 1
        assert decoder.read == 2  # here, and behind the service's gate
        assert decoder.opened >= 2

    def test_a_choice_holds_from_the_instant_it_is_sealed(self, office, gate, same):
        """Registered while the camera looks: the intent's own transaction asks again (R61)."""

        def camera():
            register_choice(office.office, kind="booking", reference="QX7P2L")
            return same()

        instead = gate.verify(camera, choice=Choice(told=True, references=(("booking", "QX7P2L"),)))

        assert isinstance(instead, Instead)
        assert instead.honoured
        assert "verification.intent" not in kinds(office, 0)
        assert office.entries()[-1].public["stage"] == "after-camera"

    def test_a_choice_that_was_taken_back_binds_no_more(self, office, gate, same):
        registered = register_choice(office.office, kind="booking", reference="QX7P2L")
        withdraw_choice(office.office, code=registered.code.lower().replace("-", " "))

        assert isinstance(
            gate.verify(same, choice=Choice(told=True, references=(("booking", "QX7P2L"),))), Verified
        )

    def test_nothing_about_whoever_declined_is_kept(self, office, gate, same):
        """No adverse note: two entries with codes, no row, no object."""
        objects, before = VaultObject.objects.count(), len(office.entries())

        gate.verify(same, choice=replace(NO, references=(("document", "P0987654"),)))

        assert VaultObject.objects.count() == objects
        opened = [office.opened(n) for n in range(before, len(office.entries()))]
        assert all(not o.get("rows") for o in opened)
        assert "P0987654" not in str(opened) + str(office.bodies()[before:])
        assert {o["target"] for o in opened} == {gate.use_id}

    def test_the_repr_of_a_choice_shows_no_reference(self):
        assert "P0987654" not in repr(Choice(told=True, references=(("document", "P0987654"),)))

    def test_whoever_was_not_told_is_not_compared(self, gate, same):
        instead = gate.verify(same, choice=Choice(told=False))

        assert instead.why.clauses == ("D-026-11/opt-out",)
        assert same.looked == 0


class TestWhoMayDecline:
    """JFL/opt-out-for-all: everyone as shipped, the literal floor by a line of data; nobody is asked for proof."""

    def floor(self, office: SimulatedOffice, tmp_path, who: str) -> None:
        folder = tmp_path / "packs"
        shutil.copytree(office.office.home / "policies", folder)
        composed = folder / "composition.toml"
        if who == "us-citizens":
            composed.write_text(composed.read_text().replace('"beyond-the-text"', ""))
        rule = folder / "beyond-the-text/opt-out.toml"
        rule.write_text(rule.read_text().replace('who_may = "everyone"', f'who_may = "{who}"'))
        office.office = replace(office.office, policies=load_policies(folder))

    @pytest.mark.parametrize(
        ("who", "says_no_citizen", "honoured"),
        [
            ("everyone", False, True),
            ("everyone", True, True),
            ("us-citizens", False, True),
            ("us-citizens", True, False),
        ],
    )
    def test_a_no_counts(self, office, gate, same, tmp_path, who, says_no_citizen, honoured):
        self.floor(office, tmp_path, who)

        outcome = gate.verify(same, choice=replace(NO, says_no_citizen=says_no_citizen))

        assert isinstance(outcome, Instead) is honoured
        checked = [e for e in office.entries() if e.kind == "optout.checked"][-1]
        assert (checked.public["who_may"], checked.outcome) == (who, "declined")

    def test_the_data_file_is_part_of_what_decided(self, office, gate, tmp_path):
        before = office.office.policies.in_force(office.clock.now).digest
        self.floor(office, tmp_path, "us-citizens")

        assert office.office.policies.in_force(office.clock.now).digest != before

    def test_another_word_is_refused_on_loading(self, office, gate, tmp_path):
        with pytest.raises(Exception, match="nobody who may decline"):
            self.floor(office, tmp_path, "residents")


class TestUse:
    def test_an_office_suspends_the_use_and_the_gate_stops(self, office, gate, same):
        made(suspend_use(office.office, use_id=gate.use_id, by=office.who("cora")))

        instead = gate.verify(same)

        assert instead.why.clauses == ("D-026-11/oversight",)
        assert (same.looked, instead.alternative) == (0, ALTERNATIVE)

    def test_a_disapproved_service_verifies_nobody(self, office, gate, same):
        made(
            decide_on_service(
                office.office,
                service_id=office.agency.service_id,
                status="disapproved",
                by=office.who("rue"),
            )
        )

        assert "HSI-M/4C3-disapproved" in gate.verify(same).why.clauses
        assert same.looked == 0

    def test_an_investigator_runs_no_gate(self, gate, same):
        assert gate.verify(same, by="ines").why.clauses == ("road/role",)

    def test_a_use_for_law_enforcement_has_no_terms_of_a_gate(self, office):
        with pytest.raises(BadInputError, match="law enforcement"):
            state_verification_terms(
                office.office,
                use_id=office.agency.use_id,
                service_id=office.agency.service_id,
                setting="boarding",
                alternative=ALTERNATIVE,
                by=office.who("pat"),
            )

    def test_another_kind_of_checkpoint_needs_an_approval_of_its_own(self, gate, same):
        gate.state(setting="stadium")

        assert gate.verify(same).why.clauses == ("D-026-11/oversight",)

    def test_only_the_privacy_office_states_the_terms(self, office, gate):
        refusal = state_verification_terms(
            office.office,
            use_id=gate.use_id,
            service_id=office.agency.service_id,
            setting="boarding",
            alternative=ALTERNATIVE,
            by=office.who("sol"),
        )

        office.sealed_refusal(refusal, "verificationterms.refused", "D-026-11/opt-out")


class TestLiveness:
    @pytest.mark.parametrize("called_for", [True, False])
    def test_a_suspicious_sample_is_not_even_decoded(self, office, gate, decoder, called_for):
        gate.state(liveness_called_for=called_for)
        camera = Camera(person(3).photograph(2), Liveness.SUSPICIOUS)

        instead = gate.verify(camera)

        assert instead.why.clauses == ("D-026-11/def-face-capture",)
        assert not instead.honoured
        assert (camera.looked, decoder.read, decoder.engine) == (1, 0, 0)

    @pytest.mark.parametrize(("called_for", "stops"), [(True, True), (False, False)])
    def test_no_assessment_stops_where_one_is_called_for(self, gate, called_for, stops):
        gate.state(liveness_called_for=called_for)

        outcome = gate.verify(Camera(person(3).photograph(2), Liveness.NOT_ASSESSED))

        assert isinstance(outcome, Instead) is stops

    def test_a_word_that_is_none_is_refused(self, gate):
        with pytest.raises(BadInputError, match="nothing was compared"):
            gate.verify(Camera(person(3).photograph(2), "live"))


class TestKeeping:
    """Clocks by outcome and destination are data of the use."""

    def test_a_sample_is_kept_as_long_as_the_record_says(self, office, gate, same):
        gate.state(
            destination="adjudication",
            keep_hours={"verified": {"adjudication": 12}, "not-verified": {"adjudication": 336, "gate": 1}},
        )

        verified = gate.verify(same)
        other = gate.verify(Camera(person(5).photograph(2)))

        first, second = KeptSample.objects.order_by("kept_at")
        assert first.due - first.kept_at == timedelta(hours=12)
        assert second.due - second.kept_at == timedelta(days=14)
        assert (verified.kept_until, other.kept_until) == (first.due, second.due)
        assert office.office.vault.open(first.object).startswith(b"\x89PNG")
        assert office.fsck().sound

    def test_the_run_of_retention_destroys_it_when_it_is_due(self, office, gate, same):
        """Twelve hours, and not one longer: then nobody opens it, and its bytes are gone."""
        gate.state(keep_hours={"verified": {"gate": 12}})
        gate.verify(same)
        (sample,) = KeptSample.objects.all()
        arc = office.who("arc")
        office.clock.forward(hours=11, minutes=59)
        made(run_retention(office.office, by=arc))
        assert office.office.vault.open(sample.object)

        office.clock.forward(minutes=1)
        made(run_retention(office.office, by=arc))

        with pytest.raises(DestroyedError):
            office.office.vault.open(sample.object)
        assert sample.object not in office.office.vault.stored()
        assert KeptSample.objects.get().destroyed_at is not None
        assert office.fsck().sound

    @pytest.mark.parametrize("hours", [{}, {"verified": {"gate": 0}}, {"verified": {"elsewhere": 5}}])
    def test_what_is_not_named_is_not_kept(self, gate, same, hours):
        gate.state(keep_hours=hours)

        assert gate.verify(same).kept_until is None
        assert not KeptSample.objects.exists()

    @pytest.mark.parametrize(
        "hours", [{"always": {"gate": 1}}, {"verified": {"gate": -1}}, {"verified": {"A B": 1}}]
    )
    def test_terms_that_cannot_be_used_are_refused(self, gate, hours):
        with pytest.raises(BadInputError):
            gate.state(keep_hours=hours)


class TestAnalysis:
    """D-026-11/no-face-analysis: named, refused, and nothing behind it."""

    def ask(self, office, gate, **asked):
        arguments = {
            "use_id": gate.use_id,
            "service_id": office.agency.service_id,
            "operation": "age-estimation",
            "case_type": "boarding",
            "by": office.who("gail"),
        } | asked
        return analyse(office.office, **arguments)

    @pytest.mark.parametrize("operation", ["age-estimation", "emotion", "gender", "race"])
    def test_refused_as_shipped(self, office, gate, operation):
        refusal = self.ask(office, gate, operation=operation)

        assert "D-026-11/no-face-analysis" in refusal.clauses
        last = office.entries()[-1]
        assert (last.kind, last.outcome, last.public["operation"]) == (
            "analysis.refused",
            "refused",
            operation,
        )

    def test_approved_by_three_for_this_use_it_is_permitted_and_there_is_no_engine(self, office, gate):
        """Everything in order: operator, service, terms, three offices. What comes of it says so."""
        service = office.agency.service_id
        made(
            grant_role(
                office.office, person_id=office.who("gail"), role="analysis-operator", by=office.who("admin")
            )
        )
        assert "age-estimation" not in Service.objects.get(pk=service).modes
        age = age_service(office)
        offices = (("pat", "privacy"), ("cora", "civil-rights"), ("cio", "information-officer"))
        for n, (short, said_for) in enumerate(offices):
            refusal = self.ask(office, gate, service_id=age)
            assert isinstance(refusal, Refusal), n
            assert refusal.clauses == ("D-026-11/no-face-analysis",)
            made(
                approve_age_estimation(
                    office.office, use_id=gate.use_id, as_office=said_for, by=office.who(short)
                )
            )

        outcome = self.ask(office, gate, service_id=age)

        assert isinstance(outcome, NoEngine), outcome
        assert (office.entries()[-1].kind, office.entries()[-1].outcome) == ("analysis.not-done", "no-engine")
        assert isinstance(self.ask(office, gate, service_id=age, operation="emotion"), Refusal)
        assert isinstance(self.ask(office, gate, service_id=service), Refusal)
        assert office.fsck().sound

    def test_an_office_approves_once(self, office, gate):
        arguments = {"use_id": gate.use_id, "as_office": "privacy", "by": office.who("pat")}
        made(approve_age_estimation(office.office, **arguments))

        with pytest.raises(StaleError):
            approve_age_estimation(office.office, **arguments)

    def test_nobody_approves_for_an_office_that_is_not_theirs(self, office, gate):
        with pytest.raises(BadInputError, match="does not speak"):
            approve_age_estimation(
                office.office, use_id=gate.use_id, as_office="privacy", by=office.who("cora")
            )


def age_service(office: SimulatedOffice) -> str:
    """A service whose approval covers age estimation; nothing stands behind it."""
    now, people = office.clock(), office.agency.people
    service = made(
        register_service(
            office.office,
            description=ServiceDescription(
                "Ages",
                "somebody",
                "none",
                "1",
                "none",
                "ages",
                ["age-estimation"],
                ["boarding"],
                "1",
                "terms",
                contract="none",
                gallery_legality="none is in it",
                probe_retention="none",
                security="none",
                breaches="none known",
            ),
            by=people["reg"],
        )
    )
    made(review_acquisition(office.office, service_id=service.id, looked=LOOKED, by=people["rue"]))
    made(
        record_evidence(
            office.office,
            service_id=service.id,
            evidence=supplied_test(service, at=now),
            by=people["rue"],
        )
    )
    made(
        decide_on_service(
            office.office,
            service_id=service.id,
            status="approved",
            approval_expires=now + timedelta(days=30),
            by=people["rue"],
        )
    )
    accept_terms(office.office, service_id=service.id, by=people["gail"])
    return service.id
