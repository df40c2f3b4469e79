"""What comes of a command: its exit code and its JSON. The one place that maps errors to codes.

0 done, 1 refused by policy, 2 bad input, 3 integrity failure, 4 unavailable; 70 a fault of this program,
130 interrupted. A stale act (somebody was faster, or it was done already) is 2: what was brought is out of
date, and reading again mends it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from counterseal.terms.biometrics import FailureToAcquire
from counterseal.terms.decisions import Obligation, Permit, Refusal, Unmet
from counterseal.terms.errors import CountersealError, IntegrityError, UnavailableError

Json = dict[str, Any]


class Exit(IntEnum):
    """Exit codes, as docs/reference/cli.md lists them."""

    DONE = 0
    REFUSED = 1
    BAD_INPUT = 2
    INTEGRITY = 3
    UNAVAILABLE = 4
    FAULT = 70
    INTERRUPTED = 130


KINDS: Mapping[Exit, str] = {
    Exit.REFUSED: "refused",
    Exit.BAD_INPUT: "bad-input",
    Exit.INTEGRITY: "integrity-failure",
    Exit.UNAVAILABLE: "unavailable",
    Exit.FAULT: "fault",
    Exit.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command answers.

    data: what `--json` prints. code: the exit code. headline: first line for a reader. tables: for a reader,
    the members of `data` that are shown as tables, each with its columns. hidden: members that are not shown
    to a reader. then: what to do next. raw: text for a reader that stands in place of all of this.
    """

    data: Mapping[str, Any]
    code: Exit = Exit.DONE
    headline: str = ""
    tables: Mapping[str, tuple[str, ...]] | None = None
    hidden: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    raw: str = ""


def code_of(error: CountersealError) -> Exit:
    """The exit code of an error of ours."""
    if isinstance(error, IntegrityError):
        return Exit.INTEGRITY
    if isinstance(error, UnavailableError):
        return Exit.UNAVAILABLE
    return Exit.BAD_INPUT


def error_json(code: Exit, says: str) -> Json:
    """The JSON of an error."""
    return {"error": {"kind": KINDS[code], "says": says}}


def unmet_json(unmet: Iterable[Unmet]) -> list[Json]:
    """Unmet conditions, each with its clause, what is missing, and the remedy."""
    return [{"clause": u.clause, "missing": u.missing, "remedy": u.remedy} for u in unmet]


def refusal_json(refusal: Refusal) -> Json:
    """The JSON of a refusal, the same everywhere."""
    return {
        "decision": "refused",
        "clauses": list(refusal.clauses),
        "unmet": unmet_json(refusal.unmet),
        "pack_digest": refusal.pack_digest,
    }


def permit_json(permit: Permit) -> Json:
    """The JSON of a permit: nothing is unmet, and these duties open."""
    return {
        "decision": "permitted",
        "clauses": list(permit.clauses),
        "unmet": [],
        "pack_digest": permit.pack_digest,
        "obligations": [obligation_json(o) for o in permit.obligations],
    }


def obligation_json(duty: Obligation) -> Json:
    """A duty that a permit opens."""
    return {
        "name": duty.name,
        "clause": duty.clause,
        "owner": duty.owner,
        "within_hours": duty.within.total_seconds() / 3600,
        "says": duty.says,
    }


def refused(refusal: Refusal, **more: object) -> Outcome:
    """A refusal as the answer of a command; `more` is shown beside it."""
    return Outcome({**refusal_json(refusal), **more}, Exit.REFUSED, "Refused.")


def not_acquired(failure: FailureToAcquire, **more: object) -> Outcome:
    """A failure to acquire: refused, with what was seen and what would help (HSI-M/2-probe)."""
    data = {
        "decision": "refused",
        "clauses": ["HSI-M/2-probe"],
        "unmet": [{"clause": "HSI-M/2-probe", "missing": failure.says, "remedy": failure.remedy}],
        "failure_to_acquire": str(failure.code),
        **more,
    }
    return Outcome(data, Exit.REFUSED, "Refused: no sample could be acquired.")
