"""Measure what governance costs, as ratios within one run: `make bench`.

Absolute times are of this machine and this hour; the ratios are what is promised. Nothing here asserts:
`--json` prints the numbers for whoever compares runs.

governance   decided, intent sealed and durable, receipt verified and used up; and the whole verb beside it, from
             reading the records to the instant at which the service may compare
             against the embedded 1:N search alone, from photograph to candidate list, 10,000 references, for a
             small photograph (320 x 400) and for one as a telephone or a camera gives it (640 x 800)
append       one durable sealed append (entry, tree, signed checkpoint, one transaction)
             against one raw append of as many bytes with fdatasync
audit        entries a second of a full audit from tiles, one process
engine       detection, template and search time of one picture
policy       one decision with every pack and overlay that is shipped, against the engine alone on the same request with
             parsed handles; decisions made again from a log (`policy replay`); the proofs
load         opt-out checks and claims over HTTP from a second process at a held rate: errors, rate, p50, p99
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from statistics import median, quantiles

os.environ["OMP_NUM_THREADS"] = "1"  # as the service process has it; before numpy is loaded

import cedarpy
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from counterseal import bootstrap
from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.embedded import load_embedded
from counterseal.biometrics.identify import Index, Reference, identify
from counterseal.biometrics.quality import QualityFloor
from counterseal.biometrics.stills import Still, read_still
from counterseal.casework.models import Probe, SearchRequest
from counterseal.cli.demo.agency import made
from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.gateway.facts import instant, search_facts
from counterseal.gateway.records import read_records
from counterseal.gateway.sealing import change
from counterseal.gateway.search import _whole, search
from counterseal.ledger.audit import audit
from counterseal.ledger.canonical import write_canonical
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.entry import Reason, make_entry
from counterseal.ledger.tiles import export
from counterseal.ledger.tree import Frontier, leaf_hash
from counterseal.oversight.models import Service
from counterseal.policy import authorise, load_policies
from counterseal.policy.facts import instant_of
from counterseal.policy.pack import Layer
from counterseal.policy.proof.prove import prove
from counterseal.policy.replay import Logged, replay
from counterseal.terms.decisions import Permit
from load import Load, summary
from office import SimulatedOffice, make_template, open_copy, person
from served import NO, answers_of, loading, make_checkpoint, serving

REFERENCES = 10_000
ROOT = Path(__file__).parents[1]
POLICIES, EXAMPLES = ROOT / "policies", ROOT / "examples"


class GateOnly:
    """A service that verifies the receipt as always, and then does not compare: what is left is governance."""

    def __init__(self, office: SimulatedOffice) -> None:
        self._gate = office.office.services("embedded").server._gate  # type: ignore[attr-defined]
        self.seconds: list[float] = []

    def submit(self, submission: Submission) -> Answer | ServiceFailure:
        """Verify, note the time, answer nothing."""
        start = time.perf_counter()
        self._gate.admit(submission)
        self.seconds.append(time.perf_counter() - start)
        return ServiceFailure("bench", "not compared")

    def close(self) -> None:
        """Nothing to stop."""


def timed(times: int, act: Callable[[], object]) -> list[float]:
    """Seconds of each of `times` runs, after two to warm up."""
    act(), act()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return seconds


def ms(seconds: list[float]) -> str:
    """p50 and p95 in milliseconds."""
    return f"{median(seconds) * 1e3:8.3f} ms p50 {quantiles(seconds, n=20)[-1] * 1e3:8.3f} ms p95"


def governance(office: SimulatedOffice, rounds: int) -> dict[str, list[float]]:
    """Seconds from before the facts are gathered until the receipt is used up, and of the parts."""
    gate = GateOnly(office)
    # Real searches in real cases; a day passes between two of them, so that no volume limit is met.
    requests: list[SearchRequest] = []
    for _ in range(rounds):
        case = office.case()
        probe = office.probe(case)
        assert isinstance(probe, Probe), probe
        requests.append(
            made(office.request(case, probe, why_again="bench", purpose=_purpose()))  # type: ignore[arg-type]
        )
    stamps: dict[str, list[float]] = {"whole": [], "facts": [], "decide": [], "road": []}
    office.office = replace(office.office, services=lambda _: gate)
    library = office.office.policies
    service = Service.objects.get(pk=office.agency.service_id)
    for request in requests:
        office.clock.forward(minutes=90)
        at = office.clock()
        start = time.perf_counter()
        whole = _whole(request.pk)
        held = read_records(whole, service_version=service.version, at=at)
        facts = search_facts(whole, service, held, partner=None, at=at)
        between = time.perf_counter()
        authorise(facts, library.in_force(at), at=at)
        stamps["facts"].append(between - start)
        stamps["decide"].append(time.perf_counter() - between)
        stamps["road"].append(_road(office, gate, whole, facts))
        calls = len(gate.seconds)
        ends: list[float] = []
        wrapped = replace(office.office, services=lambda _, ends=ends: _Stop(gate, ends))
        start = time.perf_counter()
        search(wrapped, request_id=request.id, by=request.requester_id)
        assert len(gate.seconds) == calls + 1, "the search did not reach the service"
        stamps["whole"].append(ends[0] - start)
    stamps["receipt"] = gate.seconds
    return stamps


def _road(office: SimulatedOffice, gate: GateOnly, request: SearchRequest, facts: dict[str, object]) -> float:
    """Seconds to decide on facts, to seal the intent durably, and to verify and use up its receipt."""
    crop = office.office.vault.open(request.probe.sent)
    question = write_canonical(
        {
            "id": request.id,
            "mode": request.mode,
            "limit": 10,
            "minimum": None,
            "claimed_reference": "",
            "probe": sha256(crop).hexdigest(),
            "second": "",
        }
    )
    library = office.office.policies
    at = office.clock()
    facts = {**facts, "at": instant(at)}
    start = time.perf_counter()
    decision = authorise(facts, library.in_force(at), at=at)
    with change(office.office) as now:
        sealed = now.seal(
            "search.intent",
            by=request.requester_id,
            action="submit a search",
            target=request.id,
            outcome="permitted",
            decision=decision,
            public={"service": request.service_id, "mode": request.mode},
            committed={"request": sha256(question).hexdigest(), "case": request.case_id},
        )
    gate.submit(Submission(question, sealed.body, sealed.openings["request"], now.receipt, crop))
    return time.perf_counter() - start


class _Stop:
    """Notes the instant at which the gate let the submission through."""

    def __init__(self, gate: GateOnly, ends: list[float]) -> None:
        self._gate, self._ends = gate, ends

    def submit(self, submission: Submission) -> Answer | ServiceFailure:
        answer = self._gate.submit(submission)
        self._ends.append(time.perf_counter())
        return answer

    def close(self) -> None:
        """Nothing to stop."""


def _purpose() -> object:
    from counterseal.gateway.request_search import Purpose

    word = secrets.token_hex(4)
    return Purpose(
        "suspect-lead",
        f"Cheque {word} was forged and paid in at the harbour branch; teller described one man",
    )


def photograph_of(width: int) -> bytes:
    """A synthetic person's photograph, 4 to 5, this many pixels wide."""
    picture = Image.open(BytesIO(person(3).photograph(2)))
    file = BytesIO()
    picture.resize((width, width * 5 // 4), Image.Resampling.LANCZOS).save(file, "JPEG", quality=92)
    return file.getvalue()


def search_alone(photograph: bytes, rounds: int) -> dict[str, list[float]]:
    """Seconds of the embedded search alone and of its parts, one thread."""
    engine = load_embedded()
    floor = QualityFloor.for_probe()
    acquired = capture(photograph, engine=engine, floor=floor)
    still = read_still(photograph)
    assert isinstance(acquired, Capture)
    assert isinstance(still, Still)
    rng = np.random.default_rng(7)
    values = rng.normal(size=(REFERENCES, acquired.template.values.size)).astype(np.float32)
    values *= np.linalg.norm(acquired.template.values) / np.linalg.norm(values, axis=1, keepdims=True)
    index = Index(
        [Reference(f"r{n}", f"p{n}") for n in range(REFERENCES)],
        values,
        engine_id=engine.engine_id,
        metric=engine.metric,
    )

    def whole() -> None:
        taken = capture(photograph, engine=engine, floor=floor)
        assert isinstance(taken, Capture)
        identify(taken.template, index, limit=10)

    return {
        "whole": timed(rounds, whole),
        "detection": timed(rounds, lambda: engine.detect(still.pixels)),
        "template": timed(rounds, lambda: engine.template(acquired.chip)),
        "search": timed(rounds, lambda: identify(acquired.template, index, limit=10)),
    }


def appends(office: SimulatedOffice, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of a sealed append and of a raw one, in turn, so that both meet the same disk."""
    who = office.who("ines")

    def sealed() -> None:
        with change(office.office) as now:
            now.seal("bench.append", by=who, action="append", target=who, outcome="done")

    body = secrets.token_bytes(600)
    descriptor = os.open(folder / "raw", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def raw() -> None:
        os.write(descriptor, body)
        os.fdatasync(descriptor)

    both: dict[str, list[float]] = {"sealed": [], "raw": []}
    timed(20, sealed), timed(20, raw)
    for _ in range(rounds):
        for name, act in (("sealed", sealed), ("raw", raw)):
            start = time.perf_counter()
            act()
            both[name].append(time.perf_counter() - start)
    os.close(descriptor)
    return both


def audit_rate(folder: Path, entries: int) -> dict[str, float]:
    """Entries a second of a full audit from tiles: hashes only, and with every entry decoded."""
    signer = Signer.from_seed("bench.example/log", secrets.token_bytes(32))
    at = datetime.now(UTC)
    entry = make_entry(
        kind="bench.append",
        at=at,
        outcome="done",
        reason=Reason(),
        causes=[],
        public={},
        committed={"initiator": "a", "action": "b", "target": "c"},
        salt=lambda: secrets.token_bytes(16),
    ).body
    frontier, nodes = Frontier(), {}
    leaf = leaf_hash(entry)
    for _ in range(entries):
        frontier, made_nodes = frontier.append(leaf)
        nodes.update({(n.level, n.index): n.hash for n in made_nodes})
    note = sign_checkpoint(Checkpoint("bench.example/log", entries, frontier.root()), signer)
    for path, data in export(
        entries, lambda level, i: nodes[level, i], lambda first, end: [entry] * (end - first), note
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    rates = {}
    for name, decode, times in (("hashes", False, 3), ("decoded", True, 1)):
        best = 0.0
        for _ in range(times):
            start = time.perf_counter()
            report = audit(lambda path: (folder / path).read_bytes(), [signer.verifier], decode=decode)
            best = max(best, entries / (time.perf_counter() - start))
            assert report.sound, report.findings
        rates[name] = best
    return rates


def policy_rates(rounds: int) -> dict[str, float]:
    """Seconds of a decision and of the engine's part of it; replayed decisions a second; seconds of the proofs."""
    library = load_policies(POLICIES)
    plain = json.loads((EXAMPLES / "permitted-search.json").read_text(encoding="utf-8"))
    at, given = instant_of(plain), {}
    overlays = [pack.source.id for pack in library.packs if pack.source.layer is Layer.OVERLAY]
    for name in overlays:
        for cases in sorted((POLICIES / name / "cases").glob("*.toml")):
            given |= tomllib.loads(cases.read_text(encoding="utf-8")).get("given", {})
    everything = library.composed(library.composition(at).over(overlays)).in_force(at)
    facts = plain | {name: given[name] for name in everything.brought(str(plain["action"]))}
    permit = authorise(facts, everything, at=at)
    assert isinstance(permit, Permit), permit
    put: list[tuple[object, ...]] = []
    engine = cedarpy.is_authorized

    def noted(*asked: object) -> object:
        put.append(asked)
        return engine(*asked)

    cedarpy.is_authorized = noted
    try:
        authorise(facts, everything, at=at)
    finally:
        cedarpy.is_authorized = engine
    shipped = library.in_force(at)
    decided = authorise(plain, shipped, at=at)
    logged = Logged(0, shipped.digest, decided.policies, decided.clauses, True, plain)
    began = time.perf_counter()
    again = replay([logged] * rounds, library)
    lasted = time.perf_counter() - began
    assert again.same == rounds, again
    began = time.perf_counter()
    proof = prove(
        library.composed(library.composition(at).over(())).in_force(at),
        {name: library.composed(library.composition(at).over([name])).in_force(at) for name in overlays},
    )
    assert proof.holds
    return {
        "decision": median(timed(rounds, lambda: authorise(facts, everything, at=at))),
        "engine": median(timed(rounds, lambda: engine(*put[0]))),
        "replayed": rounds / lasted,
        "proved": time.perf_counter() - began,
    }


def load_over_http(template: Path, folder: Path) -> dict[str, Load]:
    """Rates that one server holds, each as the client saw it; the first claim starts the service's process."""
    checkpoint = make_checkpoint(template, folder)
    runs = {
        "checks": ("opt-out/checks", 50, 10, (checkpoint.check, checkpoint.check, checkpoint.decline)),
        "claims": ("verify", 8, 10, (checkpoint.claim,)),
        "declined claims": ("verify", 50, 10, (checkpoint.claim | {"choice": NO},)),
    }
    loads = {}
    with serving(checkpoint.home) as (_, address):
        with loading(
            checkpoint.plan("warming-up", address, "verify", checkpoint.claim, rate=1, seconds=1)
        ) as load:
            answers_of(load)
        for name, (path, rate, seconds, bodies) in runs.items():
            plan = checkpoint.plan(
                f"bench-{name.replace(' ', '-')}", address, path, *bodies, rate=rate, seconds=seconds
            )
            with loading(plan) as load:
                loads[name] = summary(answers_of(load), rate)
    return loads


def _ratios(ratios: list[float]) -> str:
    return "ratio " + " and ".join(f"{ratio:.3f}" for ratio in ratios)


def main() -> None:
    """Run all, print the table."""
    assert bootstrap  # importing it readies the models
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--entries", type=int, default=262_144, help="size of the audited log")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="counterseal-bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        make_template(folder / "template", folder / "pictures")
        with open_copy(folder / "template", folder / "home") as office:
            photographs = [photograph_of(320), photograph_of(640)]
            alone = [search_alone(p, asked.rounds) for p in photographs]
            governed = governance(office, asked.rounds)
            again = [search_alone(p, asked.rounds) for p in photographs]
            written = appends(office, folder, asked.rounds)
        rates = audit_rate(folder / "tiles", asked.entries)
        loads = load_over_http(folder / "template", folder / "served")
    policy = policy_rates(asked.rounds)
    searches = [a["whole"] + b["whole"] for a, b in zip(alone, again, strict=True)]
    over_search = [median(governed["road"]) / median(seconds) for seconds in searches]
    whole_over_search = [median(governed["whole"]) / median(seconds) for seconds in searches]
    result = {
        "governance_ms_p50": median(governed["road"]) * 1e3,
        "whole_verb_ms_p50": median(governed["whole"]) * 1e3,
        "search_alone_ms_p50": [median(seconds) * 1e3 for seconds in searches],
        "governance_over_search": over_search,
        "whole_verb_over_search": whole_over_search,
        "sealed_append_ms_p50": median(written["sealed"]) * 1e3,
        "raw_append_ms_p50": median(written["raw"]) * 1e3,
        "sealed_over_raw": median(written["sealed"]) / median(written["raw"]),
        "audit_entries_per_second": rates["hashes"],
        "audit_decoded_entries_per_second": rates["decoded"],
        "references": REFERENCES,
        "decision_all_packs_ms_p50": policy["decision"] * 1e3,
        "decision_over_engine": policy["decision"] / policy["engine"],
        "replayed_per_second": policy["replayed"],
        "proved_in_seconds": policy["proved"],
        "load": {name: asdict(load) for name, load in loads.items()},
    }
    if asked.json:
        print(json.dumps(result, indent=1))
        return
    for size, parts, seconds in zip(("320 x 400", "640 x 800"), alone, searches, strict=True):
        print(f"search alone, {size}{ms(seconds)}   photograph to candidates among {REFERENCES:,} references")
        for part in ("detection", "template", "search"):
            print(f"    {part:18} {ms(parts[part])}")
    print(f"decide, seal, verify   {ms(governed['road'])}   {_ratios(over_search)} (aim: 0.10, and 3 ms)")
    print(f"the whole verb         {ms(governed['whole'])}   {_ratios(whole_over_search)}")
    for part, says in (
        ("facts", "facts gathered"),
        ("decide", "policies decide"),
        ("receipt", "receipt verified"),
    ):
        print(f"    {says:18} {ms(governed[part])}")
    print(
        f"durable sealed append  {ms(written['sealed'])}   ratio {result['sealed_over_raw']:.2f} (aim: at most 2)"
    )
    print(f"raw append, fdatasync  {ms(written['raw'])}")
    print(f"full audit from tiles  {rates['hashes']:12,.0f} entries/s a process (aim: at least 500,000)")
    print(f"    every entry decoded{rates['decoded']:12,.0f} entries/s")
    print(
        f"a decision, all packs  {policy['decision'] * 1e3:8.2f} ms   ratio "
        f"{policy['decision'] / policy['engine']:.2f} to the engine alone (aim: at most 3)"
    )
    print(f"decisions made again   {policy['replayed']:12,.0f}/s (aim: 5,000)")
    print(f"the proofs             {policy['proved']:10.2f} s (aim: at most 5)")
    for name, load in loads.items():
        print(
            f"{name + ' over HTTP':27}{load.per_second:6.1f}/s held, {load.errors} errors of {load.asked},"
            f" p50 {load.p50_ms:.1f} ms, p99 {load.p99_ms:.1f} ms"
        )


if __name__ == "__main__":
    main()
