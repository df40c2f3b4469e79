"""Release public figures: count the log's old entries, seal that it was done, write the folder.

1 read the entries that are old enough, 2 choose which sealed codes may be opened, 3 count, 4 compare with the
release before, 5 seal the digest of the figures, 6 write the folder, whose checkpoint covers the entry of (5).
If we stop between (5) and (6), the log says that a release was made which nobody saw: make it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from counterseal.gateway.export_ledger import bodies, key_history, node, write_file
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Sealed, change
from counterseal.gateway.snapshot import snapshot
from counterseal.ledger.canonical import write_canonical
from counterseal.ledger.directory import checkpoint_path
from counterseal.ledger.entry import Disclosure, Entry, check_disclosure, read_entry
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import parse_receipt
from counterseal.ledger.tiles import CHECKPOINT, HEIGHT, WIDTH, pack_bundle, tiles_of
from counterseal.ledger.tree import Frontier
from counterseal.oversight.figures import release
from counterseal.oversight.figures.openings import Shared
from counterseal.oversight.figures.release import Head
from counterseal.oversight.figures.rule import SEALED_KIND, SEALED_NAMES, Rule
from counterseal.oversight.figures.verify_release import differences
from counterseal.oversight.models import LogDisclosures, LogKey, LogState
from counterseal.people.models import Role
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError, IntegrityError, StaleError

_PROBE = ".write-test"
MAY_RELEASE = frozenset({Role.PRIVACY_OFFICE, Role.CIVIL_RIGHTS_OFFICE, Role.INFORMATION_OFFICE})


@dataclass(frozen=True, slots=True)
class Released:
    """What was released, and where. index: of the log's entry about it. corrections: those new in it."""

    version: int
    counted: int
    until: datetime
    index: int
    tree_size: int
    vkey: str
    path: Path
    corrections: int


@dataclass(frozen=True, slots=True)
class _Log:
    """The log as of one instant. counted: entries old enough. last: content of the last release, if any."""

    size: int
    counted: Mapping[int, Entry]
    sealed: Mapping[int, Mapping[str, str]]
    openings: Mapping[tuple[int, str], str]
    last: dict[str, Any] | None


def release_figures(
    office: Office,
    *,
    folder: Path,
    by: str,
    rule: Rule | None = None,
    until: datetime | None = None,
    why: str = "",
) -> Released | Refusal:
    """Count, seal and write a release into an empty or new folder. One of the three offices does it.

    until: count no entry after this instant; the delay of the rule always holds too. why: what made figures of
    the release before change, in words that are published; needed where some did.

    Raises:
        BadInputError: a folder that holds something, nothing old enough, or changed figures without a reason.
        StaleError: another release was made meanwhile. OSError: the folder cannot be written.
    """
    rule = rule or Rule()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(
            f"`{folder}` is not an empty folder; name a new one, an old release stays as it is"
        )
    if not MAY_RELEASE & office.acting(by):
        with change(office) as now:
            return now.refuse(
                "figures.refused",
                now.unmet([_NOT_AN_OFFICE]),
                by=by,
                action="release figures",
                target="figures",
            )
    at = office.clock()
    last_instant = min(rule.latest(at), until or at)
    # (1)
    log = _read(last_instant)
    if not log.counted:
        raise BadInputError(
            f"no entry of the log was sealed up to {last_instant:%Y-%m-%d %H:%M} UTC: there is nothing to release "
            f"yet (an entry is counted {rule.delay_days} days after it was sealed)"
        )
    if log.last is not None and int(log.last["counted"]) > len(log.counted):
        raise BadInputError(
            f"release {log.last['version']} counted {log.last['counted']} entries, this one would count only "
            f"{len(log.counted)}: a later release never counts less; leave out `--until`, or shorten the delay"
        )
    # (2)
    chosen = release.openings_of(log.counted, log.sealed, rule)
    shown = {(index, name): log.sealed[index][name] for index, name in chosen}
    # (4) before (3): corrections stand in the document.
    corrections = _corrections(log, why)
    version = 1 if log.last is None else int(log.last["version"]) + 1
    previous = None
    if log.last is not None:
        figures_before = release.digest(write_canonical(log.last))
        previous = {"version": log.last["version"], "counted": log.last["counted"], "sha256": figures_before}
    head = Head(
        office.origin, version, at, last_instant, len(log.counted), rule, previous,
        [*(log.last["corrections"] if log.last else []), *corrections],
    )  # fmt: skip
    # (3)
    content = release.document(head, log.counted, shown)
    figures = write_canonical(content)
    # (5)
    _try(folder)
    with change(office) as now:
        for body in bodies(log.size, now.next_index):
            if read_entry(body).kind == release.KIND:
                raise StaleError("another release was made meanwhile; make this one again")
        sealed = now.seal(
            release.KIND,
            by=by,
            action="release figures",
            target="figures",
            outcome="done",
            public={
                "version": version,
                "counted": head.counted,
                "k": rule.k,
                "delay_days": rule.delay_days,
            },
            committed={release.COMMITTED: release.digest(figures), "document": content},
        )
    # (6)
    vkey = _write(folder, head, content, figures, log, chosen, sealed, now.receipt)
    return Released(
        version, head.counted, head.until, sealed.index, sealed.index + 1, vkey, folder, len(corrections)
    )


def _try(folder: Path) -> None:
    """Make the folder and write into it: better that this fails now than after the release was sealed."""
    write_file(folder / _PROBE, b"")
    (folder / _PROBE).unlink()


