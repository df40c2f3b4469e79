"""Check a release of public figures: count everything again and name what differs.

Needs the released folder and nothing else; no database, no network. It reads through a function, so that
whoever calls decides where the folder lies. In this order:
1 open the checkpoint, 2 hash every counted entry and compare it with its tile, 3 rebuild the signed root from
all hashes, 4 check each change of key, 5 check that older checkpoints are prefixes, 6 check that the log's
own entry about the release commits to figures.json, 7 check the opened codes against their entries and
against the rule, 8 count again and compare every figure, 9 compare with an earlier release.
What it cannot see: entries that were never logged; a code kept back without need; that entries too young to
count are young (a later release shows it: bring the earlier one).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from counterseal.ledger.checkpoint import Checkpoint
from counterseal.ledger.directory import checkpoint_path
from counterseal.ledger.entry import KEY_ROTATED, Disclosure, Entry, check_disclosure, read_entry
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.findings import Finding
from counterseal.ledger.keys import KeyHistory, rotation_fault
from counterseal.ledger.receipt import verify_receipt
from counterseal.ledger.tiles import CHECKPOINT, WIDTH, Reader, Tile, check_tile, split_bundle, tiles_of
from counterseal.ledger.tree import HASH_SIZE, Frontier, leaf_hash
from counterseal.oversight.figures import release
from counterseal.oversight.figures.errors import FiguresError, ReleaseUnreadableError
from counterseal.oversight.figures.openings import Shared, faults_of
from counterseal.oversight.figures.release import Head
from counterseal.oversight.figures.rule import COUNTING, SEALED_KIND, SEALED_NAMES

FAULTS = (LedgerError, FiguresError, OSError)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked. findings: empty where everything holds. held: what holds, in words.

    figures: number of rows that were counted again. content: figures.json as released.
    """

    origin: str
    version: int
    counted: int
    tree_size: int
    figures: int
    held: tuple[str, ...]
    findings: tuple[Finding, ...]
    content: Mapping[str, Any]


def verify_release(
    read: Reader,
    *,
    vkey: str | None = None,
    older: Mapping[str, bytes] | None = None,
    previous: Reader | None = None,
) -> Verified:
    """Check the release behind `read`.

    vkey: a key that the caller brought; it must be one that the log has used. older: kept checkpoints by a
    name to call them. previous: an earlier release.

    Raises:
        ReleaseUnreadableError: nothing could be checked: no figures, keys or checkpoint in any readable form.
    """
    run = _Run(read)
    if vkey is not None and vkey not in {p.verifier.vkey for p in run.keys.periods}:
        run.found("key-not-brought", "keys.json", "the key that you brought is none that this log has used")
    run.key_file()
    run.entries()
    run.rotations()
    for name, note in (older or {}).items():
        run.older(name, note)
    run.sealed()
    run.codes()
    run.recount()
    if previous is not None:
        run.earlier(previous)
    return run.verified()


