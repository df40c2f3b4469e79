"""This server process, and which others live: whether somebody still works on a claimed request.

A living process holds a lock on a file of its own. The kernel lets go of it when the process ends, however it ends.
"""

import fcntl
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from counterseal.gateway.office import Office

FOLDER = "servers"


class Server:
    """One serving process. Made once; `close` lets go."""

    def __init__(self, office: Office) -> None:
        self._folder = office.home / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.id = office.new_name("server")
        self._file: BinaryIO = self._path(self.id).open("wb")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._running: set[str] = set()
        self._lock = Lock()

    def begins(self, digest: str) -> bool:
        """Begin to work on a request; False where this process does already."""
        with self._lock:
            if digest in self._running:
                return False
            self._running.add(digest)
            return True

    def ends(self, digest: str) -> None:
        """Note that it does not any more."""
        with self._lock:
            self._running.discard(digest)

    def lives(self, server: str) -> bool:
        """Whether another server process lives."""
        try:
            with self._path(server).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        self._path(server).unlink(missing_ok=True)
        return False

    def close(self) -> None:
        """End: what was claimed and not answered counts as unknown from now on."""
        self._path(self.id).unlink(missing_ok=True)
        self._file.close()

    def _path(self, server: str) -> Path:
        return self._folder / f"{server}.alive"
