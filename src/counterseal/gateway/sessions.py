"""Sessions: one for each person, so that what the log says of a person was done at one terminal.

1 the front end checks the sign-in and says which factor it checked; 2 the packs say which factor a role needs
(`sessions.toml`): a weaker one is refused; 3 a session that still stands is ended: begun at another terminal, it
was either forgotten or is somebody else's, and that is a finding; 4 what the terminal shows from now on is
a random token, of which only a keyed hash is kept; 5 `under_session` binds the office to the session: every
entry sealed through it commits to the session, by its own person only, and none begins after its end
(`sealing.py`); 6 whoever finds acts in their session that they did not do disowns it: the acts stay in the log
under that session, and no lead rests on its searches any more.

This module does 2 to 6. Its caller MUST do 1: nothing here looks at a password.

Clauses: D-026-11/security, HSI-M/4E1-log.
"""

import base64
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import DatabaseError

from counterseal.gateway.databases import database
from counterseal.gateway.findings import open_finding
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, SessionOverError, change
from counterseal.ledger.entry import Disclosure
from counterseal.oversight.models import LogDisclosures
from counterseal.people.models import Session, SessionDisowned, SessionEnd, SessionUse, roles_of
from counterseal.policy import SessionRule
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError, StaleError, UnavailableError
from counterseal.terms.rows import SealedRow
from counterseal.terms.sessions import Factor

__all__ = [
    "Acting",
    "Begun",
    "SessionOverError",
    "begin_session",
    "disown_session",
    "end_session",
    "entries_of",
    "is_disowned",
    "under_session",
]

# A look is written down at most this often: a page of pictures is one look.
_NOTED_EVERY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Begun:
    """A session and its token. The token is shown once, here."""

    session: Session
    token: str


@dataclass(frozen=True, slots=True)
class Acting:
    """Whoever showed a token: `office` for every verb they call, `person_id` for its `by`."""

    office: Office
    person_id: str
    session: Session


def begin_session(office: Office, *, person_id: str, factor: str, terminal: str) -> Begun | Refusal:
    """Begin the session of somebody whose sign-in was checked; any other session of theirs ends.

    factor: what the sign-in checked (`Factor`); a client's shared secret is a password, its signed assertion is
    phishing-resistant. terminal: where, at most 80 characters, for example a device's or a client's id. The same
    terminal may begin anew at any time; another terminal beside a session that stands raises a finding.

    Raises:
        BadInputError: no such factor, no terminal, or nobody of this id holds a role.
    """
    if factor not in set(Factor):
        raise BadInputError(f"there is no factor `{factor}`; the factors are {', '.join(Factor)}")
    if not terminal.strip() or len(terminal) > 80:
        raise BadInputError("say at which terminal, in at most 80 characters")
    with change(replace(office, session="")) as now:
        roles = office.acting(person_id)
        rule = office.policies.sessions(now.at)
        wanted = rule.factor_for(roles)
        if not Factor(factor).reaches(wanted):
            return now.refuse(
                "session.refused",
                now.unmet([_too_weak(rule, wanted)]),
                by=person_id,
                action="begin a session",
                target=person_id,
                public={"factor": factor},
            )
        _end_earlier(now, person_id, rule, terminal)
        token = base64.urlsafe_b64encode(office.token(32)).decode().rstrip("=")
        session = Session(
            id=office.new_id(Session),
            person_id=person_id,
            factor=factor,
            terminal=terminal,
            token_hash=_keyed(office, token),
            begun_index=now.next_index,
            begun_at=now.at,
            expires=now.at + rule.lasts,
        )
        now.seal(
            "session.begun",
            by=person_id,
            action="begin a session",
            target=session.id,
            outcome="begun",
            clauses=[rule.clause],
            public={"factor": factor},
            rows=[session],
        )
        SessionUse.objects.create(session=session, last_at=now.at)
        return Begun(session, token)


def under_session(office: Office, token: str) -> Acting:
    """The office as the holder of this token uses it. Ask with each request: rights and pauses count anew.

    Raises:
        SessionOverError: unknown token; the session has ended, run out or stood unused too long; or its person
            holds a role by now that needs a stronger factor, or none at all.
        UnavailableError: the database does not take the note that the session is in use.
    """
    session = Session.objects.select_related("use").filter(token_hash=_keyed(office, token)).first()
    if session is None:
        raise SessionOverError("no session has this token: sign in")
    at = office.clock()
    rule = office.policies.sessions(at)
    if session.ended_at is not None:
        raise SessionOverError(f"this session ended ({session.ended_because}): sign in again")
    if _ran_out(session, rule, at):
        raise SessionOverError("this session has run out: sign in again")
    roles = roles_of(session.person_id)
    if not roles:
        raise SessionOverError("nobody acts in this session any more: its person holds no role")
    if not Factor(session.factor).reaches(rule.factor_for(roles)):
        raise SessionOverError(
            f"this session was begun with `{session.factor}`, and its person's roles need "
            f"`{rule.factor_for(roles)}` by now: sign in again"
        )
    if (at - session.use.last_at).total_seconds() >= _NOTED_EVERY_SECONDS:
        _note_use(office, session, at)
    return Acting(replace(office, session=session.id), session.person_id, session)


def end_session(office: Office, *, session_id: str, by: str) -> Session | Refusal:
    """Sign out, or end somebody else's session: a supervisor, an auditor or an administrator may.

    Raises:
        BadInputError: no such session. StaleError: it has ended already.
    """
    with change(office) as now:
        session = found(Session, session_id)
        own = session.person_id == by
        move = "end a session" if own else "end another's session"
        if refusal := stands_against(now, move, by=by, target=session.id, state=_state(session)):
            return refusal
        session.ended_at = now.at
        session.ended_because = SessionEnd.SIGNED_OUT if own else SessionEnd.ENDED_BY_ANOTHER
        _seal_end(now, session, by=by, action=move)
        return session


