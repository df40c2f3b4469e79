"""The shim that makes a disk fail: build it, and arm it from inside a process that runs under it."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
PRELOADED = "COUNTERSEAL_TEST_SHIM"


class What(IntEnum):
    """Which calls are counted."""

    WRITES = 1
    SYNCS = 2


class Doing(IntEnum):
    """What happens at the n-th call."""

    COUNT = 0
    FAIL = 1
    END = 2
    TEAR_AND_END = 3
    TEAR_AND_FAIL = 4


class NoCompilerError(Exception):
    """There is no C compiler here, so no disk can be made to fail at a chosen call."""


def build(folder: Path) -> Path:
    """Compile the shim into `folder`.

    Raises:
        NoCompilerError: no compiler, or it does not do this here.
    """
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise NoCompilerError("no C compiler is here (cc, gcc, clang)")
    library = folder / "shim.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoCompilerError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return library


def environment(library: Path) -> dict[str, str]:
    """What a process needs in its environment to run under the shim. Its own children do not inherit it:
    they start with what `without` leaves."""
    return {**os.environ, "LD_PRELOAD": str(library), PRELOADED: str(library)}


def present() -> bool:
    """Whether this process runs under the shim."""
    return PRELOADED in os.environ


def leave_children_alone() -> None:
    """Keep the shim out of processes that this one starts."""
    os.environ.pop("LD_PRELOAD", None)


def arm(
    folder: Path, what: What, nth: int, doing: Doing, *, error: int = 0, from_then_on: bool = False
) -> None:
    """From now on, the n-th call (from 1) on a file under `folder` does this."""
    _library().withstand_arm(os.fsencode(folder.resolve()), what, nth, doing, error, int(from_then_on))


def disarm() -> int:
    """Leave the disk alone again; how many calls were counted."""
    return int(_library().withstand_disarm())


@contextmanager
def armed(
    folder: Path, what: What, nth: int, doing: Doing, *, error: int = 0, from_then_on: bool = False
) -> Iterator[None]:
    """`arm` for a block."""
    arm(folder, what, nth, doing, error=error, from_then_on=from_then_on)
    try:
        yield
    finally:
        disarm()


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(os.environ[PRELOADED])
    library.withstand_arm.argtypes = [
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_long,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
    ]
    library.withstand_arm.restype = None
    library.withstand_disarm.restype = ctypes.c_long
    return library
