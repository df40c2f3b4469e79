"""The errors of the proofs. A property that does not hold is none of them: it is a finding, with a witness."""

from counterseal.policy.errors import PolicyError


class ProofError(PolicyError):
    """A proof could not be made."""


class SolverMissingError(ProofError):
    """A solver is not installed."""


class UntranslatableError(ProofError):
    """An expression has no translation, so nothing is proved about the policies that hold it.

    where: pack and policy, or the file of a claim. expression: the part at fault, as it was read.
    """

    def __init__(self, where: str, expression: object, says: str) -> None:
        """Compose the message from place, expression and fault."""
        shown = str(expression)
        super().__init__(f"{where}: {says}: `{shown if len(shown) <= 300 else shown[:300] + '…'}`")
        self.where = where
        self.expression = expression
        self.says = says


class DisagreementError(ProofError):
    """Two that must agree do not: the two solvers, or the translation and Cedar. A fault of this program."""
