"""Sixteen processes at once on one home: no double approval, no double call, no lost entry, nobody starves."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import pytest
from counts import Counts
from crowd import Crowd, opened, request
from records import calls, database, entry, request_row, totals, tree_size
from workers import Nursery, nursery

from counterseal.bootstrap import install_log_key
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.gateway.run_fsck import run_fsck
from counterseal.ledger.checkpoint import Signer

pytestmark = pytest.mark.withstand

ATTACK = "16 processes at once"
MANY = 16
ROUNDS = 3
STEPS_EACH = 25
LONGEST_WAIT = 5.0  # seconds; one sealed change takes some milliseconds


def all_at_once(running: Nursery, plans: Sequence[dict[str, object]], work: str) -> list[int]:
    """Fork a worker for each plan, let them all go in one moment; the pids of those that have ended."""
    pids = [running.fork(work, wait=True, **plan) for plan in plans]
    running.go()
    assert [running.reap(pid) for pid in pids] == [0] * len(pids), running.said[-40:]
    return pids


def results(running: Nursery, pids: Sequence[int]) -> tuple[Counter[str], list[float]]:
    """What each of these workers came to, and how long it took."""
    said = [line for line in running.said if line.pid in pids and line.word == "result"]
    assert len(said) == len(pids), running.said[-40:]
    return Counter(line.rest[0] for line in said), [float(line.rest[1]) for line in said]


def size_of(home: Path) -> int:
    """The stored tree's size."""
    with database(home) as raw:
        return tree_size(raw)


def sound(home: Path) -> None:
    """Everything against everything."""
    with opened(home) as office:
        report = run_fsck(office)
    assert report.sound, report.log.findings
    assert report.log.open_intents == ()


def test_sixteen_submit_each_their_own(crowd: Crowd, home: Path, counts: Counts) -> None:
    """Each gets an answer; the log has exactly their intents and outcomes."""
    waits: list[float] = []
    with nursery(home) as running:
        for _ in range(ROUNDS):
            with opened(home) as office:
                asked = [request(office, crowd, who) for who in crowd.requesters[:MANY]]
            before, called = size_of(home), len(calls(home))
            pids = all_at_once(
                running, [{"request": a.id, "by": a.requester_id} for a in asked], "submit_one"
            )
            came, took = results(running, pids)
            assert came == {"Answered": MANY}
            assert size_of(home) == before + 2 * MANY
            new = calls(home)[called:]
            assert sorted(c.request for c in new) == sorted(a.id for a in asked)
            assert len({c.index for c in new}) == MANY
            waits += took
    sound(home)
    counts.put(ATTACK, "searches, each of one's own request", len(waits))
    counts.put(ATTACK, "  p50 and longest wait for the answer", f"{median(waits):.3f} s, {max(waits):.3f} s")
    assert max(waits) < 2 * LONGEST_WAIT


def test_one_request_submitted_sixteen_times(crowd: Crowd, home: Path, counts: Counts) -> None:
    """One intent, one call; everybody else is refused, and each refusal is sealed."""
    outcomes: Counter[str] = Counter()
    with nursery(home) as running:
        for n in range(ROUNDS):
            with opened(home) as office:
                asked = request(office, crowd, crowd.requesters[n])
            before, called = size_of(home), len(calls(home))
            plan: dict[str, object] = {"request": asked.id, "by": asked.requester_id}
            came, _ = results(running, all_at_once(running, [plan] * MANY, "submit_one"))
            assert came["Answered"] == 1, came
            assert came["Answered"] + came["Refusal"] + came["stale"] == MANY, came
            assert size_of(home) == before + 2 + came["Refusal"]
            assert [c.request for c in calls(home)[called:]] == [asked.id]
            with database(home) as raw:
                row = request_row(raw, asked.id)
                assert row is not None
                assert row[0] == "answered"
                kinds = Counter(str((entry(raw, i) or {})["kind"]) for i in range(before, size_of(home)))
            assert kinds["search.intent"] == kinds["search.outcome"] == 1
            outcomes += came
    sound(home)
    counts.put(ATTACK, "submissions of one request by sixteen", MANY * ROUNDS)
    counts.put(ATTACK, "  intents and calls", f"{outcomes['Answered']} in {ROUNDS} rounds")


