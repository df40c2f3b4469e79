"""Assessment results: what coverage, proofs and monitors showed, under which signed checkpoint of the log.

Each clause gets a finding. `satisfied` only where the clause is held, decides, every proof about it was found,
and every monitor of it holds, all of which this document names; a person's attestation was not assessed, and
what could not be judged is not satisfied. Nothing here says that a use was lawful.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from counterseal.ledger.checkpoint import parse_checkpoint, split_note
from counterseal.oversight.monitors.monitor import Result
from counterseal.oversight.monitors.watch import Watched
from counterseal.oversight.oscal.component import (
    COMPONENT,
    SAYS,
    TITLE,
    catalog_resource,
    requirement_uuid,
    status,
)
from counterseal.oversight.oscal.parts import (
    Edition,
    Json,
    control_id,
    identifier,
    instant,
    lean,
    link_to,
    metadata,
    props,
    resource,
    statement_id,
)
from counterseal.policy.coverage import Covered


@dataclass(frozen=True, slots=True)
class Proved:
    """What `counterseal policy prove` said of one property. status: `proved`, or why it was not."""

    name: str
    says: str
    status: str
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate of the build said. passed: whether it did."""

    name: str
    passed: bool
    says: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that results rest on. checkpoint: the signed note as it was when the monitors ran."""

    rows: Sequence[Covered]
    watched: Watched
    checkpoint: bytes
    proofs: Sequence[Proved] = ()
    gates: Sequence[Gate] = ()


def assessment_results(seen: Seen, edition: Edition) -> Json:
    """The OSCAL assessment results: an observation for whatever was looked at, a finding for each clause."""
    tree = parse_checkpoint(split_note(seen.checkpoint)[0])
    under = (tree.origin, str(tree.size), tree.root.hex())
    observations, about = _observations(seen, edition, under)
    return lean(
        {
            "assessment-results": {
                "uuid": identifier("assessment-results", edition.packs, edition.version, *under),
                "metadata": metadata(f"What was seen of the log {tree.origin}", edition),
                "import-ap": {
                    "href": link_to("plan"),
                    "remarks": "There is no assessment plan in OSCAL; the resource says what is looked at.",
                },
                "results": [
                    {
                        "uuid": identifier("result", *under),
                        "title": f"Coverage, proofs and monitors at tree size {tree.size}",
                        "description": f"As things stood at {instant(edition.at)}, over {seen.watched.entries} "
                        "entries of the log.",
                        "start": instant(edition.at),
                        "props": props(
                            ("log-origin", tree.origin),
                            ("tree-size", str(tree.size)),
                            ("root-hash", tree.root.hex()),
                            ("policy-set", edition.packs),
                        ),
                        "local-definitions": {"components": [_component()]},
                        "reviewed-controls": {
                            "control-selections": [
                                {
                                    "include-controls": [
                                        {"control-id": control_id(row.clause.id)} for row in seen.rows
                                    ]
                                }
                            ]
                        },
                        "observations": observations,
                        "findings": [_finding(row, about.get(row.clause.id, [])) for row in seen.rows],
                    }
                ],
                "back-matter": {"resources": _resources(seen.checkpoint, tree.size)},
            }
        }
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """One observation about a clause. against: what speaks against the clause, empty where nothing does."""

    uuid: str
    against: str = ""
    judged: bool = True


def _observations(
    seen: Seen, edition: Edition, under: tuple[str, str, str]
) -> tuple[list[Json], Mapping[str, list[_Said]]]:
    observations: list[Json] = []
    about: dict[str, list[_Said]] = {}
    known = {row.clause.id for row in seen.rows}

    def observe(
        name: str, clauses: Iterable[str], against: str = "", *, judged: bool = True, **more: object
    ) -> None:
        uuid = identifier("observation", name, edition.packs, *under)
        subject = {"subject-uuid": COMPONENT, "type": "component"}
        observations.append({"uuid": uuid, "subjects": [subject], "collected": instant(edition.at), **more})
        for clause in known.intersection(clauses):
            about.setdefault(clause, []).append(_Said(uuid, against, judged))

    for row in seen.rows:
        word = status(row)
        against = {
            "held": "" if row.in_force else f"the pack `{row.source.id}` does not decide at this instant",
            "attested": "a person attests to it, which was not assessed",
            "held-in-part": row.clause.reason,
            "not-covered": row.clause.reason,
            "not-shown": "; ".join(row.faults),
        }[word]
        observe(
            f"coverage/{row.clause.id}",
            [row.clause.id],
            against,
            judged=word != "attested" and row.in_force,
            title=f"What holds {row.clause.id}",
            description=f"{word}: {', '.join(row.clause.held_by)}; {len(row.cases)} cases, "
            f"{len(row.clause.tests)} named tests.",
            methods=["EXAMINE"],
            types=["control-objective"],
        )
    for proved in seen.proofs:
        observe(
            f"proof/{proved.name}",
            proved.clauses,
            "" if proved.status == "proved" else f"the property `{proved.name}` is {proved.status}",
            title=f"Property {proved.name}",
            description=f"{proved.status}: {proved.says}",
            methods=["TEST"],
            types=["control-objective"],
            props=props(("verdict", proved.status)),
        )
    for gate in seen.gates:
        observe(
            f"gate/{gate.name}",
            (),
            title=f"Gate {gate.name}",
            description=f"{'passed' if gate.passed else 'failed'}{': ' if gate.says else ''}{gate.says}",
            methods=["TEST"],
            props=props(("verdict", "passed" if gate.passed else "failed")),
        )
    for result in seen.watched.results:
        observe(f"monitor/{result.rule.id}", [result.rule.clause], _against(result),
                judged=result.verdict != "not-evaluated", **_monitor(result, under[1]))  # fmt: skip
    return observations, about


def _against(result: Result) -> str:
    if result.violations:
        return f"the monitor `{result.rule.id}` found {len(result.violations)} violations"
    if result.closed:
        return f"the monitor `{result.rule.id}` could not judge {len(result.closed)} entries"
    return ""


def _monitor(result: Result, tree_size: str) -> Json:
    return {
        "title": f"Monitor {result.rule.id}",
        "description": f"{result.verdict}: {result.rule.says} It cannot see: {result.rule.blind}",
        "methods": ["TEST"],
        "types": ["control-objective"],
        "props": props(
            ("verdict", result.verdict),
            ("tree-size", tree_size),
            ("checked", str(result.checked)),
            ("violations", str(len(result.violations))),
            ("waiting", [str(index) for index in result.waiting]),
            ("not-evaluated", str(len(result.closed))),
        ),
        "relevant-evidence": [
            {
                "href": link_to("checkpoint"),
                "description": f"{violation.says}, since {instant(violation.since)}",
                "props": props(("entry", [str(index) for index in violation.entries])),
            }
            for violation in result.violations
        ]
        or [{"href": link_to("checkpoint"), "description": "the log under this checkpoint"}],
    }


def _finding(row: Covered, said: Sequence[_Said]) -> Json:
    against = [each.against for each in said if each.against]
    reason = "pass" if not against else "fail" if any(s.against and s.judged for s in said) else "other"
    state = "not-satisfied" if against else "satisfied"
    return {
        "uuid": identifier("finding", row.clause.id, *(each.uuid for each in said)),
        "title": row.clause.id,
        "description": "; ".join(against) or "it is held, and nothing that was looked at speaks against it",
        "target": {
            "type": "statement-id",
            "target-id": statement_id(row.clause.id),
            "status": {"state": state, "reason": reason},
        },
        "implementation-statement-uuid": requirement_uuid(row.clause.id),
        "related-observations": [{"observation-uuid": each.uuid} for each in said],
    }


def _component() -> Json:
    return {
        "uuid": COMPONENT,
        "type": "software",
        "title": TITLE,
        "description": SAYS,
        "status": {"state": "operational"},
    }


def _resources(checkpoint: bytes, size: int) -> list[Json]:
    return [
        catalog_resource(),
        resource(
            "plan",
            "What is looked at",
            description="Coverage of each clause by the packs; the properties that two solvers prove; the gates of the "
            "build; the monitors over the whole log. See docs/reference/coverage.md and docs/reference/monitors.md.",
        ),
        resource(
            "checkpoint",
            f"The signed checkpoint of tree size {size}",
            base64={
                "filename": "checkpoint",
                "media-type": "text/plain",
                "value": base64.b64encode(checkpoint).decode("ascii"),
            },
        ),
    ]
