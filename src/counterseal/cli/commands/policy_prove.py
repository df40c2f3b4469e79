"""`counterseal policy prove`: what the policies guarantee, asked of two solvers."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.commands.decide import policies
from counterseal.cli.outcome import Exit, Json, Outcome
from counterseal.cli.parsing import FILE, INSTANT
from counterseal.policy import PackError, PolicyLibrary, load_policies
from counterseal.shipped import shipped

if TYPE_CHECKING:
    from counterseal.policy.proof.prove import Finding, Proof


def register(group: click.Group) -> None:
    """Add `prove` to the group of policy commands."""

    @command(group, "prove", opens=False)
    @click.option("--at", type=INSTANT, help="Prove what is in force then [default: now].")
    @click.option(
        "--packs", type=FILE, metavar="DIR", help="Prove the packs of this folder, such as a draft."
    )
    def prove(bench: Bench, *, at: datetime | None, packs: Path | None) -> Outcome:
        """Prove the properties that the policies guarantee, with z3 and cvc5, and show a request for each that fails.

        Proved are the base packs, whatever overlays lie over them; each overlay that is there, that it only
        narrows; and that no forbid could be deleted unseen. Packs that do not load are read as they are written.
        Ends with 3 where something is not proved. Needs the extra `proof`. See docs/explanation/what-is-proved.md.
        """
        return _proved(bench, at or datetime.now(UTC), packs)


def _proved(bench: Bench, at: datetime, packs: Path | None) -> Outcome:
    # Only now: without the extra this says what to install, and the other commands need no solver.
    from counterseal.policy.proof.prove import prove
    from counterseal.policy.proof.written import rules_as_written

    began = time.monotonic()
    near = [json.loads(f.read_text("utf-8")) for f in sorted(shipped("examples").glob("permitted-*.json"))]
    try:
        library = policies(bench) if packs is None else load_policies(packs)
    except PackError as error:
        folder = packs or (bench.home / "policies" if bench.stated else shipped("policies"))
        base, overlays = rules_as_written(folder)
        proof = prove(base, overlays, near=near)
        if proof.holds:
            raise
        return _outcome(proof, began, {"refused_on_load": str(error)})
    composed = library.composition(at)
    bare = library.composed(composed.over(())).in_force(at)
    over = {
        pack.source.id: library.composed(composed.over([pack.source.id])).in_force(at)
        for pack in library.packs
        if pack.source.layer == "overlay"
    }
    begun = {name: rules for name, rules in over.items() if any(p.source.id == name for p in rules.packs)}
    proof = prove(bare, begun, near=near)
    named = {"base": list(composed.base), "overlays": list(begun), "in_force": _in_force(library, at)}
    return _outcome(proof, began, {**named, "pack_digest": library.in_force(at).digest})


def _in_force(library: PolicyLibrary, at: datetime) -> list[str]:
    return [pack.source.id for pack in library.in_force(at).packs]


def _outcome(proof: "Proof", began: float, about: Mapping[str, object]) -> Outcome:
    proved = sum(finding.status == "proved" for finding in proof.findings)
    data: Json = {
        **about,
        "holds": proof.holds,
        "proved": proved,
        "properties": [finding.json() for finding in proof.findings],
        "questions": proof.asked,
        "forbids_needed": {"needed": proof.forbids[0], "all": proof.forbids[1]},
        "solvers": dict(proof.solvers),
        "seconds": round(time.monotonic() - began, 2),
    }
    return Outcome(data, Exit.DONE if proof.holds else Exit.INTEGRITY, raw=_text(proof, data))


def _text(proof: "Proof", data: Mapping[str, object]) -> str:
    lines = [f"{f.name}: {f.status}" + (f" ({f.why})" if f.why else f". {f.says}") for f in proof.findings]
    lines += [line for f in proof.findings if f.counterexample for line in _example(f)]
    if "refused_on_load" in data:
        lines.append(f"\nThese packs do not load: {data['refused_on_load']}")
    solvers = " and ".join(f"{name} {version}" for name, version in proof.solvers.items())
    lines.append(
        f"\n{data['proved']} of {len(proof.findings)} proved by {solvers}, {proof.asked} questions each, "
        f"{data['seconds']} s; {proof.forbids[0]} of {proof.forbids[1]} forbids are needed by a property."
    )
    return "\n".join(lines) + "\n"


def _example(finding: "Finding") -> list[str]:
    example = finding.counterexample
    assert example is not None
    return [
        f"\n{finding.name} is broken by this request: {example.decided}; at the gateway: {example.gateway}.",
        json.dumps(example.request, ensure_ascii=False),
    ]
