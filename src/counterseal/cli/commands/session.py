"""`counterseal session`: who is signed in where. A person has one session; a second one ends the first."""

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.views import answered, view
from counterseal.gateway.sessions import (
    begin_session,
    disown_session,
    end_session,
    entries_of,
)
from counterseal.people.models import Session
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from counterseal.terms.sessions import Factor

session = Ordered("session", help="Who is signed in where; end and disown sessions.")
SESSION = click.argument("session_id", metavar="SESSION")


@command(session, "begin", acts="ines")
@click.option(
    "--factor", type=click.Choice([str(f) for f in Factor]), required=True, help="What was checked."
)
@click.option("--terminal", required=True, help="Where: a device's or a desk's name.")
def begin(desk: Desk, *, factor: str, terminal: str) -> Outcome:
    """Begin a session, for a front end that checked the sign-in. The token is shown this once."""
    begun = begin_session(desk.office, person_id=desk.by, factor=factor, terminal=terminal)
    if isinstance(begun, Refusal):
        return refused(begun)
    return Outcome({**view(begun.session), "token": begun.token}, headline="Begun; keep the token secret.")


@command(session, "list")
@click.option("--of", "whose", default="", help="Of this person only.")
def list_sessions(desk: Desk, *, whose: str) -> Outcome:
    """Every session, the latest first. One that nobody ended may have run out all the same."""
    held = Session.objects.order_by("-begun_at", "id")
    rows = [view(s) for s in (held.filter(person_id=desk.person(whose)) if whose else held)]
    columns = ("id", "person_id", "factor", "terminal", "begun_at", "expires", "ended_because")
    return Outcome({"count": len(rows), "sessions": rows}, tables={"sessions": columns})


@command(session, "end", acts="ines")
@SESSION
def end(desk: Desk, *, session_id: str) -> Outcome:
    """Sign out; a supervisor, an auditor or an administrator may end another's session."""
    return answered(end_session(desk.office, session_id=session_id, by=desk.by), "Ended.")


@command(session, "entries")
@SESSION
def entries(desk: Desk, *, session_id: str) -> Outcome:  # noqa: ARG001 - opens the installation
    """Every entry of the log that was sealed in a session."""
    held = Session.objects.filter(pk=session_id).first()
    if held is None:
        raise BadInputError(f"there is no session `{session_id}` (`counterseal session list`)")
    found = entries_of(held)
    return Outcome({"session": session_id, "count": len(found), "entries": list(found)})


@command(session, "disown", acts="ines")
@SESSION
@click.option("--words", required=True, help="What you found that you did not do.")
def disown(desk: Desk, *, session_id: str, words: str) -> Outcome:
    """State that somebody else acted in your session: no lead comes of its searches any more."""
    row = disown_session(desk.office, session_id=session_id, words=words, by=desk.by)
    return answered(
        row,
        "Recorded; a finding asks who it was.",
        f"What was done in it: counterseal session entries {session_id}",
    )
