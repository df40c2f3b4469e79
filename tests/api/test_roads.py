"""The roads for machines, each end to end over HTTP: services, uses, a search and its reviews, records, the log."""

import json
from datetime import timedelta

import pytest

from counterseal.gateway.assess_use import show_principle
from counterseal.gateway.request_search import Purpose
from counterseal.ledger.checkpoint import open_checkpoint
from counterseal.ledger.tiles import split_bundle
from counterseal.oversight.models import Finding
from counterseal.oversight.principles import PRINCIPLES
from interface import Interface, Said
from office import NARRATIVE, made

V1 = "/api/v1"


class Road:
    """Asks as members of staff, each through a client of their own."""

    def __init__(self, interface: Interface) -> None:
        self.interface, self.sim = interface, interface.sim
        self.clients: dict[str, object] = {}

    def post(self, short: str, path: str, body: object = None) -> Said:
        return self.ask(short, "POST", path, body)

    def get(self, short: str, path: str) -> Said:
        return self.ask(short, "GET", path)

    def ask(self, short: str, method: str, path: str, body: object = None) -> Said:
        if short not in self.clients:
            self.clients[short] = self.interface.client(short)
        token = self.interface.token_of(self.clients[short])
        return self.interface.ask(method, V1 + path, body, token=token)

    def in_days(self, days: int) -> str:
        return f"{self.sim.clock.now + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def road(interface: Interface) -> Road:
    return Road(interface)


def test_a_service_is_registered_completed_suspended_and_read(road):
    given = {
        "name": "Another engine",
        "operator": "Somebody",
        "algorithm": "a",
        "version": "1",
        "gallery": "volunteers",
        "connector": "another",
        "modes": ["identification"],
        "case_types": ["fraud"],
        "terms_version": "1",
        "terms": "none",
    }
    service = road.post("reg", "/services", given)
    assert (service.status, service.json["status"]) == (201, "unreviewed")
    path = f"/services/{service.json['id']}"
    assert service.json["missing"]
    completed = road.post("reg", f"{path}/record", {"security": "audited", "contract": "C-1"})
    assert len(completed.json["missing"]) == len(service.json["missing"]) - 2
    approving = {"status": "approved", "expires": road.in_days(90)}
    refused = road.post("rue", f"{path}/decisions", approving)
    assert refused.problem == "refused"
    assert len(refused.json["unmet"]) == len(completed.json["missing"])
    assert road.post("rue", f"{path}/decisions", {"status": "disapproved"}).json["standing"] == "disapproved"
    own = f"/services/{road.sim.agency.service_id}"
    assert road.post("reg", f"{own}/versions", {"version": "2"}).json["status"] == "suspended"
    assert road.get("ines", own).json["version"] == "2"
    assert road.sim.fsck().sound


def test_the_operators_log_is_reconciled(road):
    road.sim.searched(limit=2)
    since = road.in_days(-1)
    road.sim.clock.forward(minutes=1)
    until = f"{road.sim.clock.now:%Y-%m-%dT%H:%M:%SZ}"
    road.sim.clock.forward(minutes=1)
    given = {
        "log": "request,time,user\nrequest-of-nobody,2026-01-01T00:00:00Z,u\n",
        "since": since,
        "until": until,
    }
    path = f"/services/{road.sim.agency.service_id}/reconciliations"
    answer = road.post("rue", path, given)
    assert answer.status == 201, answer
    assert len(answer.json["ours_only"]) == 1
    assert Finding.objects.filter(kind="operator-log-ours-only").exists()
    assert road.post("rue", path, given | {"log": "no such columns\n"}).problem == "bad-input"
    assert road.post("rue", path, given | {"log": "\ud800"}).status == 422


def test_a_use_through_three_offices(road):
    sim = road.sim
    use = road.post("sol", "/uses", {"name": "Doors", "purpose": "open doors", "law_enforcement": False}).json
    path = f"/uses/{use['id']}"
    early = road.post("pat", f"{path}/concurrences", {"office": "privacy", "concurs": True})
    assert early.problem == "refused" and early.json["entry"] is not None
    risk = {"risk": "r", "mitigation": "m", "owner": sim.who("sol"), "due": road.in_days(30)}
    assert road.post("sol", f"{path}/risks", risk).status == 201
    for principle in PRINCIPLES:
        made(
            show_principle(
                sim.office, use_id=use["id"], principle=principle, evidence="file 1", by=sim.who("sol")
            )
        )
    for short, office in (("pat", "privacy"), ("cora", "civil-rights"), ("cio", "information-officer")):
        said = road.post(
            short, f"{path}/concurrences", {"office": office, "concurs": True, "words": "fine by us"}
        )
        assert said.status == 201, said
    assert said.json["use_status"] == "active"
    assert road.post("cora", f"{path}/suspension").json["status"] == "suspended"
    assert len(road.get("aud", f"{path}/risks").json["items"]) == 1


