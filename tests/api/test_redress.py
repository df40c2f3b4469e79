"""Redress and programs' files over HTTP: without login where nobody needs one, and nothing but what is asked."""

import pytest

from counterseal.api.asking import PUBLIC_PER_ADDRESS
from counterseal.gateway.propose_use import propose_use
from counterseal.gateway.redress import answer_redress
from counterseal.oversight.models import RedressRequest, Use
from office import made

ASK, STATUS = "/api/v1/redress", "/api/v1/redress/status"
GIVEN = {"about": "arrested", "words": "At the ferry on 3 May two officers called me by another name"}


def test_asked_answered_and_read_by_the_code_alone(interface):
    asked = interface.ask("POST", ASK, GIVEN | {"contact": "desk 4"}, key="")
    assert (asked.status, set(asked.json)) == (201, {"code", "due", "entry", "receipt"})
    before = interface.ask("POST", STATUS, {"code": asked.json["code"]}, key="")
    assert (before.json["status"], before.json["answer"], before.json["answered_at"]) == ("open", "", None)
    sim, row = interface.sim, RedressRequest.objects.get()
    answer_redress(
        sim.office, redress_id=row.id, outcome="other-agency", words="Ask the port.", by=sim.who("cora")
    )

    after = interface.ask("POST", STATUS, {"code": asked.json["code"]}, key="")
    assert (after.status, after.json["outcome"], after.json["answer"]) == (
        200,
        "other-agency",
        "Ask the port.",
    )
    assert set(after.json) == {"status", "asked_at", "due", "overdue", "outcome", "answered_at", "answer"}
    for secret in (GIVEN["words"], "desk 4", sim.who("cora"), row.id):
        assert secret not in str(after.json)


@pytest.mark.parametrize(
    "given",
    [
        GIVEN | {"about": "identified"},
        GIVEN | {"words": ""},
        GIVEN | {"words": "  "},
        GIVEN | {"words": "x" * 4001},
        GIVEN | {"contact": "x" * 401},
        GIVEN | {"name": "Somebody"},
        {"words": "no subject"},
    ],
)
def test_what_nobody_reads_or_can_use_is_refused(interface, given):
    assert interface.ask("POST", ASK, given, key="").problem == "bad-input"
    assert not RedressRequest.objects.exists()


def test_a_wrong_code_reads_nothing(interface):
    interface.ask("POST", ASK, GIVEN, key="")
    for code in ("AAAA-AAAA-AAAA-AAAA", RedressRequest.objects.get().id, "x"):
        assert interface.ask("POST", STATUS, {"code": code}, key="").problem == "bad-input"


def test_codes_are_not_tried_in_a_row(interface):
    answers = [
        interface.ask("POST", STATUS, {"code": f"AAAA-{n:04}"}, key="") for n in range(PUBLIC_PER_ADDRESS + 1)
    ]

    assert answers[-1].problem == "too-many-requests"


def test_the_file_of_a_use(interface):
    sim = interface.sim
    use = made(propose_use(sim.office, name="Ferry", purpose="x", law_enforcement=False, by=sim.who("sol")))
    token = interface.token("pat", "uses:read")
    file = interface.ask("GET", f"/api/v1/uses/{use.id}/file", token=token)

    assert (file.status, file.json["compliant"], file.json["share"], len(file.json["lines"])) == (
        200,
        False,
        0,
        7,
    )
    inside = Use.objects.get(law_enforcement=True).id
    assert interface.ask("GET", f"/api/v1/uses/{inside}/file", token=token).problem == "bad-input"
    assert interface.ask("GET", "/api/v1/uses/use-0011223344556677/file", token=token).problem == "not-found"
    assert interface.ask("GET", f"/api/v1/uses/{use.id}/file").problem == "not-authenticated"
