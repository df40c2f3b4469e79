"""What a command works with: an open office, who acts, and short ways to name people, cases and services.

In an installation for evaluation the synthetic staff can be named by their short names, and each command has
a person who acts unless told otherwise. Anywhere else the acting person must be named (`--as`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError

from counterseal import bootstrap
from counterseal.casework.models import Case
from counterseal.cli.demo.agency import STAFF
from counterseal.cli.rotation import finished
from counterseal.cli.voice import Voice
from counterseal.gateway.office import Office
from counterseal.oversight.models import Service, Use, UseStatus
from counterseal.people.models import Person, Role
from counterseal.terms.errors import BadInputError, IntegrityError, UnavailableError


@dataclass
class Desk:
    """One command's place at an installation. acting: what `--as` says. default: short name of who acts
    unless told otherwise, in an installation for evaluation."""

    office: Office
    voice: Voice
    evaluation: bool
    acting: str
    default: str

    @cached_property
    def staff(self) -> dict[str, str]:
        """Person ids of the synthetic agency by short name; empty anywhere but in an evaluation."""
        if not self.evaluation:
            return {}
        by_name = {name: short for short, (name, _, _) in STAFF.items()}
        staff = {by_name[p.name]: p.id for p in Person.objects.order_by("-admitted_at") if p.name in by_name}
        first = Person.objects.filter(grants__role=Role.ADMINISTRATOR).order_by("admitted_at").first()
        return {**staff, "admin": first.id} if first else staff

    @cached_property
    def by(self) -> str:
        """Id of the person who acts.

        Raises:
            BadInputError: nobody was named, or nobody of this id or short name is known.
        """
        named = self.acting or (self.default if self.evaluation else "")
        if not named:
            raise BadInputError(
                "say who acts: `--as PERSON` with a person id from `counterseal person list`, "
                "or set COUNTERSEAL_AS"
            )
        person_id = self.person(named)
        person = Person.objects.get(pk=person_id)
        chosen = "" if self.acting else f" (`{named}`, the default of this command in an evaluation)"
        self.voice.note(
            f"note: acting as {person.name}{chosen}; the command line takes the word of whoever runs it"
        )
        return person_id

    def person(self, text: str) -> str:
        """A person id, from an id or a short name of the synthetic agency.

        Raises:
            BadInputError: nobody is known by it.
        """
        person_id = self.staff.get(text, text)
        if not Person.objects.filter(pk=person_id).exists():
            also = f"; short names here: {', '.join(self.staff)}" if self.staff else ""
            raise BadInputError(f"there is no person `{text}` (`counterseal person list`){also}")
        return person_id

    def case(self, text: str) -> Case:
        """A case, from its id or its number.

        Raises:
            BadInputError: there is none.
        """
        case = Case.objects.filter(pk=text).first() or Case.objects.filter(number=text).first()
        if case is None:
            raise BadInputError(f"there is no case with the id or number `{text}` (`counterseal case list`)")
        return case

    def service(self, text: str) -> str:
        """A service's id, from its id or name; with nothing said, the only one that is registered.

        Raises:
            BadInputError: there is none, or several and nothing was said.
        """
        if not text:
            return str(_only(list(Service.objects.values_list("id", flat=True)), "service", "service"))
        service = Service.objects.filter(pk=text).first() or Service.objects.filter(name=text).first()
        if service is None:
            raise BadInputError(
                f"there is no service with the id or name `{text}` (`counterseal service list`)"
            )
        return service.id

    def use(self, text: str) -> str:
        """A use's id, from its id or name; with nothing said, the only active one.

        Raises:
            BadInputError: there is none, or several and nothing was said.
        """
        if not text:
            active = Use.objects.filter(status=UseStatus.ACTIVE).values_list("id", flat=True)
            return str(_only(list(active), "active use", "use"))
        use = Use.objects.filter(pk=text).first() or Use.objects.filter(name=text).first()
        if use is None:
            raise BadInputError(f"there is no use with the id or name `{text}` (`counterseal use list`)")
        return use.id


@contextmanager
def opened(home: Path, voice: Voice, *, acting: str = "", default: str = "") -> Iterator[Desk]:
    """Open an installation for one command, and let go of it whatever happens.

    Raises:
        BadInputError: there is none here, or it cannot be read.
        IntegrityError, UnavailableError: its database is damaged, or does not answer.
    """
    with storage_faults():
        try:
            office = bootstrap.open_office(home)
            settings = bootstrap.read_settings(home)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInputError(
                f"the installation in `{home}` cannot be read: {error}; check its rights"
            ) from error
        try:
            office = finished(office)
            yield Desk(office, voice, settings.evaluation, acting, default)
        finally:
            bootstrap.close(office)


@contextmanager
def storage_faults() -> Iterator[None]:
    """Say what a fault of the database means: damage, or not to be had now."""
    try:
        yield
    except ObjectDoesNotExist as error:
        raise IntegrityError(
            f"a row that must be there is gone ({error}): restore the database from its backup, "
            "then run `counterseal fsck`"
        ) from error
    except DatabaseError as error:
        says = str(error)
        if any(word in says for word in ("malformed", "not a database", "no such table", "no such column")):
            raise IntegrityError(
                f"the database is damaged or of another program ({says}): restore it from its backup"
            ) from error
        raise UnavailableError(
            f"the database does not answer ({says}): nothing was changed; try again, or look at disk and rights"
        ) from error


def _only(ids: list[str], what: str, option: str) -> str:
    if len(ids) != 1:
        raise BadInputError(
            f"there is no {what} here (`counterseal {option} --help`)"
            if not ids
            else f"there are {len(ids)} {what}s: say which with `--{option}` (`counterseal {option} list`)"
        )
    return ids[0]
