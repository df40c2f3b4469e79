"""An audit office, its auditors, and the agency that it looks at."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from counterseal import bootstrap
from counterseal.gateway.audit.folder import AuditOffice
from office import SimulatedOffice

NAME = "inspector.example/audit"


@dataclass
class Audited:
    """own: an auditor with an account there."""

    office: AuditOffice
    agency: SimulatedOffice
    first: str
    own: str

    @property
    def folder(self) -> Path:
        """The audit office's folder."""
        return self.office.folder

    def again(self) -> AuditOffice:
        """The same folder, opened anew."""
        return bootstrap.open_audit_office(self.folder)


def copied(folder: Path, target: Path) -> Path:
    """A copy of a folder, to be put back later."""
    shutil.copytree(folder, target)
    return target
