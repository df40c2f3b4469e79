"""Write OSCAL documents of this installation: clauses, what holds them, and what was seen under the latest checkpoint.

The same log, packs and program give the same bytes: every instant in the documents is that of the log's last
entry. Nothing is written into the installation and nothing is sealed.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from counterseal.gateway.cosignatures import with_cosignatures
from counterseal.gateway.office import Office
from counterseal.gateway.run_monitors import follow_log
from counterseal.gateway.snapshot import snapshot
from counterseal.ledger.entry import read_entry
from counterseal.oversight.models import LogEntry, LogState
from counterseal.oversight.oscal.catalog import catalog
from counterseal.oversight.oscal.check import Fault, check
from counterseal.oversight.oscal.component import component_definition
from counterseal.oversight.oscal.parts import CATALOG_FILE, COMPONENT_FILE, RESULTS_FILE, Edition, Json
from counterseal.oversight.oscal.results import Gate, Proved, Seen, assessment_results
from counterseal.policy.cases import load_cases
from counterseal.policy.coverage import coverage
from counterseal.shipped import shipped
from counterseal.terms.errors import IntegrityError


def oscal_documents(
    office: Office, *, policies: Path, proofs: Sequence[Proved] = (), gates: Sequence[Gate] = ()
) -> dict[str, bytes]:
    """The three documents, by file name. policies: the folder of the packs, for their cases.

    Raises:
        IntegrityError: the log has no entry; or what was made does not pass our own check, a fault of this program.
    """
    with snapshot():
        last = LogEntry.objects.order_by("-index").first()
        if last is None:
            raise IntegrityError("the log has no entry at all: run `counterseal fsck`")
        at = read_entry(bytes(last.body)).at
        watched = follow_log(office.policies, until=at)
        checkpoint = with_cosignatures(bytes(LogState.objects.get().checkpoint))
    edition = Edition(version("counterseal"), office.policies.in_force(at).digest, at)
    rows = coverage(office.policies, load_cases(policies, shipped("examples")), at=at)
    files = {
        CATALOG_FILE: _written(catalog(rows, edition)),
        COMPONENT_FILE: _written(component_definition(rows, edition)),
        RESULTS_FILE: _written(assessment_results(Seen(rows, watched, checkpoint, proofs, gates), edition)),
    }
    faults = check(files)
    if faults:
        raise IntegrityError(f"what was made is no OSCAL: {_says(faults)}")
    return files


def _says(faults: Sequence[Fault]) -> str:
    return f"{faults[0].where}: {faults[0].says} ({len(faults)} faults)"


def _written(document: Mapping[str, object] | Json) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode("utf-8")
