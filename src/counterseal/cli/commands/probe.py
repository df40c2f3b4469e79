"""`counterseal probe`: photographs to be compared."""

from datetime import datetime
from pathlib import Path

import click

from counterseal.casework.models import Probe
from counterseal.casework.words import ProbeMedia
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, not_acquired
from counterseal.cli.parsing import FILE, INSTANT, read_file
from counterseal.cli.views import answered, view
from counterseal.gateway.collect_probe import Collection, Edit, collect_probe, faces_in
from counterseal.gateway.found import found
from counterseal.terms.biometrics import FailureToAcquire
from counterseal.terms.errors import BadInputError

probe = Ordered("probe", help="Photographs to be compared: one still with one face.")


@command(probe, "collect", acts="ines")
@click.argument("evidence_id", metavar="EVIDENCE")
@click.argument("photograph", type=FILE)
@click.option("--role", required=True, help="Role of the person: suspect, victim, witness ...")
@click.option("--depicts", default="", help="person-sought, or somebody else.")
@click.option("--basis", "bases", multiple=True, required=True, help="Why it was collected; each reason.")
@click.option("--captured", type=INSTANT, required=True, help="When the photograph was taken.")
@click.option("--live-feed/--no-live-feed", required=True, help="Whether it is from a live feed.")
@click.option("--media", type=click.Choice([str(m) for m in ProbeMedia]), default="still", show_default=True)
@click.option("--generated", is_flag=True, help="The picture, or a part of it, was generated.")
@click.option("--sketch", is_flag=True, help="It is a sketch.")
@click.option("--look-alike", is_flag=True, help="It shows somebody who looks like the person.")
@click.option("--protected-event", is_flag=True, help="It was taken at a protected event.")
@click.option(
    "--edit",
    "edits",
    multiple=True,
    metavar="KIND=...",
    help="An edit, in order: `crop=LEFT,TOP,RIGHT,BOTTOM`, or another kind with the edited file, `rotate=FILE`.",
)
def collect(
    desk: Desk,
    *,
    evidence_id: str,
    photograph: Path,
    role: str,
    depicts: str,
    bases: tuple[str, ...],
    captured: datetime,
    live_feed: bool,
    media: str,
    generated: bool,
    sketch: bool,
    look_alike: bool,
    protected_event: bool,
    edits: tuple[str, ...],
) -> Outcome:
    """Take a photograph of an evidence item as a probe of its case.

    The original is kept as it came. What the capture step rejects is refused with the reason (exit code 1).
    """
    collection = Collection(
        subject_role=role,
        depicts=depicts,
        bases_of_collection=bases,
        captured_at=captured,
        from_live_feed=live_feed,
        media=media,
        generated=generated,
        sketch=sketch,
        look_alike=look_alike,
        protected_event=protected_event,
    )
    row = collect_probe(
        desk.office,
        evidence_id=evidence_id,
        photograph=read_file(photograph, "the photograph"),
        collection=collection,
        edits=[_edit(e) for e in edits],
        by=desk.by,
    )
    if isinstance(row, FailureToAcquire):
        return not_acquired(row)
    return answered(row, "Collected.", "Next: counterseal search request --probe {id}")


@command(probe, "faces")
@click.argument("photograph", type=FILE)
def faces(desk: Desk, *, photograph: Path) -> Outcome:
    """Find every face of a picture, so that one can be chosen and cropped to. Nothing is kept."""
    found_faces = faces_in(desk.office, read_file(photograph, "the photograph"))
    if isinstance(found_faces, FailureToAcquire):
        return not_acquired(found_faces)
    boxes = []
    for number, face in enumerate(found_faces.faces, start=1):
        box, crop = face.face.box, face.suggested_crop
        boxes.append(
            {
                "number": number,
                "box": [box.left, box.top, box.right, box.bottom],
                "crop": f"crop={crop.left},{crop.top},{crop.right},{crop.bottom}",
            }
        )
    return Outcome(
        {"width": found_faces.width, "height": found_faces.height, "faces": boxes},
        tables={"faces": ("number", "box", "crop")},
        then=("Give the crop of one face to `counterseal probe collect --edit`.",) if boxes else (),
    )


@command(probe, "show")
@click.argument("probe_id", metavar="PROBE")
def show(_: Desk, *, probe_id: str) -> Outcome:
    """What was stated and measured of a probe, and its edits."""
    row = found(Probe, probe_id)
    data = view(row)
    quality = [{"component": k, "value": v} for k, v in data.pop("quality").items()]
    return Outcome(
        {
            **data,
            "quality": quality,
            "edits": [
                {"number": e.number, "kind": e.kind, "parameters": e.parameters}
                for e in row.edits.order_by("number")
            ],
        },
        tables={"quality": ("component", "value"), "edits": ("number", "kind", "parameters")},
    )


def _edit(text: str) -> Edit:
    kind, equals, rest = text.partition("=")
    if not kind or not equals or not rest:
        raise BadInputError(f"`--edit {text}` is neither `crop=LEFT,TOP,RIGHT,BOTTOM` nor `KIND=FILE`")
    if kind != "crop":
        return Edit(kind, {}, read_file(Path(rest), "the edited picture"))
    try:
        left, top, right, bottom = (int(side) for side in rest.split(","))
    except ValueError:
        raise BadInputError(
            f"`--edit {text}`: a crop has four whole numbers, `crop=LEFT,TOP,RIGHT,BOTTOM`"
        ) from None
    return Edit("crop", {"left": left, "top": top, "right": right, "bottom": bottom})
