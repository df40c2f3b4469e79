"""A release: the document of figures, its CSV, and what lies around it in the released folder.

checkpoint, checkpoints/, keys.json, log.vkey    as in an exported log
tile/<L>/...             every tile of hashes under `checkpoint`: also of entries that are too young to count
tile/entries/...         the bytes of the entries that are counted: the first ones of the log, without a gap
openings.json            the sealed codes that are opened, by index of their entry
figures.json             the figures, the rule, corrections: canonical JSON (RFC 8785)
figures.csv              the same figures as a table
release.entry, release.receipt, release.opening   the log's own entry about this release, which commits to figures.json
README.txt               how to check it
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from counterseal.ledger.canonical import read_canonical, write_canonical
from counterseal.ledger.entry import Disclosure, Entry
from counterseal.ledger.errors import LedgerError
from counterseal.oversight.figures.counters import AWAITED, FIGURES, NOT_AVAILABLE, SHARES, Counter, Followed
from counterseal.oversight.figures.counting import counted, shares
from counterseal.oversight.figures.errors import ReleaseUnreadableError
from counterseal.oversight.figures.openings import Coded, choose_openings, class_of
from counterseal.oversight.figures.registers import services, uses
from counterseal.oversight.figures.rule import SEALED_KIND, SEALED_NAMES, Rule

FORMAT = "counterseal-public-figures/1"
KIND = "figures.released"
FIGURES_FILE, CSV_FILE, OPENINGS_FILE, README_FILE = (
    "figures.json",
    "figures.csv",
    "openings.json",
    "README.txt",
)
ENTRY_FILE, RECEIPT_FILE, OPENING_FILE = "release.entry", "release.receipt", "release.opening"
COMMITTED = "figures"

_MEMBERS = {
    "format", "origin", "version", "made_at", "until", "counted", "rule", "previous", "corrections",
    "figures", "shares", "services", "uses", "not_available",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """What a release says of itself. until: last instant whose entries count. counted: number of entries, the
    first of the log. previous: the release before, or None. corrections: of this and every earlier release."""

    origin: str
    version: int
    made_at: datetime
    until: datetime
    counted: int
    rule: Rule
    previous: Mapping[str, Any] | None
    corrections: Sequence[Mapping[str, Any]]


def openings_of(
    entries: Mapping[int, Entry], sealed: Mapping[int, Mapping[str, str]], rule: Rule
) -> frozenset[tuple[int, str]]:
    """The sealed codes to open among these entries. sealed: what can still be opened, by index and name."""
    return choose_openings(coded(entries, sealed), rule.k)


def coded(entries: Mapping[int, Entry], codes: Mapping[int, Mapping[str, str]]) -> list[Coded]:
    """The entries that carry sealed codes, with those codes that are known."""
    return [
        Coded(index, class_of(entry), tuple(codes.get(index, {}).get(name) for name in SEALED_NAMES))
        for index, entry in sorted(entries.items())
        if entry.kind == SEALED_KIND
    ]


def document(
    head: Head, entries: Mapping[int, Entry], shown: Mapping[tuple[int, str], str]
) -> dict[str, Any]:
    """The content of figures.json. entries: those counted. shown: opened codes by (index, name)."""
    found = counted(entries, shown, rule=head.rule, until=head.until)
    return {
        "format": FORMAT,
        "origin": head.origin,
        "version": head.version,
        "made_at": written(head.made_at),
        "until": written(head.until),
        "counted": head.counted,
        "rule": head.rule.to_json(),
        "previous": None if head.previous is None else dict(head.previous),
        "corrections": [dict(each) for each in head.corrections],
        "figures": [
            {
                "id": figure.id,
                "says": figure.says,
                "kinds": list(figure.kinds),
                "by": figure.by,
                "rows": [[period, code, count] for period, code, count in found[figure.id]],
            }
            for figure in FIGURES
            if not awaited(figure)
        ],
        "shares": [
            {
                "id": share.id,
                "says": share.says,
                "rows": [[period, part, of] for period, part, of in shares(found, share)],
            }
            for share in SHARES
        ],
        "services": services(entries),
        "uses": uses(entries),
        "not_available": [{"id": each.id, "says": each.says, "why": each.why} for each in NOT_AVAILABLE]
        + [
            {"id": figure.id, "says": figure.says, "why": "This installation records no such act yet."}
            for figure in FIGURES
            if awaited(figure)
        ],
    }


def awaited(figure: Counter | Followed) -> bool:
    """Whether nothing in this version of the gateway seals what the figure would count."""
    return bool(figure.kinds) and AWAITED.issuperset(figure.kinds)


def head_of(content: Mapping[str, Any]) -> Head:
    """What a document says of itself.

    Raises:
        ReleaseUnreadableError: a member is missing, of another type or out of range.
    """
    if content.keys() != _MEMBERS or content["format"] != FORMAT:
        raise ReleaseUnreadableError(f"`{FIGURES_FILE}` is not of the format `{FORMAT}`")
    wanted = {
        "origin": str,
        "version": int,
        "made_at": str,
        "until": str,
        "counted": int,
        "corrections": list,
    }
    for name, type_ in wanted.items():
        if type(content[name]) is not type_ or (type_ is int and content[name] < 0):
            raise ReleaseUnreadableError(
                f"`{name}` of `{FIGURES_FILE}` is no {type_.__name__} that a release has"
            )
    if content["previous"] is not None and not isinstance(content["previous"], dict):
        raise ReleaseUnreadableError(f"`previous` of `{FIGURES_FILE}` is neither null nor a release")
    if any(not isinstance(each, dict) for each in content["corrections"]):
        raise ReleaseUnreadableError(f"`corrections` of `{FIGURES_FILE}` is no list of corrections")
    try:
        made_at = datetime.fromisoformat(content["made_at"]).astimezone(UTC)
        until = datetime.fromisoformat(content["until"]).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ReleaseUnreadableError(f"`made_at` or `until` of `{FIGURES_FILE}` is no instant") from None
    head = Head(
        content["origin"],
        content["version"],
        made_at,
        until,
        content["counted"],
        Rule.from_json(content["rule"]),
        content["previous"],
        content["corrections"],
    )
    if written(made_at) != content["made_at"] or written(until) != content["until"]:
        raise ReleaseUnreadableError(
            f"the instants of `{FIGURES_FILE}` are not written as a release writes them"
        )
    return head


def read_document(data: bytes) -> dict[str, Any]:
    """Read figures.json.

    Raises:
        ReleaseUnreadableError: it is no canonical JSON object.
    """
    try:
        content = read_canonical(data)
    except ValueError as error:
        raise ReleaseUnreadableError(f"`{FIGURES_FILE}`: {error}") from None
    if not isinstance(content, dict):
        raise ReleaseUnreadableError(f"`{FIGURES_FILE}` is no JSON object")
    return content


def write_openings(encoded: Mapping[int, Iterable[str]]) -> bytes:
    """openings.json: the disclosures (RFC 9901) of each entry, by its index."""
    return write_canonical({str(index): sorted(texts) for index, texts in encoded.items()})


def read_openings(data: bytes) -> dict[int, list[Disclosure]]:
    """Read openings.json; what the disclosures open is not checked against any entry yet.

    Raises:
        ReleaseUnreadableError: no canonical JSON of disclosures by index.
    """
    try:
        content = read_canonical(data)
        if not isinstance(content, dict):
            raise TypeError("it is no JSON object")
        if odd := [index for index in content if str(int(index)) != index]:
            raise ValueError(f"`{odd[0][:20]}` is no index of an entry")
        return {int(index): [Disclosure.parse(text) for text in texts] for index, texts in content.items()}
    except (ValueError, TypeError, AttributeError, LedgerError) as error:
        raise ReleaseUnreadableError(f"`{OPENINGS_FILE}`: {error}") from None


def table(content: Mapping[str, Any]) -> bytes:
    """figures.csv: one line a number. A share's line has the part as its count, and what it is a part of."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(["figure", "year", "code", "count", "of", "percent"])
    for figure in content["figures"]:
        sheet.writerows([figure["id"], period, code, count, "", ""] for period, code, count in figure["rows"])
    for share in content["shares"]:
        for period, part, of in share["rows"]:
            sheet.writerow([share["id"], period, "", part, of, percent(part, of)])
    return out.getvalue().encode("utf-8")


