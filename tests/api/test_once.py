"""The same key and the same request: done once, answered alike, whatever breaks in between."""

import threading
from pathlib import Path

import pytest
from django.db import connections

from counterseal.api import declaring
from counterseal.api.application import Application
from counterseal.gateway import propose_use as verbs
from counterseal.gateway.api_notes import ANSWERS_KEPT
from counterseal.oversight.models import ApiAnswer, Use
from interface import Interface
from office import person

USES = "/api/v1/uses"
USE = {"name": "A use", "purpose": "to try", "law_enforcement": False}
KEY = "key-of-one-request"


class Killed(BaseException):
    """The process ends here."""


def propose(interface: Interface, token: str, key: str = KEY, **changed: object):
    return interface.ask("POST", USES, USE | changed, token=token, key=key)


class TestOnce:
    def test_again_is_answered_alike(self, interface):
        token = interface.token("sol")
        first = propose(interface, token)
        size = len(interface.sim.entries())
        again = propose(interface, token)

        assert (first.status, first.body) == (201, again.body) and again.status == 201
        assert again.headers["Idempotent-Replay"] == "true" and "Idempotent-Replay" not in first.headers
        assert len(interface.sim.entries()) == size
        assert Use.objects.filter(name="A use").count() == 1

    def test_a_refusal_too(self, interface):
        token = interface.token("gail")
        first, size = propose(interface, token), len(interface.sim.entries())
        assert first.problem == "refused"
        assert propose(interface, token).body == first.body
        assert len(interface.sim.entries()) == size

    def test_another_request_under_the_same_key(self, interface):
        token = interface.token("sol")
        propose(interface, token)
        assert propose(interface, token, name="Another").problem == "key-reused"
        path = f"/api/v1/uses/{interface.sim.agency.use_id}/suspension"
        assert interface.ask("POST", path, token=token, key=KEY).problem == "key-reused"
        assert not Use.objects.filter(name="Another").exists()

    def test_keys_are_each_clients_own(self, interface):
        """What one client was answered, another never sees."""
        first = propose(interface, interface.token("sol"))
        other = propose(interface, interface.token("ines"), name="Another")
        assert other.status == 201 and other.json["id"] != first.json["id"]

    @pytest.mark.parametrize(
        "key", ["", "short", "k" * 129, "with space in it", "schl\u00fcssel-1", "a;b'c\"--12"]
    )
    def test_without_a_key_nothing_is_done(self, interface, key):
        token = interface.token("sol")
        assert propose(interface, token, key=key).problem == "key-missing"
        assert not Use.objects.filter(name="A use").exists()

    def test_what_does_not_fit_its_schema_claims_no_key(self, interface):
        token = interface.token("sol")
        assert interface.ask("POST", USES, {"name": 7}, token=token, key=KEY).problem == "bad-input"
        assert propose(interface, token).status == 201

    def test_after_a_day_the_key_is_free(self, interface):
        client = interface.client("sol")
        propose(interface, interface.token_of(client))
        interface.sim.clock.forward(seconds=ANSWERS_KEPT.total_seconds() + 60)
        token = interface.token_of(client)
        assert propose(interface, token, name="Another").status == 201
        assert ApiAnswer.objects.count() == 1


