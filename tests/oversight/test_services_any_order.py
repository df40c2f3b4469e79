"""Services in any order of acts by any persons: none is approved without its duties, none is reached without.

The machine knows nothing of the rules. Refusals, stale acts and bad input are answers; anything else is a fault.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from counterseal.cli.demo.agency import LOOKED, supplied_test
from counterseal.gateway.facts import service_standing
from counterseal.gateway.record_evidence import record_evidence
from counterseal.gateway.register_service import (
    RECORD,
    Conditions,
    ServiceDescription,
    close_service_review,
    complete_record,
    decide_on_service,
    register_service,
    report_version,
)
from counterseal.gateway.review_acquisition import Looked, review_acquisition
from counterseal.gateway.sealing import change
from counterseal.oversight.models import AcquisitionReview, Duty, Service, ServiceReview, ServiceTest
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import made, open_copy

PEOPLE = (*["rue"] * 8, "reg", "reg", "ines", "pat", "admin")
WHAT = (
    *["decide"] * 6,
    "complete",
    "acquire",
    "acquire",
    "test",
    "close",
    "close",
    "change_version",
    "change_version",
    "wait",
)
STATUSES = (
    *("expired", "approved", "approved", "approved", "approved-with-conditions", "approved-with-conditions"),
    *("approved", "under-review", "disapproved", "suspended", "suspended", "unreviewed"),
)
APPROVED = ("approved", "approved-with-conditions")
BARRED = ("disapproved", "suspended")


class Services(RuleBasedStateMachine):
    """Acts in any order. `template`: the installation to begin from; `moved`: acts that changed something."""

    template: Path
    moved: dict[str, int]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.opened = open_copy(self.template, self.folder / "home")
        self.office = self.opened.__enter__()
        self.service = ""
        self.was = ("", "")

    def teardown(self) -> None:
        """Sound whatever was done."""
        try:
            report = self.office.fsck()
            assert report.sound, report.log.findings
        finally:
            self.opened.__exit__(None, None, None)
            shutil.rmtree(self.folder)

    def act(self, verb: Callable[..., object], **given: object) -> None:
        """Try it; what changed something is counted."""
        try:
            outcome = verb(self.office.office, **given)
        except (BadInputError, StaleError):
            return
        if not isinstance(outcome, Refusal):
            self.moved[verb.__name__] = self.moved.get(verb.__name__, 0) + 1

    @initialize(
        whole=st.booleans(), used_in_exigency=st.sampled_from((True, True, False)), stage=st.integers(0, 2)
    )
    def begin(self, whole: bool, used_in_exigency: bool, stage: int) -> None:
        """A service that nobody reviewed; record whole or not; used in an emergency or not; duties done so far."""
        stated = dict.fromkeys(RECORD, "stated") if whole else {"terms": "stated"}
        self.service = made(
            register_service(
                self.office.office,
                description=ServiceDescription(
                    **{
                        "name": "Tried",
                        "operator": "Somebody",
                        "algorithm": "a",
                        "version": "1",
                        "gallery": "g",
                        "connector": "tried",
                        "modes": ["identification", "verification"],
                        "case_types": ["fraud", "theft"],
                        "terms_version": "1",
                        **stated,
                    }
                ),
                by=self.office.who("reg"),
            )
        ).id
        if used_in_exigency:
            self.exigent()
        for duty in (self.test, self.acquire)[:stage]:
            duty(self.office.who("rue"), 9)

    def exigent(self) -> None:
        """What `search` opens when a service is used in exigency: its review and the duty (tests/stories tell it)."""
        case = self.office.case()
        request = made(self.office.request(case, self.office.probe(case), service_id=self.service))
        now = self.office.clock()
        review = ServiceReview(
            id=self.office.office.new_id(ServiceReview),
            service_id=self.service,
            because_of_request=request.id,
            status="open",
            opened_at=now,
            due=now + timedelta(days=30),
        )
        duty = Duty(
            id=self.office.office.new_id(Duty),
            kind="service-review",
            clause="HSI-M/4C3-after-review",
            about=request.id,
            person_id=request.requester_id,
            owner="reviewing-unit",
            opened_at=now,
            due=review.due,
        )
        with change(self.office.office) as opened:
            opened.seal(
                "search.intent",
                by=request.requester_id,
                action="open a service review",
                target=request.id,
                outcome="done",
                rows=[review, duty],
            )
            opened.seal(
                "search.failed",
                by=request.requester_id,
                action="open a service review",
                target=request.id,
                outcome="done",
                causes=[opened.next_index - 1],
            )

    @rule(seed=st.integers(0, 2**32 - 1))
    def try_something(self, seed: int) -> None:
        """Anybody tries anything. One number chooses all three evenly; drawn apart, most would be the first."""
        chosen = Random(seed)
        getattr(self, chosen.choice(WHAT))(self.office.who(chosen.choice(PEOPLE)), chosen.randrange(12))

    def complete(self, by: str, place: int) -> None:
        """State some of what is missing, or all."""
        names = list(RECORD) if place > 5 else [list(RECORD)[place]]
        self.act(complete_record, service_id=self.service, stated=dict.fromkeys(names, "said"), by=by)

    def acquire(self, by: str, place: int) -> None:
        """Review the acquisition, favourably or not."""
        looked = Looked("e", "t", place > 2, True, LOOKED.words)
        self.act(review_acquisition, service_id=self.service, looked=looked, by=by)

    def test(self, by: str, place: int) -> None:
        """Record somebody's test of the present version."""
        service = Service.objects.get(pk=self.service)
        evidence = replace(supplied_test(service, at=self.office.clock.now), passed=place > 2)
        self.act(record_evidence, service_id=self.service, evidence=evidence, by=by)

    def decide(self, by: str, place: int) -> None:
        """Put it somewhere, on conditions where that is what the status says."""
        status = STATUSES[place]
        self.act(
            decide_on_service,
            service_id=self.service,
            status=status,
            approval_expires=self.office.clock.now + timedelta(days=40 * place - 50),
            conditions=Conditions(modes=["verification"]) if status.endswith("conditions") else None,
            by=by,
        )

    def close(self, by: str, place: int) -> None:
        """Close the review that exigency opened."""
        review = ServiceReview.objects.filter(service_id=self.service).first()
        if review is not None:
            self.act(
                close_service_review,
                review_id=review.id,
                outcome=STATUSES[place],
                approval_expires=self.office.clock.now + timedelta(days=20),
                conditions=Conditions(words="w") if STATUSES[place].endswith("conditions") else None,
                by=by,
            )

    def change_version(self, by: str, place: int) -> None:
        """The operator runs another version."""
        self.act(report_version, service_id=self.service, version=str(1 + place % 3), by=by)

    def wait(self, by: str, place: int) -> None:
        """Time passes, and approvals run out."""
        self.office.clock.forward(days=5 * place)

    @invariant()
    def approved_only_with_its_duties(self) -> None:
        """Record whole, test and favourable acquisition review of this very version, by another than its registrar."""
        service = Service.objects.filter(pk=self.service).first()
        if service is None or service.status not in APPROVED:
            return
        self.moved["approved"] = self.moved.get("approved", 0) + 1
        assert all(getattr(service, name) for name in RECORD)
        assert ServiceTest.objects.filter(service=service, version=service.version).exists()
        reviews = AcquisitionReview.objects.filter(service=service, version=service.version, acceptable=True)
        assert reviews.exclude(reviewer_id=service.registered_by_id).exists()
        assert service.decided_by_id not in ("", service.registered_by_id)
        assert (service.status == "approved") == (not service.narrowed and not service.conditions)
        ended = service.approval_expires <= self.office.clock.now
        assert (service_standing(service, at=self.office.clock.now) == "expired") == ended

    @invariant()
    def new_version_is_not_approved_by_the_old_review(self) -> None:
        """Between two looks an approved service never changed its version and stayed approved, unless reviewed."""
        service = Service.objects.filter(pk=self.service).first()
        if service is None:
            return
        before, self.was = self.was, (service.version, service.status)
        if before[1] in APPROVED and before[0] != service.version:
            assert service.status == "suspended"
        if before[1] in BARRED:
            assert service.status not in ("unreviewed", "under-review"), "barred until it is decided anew"

    @invariant()
    def review_closes_with_an_outcome_by_another(self) -> None:
        """And the outcome was the service's standing when it closed; the duty goes with it."""
        for review in ServiceReview.objects.filter(service_id=self.service):
            open_duties = Duty.objects.filter(about=review.because_of_request, closed_at=None).exists()
            assert open_duties == (review.status == "open")
            if review.status == "closed":
                assert review.outcome in (*APPROVED, *BARRED)
                assert review.decided_by_id == self.office.who("rue") or review.outcome == "suspended"


def test_any_order_of_acts(office_template: Path) -> None:
    """Every act changed something at least once, or the machine proves nothing; the counts are printed."""
    machine = type("Machine", (Services,), {"template": office_template, "moved": {}})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    print(f"\nacts that changed something: {machine.moved}")
    assert {
        "approved",
        "complete_record",
        "review_acquisition",
        "record_evidence",
        "decide_on_service",
        "report_version",
        "close_service_review",
    } <= set(machine.moved)
