"""Write the discovery package of one search: everything that went in and came out, verifiable offline.

1 the disclosure must name what the package holds, and policy is asked again: an authority that ran out, or a
person who may not, gets nothing; 2 gather the photographs, the service and its tests at the time, the full list as
returned, both reviews with their instants, the packs' digest, the entries with receipts and openings; 3 hash every
file into a manifest; 4 seal the release, which commits to the manifest; 5 only then write.

Every file that people read carries the caveat and the id of the record (R37). What was destroyed meanwhile is
listed as destroyed, never left out in silence. Who handed it over to whom is in the disclosure.
"""

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from counterseal.casework.models import CandidateListRow, CandidateRow, SearchRequest
from counterseal.casework.words import ReviewStatus
from counterseal.gateway.disclose import Authority, facts_of
from counterseal.gateway.export_ledger import entry_of
from counterseal.gateway.found import found
from counterseal.gateway.office import Office
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
from counterseal.gateway.sealing import change
from counterseal.ledger.entry import read_entry
from counterseal.oversight.models import Disclosure, Service, ServiceTest
from counterseal.oversight.vault import DestroyedError
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

# What a package holds, in the words of the packs: a disclosure that names less does not carry one.
CONTENTS = frozenset({"probe", "candidate-list", "search-report", "test-summary"})
ACTION = "write a discovery package"


@dataclass(frozen=True, slots=True)
class Package:
    """What was written. manifest: hex SHA-256 of manifest.json, as the sealed release commits to it."""

    path: Path
    record: str
    files: int
    entries: int
    manifest: str
    release_index: int


def write_discovery_package(
    office: Office, *, disclosure_id: str, folder: Path, by: str
) -> Package | Refusal:
    """Write the package of the search that this disclosure is about into a new folder.

    Raises:
        BadInputError: the folder holds something; the disclosure is not about a search that was answered and whose
            reviews are locked, or does not name what a package holds.
        UnavailableError: the folder cannot be written: the release is sealed, remove the folder and repeat.
    """
    new_folder(folder)
    with change(office) as now:
        office.acting(by)
        disclosure = found(Disclosure, disclosure_id)
        request, answered = _search_of(disclosure)
        # (1)
        decision = office.decide(
            facts_of(
                by=by,
                about=disclosure.about,
                case_id=request.case_id,
                recipient=disclosure.recipient,
                authority=Authority(
                    disclosure.authority_kind,
                    disclosure.authority_citation,
                    disclosure.authority_from,
                    disclosure.authority_until,
                ),
                contents=disclosure.contents,
                at=now.at,
            ),
            now.at,
        )
        if isinstance(decision, Refusal):
            return now.refuse("disclosure.refused", decision, by=by, action=ACTION, target=request.id)
        # (2), (3)
        indices = _entries(request, answered, disclosure)
        files = _files(office, disclosure, request, answered, indices, at=now.at)
        manifest, digest = manifest_of(files, caveat=CAVEAT, record=request.id, disclosure=disclosure.id)
        # (4)
        sealed = now.seal(
            "discovery.released",
            by=by,
            action=ACTION,
            target=request.id,
            outcome="done",
            decision=decision,
            causes=[disclosure.entry_index],
            public={"authority": disclosure.authority_kind, "files": len(files)},
            committed={"manifest": digest, "recipient": disclosure.recipient, "disclosure": disclosure.id},
        )
    files |= release_files(manifest, sealed.body, now.receipt, sealed.openings.values())
    # (5)
    write_package(folder, files)
    return Package(folder, request.id, len(files), len(indices) + 1, digest, sealed.index)


def _search_of(disclosure: Disclosure) -> tuple[SearchRequest, CandidateListRow]:
    if lacking := sorted(CONTENTS - set(disclosure.contents)):
        raise BadInputError(
            f"disclosure `{disclosure.id}` does not name `{lacking[0]}`: a package holds "
            f"{', '.join(sorted(CONTENTS))}; "
            "make a disclosure that names them all"
        )
    request = SearchRequest.objects.filter(pk=disclosure.about).first()
    answered = CandidateListRow.objects.filter(request_id=disclosure.about).first()
    if request is None or answered is None:
        raise BadInputError(
            f"disclosure `{disclosure.id}` is about `{disclosure.about}`, which is no search that was answered"
        )
    if answered.reviews.exclude(status=ReviewStatus.LOCKED).exists():
        raise BadInputError(
            "a review of this search is open: a package shows ranks and scores, which no reviewer may see before; "
            "wait until it is locked"
        )
    return request, answered


