"""Write a package of an audit: entries with their proofs, vault objects asked for, a table, a verifier.

1 answer the question from a proved copy; 2 open the objects asked for; 3 hash every file into a manifest; 4 seal the
release in the office's own log: the agency's shows nothing; 5 only then write. The format is that of a discovery
package (`gateway.package`); `release.vkey` says that the release is sealed in the office's log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from counterseal.gateway.audit.ask import refuse_own_acts, seal_question
from counterseal.gateway.audit.auditors import acting
from counterseal.gateway.audit.folder import AuditOffice
from counterseal.gateway.audit.question import Question, answer
from counterseal.gateway.audit.reading import Reading, head_of, reading
from counterseal.gateway.package import (
    as_json,
    entry_files,
    manifest_of,
    new_folder,
    picture_suffix,
    release_files,
    write_package,
)
from counterseal.gateway.review import CAVEAT
from counterseal.ledger.checkpoint import Checkpoint
from counterseal.oversight.models import LogState, VaultObject
from counterseal.oversight.vault import DestroyedError
from counterseal.terms.errors import BadInputError


@dataclass(frozen=True, slots=True)
class AuditPackage:
    """What was written. manifest: SHA-256 (hex) of manifest.json, to which entry `sealed_at` of the own log commits."""

    path: Path
    entries: int
    files: int
    manifest: str
    head: Checkpoint
    sealed_at: int


def write_audit_package(
    office: AuditOffice,
    *,
    question: Question,
    objects: Sequence[str] = (),
    recipient: str,
    folder: Path,
    by: str,
) -> AuditPackage:
    """Write the answer to a question as a package into a new folder. objects: ids of vault objects to go with it.

    Raises:
        BadInputError: the folder holds something, or nothing is what was asked for. OwnActError: as `view_object`.
        UnavailableError: the folder cannot be written: the release is sealed, remove the folder and repeat.
    """
    auditor = acting(office, by)
    new_folder(folder)
    if not recipient.strip():
        raise BadInputError("a package names who gets it")
    with reading(office) as read:
        # (1)
        found = answer(read, question, own=auditor.persons)
        if not found.rows:
            seal_question(office, read, found, by=by)
            raise BadInputError("no entry of the log is what was asked for: there is nothing to hand on")
        files = entry_files(row.index for row in found.rows)
        # (2)
        rows = list(VaultObject.objects.filter(pk__in=objects))
        if unknown := sorted(set(objects) - {row.pk for row in rows}):
            raise BadInputError(f"the agency's vault holds no object `{unknown[0]}`")
        if rows:
            refuse_own_acts(office, auditor, read, [row.about for row in rows], action="write a package")
        opened, destroyed = _objects(read, rows)
        # (3)
        files |= opened | {
            "answer.csv": found.to_csv().encode("utf-8"),
            "answer.json": as_json(found.to_json() | {"caveat": CAVEAT, "destroyed": destroyed}),
            "checkpoint": bytes(LogState.objects.get().checkpoint),
            "release.vkey": (office.signer.vkey + "\n").encode("ascii"),
            "README.txt": _README.format(caveat=CAVEAT, office=office.signer.verifier.name).encode("utf-8"),
        }
        manifest, digest = manifest_of(files, caveat=CAVEAT, recipient=recipient.strip())
        # (4)
        sealed = office.seal(
            "audit.package-written",
            by=by,
            action="write a package",
            target="package",
            committed={
                "manifest": digest,
                "recipient": recipient.strip(),
                "question": question.to_json(),
                "objects": sorted(objects),
                "agency_head": head_of(read),
            },
        )
    files |= release_files(manifest, sealed.body, sealed.receipt, sealed.openings)
    # (5)
    write_package(folder, files)
    return AuditPackage(folder, len(found.rows), len(files), digest, read.head, sealed.index)


def _objects(read: Reading, rows: Sequence[VaultObject]) -> tuple[dict[str, bytes], list[str]]:
    files, destroyed = {}, []
    for row in rows:
        try:
            data = read.vault.open(row.pk)
        except DestroyedError:
            destroyed.append(row.pk)
            continue
        suffix = picture_suffix(data)
        files[f"objects/{row.kind}-{row.pk}{'.txt' if suffix == '.bin' else suffix}"] = data
    return files, destroyed


_README = """\
Records of an audit by {office}

{caveat}

answer.csv      the entries as a table; answer.json says the same for programs
entries/        the log's entries, each with its receipt and its openings
objects/        what the agency's vault held of them, where it was asked for
rotations/      each change of the log's key
manifest.json   SHA-256 of every file; release.json, sealed in the audit office's own log, commits to it
verify.py       checks all of it offline: python3 verify.py [--vkey KEY --release-vkey KEY]

Get both keys from somebody other than whoever handed you this folder: that of the agency's log, to be compared with
log.vkey, and that of the audit office's log, to be compared with release.vkey.
"""