def test_sixteen_supervisors_approve_one_request(crowd: Crowd, home: Path, counts: Counts) -> None:
    """Exactly one approval stands; the others learn that they came late."""
    outcomes: Counter[str] = Counter()
    waits: list[float] = []
    with nursery(home) as running:
        for n in range(ROUNDS):
            with opened(home) as office:
                asked = request(office, crowd, crowd.requesters[n])
            before = size_of(home)
            plans: list[dict[str, object]] = [
                {"request": asked.id, "by": who} for who in crowd.supervisors[:MANY]
            ]
            came, took = results(running, all_at_once(running, plans, "approve_one"))
            assert came == {"approved": 1, "stale": MANY - 1}
            assert size_of(home) == before + 1
            outcomes += came
            waits += took
    with database(home) as raw:
        assert totals(raw)["casework_approval"] == ROUNDS
    sound(home)
    counts.put(ATTACK, "approvals of one request by sixteen", MANY * ROUNDS)
    counts.put(
        ATTACK,
        "  that stand; that came late",
        f"{outcomes['approved']} in {ROUNDS} rounds; {outcomes['stale']}",
    )
    counts.put(ATTACK, "  longest wait", f"{max(waits):.3f} s")
    assert max(waits) < LONGEST_WAIT


def test_sixteen_write_without_pause(crowd: Crowd, home: Path, counts: Counts) -> None:
    """Nobody starves, nothing is lost, and fsck reads a sound log while they write."""
    before, checked = size_of(home), 0
    with nursery(home) as running:
        plans = [{"who": n, "count": STEPS_EACH} for n in range(MANY)]
        pids = [running.fork("append", wait=True, **plan) for plan in plans]
        running.go()
        ended: set[int] = set()
        while len(ended) < MANY:
            sound(home)
            checked += 1
            ended |= {line.pid for line in running.listen(0.01) if line.word == "ended"}
            ended |= {line.pid for line in running.said if line.word == "ended"}
        assert [running.reap(pid) for pid in pids] == [0] * MANY
        said = [line for line in running.said if line.word == "ack"]
    assert len(said) == MANY * STEPS_EACH
    indices = [int(line.rest[2]) for line in said]
    assert sorted(indices) == list(range(before, before + MANY * STEPS_EACH)), "an entry was lost or doubled"
    assert size_of(home) == before + MANY * STEPS_EACH
    sound(home)
    waits = [float(line.rest[3]) for line in said]
    by_worker = Counter(line.pid for line in said)
    half = [line.pid for line in sorted(said, key=lambda line: int(line.rest[2]))][: len(said) // 2]
    slowest = min(Counter(half)[pid] for pid in by_worker)
    counts.put(ATTACK, "steps recorded without pause, each acknowledged and there", len(said))
    counts.put(ATTACK, "  p50 and longest wait", f"{median(waits):.3f} s, {max(waits):.3f} s")
    counts.put(ATTACK, f"  of the first half ({len(half)}), by the slowest of 16", slowest)
    counts.put(ATTACK, "  full fsck runs meanwhile, all sound", checked)
    assert max(waits) < LONGEST_WAIT
    assert slowest > 0, "somebody got no turn while others had many"
    assert checked > 1


def test_a_process_that_slept_through_a_change_of_key(crowd: Crowd, home: Path, counts: Counts) -> None:
    """One process changes the log's key, others still hold the old one: they write nothing, and say why."""
    before = size_of(home)
    with nursery(home) as running:
        seed = b"\x07" * 32
        with opened(home) as office:
            successor = Signer.from_seed(office.origin, seed)
            assert rotate_log_key(office, new=successor, by=crowd.administrator) == before + 1
            install_log_key(office, successor, seed)
        pids = [running.fork("append", who=n, count=1) for n in range(4)]
        assert all(running.reap(pid) == 0 for pid in pids)
        said = [line for line in running.said if line.word == "unexpected"]
        assert [line.rest[0] for line in said] == ["SealingError"] * 4
    assert size_of(home) == before + 1
    with nursery(home) as started_again:
        pid = started_again.fork("append", who=0, count=1)
        started_again.reap(pid)
    assert size_of(home) == before + 2
    sound(home)
    counts.put(ATTACK, "processes with a retired log key, none of which wrote", len(said))
