"""`counterseal gallery`: references of the embedded service."""

from collections import Counter
from pathlib import Path

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Outcome, refused
from counterseal.cli.parsing import FILE
from counterseal.gateway import enrol_references as verbs
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

gallery = Ordered("gallery", help="References of the embedded service: enrol, list, withhold, erase.")
MANY = 30  # more pictures of one person than anybody has
CONNECTOR = click.option(
    "--connector", default="embedded", show_default=True, help="Name of the service's folder."
)


@command(gallery, "enrol", acts="rue")
@click.argument("folder", type=FILE)
@CONNECTOR
def enrol(desk: Desk, *, folder: Path, connector: str) -> Outcome:
    """Enrol every picture under a folder: `person/file.jpg`, or `person.jpg`.

    Runs again after an interruption: what is enrolled stays. Pictures that cannot be enrolled are listed by
    reason at the end.
    """
    if not folder.is_dir():
        raise BadInputError(f"`{folder}` is no folder; name the folder that holds the pictures")
    files = verbs.pictures_to_enrol(folder)
    pictures = len(files)
    if not pictures:
        raise BadInputError(
            f"there is no picture in `{folder}`: files ending in .jpg, .jpeg, .png, .webp, .tif or .bmp are read"
        )
    crowd = Counter(f.relative_to(folder).parts[0] for f in files if f.parent != folder)
    for person, count in crowd.items():
        if count > MANY:
            desk.voice.note(
                f"note: {count} pictures count as one person, `{person}`, whose folder they lie in; if they are "
                f"of different people, erase them and enrol `{folder / person}` instead"
            )
    done = 0
    with desk.voice.progress("enrolling", pictures) as advance:

        def one(_: Path) -> None:
            nonlocal done
            done += 1
            advance(done)

        answer = verbs.enrol_references(
            desk.office, connector=connector, pictures=folder, by=desk.by, progress=one
        )
    if isinstance(answer, Refusal):
        return refused(answer)
    reasons = sorted(answer.failures)
    return Outcome(
        {
            "pictures": pictures,
            "enrolled": answer.enrolled,
            "not_enrolled": sum(map(len, answer.failures.values())),
            "failures": {reason: answer.failures[reason] for reason in reasons},
            "by_reason": [
                {"reason": r, "count": len(answer.failures[r]), "files": answer.failures[r]} for r in reasons
            ],
        },
        headline=f"{answer.enrolled} of {pictures} pictures are enrolled.",
        hidden=("failures",),
        tables={"by_reason": ("reason", "count", "files")},
    )


@command(gallery, "list")
@CONNECTOR
def list_references(desk: Desk, *, connector: str) -> Outcome:
    """Every reference by id; no photograph, no features."""
    references = verbs.list_references(desk.office, connector=connector)
    return Outcome(
        {"count": len(references), "references": references},
        tables={"references": ("reference", "person", "captured_on", "searchable")},
    )


@command(gallery, "withhold", acts="rue")
@click.argument("reference")
@CONNECTOR
def withhold(desk: Desk, *, reference: str, connector: str) -> Outcome:
    """Take a reference out of searches, for example after a dismissed case."""
    return _searchable(desk, reference, connector, searchable=False)


@command(gallery, "restore", acts="rue")
@click.argument("reference")
@CONNECTOR
def restore(desk: Desk, *, reference: str, connector: str) -> Outcome:
    """Take a withheld reference back into searches."""
    return _searchable(desk, reference, connector, searchable=True)


@command(gallery, "erase", acts="arc")
@click.argument("person")
@CONNECTOR
def erase(desk: Desk, *, person: str, connector: str) -> Outcome:
    """Erase everything about one person of the gallery: sealed, destroyed, then checked."""
    steps = verbs.erase_references(desk.office, connector=connector, person_ref=person, by=desk.by)
    if isinstance(steps, Refusal):
        return refused(steps)
    return Outcome(
        {
            "person": steps.person_id,
            "references": list(steps.references),
            "complete": steps.complete,
            "steps": [{"step": s.name, "done": s.done, "says": s.says} for s in steps.steps],
        },
        code=Exit.DONE if steps.complete else Exit.INTEGRITY,
        headline="Erased." if steps.complete else "The erasure is not complete: run it again.",
        tables={"steps": ("step", "done", "says")},
    )


def _searchable(desk: Desk, reference: str, connector: str, *, searchable: bool) -> Outcome:
    known = verbs.list_references(desk.office, connector=connector)
    if all(r["reference"] != reference for r in known):
        raise BadInputError(f"the gallery holds no reference `{reference}` (`counterseal gallery list`)")
    refusal = verbs.withhold_reference(
        desk.office, connector=connector, reference_id=reference, searchable=searchable, by=desk.by
    )
    if refusal is not None:
        return refused(refusal)
    return Outcome(
        {"reference": reference, "searchable": searchable},
        headline="Restored." if searchable else "Withheld.",
    )
