"""Disk full and I/O errors while sealing: refused, nothing half-written, and it goes through afterwards."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import shim
from counts import Counts
from crowd import Crowd, copy_of, opened
from records import database, tree_size

from counterseal.gateway.run_fsck import run_fsck

pytestmark = [pytest.mark.withstand, pytest.mark.sqlite]

FAULTS = Path(__file__).with_name("faults.py")


def run_faults(
    home: Path, how: str, *, environment: dict[str, str] | None = None, inside: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Run `faults.py`; what it counted."""
    done = subprocess.run(
        [*inside, sys.executable, str(FAULTS), str(home), how],
        capture_output=True,
        text=True,
        env=environment or dict(os.environ),
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def leave(counts: Counts, attack: str, came: dict[str, Any]) -> None:
    """Put what a trial counted into the table."""
    for what, count in came["counts"].items():
        counts.put(attack, what, count)


def test_each_write_and_each_sync_fails_in_turn(
    crowd: Crowd, home: Path, failing_disk: Path, counts: Counts
) -> None:
    """A refusal is whole and says what to mend, whichever call of the operating system it was."""
    came = run_faults(home, "calls", environment=shim.environment(failing_disk))

    leave(counts, "a disk that fails at one call", came)
    assert came["counts"]["refused by the log"] > 50
    assert came["counts"]["refused by the vault"] >= 2
    assert came["counts"]["syncs of the write-ahead log in one recorded step"] >= 1
    assert came["counts"]["searches: intent refused"] > 5
    assert came["counts"]["searches: outcome refused"] > 5
    assert came["counts"]["searches: done"] == 2
    assert any("mend the storage" in says for says in came["says"])


def test_files_may_grow_no_further(crowd: Crowd, home: Path, counts: Counts) -> None:
    """A quota strikes in the middle of a commit."""
    came = run_faults(home, "limit")

    leave(counts, "a bound on the size of files", came)
    assert came["counts"]["refused by the log"] > 5


def test_the_command_line_says_unavailable(crowd: Crowd, home: Path, counts: Counts) -> None:
    """Exit code 4 and the remedy; the very same command goes through once there is room."""
    who = crowd.requesters[0]
    command = [
        sys.executable,
        "-m",
        "counterseal.cli.main",
        "case",
        "step",
        who.case,
        "--kind",
        "records-check",
    ]
    command += ["--result", "nothing-found", "--taken", "2026-01-02T10:00:00Z", "--as", who.person]
    command += ["--home", str(home), "--json"]

    def bounded(room: int | None) -> "subprocess.CompletedProcess[str]":
        def bound() -> None:
            if room is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        return subprocess.run(command, capture_output=True, text=True, preexec_fn=bound, check=False)

    with database(home) as raw:
        before = tree_size(raw)
    says = []
    for room in (0, 1000, 40_000):
        done = bounded(room)
        assert done.returncode == 4, done.stdout + done.stderr
        says.append(json.loads(done.stdout)["error"]["says"])
    assert all("nothing was changed" in s or "mend the storage" in s for s in says), says
    assert any("mend the storage" in s for s in says), says
    with database(home) as raw:
        assert tree_size(raw) == before
    done = bounded(None)
    assert done.returncode == 0, done.stdout + done.stderr
    with database(home) as raw:
        assert tree_size(raw) == before + 1
    with opened(home) as office:
        assert run_fsck(office).sound
    counts.put("a bound on the size of files", "commands that ended with exit code 4, then with 0", "3, 1")


def test_a_disk_that_is_really_full(crowd_template: Path, tmp_path: Path, counts: Counts) -> None:
    """The database, the vault and the service share a small file system that is filled to the last page."""
    disk = tmp_path / "disk"
    disk.mkdir()
    inside = _own_file_system(disk)
    script = f'cp -r "$0"/. {disk}/ && exec "$@"'
    template = tmp_path / "template"
    template.mkdir()
    copy_of(crowd_template, template / "home")
    came = run_faults(disk / "home", "full", inside=(*inside, script, str(template)))

    leave(counts, "a full file system of 48 MiB", came)
    assert came["counts"]["refused by the log"] > 5
    assert came["counts"]["searches: intent refused"] > 5
    assert came["counts"]["searches: done"] >= 1


def _own_file_system(disk: Path) -> tuple[str, ...]:
    """The command under which a small file system of its own lies at `disk`, gone with the process."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no `unshare` here to mount a small file system with; the other full disks were tried")
    spaces = ("-m",) if os.geteuid() == 0 else ("-rm",)
    mount = f"mount -t tmpfs -o size=48m tmpfs {disk}"
    tried = subprocess.run([unshare, *spaces, "sh", "-c", mount], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(
            f"no small file system may be mounted here ({tried.stderr.strip()}); the others were tried"
        )
    return (unshare, *spaces, "sh", "-c", f'{mount} && exec sh -c "$0" "$@"')
