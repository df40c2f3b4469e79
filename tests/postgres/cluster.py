"""A real PostgreSQL cluster in a folder, run as a user without rights, on a socket in that folder.

Needs nothing of this project: `tools/test_postgres` uses it too.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

SUPERUSER = "postgres"
_USERS = ("postgres", "nobody")
_PATIENCE = 60.0
_ROOM = 4 << 30


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a cluster, removed afterwards: in memory where there is room for it, so that syncs cost little."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    with tempfile.TemporaryDirectory(prefix="counterseal-pg-", dir=memory if roomy else None) as folder:
        yield Path(folder)


class NoPostgresError(Exception):
    """There are no programs of PostgreSQL here, or nobody to run them as."""


def programs() -> Path:
    """The folder of the newest server's programs."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parents[1].name)
    )
    if found:
        return found[-1].parent
    if (on_path := shutil.which("initdb")) is not None:
        return Path(on_path).resolve().parent
    raise NoPostgresError("install PostgreSQL's server (Debian: `apt-get install postgresql`)")


class Cluster:
    """One cluster, set up as an agency's would be; a context: started on entering, stopped on leaving."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._bin = programs()
        self._as: list[str] = []
        user = _unprivileged()
        if user is not None:
            # initdb refuses root; the folder's parents may be closed to anybody else.
            os.chown(folder, user.pw_uid, user.pw_gid)
            folder.chmod(0o755)
            self._as = [
                "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"
            ]  # fmt: skip

    @property
    def connection(self) -> str:
        """How libpq reaches it, as its superuser."""
        return f"host={self.folder} user={SUPERUSER}"

    @property
    def version(self) -> str:
        """What it says of itself."""
        return self._run("postgres", "--version").strip()

    def __enter__(self) -> Self:
        self._run("initdb", "-D", str(self.data), "-U", SUPERUSER, "--auth=trust", "--locale=C",
                  "--encoding=UTF8", "--no-sync")  # fmt: skip
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        options = {
            "listen_addresses": "''",
            "unix_socket_directories": str(self.folder),
            "unix_socket_permissions": "0777",
            "max_connections": "200",
            "max_wal_size": "2GB",
        }
        words = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "-o", words, "start")

    def stop(self, how: str) -> None:
        """Stop it (`fast`; `immediate` is a crash), by its own pid; one that does not stop is killed."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how])
        until = time.monotonic() + _PATIENCE
        while _alive(pid):
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    @property
    def pid(self) -> int | None:
        """The server's process, where it runs."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if _alive(pid) else None

    def _run(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [*self._as, str(self._bin / program), *words],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise NoPostgresError(f"`{program}` failed: {done.stdout.strip()[-800:]}")
        return done.stdout


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgresError("no user without rights to run the server as")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and _state(pid) != "Z"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "Z"
