"""A load on the interface from a second process: held, counted, and with the server killed under it."""

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from counts import Counts

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from counterseal import bootstrap
from counterseal.gateway.run_fsck import run_fsck
from counterseal.ledger.entry import read_entry
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import verify_receipt
from counterseal.oversight.models import LogEntry
from load import Load, summary
from served import NO, Checkpoint, answers_of, free_port, loading, make_checkpoint, serving

pytestmark = pytest.mark.withstand

ATTACK = "a load on the interface from a second process"


@pytest.fixture
def checkpoint(office_template: Path, tmp_path: Path) -> Checkpoint:
    """A gate that a machine runs."""
    return make_checkpoint(office_template, tmp_path / "home")


def acknowledged(home: Path, answers: list[dict[str, Any]]) -> tuple[Counter[str], int]:
    """The kinds of entries that the answers rest on, each proved by the receipt beside it; and how many are lost."""
    office = bootstrap.open_office(home)
    try:
        trust = KeyHistory.from_json((home / "services/embedded/log-keys.json").read_bytes())
        kinds: Counter[str] = Counter()
        lost = 0
        for answer in answers:
            said = json.loads(answer["body"])
            row = LogEntry.objects.filter(pk=said["entry"]).first()
            if row is None:
                lost += 1
                continue
            body = bytes(row.body)
            assert verify_receipt(said["receipt"].encode(), body, trust, office.origin).index == said["entry"]
            kinds[read_entry(body).kind] += 1
        assert run_fsck(office).sound
        return kinds, lost
    finally:
        bootstrap.close(office)


def told(load: Load) -> str:
    """What the table says of a run."""
    return f"{load.answered}/{load.asked}, {load.errors}; {load.per_second:.1f}/s, {load.p99_ms:.0f} ms"


def test_checks_and_claims_at_a_held_rate(checkpoint: Checkpoint, counts: Counts) -> None:
    """No request is answered with anything but what it asked for, and every answer is in the log."""
    runs = (
        ("opt-out/checks", 40, 5, (checkpoint.check, checkpoint.check, checkpoint.decline)),
        ("verify", 5, 6, (checkpoint.claim, checkpoint.claim, checkpoint.claim | {"choice": NO})),
    )  # fmt: skip
    answered = []
    with serving(checkpoint.home) as (_, address):
        with loading(
            checkpoint.plan("warming-up", address, "verify", checkpoint.claim, rate=1, seconds=1)
        ) as load:
            answered += answers_of(load)  # the service's process starts with its first claim
        for path, rate, seconds, bodies in runs:
            plan = checkpoint.plan(f"at-{rate}-a-second", address, path, *bodies, rate=rate, seconds=seconds)
            with loading(plan) as load:
                answers = answers_of(load)
            assert [a for a in answers if a["status"] != 200] == []
            assert len(answers) == rate * seconds
            counts.put(
                ATTACK, f"{path} at {rate}/s: answered, errors; rate held, p99", told(summary(answers, rate))
            )
            answered += answers
    kinds, lost = acknowledged(checkpoint.home, answered)
    assert lost == 0
    assert kinds == {"optout.checked": 200, "verification.outcome": 21, "verification.refused": 10}


def test_the_server_is_killed_again_and_again_under_load(checkpoint: Checkpoint, counts: Counts) -> None:
    """kill -9 at random instants: whoever asks again with the same key learns what became of it, and nothing
    that was acknowledged is lost or done twice."""
    chance = random.Random(20_264)
    rate, seconds, kills, port = 30, 12, 6, free_port()
    plan = checkpoint.plan(
        "killed", f"http://127.0.0.1:{port}", "opt-out/checks", checkpoint.check, rate=rate, seconds=seconds
    )
    with loading(plan) as load:
        for _ in range(kills):
            with serving(checkpoint.home, port) as (server, _):
                time.sleep(chance.uniform(0.1, 1.5))
                server.kill()
        with serving(checkpoint.home, port):
            answers = answers_of(load)
    came = Counter(a["status"] for a in answers)
    good = [a for a in answers if a["status"] == 200]
    _, lost = acknowledged(checkpoint.home, good)
    unknown = [json.loads(a["body"]) for a in answers if a["status"] == 409]
    assert set(came) <= {200, 409}, [a for a in answers if a["status"] not in (200, 409)][:3]
    assert {u["type"] for u in unknown} <= {"urn:counterseal:problem:outcome-unknown"}
    assert lost == 0
    entries = [json.loads(a["body"])["entry"] for a in good]
    assert len(set(entries)) == len(entries), "one act was acknowledged to two requests"
    assert max(a["tries"] for a in answers) > 1, "no kill met a request"
    counts.put(ATTACK, "kills -9 of the server under load", kills)
    counts.put(
        ATTACK,
        "asked; acknowledged; told that the outcome is unknown; lost",
        f"{len(answers)}; {len(good)}; {len(unknown)}; {lost}",
    )
