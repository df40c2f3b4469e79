"""The two outcomes of a decision, and what each carries.

A refusal is an ordinary value. It lists every unmet condition at once, each with its clause, in plain
words, and with the remedy, so that nobody is sent round in circles (JFL/clear-process).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Unmet:
    """One condition that does not hold.

    clause: id of the clause that demands it, for example ``HSI-M/4A3-training``.
    missing: what is missing, in plain words.
    remedy: what to do about it, or why nothing can be done.
    condition: stable code of the condition or policy that is unmet, for example ``training``; a clause may
    have several.
    """

    clause: str
    missing: str
    remedy: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Obligation:
    """A duty that a permit opens: somebody must act within a time.

    name: stable code, for example ``exigent-approval``.
    owner: the role that must act. within: the time from the decision instant.
    """

    name: str
    clause: str
    owner: str
    within: timedelta
    says: str


@dataclass(frozen=True, slots=True)
class Permit:
    """The use is permitted.

    clauses: ids of the clauses whose conditions were met. policies: ids of the determining policies.
    pack_digest: ``sha256:`` and 64 hex digits over everything that decided (packs and schema).
    facts: what was decided on, where it may be kept; not part of what a decision is.
    """

    clauses: tuple[str, ...]
    policies: tuple[str, ...]
    pack_digest: str
    obligations: tuple[Obligation, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The use is refused, with every unmet condition. `unmet` is never empty.

    policies: ids of the forbids that fired, empty where only conditions of the permit are unmet. facts: as of a
    permit.
    """

    unmet: tuple[Unmet, ...]
    policies: tuple[str, ...]
    pack_digest: str
    clauses: tuple[str, ...] = field(init=False)
    facts: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive `clauses`: the ids of the unmet clauses, each once, in order."""
        if not self.unmet:
            raise ValueError("a refusal names at least one unmet condition")
        object.__setattr__(self, "clauses", tuple(dict.fromkeys(u.clause for u in self.unmet)))


Decision = Permit | Refusal