def _read(until: datetime) -> _Log:
    with snapshot():
        size = Frontier.from_bytes(bytes(LogState.objects.get().frontier)).size
        counted: dict[int, Entry] = {}
        counting, last, shared = True, -1, Shared()
        for index, body in enumerate(bodies(0, size)):
            try:
                entry = read_entry(body)
            except LedgerError as error:
                raise IntegrityError(
                    f"entry {index} of the log cannot be read ({error}): run `counterseal fsck`"
                ) from error
            # The first young entry ends it: the counted ones are the log's beginning, without a gap.
            counting = counting and entry.at <= until
            if counting:
                counted[index] = shared.lean(entry)
            if entry.kind == release.KIND:
                last = index
        sealed: dict[int, dict[str, str]] = {}
        openings: dict[tuple[int, str], str] = {}
        for index, disclosure in _disclosures(counted):
            name, value = check_disclosure(counted[index], disclosure)
            if name in SEALED_NAMES and isinstance(value, str):
                sealed.setdefault(index, {})[name] = value
                openings[index, name] = disclosure.encoded
        return _Log(size, counted, sealed, openings, _document_of(last))


def _disclosures(counted: Mapping[int, Entry]) -> Iterator[tuple[int, Disclosure]]:
    """Every disclosure that still exists of the entries that carry sealed codes."""
    for index, encoded in LogDisclosures.objects.filter(index__lt=len(counted)).values_list(
        "index", "encoded"
    ):
        if counted[index].kind == SEALED_KIND:
            yield from ((index, Disclosure.parse(each)) for each in encoded.split("\n") if each)


def _document_of(index: int) -> dict[str, Any] | None:
    """What the release sealed at this index said; None for no release."""
    if index < 0:
        return None
    kept = LogDisclosures.objects.filter(pk=index).values_list("encoded", flat=True).first() or ""
    for each in kept.split("\n"):
        disclosure = Disclosure.parse(each) if each else None
        if disclosure and disclosure.name == "document" and isinstance(disclosure.value, dict):
            return disclosure.value
    raise IntegrityError(f"what the release at entry {index} said is gone: run `counterseal fsck`")


def _corrections(log: _Log, why: str) -> list[dict[str, Any]]:
    """What the last release said and what counting the same entries gives today, where that differs."""
    if log.last is None:
        return []
    old = release.head_of(log.last)
    entries = {index: entry for index, entry in log.counted.items() if index < old.counted}
    chosen = release.openings_of(entries, log.sealed, old.rule)
    again = release.document(old, entries, {(i, name): log.sealed[i][name] for i, name in chosen})
    changed = differences(log.last, again)
    if changed and not why.strip():
        where, was, now_is = changed[0]
        raise BadInputError(
            f"{len(changed)} figures of release {old.version} count differently today, the first `{where}`: it said "
            f"{was}, now {now_is}; say why (`--why`), since corrections are published with their reason"
        )
    return [
        {"version": old.version, "where": where, "was": was, "now": now_is, "why": why.strip()}
        for where, was, now_is in changed
    ]


def _write(
    folder: Path,
    head: Head,
    content: Mapping[str, Any],
    figures: bytes,
    log: _Log,
    chosen: frozenset[tuple[int, str]],
    sealed: Sealed,
    receipt: bytes,
) -> str:
    """Write the folder, its checkpoint last; the vkey in force."""
    size = sealed.index + 1
    history = KeyHistory(tuple(p for p in key_history().periods if p.from_size <= size))
    encoded: dict[int, list[str]] = {}
    for index, name in sorted(chosen):
        encoded.setdefault(index, []).append(log.openings[index, name])
    files = {
        "keys.json": history.to_json(),
        "log.vkey": f"{history.current.vkey}\n".encode(),
        release.OPENINGS_FILE: release.write_openings(encoded),
        release.FIGURES_FILE: figures,
        release.CSV_FILE: release.table(content),
        release.ENTRY_FILE: sealed.body,
        release.RECEIPT_FILE: receipt,
        release.OPENING_FILE: release.write_openings({sealed.index: [sealed.openings[release.COMMITTED]]}),
        release.README_FILE: release.readme(head, history.current.vkey),
    }
    for key in LogKey.objects.exclude(checkpoint=b"").filter(from_size__lte=size):
        files[checkpoint_path(key.from_size)] = bytes(key.checkpoint)
    for path, data in files.items():
        write_file(folder / path, data)
    for path, data in _tiles(size, head.counted, parse_receipt(receipt).note):
        write_file(folder / path, data)
    return history.current.vkey


def _tiles(size: int, counted: int, checkpoint: bytes) -> Iterator[tuple[str, bytes]]:
    """All tiles of hashes of the whole tree, but bundles of the counted entries only; the checkpoint last."""
    for tile in tiles_of(counted):
        if tile.level is None:
            first = tile.index * WIDTH
            yield tile.path, pack_bundle(bodies(first, first + tile.width))
    for tile in tiles_of(size):
        if tile.level is not None:
            slots = range(tile.index * WIDTH, tile.index * WIDTH + tile.width)
            yield tile.path, b"".join(node(tile.level * HEIGHT, slot) for slot in slots)
    yield CHECKPOINT, checkpoint


_NOT_AN_OFFICE = Unmet(
    "D-026-11/oversight",
    "public figures are released by one of the three offices that oversee uses",
    "ask the privacy office, the civil rights office or the information officer",
)
