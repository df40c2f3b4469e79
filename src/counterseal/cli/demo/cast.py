"""Who appears in the story: a gallery to enrol, and photographs of one of them to search with."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from counterseal.gateway.enrol_references import pictures_to_enrol
from counterseal.terms.errors import BadInputError, UnavailableError

SYNTHETIC_PEOPLE = 12
SOUGHT = 3  # which of them is searched for
MOST_TRIES = 10
_NUMBERED = re.compile(r"(?P<person>.+)[-_ ]\d+|(?P<bare>.*\D)\d+")


@dataclass(frozen=True, slots=True)
class Cast:
    """gallery: folder to enrol. probes: files of one person, to be tried in turn until one can be acquired.
    sought: that person's id in the gallery. synthetic: whether nobody of them exists."""

    gallery: Path
    probes: tuple[Path, ...]
    sought: str
    synthetic: bool


def synthetic_cast(folder: Path, advance: Callable[[int], None]) -> Cast:
    """Make the synthetic people: one reference each, and two camera stills of one of them, the first too blurred.

    Raises:
        UnavailableError: the packages with the two public-domain portraits are not installed.
    """
    try:
        from counterseal.cli.demo.synthetic_people import blurred_still, people, store_camera_still
    except ImportError as error:
        raise UnavailableError(
            f"the synthetic people cannot be made ({error}): install `counterseal[demo]`, "
            "or use photographs of your own with `--faces DIR`"
        ) from error
    gallery = folder / "gallery"
    gallery.mkdir(parents=True)
    made = people(SYNTHETIC_PEOPLE)
    for number, person in enumerate(made, start=1):
        (gallery / f"{person.person_id}.jpg").write_bytes(person.photograph(0))
        advance(number)
    sought = made[SOUGHT - 1]
    probes = (folder / "camera-still-1.jpg", folder / "camera-still-2.jpg")
    probes[0].write_bytes(blurred_still(sought))
    probes[1].write_bytes(store_camera_still(sought))
    return Cast(gallery, probes, sought.person_id, synthetic=True)


def people_of(faces: Path) -> dict[str, list[Path]]:
    """The pictures of a folder by person: `person/any.jpg`, or `person.jpg`, `person-2.jpg`, `person2.jpg`.

    A number at the end without a hyphen counts only where the file without it is there too.

    Raises:
        BadInputError: no folder, no picture in it, or nobody with two photographs.
    """
    if not faces.is_dir():
        raise BadInputError(f"`{faces}` is no folder; name the folder that holds the pictures")
    pictures = pictures_to_enrol(faces)
    if not pictures:
        raise BadInputError(f"there is no picture in `{faces}`: files ending in .jpg, .jpeg or .png are read")
    tops = {p.relative_to(faces).parts[0] for p in pictures}
    if len(tops) == 1 and all(p.parent != faces for p in pictures):
        return people_of(faces / tops.pop())  # one folder holds everything: it names no person
    stems = {p.stem for p in pictures if p.parent == faces}
    people: dict[str, list[Path]] = defaultdict(list)
    for picture in pictures:
        people[_person(picture.relative_to(faces), stems)].append(picture)
    if all(len(theirs) < 2 for theirs in people.values()):
        raise BadInputError(
            f"`{faces}` holds {len(pictures)} pictures of {len(people)} people, and nobody with two: the story "
            "searches for somebody with a second photograph. Put two of one person into a folder of their own "
            "(`person/one.jpg`, `person/two.jpg`), or name them `person-1.jpg` and `person-2.jpg`"
        )
    return dict(people)


def cast_of(faces: Path, folder: Path) -> Cast:
    """A cast from a folder of the user's own. Nothing is copied: the gallery folder holds links.

    Raises:
        BadInputError: see `people_of`.
    """
    people = people_of(faces)
    sought, theirs = max(people.items(), key=lambda item: len(item[1]))
    # The first photograph is enrolled; any of the others may be searched with, so none of them is enrolled.
    probes = theirs[1 : 1 + MOST_TRIES]
    gallery = folder / "gallery"
    for person, pictures in people.items():
        for picture in pictures:
            if picture not in probes:
                link = gallery / person / picture.name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(picture.resolve())
    return Cast(gallery, tuple(probes), sought, synthetic=False)


def _person(file: Path, stems: set[str]) -> str:
    if len(file.parts) > 1:
        return file.parts[0]
    numbered = _NUMBERED.fullmatch(file.stem)
    if numbered is None:
        return file.stem
    if numbered["person"]:
        return numbered["person"]
    return numbered["bare"] if numbered["bare"] in stems else file.stem
