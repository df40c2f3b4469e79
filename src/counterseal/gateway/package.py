"""Packages that another machine checks with one file of Python: entries with their proofs, under one manifest.

One format for whoever hands records on: a disclosure officer to a court (`discovery_package`), an audit office to
whomever it reports to (`audit.package`). `ledger.package_verifier` reads both.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from counterseal.gateway.export_ledger import entry_of, key_history, node, receipt_of
from counterseal.ledger import package_verifier
from counterseal.ledger.entry import Disclosure
from counterseal.ledger.receipt import build_receipt
from counterseal.ledger.tree import inclusion_proof
from counterseal.oversight.models import LogCosignature, LogKey
from counterseal.terms.errors import BadInputError, UnavailableError


def new_folder(folder: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        BadInputError: it does, or is none.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"`{folder}` is not empty: name a new folder")


def entry_files(indices: Iterable[int]) -> dict[str, bytes]:
    """Each entry with its receipt and its openings that still exist; the log's keys; the witnesses; the verifier."""
    files: dict[str, bytes] = {}
    for index in indices:
        body, openings = entry_of(index)
        files[f"entries/{index}.json"] = body
        files[f"entries/{index}.receipt.txt"] = receipt_of(index)
        files[f"entries/{index}.openings.json"] = as_json(
            [Disclosure.parse(text).encoded for text in openings]
        )
    for key in LogKey.objects.exclude(checkpoint=b""):
        at, size = key.from_size - 1, key.from_size
        files[f"rotations/{size}.json"] = entry_of(at)[0]
        files[f"rotations/{size}.receipt.txt"] = build_receipt(
            at, inclusion_proof(at, size, node), bytes(key.checkpoint)
        )
    keys = key_history()
    witnesses = LogCosignature.objects.order_by("vkey").values_list("vkey", flat=True).distinct()
    return files | {
        "log.vkey": (keys.current.vkey + "\n").encode("ascii"),
        "keys.json": keys.to_json(),
        "witnesses.json": as_json(list(witnesses)),
        "verify.py": Path(package_verifier.__file__).read_bytes(),
    }


def manifest_of(files: Mapping[str, bytes], **says: str) -> tuple[bytes, str]:
    """manifest.json over these files, and its SHA-256 (hex), which the sealed release commits to."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    manifest = as_json({**says, "files": digests})
    return manifest, hashlib.sha256(manifest).hexdigest()


def release_files(manifest: bytes, body: bytes, receipt: bytes, openings: Iterable[str]) -> dict[str, bytes]:
    """What lies outside the manifest: itself, and the sealed entry that commits to it."""
    return {
        "manifest.json": manifest,
        "release.json": body,
        "release.receipt.txt": receipt,
        "release.openings.json": as_json(sorted(openings)),
    }


def write_package(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files, durably. Its release is sealed already.

    Raises:
        UnavailableError: the folder cannot be written: remove it and repeat.
    """
    try:
        for name, data in sorted(files.items()):
            path = folder / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise UnavailableError(
            f"the package in `{folder}` is not complete: {error}; its release is sealed: remove the folder, mend the "
            "storage, and write it again"
        ) from error


def picture_suffix(data: bytes) -> str:
    """The ending of a picture's file name, by its first bytes."""
    for magic, suffix in ((b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"), (b"GIF8", ".gif"), (b"BM", ".bmp")):
        if data.startswith(magic):
            return suffix
    return ".webp" if data[8:12] == b"WEBP" else ".bin"


def as_json(value: Any) -> bytes:
    """JSON for people and programs: sorted, indented, UTF-8."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")
