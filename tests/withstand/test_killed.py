"""kill -9 at every step of a search, at named points and at random instants.

Workers search on one home, two at a time, and are killed. The simulated service lives on, as an outside
service would, and counts the calls it really answered.
"""

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import shim
from counts import Counts
from crowd import CONNECTOR, CROWD, Crowd, opened, request
from records import calls, database, entry, request_row
from workers import Line, Nursery, nursery

from counterseal.gateway.export_ledger import export_ledger
from counterseal.gateway.run_fsck import run_fsck
from counterseal.gateway.search import Answered, search

pytestmark = [pytest.mark.withstand, pytest.mark.sqlite]

ATTACK = "a search killed with kill -9"
KILLS = 200
RANDOM = 200
FSCK_EVERY = 30
SEALED_AS = {"request": "search.requested", "intent": "search.intent", "outcome": "search.outcome"}

# The steps of a search, and the marks after which a worker is in them (`nursery.py`).
STEPS = {
    "requesting": (),
    "deciding": ("begin", "intent.clock", "intent.policies"),
    "sealing the intent": ("intent.open", "intent.token"),
    "committing the intent": ("intent.sign",),
    "asking the service": ("intent.asking",),
    "answer in hand": ("outcome.answered",),
    "sealing the outcome": ("outcome.clock", "outcome.put", "outcome.token"),
    "committing the outcome": ("outcome.sign",),
    "acknowledged": ("done",),
}

# Points between two uses of a port: (mark, how manieth).
BETWEEN = [
    ("intent.clock", 1),
    ("intent.policies", 1),
    ("intent.open", 1),
    ("intent.token", 1),
    ("intent.token", 6),
    ("intent.sign", 1),
    ("intent.asking", 1),
    ("outcome.answered", 1),
    ("outcome.clock", 1),
    ("outcome.put", 1),
    ("outcome.put", 5),
    ("outcome.token", 13),
    ("outcome.sign", 1),
]
# Points inside SQLite's commit: at which write, before it or half-way through it; and at the sync.
WRITES = (1, 2, 3, 4, 5, 8, 13, 21, 30)
INSIDE = [
    {"mark": f"{part}.sign", "how": how, "what": what, "nth": nth}
    for part in ("intent", "outcome")
    for what, how, nths in (
        ("WRITES", "END", WRITES),
        ("WRITES", "TEAR_AND_END", WRITES),
        ("SYNCS", "END", (1,)),
    )
    for nth in nths
]
# Points inside the vault's writing of a candidate's photograph.
KEEPING = [
    {"mark": "outcome.put", "time": n, "how": "TEAR_AND_END", "what": "WRITES", "nth": 1} for n in (1, 3)
] + [{"mark": "outcome.put", "time": n, "how": "END", "what": "SYNCS", "nth": n} for n in (1, 2)]


@dataclass
class Watch:
    """What was seen so far, and what must still hold of it."""

    home: Path
    crowd: Crowd
    nursery: Nursery
    steps: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    acknowledged: int = 0
    called: int = 0
    read: int = 0
    fscks: int = 0
    lost: list[Line] = field(default_factory=list)
    used: Counter[int] = field(default_factory=Counter)
    who: dict[int, int] = field(default_factory=dict)

    def worker(self, crash: dict[str, Any] | None) -> int:
        """A worker for a requester who has searches left today."""
        who = self.freshest()
        pid = self.nursery.fork("searches", who=who, count=4, crash=crash, linger=30)
        self.who[pid] = who
        self.used[who] += 4
        return pid

    def freshest(self) -> int:
        """The requester who has most of the 20 searches of the day left."""
        return min(range(CROWD), key=lambda n: self.used[n])

    def ended(self, pid: int) -> None:
        """Reap a worker that kill -9 ended, and note where it was."""
        assert self.nursery.reap(pid) == 9, list(self.nursery.of(pid))
        self.kills += 1
        said = list(self.nursery.of(pid))
        assert not [line for line in said if line.word == "unexpected"], said
        self.steps[step_of(said)] += 1
        begun = sum(1 for line in said if line.word == "begin")
        self.used[self.who[pid]] += begun - 4

    def hold(self) -> None:
        """After each kill: each call has its sealed intent already, and nothing acknowledged is lost."""
        made = calls(self.home)
        acknowledged = [line for line in self.nursery.said if line.word == "ack"]
        with database(self.home) as raw:
            for call in made[self.called :]:
                intent = entry(raw, call.index)
                assert intent is not None, f"{call} was made and its intent is not in the log"
                assert (intent["kind"], intent["outcome"]) == ("search.intent", "permitted"), call
                row = request_row(raw, call.request)
                assert row is not None
                assert row[1] == call.index
            for line in acknowledged[self.read :]:
                what, name, index = line.rest[0], line.rest[1], int(line.rest[2])
                sealed, row = entry(raw, index), request_row(raw, name)
                if (
                    sealed is None
                    or row is None
                    or sealed["kind"] != SEALED_AS[what]
                    or (what == "intent" and row[1] != index)
                    or (what == "outcome" and row[0] != "answered")
                ):
                    self.lost.append(line)
        assert not self.lost, "acknowledged, and lost"
        self.called, self.read = len(made), len(acknowledged)
        self.acknowledged = len(acknowledged)
        if self.kills // FSCK_EVERY >= self.fscks:
            self.fsck()

    def fsck(self) -> tuple[int, ...]:
        """Everything against everything; the intents without outcome are exactly those of open requests."""
        with opened(self.home) as office:
            report = run_fsck(office)
        assert report.sound, report.log.findings
        with database(self.home) as raw:
            waiting = raw.execute(
                "SELECT intent_index FROM casework_searchrequest WHERE status = 'submitted' ORDER BY 1"
            ).fetchall()
            answered = raw.execute(
                "SELECT intent_index FROM casework_searchrequest WHERE status = 'answered'"
            ).fetchall()
        assert [(n,) for n in report.log.open_intents] == waiting
        assert {c.index for c in calls(self.home)} <= {n for (n,) in (*waiting, *answered)}
        self.fscks += 1
        return report.log.open_intents


