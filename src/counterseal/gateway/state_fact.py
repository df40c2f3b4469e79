"""State what a pack asks about and no register holds, in the role that the pack names."""

from datetime import datetime

from counterseal.gateway.brought import instant_text
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import PackFact
from counterseal.policy.facts import read_instant
from counterseal.policy.schema import Leaf, LeafType
from counterseal.terms.calendar import years
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

MOVE = "state a fact for a pack"


def stated_facts(office: Office) -> dict[str, Leaf]:
    """Every fact that some pack here asks to have stated, by its path."""
    found: dict[str, Leaf] = {}
    for pack in office.policies.packs:
        for groups in pack.groups.values():
            for name, record in groups.items():
                found.update((path, leaf) for path, leaf in record.leaves(f"{name}.") if leaf.about)
    return found


def state_fact(office: Office, *, fact: str, about: str, value: object, by: str) -> PackFact | Refusal:
    """Record the fact; the latest statement counts from the next decision on.

    about: id of the person, case, service, use, request, action or record, as the pack says. value: of the fact's
    type; an instant as RFC 3339.

    Raises:
        BadInputError: no pack has this fact to state, or the value is not of its type.
    """
    facts = stated_facts(office)
    if fact not in facts:
        raise BadInputError(
            f"no pack here asks to have `{fact}` stated; there are {', '.join(sorted(facts)) or 'none'}"
        )
    leaf = facts[fact]
    if not _fits(leaf, value):
        raise BadInputError(f"`{value}` is no {leaf.type}: state {leaf.doc}")
    if about.partition("-")[0] != leaf.about:
        raise BadInputError(f"`{fact}` is stated about a {leaf.about}: give the id of one, not `{about}`")
    with change(office) as now:
        if refusal := stands_against(now, MOVE, by=by, target=about):
            return refusal
        unmet = []
        if leaf.stated_by not in office.acting(by):
            unmet.append(
                Unmet(
                    "road/role",
                    f"`{fact}` is stated by the role {leaf.stated_by}",
                    "ask somebody who holds it",
                )
            )
        if by == about:
            unmet.append(
                Unmet("road/role", "nobody states such a fact about themselves", "ask somebody else")
            )
        if unmet:
            return now.refuse("packfact.refused", now.unmet(unmet), by=by, action=MOVE, target=about)
        stated = PackFact(
            id=office.new_id(PackFact), fact=fact, about=about, value=value, stated_by_id=by, at=now.at
        )
        now.seal(
            "policy.fact-stated",
            by=by,
            action=MOVE,
            target=about,
            outcome="done",
            clauses=["road/facts"],
            public={"fact": fact.replace(".", "-").replace("_", "-")},
            rows=[stated],
        )
        return stated


def due_a_year_after(completed: datetime) -> str:
    """The instant a calendar year after a training was completed, as a fact states it."""
    return instant_text(years(1).after(completed))


def _fits(leaf: Leaf, value: object) -> bool:
    match leaf.type:
        case LeafType.BOOL:
            return isinstance(value, bool)
        case LeafType.LONG:
            return isinstance(value, int) and not isinstance(value, bool) and value >= 0
        case LeafType.STRING:
            return isinstance(value, str) and 0 < len(value) <= 200
        case LeafType.DATETIME:
            return read_instant(value) is not None
        case _:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
