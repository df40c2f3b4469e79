"""Register and end a program that uses the HTTP interface. It acts as one person and can do nothing that they cannot.

An administrator does both, never for themselves. A secret is shown once; what is kept is a keyed hash of it, or the
program's public key. The end of a client ends its tokens in the same instant.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.gateway.sessions import end_session
from counterseal.oversight.models import ApiClient, ApiClientStatus, ApiToken
from counterseal.people.models import Person, Session
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

# What a client can be let do. A scope opens a part of the interface; roles decide what may be done there.
SCOPES: Mapping[str, str] = {
    "services:read": "read the register of services",
    "services:write": "act on services: register, complete, decide, report a version, reconcile",
    "uses:read": "read the register of uses",
    "uses:write": "act on uses: propose, concur or object, suspend, risks",
    "search:read": "read the state of search requests",
    "search:write": "request and submit searches, approve requests of others",
    "review": "judge candidate lists, blind",
    "verify": "verify claims, check choices, record that an alternative was completed",
    "optout:list": "fetch the signed list of choices",
    "disclose": "read and record disclosures",
    "retention": "read clocks, place and lift holds",
    "findings:read": "read findings",
    "log:read": "read checkpoint, tiles, receipts and the standing with witnesses",
}
_CURVES = {"Ed25519": ("OKP", ("x",)), "P-256": ("EC", ("x", "y"))}


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client that may act from now on. secret: shown this once; empty where it signs with a key of its own."""

    client: ApiClient
    secret: str = field(repr=False)


def register_client(
    office: Office,
    *,
    name: str,
    person_id: str,
    scopes: Collection[str],
    by: str,
    public_key: Mapping[str, object] | None = None,
) -> RegisteredClient | Refusal:
    """Register a program that acts as this person.

    scopes: of `SCOPES`. public_key: its public key as a JWK (Ed25519 or P-256); without one it gets a secret.

    Raises:
        BadInputError: no name, no or unknown scopes, nobody of that id, or no such key.
    """
    if not name.strip() or len(name) > 120:
        raise BadInputError("a client has a name of 1 to 120 characters")
    if not scopes or set(scopes) - set(SCOPES):
        raise BadInputError(f"a client has at least one scope of: {', '.join(SCOPES)}")
    key = public_jwk(public_key) if public_key is not None else {}
    secret = "" if key else office.token(32).hex()
    with change(office) as now:
        client_id = office.new_id(ApiClient)
        move = "register a client"
        found(Person, person_id)
        if refusal := stands_against(now, move, by=by, target=client_id, people={"person_id": person_id}):
            return refusal
        client = ApiClient(
            id=client_id,
            name=name.strip(),
            person_id=person_id,
            scopes=sorted(set(scopes)),
            secret_hash=keyed(office, "client secret", secret) if secret else "",
            public_key=key,
            status=ApiClientStatus.ACTIVE,
            registered_by_id=by,
            registered_at=now.at,
        )
        now.seal(
            "client.registered",
            by=by,
            action=move,
            target=client.id,
            outcome="done",
            clauses=["D-026-11/security"],
            public={"scopes": len(client.scopes), "signs": bool(key)},
            committed={"person": person_id, "scopes": list(client.scopes)},
            rows=[client],
        )
    return RegisteredClient(client, secret)


def end_client(office: Office, *, client_id: str, by: str) -> ApiClient | Refusal:
    """End a client and every token of it, at once.

    Raises:
        BadInputError: there is no such client. StaleError: it was ended already.
    """
    with change(office) as now:
        client = found(ApiClient, client_id)
        move = "end a client"
        if refusal := stands_against(now, move, by=by, target=client_id, state=client.status):
            return refusal
        client.status, client.ended_by_id, client.ended_at = ApiClientStatus.ENDED, by, now.at
        now.seal(
            "client.ended",
            by=by,
            action=move,
            target=client.id,
            outcome="done",
            clauses=["D-026-11/security"],
            causes=[client.entry_index],
            rows=[client],
        )
        ApiToken.objects.filter(client_id=client_id).delete()
    for session_id in Session.objects.filter(terminal=client_id, ended_at=None).values_list("id", flat=True):
        end_session(office, session_id=session_id, by=by)
    return client


def public_jwk(given: Mapping[str, object]) -> dict[str, str]:
    """The members of a public JWK that say the key, and nothing else of it (RFC 7517, RFC 8037).

    Raises:
        BadInputError: a private key, or none on Ed25519 or P-256.
    """
    if "d" in given:
        raise BadInputError("that is a private key: keep it, and give the public one")
    kind, members = _CURVES.get(str(given.get("crv")), ("", ()))
    if not kind or given.get("kty") != kind or not all(isinstance(given.get(m), str) for m in members):
        raise BadInputError("a client signs with Ed25519 or ES256: give its public key as a JWK (OKP or EC)")
    return {"kty": kind, "crv": str(given["crv"]), **{m: str(given[m]) for m in members}}


def keyed(office: Office, purpose: str, *parts: str) -> str:
    """A keyed hash of these parts for one purpose, hex: nobody finds them by trying without the key."""
    message = "".join(f"{len(part.encode())}:{part}" for part in ("counterseal/interface/1", purpose, *parts))
    return hmac.new(office.fingerprint_key, message.encode(), hashlib.sha256).hexdigest()
