"""`counterseal evaluate SCORES`: measure a file of scores; nothing is recorded."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.evaluated import in_words
from counterseal.cli.outcome import Outcome
from counterseal.cli.parsing import FILE
from counterseal.evaluation.attack_detection import attack_detection_document
from counterseal.evaluation.bootstrap import ThresholdRule
from counterseal.evaluation.by_group import NonMatedRule
from counterseal.evaluation.comparisons import Direction
from counterseal.evaluation.evaluate import Attempts, Document, Input, Settings, Unmeasurable, evaluate
from counterseal.evaluation.identification import (
    NotSearchesError,
    SearchResults,
    Ties,
    searches_of,
)
from counterseal.evaluation.intervals import binomial_rate
from counterseal.evaluation.plan import Bound, SmallestGroup
from counterseal.evaluation.quality import quality_document
from counterseal.evaluation.rates import Rate
from counterseal.evaluation.reading import Format, Reading, read, read_candidates, read_scores
from counterseal.evaluation.reading.assemble import ATTACKS, REPEATED, SELF
from counterseal.evaluation.reading.attacks import read_attacks
from counterseal.evaluation.reading.groups import HOW
from counterseal.gateway.testing.folder import sha256_of
from counterseal.terms.errors import BadInputError

SMALLEST = SmallestGroup()
_SKIPPED = {"self": SELF, "repeated": REPEATED, "attacks": ATTACKS}
_ATTACK_SCORES = {"bona-fide": Direction.SIMILARITY, "attack": Direction.DISSIMILARITY}
_USUAL = "1e-2 to 1e-6, as far as thirty false matches are expected"


def _one_of(kinds: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([each.value for each in kinds])


def register(group: click.Group) -> None:
    """Add the hidden command `scores`, which `counterseal evaluate SCORES` calls."""

    @command(group, "scores", opens=False)
    @click.argument("scores", metavar="SCORES", type=FILE)
    @click.option("--format", "form", type=_one_of(Format), required=True, help="How the scores lie.")
    @click.option("--similarity", "direction", flag_value="similarity", help="A higher score is more alike.")
    @click.option("--distance", "direction", flag_value="dissimilarity", help="A higher score is less alike.")
    @click.option("--fmr", "targets", type=float, multiple=True, help=f"A target FMR [default: {_USUAL}].")
    @click.option(
        "--threshold",
        "stated",
        type=float,
        multiple=True,
        help="Also at this threshold, such as a vendor's own.",
    )
    @click.option("--groups", type=FILE, help="Who belongs to which group, as CSV: `subject,sex,age`.")
    @click.option("--how", multiple=True, metavar="GROUPING=HOW", help=f"How it was told: {', '.join(HOW)}.")
    @click.option(
        "--cross", multiple=True, metavar="NAME,NAME", help="Also the groups of both, as `sex,age`."
    )
    @click.option(
        "--smallest-group",
        type=click.IntRange(min=1),
        default=SMALLEST.subjects,
        show_default=True,
        help="Fewest people of a group that is evaluated.",
    )
    @click.option(
        "--margin",
        multiple=True,
        metavar="MEASURE=MOST",
        help="A difference between groups that would not matter: `fnmr=0.01`, or as a ratio `fmr=2x`.",
    )
    @click.option(
        "--bootstrap",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Replicates of the people; 2000 is usual, 0 is none.",
    )
    @click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of what is drawn."
    )
    @click.option(
        "--confidence", type=float, default=str(0.95), show_default=True, help="Level of the intervals."
    )
    @click.option(
        "--threshold-rule",
        type=_one_of(ThresholdRule),
        default=str(ThresholdRule.FIXED),
        show_default=True,
        help="Whether a replicate sets the threshold anew.",
    )
    @click.option(
        "--non-mated",
        type=_one_of(NonMatedRule),
        default=str(NonMatedRule.WITHIN_GROUP),
        show_default=True,
        help="Which non-mated comparisons count for a group.",
    )
    @click.option(
        "--ties",
        type=_one_of(Ties),
        default=str(Ties.WORST),
        show_default=True,
        help="The rank of the mate among equal scores.",
    )
    @click.option("--list-length", type=click.IntRange(min=1), help="Candidates that a reviewer is shown.")
    @click.option(
        "--candidates", type=FILE, help="Candidate lists of searches, as CSV; needs --database-size."
    )
    @click.option("--database-size", type=click.IntRange(min=1), help="References that were searched.")
    @click.option("--attacks", type=FILE, help="Presentations of a test of attack detection, as CSV.")
    @click.option(
        "--attack-scores",
        type=click.Choice(list(_ATTACK_SCORES)),
        help="What a higher score in --attacks speaks for.",
    )
    @click.option("--attack-threshold", type=float, multiple=True, help="A threshold of --attack-scores.")
    @click.option(
        "--mated-file", type=FILE, help="The second file of some formats: mated scores, pairs, or mask."
    )
    @click.option("--column", multiple=True, metavar="OURS=THEIRS", help="A column by the file's own name.")
    @click.option(
        "--failure-word", multiple=True, help="What stands for a failed comparison in a score's place."
    )
    @click.option(
        "--leave-out", multiple=True, type=click.Choice(list(_SKIPPED)), help="Count and skip these rows."
    )
    @click.option(
        "--failures", "acquired", metavar="K/N", help="Failures to acquire, of attempts: gives FAR and FRR."
    )
    @click.option(
        "--enrol-failures", "enrolled", metavar="K/N", help="Failures to enrol: gives GFAR and GFRR."
    )
    @click.option(
        "--scores-only", is_flag=True, help="Read scores alone: little memory, no people, no groups."
    )
    @click.option(
        "--beyond-measure", is_flag=True, help="Take targets below one in all non-mated comparisons."
    )
    @click.option("--against-direction", is_flag=True, help="Measure although the AUC is below a half.")
    def scores(bench: Bench, **given: Any) -> Outcome:
        """Measure error rates, their intervals and the differences between groups from a file of scores.

        `--json` prints the result document, each key of which is told in docs/reference/evaluation.md; the same files
        and options give the same bytes. Formats: docs/reference/score-files.md. No installation is needed and nothing
        is recorded. Whether a higher score is more alike is told, never guessed.
        """
        result = _measured(bench, given)
        return Outcome(result, raw=in_words(result))


def _measured(bench: Bench, given: Mapping[str, Any]) -> Document:
    settings = _settings(given)
    attempts = Attempts(
        _counted(given["acquired"], "--failures"), _counted(given["enrolled"], "--enrol-failures")
    )
    path: Path = given["scores"]
    how_read = {
        "format": given["form"],
        "direction": _direction(given),
        "mated_file": given["mated_file"],
        "columns": _pairs(given["column"], "--column"),
        "failure_words": given["failure_word"],
        "leave_out": [_SKIPPED[word] for word in given["leave_out"]],
    }
    bench.voice.note(f"reading {path}")
    if given["scores_only"]:
        if any(given[name] for name in ("groups", "how", "cross", "bootstrap")):
            raise BadInputError(
                "--scores-only knows nobody: leave --groups, --how, --cross and --bootstrap away"
            )
        alone = read_scores(path, **how_read)
        rows = len(alone.mated) + len(alone.non_mated)
        told = _inputs(given, rows)
        bench.voice.note(f"measuring {rows:,} comparisons")
        return evaluate(
            alone,
            settings,
            inputs=told,
            attempts=attempts,
            searches=_lists(given),
            attack_detection=_attacks(given),
        )
    found = read(
        path,
        groups=given["groups"],
        groups_how=_pairs(given["how"], "--how"),
        samples=True,
        **how_read,
    )
    count = f"{settings.bootstrap:,} replicates" if settings.bootstrap else "no bootstrap"
    bench.voice.note(f"measuring {len(found.comparisons):,} comparisons, {count}")
    result = evaluate(
        found.comparisons,
        settings,
        inputs=_inputs(given, found.rows),
        attempts=attempts,
        searches=_lists(given) or _searches(found, settings),
        attack_detection=_attacks(given),
    )
    if found.probe_quality is not None:
        result["quality"] = quality_document(
            found.comparisons,
            found.probe_quality,
            found.reference_quality,
            fmr_targets=result["settings"]["fmr_targets"],
            smallest_group=settings.smallest_group,
            confidence=settings.confidence,
        )
    for what, n in found.left_out.items():
        result["warnings"].append(f"left out: {n:,} {what}")
    for column in found.unused:
        result["warnings"].append(f"nothing was read from the column `{column}`")
    return result


def _settings(given: Mapping[str, Any]) -> Settings:
    return Settings(
        fmr_targets=given["targets"],
        bootstrap=given["bootstrap"],
        seed=given["seed"],
        confidence=given["confidence"],
        threshold_rule=ThresholdRule(given["threshold_rule"]),
        non_mated_rule=NonMatedRule(given["non_mated"]),
        smallest_group=SmallestGroup(given["smallest_group"], SMALLEST.mated, SMALLEST.non_mated),
        intersections=tuple(tuple(name.strip() for name in names.split(",")) for names in given["cross"]),
        margins={name: _bound(most) for name, most in _pairs(given["margin"], "--margin").items()},
        list_length=given["list_length"],
        stated=given["stated"],
        ties=Ties(given["ties"]),
        unmeasurable=Unmeasurable.REPORT if given["beyond_measure"] else Unmeasurable.REFUSE,
        against_direction=given["against_direction"],
    )


def _direction(given: Mapping[str, Any]) -> Direction | None:
    if given["direction"]:
        return Direction(given["direction"])
    if given["form"] == Format.PARQUET:
        return None  # a file of ours says it, and the reader asks for it where it is another's
    raise click.UsageError(
        "say what a higher score means: --similarity (more alike) or --distance (less alike)"
    )


def _searches(found: Reading, settings: Settings) -> SearchResults | None:
    """Each probe against all references, where the file holds just that."""
    try:
        if found.probes is None:
            return searches_of(found.comparisons)
        return searches_of(found.comparisons, found.probes.codes, names=found.probes.names)
    except NotSearchesError:
        if settings.list_length:
            raise
        return None


def _lists(given: Mapping[str, Any]) -> SearchResults | None:
    if given["candidates"] is None:
        return None
    if not given["database_size"] or not given["list_length"]:
        raise click.UsageError("--candidates needs --database-size and --list-length: rates depend on both")
    direction = _direction(given)
    if direction is None:
        raise click.UsageError("--candidates needs --similarity or --distance: a list does not say it")
    return read_candidates(
        given["candidates"],
        direction=direction,
        database_size=given["database_size"],
        list_length=given["list_length"],
    )


def _attacks(given: Mapping[str, Any]) -> Document | None:
    if given["attacks"] is None:
        if given["attack_scores"] or given["attack_threshold"]:
            raise click.UsageError("--attack-scores and --attack-threshold are of the file --attacks")
        return None
    if not given["attack_scores"]:
        raise click.UsageError(
            "say what a higher score in --attacks speaks for: --attack-scores bona-fide or attack"
        )
    direction = _ATTACK_SCORES[given["attack_scores"]]
    return attack_detection_document(
        read_attacks(given["attacks"], direction=direction),
        [direction.shown(t) for t in given["attack_threshold"]],
        confidence=given["confidence"],
    )


def _inputs(given: Mapping[str, Any], rows: int) -> list[Input]:
    told: list[tuple[str, str, str, int | None]] = [("scores", "scores", given["form"], rows)]
    told += [(role, role, "csv", None) for role in ("groups", "mated_file", "candidates", "attacks")]
    return [
        Input(role, Path(given[name]).name, _sha256(given[name]), n, str(form))
        for role, name, form, n in told
        if given[name] is not None
    ]


def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise BadInputError(f"`{path}` cannot be read: {error.strerror}; check the path") from error


def _pairs(told: tuple[str, ...], option: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for each in told:
        name, equals, value = each.partition("=")
        if not (name and equals and value) or name in made:
            raise BadInputError(f"{option} `{each}`: write NAME=VALUE, each name once")
        made[name] = value
    return made


def _bound(told: str) -> Bound:
    ratio = told.endswith("x")
    try:
        most = float(told.removesuffix("x"))
    except ValueError:
        most = -1.0
    if not (1 < most < float("inf") if ratio else 0 < most < 1):
        raise BadInputError(
            f"--margin `{told}`: a difference between 0 and 1, or a ratio above 1 such as `2x`"
        )
    return Bound(most, "ratio" if ratio else "rate")


def _counted(told: str | None, option: str) -> Rate | None:
    if told is None:
        return None
    failed, slash, attempts = told.partition("/")
    if not (slash and failed.isdecimal() and attempts.isdecimal() and 0 <= int(failed) <= int(attempts) > 0):
        raise BadInputError(f"{option} `{told}`: write failures/attempts, such as 3/1200")
    return binomial_rate(int(failed), int(attempts))
