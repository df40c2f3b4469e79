"""The office: everything a verb needs from outside, brought in through ports.

Instants, ids and randomness come from here and from nowhere else, so that a test can set them.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from counterseal.connectors.port import FaceService
from counterseal.gateway.brought import Subject, brought_facts
from counterseal.ledger.checkpoint import Signer
from counterseal.oversight.vault import Vault
from counterseal.people.models import roles_of
from counterseal.policy import PolicyLibrary, authorise
from counterseal.terms.decisions import Decision
from counterseal.terms.errors import BadInputError
from counterseal.terms.rows import SealedRow

if TYPE_CHECKING:
    from counterseal.biometrics.engine import Engine

# Actions whose facts point at people who were promised that nothing of them is kept.
FACTS_NOT_KEPT = frozenset({"verify-claim"})


@dataclass(frozen=True)
class Office:
    """The ports of one installation.

    clock: the instant now, UTC. token: n random bytes. signer: the log's key. origin: the log's name.
    services: opens the connector of that name. engine: loads the capture engine, once.
    evaluation: a trial on synthetic people. session: the session whose holder acts (`sessions.py`), or nothing
    where a front end takes its operator's word.
    """

    home: Path
    origin: str
    clock: Callable[[], datetime]
    token: Callable[[int], bytes]
    policies: PolicyLibrary
    signer: Signer
    vault: Vault
    fingerprint_key: bytes
    services: Callable[[str], FaceService]
    engine: "Callable[[], Engine]"
    evaluation: bool
    session: str = ""

    def new_id(self, row: type[SealedRow]) -> str:
        """A fresh id for a row of this kind: its prefix and 16 random hex digits."""
        return self.new_name(row.prefix)

    def new_name(self, prefix: str) -> str:
        """A fresh random name with this prefix."""
        return f"{prefix}-{self.token(8).hex()}"

    def fingerprint(self, data: bytes) -> str:
        """A keyed hash: tells that the same thing came again, and tells nothing to anybody without the key."""
        return hmac.new(self.fingerprint_key, data, hashlib.sha256).hexdigest()

    def decide(self, facts: dict[str, object], at: datetime, about: Subject | None = None) -> Decision:
        """Ask the policy packs in force at this instant.

        about: what it is about, for the facts that a pack brings itself. The decision carries its facts, so that
        it can be decided again; those of people at a checkpoint are kept nowhere.
        """
        in_force = self.policies.in_force(at)
        if groups := in_force.brought(str(facts["action"])):
            facts = facts | brought_facts(groups, about or Subject(), at=at)
        decision = authorise(facts, in_force, at=at)
        return decision if facts["action"] in FACTS_NOT_KEPT else replace(decision, facts=facts)

    def acting(self, person_id: str) -> frozenset[str]:
        """The roles of the person who acts.

        Raises:
            BadInputError: nobody of this id is known or active.
        """
        roles = roles_of(person_id)
        if not roles:
            raise BadInputError(
                f"nobody with the id `{person_id}` holds a role here: check the id (`counterseal person list`)"
            )
        return roles
