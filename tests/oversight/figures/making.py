"""Make logs and releases in memory, out of the ledger's own parts: no database, no office."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from counterseal.ledger.canonical import write_canonical
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.entry import (
    Disclosure,
    Entry,
    JsonValue,
    PublicValue,
    Reason,
    check_disclosure,
    make_entry,
    read_entry,
)
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import build_receipt
from counterseal.ledger.tiles import WIDTH, Tile, pack_bundle, tiles_of
from counterseal.ledger.tree import Frontier, hash_pairs, leaf_hash
from counterseal.oversight.figures import release
from counterseal.oversight.figures.release import Head
from counterseal.oversight.figures.rule import SEALED_KIND, SEALED_NAMES, Rule

ORIGIN = "log.figures.example"
BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
SIGNER = Signer.from_seed(ORIGIN, b"f" * 32)
CERTIFIED = ("HSI-M/4A3-training", "HSI-M/4A3-best-practice", "HSI-M/4A3-safeguards")


@dataclass
class Log:
    """A log that grows entry by entry, each a minute after the last."""

    at: datetime = BEGAN
    bodies: list[bytes] = field(default_factory=list)
    disclosures: dict[int, list[Disclosure]] = field(default_factory=dict)
    salts: Any = field(default_factory=lambda: count(1))

    def add(
        self,
        kind: str,
        outcome: str = "done",
        *,
        public: Mapping[str, PublicValue] | None = None,
        committed: Mapping[str, JsonValue] | None = None,
        causes: Sequence[int] = (),
        clauses: Sequence[str] = (),
        after: timedelta = timedelta(minutes=1),
    ) -> int:
        """Append an entry; its index."""
        self.at += after
        sealed = make_entry(
            kind=kind,
            at=self.at,
            outcome=outcome,
            reason=Reason(None, (), tuple(clauses)),
            causes=causes,
            public=public or {},
            committed={"initiator": "person-1", "action": "act", "target": "row-1", **(committed or {})},
            salt=lambda: next(self.salts).to_bytes(16, "big"),
        )
        self.bodies.append(sealed.body)
        self.disclosures[len(self.bodies) - 1] = list(sealed.disclosures)
        return len(self.bodies) - 1

    def search(self, case_type: str, role: str = "suspect", **public: PublicValue) -> int:
        """A permitted search."""
        codes: dict[str, PublicValue] = {
            "service": "service-1", "use": "use-1", "mode": "identification", "exigency": False,
            "prior_approval": False, "partner": "none",
        }  # fmt: skip
        return self.add(
            SEALED_KIND,
            "permitted",
            public=codes | public,
            committed={"case_type": case_type, "subject_role": role},
            clauses=CERTIFIED,
        )

    def entries(self, counted: int) -> dict[int, Entry]:
        """The first entries, read."""
        return {index: read_entry(body) for index, body in enumerate(self.bodies[:counted])}

    def sealed(self, counted: int) -> dict[int, dict[str, str]]:
        """The sealed codes of the first entries."""
        found: dict[int, dict[str, str]] = {}
        for index in range(counted):
            entry = read_entry(self.bodies[index])
            for name, value in (check_disclosure(entry, each) for each in self.disclosures[index]):
                if entry.kind == SEALED_KIND and name in SEALED_NAMES:
                    found.setdefault(index, {})[name] = str(value)
        return found

    def released(
        self,
        *,
        rule: Rule | None = None,
        counted: int | None = None,
        signer: Signer = SIGNER,
        forged: Mapping[str, Any] | None = None,
        previous: Mapping[str, Any] | None = None,
        corrections: Sequence[Mapping[str, Any]] = (),
        version: int = 1,
    ) -> dict[str, bytes]:
        """The files of a release of the first `counted` entries. forged: members of figures.json to lie about."""
        rule = rule or Rule()
        counted = len(self.bodies) if counted is None else counted
        entries, sealed = self.entries(counted), self.sealed(counted)
        until = entries[counted - 1].at
        head = Head(
            ORIGIN,
            version,
            until + timedelta(days=rule.delay_days),
            until,
            counted,
            rule,
            previous,
            corrections,
        )
        chosen = release.openings_of(entries, sealed, rule)
        content = release.document(head, entries, {(i, n): sealed[i][n] for i, n in chosen}) | dict(
            forged or {}
        )
        figures = write_canonical(content)
        index = self.add(
            release.KIND,
            public={"version": version, "counted": counted, "k": rule.k, "delay_days": rule.delay_days},
            committed={release.COMMITTED: release.digest(figures)},
        )
        files = tiles(self.bodies, counted)
        frontier = Frontier()
        for body in self.bodies:
            frontier, _ = frontier.append(leaf_hash(body))
        note = sign_checkpoint(Checkpoint(ORIGIN, frontier.size, frontier.root()), signer)
        opened: dict[int, list[str]] = {}
        for i, name in chosen:
            opened.setdefault(i, []).extend(d.encoded for d in self.disclosures[i] if d.name == name)
        own = [d.encoded for d in self.disclosures[index] if d.name == release.COMMITTED]
        return files | {
            "checkpoint": note,
            "keys.json": KeyHistory.single(signer.verifier).to_json(),
            "log.vkey": f"{signer.vkey}\n".encode(),
            release.FIGURES_FILE: figures,
            release.CSV_FILE: release.table(content),
            release.OPENINGS_FILE: release.write_openings(opened),
            release.ENTRY_FILE: self.bodies[index],
            release.RECEIPT_FILE: build_receipt(index, frontier.inclusion_path_of_last(), note),
            release.OPENING_FILE: release.write_openings({index: own}),
        }

    def copy(self) -> "Log":
        """Another log with the same past."""
        return replace(self, bodies=list(self.bodies), disclosures=dict(self.disclosures))


def tiles(bodies: Sequence[bytes], counted: int) -> dict[str, bytes]:
    """Every tile of hashes, and bundles of the counted entries."""
    files = {
        t.path: pack_bundle(bodies[t.index * WIDTH : t.index * WIDTH + t.width])
        for t in tiles_of(counted)
        if t.level is None
    }
    level, hashes = 0, b"".join(leaf_hash(body) for body in bodies)
    while hashes:
        size, above = len(hashes) // 32, b""
        for first in range(0, size, WIDTH):
            tile = Tile(level, first // WIDTH, min(WIDTH, size - first))
            data = hashes[first * 32 : (first + tile.width) * 32]
            files[tile.path] = data
            while tile.width == WIDTH and len(data) > 32:
                data = hash_pairs(data)
            above += data if tile.width == WIDTH else b""
        level, hashes = level + 1, above
    return files


def busy_log() -> Log:
    """A log with something of everything: 12 of fraud, 2 of homicide, 6 of theft, one witness, refusals, a lead."""
    log = Log()
    log.add("service.registered", public={"service": "service-1", "name": "faces", "operator": "vendor-a",
            "algorithm": "a", "version": "1", "contract": "c-17"})  # fmt: skip
    log.add("service.tested", "failed", public={"service": "service-1"})
    log.add("service.tested", "passed", public={"service": "service-1"})
    log.add("service.decided", "approved", public={"service": "service-1"})
    log.add("use.proposed", public={"use": "use-1", "name": "leads", "law_enforcement": True})
    log.add("use.reviewed", "concurs", public={"use": "use-1", "office": "privacy", "status": "active"})
    first = log.search("fraud")
    for _ in range(11):
        log.search("fraud")
    for case_type in ["theft"] * 6 + ["homicide"] * 2:
        log.search(case_type)
    log.search("fraud", "witness")
    answered = {"mode": "identification", "service": "service-1", "candidates": 3, "searched": 9}
    answer = log.add("search.outcome", "answered", causes=[first], public=answered)
    log.add("search.outcome", "answered", causes=[first + 1], public=answered | {"candidates": 0})
    log.add("search.refused", "refused", clauses=["HSI-M/4A3-training", "HSI-M/3-own-investigation"])
    review = log.add("review.locked", "some-kept", causes=[answer], public={"turn": 1})
    log.add("review.locked", "none-of-these", causes=[answer], public={"turn": 2})
    lead = log.add("lead.marked", "possible-lead", causes=[review])
    noted = log.add("lead.noted", causes=[lead])
    asked = log.add(
        "action.clearance-requested", "awaiting-confirmation", causes=[noted], public={"kind": "arrest"}
    )
    log.add("action.cleared", "cleared", causes=[asked], public={"kind": "arrest"})
    other = log.add("lead.marked", "possible-lead", causes=[review])
    log.add("lead.closed", "closed-no-lead", causes=[other])
    log.add("lead.marked", "possible-lead", causes=[review])
    return log
