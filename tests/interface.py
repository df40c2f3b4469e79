"""An interface on a simulated office, asked in this process, and clients of its staff."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from counterseal import bootstrap  # noqa: F401 - settings first
from counterseal.api.application import Application
from counterseal.gateway.api_clients import SCOPES, register_client
from counterseal.gateway.api_notes import give_token
from counterseal.oversight.models import ApiClient
from counterseal.terms.sessions import Factor
from office import SimulatedOffice, made


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The code of the problem that this is."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        assert self.json["status"] == self.status
        return str(self.json["type"]).removeprefix("urn:counterseal:problem:")


@dataclass
class Interface:
    """The application of one office, and a way to ask it. address: from where it is asked."""

    sim: SimulatedOffice
    application: Application
    keys: int = field(default=0)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = "",
        key: str | None = None,
        address: str = "192.0.2.1",
        content_type: str = "application/json",
        **headers: str,
    ) -> Said:
        """One request. body: bytes as they are, anything else as JSON. key: a new one unless told; "" for none."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.keys += 1
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "gateway.example",
            "SERVER_PORT": "443",
            "REMOTE_ADDR": address,
            "wsgi.input": io.BytesIO(data),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "https",
            "CONTENT_LENGTH": str(len(data)),
        }
        if data:
            environ["CONTENT_TYPE"] = content_type
        if token:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        key = f"test-key-{self.keys}" if key is None else key
        if key:
            environ["HTTP_IDEMPOTENCY_KEY"] = key
        for name, value in headers.items():
            environ[f"HTTP_{name.upper()}"] = value
        began: list[Any] = []
        answer = self.application(environ, lambda status, given: began.extend((status, given)))
        try:
            said = b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close:
                close()
        return Said(int(began[0].split()[0]), dict(began[1]), said)

    def client(self, short: str, *scopes: str) -> ApiClient:
        """A client of this member of staff; with every scope unless told."""
        by = "admin" if short != "admin" else "second-admin"
        registered = made(
            register_client(
                self.sim.office,
                name=f"machine of {short}",
                person_id=self.sim.who(short),
                scopes=scopes or tuple(SCOPES),
                by=self.sim.who(by),
            )
        )
        return registered.client

    def token(self, short: str, *scopes: str) -> str:
        """A token of a new client of this member of staff."""
        client = self.client(short, *scopes)
        return self.token_of(client)

    def token_of(self, client: ApiClient) -> str:
        """A token of this client, begun with its own key."""
        token = give_token(
            self.sim.office, client, frozenset(client.scopes), factor=Factor.PHISHING_RESISTANT
        )
        assert isinstance(token, str), token
        return token
