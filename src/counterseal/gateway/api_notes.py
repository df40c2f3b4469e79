"""The interface's own notes: tokens, assertions used, counts, and which request was answered how.

They are no records of the office: nothing here is sealed, and all of it is gone within a day. A note outlives the
process that made it; a power cut may take the latest ones, which then count as unknown, never as done.
"""

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, connection

from counterseal.gateway.api_clients import keyed
from counterseal.gateway.databases import database
from counterseal.gateway.office import Office
from counterseal.gateway.sessions import SessionOverError, begin_session, under_session
from counterseal.gateway.storing import read
from counterseal.ledger.entry import Disclosure, open_committed, read_entry
from counterseal.ledger.tree import Frontier
from counterseal.oversight.models import (
    ApiAnswer,
    ApiAssertion,
    ApiClient,
    ApiClientStatus,
    ApiCount,
    ApiToken,
    LogDisclosures,
    LogEntry,
    LogState,
)
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import UnavailableError
from counterseal.terms.sessions import Factor

TOKEN_MINUTES = 15
ANSWERS_KEPT = timedelta(hours=24)
NOBODY = "anybody"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a token speaks for. office: bound to their session. scopes: what it may be used for."""

    office: Office
    client_id: str
    person_id: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Claimed:
    """The request is ours to answer. size: of the log before it; what it does has an index from there on."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Stored:
    """The request was answered before, like this."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request was claimed before and has no answer. running: a server works on it. entries: where it is not
    running, what was sealed for this person since, which may or may not be of this request."""

    running: bool
    entries: tuple[int, ...] = ()


class OtherRequest:
    """The key was used for another request."""


@contextmanager
def noting(office: Office) -> Iterator[None]:
    """Write notes in one transaction, in the writers' line, without waiting for the disk: see the module's promise.

    Raises:
        UnavailableError: the database does not take them.
    """
    try:
        with _unhurried(), database().writing(office.home) as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL synchronous_commit TO OFF")
            yield
    except (DatabaseError, OSError) as error:
        raise UnavailableError(
            f"the database does not answer ({error}): nothing was done; try again"
        ) from error


@contextmanager
def _unhurried() -> Iterator[None]:
    """SQLite: commits inside are in the log that a crash of the process leaves, and wait for no disk."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            cursor.execute("PRAGMA synchronous=FULL")


def active_client(client_id: str) -> ApiClient | None:
    """The client of this id, where it may act now."""
    client = read(ApiClient, client_id)
    return client if client is not None and client.status == ApiClientStatus.ACTIVE else None


def knows_secret(office: Office, client: ApiClient, secret: str) -> bool:
    """Whether this is the client's secret."""
    return bool(client.secret_hash) and hmac.compare_digest(
        client.secret_hash, keyed(office, "client secret", secret)
    )


def first_use(office: Office, *, client_id: str, jti: str, seconds: int) -> bool:
    """Note that this assertion was used; False where it was used before. seconds: how long it would be valid."""
    now = office.clock()
    with noting(office):
        ApiAssertion.objects.filter(expires_at__lte=now).delete()
        _, new = ApiAssertion.objects.get_or_create(
            digest=keyed(office, "assertion", client_id, jti),
            defaults={"expires_at": now + timedelta(seconds=seconds)},
        )
    return new


def give_token(office: Office, client: ApiClient, scopes: frozenset[str], *, factor: Factor) -> str | Refusal:
    """Begin the session of the client's person, with a token good for `TOKEN_MINUTES`.

    Any other session of that person ends; the same client may begin anew at any time. factor: how it signed in.
    """
    begun = begin_session(office, person_id=client.person_id, factor=factor, terminal=client.id)
    if isinstance(begun, Refusal):
        return begun
    now = office.clock()
    with noting(office):
        ApiToken.objects.filter(expires_at__lte=now).delete()
        ApiToken.objects.create(
            digest=keyed(office, "token", begun.token),
            client_id=client.id,
            scopes=sorted(scopes),
            expires_at=now + timedelta(minutes=TOKEN_MINUTES),
        )
    return begun.token


def bearer_of(office: Office, token: str) -> Bearer | None:
    """For whom this token speaks at this instant; None where it ran out, or its session or client ended.

    What the person's roles are is asked anew by each verb.
    """
    held = ApiToken.objects.filter(pk=keyed(office, "token", token), expires_at__gt=office.clock()).first()
    client = active_client(held.client_id) if held else None
    if held is None or client is None:
        return None
    try:
        acting = under_session(office, token)
    except SessionOverError:
        return None
    if acting.person_id != client.person_id:
        return None
    return Bearer(
        acting.office, client.id, client.person_id, frozenset(held.scopes) & frozenset(client.scopes)
    )


