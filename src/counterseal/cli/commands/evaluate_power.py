"""`counterseal evaluate power`: the smallest gap between groups that a test could see, before there is a test."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.outcome import Outcome
from counterseal.cli.parsing import FILE, read_file
from counterseal.terms.errors import BadInputError

if TYPE_CHECKING:
    from counterseal.evaluation.plan import Plan
    from counterseal.evaluation.power import Design, Planned, Visible

COLUMNS = ("grouping", "target_fmr", "measure", "group", "against", "rate", "seen_from", "ratio")
USUAL_FNMR = 0.02


def register(group: click.Group) -> None:
    """Add `power` to the group of evaluation commands."""

    @command(group, "power", opens=False)
    @click.argument("plan", type=FILE, required=False)
    @click.option(
        "--groups", type=click.IntRange(2, 500), help="How many groups, equally large, without PLAN."
    )
    @click.option(
        "--mated-subjects", type=click.IntRange(2), help="People in each of them, every one compared."
    )
    @click.option(
        "--mated", type=click.IntRange(1), help="Mated comparisons of each [default: one a person]."
    )
    @click.option(
        "--group",
        "named",
        multiple=True,
        metavar="LABEL=PEOPLE[:MATED]",
        help="A group by name and size, in place of --groups; once for each.",
    )
    @click.option(
        "--fmr", "targets", type=float, multiple=True, help="A target FMR, without PLAN; once for each."
    )
    @click.option(
        "--fnmr", type=float, help=f"The FNMR that is expected [default: a goal of PLAN, or {USUAL_FNMR}]."
    )
    @click.option("--confidence", type=float, help="What intervals cover, without PLAN [default: 0.95].")
    @click.option(
        "--power", "wanted", type=float, default=0.8, show_default=True, help="How surely it is seen."
    )
    @click.option(
        "--shared",
        type=float,
        default=0.4,
        show_default=True,
        help="The part of a score's variance that belongs to the people: 0 none, as if all comparisons were "
        "independent.",
    )
    @click.option(
        "--simulate", type=click.IntRange(0, 10_000), default=0, help="Try each gap on so many made-up tests."
    )
    @click.option("--seed", type=int, default=0, show_default=True, help="Of the made-up tests.")
    def power(
        bench: Bench,
        *,
        plan: Path | None,
        groups: int | None,
        mated_subjects: int | None,
        mated: int | None,
        named: tuple[str, ...],
        targets: tuple[float, ...],
        fnmr: float | None,
        confidence: float | None,
        wanted: float,
        shared: float,
        simulate: int,
        seed: int,
    ) -> Outcome:
        """The smallest difference between groups that a test of this size can tell from sampling noise.

        From PLAN (TOML, or the frozen plan.json), or from sizes. Shown is, for each group, the rate from which it is
        told apart from a group at the expected rate, in all comparisons that would be printed together. If that is
        more than the difference that matters, the test needs more people before it needs a system.
        """
        del bench
        # Only now: the other commands need not load what measures.
        if not 0.5 <= wanted < 1:
            raise BadInputError(f"`--power` is from 0.5 to below 1, not {wanted}: less is tossing a coin")
        if plan is not None:
            if groups or mated_subjects or mated or named or targets or confidence is not None:
                raise BadInputError("sizes, targets and levels are in PLAN: give either it or the options")
            designs = _of_plan(_read(plan), fnmr, shared)
        else:
            sizes = _sizes(groups, mated_subjects, mated, named)
            expected, level = (
                usual if told is None else told for told, usual in ((fnmr, USUAL_FNMR), (confidence, 0.95))
            )
            designs = _of_sizes(sizes, targets or (1e-3,), expected, level, shared)
        rows = [row for each in designs for row in _rows(each, wanted, simulate, seed)]
        first = designs[0].design
        return Outcome(
            {
                "assumed": {
                    "fnmr": first.fnmr,
                    "shared": shared,
                    "people_compared": "every two of a group once",
                    "groups": [
                        {"group": g.label, "people": g.people, "mated": g.mated} for g in first.groups
                    ],
                },
                "comparisons_adjusted": first.comparisons,
                "power": wanted,
                "smallest_visible": rows,
            },
            headline=f"Seen with a chance of {wanted:g}, when {first.comparisons} comparisons are printed together:",
            tables={"smallest_visible": (*COLUMNS, "simulated") if simulate else COLUMNS},
            hidden=("assumed",),
        )


def _read(path: Path) -> "Plan":
    import json

    from counterseal.evaluation.plan import Plan

    try:
        text = read_file(path, "the plan").decode("utf-8")
        return Plan.from_json(json.loads(text)) if path.suffix == ".json" else Plan.from_toml(text)
    except UnicodeDecodeError as error:
        raise BadInputError(f"the plan `{path}` is not UTF-8: save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise BadInputError(f"the plan `{path}` is no JSON: line {error.lineno}: {error.msg}") from error


def _of_plan(plan: "Plan", fnmr: float | None, shared: float) -> "tuple[Planned, ...]":
    from counterseal.evaluation.plan import Measure
    from counterseal.evaluation.power import designs_of

    goals = [
        g.limit.at_most
        for g in plan.goals
        if g.measure is Measure.FNMR and g.limit.unit == "rate" and g.limit.at_most
    ]
    return designs_of(plan, min(goals, default=USUAL_FNMR) if fnmr is None else fnmr, shared=shared)


def _sizes(
    groups: int | None, people: int | None, mated: int | None, named: tuple[str, ...]
) -> list[tuple[str, int, int]]:
    if named and (groups or people or mated):
        raise BadInputError("give either `--groups` with `--mated-subjects`, or `--group` for each group")
    if named:
        return [_size(each) for each in named]
    if not groups or not people:
        raise BadInputError(
            "give PLAN, or `--groups 4 --mated-subjects 200`, or `--group young=200 --group old=120:300`"
        )
    return [(f"group {n + 1}", people, mated or people) for n in range(groups)]


def _size(said: str) -> tuple[str, int, int]:
    label, _, sizes = said.rpartition("=")
    people, _, mated = sizes.partition(":")
    if not label or not people.isdecimal() or (mated and not mated.isdecimal()):
        raise BadInputError(
            f"`--group {said}`: write LABEL=PEOPLE or LABEL=PEOPLE:MATED, such as old=120:300"
        )
    return label, int(people), int(mated or people)


def _of_sizes(
    sizes: list[tuple[str, int, int]],
    targets: tuple[float, ...],
    fnmr: float,
    confidence: float,
    shared: float,
) -> "tuple[Planned, ...]":
    from counterseal.evaluation.power import Design, Planned, PlannedGroup

    if not 0.5 <= confidence < 1:
        raise BadInputError(f"`--confidence` is from 0.5 to below 1, not {confidence}")
    planned = tuple(PlannedGroup(*size) for size in sizes)
    family = len(planned) * (len(planned) - 1) * len(targets)
    return tuple(
        Planned("groups", target, Design(planned, target, fnmr, confidence, shared, family))
        for target in targets
    )


def _rows(each: "Planned", wanted: float, simulate: int, seed: int) -> list[dict[str, Any]]:
    from counterseal.evaluation.power import planned

    alike = len({(g.people, g.mated, g.non_mated) for g in each.design.groups}) == 1
    rows, shown = [], set()
    for seen in planned(each.design, wanted):
        if alike and seen.measure in shown:
            continue  # Groups of one size see the same.
        shown.add(seen.measure)
        rows.append(_row(each, seen, alike=alike) | _tried(each.design, seen, simulate, seed))
    return rows


def _row(each: "Planned", seen: "Visible", *, alike: bool) -> dict[str, Any]:
    return {
        "grouping": each.grouping,
        "target_fmr": each.target_fmr,
        "measure": seen.measure,
        "group": "each" if alike else seen.group,
        "against": "each" if alike else seen.against,
        "rate": seen.rate,
        "seen_from": None if seen.ratio is None else _plain(seen.rate * seen.ratio),
        "ratio": None if seen.ratio is None else _plain(seen.ratio),
        "difference": None if seen.difference is None else _plain(seen.difference),
    }


def _plain(number: float) -> float:
    """To three digits: more would claim more than the assumption bears."""
    return float(f"{number:.3g}")


def _tried(design: "Design", seen: "Visible", simulate: int, seed: int) -> dict[str, Any]:
    """The share of made-up tests in which the gap was found; nothing unless asked."""
    from counterseal.evaluation.power import simulated_power

    if not simulate:
        return {}
    if seen.ratio is None:
        return {"simulated": None}
    return {"simulated": simulated_power(design, seen, tests=simulate, seed=seed)}
