"""The room of proofs: what the policies guarantee, asked of two solvers, and what changes between two sets.

Needs the extra `proof`; importing this without it raises `SolverMissingError`, which says so. Nothing else in
the program imports it but the commands that prove, and the verb that seals a difference.
"""

from counterseal.policy.proof.difference import ActionChange, Difference, Witness, difference
from counterseal.policy.proof.errors import (
    DisagreementError,
    ProofError,
    SolverMissingError,
    UntranslatableError,
)

__all__ = [
    "ActionChange",
    "Difference",
    "DisagreementError",
    "ProofError",
    "SolverMissingError",
    "UntranslatableError",
    "Witness",
    "difference",
]
