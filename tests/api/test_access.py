"""Who gets in: tokens, scopes, ends, one session a person."""

import base64
import json
import secrets
from urllib.parse import urlencode

import pytest
from django.db import IntegrityError, connection, transaction
from joserfc import jwk, jwt

import databases
from counterseal.api.oauth import AUDIENCE, FORM
from counterseal.api.openapi import document
from counterseal.gateway.admit_person import revoke_role
from counterseal.gateway.api_clients import end_client, register_client
from counterseal.oversight.models import ApiClient, ApiToken, Finding
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from interface import Interface, Said
from office import made

TOKEN = "/api/v1/token"
ROUTES = [
    (method.upper(), path.replace("{rest}", "0/000.p/1").replace("{index}", "0"), said)
    for path, methods in document()["paths"].items()
    for method, said in methods.items()
    if said["security"]
]
NAMES = [f"{method} {path}" for method, path, _ in ROUTES]


def filled(path: str) -> str:
    """The path with ids of nothing."""
    while "{" in path:
        begin, end = path.index("{"), path.index("}")
        path = f"{path[:begin]}thing-0000000000000000{path[end + 1 :]}"
    return path


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def ask_token(interface: Interface, authorization: str = "", **form: str) -> Said:
    body = urlencode({"grant_type": "client_credentials", **form}).encode()
    headers = {"AUTHORIZATION": authorization} if authorization else {}
    return interface.ask("POST", TOKEN, body, content_type=FORM, key="", **headers)


class Signer:
    """A program with a key of its own."""

    def __init__(self, interface: Interface, short: str, curve: str = "Ed25519") -> None:
        self.interface = interface
        made_key = (
            jwk.OKPKey.generate_key("Ed25519") if curve == "Ed25519" else jwk.ECKey.generate_key("P-256")
        )
        self.key, self.algorithm = made_key, "Ed25519" if curve == "Ed25519" else "ES256"
        self.client = made(
            register_client(
                interface.sim.office,
                name="signs",
                person_id=interface.sim.who(short),
                scopes=["log:read"],
                public_key=made_key.as_dict(private=False),
                by=interface.sim.who("admin"),
            )
        ).client

    def assertion(self, **changed: object) -> str:
        at = int(self.interface.sim.clock.now.timestamp())
        claims = {
            "iss": self.client.id,
            "sub": self.client.id,
            "aud": AUDIENCE,
            "exp": at + 120,
            "iat": at,
            "jti": secrets.token_hex(8),
        } | changed
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": self.algorithm}, claims, self.key, algorithms=[self.algorithm])

    def ask(self, assertion: str) -> Said:
        return ask_token(
            self.interface,
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            client_assertion=assertion,
        )


