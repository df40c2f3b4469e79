#!/usr/bin/env python3
"""Verify an exported log without the software that wrote it.

Needs Python 3.11 and the package `cryptography` (for Ed25519 signatures); nothing else, no network.
Read it before you run it: it is meant to be read in a sitting. What it does, in this order:

  1  read the keys, and the checkpoint: three lines (log, number of entries, root hash) and signatures
  2  hash every entry again, compare every tile of hashes, rebuild the root hash that was signed
  3  check each change of key: the entry that names the new key, and the checkpoint that both keys signed
  4  check that the log at the size of an older checkpoint is what that checkpoint says (--older)
  5  check a receipt for one entry (--receipt FILE --entry FILE)
  6  read the entries, and list refusals and intents without an outcome

Formats: C2SP tlog-tiles, tlog-checkpoint, signed-note, tlog-proof; hashes of RFC 6962 section 2.1.
Exit code: 0 everything holds, 3 something does not, 2 nothing could be checked.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Result = dict[str, Any]
WIDTH = 256  # hashes in a full tile
# Whatever goes wrong while something sealed is read means that it does not hold.
FAULTS = (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError, InvalidSignature)
EQUIVOCATION = (
    "One key without witnesses can sign two histories and show each to somebody else. "
    "Compare the number of entries and the root hash with those that other people were shown."
)
KEY_BROUGHT = "You brought the key yourself."
NO_KEY_BROUGHT = "No --vkey was given: this is worth as much as your trust in whoever handed it over."


class Key(NamedTuple):
    """A public key of the log, and the number of entries from which on it speaks."""

    vkey: str
    name: str
    id: bytes
    public: Ed25519PublicKey
    from_size: int


def sha256(data: bytes) -> bytes:
    """The one hash function of the log."""
    return hashlib.sha256(data).digest()


def unbase64(text: str) -> bytes:
    """Standard base64 in its one spelling."""
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError(f"`{text[:60]}` is base64 with stray bits")
    return data


def number(text: str) -> int:
    """A whole number without leading zeros."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", text):
        raise ValueError(f"`{text[:40]}` is not a whole number")
    return int(text)


def read_key(vkey: str, from_size: int) -> Key:
    """A key in the form name+id+base64(0x01 || key); the id is derived from the rest and must agree."""
    name, id_, encoded = [*vkey.split("+", 2), "", ""][:3]
    data = unbase64(encoded)
    if len(data) != 33 or data[0] != 1:
        raise ValueError(f"`{vkey[:160]}` is not an Ed25519 key")
    derived = sha256(name.encode() + b"\n" + data)[:4]
    if id_ != derived.hex():
        raise ValueError(f"`{vkey[:160]}` should have the id {derived.hex()}")
    return Key(vkey, name, derived, Ed25519PublicKey.from_public_bytes(data[1:]), from_size)


def read_keys(directory: Path) -> list[Key]:
    """The log's keys, oldest first: of keys.json, or log.vkey alone."""
    if not (directory / "keys.json").exists():
        return [read_key((directory / "log.vkey").read_text().removesuffix("\n"), 0)]
    listed = json.loads((directory / "keys.json").read_bytes())["keys"]
    keys = [read_key(each["vkey"], number(str(each["from_size"]))) for each in listed]
    sizes = [key.from_size for key in keys]
    if sizes[:1] != [0] or sizes != sorted(set(sizes)) or len({key.name for key in keys}) != 1:
        raise ValueError("keys.json needs keys of one name, with sizes that rise from 0")
    return keys