def test_a_search_and_its_reviews_show_no_rank_before_the_end(road):
    sim = road.sim
    case = sim.case()
    probe = sim.probe(case)
    asked = road.post(
        "ines",
        "/searches",
        {
            "case": case.id,
            "probe": probe.id,
            "service": sim.agency.service_id,
            "use": sim.agency.use_id,
            "mode": "identification",
            "purpose": "suspect-lead",
            "narrative": NARRATIVE,
            "relevant": True,
            "necessary": True,
            "limit": 3,
        },
    )
    assert (asked.status, asked.json["status"]) == (201, "requested"), asked
    path = f"/searches/{asked.json['id']}"
    sent = road.post("ines", f"{path}/submission")
    assert (sent.status, sent.json["outcome"], sent.json["candidates"]) == (200, "answered", 3)
    shown = [asked, sent, road.get("ines", path), road.get("sol", "/searches")]
    listed = f"/lists/{sent.json['candidate_list']}"

    assert road.post("ines", f"{listed}/revelation").problem == "stale"
    for short in ("ines", "exa"):
        sheet = road.post(short, f"{listed}/reviews")
        assert sheet.status == 201, sheet
        again = road.get(short, f"/reviews/{sheet.json['review']}/sheet")
        assert again.json == sheet.json
        stranger = "exa" if short == "ines" else "ines"
        assert road.get(stranger, f"/reviews/{sheet.json['review']}/sheet").problem == "bad-input"
        shown += [sheet, again]
        for where in sheet.json["photographs"].values():
            picture = road.get(short, where.removeprefix(V1))
            assert picture.headers["Content-Type"] in ("image/jpeg", "image/png")
            assert picture.body[:2] in (b"\xff\xd8", b"\x89P")
            assert sim.entries()[-1].kind == "record.viewed"
        assert (
            road.get(short, f"/reviews/{sheet.json['review']}/photographs/candidate-x").problem == "not-found"
        )
        for n, candidate in enumerate(sheet.json["candidates"]):
            judgement = "potential-lead" if n == 0 else "excluded"
            body = {"candidate": candidate, "judgement": judgement}
            shown.append(road.post(short, f"/reviews/{sheet.json['review']}/dispositions", body))
            assert shown[-1].status == 201, shown[-1]
        shown.append(road.post(short, f"/reviews/{sheet.json['review']}/lock"))
        assert shown[-1].json["status"] == "locked"
    for answer in shown:
        assert not {"rank", "score", "person", "reference"} & set(_names(answer.json)), answer
    revealed = road.post("ines", f"{listed}/revelation")
    assert [c["rank"] for c in revealed.json["candidates"]] == [1, 2, 3]
    assert sim.entries()[-1].kind == "candidates.revealed"
    assert "identification" in revealed.json["caveat"]
    assert sim.fsck().sound


def test_a_refused_search_names_every_clause(road):
    sim = road.sim
    case = sim.case(with_step=False)
    request = made(sim.request(case, sim.probe(case), purpose=Purpose("suspect-lead", "case")))
    answer = road.post("ines", f"/searches/{request.id}/submission")
    assert answer.problem == "refused"
    assert len(answer.json["clauses"]) >= 2
    assert sim.entries()[answer.json["entry"]].kind == "search.refused"
    assert road.post("ivan", f"/searches/{request.id}/submission").status in (403, 409)


def test_disclosures_and_holds(road):
    case = road.sim.case()
    authority = {
        "kind": "statute",
        "citation": "18 U.S.C. 1343",
        "valid_from": road.in_days(-1),
        "valid_until": road.in_days(1),
    }
    given = {
        "case": case.id,
        "about": case.id,
        "recipient": "prosecutor-1",
        "authority": authority,
        "contents": ["lead"],
    }
    done = road.post("dis", "/disclosures", given)
    assert done.status in (201, 403), done
    ran_out = given | {"authority": authority | {"valid_until": road.in_days(-1)}}
    assert road.post("dis", "/disclosures", ran_out).problem == "refused"
    listed = road.get("dis", "/disclosures").json["items"]
    assert len(listed) == (done.status == 201)

    road.sim.probe(case)
    hold = road.post("arc", "/holds", {"about": case.id, "kind": "litigation", "reason": "a suit"})
    assert (hold.status, hold.json["status"]) == (201, "in-force"), hold
    assert "suit" not in hold.body.decode()
    lifted = road.post("cora", f"/holds/{hold.json['id']}/lifting")
    assert lifted.json["status"] == "lifted"
    assert road.post("cora", f"/holds/{hold.json['id']}/lifting").problem == "stale"
    assert all(d["at"] for d in road.get("arc", "/retention/dues").json["items"])


def test_the_log_can_be_followed(road):
    """Checkpoint, tiles and receipts over HTTP are the log; what an entry only commits to is not opened."""
    sim = road.sim
    note = road.get("aud", "/log/checkpoint").body
    size = len(sim.entries())
    checkpoint = open_checkpoint(note, [sim.office.signer.verifier], origin=sim.office.origin)
    assert checkpoint.size == size
    width = min(size, 256)
    partial = "" if width == 256 else f".p/{width}"
    bundle = road.get("aud", f"/log/tile/entries/000{partial}").body
    assert split_bundle(bundle, width) == sim.bodies()[:width]
    assert len(road.get("aud", f"/log/tile/0/000{partial}").body) == 32 * width
    for wrong in ("0/001", "0/0", "64/000", "0/000.p/256", "entries/../../../etc/passwd", "9/000"):
        assert road.get("aud", f"/log/tile/{wrong}").problem == "not-found"
    receipt = road.get("aud", "/log/entries/3/receipt").json
    assert receipt["entry"].encode() == sim.bodies()[3]
    assert sim.who("ines") not in json.dumps(receipt)
    assert road.get("aud", "/log/witnesses").json["held"] is False


def test_findings_about_oneself_are_not_shown_to_oneself(road):
    """A supervisor reads findings, but not those that ask what the supervisor did."""
    road.interface.token("sol")
    road.interface.token("sol")
    assert Finding.objects.filter(kind="concurrent-session").count() >= 1
    about = {f["kind"] for f in road.get("aud", "/findings").json["items"]}
    assert "concurrent-session" in about
    assert "concurrent-session" not in {f["kind"] for f in road.get("sol", "/findings").json["items"]}


def _names(node: object) -> list[str]:
    if isinstance(node, dict):
        return [*node, *(n for value in node.values() for n in _names(value))]
    if isinstance(node, list):
        return [n for value in node for n in _names(value)]
    return []