class TestSweep:
    """Every route that needs a token, each way of not having the right one."""

    def test_the_sweep_saw_the_routes(self) -> None:
        assert len(ROUTES) >= 41

    @pytest.mark.parametrize(("method", "path", "said"), ROUTES, ids=NAMES)
    def test_without_and_with_a_wrong_token(self, interface, method, path, said):
        before = len(interface.sim.entries())
        body = {} if method == "POST" else None
        assert interface.ask(method, filled(path), body).problem == "not-authenticated"
        answer = interface.ask(method, filled(path), body, token="f" * 64)
        assert answer.problem == "not-authenticated"
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert len(interface.sim.entries()) == before

    def test_wrong_scope_everywhere(self, interface):
        """One token without the scope, at every route that asks for one."""
        tokens = {"log:read": interface.token("reg", "log:read"), "review": interface.token("rue", "review")}
        seen = 0
        for method, path, said in ROUTES:
            (scopes,) = said["security"][0].values()
            if not scopes:
                continue
            token = tokens["review" if scopes == ["log:read"] else "log:read"]
            answer = interface.ask(method, filled(path), {} if method == "POST" else None, token=token)
            assert answer.problem == "scope-missing", (method, path)
            assert answer.json["scope"] == scopes[0]
            seen += 1
        assert seen >= 40

    def test_ended_client_everywhere(self, interface):
        client = interface.client("gail")
        token = interface.token_of(client)
        assert interface.ask("GET", "/api/v1/whoami", token=token).status == 200
        made(end_client(interface.sim.office, client_id=client.id, by=interface.sim.who("admin")))
        for method, path, _ in ROUTES:
            answer = interface.ask(method, filled(path), {} if method == "POST" else None, token=token)
            assert answer.problem == "not-authenticated", (method, path)
        assert not ApiToken.objects.exists()
        assert interface.sim.fsck().sound

    @pytest.mark.parametrize(
        ("short", "method", "path", "body"),
        [
            ("gail", "POST", "/api/v1/uses", {"name": "n", "purpose": "p", "law_enforcement": True}),
            ("ines", "POST", "/api/v1/uses/{use}/suspension", None),
            ("ines", "POST", "/api/v1/services/{service}/decisions", {"status": "suspended"}),
            ("gail", "POST", "/api/v1/services/{service}/versions", {"version": "9"}),
            ("ines", "GET", "/api/v1/opt-out/list", None),
            ("pat", "POST", "/api/v1/opt-out/checks", {"use": "{use}", "choice": {"told": True}}),
            ("gail", "GET", "/api/v1/disclosures", None),
            ("gail", "GET", "/api/v1/holds", None),
            ("gail", "GET", "/api/v1/findings", None),
            ("ines", "GET", "/api/v1/retention/dues", None),
        ],
    )
    def test_another_persons_role(self, interface, short, method, path, body):
        """The scope is not enough: what may be done is the person's. A refused act is sealed, and says where."""
        from checkpoint import Gate

        use = Gate(interface.sim).use_id if "checks" in path else interface.sim.agency.use_id
        filled_in = path.replace("{use}", use).replace("{service}", interface.sim.agency.service_id)
        given = json.loads(json.dumps(body).replace("{use}", use))
        answer = interface.ask(method, filled_in, given, token=interface.token(short))
        assert answer.status == 403
        assert answer.problem in ("refused", "role-missing")
        if answer.problem == "refused":
            sealed = interface.sim.entries()[answer.json["entry"]]
            assert sealed.outcome == "refused"
            assert list(sealed.reason.clauses) == answer.json["clauses"]
            assert all(u["missing"] and u["remedy"] for u in answer.json["unmet"])


