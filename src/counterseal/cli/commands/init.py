"""`counterseal init`: make a new installation."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from counterseal import bootstrap
from counterseal.cli.command import Bench, command
from counterseal.cli.demo import agency as synthetic
from counterseal.cli.desk import storage_faults
from counterseal.cli.outcome import Outcome
from counterseal.terms.errors import BadInputError

FOUNDER = "Ada Administrator"


@command(None, "init", opens=False)
@click.option("--agency", help="The agency's name.")
@click.option("--origin", help="The log's name for ever, like `agency.example/faces`.")
@click.option("--administrator", help="The first administrator's name.")
@click.option(
    "--database",
    "connection",
    envvar="COUNTERSEAL_DATABASE",
    help="An empty PostgreSQL database as libpq names it, without user and password: `service=counterseal`. "
    "Else SQLite in the home.",
)
@click.option("--owner", default="counterseal_owner", help="PostgreSQL: the role that owns the tables.")
@click.option("--role", default="counterseal", help="PostgreSQL: the role that the programs work as.")
@click.option("--evaluation", is_flag=True, help="Found a synthetic agency, to try everything at once.")
def init(
    bench: Bench,
    *,
    agency: str | None,
    origin: str | None,
    administrator: str | None,
    evaluation: bool,
    connection: str | None,
    owner: str,
    role: str,
) -> Outcome:
    """Make a new installation: keys, policies, database, and the log's first entry.

    With --evaluation a synthetic agency is founded too: staff in every role, certificates, a reviewed use, and
    the embedded service with an empty gallery. It is marked as an evaluation for ever.
    """
    if evaluation:
        agency, origin = agency or synthetic.AGENCY, origin or synthetic.ORIGIN
        administrator = administrator or FOUNDER
    if not (agency and origin and administrator):
        raise BadInputError(
            "an installation needs `--agency NAME`, `--origin NAME` and `--administrator NAME`; "
            "to try things out, `--evaluation` fills them in"
        )
    with made_whole(bench.home), storage_faults():
        office, founder = bootstrap.init_home(
            bench.home,
            agency=agency,
            origin=origin,
            administrator=administrator,
            evaluation=evaluation,
            server=bootstrap.ServerSettings(connection, owner, role) if connection else None,
        )
        try:
            people = synthetic.found_agency(office, founder).people if evaluation else {"admin": founder}
        finally:
            bootstrap.close(office)
    home = f"--home {bench.home}"
    then = (
        (
            f"Next: counterseal gallery enrol FOLDER {home}",
            f"then: counterseal search new {home} --photo PHOTOGRAPH",
        )
        if evaluation
        else (
            f"Next: admit people and grant them roles: counterseal person admit {home} --as {founder} --help",
            f"Keep {bench.home / 'keys'} apart from everything else, and back it up.",
        )
    )
    return Outcome(
        {
            "home": str(bench.home),
            "agency": agency,
            "origin": origin,
            "evaluation": evaluation,
            "administrator": founder,
            "vkey": office.signer.vkey,
            "people": people,
        },
        headline="The installation is made.",
        hidden=() if evaluation else ("people",),
        then=then,
    )


@contextmanager
def made_whole(home: Path) -> Iterator[None]:
    """Leave nothing half-made in a folder that was empty or absent before.

    Raises:
        BadInputError: the folder cannot be made or read.
    """
    try:
        ours = not home.exists() or (home.is_dir() and not any(home.iterdir()))
        if home.exists() and not home.is_dir():
            raise BadInputError(f"`{home}` is a file; name a folder")
    except OSError as error:
        raise BadInputError(
            f"`{home}` cannot be used: {error.strerror or error}; name another folder"
        ) from error
    try:
        yield
    except BaseException as error:
        if ours:
            shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, OSError):
            raise BadInputError(
                f"`{home}` cannot be made: {error.strerror or error}; name another folder"
            ) from error
        raise