def step_of(said: list[Line]) -> str:
    """In which step a worker was when it last spoke."""
    begun = [n for n, line in enumerate(said) if line.word == "begin"]
    done = [n for n, line in enumerate(said) if line.word == "ack" and line.rest[0] == "outcome"]
    requested = [n for n, line in enumerate(said) if line.word == "ack" and line.rest[0] == "request"]
    last = max([*begun, *done, *requested], default=-1)
    if last in done:
        return "acknowledged"
    if last not in begun:
        return "requesting"
    mark = next((line.rest[0] for line in reversed(said) if line.word == "mark"), "begin")
    marks = [line.rest[0] for line in said[last:] if line.word == "mark"]
    mark = marks[-1] if marks else "begin"
    return next(step for step, names in STEPS.items() if mark in names)


def rounds(points: list[dict[str, Any] | None]) -> list[list[dict[str, Any] | None]]:
    """Two workers at a time."""
    return [points[n : n + 2] for n in range(0, len(points), 2)]


def test_a_search_killed_at_any_instant(crowd: Crowd, home: Path, tmp_path: Path, counts: Counts) -> None:
    """Never a call without its sealed intent, never half a change, nothing acknowledged is lost."""
    seed = random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)
    exported = tmp_path / "exported"
    with opened(home) as office:
        export_ledger(exported)  # a checkpoint that an outsider keeps
    begun = time.monotonic()
    named = [{"mark": m, "time": n, "how": "end"} for m, n in BETWEEN]
    environment = None
    try:
        environment = shim.environment(shim.build(tmp_path))
        named += INSIDE + KEEPING
    except shim.NoCompilerError as error:
        # Random instants fall inside a commit too; only the aimed ones are left out.
        counts.put(ATTACK, "points inside a commit: skipped", error)
    with nursery(home, environment) as running:
        watch = Watch(home, crowd, running)
        pace = _calm(watch)
        for pair in rounds([*named, *named[: len(BETWEEN)]]):
            for pid in [watch.worker(crash) for crash in pair]:
                watch.ended(pid)
            watch.hold()
        at_points = watch.kills
        slow = home / "services" / CONNECTOR / "behaviour"
        for n in range(max(RANDOM, KILLS - at_points) // 2):
            # In every eighth round the service dawdles, and goes on after its caller is dead.
            slow.write_text("slow" if n % 8 == 0 else "honest")
            longest = 0.4 if n % 8 == 0 else 3 * pace
            pids = [watch.worker(None) for _ in range(2)]
            instants = sorted((time.monotonic() + chance.uniform(0, longest), pid) for pid in pids)
            for instant, pid in instants:
                running.listen(max(0.0, instant - time.monotonic()))
                running.kill(pid)
            for _, pid in instants:
                watch.ended(pid)
            watch.hold()
        slow.write_text("honest")
        took = time.monotonic() - begun
        survivors = sum(1 for line in running.said if line.word == "ack" and line.rest[0] == "outcome")
        watch.hold()
        still_open = watch.fsck()
    with opened(home) as office:
        # The same home goes on working, and the outsider's old checkpoint is still a prefix of the log.
        asked = request(office, crowd, crowd.requesters[watch.freshest()])
        outcome = search(office, request_id=asked.id, by=asked.requester_id)
        assert isinstance(outcome, Answered), outcome
        orphans = run_fsck(office).orphans
        size = export_ledger(exported).tree_size
    verified = subprocess.run(
        [sys.executable, exported / "verify.py", exported], capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr

    counts.put(
        ATTACK,
        "kills (at named points / at random instants)",
        f"{watch.kills} ({at_points} / {watch.kills - at_points})",
    )
    for step in STEPS:
        counts.put(ATTACK, f"  while {step}", watch.steps[step])
    counts.put(ATTACK, "calls really made, each with its intent sealed before", watch.called)
    counts.put(ATTACK, "intents left without outcome, all listed by fsck", len(still_open))
    counts.put(ATTACK, "steps acknowledged (of them whole searches)", f"{watch.acknowledged} ({survivors})")
    counts.put(ATTACK, "acknowledged and lost", len(watch.lost))
    counts.put(ATTACK, "full fsck runs, all sound; entries at the end", f"{watch.fscks}; {size}")
    counts.put(ATTACK, "unreadable bytes left in the vault by kills before a commit", orphans)
    counts.put(ATTACK, "seconds; seed of the random instants", f"{took:.0f}; {seed}")
    assert watch.kills >= KILLS
    assert set(watch.steps) == set(STEPS), "a step was never hit"


def _calm(watch: Watch) -> float:
    """How long a worker needs from its fork to the end of one search, undisturbed."""
    pid = watch.nursery.fork("searches", who=CROWD - 1, count=1)
    watch.nursery.wait_for("ended", pid=pid)
    assert watch.nursery.reap(pid) == 0
    begun = time.monotonic()
    pid = watch.nursery.fork("searches", who=CROWD - 1, count=1)
    watch.nursery.wait_for("ended", pid=pid)
    took = time.monotonic() - begun
    assert watch.nursery.reap(pid) == 0
    watch.used[CROWD - 1] += 2
    return took
