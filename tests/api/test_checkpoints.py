"""The choice comes first: over HTTP too, no picture is decoded for whoever declines. And choices without a login."""

import base64

import pytest
from PIL import Image

from checkpoint import ALTERNATIVE, Gate
from counterseal.api.asking import PUBLIC_IN_ALL, PUBLIC_PER_ADDRESS
from counterseal.api.routes import checkpoints
from counterseal.biometrics import capture
from counterseal.gateway.opt_out import list_signer
from counterseal.oversight.models import Complaint, OptOut, VaultObject
from counterseal.oversight.optout import read_list
from interface import Interface, Said
from office import person

VERIFY, CHECKS = "/api/v1/verify", "/api/v1/opt-out/checks"
CHOICES, WITHDRAWALS = "/api/v1/opt-out/choices", "/api/v1/opt-out/withdrawals"
COMPLAINTS, LIST = "/api/v1/opt-out/complaints", "/api/v1/opt-out/list"


class Desk:
    """A gate that asks over HTTP."""

    def __init__(self, interface: Interface) -> None:
        self.interface, self.gate = interface, Gate(interface.sim)
        self.token = interface.token("gail")
        self.claimed = self.gate.reference(3)

    def verify(self, *, still: bytes | None = None, headers: dict[str, str] | None = None, **changed) -> Said:
        seen = person(3).photograph(2) if still is None else still
        body = {
            "use": self.gate.use_id,
            "reference": self.claimed,
            "choice": {"told": True},
            "picture": base64.b64encode(seen).decode(),
            "liveness": "no-attack-seen",
        } | changed
        return self.interface.ask("POST", VERIFY, body, token=self.token, **(headers or {}))

    def check(self, **choice: object) -> Said:
        body = {"use": self.gate.use_id, "choice": {"told": True} | choice}
        return self.interface.ask("POST", CHECKS, body, token=self.token)


