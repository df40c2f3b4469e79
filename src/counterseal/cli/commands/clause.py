"""`counterseal clause`: a clause's text, how it is held, its policies and cases, and the latest decisions."""

from collections.abc import Iterator
from typing import Any

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.commands.decide import policies
from counterseal.cli.outcome import Outcome
from counterseal.policy import Clause, PolicyLibrary, UnknownClauseError
from counterseal.policy.cases import load_cases
from counterseal.shipped import shipped
from counterseal.terms.errors import BadInputError


@command(None, "clause", opens=False)
@click.argument("identifier", metavar="[ID]", required=False, default="")
@click.option(
    "--latest", type=click.IntRange(0, 1000), default=5, show_default=True, help="How many decisions."
)
def clause(bench: Bench, *, identifier: str, latest: int) -> Outcome:
    """Show a clause, for example HSI-M/4A3-training; without an id, list all.

    Its text in our words, what holds it up, its policies and cases, and the latest entries of the log that name
    it, where an installation is there.
    """
    library = policies(bench)
    if not identifier:
        rows = [{**_said(c), "held_by": [str(h) for h in c.held_by]} for c in library.clauses]
        return Outcome({"clauses": rows}, tables={"clauses": ("id", "kind", "held_by", "says")})
    try:
        found = library.clause(identifier)
    except UnknownClauseError as error:
        near = [c.id for c in library.clauses if identifier.lower() in c.id.lower()]
        more = f"; did you mean {', '.join(near[:5])}?" if near else ""
        raise BadInputError(
            f"no pack has the clause `{identifier}`; `counterseal clause` lists them all{more}"
        ) from error
    here = bench.stated or (bench.home / "office.toml").is_file()
    return Outcome(
        {
            **_said(found),
            "pack": found.pack,
            "section": found.section,
            "held_by": [str(h) for h in found.held_by],
            "verified": found.verified,
            "note": found.note,
            "reason_not_covered": found.reason,
            "tests": list(found.tests),
            "form": found.form and f"{found.form.who} attests, {found.form.every}: {found.form.what}",
            "policies": list(_policies(library, identifier)),
            "cases": list(_cases(bench, library, identifier)),
            "decisions": list(_decisions(bench, identifier, latest)) if here and latest else [],
        },
        hidden=tuple(
            n
            for n, said in (
                ("note", found.note),
                ("reason_not_covered", found.reason),
                ("tests", found.tests),
                ("form", found.form),
            )
            if not said
        ),
        tables={
            "policies": ("id", "pack", "effect"),
            "cases": ("decision", "name", "file"),
            "decisions": ("index", "at", "kind", "outcome"),
        },
        then=("To keep a proof: counterseal ledger receipt INDEX",) if here else (),
    )


def _said(clause: Clause) -> dict[str, Any]:
    return {"id": clause.id, "kind": clause.kind, "says": clause.says}


def _policies(library: PolicyLibrary, identifier: str) -> Iterator[dict[str, Any]]:
    for policy in library.policies():
        for condition in policy.conditions:
            if identifier in condition.clauses:
                effect = f"permit, condition `{condition.name}`" if policy.permits else "forbid"
                yield {
                    "id": policy.id,
                    "pack": policy.pack,
                    "effect": effect,
                    "missing": condition.missing,
                    "remedy": condition.remedy,
                }
    for duty in library.duties():
        if duty.clause == identifier:
            yield {
                "id": duty.id,
                "pack": duty.pack,
                "effect": f"opens the duty `{duty.name}`",
                "says": duty.says,
            }


def _cases(bench: Bench, library: PolicyLibrary, identifier: str) -> Iterator[dict[str, Any]]:
    duties = {d.name for d in library.duties() if d.clause == identifier}
    folder = bench.home / "policies" if bench.stated else shipped("policies")
    for case in load_cases(folder, shipped("examples")):
        if identifier in case.clauses or duties & (case.obligations or frozenset()):
            decision = "permit" if case.permitted else "refusal"
            yield {
                "name": case.name,
                "decision": decision,
                "file": f"{case.file.parent.parent.name}/{case.file.name}",
            }


def _decisions(bench: Bench, identifier: str, latest: int) -> Iterator[dict[str, Any]]:
    """The latest entries whose reason names the clause. Reads the log from its end."""
    from counterseal.cli.desk import opened

    with opened(bench.home, bench.voice):
        from counterseal.gateway.export_ledger import receipt_of
        from counterseal.ledger.entry import read_entry
        from counterseal.oversight.models import LogEntry

        needle = f'"{identifier}"'.encode()
        for row in LogEntry.objects.order_by("-index").iterator():
            if latest == 0:
                return
            body = bytes(row.body)
            if needle not in body:
                continue
            entry = read_entry(body)
            if identifier in entry.reason.clauses:
                latest -= 1
                yield {
                    "index": row.index,
                    "at": entry.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "kind": entry.kind,
                    "outcome": entry.outcome,
                    "receipt": receipt_of(row.index).decode("utf-8"),
                }
