"""The clauses of the road itself: what this gateway demands where no source document speaks.

They hold in every composition and cannot be withdrawn with a pack.
"""

from collections.abc import Mapping

from counterseal.policy.pack import Clause, Holder

FACTS = "road/facts"
ENGINE = "road/engine"
PACK = "road/pack"
ROLE = "road/role"


def _clause(identifier: str, says: str) -> Clause:
    return Clause(
        id=identifier,
        pack="road",
        kind="duty",
        section="docs/reference/facts.md",
        says=says,
        held_by=(Holder.CEDAR,),
    )


CLAUSES: Mapping[str, Clause] = {
    clause.id: clause
    for clause in (
        _clause(FACTS, "A request states exactly the facts that its action needs, each in its type."),
        _clause(ENGINE, "A request that cannot be decided without any error is refused."),
        _clause(PACK, "A use that no policy pack in force permits is refused."),
        _clause(ROLE, "Whoever acts is active and holds a role that carries the act."),
    )
}
