"""A warm process that forks workers on one home, so that hundreds of them can be killed in a minute.

`python nursery.py HOME`, with HOME.json beside it (`crowd.py`). It imports everything, compiles the policies,
starts the simulated service (which therefore outlives every worker, as an outside service would), lets go of
the database and then obeys one JSON object a line: `fork` a worker with this plan, let `go` of those that
wait, `reap` one that ended.

A worker says on its stdout what it reached: `PID mark NAME` at every use of a port, `PID ack WHAT ...` for
what its caller may rely on. It wraps the ports that an office is made of; nothing in the program is patched.
"""

import json
import os
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import shim
from crowd import CONNECTOR, Crowd, Requester, request, roster_of
from django.db import connections

from counterseal import bootstrap
from counterseal.casework.models import Approval
from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.connectors.process import ServiceProcess
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.export_ledger import export_ledger
from counterseal.gateway.office import Office
from counterseal.gateway.open_case import record_step
from counterseal.gateway.search import Answered, search
from counterseal.ledger.receipt import parse_receipt
from counterseal.terms.errors import CountersealError, StaleError


def say(*words: object) -> None:
    """One line on stdout, in one write: lines of several workers do not mix."""
    os.write(1, (" ".join(map(str, (os.getpid(), *words))) + "\n").encode())


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The service's process as a worker sees it: alive, and somebody else's child."""

    pid: int
    stdout: None = None

    def poll(self) -> int | None:
        """None while it lives."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return -1
        return None


class Attached(ServiceProcess):
    """The client end alone, on the socket of a service that the nursery started."""

    def __init__(self, folder: Path, running: ServiceProcess) -> None:
        self._running = running
        super().__init__(folder)

    def _start(self, start_within: float) -> Any:
        return Elsewhere(self._running.pid), self._running._socket

    def close(self) -> None:
        """It is the nursery's to close."""


@dataclass
class Trace:
    """Says each mark, and ends the process at the one that the plan names.

    crash: mark, how manieth, and `end` (here and now) or one of the shim's actions with its call.
    """

    crash: dict[str, Any] | None
    home: Path
    part: str = "intent"
    seen: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """A new search."""
        self.part = "intent"
        self.seen.clear()

    def at(self, port: str) -> None:
        """A port was used."""
        mark = f"{self.part}.{port}"
        self.seen[mark] += 1
        say("mark", mark)
        c = self.crash
        if c is None or c["mark"] != mark or c.get("time", 1) != self.seen[mark]:
            return
        if c["how"] == "end":
            os.kill(os.getpid(), signal.SIGKILL)
        shim.arm(self.home, shim.What[c["what"]], c["nth"], shim.Doing[c["how"]])


class TracedSigner:
    """The log's key, traced: from its signature on, the change is being committed."""

    def __init__(self, trace: Trace, signer: Any) -> None:
        self._trace, self._signer = trace, signer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._signer, name)

    def signature_line(self, text: bytes) -> str:
        """Sign."""
        line = str(self._signer.signature_line(text))
        self._trace.at("sign")
        return line


class TracedPolicies:
    """The policy packs, traced: facts are gathered when they are asked."""

    def __init__(self, trace: Trace, policies: Any) -> None:
        self._trace, self._policies = trace, policies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policies, name)

    def in_force(self, at: datetime) -> Any:
        """The set in force."""
        self._trace.at("policies")
        return self._policies.in_force(at)


class TracedVault:
    """The vault, traced."""

    def __init__(self, trace: Trace, vault: Any) -> None:
        self._trace, self._vault = trace, vault

    def open(self, object_id: str) -> bytes:
        """An object's bytes."""
        self._trace.at("open")
        return bytes(self._vault.open(object_id))

    def put(self, *arguments: Any, **named: Any) -> Any:
        """Seal an object."""
        self._trace.at("put")
        return self._vault.put(*arguments, **named)


class TracedService:
    """The connector, traced. That it is asked at all acknowledges the intent."""

    def __init__(self, trace: Trace, service: ServiceProcess) -> None:
        self._trace, self._service = trace, service

    def submit(self, submission: Submission) -> Answer | ServiceFailure:
        """Ask."""
        say("ack", "intent", json.loads(submission.request)["id"], parse_receipt(submission.receipt).index)
        self._trace.at("asking")
        answer = self._service.submit(submission)
        self._trace.part = "outcome"
        self._trace.at("answered")
        return answer

    def close(self) -> None:
        """It is the nursery's to close."""


