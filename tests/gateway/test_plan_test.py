"""A plan is frozen once, by the right person, for this very service, version and mode."""

import json

import pytest

from counterseal.gateway.plan_test import Planned, plan_test
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import verify_receipt
from counterseal.oversight.models import Service, ServiceTestPlan
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from measured import goal, plan_for
from office import SimulatedOffice, made


def frozen(office: SimulatedOffice, *, by: str = "rue", **changes: object) -> Planned | Refusal:
    """Freeze a plan for the embedded service."""
    service = Service.objects.get(pk=office.agency.service_id)
    plan = plan_for(service, **changes)
    return plan_test(office.office, service_id=service.id, plan=plan, by=office.who(by))


class TestFreezing:
    def test_the_digest_is_sealed_and_the_plan_lies_in_the_vault(self, office) -> None:
        planned = made(frozen(office))

        entry = office.entries()[-1]
        assert entry.kind == "test.planned"
        assert entry.public == {
            "service": office.agency.service_id,
            "plan": planned.row.id,
            "mode": "identification",
        }
        kept = json.loads(office.office.vault.open(planned.row.plan))
        assert kept["title"] == "Searches in cases"
        assert office.opened(planned.row.entry_index)["plan_sha256"] == planned.row.sha256
        trust = KeyHistory.from_json((office.office.home / "services/embedded/log-keys.json").read_bytes())
        proved = verify_receipt(planned.receipt, office.bodies()[-1], trust, office.office.origin)
        assert proved.index == planned.row.entry_index
        assert office.fsck().sound

    def test_nothing_of_the_plan_is_public_but_that_it_exists(self, office) -> None:
        frozen(office)

        assert b"Searches in cases" not in b"".join(office.bodies())

    def test_another_plan_is_another_plan(self, office) -> None:
        first, second = made(frozen(office)), made(frozen(office, title="Another"))

        assert first.row.id != second.row.id
        assert ServiceTestPlan.objects.filter(status="planned").count() == 2
        assert first.row.sha256 != second.row.sha256


class TestRefused:
    def test_never_by_who_put_the_service_on_the_register(self, office) -> None:
        office.sealed_refusal(frozen(office, by="reg"), "servicetestplan.refused", "D-026-11/testing")

    @pytest.mark.parametrize("by", ["ines", "sol", "aud"])
    def test_by_nobody_but_the_reviewing_unit(self, office, by) -> None:
        office.sealed_refusal(frozen(office, by=by), "servicetestplan.refused", "D-026-11/testing")

    def test_a_plan_that_looks_at_no_group_is_no_test_for_differences(self, office) -> None:
        refusal = frozen(office, goals=[goal("fnmr"), goal("miss-rate")])

        assert (
            "about groups"
            in office.sealed_refusal(refusal, "servicetestplan.refused", "D-026-11/testing").unmet[0].missing
        )

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"kind": "third-party"}, "only a direct test has a plan"),
            ({"system": {"service": "service-0", "engine_id": "e", "version": "1"}}, "`system.service` is"),
            ({"system": {"engine_id": "e", "version": "9"}}, "`system.version` is `9`"),
        ],
    )
    def test_a_plan_of_something_else(self, office, changes, says) -> None:
        if "system" in changes:
            changes = {"system": {"service": office.agency.service_id} | changes["system"]}
        with pytest.raises(BadInputError, match=says):
            frozen(office, **changes)

    def test_for_a_use_that_is_not_there(self, office) -> None:
        service = Service.objects.get(pk=office.agency.service_id)
        with pytest.raises(BadInputError, match="there is no use"):
            plan_test(
                office.office,
                service_id=service.id,
                plan=plan_for(service),
                use_id="use-0",
                by=office.who("rue"),
            )