class TestToken:
    def test_secret_gets_a_token_of_that_person(self, interface):
        registered = made(
            register_client(
                interface.sim.office,
                name="gate 4",
                person_id=interface.sim.who("gail"),
                scopes=["verify", "log:read"],
                by=interface.sim.who("admin"),
            )
        )
        answer = ask_token(interface, basic(registered.client.id, registered.secret), scope="verify")
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json["scope"] == "verify" and answer.json["expires_in"] == 900
        who = interface.ask("GET", "/api/v1/whoami", token=answer.json["access_token"]).json
        assert who["person"] == interface.sim.who("gail")
        assert who["roles"] == ["gate-operator"] and who["scopes"] == ["verify"]

    def test_no_secret_and_no_token_is_stored(self, interface):
        registered = made(
            register_client(
                interface.sim.office,
                name="gate 4",
                person_id=interface.sim.who("gail"),
                scopes=["verify"],
                by=interface.sim.who("admin"),
            )
        )
        token = ask_token(interface, basic(registered.client.id, registered.secret)).json["access_token"]
        files = [p for p in interface.sim.office.home.rglob("*") if p.is_file()]
        assert len(files) > 10
        for file in files:
            held = file.read_bytes()
            assert registered.secret.encode() not in held
            assert token.encode() not in held
        assert registered.secret not in repr(registered)

    @pytest.mark.parametrize(
        ("secret", "client"),
        [
            ("", None),
            ("0" * 64, None),
            (None, "client-0000000000000000"),
            (None, "nobody"),
            ("x\u00e9", None),
        ],
    )
    def test_wrong_secrets(self, interface, secret, client):
        registered = made(
            register_client(
                interface.sim.office,
                name="g",
                person_id=interface.sim.who("gail"),
                scopes=["verify"],
                by=interface.sim.who("admin"),
            )
        )
        answer = ask_token(
            interface,
            basic(client or registered.client.id, registered.secret if secret is None else secret),
        )
        assert (answer.status, answer.json["error"]) == (401, "invalid_client")
        assert not ApiToken.objects.exists()

    def test_beyond_its_scopes(self, interface):
        registered = made(
            register_client(
                interface.sim.office,
                name="g",
                person_id=interface.sim.who("gail"),
                scopes=["verify"],
                by=interface.sim.who("admin"),
            )
        )
        answer = ask_token(interface, basic(registered.client.id, registered.secret), scope="verify review")
        assert (answer.status, answer.json["error"]) == (400, "invalid_scope")

    @pytest.mark.parametrize("form", [{"grant_type": "password"}, {"grant_type": ""}])
    def test_other_grants(self, interface, form):
        body = urlencode(form).encode()
        answer = interface.ask("POST", TOKEN, body, content_type=FORM)
        assert answer.status == 400
        assert answer.json["error"] in ("unsupported_grant_type", "invalid_request")

    def test_member_that_stands_twice(self, interface):
        body = b"grant_type=client_credentials&scope=verify&scope=review"
        answer = interface.ask("POST", TOKEN, body, content_type=FORM)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")

    def test_token_runs_out(self, interface):
        token = interface.token("gail")
        interface.sim.clock.forward(minutes=14)
        assert interface.ask("GET", "/api/v1/whoami", token=token).status == 200
        interface.sim.clock.forward(minutes=2)
        assert interface.ask("GET", "/api/v1/whoami", token=token).problem == "not-authenticated"

    def test_role_lost_counts_at_the_next_request(self, interface):
        token = interface.token("gail")
        made(
            revoke_role(
                interface.sim.office,
                person_id=interface.sim.who("gail"),
                role="gate-operator",
                by=interface.sim.who("admin"),
            )
        )
        assert interface.ask("GET", "/api/v1/whoami", token=token).problem == "not-authenticated"

    def test_a_role_may_need_more_than_a_secret(self, interface):
        """The packs say so: an auditor's client signs, or it gets nothing; the refusal is sealed."""
        registered = made(
            register_client(
                interface.sim.office,
                name="audit",
                person_id=interface.sim.who("aud"),
                scopes=["log:read"],
                by=interface.sim.who("admin"),
            )
        )
        answer = ask_token(interface, basic(registered.client.id, registered.secret))
        assert (answer.status, answer.json["error"]) == (400, "unauthorized_client")
        assert interface.sim.entries()[-1].kind == "session.refused"

    def test_one_session_a_person(self, interface):
        """A second program of the same person ends the first's session, and somebody must look at it."""
        first = interface.token("gail")
        again = interface.token("gail")
        assert interface.ask("GET", "/api/v1/whoami", token=first).problem == "not-authenticated"
        assert interface.ask("GET", "/api/v1/whoami", token=again).status == 200
        assert Finding.objects.filter(kind="concurrent-session").count() == 1

    def test_every_entry_says_its_session(self, interface):
        token = interface.token("sol")
        answer = interface.ask(
            "POST", "/api/v1/uses", {"name": "n", "purpose": "p", "law_enforcement": False}, token=token
        )
        opened = interface.sim.opened(answer.json["entry"])
        assert opened["initiator"] == interface.sim.who("sol")
        assert str(opened["session"]).startswith("session-")


class TestAssertion:
    @pytest.mark.parametrize("curve", ["Ed25519", "P-256"])
    def test_signed_with_its_own_key(self, interface, curve):
        signer = Signer(interface, "aud", curve)
        answer = signer.ask(signer.assertion())
        assert answer.status == 200, answer
        assert interface.ask("GET", "/api/v1/log/checkpoint", token=answer.json["access_token"]).status == 200

    def test_taken_once(self, interface):
        signer = Signer(interface, "aud")
        assertion = signer.assertion()
        assert signer.ask(assertion).status == 200
        again = signer.ask(assertion)
        assert (again.status, again.json["error"]) == (400, "invalid_client")

    @pytest.mark.parametrize(
        "changed",
        [
            {"aud": "https://elsewhere.example/token"},
            {"aud": None},
            {"exp": None},
            {"exp": 1_000_000_000},
            {"exp": 32_503_680_000},
            {"exp": True},
            {"jti": None},
            {"jti": "short"},
            {"jti": 12345678},
            {"iss": "client-0000000000000000"},
            {"sub": "client-0000000000000000"},
            {"sub": 7},
            {"sub": None},
            {"iat": 32_503_680_000, "nbf": 32_503_680_000},
        ],
        ids=str,
    )
    def test_every_claim_counts(self, interface, changed):
        signer = Signer(interface, "aud")
        answer = signer.ask(signer.assertion(**changed))
        assert (answer.status, answer.json["error"]) == (400, "invalid_client")
        assert not ApiToken.objects.exists()

    def test_another_key_and_no_key(self, interface):
        signer, other = Signer(interface, "aud"), Signer(interface, "arc")
        claims = {"iss": signer.client.id, "sub": signer.client.id}
        assert signer.ask(other.assertion(**claims)).json["error"] == "invalid_client"
        header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
        body = signer.assertion().split(".")[1]
        assert signer.ask(f"{header}.{body}.").json["error"] == "invalid_client"

    def test_its_public_key_is_no_shared_secret(self, interface):
        """HS256 keyed with the public key: the old confusion of algorithms."""
        signer = Signer(interface, "aud")
        public = signer.key.as_dict(private=False)["x"]
        forged = jwt.encode(
            {"alg": "HS256"},
            {"iss": signer.client.id, "sub": signer.client.id, "aud": AUDIENCE, "jti": "a" * 16},
            jwk.OctKey.import_key(public.encode()),
        )
        assert signer.ask(forged).json["error"] == "invalid_client"

    def test_a_signing_client_has_no_secret(self, interface):
        signer = Signer(interface, "aud")
        assert ask_token(interface, basic(signer.client.id, "")).status == 401
        assert ask_token(interface, basic(signer.client.id, "0" * 64)).status == 401