def open_checkpoint(note: bytes, keys: list[Key]) -> tuple[int, bytes]:
    """Size and root hash of a checkpoint signed by the key in force at that size; at a change, by both."""
    text, _, signatures = note.decode().rpartition("\n\n")
    lines = text.split("\n")
    if len(lines) != 3 or signatures[-1:] != "\n" or re.search(r"[\x00-\x09\x0b-\x1f]", note.decode()):
        raise ValueError("a checkpoint is three lines, an empty line, and signature lines")
    if lines[0] != keys[0].name:
        raise ValueError(f"it is of the log `{lines[0]}`, the key is of `{keys[0].name}`")
    size, root = number(lines[1]), unbase64(lines[2])
    signed = set()
    for line in signatures[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        data = unbase64(encoded)
        for key in keys:
            if (dash, name, data[:4]) == ("\u2014", key.name, key.id):
                key.public.verify(data[4:], text.encode() + b"\n")
                signed.add(key.id)
    at = max(place for place, key in enumerate(keys) if key.from_size <= size)
    first = at - 1 if at and keys[at].from_size == size else at
    for key in keys[first : at + 1]:
        if key.id not in signed:
            raise ValueError(f"at {size} entries key {key.id.hex()} is in force, and it did not sign")
    return size, root


def climb(hashes: list[bytes], index: int = 0) -> tuple[bytes, list[bytes]]:
    """Root hash, and inclusion proof of one leaf: its neighbours up to the root (RFC 6962 section 2.1)."""
    proof = []
    while len(hashes) > 1:
        proof += hashes[index ^ 1 : (index ^ 1) + 1]
        pairs = [sha256(b"\x01" + hashes[at] + hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
        hashes, index = pairs + hashes[len(pairs) * 2 :], index // 2  # an odd last one moves up as it is
    return (hashes[0] if hashes else sha256(b"")), proof


def tile_path(level: str, index: int, width: int) -> str:
    """Where a tile lies: its index in groups of three digits, and .p/<width> while it is not full."""
    place = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        place = f"x{index % 1000:03}/{place}"
    return f"tile/{level}/{place}" + (f".p/{width}" if width < WIDTH else "")


def split_bundle(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle, each behind its length in two bytes."""
    entries, at = [], 0
    for _ in range(width):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        entries.append(data[at + 2 : end])
        at = end
    if at != len(data):
        raise ValueError(f"it does not hold exactly {width} entries")
    return entries


class Verification:
    """One run over one directory; `failures` says in words what does not hold."""

    def __init__(self, directory: Path, vkey: str | None) -> None:
        """Step 1. Without keys and checkpoint nothing else means anything."""
        self.directory = directory
        self.failures: list[str] = []
        self.leaves: list[bytes] = []
        self.refusals: list[dict[str, Any]] = []
        self.intents: dict[int, str] = {}
        self.new_keys: dict[int, str] = {}
        self.keys = read_keys(directory)
        self.size, self.root = open_checkpoint((directory / "checkpoint").read_bytes(), self.keys)
        # A brought key that never was in force would vouch for nothing; a retired one vouches by step 3.
        if vkey is not None and vkey not in [key.vkey for key in self.keys if key.from_size <= self.size]:
            raise ValueError("the key that you brought is none that this log has used")

    def entries(self) -> None:
        """Steps 2 and 6: every bundle, entry by entry."""
        for first in range(0, self.size, WIDTH):
            width = min(WIDTH, self.size - first)
            path = tile_path("entries", first // WIDTH, width)
            bodies: list[bytes] = []
            try:
                bodies = split_bundle((self.directory / path).read_bytes(), width)
            except FAULTS as error:
                self.failures.append(f"{path}, entries {first} to {first + width - 1}: {words(error)}")
                if len(self.failures) > 1000:
                    raise ValueError("too much is missing to go on") from None
            self.leaves += [sha256(b"\x00" + body) for body in bodies] or [b""] * width
            for index, body in enumerate(bodies, first):
                try:
                    self.entry(index, body)
                except FAULTS as error:
                    self.failures.append(f"entry {index} in {path}: {words(error)}")

    def entry(self, index: int, body: bytes) -> None:
        """One entry: canonical JSON (RFC 8785; entries are ASCII without fractions)."""
        entry = json.loads(body.decode("ascii"))
        if json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != body:
            raise ValueError("it is not canonical JSON")
        kind, at, causes = entry["kind"], entry["at"], entry["causes"]
        if any(not 0 <= cause < index for cause in causes):
            raise ValueError("it names a cause that is not an earlier entry")
        if entry["outcome"] == "refused":
            clauses = entry["reason"]["clauses"]
            self.refusals.append({"index": index, "at": at, "kind": kind, "clauses": clauses})
        elif kind.endswith(".intent"):
            self.intents[index] = at
        if kind.endswith((".outcome", ".failed")):
            for cause in causes:
                self.intents.pop(cause, None)
        if kind == "log.key-rotated":
            self.new_keys[index + 1] = entry["public"]["new_vkey"]

    def tiles(self) -> None:
        """Step 2: each tile against the hashes below it, then the root hash."""
        level, hashes = 0, self.leaves
        while hashes:
            above = []
            for first in range(0, len(hashes), WIDTH):
                part = hashes[first : first + WIDTH]
                path = tile_path(str(level), first // WIDTH, len(part))
                try:
                    stored = (self.directory / path).read_bytes()
                    if len(stored) != 32 * len(part):
                        raise ValueError(f"it does not hold exactly {len(part)} hashes")
                    for slot, computed in enumerate(part):
                        if stored[slot * 32 : slot * 32 + 32] != computed:
                            below = f"tile {first + slot} below" if level else f"entry {first + slot}"
                            raise ValueError(f"hash {slot} is not what {below} hashes to")
                except FAULTS as error:
                    self.failures.append(f"{path}: {words(error)}")
                above += [climb(part)[0]] if len(part) == WIDTH else []
            level, hashes = level + 1, above
        if climb(self.leaves)[0] != self.root:
            self.failures.append("the entries do not hash to the root hash that was signed")

    def key_changes(self) -> None:
        """Step 3."""
        for new in self.keys[1:]:
            if new.from_size > self.size:
                continue
            try:
                if self.new_keys.pop(new.from_size, None) != new.vkey:
                    raise ValueError(f"entry {new.from_size - 1} does not say so")
                note = (self.directory / f"checkpoints/{new.from_size}").read_bytes()
                if self.prefix(note) != new.from_size:
                    raise ValueError("the checkpoint that both keys should have signed is of another size")
            except FAULTS as error:
                self.failures.append(f"key {new.id.hex()} from {new.from_size} entries on: {words(error)}")
        self.failures += [f"entry {size - 1} changes the key, keys.json does not" for size in self.new_keys]

    def prefix(self, note: bytes) -> int:
        """Steps 3, 4, 5: the size of a signed checkpoint that this log's first entries hash to."""
        size, root = open_checkpoint(note, self.keys)
        if size > self.size:
            raise ValueError(f"it was signed for {size} entries; only {self.size} are left")
        if climb(self.leaves[:size])[0] != root:
            raise ValueError(f"the first {size} entries are not those that it was signed for")
        return size

    def receipt(self, receipt: bytes, entry: bytes) -> int:
        """Step 5: bytes, proof and checkpoint against this log at the receipt's size; the entry's index."""
        head, _, note = receipt.partition(b"\n\n")
        header, place, *lines = head.decode("ascii").split("\n")
        if header != "c2sp.org/tlog-proof@v1" or place[:6] != "index ":
            raise ValueError("it is no receipt")
        index, size = number(place[6:]), self.prefix(note)
        if index >= size or sha256(b"\x00" + entry) != self.leaves[index]:
            raise ValueError(f"these bytes are not entry {index} of the log")
        if [unbase64(line) for line in lines] != climb(self.leaves[:size], index)[1]:
            raise ValueError(f"its proof does not lead from entry {index} to the root hash")
        return index


def words(error: BaseException) -> str:
    """An error as a clause of a sentence."""
    if isinstance(error, OSError):
        return f"{error.filename} cannot be read ({error.strerror})"
    return str(error) or "the signature is wrong"


def verify(directory: Path, vkey: str | None, older: dict[str, bytes], receipt: list[bytes]) -> Result:
    """Run every step; the result in words and numbers."""
    try:
        run = Verification(directory, vkey)
        run.entries()
    except FAULTS as error:
        return {"ok": False, "held": [], "failures": [f"keys, checkpoint or bundles: {words(error)}"]}
    run.tiles()
    run.key_changes()
    held = [f"The checkpoint is signed by the key in force, one of {len(run.keys)} that the log has had."]
    if not run.failures:
        held.append(f"All {run.size} entries were hashed again; every tile and the signed root agree.")
    for path, note in older.items():
        try:
            held.append(f"The log still begins with the {run.prefix(note)} entries of {path}.")
        except FAULTS as error:
            run.failures.append(f"{path}: {words(error)}")
    if receipt:
        try:
            held.append(f"The receipt holds: these bytes are entry {run.receipt(receipt[0], receipt[1])}.")
        except FAULTS as error:
            run.failures.append(f"the receipt: {words(error)}")
    vkeys = [key.vkey for key in run.keys if key.from_size <= run.size]
    result = {"ok": not run.failures, "origin": run.keys[0].name, "root": run.root.hex()}
    result |= {"tree_size": run.size, "vkey": vkeys[-1], "held": held, "failures": run.failures}
    open_intents = [{"index": index, "at": at} for index, at in run.intents.items()]
    return result | {"refusals": run.refusals, "intents_without_outcome": open_intents}


def report(result: Result) -> str:
    """The result for a reader."""
    lines = [f"{name}: {result[name]}" for name in ("origin", "tree_size", "root", "vkey") if name in result]
    lines += [f"ok    {each}" for each in result["held"]]
    lines += [f"FAIL  {each}" for each in result["failures"]]
    for each in result.get("refusals", ()):
        clauses = ", ".join(each["clauses"])
        lines.append(f"note  Entry {each['index']}, {each['at']}: {each['kind']} was refused: {clauses}")
    for each in result.get("intents_without_outcome", ()):
        lines.append(f"note  Entry {each['index']}, {each['at']}: an intent whose outcome was never sealed.")
    lines += [f"note  {result['trust']}", f"note  {result['limits']}"]
    lines.append("The log holds." if result["ok"] else "THE LOG DOES NOT HOLD. Keep this directory as it is.")
    return "\n".join(lines)


def main() -> int:
    """Read the command, verify, report; the exit code."""
    parser = argparse.ArgumentParser(description="Verify an exported log without the software that wrote it.")
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--vkey", help="the log's key, from somebody other than whoever handed you DIR")
    parser.add_argument("--older", type=Path, action="append", default=[], help="a checkpoint you kept")
    parser.add_argument("--receipt", type=Path, help="a receipt for one entry; needs --entry")
    parser.add_argument("--entry", type=Path, help="the bytes of that entry")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    given = parser.parse_args()
    try:
        if not (given.directory / "checkpoint").is_file():
            raise ValueError(f"`{given.directory}` is no exported log: it has no file `checkpoint`")
        if (given.receipt is None) != (given.entry is None):
            raise ValueError("--receipt and --entry go together")
        if given.vkey is not None:
            read_key(given.vkey, 0)
        older = {str(path): path.read_bytes() for path in given.older}
        receipt = [given.receipt.read_bytes(), given.entry.read_bytes()] if given.receipt else []
    except FAULTS as error:
        print(json.dumps({"ok": False, "error": words(error)}) if given.json else f"error: {words(error)}")
        return 2
    result = verify(given.directory, given.vkey, older, receipt)
    result |= {"limits": EQUIVOCATION, "trust": KEY_BROUGHT if given.vkey else NO_KEY_BROUGHT}
    print(json.dumps(result, indent=1) if given.json else report(result))
    return 0 if result["ok"] else 3


if __name__ == "__main__":
    sys.exit(main())
