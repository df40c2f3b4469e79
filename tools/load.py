#!/usr/bin/env python3
"""Ask a server over HTTP at a held rate, from a process of its own: load.py < plan.json > answers.jsonl

The plan: name (of the run, for its idempotency keys), address, token, path, bodies (JSON values, taken in turn),
rate (requests a second), seconds, workers, patience (seconds for which a request whose connection broke, or that
found nobody, is sent again with its own idempotency key).

Requests start by the clock, whether or not the earlier ones were answered, and a latency counts from the instant at
which its request was due: a server that stalls cannot hide behind a client that waits for it.
One line an answer: n, status (0: none came), tries, ms, ended (monotonic seconds), body.
"""

import http.client
import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from math import ceil
from statistics import median
from threading import local
from typing import Any
from urllib.parse import urlsplit

AGAIN_AFTER = 0.05  # seconds
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Load:
    """What a run was like. Latencies: from the instant a request was due to its answer."""

    asked: int
    answered: int
    errors: int
    per_second: float
    p50_ms: float
    p99_ms: float
    longest_ms: float


class Client:
    """Sends one request after another on a connection of its own."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self.place = urlsplit(plan["address"])
        self.connection: http.client.HTTPConnection | None = None

    def ask(self, n: int, due: float) -> dict[str, Any]:
        """The answer to request n, tried again with the same key while nobody is there."""
        body = json.dumps(self.plan["bodies"][n % len(self.plan["bodies"])])
        headers = {
            "Authorization": f"Bearer {self.plan['token']}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"{self.plan['name']}-{n}",
        }
        status, said, tries = 0, "", 0
        while not tries or (status in (0, CONFLICT) and time.monotonic() - due < self.plan["patience"]):
            if tries:
                time.sleep(AGAIN_AFTER)
            tries += 1
            status, said = self._once(body, headers)
            if status == CONFLICT and "problem:in-progress" not in said:
                break  # a server that is gone had claimed it: all that is known was said
        return {
            "n": n,
            "status": status,
            "tries": tries,
            "ms": (time.monotonic() - due) * 1e3,
            "ended": time.monotonic(),
            "body": said,
        }

    def _once(self, body: str, headers: Mapping[str, str]) -> tuple[int, str]:
        try:
            if self.connection is None:
                assert self.place.hostname is not None
                self.connection = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=30)
            self.connection.request("POST", self.plan["path"], body, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return 0, ""


def run(plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Send what the plan says; the answers in the order of their requests."""
    total = ceil(plan["rate"] * plan["seconds"])
    mine = local()
    began = time.monotonic() + 0.1
    turn = count()

    def one(_: int) -> dict[str, Any]:
        if not hasattr(mine, "client"):
            mine.client = Client(plan)
        n = next(turn)
        due = began + n / plan["rate"]
        time.sleep(max(0.0, due - time.monotonic()))
        return dict(mine.client.ask(n, due))

    with ThreadPoolExecutor(plan["workers"]) as workers:
        yield from workers.map(one, range(total))


def summary(answers: list[dict[str, Any]], rate: float) -> Load:
    """What a run was like. An error: no answer, or any but 2xx."""
    good = [a for a in answers if 200 <= a["status"] < 300]
    late = sorted(a["ms"] for a in good) or [float("nan")]
    began = min(a["ended"] - a["ms"] / 1e3 for a in answers)
    # From the first due instant to the last answer, the last request's own interval included.
    lasted = max(max(a["ended"] for a in answers) - began, len(answers) / rate)
    return Load(
        asked=len(answers),
        answered=len(good),
        errors=len(answers) - len(good),
        per_second=len(good) / lasted,
        p50_ms=median(late),
        p99_ms=late[min(len(late) - 1, ceil(0.99 * len(late)) - 1)],
        longest_ms=late[-1],
    )


if __name__ == "__main__":
    for answer in run(json.load(sys.stdin)):
        print(json.dumps(answer), flush=True)
