"""`counterseal demo`: tell one whole story on a synthetic agency, and verify its log."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.padding import Padding
from rich.text import Text

from counterseal import bootstrap
from counterseal.cli.command import Bench, command
from counterseal.cli.commands.init import FOUNDER, made_whole
from counterseal.cli.demo import agency as synthetic
from counterseal.cli.demo.cast import SYNTHETIC_PEOPLE, cast_of, people_of, synthetic_cast
from counterseal.cli.demo.story import Step, Story
from counterseal.cli.outcome import Exit, Json, Outcome
from counterseal.cli.parsing import FILE
from counterseal.cli.voice import Voice, plain
from counterseal.terms.errors import BadInputError

FOLDER = "demo"
MARK = "story.json"
MADE_BY = "counterseal demo"


@command(None, "demo", opens=False)
@click.option(
    "--faces", type=FILE, help="Photographs of your own: `person/file.jpg`, or person-1.jpg, person-2.jpg."
)
@click.option("--no-serve", is_flag=True, help="Accepted; nothing is served yet.")
def demo(bench: Bench, *, faces: Path | None, no_serve: bool) -> Outcome:  # noqa: ARG001
    """Tell one whole story: a refusal, a search, blind review, a lead, a cleared action, a verified log.

    It founds a synthetic agency in `--home`. A home that an earlier demo made is replaced; any other is left
    alone. Nobody in the story exists, unless you bring photographs with --faces.
    """
    began = time.monotonic()
    if faces is not None:
        people_of(faces)
    _make_room(bench.home)
    teller = StoryTeller(bench.voice)
    with made_whole(bench.home):
        office, founder = bootstrap.init_home(
            bench.home,
            agency=synthetic.AGENCY,
            origin=synthetic.ORIGIN,
            administrator=FOUNDER,
            evaluation=True,
        )
        folder = bench.home / FOLDER
        folder.mkdir()
        (folder / MARK).write_text(json.dumps({"made_by": MADE_BY}))
    try:
        people = synthetic.found_agency(office, founder)
        if faces is None:
            with bench.voice.progress("making synthetic people", SYNTHETIC_PEOPLE) as advance:
                cast = synthetic_cast(folder, advance)
        else:
            cast = cast_of(faces, folder)
        story = Story(office, people, cast, folder, teller)
        story.tell()
    finally:
        bootstrap.close(office)
    data: Json = {
        "made_by": MADE_BY,
        "home": str(bench.home),
        "agency": synthetic.AGENCY,
        "steps": teller.told,
        "verified": story.sound,
        "people": people.people,
        "paths": {
            "home": str(bench.home),
            "pictures": str(cast.gallery),
            "log": str(folder / "log"),
            "story": str(folder / MARK),
        },
        "seconds": round(time.monotonic() - began, 1),
    }
    (folder / MARK).write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    home = f"--home {bench.home}"
    return Outcome(
        data,
        Exit.DONE if story.sound else Exit.INTEGRITY,
        f"\nThe story is told, and its log verified, in {data['seconds']} s."
        if story.sound
        else "\nTHE LOG DOES NOT HOLD.",
        hidden=("made_by", "home", "agency", "steps", "verified", "people", "paths", "seconds"),
        then=(
            f"Everything lies in {bench.home}/: pictures in {FOLDER}/, the exported log in {FOLDER}/log/.",
            "Try next:",
            f"  counterseal case show 2026-0001 {home}",
            f"  counterseal clause HSI-M/4A3-training {home}",
            f"  counterseal search new {home} --photo {cast.probes[-1]} --reveal-for-evaluation",
            f"  python3 {folder / 'log/verify.py'} {folder / 'log'}",
            f"  counterseal fsck {home}",
        ),
    )


class StoryTeller:
    """Tells steps on a terminal as they happen, and keeps them for `--json`."""

    def __init__(self, voice: Voice) -> None:
        self.told: list[Json] = []
        self._voice = voice

    def step(self, step: Step) -> None:
        """One step: number, title, what happened, what is unmet."""
        number = len(self.told) + 1
        self.told.append(step.json(number))
        if self._voice.as_json:
            return
        out = self._voice.out
        out.print()
        out.print(Text(f"{number:>2}  {step.title}", style="bold"))
        for sentence in step.happened:
            if sentence:
                out.print(Padding(Text(plain(sentence)), (0, 0, 0, 4)))
        for condition in step.unmet:
            out.print(Padding(Text(plain(condition["clause"]), style="bold red"), (0, 0, 0, 6)))
            out.print(Padding(Text(plain(condition["missing"])), (0, 0, 0, 8)))
            out.print(Padding(Text(f"Remedy: {plain(condition['remedy'])}", style="cyan"), (0, 0, 0, 8)))

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar of the voice."""
        with self._voice.progress(label, total) as advance:
            yield advance


def _make_room(home: Path) -> None:
    """Remove what an earlier demo made.

    Raises:
        BadInputError: the folder holds anything else.
    """
    if not home.exists() or (home.is_dir() and not any(home.iterdir())):
        return
    try:
        ours = json.loads((home / FOLDER / MARK).read_text("utf-8"))["made_by"] == MADE_BY
        ours = ours and bootstrap.read_settings(home).evaluation
    except (OSError, ValueError, KeyError, TypeError, BadInputError):
        ours = False
    if not ours:
        raise BadInputError(
            f"`{home}` holds something that no demo made, and it is left alone; name a new folder with `--home`"
        )
    shutil.rmtree(home)
