"""Make a backup of the data that opens nothing that is destroyed afterwards.

Copied are the database (as of one instant; PostgreSQL as a dump), the vault's bytes and the settings. Left out on
purpose: `keys/`, the key store and erasure list in `erasure/`, and each service's folder with its gallery, whose
file holds wrapped keys of its own. How those are kept is in docs/how-to/erase-and-prove-it.md.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from counterseal.gateway.databases import database
from counterseal.gateway.office import Office
from counterseal.terms.errors import BadInputError, UnavailableError

LEFT_OUT = ("keys", "erasure", "services")


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied. objects: files of the vault."""

    path: Path
    objects: int


def back_up(office: Office, folder: Path) -> Backup:
    """Copy the data into a new folder, and make it durable.

    Raises:
        BadInputError: the folder holds something. UnavailableError: it cannot be written; remove what is there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"`{folder}` is not empty: name a new folder")
    home = office.home
    count = 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database().copy(home, folder)
        # After the database: bytes without a row are noise, a row without bytes is a loss.
        for source in sorted((home / "vault").rglob("*")):
            there = folder / "vault" / source.relative_to(home / "vault")
            if source.is_dir():
                there.mkdir(mode=0o700, parents=True, exist_ok=True)
                continue
            try:
                there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.copyfile(source, there)
            except FileNotFoundError:
                continue  # destroyed meanwhile
            there.chmod(0o600)
            count += 1
        shutil.copyfile(home / "office.toml", folder / "office.toml")
        shutil.copytree(home / "policies", folder / "policies")
        for path in [p for p in folder.rglob("*") if p.is_file()]:
            _sync(path)
        _sync(folder)
    except (OSError, UnavailableError) as error:
        raise UnavailableError(f"the backup in `{folder}` is not complete: {error}; remove it") from error
    return Backup(folder, count)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
