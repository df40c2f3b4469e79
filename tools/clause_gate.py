#!/usr/bin/env python3
"""The clause gate: leave each policy out in turn and demand that a case notices.

    tools/clause_gate.py [--policies DIR] [--examples DIR]

Prints a table and exits 1 with the list of faults where something is not needed, not shown or not read.
"""

import argparse
import sys
from pathlib import Path

from counterseal.policy.cases import load_cases
from counterseal.policy.gate import check
from counterseal.policy.library import load_policies
from counterseal.terms.errors import CountersealError

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Run the gate. 0: all well; 1: faults; 2: packs or cases cannot be loaded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--policies", type=Path, default=ROOT / "policies")
    parser.add_argument("--examples", type=Path, default=ROOT / "examples")
    options = parser.parse_args(arguments)
    try:
        library = load_policies(options.policies)
        report = check(library, load_cases(options.policies, options.examples))
    except CountersealError as error:
        print(error, file=sys.stderr)
        return 2
    width = max(len(row.dropped) for row in report.rows)
    for row in report.rows:
        flips = "decision" if row.decisive else "naming" if row.case else "NOTHING"
        print(f"{row.dropped:{width}}  {flips:8}  {row.flips:3}  {row.case or ''}")
    decisive = sum(row.decisive for row in report.rows)
    print(
        f"\n{len(report.rows)} left out in turn: {decisive} flip a decision, "
        f"{sum(row.case is not None for row in report.rows) - decisive} change what is named or owed; "
        f"{report.cases} cases, {report.clauses} clauses held by cedar."
    )
    for fault in report.faults:
        print(f"fault: {fault}", file=sys.stderr)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