class TestRegistering:
    def test_sealed_without_name_or_scopes_in_the_open(self, interface):
        client = interface.client("gail", "verify")
        entry = interface.sim.entries()[client.entry_index]
        assert (entry.kind, dict(entry.public)) == ("client.registered", {"scopes": 1, "signs": False})
        assert interface.sim.opened(client.entry_index)["person"] == interface.sim.who("gail")

    @pytest.mark.parametrize("by", ["ines", "rue"])
    def test_an_administrator_does_it(self, interface, by):
        office = interface.sim.office
        refusal = register_client(
            office, name="x", person_id=interface.sim.who("gail"), scopes=["verify"], by=interface.sim.who(by)
        )
        interface.sim.sealed_refusal(refusal, "apiclient.refused", "D-026-11/security")
        client = interface.client("gail")
        refusal = end_client(office, client_id=client.id, by=interface.sim.who(by))
        interface.sim.sealed_refusal(refusal, "apiclient.refused", "D-026-11/security")

    def test_nobody_for_themselves(self, interface):
        admin = interface.sim.who("admin")
        refusal = register_client(
            interface.sim.office, name="x", person_id=admin, scopes=["verify"], by=admin
        )
        assert isinstance(refusal, Refusal)
        assert not ApiClient.objects.exists()

    @pytest.mark.parametrize(
        "changed",
        [
            {"name": " "},
            {"name": "n" * 121},
            {"scopes": []},
            {"scopes": ["everything"]},
            {"person_id": "person-0000000000000000"},
            {"public_key": {"kty": "RSA", "n": "x", "e": "AQAB"}},
            {"public_key": {"kty": "OKP", "crv": "Ed25519", "x": "a", "d": "secret"}},
            {"public_key": {}},
        ],
        ids=str,
    )
    def test_bad_input_leaves_nothing(self, interface, changed):
        before = len(interface.sim.entries())
        given = {
            "name": "x",
            "person_id": interface.sim.who("gail"),
            "scopes": ["verify"],
            "by": interface.sim.who("admin"),
        } | changed
        with pytest.raises(BadInputError):
            register_client(interface.sim.office, **given)
        assert len(interface.sim.entries()) == before

    def test_ended_once(self, interface):
        client = interface.client("gail")
        made(end_client(interface.sim.office, client_id=client.id, by=interface.sim.who("admin")))
        with pytest.raises(StaleError):
            end_client(interface.sim.office, client_id=client.id, by=interface.sim.who("admin"))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE oversight_apiclient SET scopes = '[\"review\"]'",
            "UPDATE oversight_apiclient SET person_id = 'person-0000000000000000'",
            "UPDATE oversight_apiclient SET secret_hash = 'x', public_key = '{}'",
            "UPDATE oversight_apiclient SET status = 'active', ended_at = NULL, ended_by_id = ''",
            "UPDATE oversight_apiclient SET ended_at = '2020-01-01 00:00:00'",
            "DELETE FROM oversight_apiclient",
        ],
    )
    def test_the_database_itself_refuses(self, interface, statement):
        """Round Python: no wider scope, nobody else's roles, no way back from the end."""
        client = interface.client("gail")
        made(end_client(interface.sim.office, client_id=client.id, by=interface.sim.who("admin")))
        with (
            databases.as_owner(interface.sim.office.home),
            pytest.raises(IntegrityError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