@pytest.fixture
def desk(interface: Interface) -> Desk:
    return Desk(interface)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was decoded, step by step: the base64 of the request, the still, the picture."""
    steps: list[str] = []

    def noted(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def note(*given, **named):
            steps.append(name)
            return real(*given, **named)

        monkeypatch.setattr(owner, name, note)

    noted(checkpoints, "_decoded")
    noted(capture, "read_still")
    noted(Image, "open")
    return steps


class TestVerify:
    def test_verified_and_nothing_kept(self, desk, decoded):
        objects = VaultObject.objects.count()
        answer = desk.verify()
        assert (answer.status, answer.json["outcome"]) == (200, "verified")
        assert answer.json["kept_until"] is None
        assert VaultObject.objects.count() == objects
        assert decoded[0] == "_decoded" and "open" in decoded
        assert "score" not in answer.body.decode()

    @pytest.mark.parametrize("said", ["no", "signed-no"])
    def test_a_no_and_nothing_is_decoded(self, desk, decoded, said):
        answer = desk.verify(choice={"told": True, "said": said})
        assert (answer.status, answer.json["outcome"]) == (200, "declined")
        assert answer.json["alternative"] == ALTERNATIVE
        assert decoded == []

    def test_a_registered_choice_and_nothing_is_decoded(self, desk, decoded):
        made = desk.interface.ask("POST", CHOICES, {"kind": "document", "reference": "P 123-4567"}, key="")
        assert made.status == 201
        choice = {"told": True, "references": [{"kind": "document", "reference": "p1234567"}]}
        assert desk.verify(choice=choice).json["outcome"] == "declined"
        code = {"told": True, "references": [{"kind": "receipt", "reference": made.json["code"]}]}
        assert desk.verify(choice=code).json["outcome"] == "declined"
        assert decoded == []

    def test_the_signal_of_their_own_device(self, desk, decoded):
        """Global Privacy Control, passed on by the checkpoint, counts as a spoken no."""
        assert desk.verify(headers={"SEC_GPC": "1"}).json["outcome"] == "declined"
        assert desk.interface.sim.entries()[-2].public["via"] == "no"
        assert decoded == []
        assert desk.verify(headers={"SEC_GPC": "0"}).json["outcome"] == "verified"

    @pytest.mark.parametrize("picture", ["no base64 at all", "AAAA"])
    def test_garbage_behind_a_no_is_never_looked_at(self, desk, picture):
        answer = desk.verify(choice={"told": True, "said": "no"}, picture=picture)
        assert answer.json["outcome"] == "declined"

    def test_not_told_is_refused_before_the_camera(self, desk, decoded):
        answer = desk.verify(choice={"told": False})
        assert answer.json["outcome"] == "refused"
        assert answer.json["unmet"] and all(u["remedy"] for u in answer.json["unmet"])
        assert decoded == []

    def test_no_face(self, desk):
        answer = desk.verify(still=b"no picture at all")
        assert answer.json["outcome"] == "not-acquired"
        assert answer.json["failure"] and answer.json["alternative"] == ALTERNATIVE

    def test_somebody_else(self, desk):
        assert desk.verify(still=person(5).photograph(2)).json["outcome"] == "not-verified"

    def test_suspicious_is_not_decoded(self, desk, decoded):
        answer = desk.verify(liveness="suspicious")
        assert answer.json["outcome"] == "refused"
        assert "open" not in decoded

    @pytest.mark.parametrize("picture", ["!!!!", "AAA", "AA=A", "\u00fcber"])
    def test_no_base64(self, desk, picture):
        assert desk.verify(picture=picture).problem == "bad-input"

    def test_for_another_use(self, desk):
        answer = desk.verify(use=desk.interface.sim.agency.use_id)
        assert answer.problem in ("bad-input", "refused")

    def test_each_answer_has_its_receipt(self, desk):
        for answer in (
            desk.verify(),
            desk.verify(choice={"told": True, "said": "no"}),
            desk.verify(still=b"nothing"),
            desk.check(),
            desk.check(said="no"),
        ):
            assert answer.json["receipt"].startswith("c2sp.org/tlog-proof@v1\n")
            assert f"\nindex {answer.json['entry']}\n" in answer.json["receipt"]


class TestCheck:
    def test_declined_or_not(self, desk):
        assert desk.check().json["declined"] is False
        answer = desk.check(said="no").json
        assert (answer["declined"], answer["via"], answer["alternative"]) == (True, "no", ALTERNATIVE)

    def test_the_alternative_is_timed(self, desk):
        entry = desk.check(said="no").json["entry"]
        desk.interface.sim.clock.forward(seconds=90)
        done = desk.interface.ask("POST", "/api/v1/opt-out/alternatives", {"entry": entry}, token=desk.token)
        assert done.json["seconds"] == 90
        again = desk.interface.ask("POST", "/api/v1/opt-out/alternatives", {"entry": entry}, token=desk.token)
        assert again.problem == "bad-input"


class TestWithoutLogin:
    def test_registered_taken_back_and_gone(self, interface):
        made = interface.ask("POST", CHOICES, {"kind": "booking", "reference": "ABC123"}, key="").json
        assert interface.ask("POST", WITHDRAWALS, {"code": made["code"]}, key="").status == 200
        assert OptOut.objects.filter(token="").count() == 1
        assert interface.ask("POST", WITHDRAWALS, {"code": made["code"]}, key="").problem == "bad-input"

    def test_no_photograph_and_no_name_are_taken(self, interface):
        """R59: there is no member for either, and one that nobody reads is refused."""
        for more in ({"photograph": "AAAA"}, {"name": "Somebody"}, {"identity_document": "x"}):
            answer = interface.ask("POST", CHOICES, {"kind": "", "reference": ""} | more, key="")
            assert answer.problem == "bad-input"
        assert not OptOut.objects.exists()

    def test_nobody_learns_what_somebody_else_chose(self, interface):
        given = {"kind": "document", "reference": "P1234567"}
        first, second = (interface.ask("POST", CHOICES, given, key="") for _ in range(2))
        assert first.status == second.status == 201
        assert first.json.keys() == second.json.keys()
        assert first.json["code"] != second.json["code"]

    def test_a_complaint(self, desk):
        given = {"use": desk.gate.use_id, "about": "pressed", "words": "I was told that it is faster"}
        answer = desk.interface.ask("POST", COMPLAINTS, given, key="")
        assert answer.status == 201
        assert Complaint.objects.get(pk=answer.json["id"]).about == "pressed"
        assert "faster" not in "".join(b.decode() for b in desk.interface.sim.bodies())

    def test_too_many_from_one_address(self, interface):
        for _ in range(PUBLIC_PER_ADDRESS):
            assert interface.ask("POST", CHOICES, {}, key="").status == 201
        size = len(interface.sim.entries())
        answer = interface.ask("POST", CHOICES, {}, key="")
        assert answer.problem == "too-many-requests"
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert len(interface.sim.entries()) == size
        assert interface.ask("POST", CHOICES, {}, key="", address="192.0.2.2").status == 201
        interface.sim.clock.forward(seconds=int(answer.headers["Retry-After"]))
        assert interface.ask("POST", CHOICES, {}, key="").status == 201

    def test_too_many_in_all(self, interface, monkeypatch):
        monkeypatch.setattr("counterseal.api.asking.PUBLIC_IN_ALL", 5)
        assert PUBLIC_IN_ALL > PUBLIC_PER_ADDRESS
        answers = [interface.ask("POST", CHOICES, {}, key="", address=f"192.0.2.{n}") for n in range(7)]
        assert [a.status for a in answers] == [201] * 5 + [429] * 2

    def test_no_address_is_kept(self, interface):
        interface.ask("POST", CHOICES, {}, key="", address="198.51.100.77")
        for file in interface.sim.office.home.rglob("*"):
            if file.is_file():
                assert b"198.51.100.77" not in file.read_bytes()


class TestList:
    def test_signed_and_whole_and_the_same_until_somebody_chooses(self, interface):
        made = interface.ask("POST", CHOICES, {"kind": "document", "reference": "P1234567"}, key="").json
        token = interface.token("pat", "optout:list")
        first = interface.ask("GET", LIST, token=token)
        held = read_list(
            first.body, verifier=list_signer(interface.sim.office).verifier, at=interface.sim.clock.now
        )
        assert len(held.tokens) == 2
        assert first.headers["ETag"].strip('"') == held.seen.digest
        size = len(interface.sim.entries())
        again = interface.ask("GET", LIST, token=token)
        same = interface.ask("GET", LIST, token=token, IF_NONE_MATCH=first.headers["ETag"])
        assert (again.body, same.status, same.body) == (first.body, 304, b"")
        assert len(interface.sim.entries()) == size
        interface.ask("POST", WITHDRAWALS, {"code": made["code"]}, key="")
        changed = interface.ask("GET", LIST, token=token, IF_NONE_MATCH=first.headers["ETag"])
        assert changed.status == 200
        later = read_list(
            changed.body,
            verifier=list_signer(interface.sim.office).verifier,
            at=interface.sim.clock.now,
            seen=held.seen,
        )
        assert (later.sequence, later.tokens) == (held.sequence + 1, ())

    def test_issued_anew_before_it_is_stale(self, interface):
        client = interface.client("pat", "optout:list")
        first = interface.ask("GET", LIST, token=interface.token_of(client))
        interface.sim.clock.forward(days=20)
        later = interface.ask("GET", LIST, token=interface.token_of(client))
        assert b"\nsequence 1\n" in first.body and b"\nsequence 2\n" in later.body