def disown_session(office: Office, *, session_id: str, words: str, by: str) -> SessionDisowned | Refusal:
    """State that somebody else acted in a session of one's own. It ends if it stands.

    Its entries are named in the sealed statement; a finding asks who it was; searches in it lead to nothing
    any more. Nobody disowns another's session: an auditor can only end it.

    Raises:
        BadInputError: no such session, or no words. StaleError: it was disowned before.
    """
    if not words.strip():
        raise BadInputError("say in words what you found that you did not do")
    with change(office) as now:
        session = found(Session, session_id)
        if SessionDisowned.objects.filter(session=session).exists():
            raise StaleError(f"session `{session_id}` was disowned already")
        move = "disown a session"
        if refusal := stands_against(now, move, by=by, target=session.id):
            return refusal
        if session.person_id != by:
            return now.refuse(
                "session.refused", now.unmet([_ANOTHERS]), by=by, action=move, target=session.id
            )
        entries = entries_of(session)
        prose = office.vault.put(
            office.new_name("object"), words.encode(), kind="session-words", about=session.id, at=now.at
        )
        disowned = SessionDisowned(
            id=office.new_id(SessionDisowned), session=session, stated_by_id=by, words=prose.id, at=now.at
        )
        rows: list[SealedRow] = [disowned]
        if session.ended_at is None:
            session.ended_at, session.ended_because = now.at, SessionEnd.SIGNED_OUT
            rows.append(session)
        rows += open_finding(
            now,
            "disowned-session",
            session.id,
            f"somebody else is said to have acted in this session, at `{session.terminal}`, in {len(entries)} "
            "entries: who was it, and what must be undone?",
            person_id=by,
            entries=[*entries, now.next_index],
        )
        now.seal(
            "session.disowned",
            by=by,
            action=move,
            target=session.id,
            outcome="disowned",
            clauses=["HSI-M/4E1-log"],
            causes=[session.begun_index],
            public={"entries": len(entries)},
            committed={"entries": [*entries]},
            rows=rows,
            objects=[prose],
        )
        return disowned


def entries_of(session: Session) -> tuple[int, ...]:
    """Leaf indices of everything that was sealed in this session, rising."""
    quoted = LogDisclosures.objects.filter(index__gte=session.begun_index).order_by("index")
    return tuple(held.index for held in quoted.iterator() if _session_in(held.encoded) == session.id)


def is_disowned(*indices: int | None) -> bool:
    """Whether one of these entries was sealed in a session that was disowned later."""
    if not SessionDisowned.objects.exists():
        return False
    held = LogDisclosures.objects.filter(index__in=[i for i in indices if i is not None])
    sessions = {_session_in(disclosures.encoded) for disclosures in held}
    return SessionDisowned.objects.filter(session_id__in=sessions).exists()


def _note_use(office: Office, session: Session, at: datetime) -> None:
    try:
        with database().writing(office.home):
            SessionUse.objects.filter(session=session, last_at__lt=at).update(last_at=at)
    except (DatabaseError, OSError) as error:
        raise UnavailableError(
            f"the database does not answer ({error}): nothing was done; try again"
        ) from error


def _end_earlier(now: Change, person_id: str, rule: SessionRule, terminal: str) -> None:
    earlier = Session.objects.select_related("use").filter(person_id=person_id, ended_at=None).first()
    if earlier is None:
        return
    rows: tuple[SealedRow, ...] = ()
    if _ran_out(earlier, rule, now.at):
        why = SessionEnd.RUN_OUT
    elif earlier.terminal == terminal:
        why = SessionEnd.BEGUN_AGAIN
    else:
        why = SessionEnd.BEGUN_ELSEWHERE
        rows = open_finding(
            now,
            "concurrent-session",
            earlier.id,
            f"a session at `{terminal}` began while the same person's at `{earlier.terminal}` was in use; the first "
            "was ended: did they begin both themselves?",
            person_id=person_id,
            entries=[earlier.begun_index, now.next_index, now.next_index + 1],
        )
    earlier.ended_at, earlier.ended_because = now.at, why
    _seal_end(now, earlier, by=person_id, action="begin a session", rows=rows)


def _seal_end(
    now: Change, session: Session, *, by: str, action: str, rows: tuple[SealedRow, ...] = ()
) -> None:
    now.seal(
        "session.ended",
        by=by,
        action=action,
        target=session.id,
        outcome=session.ended_because,
        causes=[session.begun_index],
        rows=[session, *rows],
    )


def _ran_out(session: Session, rule: SessionRule, at: datetime) -> bool:
    return session.expires <= at or session.use.last_at + rule.idle <= at


def _state(session: Session) -> str:
    return "standing" if session.ended_at is None else "ended"


def _session_in(encoded: str) -> str:
    """The session that an entry's disclosures name, or nothing."""
    for line in encoded.split("\n"):
        opened = Disclosure.parse(line)
        if opened.name == "session":
            return str(opened.value)
    return ""


def _keyed(office: Office, token: str) -> str:
    return office.fingerprint(b"session\x00" + token.encode())


def _too_weak(rule: SessionRule, wanted: Factor) -> Unmet:
    return Unmet(
        rule.clause,
        f"the sign-in showed less than `{wanted}`, which the roles of this person need",
        f"sign in with a factor of the kind `{wanted}`; whoever keeps the accounts hands one out",
    )


_ANOTHERS = Unmet(
    "HSI-M/4E1-log",
    "this is somebody else's session, and only its person can say that they did not act in it",
    "ask that person; a supervisor, an auditor or an administrator can end it",
)