class TestSessionEnds:
    """Somebody, or the same person elsewhere, ends the session while a request of it is being worked on."""

    def ended(self, interface: Interface, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> tuple[str, str]:
        """A token whose session ends within the next proposal (after: when it was sealed); the one that follows it."""
        client = interface.client("sol")
        token, followed = interface.token_of(client), []
        real = verbs.propose_use

        def propose_use(*given: object, **more: object):
            if after:
                real(*given, **more)
            monkeypatch.undo()
            followed.append(interface.token_of(client))
            return real(*given, **more)

        monkeypatch.setattr(verbs, "propose_use", propose_use)
        answer = propose(interface, token)
        assert (answer.status, answer.problem) == (401, "not-authenticated")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert "sign in again" in answer.json["detail"]
        return token, followed[0]

    def test_nothing_was_done_and_a_new_token_does_it(self, interface, monkeypatch):
        """The key still stands for the request: a client repeats it as it is, with the new token."""
        token, new = self.ended(interface, monkeypatch, after=False)

        assert not Use.objects.filter(name="A use").exists()
        assert propose(interface, token).problem == "not-authenticated"
        assert propose(interface, new).status == 201
        assert propose(interface, new).headers["Idempotent-Replay"] == "true"
        assert Use.objects.filter(name="A use").count() == 1

    def test_what_was_done_in_part_is_told_and_not_repeated(self, interface, monkeypatch):
        _, new = self.ended(interface, monkeypatch, after=True)

        answer = propose(interface, new)
        assert answer.problem == "outcome-unknown"
        (entry,) = answer.json["entries"]
        assert interface.sim.entries()[entry].kind == "use.proposed"
        assert Use.objects.filter(name="A use").count() == 1


class TestKilled:
    """The process ends between the act and its answer, and another begins."""

    def restarted(self, interface: Interface) -> None:
        interface.application.close()
        interface.application = Application(interface.sim.office)

    def test_after_the_act(self, interface, monkeypatch):
        """It was done, the answer is lost: the next one is told which entries to look at, and nothing is repeated."""
        token = interface.token("sol")

        def killed(*_: object, **__: object) -> None:
            raise Killed

        monkeypatch.setattr(declaring, "answer", killed)
        with pytest.raises(Killed):
            propose(interface, token)
        monkeypatch.undo()
        self.restarted(interface)
        size = len(interface.sim.entries())
        answer = propose(interface, token)

        assert answer.problem == "outcome-unknown"
        (entry,) = answer.json["entries"]
        assert interface.sim.entries()[entry].kind == "use.proposed"
        assert len(interface.sim.entries()) == size
        assert propose(interface, token).problem == "outcome-unknown"

    def test_before_the_act(self, interface, monkeypatch):
        """Nothing was sealed for this person since: nothing was done, and the request is done now."""
        token = interface.token("sol")

        def killed(*_: object, **__: object) -> None:
            raise Killed

        monkeypatch.setattr("counterseal.gateway.propose_use.change", killed)
        with pytest.raises(Killed):
            propose(interface, token)
        monkeypatch.undo()
        interface.token("gail")  # somebody else's acts in between say nothing
        self.restarted(interface)
        assert propose(interface, token).status == 201
        assert propose(interface, token).headers["Idempotent-Replay"] == "true"

    def test_while_the_server_lives_it_is_in_progress(self, interface, monkeypatch):
        """A second process asks while the first works: no second act."""
        token = interface.token("sol")
        second = Interface(interface.sim, Application(interface.sim.office))
        answers = []
        propose_use = verbs.propose_use

        def meanwhile(*given: object, **named: object) -> object:
            answers.extend([propose(second, token), propose(interface, token)])
            return propose_use(*given, **named)

        monkeypatch.setattr(verbs, "propose_use", meanwhile)
        assert propose(interface, token).status == 201
        second.application.close()
        assert [a.problem for a in answers] == ["in-progress", "in-progress"]
        assert all(a.headers["Retry-After"] == "1" for a in answers)

    def test_a_fault_leaves_it_unanswered_and_tried_again(self, interface, monkeypatch):
        token = interface.token("sol")
        monkeypatch.setattr("counterseal.gateway.sealing.sign_checkpoint", lambda *_: 1 / 0)
        assert propose(interface, token).problem == "fault"
        monkeypatch.undo()
        assert propose(interface, token).status == 201

    def test_the_search_that_was_sent(self, interface, monkeypatch):
        """A search whose answer was lost is never sent again by itself: intent and outcome are named."""
        case = interface.sim.case()
        request = interface.sim.request(case, interface.sim.probe(case))
        token = interface.token("ines")
        path = f"/api/v1/searches/{request.id}/submission"

        def killed(*_: object, **__: object) -> None:
            raise Killed

        monkeypatch.setattr(declaring, "answer", killed)
        with pytest.raises(Killed):
            interface.ask("POST", path, token=token, key=KEY)
        monkeypatch.undo()
        calls = interface.sim.local["embedded"].calls
        self.restarted(interface)
        answer = interface.ask("POST", path, token=token, key=KEY)
        assert answer.problem == "outcome-unknown"
        kinds = [interface.sim.entries()[index].kind for index in answer.json["entries"]]
        assert kinds[0] == "search.intent" and "search.outcome" in kinds
        assert interface.sim.local["embedded"].calls == calls


def test_two_at_once_are_one_act(interface):
    """Eight threads with one key: one act; the others hear the answer, or that it is being worked on."""
    token = interface.token("sol")
    answers, ready = [], threading.Barrier(8)

    def ask() -> None:
        ready.wait()
        try:
            answers.append(propose(interface, token))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Use.objects.filter(name="A use").count() == 1
    assert {a.status for a in answers} <= {201, 409}
    assert {a.problem for a in answers if a.status == 409} <= {"in-progress"}
    assert any(a.status == 201 for a in answers)
    assert len({a.body for a in answers if a.status == 201}) == 1


def test_nothing_of_a_photograph_is_stored_for_it(interface):
    """Neither the picture nor anything by which somebody with all our keys could try out pictures."""
    import base64

    from checkpoint import Gate

    gate = Gate(interface.sim)
    picture = person(3).photograph(2)
    body = {
        "use": gate.use_id,
        "reference": gate.reference(3),
        "choice": {"told": True},
        "picture": base64.b64encode(picture).decode(),
        "liveness": "no-attack-seen",
    }
    token = interface.token("gail")
    assert interface.ask("POST", "/api/v1/verify", body, token=token, key=KEY).json["outcome"] == "verified"
    files = [p for p in Path(interface.sim.office.home).rglob("*") if p.is_file()]
    for file in files:
        held = file.read_bytes()
        assert picture[100:200] not in held
        assert body["picture"][100:200].encode() not in held
        assert KEY.encode() not in held