def wait_before(office: Office, what: str, *, at_most: int, seconds: int) -> int:
    """Count one request of this bucket; how many seconds to wait where there were `at_most` in its window already.

    what: what is counted, for example `address:192.0.2.1`; only its keyed hash is kept, and no longer than the window.
    """
    now = office.clock()
    with noting(office):
        ApiCount.objects.filter(window_ends__lte=now).delete()
        held, _ = ApiCount.objects.get_or_create(
            bucket=keyed(office, "count", what),
            defaults={"window_ends": now + timedelta(seconds=seconds), "count": 0},
        )
        if held.count >= at_most:
            return max(1, -((now - held.window_ends) // timedelta(seconds=1)))
        held.count += 1
        held.save()
    return 0


def request_digest(office: Office, *, client_id: str, key: str) -> str:
    """The name under which a request is claimed: of this client and its idempotency key."""
    return keyed(office, "request", client_id, key)


def claim(
    office: Office,
    digest: str,
    *,
    person_id: str,
    key: str,
    request: bytes,
    server: str,
    lives: Callable[[str], bool],
) -> Claimed | Stored | Unanswered | OtherRequest:
    """Claim a request before its act.

    digest: `request_digest`; nobody else in this process works on it. request: all of it that matters. server: this
    process. lives: whether another server process does. What nobody works on any more, and after which nothing at
    all was sealed for the person, did not happen: it is claimed anew.
    """
    now = office.clock()
    # Under the client's own key, which is not kept: what is stored of a photograph cannot be tried out.
    asked = keyed(office, "asked", key, hmac.digest(key.encode(), request, "sha256").hex())
    with noting(office):
        ApiAnswer.objects.filter(claimed_at__lte=now - ANSWERS_KEPT).delete()
        held = ApiAnswer.objects.filter(pk=digest).first()
        if held is None:
            size = log_size()
            ApiAnswer.objects.create(
                digest=digest, asked=asked, person_id=person_id, server=server, size=size, claimed_at=now
            )
            return Claimed(digest, size)
        if not hmac.compare_digest(held.asked, asked):
            return OtherRequest()
        if held.status is not None:
            return Stored(held.status, held.content_type, bytes(held.body))
        if held.server not in ("", server) and lives(held.server):
            return Unanswered(running=True)
        entries = sealed_for(person_id, since=held.size)
        if entries:
            return Unanswered(running=False, entries=entries)
        held.server, held.size, held.claimed_at = server, log_size(), now
        held.save()
        return Claimed(digest, held.size)


def let_go(office: Office, digest: str) -> None:
    """Note that nobody works on a claim any more, though it has no answer."""
    with noting(office):
        ApiAnswer.objects.filter(pk=digest, status=None).update(server="")


def answer(office: Office, digest: str, *, status: int, content_type: str, body: bytes) -> None:
    """Note the answer of a claimed request, for whoever asks again."""
    with noting(office):
        ApiAnswer.objects.filter(pk=digest).update(status=status, content_type=content_type, body=body)


def log_size() -> int:
    """How many entries the log has."""
    return Frontier.from_bytes(bytes(LogState.objects.values_list("frontier", flat=True).get(pk=1))).size


def sealed_for(person_id: str, *, since: int) -> tuple[int, ...]:
    """Entries from index `since` on that this person set off by an act. One whose openings are gone counts as theirs.

    Sessions that began or ended are none: a token is asked for apart from any request.
    """
    opened = dict(LogDisclosures.objects.filter(index__gte=since).values_list("index", "encoded"))
    found = []
    for index, body in (
        LogEntry.objects.filter(index__gte=since).order_by("index").values_list("index", "body")
    ):
        entry, encoded = read_entry(bytes(body)), opened.get(index)
        if entry.kind in ("session.begun", "session.ended"):
            continue
        if not encoded:
            found.append(index)
            continue
        committed = open_committed(entry, [Disclosure.parse(e) for e in encoded.split("\n")])
        if committed.get("initiator", person_id) == person_id:
            found.append(index)
    return tuple(found)


def entry_of_refusal(refusal: Refusal, person_id: str, *, since: int) -> int | None:
    """The index of the entry that sealed this refusal for this person; None where none did."""
    unmet = [[u.clause, u.missing] for u in refusal.unmet]
    for index in reversed(sealed_for(person_id, since=since)):
        entry = read_entry(bytes(LogEntry.objects.get(pk=index).body))
        encoded = LogDisclosures.objects.filter(pk=index).values_list("encoded", flat=True).first()
        if entry.outcome == "refused" and encoded:
            said = open_committed(entry, [Disclosure.parse(e) for e in encoded.split("\n")])
            if said.get("unmet") == unmet:
                return index
    return None
