"""kill -9 at the other ends: the service in the middle of a call, a gateway with its service, an export."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
import shim
from counts import Counts
from crowd import CONNECTOR, Crowd, opened, request
from records import calls
from workers import nursery

from counterseal.connectors.process import ServiceProcess
from counterseal.gateway.export_ledger import export_ledger
from counterseal.gateway.run_fsck import run_fsck
from counterseal.gateway.search import Answered, Failed, search

pytestmark = pytest.mark.withstand

ATTACK = "other processes killed with kill -9"

ALONE = """
import sys
from pathlib import Path
from counterseal.connectors.process import ServiceProcess
print("starting", flush=True)
service = ServiceProcess(Path(sys.argv[1]))
print("started", service.pid, service._socket.parent, flush=True)
sys.stdin.read()
"""


def test_the_service_is_killed_in_the_middle_of_a_call(crowd: Crowd, home: Path, counts: Counts) -> None:
    """A call that got no answer is sealed as that; the next one starts the service again."""
    came: Counter[str] = Counter()
    chance = random.Random(20_260)
    behaviour = home / "services" / CONNECTOR / "behaviour"
    with opened(home) as office:
        service = office.services(CONNECTOR)
        assert isinstance(service, ServiceProcess)
        for n in range(10):
            behaviour.write_text("honest")
            asked = request(office, crowd, crowd.requesters[n])
            assert isinstance(search(office, request_id=asked.id, by=asked.requester_id), Answered)
            behaviour.write_text("slow")
            asked = request(office, crowd, crowd.requesters[n])
            killing = Timer(chance.uniform(0.0, 0.25), os.kill, (service.pid, signal.SIGKILL))
            killing.start()
            outcome = search(office, request_id=asked.id, by=asked.requester_id)
            killing.join()
            assert isinstance(outcome, Answered | Failed), outcome
            if isinstance(outcome, Failed):
                assert outcome.failure.code in ("hung-up", "unreachable"), outcome.failure
            came["answered" if isinstance(outcome, Answered) else outcome.failure.code] += 1
        behaviour.write_text("honest")
        asked = request(office, crowd, crowd.requesters[12])
        assert isinstance(search(office, request_id=asked.id, by=asked.requester_id), Answered)
        report = run_fsck(office)
    assert report.sound
    assert report.log.open_intents == ()
    made = Counter(call.index for call in calls(home))
    assert set(made.values()) == {1}, "a receipt was used twice"
    assert came["hung-up"] > 0
    counts.put(ATTACK, "the service, during a call (sealed as what)", dict(sorted(came.items())))


def test_no_service_outlives_its_gateway(crowd: Crowd, home: Path, counts: Counts) -> None:
    """However early the gateway is killed, the process that holds the credential ends soon, and its socket."""
    folder = home / "services" / CONNECTOR
    chance = random.Random(20_261)
    kills = 14
    sockets = set()
    for n in range(kills):
        gateway = subprocess.Popen(
            [sys.executable, "-c", ALONE, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert gateway.stdout is not None
        assert gateway.stdin is not None
        assert gateway.stdout.readline() == "starting\n"
        if n % 4 == 0:
            sockets.add(gateway.stdout.readline().split()[2])
        else:
            time.sleep(chance.uniform(0, 0.35))
        gateway.kill()
        gateway.wait()
        gateway.stdout.close()
        gateway.stdin.close()
    until = time.monotonic() + 15
    while (left := _running(str(folder))) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == [], "a service goes on without its gateway"
    assert not [s for s in sockets if Path(s).exists()]
    counts.put(ATTACK, "gateways with a service starting or running; services left", f"{kills}; {len(left)}")


def _running(argument: str) -> list[int]:
    """Pids of the processes that have this among their arguments."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                arguments = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if argument in arguments:
                found.append(int(process.name))
    return found


def test_an_export_killed_half_way_still_verifies(
    crowd: Crowd, home: Path, tmp_path: Path, failing_disk: Path, counts: Counts
) -> None:
    """The checkpoint is written last: whoever reads meanwhile sees the older log, whole."""
    exported = tmp_path / "exported"
    with opened(home) as office:
        size = export_ledger(exported).tree_size
    sizes = []
    with nursery(home, shim.environment(failing_disk)) as running:
        for nth in range(1, 17):
            crash = {"what": "WRITES", "nth": nth, "how": ("END", "TEAR_AND_END")[nth % 2]}
            pid = running.fork("export_to", folder=str(exported), crash=crash)
            status = running.reap(pid)
            assert status == 9 or nth > 3, list(running.of(pid))
            code, said = _verified(exported)
            assert code == 0, said
            sizes.append(said)
    with opened(home) as office:
        last = export_ledger(exported)
        assert run_fsck(office, tiles=exported).sound
    assert last.tree_size > size
    assert _verified(exported) == (0, f"tree_size: {last.tree_size}")
    assert f"tree_size: {size}" in sizes, "no kill came before the checkpoint"
    counts.put(ATTACK, "exports, at their n-th write; verified afterwards", f"{len(sizes)}; {len(sizes)}")


def _verified(folder: Path) -> tuple[int, str]:
    """What the offline verifier says: its exit code, and the line of the size."""
    done = subprocess.run(
        [sys.executable, str(folder / "verify.py"), str(folder)], capture_output=True, text=True, check=False
    )
    size: Callable[[str], bool] = lambda line: line.startswith("tree_size")  # noqa: E731
    return done.returncode, next(filter(size, done.stdout.splitlines()), done.stdout + done.stderr)