def percent(part: int, of: int) -> str:
    """A share in percent, to one decimal, half up: the same digits on every machine."""
    tenths = (2000 * part + of) // (2 * of)
    return f"{tenths // 10}.{tenths % 10}"


def digest(figures: bytes) -> str:
    """SHA-256 of figures.json in hex: what the log's entry about the release commits to."""
    return sha256(figures).hexdigest()


def written(at: datetime) -> str:
    """An instant as a release writes it: UTC, six decimals, Z."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def readme(head: Head, vkey: str) -> bytes:
    """README.txt: for a reader who has this folder and nothing else."""
    return f"""Public figures of the log {head.origin}, release {head.version}.

They count the log's first {head.counted} entries: everything sealed up to {written(head.until)}.
Nobody has to believe them. The entries that were counted lie beside them, with the hashes of all that came
after, under a checkpoint that the log's key signed. To count again, on a machine without any database:

    counterseal public verify . --vkey '{vkey}'

Take the key from somebody other than whoever handed you this folder. If you kept a checkpoint from an earlier
visit, add --older FILE; if you kept an earlier release, add --previous DIR.

The rule, version {head.rule.counting}:
- Entries younger than {head.rule.delay_days} days are in the log, but are not counted yet, and are not shown.
- The type of the case and the role of the person sought are sealed in each entry on their own. They are opened
  only where at least {head.rule.k} entries of the same year and the same public codes show the same. The others
  count as `not-shown`. Where fewer than {head.rule.k} would be kept back, the smallest opened group is kept back
  with them.
- Everything else counts what the agency did, and is shown whatever its number.
- An exigent use is approved in time within {head.rule.exigent_hours} hours.

No name, photograph or sentence about a person is in here. What is not available is listed in figures.json,
with the reason. What it cannot show: that everything reached the log, and that nobody was shown another log.
""".encode()
