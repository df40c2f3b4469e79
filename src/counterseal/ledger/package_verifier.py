#!/usr/bin/env python3
"""Verify a package of records without the software that wrote it: a discovery package, or an audit's.

Needs Python 3.11 and the package `cryptography` (for Ed25519 signatures); nothing else, no network.
Read it before you run it. What it does, in this order:

  1  hash every file again and compare it with manifest.json; no file more, no file less
  2  check each change of the log's key (rotations/), then each receipt: the entry's bytes are in the log, under a
     checkpoint that the key in force signed
  3  check each opening: what it says is what the entry committed to
  4  check that the sealed entry of this release commits to this manifest and no other; the release of an audit is
     sealed in the audit office's own log (release.vkey)
  5  check the cosignatures of witnesses on the checkpoints (witnesses.json), and count them

Formats: C2SP tlog-proof, tlog-checkpoint, signed-note, tlog-cosignature; hashes of RFC 6962; openings of
RFC 9901 section 4.2.
Exit code: 0 everything holds, 3 something does not, 2 nothing could be checked.
"""

import argparse
import base64
import hashlib
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FAULTS = (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, InvalidSignature)
LOG, WITNESS = 1, 4  # types of keys: C2SP signed-note
# Not under the manifest: itself, and what can only be written once it is sealed.
OUTSIDE = ("manifest.json", "release.json", "release.receipt.txt", "release.openings.json")


def sha256(data: bytes) -> bytes:
    """The one hash function."""
    return hashlib.sha256(data).digest()


def unbase64(text: str) -> bytes:
    """Standard base64 in its one spelling."""
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 with stray bits")
    return data


class Key(NamedTuple):
    """A public key, and the number of entries from which on it speaks for its log."""

    name: str
    id: bytes
    public: Ed25519PublicKey
    from_size: int
    vkey: str


def read_key(vkey: str, from_size: int = 0, kind: int = LOG) -> Key:
    """The key of name+id+base64(kind || key)."""
    name, id_, encoded = [*vkey.strip().split("+", 2), "", ""][:3]
    data = unbase64(encoded)
    if len(data) != 33 or data[0] != kind or sha256(name.encode() + b"\n" + data)[:4].hex() != id_:
        raise ValueError("the key is no Ed25519 key of a log" if kind == LOG else "no key of a witness")
    return Key(
        name, bytes.fromhex(id_), Ed25519PublicKey.from_public_bytes(data[1:]), from_size, vkey.strip()
    )


def read_keys(folder: Path, brought: str | None) -> list[Key]:
    """Every key that the log has had, oldest first. brought: one of them, from somebody else."""
    listed: list[dict[str, Any]] = [{"vkey": (folder / "log.vkey").read_text().strip(), "from_size": 0}]
    if (folder / "keys.json").exists():
        listed = json.loads((folder / "keys.json").read_bytes())["keys"]
    if brought is not None and brought.strip() not in [each["vkey"] for each in listed]:
        listed = [{"vkey": brought.strip(), "from_size": 0}]
    keys = [read_key(str(each["vkey"]), int(each["from_size"])) for each in listed]
    sizes = [key.from_size for key in keys]
    if sizes[:1] != [0] or sizes != sorted(set(sizes)) or len({key.name for key in keys}) != 1:
        raise ValueError("keys.json needs keys of one name, with sizes that rise from 0")
    return keys


def open_checkpoint(note: bytes, keys: list[Key]) -> tuple[int, bytes]:
    """Size and root hash, where the key in force at that size signed them."""
    text, _, signatures = note.decode().rpartition("\n\n")
    lines = text.split("\n")
    if len(lines) != 3 or lines[0] != keys[0].name or not signatures.endswith("\n"):
        raise ValueError(f"it is no checkpoint of the log `{keys[0].name}`")
    name, key_id, public, *_ = [key for key in keys if key.from_size <= int(lines[1])][-1]
    for line in signatures[:-1].split("\n"):
        dash, signer, encoded = line.split(" ")
        data = unbase64(encoded)
        if (dash, signer, data[:4]) == ("\u2014", name, key_id):
            public.verify(data[4:], text.encode() + b"\n")
            return int(lines[1]), unbase64(lines[2])
    raise ValueError("the log's key did not sign it")


def check_receipt(receipt: bytes, entry: bytes, keys: list[Key]) -> int:
    """The index of the entry whose inclusion this receipt proves (RFC 9162 section 2.1.3.2)."""
    head, _, note = receipt.partition(b"\n\n")
    header, place, *lines = head.decode("ascii").split("\n")
    if header != "c2sp.org/tlog-proof@v1" or place[:6] != "index ":
        raise ValueError("it is no receipt")
    index = int(place[6:])
    size, root = open_checkpoint(note, keys)
    if not 0 <= index < size:
        raise ValueError("the checkpoint is of a log too short for this entry")
    at, last, found = index, size - 1, sha256(b"\x00" + entry)
    for line in lines:
        part = unbase64(line)
        if len(part) != 32 or last == 0:
            raise ValueError("the proof is too long")
        if at & 1 or at == last:
            found = sha256(b"\x01" + part + found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + part)
        at, last = at >> 1, last >> 1
    if last != 0 or found != root:
        raise ValueError(f"these bytes are not entry {index} of the log")
    return index


def opened(entry: bytes, openings: list[str]) -> dict[str, Any]:
    """The committed values by name, where each opening is one that the entry committed to."""
    committed = set(json.loads(entry)["_sd"])
    values = {}
    for encoded in openings:
        digest = base64.urlsafe_b64encode(sha256(encoded.encode("ascii"))).decode().rstrip("=")
        if digest not in committed:
            raise ValueError("an opening is not of this entry")
        _, name, value = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        values[name] = value
    return values


