"""Whatever is wrong: one form of answer, in words, with a type that stays, and no look inside the program."""

import pytest
from django.db import connection

import databases
from counterseal.api.application import LARGEST_BODY
from counterseal.terms.errors import IntegrityError
from interface import Interface

USES = "/api/v1/uses"


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code"),
    [
        ("GET", "/", {}, None, 404, "not-found"),
        ("GET", "/api/v2/uses", {}, None, 404, "not-found"),
        ("GET", "/api/v1/uses/../../etc/passwd", {}, None, 404, "not-found"),
        ("GET", "/api/v1/log/tile/", {}, None, 404, "not-found"),
        ("GET", "/api/v1/uses/use-0000000000000000", {}, None, 404, "not-found"),
        ("GET", "/api/v1/log/entries/999999/receipt", {}, None, 404, "not-found"),
        ("GET", f"/api/v1/log/entries/{10**40}/receipt", {}, None, 404, "not-found"),
        ("GET", "/api/v1/uses/nothing", {}, None, 422, "bad-input"),
        ("DELETE", USES, {}, None, 405, "method-not-allowed"),
        ("OPTIONS", USES, {}, None, 405, "method-not-allowed"),
        ("PATCH", "/health", {}, None, 405, "method-not-allowed"),
        ("GET", USES, {"ACCEPT": "text/html"}, None, 406, "not-acceptable"),
        ("POST", USES, {}, b"{", 400, "malformed"),
        ("POST", USES, {}, b"\xff\xfe", 400, "malformed"),
        ("POST", USES, {}, b"[" * 100_000, 400, "malformed"),
        ("POST", USES, {}, b"[]", 422, "bad-input"),
        ("POST", USES, {}, b"", 422, "bad-input"),
        ("POST", USES, {}, b"null", 422, "bad-input"),
        ("POST", USES, {}, {"name": "\ud800", "purpose": "p", "law_enforcement": True}, 422, "bad-input"),
        ("POST", USES, {}, {"name": "a\x00b", "purpose": "p", "law_enforcement": True}, 422, "bad-input"),
        ("POST", USES, {}, {"name": "n", "purpose": "p", "law_enforcement": "true"}, 422, "bad-input"),
        ("POST", USES, {}, {"name": "n", "purpose": "p", "law_enforcement": True, "x": 1}, 422, "bad-input"),
        ("POST", USES, {}, {"name": " ", "purpose": "p", "law_enforcement": True}, 422, "bad-input"),
        ("POST", USES, {"content_type": "text/plain"}, b"x", 415, "unsupported-media-type"),
        (
            "POST",
            USES,
            {"content_type": "multipart/form-data; boundary=x"},
            b"x",
            415,
            "unsupported-media-type",
        ),
        ("POST", "/api/v1/token", {"content_type": "application/json"}, b"{}", 415, "unsupported-media-type"),
        ("POST", USES, {}, b"x" * (LARGEST_BODY + 1), 413, "too-large"),
        ("POST", f"{USES}?x={'y' * 3000}", {}, b"{}", 422, "bad-input"),
    ],
)
def test_each_way_of_being_wrong(interface: Interface, method, path, headers, body, status, code):
    token = interface.token("sol")
    before = len(interface.sim.entries())
    answer = interface.ask(method, path, body, token=token, **headers)
    assert (answer.status, answer.problem) == (status, code), answer
    assert answer.json["title"] and answer.json["detail"]
    assert answer.json["instance"].startswith("urn:counterseal:request:")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (status == 405) == ("Allow" in answer.headers)
    assert len(interface.sim.entries()) == before


def test_unfit_members_are_named(interface):
    answer = interface.ask("POST", USES, {"purpose": "p", "law_enforcement": 1}, token=interface.token("sol"))
    assert {e["where"].split("/")[-1] for e in answer.json["errors"]} == {"name", "law_enforcement"}
    assert all(e["says"] for e in answer.json["errors"])


def test_a_stale_act(interface):
    token = interface.token("rue")
    path = f"/api/v1/services/{interface.sim.agency.service_id}/record"
    assert interface.ask("POST", path, {"security": "new words"}, token=token).problem == "stale"


def test_a_body_shorter_than_it_says(interface):
    """Read as what it is not, half a body would be another request."""
    import io

    began = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": USES,
        "QUERY_STRING": "",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(b"{}"),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "CONTENT_LENGTH": "50",
        "CONTENT_TYPE": "application/json",
    }
    answer = interface.application(environ, lambda status, headers: began.append(status))
    assert began == ["400 Bad Request"]
    answer.close()


class TestFaults:
    def test_a_fault_shows_nothing_of_the_program(self, interface, monkeypatch, capsys):
        token = interface.token("pat")

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("secret inner words")

        monkeypatch.setattr("counterseal.api.routes.uses.use_shown", broken)
        answer = interface.ask("GET", USES, token=token)
        assert (answer.status, answer.problem) == (500, "fault")
        assert b"secret" not in answer.body and b"Traceback" not in answer.body
        said = capsys.readouterr().err
        assert answer.json["instance"] in said and "secret inner words" in said and token not in said

    def test_what_is_sealed_does_not_hold(self, interface, monkeypatch):
        def broken(*_: object, **__: object) -> None:
            raise IntegrityError("a stored hash is missing")

        monkeypatch.setattr("counterseal.api.routes.log.receipt_of", broken)
        token = interface.token("pat")
        answer = interface.ask("GET", "/api/v1/log/entries/1/receipt", token=token)
        assert (answer.status, answer.problem) == (503, "integrity-failure")

    def test_the_database_does_not_answer(self, interface):
        """Another program holds or damaged it: said, and nothing is half done."""
        token = interface.token("pat")
        connection.close()
        with databases.raw(interface.sim.office.home) as database:
            database.execute("ALTER TABLE oversight_use RENAME TO oversight_use_gone")
        answer = interface.ask("GET", USES, token=token)
        assert (answer.status, answer.problem) == (503, "unavailable")
        assert answer.headers["Retry-After"]
        assert "oversight_use" not in answer.json["detail"]

    def test_a_full_disk_is_not_well(self, interface, monkeypatch):
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("counterseal.api.routes.access.tempfile.TemporaryFile", full)
        answer = interface.ask("GET", "/health")
        assert (answer.status, answer.problem) == (503, "unavailable")
