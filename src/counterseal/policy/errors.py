"""The errors of this room. A refused request is none of them: it is a `Refusal`."""

from pathlib import Path

from counterseal.terms.errors import CountersealError


class PolicyError(CountersealError):
    """The room of policies could not keep a promise."""


class PackError(PolicyError):
    """A pack cannot be loaded as it stands; whatever was loaded before stays in force.

    file: the file at fault. line: from 1, or 0 where the file as a whole is at fault.
    says: what is wrong. remedy: what to do.
    """

    def __init__(self, file: Path, line: int, says: str, remedy: str) -> None:
        """Compose the message from place, fault and remedy."""
        super().__init__(f"{file}:{line}: {says}; {remedy}" if line else f"{file}: {says}; {remedy}")
        self.file = file
        self.line = line
        self.says = says
        self.remedy = remedy


class UnknownClauseError(PolicyError):
    """No pack that was loaded has this clause, attestation or parameter."""


class CaseFileError(PolicyError):
    """A file of cases, or the example it builds on, cannot be used as it stands."""