def traced(office: Office, trace: Trace) -> Office:
    """The same office, each port of it wrapped."""

    def through(port: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def traced_call(*arguments: Any) -> Any:
            trace.at(port)
            return call(*arguments)

        return traced_call

    return replace(
        office,
        clock=through("clock", office.clock),
        token=through("token", office.token),
        policies=TracedPolicies(trace, office.policies),  # type: ignore[arg-type]
        signer=TracedSigner(trace, office.signer),  # type: ignore[arg-type]
        vault=TracedVault(trace, office.vault),  # type: ignore[arg-type]
        services=lambda name: TracedService(trace, office.services(name)),  # type: ignore[arg-type]
    )


def searches(office: Office, crowd: Crowd, plan: dict[str, Any]) -> None:
    """Request and search, `count` times, then wait to be killed; the crash is armed for every search."""
    who = crowd.requesters[plan["who"]]
    trace = Trace(None, office.home)
    watched = traced(office, trace)
    for _ in range(plan["count"]):
        asked = request(office, crowd, who)
        say("ack", "request", asked.id, asked.entry_index)
        trace.begin()
        trace.crash = plan.get("crash")
        say("begin", asked.id)
        begun = time.monotonic()
        outcome = search(watched, request_id=asked.id, by=who.person)
        if isinstance(outcome, Answered):
            say("ack", "outcome", asked.id, outcome.outcome_index, time.monotonic() - begun)
        else:
            say("unexpected", outcome)
    time.sleep(plan.get("linger", 0))


def submit_one(office: Office, crowd: Crowd, plan: dict[str, Any]) -> None:
    """Submit one request that exists already, with everybody else."""
    begun = time.monotonic()
    try:
        result = type(search(office, request_id=plan["request"], by=plan["by"])).__name__
    except StaleError:
        result = "stale"
    say("result", result, time.monotonic() - begun)


def approve_one(office: Office, crowd: Crowd, plan: dict[str, Any]) -> None:
    """Approve one request, with everybody else."""
    begun = time.monotonic()
    try:
        outcome = approve_search(
            office,
            request_id=plan["request"],
            kind="witness",
            granted=True,
            words="every other means was tried, and the witness agrees to be searched for",
            by=plan["by"],
        )
        result = "approved" if isinstance(outcome, Approval) else f"unexpected-{type(outcome).__name__}"
    except StaleError:
        result = "stale"
    say("result", result, time.monotonic() - begun)


def append(office: Office, crowd: Crowd, plan: dict[str, Any]) -> None:
    """Record steps as fast as the line of writers lets it; says how long each took."""
    who: Requester = crowd.requesters[plan["who"]]
    for n in range(plan["count"]):
        begun = time.monotonic()
        step = record_step(
            office,
            case_id=who.case,
            kind="records-check",
            outcome="nothing-found",
            taken_at=office.clock(),
            notes="" if n % 2 else "one more register was searched",
            by=who.person,
        )
        say("ack", "step", step.id, step.entry_index, time.monotonic() - begun)


def export_to(office: Office, crowd: Crowd, plan: dict[str, Any]) -> None:
    """Record a step, then export, and end at the n-th write to the folder."""
    append(office, crowd, {"who": 0, "count": 1})
    folder, crash = Path(plan["folder"]), plan["crash"]
    shim.arm(folder, shim.What[crash["what"]], crash["nth"], shim.Doing[crash["how"]])
    export_ledger(folder)


WORK: dict[str, Callable[[Office, Crowd, dict[str, Any]], None]] = {
    f.__name__: f for f in (searches, submit_one, approve_one, append, export_to)
}


def main() -> None:
    """Obey until stdin ends."""
    if shim.present():
        shim.leave_children_alone()
    home = Path(sys.argv[1])
    crowd = Crowd.load(roster_of(home))
    office = bootstrap.open_office(home)
    office.policies.in_force(office.clock())
    service = office.services(CONNECTOR)
    connections.close_all()
    say("ready", service.pid)
    gate = os.pipe()
    for line in sys.stdin:
        order = json.loads(line)
        if "fork" in order:
            child = os.fork()
            if child == 0:
                _work(office, service, crowd, order["fork"], gate)
            say("forked", child)
        elif "go" in order:
            for end in gate:
                os.close(end)
            gate = os.pipe()
            say("gone")
        elif "reap" in order:
            _, status = os.waitpid(order["reap"], 0)
            say("reaped", order["reap"], status)
    bootstrap.close(office)


def _work(
    office: Office, service: ServiceProcess, crowd: Crowd, plan: dict[str, Any], gate: tuple[int, int]
) -> None:
    """One worker's life. Never returns: what the nursery would do at its end is not the worker's to do."""
    status = 1
    try:
        os.close(0)
        os.close(gate[1])
        if plan.get("wait"):
            say("waiting")
            select.select([gate[0]], [], [])
        attached = Attached(office.home / "services" / CONNECTOR, service)
        WORK[plan["work"]](replace(office, services=lambda _: attached), crowd, plan)
        status = 0
    except CountersealError as error:
        say("unexpected", type(error).__name__, error)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test hears of it
        say("unexpected", repr(error))
    finally:
        try:
            connections.close_all()
            say("ended")
        finally:
            os._exit(status)  # also where nobody listens any more


if __name__ == "__main__":
    main()
