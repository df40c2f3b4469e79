"""Run verbs while the disk fails, and print what came of it: `python faults.py HOME HOW`, HOME.json beside it.

HOW: `calls` fails chosen writes and syncs (this process runs under the shim), `limit` bounds the size of
files, `full` fills the file system that HOME lies on. Every case tries one verb, then holds the installation
against what it was before, mends the disk, and tries the same again. Prints one JSON object.
"""

import errno
import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import shim
from crowd import CONNECTOR, CROWD, Crowd, Requester, opened, request, roster_of
from records import calls, database, request_row, totals, tree_size

from counterseal.gateway.office import Office
from counterseal.gateway.open_case import record_step
from counterseal.gateway.run_fsck import run_fsck
from counterseal.gateway.sealing import SealingError
from counterseal.gateway.search import Answered, Failed, search
from counterseal.terms.errors import UnavailableError

Broken = Callable[[], AbstractContextManager[None]]


@dataclass
class Trial:
    """One installation under attack, and the counts so far."""

    home: Path
    office: Office
    crowd: Crowd
    counts: Counter[str] = field(default_factory=Counter)
    searched: Counter[int] = field(default_factory=Counter)
    says: set[str] = field(default_factory=set)

    def state(self) -> tuple[int, dict[str, int]]:
        """Tree size, and rows by table."""
        with database(self.home) as raw:
            return tree_size(raw), totals(raw)

    def step(self, broken: Broken) -> bool:
        """Record a step with notes (vault and log) on a broken disk. True when it was refused."""
        before = self.state()
        who = self.crowd.requesters[0]
        try:
            with broken():
                self._record(who)
        except UnavailableError as error:
            self.refused(error)
            assert self.state() == before, "refused, and something was written"
            self.after_a_power_cut(before[0], error)
            self._record(who)
            assert self.state()[0] == before[0] + 1
            return True
        self.counts["done all the same"] += 1
        assert self.state()[0] == before[0] + 1, "done, and not in the log"
        return False

    def search(self, broken: Broken) -> str:
        """Search on a broken disk. Where the intent could not be sealed, nothing may have been asked."""
        n = min(range(CROWD), key=lambda n: self.searched[n])
        self.searched[n] += 1
        who = self.crowd.requesters[n]
        asked = request(self.office, self.crowd, who)
        before, asked_before = self.state(), len(calls(self.home))
        again = partial(search, self.office, request_id=asked.id, by=who.person)
        try:
            with broken():
                outcome = again()
        except UnavailableError as error:
            self.refused(error)
            size, rows = self.state()
            with database(self.home) as raw:
                row = request_row(raw, asked.id)
            assert row is not None
            if size == before[0]:
                assert (size, rows) == before, "refused, and something was written"
                assert row == ("requested", None)
                assert len(calls(self.home)) == asked_before, "asked without a sealed intent"
                self.after_a_power_cut(size, error)
                assert isinstance(again(), Answered), "the same request does not go through on a sound disk"
                return "intent refused"
            assert (size, row) == (before[0] + 1, ("submitted", before[0]))
            assert rows["casework_candidatelistrow"] == before[1]["casework_candidatelistrow"]
            assert rows["casework_candidaterow"] == before[1]["casework_candidaterow"]
            assert before[0] in run_fsck(self.office).log.open_intents
            self.after_a_power_cut(size, error)
            return "outcome refused"
        assert isinstance(outcome, Answered | Failed), outcome
        assert self.state()[0] == before[0] + 2
        return "done" if isinstance(outcome, Answered) else f"failed: {outcome.failure.code}"

    def refused(self, error: UnavailableError) -> None:
        """Count a refusal. Its message names the remedy."""
        self.counts["refused by the log" if isinstance(error, SealingError) else "refused by the vault"] += 1
        self.says.add(f"{type(error).__name__}: {error}")

    def after_a_power_cut(self, size: int, error: UnavailableError) -> None:
        """What a fresh start would find in the files as they are: none of the change.

        Where even taking back a failed commit failed, it may find the whole of it, and the refusal says so.
        """
        with tempfile.TemporaryDirectory(dir=self.home.parent.parent) as other:
            for suffix in ("", "-wal"):
                name = f"counterseal.sqlite3{suffix}"
                if (self.home / name).exists():
                    shutil.copy(self.home / name, other)
            with closing(sqlite3.connect(Path(other) / "counterseal.sqlite3")) as raw:
                assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                there = tree_size(raw)
                entries = raw.execute("SELECT count(*) FROM oversight_logentry").fetchone()[0]
        assert there == entries
        if there != size:
            assert there == size + 1
            assert "found at the next start" in str(error)
            self.counts["refused, may be found made after a power cut, and says so"] += 1

    def fsck(self) -> None:
        """Everything against everything."""
        report = run_fsck(self.office)
        assert report.sound, report.log.findings
        self.counts["fsck runs, all sound"] += 1

    def _record(self, who: Requester) -> None:
        record_step(
            self.office,
            case_id=who.case,
            kind="records-check",
            outcome="nothing-found",
            taken_at=self.office.clock(),
            notes="one more register was searched, by account and by branch",
            by=who.person,
        )


