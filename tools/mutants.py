#!/usr/bin/env python3
"""Change each policy in one point at a time and demand that whatever lets more through is noticed.

    tools/mutants.py [--policies DIR] [--examples DIR] [--processes N] [--all]

Prints the counts, and every survivor under its clauses with a request that it lets through. 0: none; 1: some;
2: packs or cases cannot be loaded.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from counterseal.policy.cases import Case, load_cases
from counterseal.policy.library import PolicyLibrary, load_policies
from counterseal.policy.proof.mutants import Hunt, Verdict
from counterseal.policy.proof.questions import Rules
from counterseal.terms.errors import CountersealError

ROOT = Path(__file__).resolve().parent.parent


def hunts(library: PolicyLibrary, cases: tuple[Case, ...], at: datetime) -> Iterator[Hunt]:
    """The base, then each overlay that has begun over the base alone."""
    near = [dict(case.request) for case in cases if case.permitted and not case.changes]
    composed = library.composition(at)
    bare = library.composed(composed.over(()))
    mine = [case for case in cases if case.pack in ("", *composed.base)]
    yield Hunt(Rules.of(bare.in_force(at)), library=bare, cases=mine, near=near)
    for pack in library.packs:
        name = pack.source.id
        if pack.source.layer == "overlay":
            over = library.composed(composed.over([name]))
            rules = over.in_force(at)
            if any(each.source.id == name for each in rules.packs):
                mine = [case for case in cases if case.pack in ("", name)]
                yield Hunt(Rules.of(rules), overlay=name, library=over, cases=mine, near=near)


def share(policies: Path, examples: Path, at: datetime, first: int, step: int) -> list[Verdict]:
    """Every `step`th verdict from `first`: the part of one process."""
    cases = load_cases(policies, examples)
    found = []
    for hunt in hunts(load_policies(policies), cases, at):
        found += [hunt.verdict(mutant) for mutant in hunt.mutants[first::step]]
    return found


def main(arguments: list[str]) -> int:
    """Run the gate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--policies", type=Path, default=ROOT / "policies")
    parser.add_argument("--examples", type=Path, default=ROOT / "examples")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--all", action="store_true", help="print what kills each mutant")
    options = parser.parse_args(arguments)
    began, at = time.monotonic(), datetime.now(UTC)
    parts = range(options.processes)
    try:
        with ProcessPoolExecutor(options.processes) as pool:
            shares = pool.map(
                share,
                *zip(*((options.policies, options.examples, at, n, len(parts)) for n in parts), strict=True),
            )
            verdicts = [verdict for part in shares for verdict in part]
    except CountersealError as error:
        print(error, file=sys.stderr)
        return 2
    if options.all:
        for verdict in verdicts:
            print(
                f"{verdict.mutant.policy.id}  {verdict.mutant.change}  {verdict.killed_by or verdict.widens}"
            )
    survivors = [verdict for verdict in verdicts if verdict.survives]
    for verdict in sorted(survivors, key=lambda verdict: verdict.mutant.policy.clauses):
        policy = verdict.mutant.policy
        print(f"survives: {', '.join(policy.clauses)}: policy `{policy.id}`, {verdict.mutant.change}")
        print(f"    {json.dumps(verdict.request, ensure_ascii=False)}")
    killers = Counter(verdict.killed_by.split(" ")[0] for verdict in verdicts if verdict.killed_by)
    print(
        f"{len(verdicts)} mutants, {sum(v.widens for v in verdicts)} let more through: {killers['property']} "
        f"killed by a property, {killers['case']} by a case, {len(survivors)} survive; "
        f"{time.monotonic() - began:.0f} s."
    )
    return 1 if survivors or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
