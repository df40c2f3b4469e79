"""`counterseal policy in-force`, `coverage`, `explain`, `diff`: what the packs say. Nothing is recorded."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.commands.decide import policies, read_facts
from counterseal.cli.outcome import Exit, Outcome, permit_json, refused
from counterseal.cli.parsing import FILE, INSTANT, read_file
from counterseal.policy import Holder, PolicyLibrary, authorise, load_policies
from counterseal.policy.cases import load_cases
from counterseal.policy.composition import Layer
from counterseal.policy.coverage import (
    Covered,
    coverage,
    coverage_html,
    coverage_markdown,
    floor_in_words,
)
from counterseal.policy.facts import read_instant
from counterseal.policy.library import PolicySetInForce
from counterseal.shipped import shipped
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


def register(group: click.Group) -> None:
    """Add the commands that show what the packs say."""

    @command(group, "in-force", opens=False)
    @click.option("--at", type=INSTANT, help="At another instant [default: now].")
    def in_force(bench: Bench, *, at: datetime | None) -> Outcome:
        """Say which packs decide, whether the literal floor of the texts or more, and what else is here."""
        return _in_force(policies(bench), at or datetime.now(UTC))

    @command(group, "coverage", opens=False)
    @click.option("--html", type=FILE, metavar="FILE", help="Write the page as HTML.")
    @click.option("--markdown", type=FILE, metavar="FILE", help="Write the page as Markdown.")
    @click.option("--at", type=INSTANT, help="At another instant [default: now].")
    def cover(bench: Bench, *, html: Path | None, markdown: Path | None, at: datetime | None) -> Outcome:
        """Show for every clause what holds it, by which policies, cases, tests and forms, and what is not covered.

        Ends with 3 where a holder does not show itself.
        """
        return _coverage(bench, at or datetime.now(UTC), html, markdown)

    @command(group, "explain", opens=False)
    @click.argument("file", metavar="FILE")
    def explain(bench: Bench, *, file: str) -> Outcome:
        """Say of the facts in FILE (`-` is standard input) everything that is missing, at once, and how to mend it.

        Of facts that are permitted it says on which conditions, each with its clauses.
        """
        data = sys.stdin.buffer.read() if file == "-" else read_file(Path(file), "the facts")
        return _explained(read_facts(data), policies(bench))

    @command(group, "diff", opens=False)
    @click.argument("before", metavar="A")
    @click.argument("after", metavar="B")
    def diff(bench: Bench, *, before: str, after: str) -> Outcome:
        """Say what is newly allowed and newly denied from A to B, each with a request as witness, or `equivalent`.

        A and B: a day or an instant, at which the packs are asked what is in force, or a folder of policies, such
        as a draft, as of now. Decided over every request by the solver; needs the extra `proof`.
        """
        return _difference(_side(bench, before), _side(bench, after))


def _in_force(library: PolicyLibrary, at: datetime) -> Outcome:
    rules, composed = library.in_force(at), library.composition(at)
    deciding = {pack.source.id: pack for pack in rules.packs}
    rows = []
    for pack in library.packs:
        source, decides = pack.source, deciding.get(pack.source.id)
        if decides is None:
            standing = "composed, not begun or over" if source.id in composed.packs else "not composed"
        elif source.layer is Layer.BASE and source.permits and not decides.permits:
            standing = "ran out: its forbids stay, its permits are gone"
        elif source.successor_elsewhere and not decides.permits:
            standing = f"superseded by {source.successor_elsewhere}: its forbids stay"
        else:
            standing = "decides"
        unread = [clause.id for clause in pack.clauses.values() if not clause.verified]
        rows.append(
            {
                "pack": source.id,
                "layer": str(source.layer),
                "status": str(source.status),
                "standing": standing,
                "from": str(source.in_force_from),
                "until": str(source.in_force_until or ""),
                "unverified": len(unread),
                "digest": pack.digest,
            }
        )
    data = {
        "at": at.isoformat(),
        "floor": "beyond-the-text" not in composed.overlays,
        "base": list(composed.base),
        "overlays": list(composed.overlays),
        "pack_digest": rules.digest,
        "packs": rows,
    }
    columns = ("pack", "layer", "status", "standing", "from", "until", "unverified")
    return Outcome(data, headline=floor_in_words(library, at), tables={"packs": columns}, hidden=("floor",))


def _coverage(bench: Bench, at: datetime, page: Path | None, markdown: Path | None) -> Outcome:
    library = policies(bench)
    folder = bench.home / "policies" if bench.stated else shipped("policies")
    rows = coverage(library, load_cases(folder, shipped("examples")), at=at)
    floor = floor_in_words(library, at)
    for path, text in ((page, coverage_html), (markdown, coverage_markdown)):
        if path is not None:
            try:
                path.write_text(text(rows, floor), "utf-8")
            except OSError as error:
                raise BadInputError(f"the page cannot be written to `{path}`: {error}") from error
    faults = [fault for row in rows for fault in row.faults]
    data = {
        "at": at.isoformat(),
        "floor": floor,
        "pack_digest": library.in_force(at).digest,
        "counts": _counts(rows),
        "faults": faults,
        "clauses": [_row(row) for row in rows],
    }
    return Outcome(
        data,
        Exit.INTEGRITY if faults else Exit.DONE,
        floor,
        tables={"clauses": ("id", "pack", "kind", "held_by", "verified", "cases", "reason")},
        hidden=("floor",),
    )


def _counts(rows: Iterable[Covered]) -> dict[str, int]:
    rows = list(rows)
    counts = {str(holder): sum(holder in row.clause.held_by for row in rows) for holder in Holder}
    return {"clauses": len(rows), **counts, "unverified": sum(not row.clause.verified for row in rows)}


def _row(row: Covered) -> dict[str, Any]:
    clause = row.clause
    form = clause.form and {"who": clause.form.who, "what": clause.form.what, "every": clause.form.every}
    return {
        "id": clause.id,
        "pack": clause.pack,
        "in_force": row.in_force,
        "kind": clause.kind,
        "section": clause.section,
        "verified": clause.verified,
        "says": clause.says,
        "held_by": [str(holder) for holder in clause.held_by],
        "policies": [*row.policies, *row.duties],
        "cases": len(row.cases),
        "tests": list(clause.tests),
        "form": form,
        "reason": clause.reason,
        "note": clause.note,
    }


def _explained(facts: dict[str, Any], library: PolicyLibrary) -> Outcome:
    at = read_instant(facts.get("at")) or datetime.now(UTC)
    rules = library.in_force(at)
    decision = authorise(facts, rules, at=at)
    if isinstance(decision, Refusal):
        return refused(decision, fired=list(decision.policies), packs=[p.source.id for p in rules.packs])
    met = [
        {"condition": condition.name, "clauses": list(condition.clauses)}
        for policy in rules.policies
        if policy.id in decision.policies
        for condition in policy.conditions
    ]
    data = {**permit_json(decision), "policy": decision.policies[0], "met": met}
    return Outcome(
        data,
        headline="Permitted: nothing is missing.",
        hidden=("decision", "unmet", "clauses"),
        tables={
            "met": ("condition", "clauses"),
            "obligations": ("name", "clause", "owner", "within_hours", "says"),
        },
    )


def _side(bench: Bench, text: str) -> PolicySetInForce:
    if Path(text).is_dir():
        return load_policies(Path(text)).in_force(datetime.now(UTC))
    at = read_instant(text)
    if at is None:
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise BadInputError(
                f"`{text}` is no day (2026-01-31), no instant (2026-01-31T12:00:00Z) and no folder of policies"
            ) from error
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return policies(bench).in_force(at)


def _difference(before: PolicySetInForce, after: PolicySetInForce) -> Outcome:
    # Only now: without the extra this says what to install.
    from counterseal.policy.proof.difference import difference

    near = [json.loads(f.read_text("utf-8")) for f in sorted(shipped("examples").glob("permitted-*.json"))]
    found = difference(before, after, near=near)
    data = found.json()
    if found.equivalent:
        return Outcome(data, raw="equivalent\n")
    lines = [
        "Something is newly allowed, or owed no longer." if found.loosens else "Nothing is newly allowed."
    ]
    for change in data["changes"]:
        witness = change.get("request_after") or change.get("request_before")
        duty = f" `{change['duty']}`" if "duty" in change else ""
        terms = f" ({change['was']}; now {change['becomes']})" if "becomes" in change else ""
        lines += [
            "",
            f"{change['action']}: {change['change']}{duty}{terms}, for example:",
            json.dumps(witness, ensure_ascii=False),
        ]
    return Outcome(data, raw="\n".join(lines) + "\n")