def check_rotation(folder: Path, old: Key, new: Key) -> None:
    """A change of key: the entry that names the new one, under a checkpoint that both keys signed."""
    stem = folder / "rotations" / str(new.from_size)
    body, receipt = stem.with_suffix(".json").read_bytes(), stem.with_suffix(".receipt.txt").read_bytes()
    for key in (old, new):
        if check_receipt(receipt, body, [key._replace(from_size=0)]) != new.from_size - 1:
            raise ValueError("it is of another entry")
    entry = json.loads(body)
    if entry["kind"] != "log.key-rotated" or entry["public"]["new_vkey"] != new.vkey:
        raise ValueError("its entry does not name this key")


def cosigned(receipt: bytes, witnesses: list[Key]) -> set[str]:
    """Names of the witnesses that cosigned the checkpoint in this receipt; a wrong cosignature of one raises."""
    text, _, signatures = receipt.partition(b"\n\n")[2].decode().rpartition("\n\n")
    names = set()
    for line in signatures[:-1].split("\n"):
        _, signer, encoded = line.split(" ")
        data = unbase64(encoded)
        for key in witnesses:
            if (signer, data[:4]) == (key.name, key.id):
                at = int.from_bytes(data[4:12], "big")
                key.public.verify(data[12:], b"cosignature/v1\ntime %d\n%s\n" % (at, text.encode()))
                names.add(signer)
    return names


def verify(
    folder: Path, vkey: str | None = None, release_vkey: str | None = None
) -> tuple[list[str], list[str]]:
    """What holds and what does not, in words."""
    held: list[str] = []
    failures: list[str] = []
    keys = release_keys = read_keys(folder, vkey)
    for old, new in pairwise(keys):
        try:
            check_rotation(folder, old, new)
        except FAULTS as error:
            failures.append(f"key from {new.from_size} entries on: {error or type(error).__name__}")
    if (folder / "release.vkey").exists():
        release_keys = [read_key(release_vkey or (folder / "release.vkey").read_text())]
        if vkey and not release_vkey:
            name = release_keys[0].name
            failures.append(
                f"release.json: it is sealed in the log `{name}`; bring its key too (--release-vkey)"
            )
    listed = (folder / "witnesses.json").read_bytes() if (folder / "witnesses.json").exists() else b"[]"
    witnesses = [read_key(each, kind=WITNESS) for each in json.loads(listed)]
    manifest = (folder / "manifest.json").read_bytes()
    files: dict[str, str] = json.loads(manifest)["files"]
    # (1)
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - set(OUTSIDE)
    failures += [f"{name}: it is not in the manifest" for name in sorted(there - set(files))]
    for name, digest in sorted(files.items()):
        if name not in there:
            failures.append(f"{name}: it is missing")
        elif sha256((folder / name).read_bytes()).hex() != digest:
            failures.append(f"{name}: it was changed")
    held.append(f"{len(files)} files were compared with the manifest.")
    # (2), (3)
    entries = [*sorted((folder / "entries").glob("*.json")), folder / "release.json"]
    entries = [path for path in entries if not path.name.endswith(".openings.json")]
    values: dict[str, Any] = {}
    seen: list[set[str]] = []  # (5)
    for path in entries:
        stem = path.name.removesuffix(".json")
        try:
            body, receipt = path.read_bytes(), (path.parent / f"{stem}.receipt.txt").read_bytes()
            index = check_receipt(receipt, body, keys if path.parent.name == "entries" else release_keys)
            if path.parent.name == "entries":
                seen.append(cosigned(receipt, witnesses))
            values = opened(body, json.loads((path.parent / f"{stem}.openings.json").read_bytes()))
            if path.parent.name == "entries" and stem != str(index):
                raise ValueError(f"its receipt is of entry {index}")
        except FAULTS as error:
            failures.append(f"{path.name}: {error or type(error).__name__}")
    held.append(f"{len(entries)} entries were proved to be in the log, with what they commit to.")
    by = set.intersection(*seen) if seen else set()
    held.append(
        f"Witnesses that cosigned the checkpoint of every entry: {', '.join(sorted(by))}."
        if by
        else "No witness cosigned the checkpoint of every entry: one key without witnesses can sign two histories."
    )
    # (4)
    if values.get("manifest") != sha256(manifest).hex():
        failures.append("release.json: the sealed release is of another manifest")
    return held, failures


def main() -> int:
    """Read the command, verify, report; the exit code."""
    parser = argparse.ArgumentParser(description="Verify a package of records.")
    parser.add_argument("directory", type=Path, metavar="DIR", nargs="?", default=Path(__file__).parent)
    parser.add_argument("--vkey", help="the log's key, from somebody other than whoever handed you DIR")
    parser.add_argument("--release-vkey", help="the key of the audit office's log, from somebody else too")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    given = parser.parse_args()
    try:
        held, failures = verify(given.directory, given.vkey, given.release_vkey)
    except FAULTS as error:
        says = f"nothing could be checked: {error or type(error).__name__}"
        print(json.dumps({"ok": False, "error": says}) if given.json else f"error: {says}")
        return 2
    trust = (
        "You brought the key yourself."
        if given.vkey
        else "No --vkey was given: trust whoever handed it over."
    )
    if given.json:
        print(json.dumps({"ok": not failures, "held": held, "failures": failures, "trust": trust}, indent=1))
    else:
        print("\n".join([*held, *(f"DOES NOT HOLD  {f}" for f in failures), trust]))
    return 3 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
