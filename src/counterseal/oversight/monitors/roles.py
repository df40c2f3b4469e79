"""Who held which role when, as the log tells it; each grant knows the grant that let its giver give it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from counterseal.oversight.monitors.errors import ClosedError
from counterseal.oversight.monitors.history import Line

FOUNDED, GRANTED, REVOKED = "log.opened", "role.granted", "role.revoked"
KINDS = frozenset({FOUNDED, GRANTED, REVOKED})
GRANTS_ROLES = "administrator"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody was given. giver: empty for the first administrator. under: the giver's own grant."""

    index: int
    person: str
    role: str
    giver: str = ""
    under: "Grant | None" = None


class Held(Enum):
    """Whether somebody holds one of some roles. CLOSED: an entry that nobody can open may have changed it."""

    YES = "yes"
    NO = "no"
    CLOSED = "closed"


class RoleBook:
    """Follows grants and revocations. One step an entry; a few words of memory for each role that somebody holds."""

    def __init__(self) -> None:
        """Nobody holds anything."""
        self._held: dict[str, dict[str, Grant]] = {}
        # Latest entry by role that may have given it to, or taken it from, anybody.
        self._closed_grants: dict[str, int] = {}
        self._closed_revocations: dict[str, int] = {}

    def see(self, line: Line) -> None:
        """Take the next entry of one of `KINDS`."""
        try:
            if line.entry.kind == FOUNDED:
                self._found(line)
            elif line.entry.kind == GRANTED:
                person, giver, role = line.text("target"), line.text("initiator"), line.code("role")
                under = self._held.get(giver, {}).get(GRANTS_ROLES)
                self._held.setdefault(person, {})[role] = Grant(line.index, person, role, giver, under)
            else:
                self._held.get(line.text("target"), {}).pop(line.code("role"), None)
        except ClosedError:
            role = GRANTS_ROLES if line.entry.kind == FOUNDED else line.code("role")
            closed = self._closed_revocations if line.entry.kind == REVOKED else self._closed_grants
            closed[role] = line.index

    def _found(self, line: Line) -> None:
        for row in line.items("rows"):
            match row:
                case ["people.person", str(person), _]:
                    self._held[person] = {GRANTS_ROLES: Grant(line.index, person, GRANTS_ROLES)}

    def grants(self, person: str, roles: Iterable[str]) -> Iterator[Grant]:
        """The grants by which this person holds any of these roles now, as far as they are open."""
        held = self._held.get(person, {})
        return (held[role] for role in roles if role in held)

    def holds(self, person: str, roles: Iterable[str]) -> Held:
        """Whether this person holds one of these roles now."""
        roles = tuple(roles)
        doubtful = False
        for grant in self.grants(person, roles):
            if self._closed_revocations.get(grant.role, -1) < grant.index:
                return Held.YES
            doubtful = True
        if doubtful or any(role in self._closed_grants for role in roles):
            return Held.CLOSED
        return Held.NO
