"""`counterseal review`: judge a candidate list, blind, twice."""

from pathlib import Path

import click

from counterseal.casework.models import Disposition
from counterseal.casework.words import Judgement
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import FILE, extension, new_folder
from counterseal.cli.views import json_value, view
from counterseal.gateway import review as verbs
from counterseal.gateway.view_records import Why, view_records
from counterseal.terms.decisions import Refusal

review = Ordered("review", help="Judge a candidate list, blind, twice.")
REVIEW = click.argument("review_id", metavar="REVIEW")
OUT = click.option("--out", type=FILE, required=True, help="A new folder for the photographs.")


@command(review, "open", acts="ines")
@click.argument("list_id", metavar="LIST")
@OUT
def open_(desk: Desk, *, list_id: str, out: Path) -> Outcome:
    """Open the next turn of review, and write its photographs to a folder.

    Files are named by item alone, in a random order; there is no score, rank or name, and no other opinion.
    """
    by = desk.by
    new_folder(out, "the photographs")
    sheet = verbs.open_review(desk.office, list_id=list_id, by=by)
    return refused(sheet) if isinstance(sheet, Refusal) else _sheet(desk, sheet, out)


@command(review, "sheet", acts="ines")
@REVIEW
@OUT
def sheet_(desk: Desk, *, review_id: str, out: Path) -> Outcome:
    """Write the photographs of one's own open review again."""
    new_folder(out, "the photographs")
    return _sheet(desk, verbs.own_sheet(desk.office, review_id=review_id, by=desk.by), out)


@command(review, "dispose", acts="ines")
@REVIEW
@click.argument("judgement", type=click.Choice([str(j) for j in Judgement]))
@click.argument("candidates", metavar="CANDIDATE...", nargs=-1, required=True)
def dispose(desk: Desk, *, review_id: str, judgement: str, candidates: tuple[str, ...]) -> Outcome:
    """Judge candidates of one's own open review. A judgement is not changed afterwards."""
    rows: list[Disposition] = []
    for candidate in candidates:
        row = verbs.dispose_of_candidate(
            desk.office, review_id=review_id, candidate_id=candidate, judgement=judgement, by=desk.by
        )
        if isinstance(row, Refusal):
            return refused(row, candidate=candidate, disposed=[r.candidate_id for r in rows])
        rows.append(row)
    return Outcome(
        {"review": review_id, "dispositions": [view(r) for r in rows]},
        headline="Recorded.",
        tables={"dispositions": ("candidate", "judgement", "entry")},
    )


@command(review, "lock", acts="ines")
@REVIEW
def lock(desk: Desk, *, review_id: str) -> Outcome:
    """Close one's review, once every candidate has its disposition."""
    row = verbs.lock_review(desk.office, review_id=review_id, by=desk.by)
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome(
        view(row),
        headline="Locked.",
        then=(
            ("Nobody was kept: the search ends here.",)
            if row.none_of_these
            else (
                f"Next, by somebody else: counterseal review open {row.candidate_list_id} --out FOLDER",
                f"or, after both: counterseal review reveal {row.candidate_list_id}",
            )[row.turn - 1 :]
        ),
    )


@command(review, "reveal", acts="ines")
@click.argument("list_id", metavar="LIST")
def reveal(desk: Desk, *, list_id: str) -> Outcome:
    """Rank, score and statement of every candidate, once the reviews are locked. The reading is sealed."""
    shown = verbs.reveal(desk.office, list_id=list_id, by=desk.by)
    if isinstance(shown, Refusal):
        return refused(shown)
    return Outcome(
        {
            "list": list_id,
            "caveat": verbs.CAVEAT,
            "candidates": [
                {
                    "rank": c.rank,
                    "candidate": c.candidate_id,
                    "score": round(c.score, 6),
                    "score_kind": c.score_kind,
                    "kept_by": c.kept_by,
                    "reference_captured_on": json_value(c.reference_captured_on),
                    "statement": c.statement,
                }
                for c in shown
            ],
        },
        tables={"candidates": ("rank", "candidate", "score", "score_kind", "kept_by", "statement")},
    )


def _sheet(desk: Desk, sheet: verbs.Sheet, out: Path) -> Outcome:
    objects = [sheet.probe, *(photograph for _, photograph in sheet.items)]
    shown = view_records(desk.office, objects=objects, why=Why.REVIEW, by=desk.by)
    if isinstance(shown, Refusal):
        return refused(shown)

    def write(name: str, object_id: str) -> str:
        picture = shown[object_id]
        path = out / f"{name}{extension(picture)}"
        path.write_bytes(picture)
        return str(path)

    probe = write("probe", sheet.probe)
    items = [{"candidate": c, "photograph": write(c, photograph)} for c, photograph in sheet.items]
    return Outcome(
        {"review": sheet.review_id, "turn": sheet.turn, "probe": probe, "items": items},
        headline=f"Turn {sheet.turn}: {len(items)} photographs to judge.",
        tables={"items": ("candidate", "photograph")},
        then=(
            f"Judge each: counterseal review dispose {sheet.review_id} excluded CANDIDATE...",
            f"then: counterseal review lock {sheet.review_id}",
        ),
    )
