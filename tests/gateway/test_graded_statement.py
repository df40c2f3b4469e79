"""After both reviews a score is told with what a test of the very engine can say of it, or as a vendor's number."""

import numpy as np

from counterseal.evaluation.comparisons import Comparisons, Direction
from counterseal.evaluation.evaluate import Settings, evaluate
from counterseal.gateway.conclude_test import conclude_test
from counterseal.gateway.destroy import destroy
from counterseal.gateway.plan_test import Planned, plan_test
from counterseal.gateway.review import reveal
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Service, ServiceTest
from measured import plan_for, result_for
from office import SimulatedOffice, made


def concluded(office: SimulatedOffice, *, engine_id: str) -> ServiceTest:
    """A test of this engine whose calibration holds, on made-up distances."""
    service = Service.objects.get(pk=office.agency.service_id)
    system = {"service": service.id, "engine_id": engine_id, "version": service.version}
    plan = plan_for(service, system=system)
    planned = plan_test(office.office, service_id=service.id, plan=plan, by=office.who("rue"))
    assert isinstance(planned, Planned)
    rng = np.random.default_rng(3)
    distances = np.concatenate([rng.normal(0.3, 0.06, 400), rng.normal(0.75, 0.08, 400)])
    measured = evaluate(
        Comparisons(-distances, np.arange(800) < 400, Direction.DISSIMILARITY),
        Settings(fmr_targets=(0.1,), bootstrap=0),
    )
    result = result_for(plan)
    result |= {name: measured[name] for name in ("calibration", "det")}
    result["settings"] = result["settings"] | {"direction": "dissimilarity"}
    return made(
        conclude_test(
            office.office,
            plan_id=planned.row.id,
            result=result,
            began_at=office.clock(),
            by=office.who("rue"),
        )
    )


def statements(office: SimulatedOffice, answered: Answered) -> tuple[str, ...]:
    """What is told of each candidate, once both reviews are locked."""
    office.kept(answered)
    shown = reveal(office.office, list_id=answered.candidate_list.id, by=office.who("aud"))
    assert isinstance(shown, tuple)
    assert shown
    return tuple(candidate.statement for candidate in shown)


def test_without_a_test_of_ours_it_is_a_vendors_number(office) -> None:
    """R28."""
    for said in statements(office, office.searched(limit=2)):
        assert "vendor number, meaning not tested here" in said


def test_a_test_of_the_very_engine_gives_it_a_meaning(office) -> None:
    """R28: with the number of others whom a database of this size holds, and the id of the test."""
    answered = office.searched(limit=2)
    test = concluded(office, engine_id=answered.candidate_list.engine_id)

    for said in statements(office, answered):
        assert f"Among {answered.candidate_list.searched:,} references" in said or "cannot say" in said
        assert f"By test `{test.id}`" in said
        assert "%" not in said


def test_a_test_of_another_engine_gives_it_none(office) -> None:
    """A distance of one engine means nothing in another's numbers."""
    concluded(office, engine_id="another-engine")

    for said in statements(office, office.searched(limit=2)):
        assert "vendor number, meaning not tested here" in said


def test_a_result_that_was_destroyed_carries_no_statement(office) -> None:
    """And the list can still be read."""
    answered = office.searched(limit=2)
    concluded(office, engine_id=answered.candidate_list.engine_id)
    about = office.agency.service_id
    gone = destroy(office.office, about=about, authority="records schedule", by=office.who("arc"))
    assert isinstance(gone, list)
    assert len(gone) >= 2

    for said in statements(office, answered):
        assert "vendor number, meaning not tested here" in said
