"""The test's side of the nursery: start it, fork workers, read what they say, kill them, reap them."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a process said."""

    pid: int
    word: str
    rest: tuple[str, ...]


@dataclass
class Nursery:
    """A running nursery. `said` holds every line of every worker, in the order of arrival."""

    child: "subprocess.Popen[bytes]"
    said: list[Line] = field(default_factory=list)
    service_pid: int = 0
    _read: bytes = b""

    def fork(self, work: str, **plan: Any) -> int:
        """A new worker; answers with its pid."""
        self._order({"fork": {"work": work, **plan}})
        return int(self.wait_for("forked", pid=self.child.pid).rest[0])

    def go(self) -> None:
        """Let everybody go who waits."""
        self._order({"go": True})
        self.wait_for("gone", pid=self.child.pid)

    def kill(self, pid: int) -> None:
        """kill -9, now; a worker that has ended already stays unreaped until `reap`, so the pid is its own."""
        os.kill(pid, signal.SIGKILL)

    def reap(self, pid: int) -> int:
        """Wait for a worker's end. Answers with the signal that ended it, or 0."""
        self._order({"reap": pid})
        while True:
            line = self.wait_for("reaped", pid=self.child.pid)
            if int(line.rest[0]) == pid:
                return int(line.rest[1]) & 0x7F

    def wait_for(self, word: str, *, pid: int, patience: float = PATIENCE) -> Line:
        """The next line of this process with this word; lines that came before the call do not count."""
        until = time.monotonic() + patience
        while True:
            for line in self.listen(until - time.monotonic(), stop_at=(word, pid)):
                if line.word == word and line.pid == pid:
                    return line
            if time.monotonic() >= until:
                raise TimeoutError(f"process {pid} did not say `{word}` within {patience:g} s")

    def listen(self, seconds: float, *, stop_at: tuple[str, int] | None = None) -> list[Line]:
        """What is said within this time; less when `stop_at` (word, pid) was said."""
        until = time.monotonic() + seconds
        heard: list[Line] = []
        while True:
            while b"\n" in self._read:
                raw, self._read = self._read.split(b"\n", 1)
                heard.append(self._line(raw))
                if (heard[-1].word, heard[-1].pid) == stop_at:
                    return heard
            left = until - time.monotonic()
            assert self.child.stdout is not None
            if left < 0 and heard:
                return heard
            ready, _, _ = select.select([self.child.stdout], [], [], max(0.0, left))
            if not ready:
                return heard
            read = os.read(self.child.stdout.fileno(), 65536)
            if not read:
                raise EOFError("the nursery ended")
            self._read += read

    def of(self, pid: int) -> Iterator[Line]:
        """Everything that one worker said."""
        return (line for line in self.said if line.pid == pid)

    def _line(self, raw: bytes) -> Line:
        pid, word, *rest = raw.decode().split(" ")
        line = Line(int(pid), word, tuple(rest))
        self.said.append(line)
        return line

    def _order(self, order: dict[str, Any]) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps(order).encode() + b"\n")
        self.child.stdin.flush()


@contextmanager
def nursery(home: Path, environment: dict[str, str] | None = None) -> Iterator[Nursery]:
    """A nursery on one home, ended with the block."""
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("nursery.py")), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**(environment or os.environ), "OMP_NUM_THREADS": "1"},
    )
    try:
        running = Nursery(child)
        running.service_pid = int(running.wait_for("ready", pid=child.pid).rest[0])
        yield running
    finally:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
