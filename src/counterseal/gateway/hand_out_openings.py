"""Hand out the openings that monitors need, so that somebody outside can run them over an exported log.

They open who acted (a person's id, no name), what was acted on (ids), roles, duties, dates of authorities, how
support was weighed; no photograph, no sentence, no name, no code about a person sought. It is a disclosure all
the same: to a named recipient, on an authority, sealed before the file is written.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from counterseal.gateway.export_ledger import write_file
from counterseal.gateway.office import Office
from counterseal.gateway.release_figures import MAY_RELEASE
from counterseal.gateway.run_fsck import log_rows
from counterseal.gateway.sealing import change
from counterseal.ledger.entry import Disclosure
from counterseal.oversight.figures.release import write_openings
from counterseal.oversight.monitors.table import OPENED
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

ACTION = "hand out openings"


@dataclass(frozen=True, slots=True)
class HandedOut:
    """What was written. entries: how many are opened, in part. sha256: of the file, in hex; index: what seals it."""

    path: Path
    entries: int
    sha256: str
    index: int


def hand_out_openings(
    office: Office, *, path: Path, recipient: str, authority: str, by: str
) -> HandedOut | Refusal:
    """Write the openings that monitors need into a new file.

    authority: what it is handed out on, cited in words; kept behind a commitment, with the recipient.

    Raises:
        BadInputError: no recipient, no authority, or the file exists. OSError: it cannot be written.
    """
    if not recipient.strip() or not authority.strip():
        raise BadInputError("say to whom and on which authority the openings are handed out")
    if path.exists():
        raise BadInputError(f"`{path}` exists already: name a new file")
    with change(office) as now:
        if not MAY_RELEASE & office.acting(by):
            unmet = now.unmet([_NOT_AN_OFFICE])
            return now.refuse("openings.refused", unmet, by=by, action=ACTION, target="openings")
        opened = dict(_openings())
        data = write_openings(opened)
        digest = hashlib.sha256(data).hexdigest()
        sealed = now.seal(
            "openings.handed-out",
            by=by,
            action=ACTION,
            target="openings",
            outcome="done",
            clauses=["D-026-11/limited-sharing"],
            public={"entries": len(opened), "names": sorted(OPENED)},
            committed={"recipient": recipient, "authority": authority, "file": digest},
        )
    write_file(path, data)
    return HandedOut(path, len(opened), digest, sealed.index)


def _openings() -> Iterator[tuple[int, list[str]]]:
    for row in log_rows():
        wanted = [each for each in row.disclosures if Disclosure.parse(each).name in OPENED]
        if wanted:
            yield row.index, wanted


_NOT_AN_OFFICE = Unmet(
    "D-026-11/oversight",
    "openings of the log are handed out by one of the three offices that oversee uses",
    "ask the privacy office, the civil rights office or the information officer",
)