def _entries(request: SearchRequest, answered: CandidateListRow, disclosure: Disclosure) -> list[int]:
    """The entries of this search, and everything that led to them."""
    indices = {request.entry_index, answered.entry_index, request.probe.entry_index, disclosure.entry_index}
    indices |= {request.intent_index} if request.intent_index is not None else set()
    indices |= set(request.approvals.values_list("entry_index", flat=True))
    for review in answered.reviews.all():
        indices |= {review.entry_index, *review.dispositions.values_list("entry_index", flat=True)}
    ahead = list(indices)
    while ahead:
        causes = set(read_entry(entry_of(ahead.pop())[0]).causes) - indices
        indices |= causes
        ahead += causes
    return sorted(indices)


def _files(
    office: Office,
    disclosure: Disclosure,
    request: SearchRequest,
    answered: CandidateListRow,
    indices: Iterable[int],
    *,
    at: datetime,
) -> dict[str, bytes]:
    indices = list(indices)
    files = entry_files(indices)
    destroyed: list[str] = []

    def photograph(name: str, object_id: str) -> str:
        try:
            data = office.vault.open(object_id)
        except DestroyedError:
            destroyed.append(f"{name} ({object_id})")
            return ""
        path = f"photographs/{name}{picture_suffix(data)}"
        files[path] = data
        return path

    probe = request.probe
    edits = [
        {
            "number": edit.number,
            "kind": edit.kind,
            "parameters": edit.parameters,
            "by": edit.by_id,
            "at": edit.at.isoformat(),
            "photograph": photograph(f"probe-edit-{edit.number}", edit.after),
        }
        for edit in probe.edits.order_by("number")
    ]
    service = found(Service, request.service_id)
    when = request.submitted_at or request.requested_at
    report: dict[str, Any] = {
        "caveat": CAVEAT,
        "record": request.id,
        "evaluation": office.evaluation,
        "made_at": at.isoformat(),
        "disclosure": {
            "id": disclosure.id,
            "recipient": disclosure.recipient,
            "authority": f"{disclosure.authority_kind}: {disclosure.authority_citation}",
            "contents": disclosure.contents,
        },
        "search": {
            "mode": request.mode,
            "requested_by": request.requester_id,
            "requested_at": request.requested_at.isoformat(),
            "submitted_at": when.isoformat(),
            "limit": request.limit,
            "purpose_code": request.purpose_code,
        },
        "probe": {
            "id": probe.id,
            "source_class": probe.source_class,
            "captured_at": probe.captured_at.isoformat(),
            "quality": probe.quality,
            "original": photograph("probe-original", probe.original),
            "edits": edits,
            "sent": photograph("probe-sent", probe.sent),
        },
        "service": {
            "name": service.name,
            "operator": service.operator,
            "algorithm": service.algorithm,
            "version": service.version,
            "engine": answered.engine_id,
            "gallery": service.gallery,
            "references_compared": answered.searched,
        },
        "error_rates": _tests(service, when)
        | {
            "operating_point": answered.operating_point
            or "none: no threshold was calibrated for this gallery, and no decision follows from a score"
        },
        "candidates": [_candidate(c, photograph) for c in answered.candidates.order_by("foil", "rank", "id")],
        "reviews": [
            {
                "turn": review.turn,
                "reviewer": review.reviewer_id,
                "opened_at": review.opened_at.isoformat(),
                "locked_at": review.locked_at.isoformat() if review.locked_at else "",
                "order_shown": review.order,
                "none_of_these": review.none_of_these,
                "judgements": {d.candidate_id: d.judgement for d in review.dispositions.order_by("at")},
            }
            for review in answered.reviews.order_by("turn")
        ],
        "policy": [],
    }
    for index in indices:
        entry = read_entry(files[f"entries/{index}.json"])
        report["policy"].append(
            {
                "entry": index,
                "at": entry.at.isoformat(),
                "kind": entry.kind,
                "outcome": entry.outcome,
                "pack": entry.reason.pack or "",
                "clauses": list(entry.reason.clauses),
            }
        )
    report["destroyed"] = destroyed
    files["report.json"] = as_json(report)
    files["report.html"] = _page(report)
    files["README.txt"] = _README.format(record=request.id, caveat=CAVEAT).encode("utf-8")
    return files