class _Run:
    def __init__(self, read: Reader) -> None:
        self.read = read
        self.findings: list[Finding] = []
        self.held: list[str] = []
        self.bodies: dict[int, Entry] = {}
        self.roots: dict[int, bytes] = {}
        self.hashes: list[bytes] = []
        self._shared = Shared()
        self.shown: dict[tuple[int, str], str] = {}
        self.rows = 0
        # (1) Without figures, keys and a checkpoint there is nothing to hold the rest against.
        try:
            self.figures = read(release.FIGURES_FILE)
            self.keys = KeyHistory.from_json(read("keys.json"))
            note = read(CHECKPOINT)
        except OSError as error:
            raise ReleaseUnreadableError(
                f"this is no release of figures: `{error.filename}` cannot be read ({error.strerror}); "
                "name a folder that `counterseal public release` wrote"
            ) from None
        except LedgerError as error:
            raise ReleaseUnreadableError(f"the keys of the release cannot be read: {error}") from None
        self.content = release.read_document(self.figures)
        self.head: Head = release.head_of(self.content)
        self.checkpoint: Checkpoint | None = None
        try:
            self.checkpoint = self.keys.open_checkpoint(note, origin=self.head.origin)
            self.held.append(
                f"The checkpoint of {self.checkpoint.size} entries is signed by the key in force."
            )
        except LedgerError as error:
            self.found("checkpoint-not-trusted", CHECKPOINT, str(error))

    def found(self, code: str, where: str, says: str) -> None:
        self.findings.append(Finding(code, where, says))

    def key_file(self) -> None:
        """log.vkey is what readers copy: it must be the key in force."""
        try:
            if self.read("log.vkey") != f"{self.keys.current.vkey}\n".encode():
                self.found("key-differs", "log.vkey", "it is not the key in force that keys.json has")
        except OSError as error:
            self.found("key-differs", "log.vkey", says(error))

    def entries(self) -> None:
        """Steps 2 and 3."""
        size = self.checkpoint.size if self.checkpoint else 0
        counted = self.head.counted
        if counted > size:
            self.found("more-counted-than-logged", release.FIGURES_FILE, f"{counted} of {size} entries")
            return
        before = len(self.findings)
        if self.head.until > self.head.rule.latest(self.head.made_at):
            self.found(
                "rule-broken", release.FIGURES_FILE, "it counts up to an instant within the delay of its rule"
            )
        for tile in (t for t in tiles_of(size) if t.level == 0):
            self._tile(tile, self._bundle(tile, counted))
        if self.checkpoint and self._root_at(size) != self.checkpoint.root:
            self.found(
                "root-differs", CHECKPOINT, "the entries and hashes do not lead to the root that was signed"
            )
        if len(self.findings) == before and self.checkpoint:
            self.held.append(f"All {counted} counted entries are in the log, in their place, none left out.")

    def _bundle(self, tile: Tile, counted: int) -> dict[int, bytes]:
        """The counted entries below this tile of leaf hashes, by index."""
        first = tile.index * WIDTH
        width = min(WIDTH, counted - first)
        if width <= 0:
            return {}
        path = Tile(None, tile.index, width).path
        try:
            return dict(enumerate(split_bundle(self.read(path), width), first))
        except FAULTS as error:
            entries = f"entries {first} to {first + width - 1} are not all there"
            self.found("entries-missing", path, f"{entries}: {says(error)}")
            return {}

    def _tile(self, tile: Tile, bodies: Mapping[int, bytes]) -> None:
        """Take up leaf hashes (computed where there is an entry, else as the tile says), and read the entries."""
        first = tile.index * WIDTH
        try:
            data = check_tile(self.read(tile.path), tile.width)
        except FAULTS as error:
            self.found("tile-unreadable", tile.path, says(error))
            data = b""
        stored = [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
        mine = {index: leaf_hash(body) for index, body in bodies.items()}
        self._compare(tile, stored, mine)
        for slot in range(tile.width):
            self.hashes.append(mine.get(first + slot) or (stored[slot] if stored else b"\0" * HASH_SIZE))
        for index, body in bodies.items():
            try:
                entry = self.bodies[index] = self._shared.lean(read_entry(body))
            except LedgerError as error:
                self.found("entry-malformed", f"entry {index}", str(error))
                continue
            if entry.at > self.head.until:
                self.found(
                    "counted-too-early",
                    f"entry {index}",
                    "it was sealed after the last instant of the release",
                )

    def _compare(self, tile: Tile, stored: Sequence[bytes], mine: Mapping[int, bytes]) -> None:
        first = tile.index * WIDTH
        differ = [i for i, leaf in mine.items() if stored and stored[i - first] != leaf]
        if not differ:
            return
        at = differ[0]
        # One left out moves all that follow: say so, rather than that hundreds were changed.
        moved = [i for i in range(at, first + tile.width - 1) if i in mine]
        if len(differ) > 1 and moved and all(mine[i] == stored[i + 1 - first] for i in moved):
            self.found(
                "entry-dropped",
                f"entry {at}",
                "it was left out: the entries after it stand one place too early",
            )
            return
        for index in differ:
            self.found(
                "entry-changed", f"entry {index}", f"its bytes are not those that {tile.path} has the hash of"
            )

    def rotations(self) -> None:
        """Step 4."""
        for old, new in pairwise(self.keys.periods):
            size = new.from_size
            where = f"key {new.verifier.key_id.hex()} from size {size}"
            try:
                self._prefix(self.read(checkpoint_path(size)), of_size=size)
                if size - 1 in self.bodies:
                    fault = rotation_fault(self.bodies[size - 1], old.verifier, new.verifier)
                    if fault:
                        raise ReleaseUnreadableError(fault)
            except FAULTS as error:
                self.found("rotation-not-logged", where, says(error))
        known = {period.from_size for period in self.keys.periods}
        for index, entry in self.bodies.items():
            if entry.kind == KEY_ROTATED and index + 1 not in known:
                self.found("rotation-unknown", f"entry {index}", "keys.json does not hold this change of key")

    def older(self, name: str, note: bytes) -> None:
        """Step 5."""
        try:
            size = self._prefix(note)
            self.held.append(f"The log still begins with the {size} entries of {name}.")
        except FAULTS as error:
            self.found("second-history", name, says(error))

    def _prefix(self, note: bytes, of_size: int | None = None) -> int:
        old = self.keys.open_checkpoint(note, origin=self.head.origin)
        if of_size not in (None, old.size):
            raise ReleaseUnreadableError(f"its checkpoint was signed for size {old.size}")
        if old.size > len(self.hashes):
            raise ReleaseUnreadableError(
                f"it was signed for {old.size} entries; the log of this release has {len(self.hashes)}"
            )
        if self._root_at(old.size) != old.root:
            raise ReleaseUnreadableError(
                f"the first {old.size} entries of this release are not those that it was signed for: "
                "one log was shown to you then, and another now"
            )
        return old.size

    def _root_at(self, size: int) -> bytes:
        if size not in self.roots:
            frontier = Frontier()
            for leaf in self.hashes[:size]:
                frontier, _ = frontier.append(leaf)
            self.roots[size] = frontier.root()
        return self.roots[size]

    def sealed(self) -> None:
        """Step 6: figures.json is what the log's own entry about the release commits to."""
        try:
            body = self.read(release.ENTRY_FILE)
            receipt = self.read(release.RECEIPT_FILE)
            held = verify_receipt(receipt, body, self.keys, self.head.origin)
            entry = read_entry(body)
            opening = release.read_openings(self.read(release.OPENING_FILE)).get(held.index, [])
            names = dict(check_disclosure(entry, each) for each in opening)
            if entry.kind != release.KIND or entry.public.get("version") != self.head.version:
                raise ReleaseUnreadableError(f"the entry is not about release {self.head.version}")
            if entry.public.get("counted") != self.head.counted:
                raise ReleaseUnreadableError("the entry says that another number of entries was counted")
            if names.get(release.COMMITTED) != release.digest(self.figures):
                raise ReleaseUnreadableError("the entry commits to other figures: figures.json was changed")
            if held.index < self.head.counted or self.hashes[held.index : held.index + 1] != [
                leaf_hash(body)
            ]:
                raise ReleaseUnreadableError(
                    "the entry does not stand in this log after those that were counted"
                )
        except FAULTS as error:
            self.found("figures-not-sealed", release.ENTRY_FILE, says(error))
            return
        self.held.append(f"figures.json is what entry {held.index} of the log commits to.")

    def codes(self) -> None:
        """Step 7."""
        before = len(self.findings)
        try:
            opened = release.read_openings(self.read(release.OPENINGS_FILE))
        except FAULTS as error:
            self.found("openings-unreadable", release.OPENINGS_FILE, says(error))
            return
        self.shown = self._opened(opened, self.head.counted)
        codes: dict[int, dict[str, str]] = {}
        for (index, name), value in self.shown.items():
            codes.setdefault(index, {})[name] = value
        for fault in faults_of(release.coded(self.bodies, codes), self.head.rule.k):
            self.found("rule-broken", release.OPENINGS_FILE, fault)
        if len(self.findings) == before:
            self.held.append(
                f"{len(self.shown)} codes about persons sought are opened, each shown by at least "
                f"{self.head.rule.k} entries alike."
            )

    def _opened(self, opened: Mapping[int, Sequence[Disclosure]], counted: int) -> dict[tuple[int, str], str]:
        """The codes that these disclosures open under the first `counted` entries, by (index, name)."""
        shown: dict[tuple[int, str], str] = {}
        for index, disclosures in sorted(opened.items()):
            for each in disclosures:
                try:
                    if index not in self.bodies or index >= counted:
                        raise ReleaseUnreadableError("no such entry was counted")
                    name, value = check_disclosure(self.bodies[index], each)
                    allowed = self.bodies[index].kind == SEALED_KIND and name in SEALED_NAMES
                    if not allowed or not isinstance(value, str) or (index, name) in shown:
                        raise ReleaseUnreadableError(
                            f"a release opens no `{name}` of such an entry, or not twice"
                        )
                    shown[index, name] = value
                except FAULTS as error:
                    self.found("opening-foreign", f"entry {index}", says(error))
        return shown

    def recount(self) -> None:
        """Step 8: every figure, from the entries that hold."""
        if self.head.rule.counting != COUNTING:
            self.found(
                "counting-unknown",
                release.FIGURES_FILE,
                f"it was counted by version {self.head.rule.counting} of the rule, this program counts by "
                f"version {COUNTING}: verify with the program of that version",
            )
            return
        before = len(self.findings)
        mine = release.document(self.head, self.bodies, self.shown)
        self.rows = sum(len(each["rows"]) for each in (*mine["figures"], *mine["shares"]))
        differ = differences(self.content, mine)
        for where, theirs, ours in differ:
            self.found("figure-differs", where, f"the release says {theirs}; its entries give {ours}")
        if not differ and self.content != mine:
            self.found("words-differ", release.FIGURES_FILE, "its words or members are not those of the rule")
        try:
            if self.read(release.CSV_FILE) != release.table(mine):
                self.found("table-differs", release.CSV_FILE, "it is not the table that the entries give")
        except OSError as error:
            self.found("table-differs", release.CSV_FILE, says(error))
        if len(self.findings) == before:
            self.held.append(f"Every figure was counted again: {self.rows} rows, services and uses agree.")

    def earlier(self, previous: Reader) -> None:
        """Step 9: the log of an earlier release goes on in this one, and what changed since is listed."""
        name = "the earlier release"
        try:
            figures = previous(release.FIGURES_FILE)
            content = release.read_document(figures)
            old = release.head_of(content)
            name = f"release {old.version}"
            opened = release.read_openings(previous(release.OPENINGS_FILE))
            note = previous(CHECKPOINT)
        except FAULTS as error:
            self.found("previous-unreadable", name, says(error))
            return
        before = len(self.findings)
        self.older(f"{name} ({old.counted} counted)", note)
        said = self.head.previous or {}
        if said.get("version") == old.version and said.get("sha256") != release.digest(figures):
            self.found("previous-differs", name, "this release names other figures as those of that release")
        for index, entry in sorted(self.bodies.items()):
            if index >= old.counted and entry.at <= old.until:
                self.found(
                    "held-back", f"entry {index}", f"it was old enough for {name}, which did not count it"
                )
        shown = self._opened(opened, old.counted)
        again = release.document(old, {i: e for i, e in self.bodies.items() if i < old.counted}, shown)
        listed = {
            each.get("where") for each in self.head.corrections if each.get("version", 0) >= old.version
        }
        for where, theirs, ours in differences(content, again):
            if where not in listed:
                self.found(
                    "correction-not-listed",
                    f"{where} of {name}",
                    f"it said {theirs}; counted today it is {ours}, and no correction says why",
                )
        if len(self.findings) == before:
            self.held.append(f"The figures of {name} still follow from this log, but for listed corrections.")

    def verified(self) -> Verified:
        return Verified(
            self.head.origin,
            self.head.version,
            self.head.counted,
            self.checkpoint.size if self.checkpoint else 0,
            self.rows,
            tuple(self.held),
            tuple(self.findings),
            self.content,
        )


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(where, what theirs says, what ours says), one for each number or member that differs."""
    differ = []
    for part in ("figures", "shares"):
        stated, found = _numbers(theirs, part), _numbers(ours, part)
        for place in sorted(stated.keys() | found.keys()):
            if stated.get(place) != found.get(place):
                where = " ".join(word for word in place if word)
                differ.append((where, str(stated.get(place, "nothing")), str(found.get(place, "nothing"))))
    for part, key in (("services", "service"), ("uses", "use")):
        said, counted = _lines(theirs, part, key), _lines(ours, part, key)
        for name in sorted(said.keys() | counted.keys()):
            a, b = said.get(name, {}), counted.get(name, {})
            differ += [
                (f"{part} {name} {member}", str(a.get(member, "nothing")), str(b.get(member, "nothing")))
                for member in sorted(a.keys() | b.keys())
                if a.get(member) != b.get(member)
            ]
    return differ


def _numbers(content: Mapping[str, Any], part: str) -> dict[tuple[str, ...], Any]:
    """Each number of figures or shares by its place; what has another form stands under its own text."""
    numbers: dict[tuple[str, ...], Any] = {}
    for each in content[part] if isinstance(content[part], list) else []:
        match each:
            case {"id": str(id_), "rows": [*rows]}:
                for row in rows:
                    match row:
                        case [str(period), str(code), int(count)]:
                            numbers[id_, period, code] = count
                        case [str(period), int(part_), int(of)]:
                            numbers[id_, period, ""] = f"{part_} of {of}"
                        case _:
                            numbers[id_, str(row)[:80]] = "no row"
            case _:
                numbers[(str(each)[:80],)] = "no figure"
    return numbers


def _lines(content: Mapping[str, Any], part: str, key: str) -> dict[str, Mapping[str, Any]]:
    lines = content[part] if isinstance(content[part], list) else []
    return {str(each.get(key))[:80]: each for each in lines if isinstance(each, dict)}


def says(error: Exception) -> str:
    """An error as a clause of a sentence."""
    if isinstance(error, OSError):
        return f"`{error.filename}` cannot be read ({error.strerror})"
    return str(error)