def failing_calls(trial: Trial) -> None:
    """Each write and each sync of one recorded step, and of one search, fails in turn."""
    home = trial.home
    shim.arm(home / "counterseal.sqlite3-wal", shim.What.SYNCS, 0, shim.Doing.COUNT)
    trial._record(trial.crowd.requesters[0])
    trial.counts["syncs of the write-ahead log in one recorded step"] = shim.disarm()
    for what, error, doing, lasting in (
        (shim.What.WRITES, errno.ENOSPC, shim.Doing.FAIL, True),
        (shim.What.WRITES, errno.EIO, shim.Doing.FAIL, False),
        (shim.What.WRITES, errno.ENOSPC, shim.Doing.TEAR_AND_FAIL, True),
        (shim.What.SYNCS, errno.EIO, shim.Doing.FAIL, True),
        (shim.What.SYNCS, errno.EIO, shim.Doing.FAIL, False),
    ):
        label = f"{what.name.lower()} that fail"
        for nth in _each(trial, what):
            broken = partial(shim.armed, home, what, nth, doing, error=error, from_then_on=lasting)
            trial.counts[label] += 1
            trial.step(broken)
        trial.fsck()
    for what, error in ((shim.What.WRITES, errno.ENOSPC), (shim.What.SYNCS, errno.EIO)):
        for nth in range(1, 400, 2 if what is shim.What.WRITES else 1):
            broken = partial(shim.armed, home, what, nth, shim.Doing.FAIL, error=error, from_then_on=True)
            came = trial.search(broken)
            trial.counts[f"searches: {came}"] += 1
            if came == "done":
                break
    trial.fsck()
    for what, error in ((shim.What.WRITES, errno.ENOSPC), (shim.What.SYNCS, errno.EIO)):
        for nth in (1, 2):
            trial.counts["vault writes and syncs that fail"] += 1
            broken = partial(shim.armed, home / "vault", what, nth, shim.Doing.FAIL, error=error)
            refused = trial.step(broken)
            assert refused or (what, nth) == (shim.What.WRITES, 2)
    trial.fsck()


def _each(trial: Trial, what: shim.What) -> Iterator[int]:
    """Every call of this kind that one recorded step makes on a warm connection."""
    shim.arm(trial.home, what, 0, shim.Doing.COUNT)
    trial._record(trial.crowd.requesters[0])
    yield from range(1, shim.disarm() + 1)


def bounded_files(trial: Trial) -> None:
    """Files may grow no further than a bound: what a quota does, without any right but one's own."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    grown = trial.home / "counterseal.sqlite3-wal"

    @contextmanager
    def bounded(room: int) -> Iterator[None]:
        with database(trial.home) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = grown.stat().st_size if grown.exists() else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    for room in (0, 1, 100, 4096, 5000, 9000, 20_000, 30_000, 40_000):
        trial.counts["bounds on the size of files"] += 1
        trial.step(partial(bounded, room))
        came = trial.search(partial(bounded, room))
        trial.counts[f"searches: {came}"] += 1
    trial.fsck()


def full_disk(trial: Trial) -> None:
    """The file system is full but for so many bytes: the real thing, shared with the service."""
    ballast = trial.home.parent / "ballast"

    @contextmanager
    def full(room: int) -> Iterator[None]:
        with database(trial.home) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError as error:
                assert error.errno == errno.ENOSPC
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                assert error.errno == errno.ENOSPC
            file.truncate(max(0, file.tell() - room))
        try:
            yield
        finally:
            ballast.unlink()

    for pages in (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 64, 80, 100):
        trial.counts["full disks"] += 1
        room = pages * 4096
        trial.step(partial(full, room))
        came = trial.search(partial(full, room))
        trial.counts[f"searches: {came}"] += 1
    trial.fsck()


def main() -> None:
    """Run one kind of fault, print the counts."""
    home, how = Path(sys.argv[1]), sys.argv[2]
    if shim.present():
        shim.leave_children_alone()
    with opened(home) as office:
        office.services(CONNECTOR)
        trial = Trial(home, office, Crowd.load(roster_of(home)))
        trial.fsck()
        orphans = run_fsck(office).orphans
        {"calls": failing_calls, "limit": bounded_files, "full": full_disk}[how](trial)
        trial.counts["unreadable bytes left in the vault"] = run_fsck(office).orphans - orphans
    print(json.dumps({"counts": trial.counts, "says": sorted(trial.says)}))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