def _candidate(row: CandidateRow, photograph: Any) -> dict[str, Any]:
    name = f"foil-{row.id}" if row.foil else f"candidate-{row.rank}"
    return {
        "id": row.id,
        "shown_as": "foil: shown for comparison only, not returned"
        if row.foil
        else f"returned at rank {row.rank}",
        "reference": row.reference_id,
        "score": row.score,
        "score_kind": row.score_kind,
        "reference_captured_on": row.reference_captured_on.isoformat() if row.reference_captured_on else "",
        "photograph": photograph(name, row.photograph),
    }


def _tests(service: Service, when: datetime) -> dict[str, Any]:
    """What had been recorded of the service's errors when the search was made."""
    tests = ServiceTest.objects.filter(service=service, tested_at__lte=when).order_by("-tested_at")
    return {
        "tests_at_the_time": [
            {
                "standard": test.standard,
                "version_tested": test.version,
                "kind": test.kind,
                "modes_tested": test.modes,
                "outcome": test.outcome,
                "made_by": test.made_by,
                "report": test.report,
                "report_sha256": test.report_sha256,
                "tested_at": test.tested_at.isoformat(),
                "next_due": test.due.isoformat(),
            }
            for test in tests
        ],
        "says": "The reports named here state the rates with their intervals and groups; ask for them. A score is no "
        "probability that two photographs show one person.",
    }


def _page(report: Mapping[str, Any]) -> bytes:
    """One page for people, without scripts; the caveat stands above every part."""
    band = f'<p class="caveat"><strong>{html.escape(CAVEAT)}</strong> Record {html.escape(report["record"])}.</p>'
    mark = "<p><strong>EVALUATION: synthetic people only.</strong></p>" if report["evaluation"] else ""
    parts = []
    for name in (
        "disclosure",
        "search",
        "probe",
        "service",
        "error_rates",
        "candidates",
        "reviews",
        "policy",
        "destroyed",
    ):
        title = name.replace("_", " ").capitalize()
        parts.append(f"<section><h2>{title}</h2>{band}{_html(report[name])}</section>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Search {html.escape(report['record'])}: unconfirmed candidates</title>"
        "<style>body{font:1rem/1.5 sans-serif;max-width:60rem;margin:auto;padding:1rem}"
        ".caveat{border:2px solid;padding:.5rem}img{max-width:16rem}dt{font-weight:bold}</style></head><body>"
        f"<h1>Discovery package</h1>{mark}{''.join(parts)}</body></html>\n"
    ).encode()


def _html(value: object) -> str:
    if isinstance(value, Mapping):
        return (
            "<dl>"
            + "".join(f"<dt>{html.escape(str(k))}</dt><dd>{_html(v)}</dd>" for k, v in value.items())
            + "</dl>"
        )
    if isinstance(value, list):
        return "<ol>" + "".join(f"<li>{_html(v)}</li>" for v in value) + "</ol>" if value else "<p>none</p>"
    text = html.escape("" if value is None else str(value))
    if text.startswith("photographs/"):
        return f'<figure><img src="{text}" alt="photograph"><figcaption>{text}: unconfirmed</figcaption></figure>'
    return text


_README = """\
Discovery package of search {record}

{caveat}

report.html     for people; report.json says the same for programs
photographs/    the probe as it came, each edit, what was sent, and every photograph that came back, foils marked
entries/        the log's entries of this search, each with its receipt and its openings
manifest.json   SHA-256 of every file; release.json is the sealed entry that commits to it
verify.py       checks all of it offline: python3 verify.py [--vkey KEY]

Get the log's key (KEY) from somebody other than whoever handed you this folder, and compare it with log.vkey.
"""
