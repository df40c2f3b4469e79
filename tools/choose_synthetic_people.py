"""Choose the parameters of the synthetic people: prints `_ROWS` for synthetic_people.py.

Draws people at random, keeps those that the embedded engine sees well and alike in all their photographs,
picks the most distant ones, then improves the two that stand closest until every pair is far enough apart.
Takes some minutes. The same seed gives the same table.

    .venv/bin/python tools/choose_synthetic_people.py --people 24 --drawn 400 --steps 300
"""

import argparse
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.embedded import EmbeddedEngine, load_embedded
from counterseal.biometrics.quality import QualityFloor
from counterseal.cli.demo import synthetic_people as synthetic

PHOTOGRAPHS = 4
MOST_WITHIN = 0.33
# Of the detector: so that a face is found again in a group photograph.
SUREST_LEAST = 0.6
REGIONS = ("second_eyes", "second_nose", "second_mouth", "second_skin")
OFTEN_NOTHING = {"beard": 0.6, "moustache": 0.6, "freckles": 0.6, "glasses": 0.5}


@dataclass
class Drawn:
    """One person under consideration, with the templates of the photographs (n, 128)."""

    parameters: tuple[float, ...]
    templates: npt.NDArray[np.float64]

    def distance(self, other: "Drawn") -> float:
        """The smallest distance between photographs of the two."""
        difference = self.templates[:, None] - other.templates[None]
        return float(np.sqrt((difference**2).sum(axis=2)).min())


def draw(rng: np.random.Generator) -> dict[str, float]:
    """A person at random, leaning towards the ends of the ranges."""
    p = {name: float(rng.uniform(low, high)) for name, (low, high) in synthetic.PARAMETERS.items()}
    for name, (low, _) in synthetic.PARAMETERS.items():
        if low < 0:
            p[name] = float(np.sign(p[name]) * abs(p[name]) ** 0.6)
    for name in REGIONS:
        p[name] = float(rng.choice([0.0, 1.0, p[name]], p=[0.35, 0.35, 0.3]))
    for name, chance in OFTEN_NOTHING.items():
        if rng.random() < chance:
            p[name] = 0.0
    return p


def settled(p: dict[str, float]) -> tuple[float, ...]:
    """Within the ranges, two digits, no second pair of glasses over the portrait's own."""
    if p["second_eyes"] > 0.25:
        p["glasses"] = 0.0
    ranges = synthetic.PARAMETERS
    return tuple(round(float(np.clip(p[name], *ranges[name])), 2) for name in ranges)


def look(engine: EmbeddedEngine, parameters: tuple[float, ...], number: int) -> Drawn | None:
    """The templates of a person's photographs, or None where one is not good enough."""
    person = synthetic.SyntheticPerson(number, parameters)
    templates = []
    pictures = [(person.photograph(n), QualityFloor.for_enrolment()) for n in range(PHOTOGRAPHS)]
    pictures.append((synthetic.store_camera_still(person), QualityFloor.for_probe()))
    for picture, floor in pictures:
        taken = capture(picture, engine=engine, floor=floor)
        if not isinstance(taken, Capture) or taken.face.detection_score < SUREST_LEAST:
            return None
        templates.append(taken.template.values.astype(np.float64))
    rows = np.array(templates)
    within = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(axis=2)).max()
    return Drawn(parameters, rows) if within <= MOST_WITHIN else None


def closest(chosen: list[Drawn]) -> tuple[float, int, int]:
    """The smallest distance between two people, and who they are."""
    return min(
        (chosen[a].distance(chosen[b]), a, b) for a in range(len(chosen)) for b in range(a + 1, len(chosen))
    )


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--drawn", type=int, default=300)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--improve", action="store_true", help="start from the people in the table")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    engine = load_embedded()

    pool = []
    if arguments.improve:
        for person in synthetic.people(synthetic.MOST_PEOPLE):
            found = look(engine, person.parameters, person.number)
            print(f"{person.person_id}: {'kept' if found else 'replaced'}", file=sys.stderr)
            pool += [found] if found else []
    for i in range(arguments.drawn):
        # Numbers seed the pictures' noise: the final ones are looked at again under their own numbers.
        found = look(engine, settled(draw(rng)), 1 + i % arguments.people)
        if found:
            pool.append(found)
        print(f"\rdrawn {i + 1}, usable {len(pool)}", end="", file=sys.stderr)
    chosen = [pool[0]]
    while len(chosen) < arguments.people:
        chosen.append(max(pool, key=lambda drawn: min(drawn.distance(other) for other in chosen)))
    seen = [look(engine, drawn.parameters, i + 1) for i, drawn in enumerate(chosen)]
    chosen = [again or drawn for again, drawn in zip(seen, chosen, strict=True)]

    for step in range(arguments.steps):
        distance, a, b = closest(chosen)
        index = int(rng.choice([a, b]))
        # Now and then somebody new: a small change cannot leave a dead end.
        p = draw(rng)
        if rng.random() < 0.6:
            p = dict(zip(synthetic.PARAMETERS, chosen[index].parameters, strict=True))
            for name in rng.choice(list(p), size=6, replace=False):
                low, high = synthetic.PARAMETERS[name]
                p[name] += float(rng.normal(0, 0.5)) * (high - low) / 2
        moved = look(engine, settled(p), index + 1)
        rest = chosen[:index] + chosen[index + 1 :]
        if moved and min(moved.distance(other) for other in rest) > distance:
            chosen[index] = moved
        print(f"\rstep {step + 1}, closest {distance:.3f}   ", end="", file=sys.stderr)
    print(f"\nclosest pair {closest(chosen)[0]:.3f}", file=sys.stderr)
    for drawn in chosen:
        numbers = [str(round(value * 100)) for value in drawn.parameters]
        print(f'    "{" ".join(numbers[:18])} "\n    "{" ".join(numbers[18:])}",')


if __name__ == "__main__":
    main()
