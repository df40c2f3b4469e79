"""From batches of rows, whatever their format, to the columns of `Comparisons`.

Every reader hands over batches whose columns carry the names of docs/reference/score-files.md. Here the rules hold that
are the same for all formats: a row is mated exactly when both subjects are the same person, no comparison is counted
twice, no sample is compared with itself, nobody is in two groups, and nothing is left out unless the caller asked for
it by name; what was left out is counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from counterseal.evaluation.comparisons import (
    UNKNOWN,
    Comparisons,
    Direction,
    EvaluationInputError,
    Flags,
    Floats,
    Grouping,
    Indices,
)
from counterseal.evaluation.reading.faults import fault, listed
from counterseal.evaluation.reading.numbers import read_cells

SELF = "self comparisons"
REPEATED = "repeated comparisons"
ATTACKS = "attack presentations"
NOT_ASKED = "comparisons the mask leaves out"
UNUSED = "people of the groups file without a comparison"

MATED = ("1", "true", "yes", "mated", "genuine", "same")
NON_MATED = ("0", "-1", "false", "no", "non_mated", "non-mated", "impostor", "different")

ROLES = ("probe", "reference", "probe_subject", "reference_subject", "mated", "score", "failure")
QUALITY = ("probe_quality", "reference_quality")
RESERVED = frozenset((*ROLES, *QUALITY, "attack"))

MOST_LABELS = 10_000
"""Labels of one grouping; more are names of something else."""

_REASON = "\0reason"
_LARGEST_MAP = 1 << 29

Batch = Mapping[str, pa.Array]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller said about a file.

    columns: our name -> the file's own name. failure_words: further words that stand for a failed comparison.
    leave_out: of `SELF`, `REPEATED`, `ATTACKS`: rows that are counted and left out instead of refused.
    """

    direction: Direction
    columns: Mapping[str, str] = field(default_factory=dict)
    failure_words: frozenset[str] = frozenset()
    leave_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Which sample stands on one side of each comparison. names: of the samples; codes: (n,) index into them."""

    names: tuple[str, ...]
    codes: Indices


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A file that was read whole.

    rows: how many comparisons the file holds, those left out included. left_out: what -> how many.
    probes, references: the samples, where the file names them and the caller wants them.
    probe_quality, reference_quality: (n,) float64, NaN where none was told; None without the column.
    unused: columns of the file that nothing was read from.
    """

    comparisons: Comparisons
    format: str
    rows: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    probes: Samples | None = None
    references: Samples | None = None
    probe_quality: Floats | None = None
    reference_quality: Floats | None = None
    unused: tuple[str, ...] = ()


class Names:
    """Names as small whole numbers, in the order in which they are first seen."""

    def __init__(self) -> None:
        """No names yet."""
        self._of: dict[str, int] = {}
        self._last: tuple[pa.Array, Indices] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._of)

    def codes(self, names: pa.Array) -> Indices:
        """(n,) the number of each name, -1 for an empty one."""
        if not pa.types.is_dictionary(names.type):
            names = names.dictionary_encode()
        of = self._codes_of(names.dictionary)
        indices = names.indices
        if indices.null_count:
            indices = pc.fill_null(indices.cast(pa.int64()), len(of) - 1)
        codes: Indices = of[indices.to_numpy(zero_copy_only=False)]
        return codes

    def _codes_of(self, dictionary: pa.Array) -> Indices:
        """The numbers of the names of a dictionary, and -1 in one place more for a null."""
        if self._last is None or not self._last[0].equals(dictionary):
            known = [str(name or "").strip() for name in dictionary.to_pylist()]
            codes = [self._of.setdefault(k, len(self._of)) if k else -1 for k in known]
            self._last = dictionary, np.array([*codes, -1], dtype=np.int32)
        return self._last[1]

    def name(self, code: int) -> str:
        """The name of a number."""
        return list(self._of)[code]

    def settle(self, *columns: Indices) -> tuple[str, ...]:
        """The names that stand in these columns, in their order of text; the columns are renumbered in place.

        Neither the order of rows nor what was left out shows through.
        """
        there = np.zeros(len(self._of) + 1, np.bool_)
        for part in _parts(columns):
            there[part] = True
        names = list(self._of)
        order = sorted(np.flatnonzero(there[:-1]).tolist(), key=names.__getitem__)
        place = np.full(len(names) + 1, -1, dtype=np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        if not np.array_equal(place[:-1], np.arange(len(names))):
            for part in _parts(columns):
                part[:] = place[part]
        return tuple(names[i] for i in order)


def _parts(columns: Iterable[Indices]) -> Iterator[Indices]:
    """Pieces of columns, small enough that what is made of one is forgotten soon."""
    for column in columns:
        for start in range(0, len(column), 1 << 20):
            yield column[start : start + (1 << 20)]


class Growing:
    """A column that grows by batches; of a length told beforehand it is allocated once."""

    def __init__(self, dtype: npt.DTypeLike, rows: int | None) -> None:
        """An empty column for `rows` values, or for any number."""
        self._whole = None if rows is None else np.empty(rows, dtype)
        self._parts: list[npt.NDArray[Any]] = []
        self._dtype, self._filled = dtype, 0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Append."""
        if self._whole is None:
            self._parts.append(values.astype(self._dtype, copy=False))
        else:
            self._whole[self._filled : self._filled + len(values)] = values
        self._filled += len(values)

    def done(self) -> npt.NDArray[Any]:
        """The column; this object is of no use afterwards."""
        if self._whole is not None:
            return self._whole[: self._filled]
        parts, self._parts = self._parts, []
        return np.concatenate(parts) if parts else np.empty(0, self._dtype)


class Assembler:
    """Takes batches and gives a `Reading`.

    row_of: from the place of a comparison in the file (0-based) to its row as an editor shows it. rows: how many come,
    where known. samples: keep who the samples are; they are checked for repetition here either way unless `checked`.
    """

    def __init__(
        self,
        path: Path,
        options: Options,
        *,
        row_of: Callable[[int], int],
        rows: int | None = None,
        dtype: npt.DTypeLike = np.float64,
        samples: bool = False,
        checked: bool = False,
        same_namespace: bool = True,
    ) -> None:
        """Nothing read yet. same_namespace: a probe and a reference of one name are the same sample."""
        self._path, self._options, self._row_of, self._n = path, options, row_of, rows
        self._samples, self._checked, self._same = samples, checked, same_namespace
        self._scores, self._mated = Growing(dtype, rows), Growing(np.bool_, rows)
        self._columns: dict[str, Growing] = {}
        self._people, self._names, self._reasons = Names(), Names(), Names()
        self._labels: dict[str, Names] = {}
        self._failures: dict[str, int] = {}
        self._left_out: dict[str, int] = {}
        self._places = Growing(np.int64, None)
        self._person_of: Indices = np.empty(0, np.int32)
        self._read = self._turned = 0

    @property
    def failures(self) -> Mapping[str, int]:
        """Reason -> how many comparisons failed for it so far."""
        return self._failures

    def turn_to(self, path: Path, row_of: Callable[[int], int]) -> None:
        """What comes next is from this file."""
        self._path, self._row_of, self._turned = path, row_of, self._read

    def forget_samples(self) -> None:
        """The file names no samples after all: one placeholder stands for all."""
        self._columns.pop("probe", None), self._columns.pop("reference", None)

    def oriented(self, batch: Batch) -> tuple[Floats, Flags]:
        """Scores and labels of one batch alone, with no check against other columns."""
        scores, _ = self._read_scores(batch, 0)
        scores = np.array(scores)
        self._orient(scores)
        return scores, self._flags(batch["mated"], 0)

    def fault(self, what: str, remedy: str, *, at: int | None = None) -> EvaluationInputError:
        """An error about the comparison at this place of the file."""
        return fault(self._path, what, remedy, row=None if at is None else self._row_of(at - self._turned))

    def add(self, batch: Batch) -> None:
        """One batch: `score`, and `mated` or both subjects, and whatever else of our columns there is."""
        n, first = len(batch["score"]), self._read
        self._read += n
        scores, reasons = self._read_scores(batch, first)
        sides = {
            role: names.codes(batch[role])
            for role, names in (
                ("probe_subject", self._people),
                ("reference_subject", self._people),
                ("probe", self._names),
                ("reference", self._names),
            )
            if role in batch
        }
        mated = self._read_mated(batch, sides, first)
        self._one_person_each_sample(sides, first)
        kept = self._kept(batch, sides, first)
        if "probe" in sides and (self._checked and not self._samples):
            del sides["probe"], sides["reference"]
        for role in QUALITY:
            if role in batch:
                self._column(role, np.float64).add(self._quality(role, batch[role], first)[kept])
        for name in sorted({r.removeprefix("probe_") for r in batch if r.startswith("probe_")} - _OURS):
            labels = self._labels.setdefault(name, Names())
            for side in ("probe", "reference"):
                codes = labels.codes(batch[f"{side}_{name}"])
                if len(labels) > MOST_LABELS:
                    what = f"`{side}_{name}` has more than {MOST_LABELS} labels"
                    raise self.fault(
                        what, "that tells no groups apart; give the column another name", at=first
                    )
                self._column(f"{side}_{name}", np.int16).add(codes[kept])
        for role, codes in sides.items():
            self._column(role, np.int32).add(codes[kept])
        self._scores.add(scores[kept])
        self._mated.add(mated[kept])
        if not isinstance(kept, slice):
            reasons = None if reasons is None else reasons.filter(pa.array(kept))
        if self._options.leave_out:
            self._places.add(np.arange(first, first + n)[kept])
        if REPEATED in self._options.leave_out:
            # Which of them stay is known only at the end.
            told = reasons if reasons is not None else pa.nulls(len(mated[kept]), pa.string())
            self._column(_REASON, np.int32).add(self._reasons.codes(told))
        elif reasons is not None:
            for count in pc.value_counts(reasons.drop_null()):
                reason = count["values"].as_py()
                self._failures[reason] = self._failures.get(reason, 0) + count["counts"].as_py()

    def done(self, format_: str, *, failures: Mapping[str, int] | None = None) -> Reading:
        """Everything read, checked against each other. failures: counts that the file carries beside its rows."""
        columns = {role: column.done() for role, column in self._columns.items()}
        scores, mated = self._scores.done(), self._mated.done()
        places = self._places.done() if self._options.leave_out else None
        people = self._settle_people(columns, places)
        kept = self._without_repeats(columns, places)
        if kept is not None:
            scores, mated = scores[kept], mated[kept]
            columns = {role: column[kept] for role, column in columns.items()}
            places = None if places is None else places[kept]
        if (reasons := columns.pop(_REASON, None)) is not None:
            counts = np.bincount(reasons[reasons >= 0], minlength=len(self._reasons))
            self._failures = {self._reasons.name(i): int(n) for i, n in enumerate(counts) if n}
        self._orient(scores)
        self._both_kinds(mated)
        groupings = self._settle_groups(columns, people)
        probes, references = self._settle_samples(columns, places)
        comparisons = Comparisons(
            scores=scores,
            mated=mated,
            direction=self._options.direction,
            subjects=people,
            probe_subject=columns.get("probe_subject"),
            reference_subject=columns.get("reference_subject"),
            groupings=groupings,
            failures=dict(sorted((self._failures if failures is None else failures).items())),
        )
        return Reading(
            comparisons,
            format_,
            self._read,
            dict(sorted(self._left_out.items())),
            probes,
            references,
            columns.get("probe_quality"),
            columns.get("reference_quality"),
        )

    # -- one batch ------------------------------------------------------------------------------------------------

    def _column(self, role: str, dtype: npt.DTypeLike) -> Growing:
        """The column of this role."""
        if role not in self._columns:
            self._columns[role] = Growing(dtype, self._n)
        return self._columns[role]

    def _read_scores(self, batch: Batch, first: int) -> tuple[Floats, pa.Array | None]:
        """The file's own numbers, NaN where a comparison failed, and why it did."""
        score, told = batch["score"], batch.get("failure")
        if pa.types.is_string(score.type):
            cells = read_cells(score, told, self._options.failure_words)
            if cells.wrong is not None:
                raise self.fault(cells.why, cells.remedy, at=first + cells.wrong)
            return cells.scores, cells.reasons
        reasons = None
        if told is not None:
            reasons = _without_empty(told)
        numbers: Floats = score.to_numpy(zero_copy_only=False)
        finite = np.isfinite(numbers)
        failed = np.zeros(len(numbers), np.bool_)
        if reasons is not None and reasons.null_count < len(reasons):
            failed = reasons.is_valid().to_numpy(zero_copy_only=False)
        if (wrong := np.flatnonzero(finite == failed)).size:
            at = int(wrong[0])
            if failed[at]:
                what = f"there is both a score and a failure (`{reasons[at].as_py()}`)"  # type: ignore[index]
                raise self.fault(what, "a comparison either has a score or failed: keep one", at=first + at)
            what = "the score is empty and no reason is given"
            if score[at].is_valid:
                what = f"the score is {'NaN' if np.isnan(numbers[at]) else 'infinite'}"
            remedy = "a comparison that failed has no score (null) and its reason in the column `failure`"
            raise self.fault(what, remedy, at=first + at)
        if failed.any():
            if (bad := np.flatnonzero(failed & score.is_valid().to_numpy(zero_copy_only=False))).size:
                remedy = "a comparison that failed has no score (null): neither NaN nor an infinity"
                raise self.fault("there is both a score and a failure", remedy, at=first + int(bad[0]))
            return numbers, reasons
        return numbers, None

    def _read_mated(self, batch: Batch, sides: Mapping[str, Indices], first: int) -> Flags:
        """Which rows are mated, as told, and in accord with the subjects."""
        subjects = sides.get("probe_subject"), sides.get("reference_subject")
        named = None
        if subjects[0] is not None and subjects[1] is not None:
            named = (subjects[0] >= 0) & (subjects[1] >= 0)
        if "mated" not in batch:
            if named is None or not named.all():
                at = first + int(np.flatnonzero(~named)[0]) if named is not None else None
                raise self.fault(
                    "nothing tells whether this is mated", "name both subjects, or add `mated`", at=at
                )
            return np.asarray(subjects[0] == subjects[1])
        mated = self._flags(batch["mated"], first)
        if named is not None:
            swapped = np.flatnonzero(named & (mated != (subjects[0] == subjects[1])))
            if swapped.size:
                at = int(swapped[0])
                a, b = (self._people.name(int(s[at])) for s in subjects if s is not None)
                what = f"it is called non-mated, but both subjects are `{a}`"
                if mated[at]:
                    what = f"it is called mated, but the subjects are `{a}` and `{b}`"
                remedy = (
                    f"mend the label or the subjects of this row, and of {len(swapped) - 1} or more others"
                )
                if len(swapped) == 1:
                    remedy = "mend the label or the subjects"
                raise self.fault(what, remedy, at=first + at)
        return mated

    def _one_person_each_sample(self, sides: Mapping[str, Indices], first: int) -> None:
        """A sample is of one person, on whichever side and in whichever row it stands."""
        if not self._same or "probe" not in sides or "probe_subject" not in sides:
            return
        known = np.full(len(self._names) - len(self._person_of), -1, np.int32)
        self._person_of = np.concatenate([self._person_of, known])
        for side in ("probe", "reference"):
            samples, people = sides[side], sides[f"{side}_subject"]
            if (samples < 0).any() or (people < 0).any():
                continue  # names that are missing are told at the end
            if not ((held := self._person_of[samples]) != people).any():
                continue
            new = held < 0
            self._person_of[samples[new][::-1]] = people[new][
                ::-1
            ]  # the first row that names a sample counts
            if (wrong := np.flatnonzero(self._person_of[samples] != people)).size:
                at = int(wrong[0])
                a, b = (self._people.name(int(i)) for i in (people[at], self._person_of[samples[at]]))
                what = (
                    f"the sample `{self._names.name(int(samples[at]))}` is of `{a}`, in another row of `{b}`"
                )
                raise self.fault(what, "a sample is of one person; mend the file", at=first + at)

    def _flags(self, told: pa.Array, first: int) -> Flags:
        """The column `mated`."""
        if pa.types.is_boolean(told.type) and not told.null_count:
            return np.asarray(told.to_numpy(zero_copy_only=False))
        words, codes = _coded(told)
        text = [word.lower() for word in words]
        yes = np.array([*(word in MATED for word in text), False])[codes]
        no = np.array([*(word in NON_MATED for word in text), False])[codes]
        if (wrong := np.flatnonzero(~(yes | no))).size:
            at = int(wrong[0])
            what = f"`{words[codes[at]] if codes[at] >= 0 else ''}` tells neither mated nor non-mated"
            remedy = "write 1 or 0; a table of rates (ROC, DET) holds no scores, and none can be got from it"
            raise self.fault(what, remedy, at=first + at)
        return np.asarray(yes)

    def _kept(self, batch: Batch, sides: Mapping[str, Indices], first: int) -> "slice | Flags":
        """Which rows stay: self comparisons and attack presentations are refused, or left out as the caller asked."""
        out: Flags | None = None
        if self._same and "probe" in sides and "reference" in sides:
            same = (sides["probe"] == sides["reference"]) & (sides["probe"] >= 0)
            out = self._refuse_or_count(same, SELF, "a sample is compared with itself", out, first)
        if "attack" in batch:
            attack = _coded(batch["attack"])[1] >= 0
            out = self._refuse_or_count(attack, ATTACKS, "this is an attack presentation", out, first)
        return slice(None) if out is None else ~out

    def _refuse_or_count(
        self, found: Flags, kind: str, what: str, out: Flags | None, first: int
    ) -> Flags | None:
        """Add what was found to what is left out, if the caller asked for that."""
        if not found.any():
            return out
        if kind not in self._options.leave_out:
            remedy = f"remove it from the file, or have {kind} left out and counted (`{kind}`)"
            raise self.fault(what, remedy, at=first + int(np.flatnonzero(found)[0]))
        found = found if out is None else found & ~out
        self._left_out[kind] = self._left_out.get(kind, 0) + int(found.sum())
        return found if out is None else out | found

    def _quality(self, role: str, told: pa.Array, first: int) -> Floats:
        """A column of quality scores; nothing told is NaN."""
        if pa.types.is_string(told.type):
            text = pc.utf8_trim_whitespace(told)
            told = pc.if_else(pc.equal(text, ""), None, text)
            try:
                told = pc.cast(told, pa.float64())
            except pa.ArrowInvalid:
                good = pc.fill_null(pc.match_substring_regex(told, r"^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$"), True)
                at = int(np.flatnonzero(~good.to_numpy(zero_copy_only=False))[:1].sum())
                what = f"the {role.replace('_', ' ')} `{told[at].as_py()}` is not a number"
                raise self.fault(what, "leave it empty where none was measured", at=first + at) from None
        numbers: Floats = told.cast(pa.float64()).to_numpy(zero_copy_only=False)
        valid = told.is_valid().to_numpy(zero_copy_only=False)
        if (wrong := np.flatnonzero(valid & ~np.isfinite(numbers))).size:
            what = f"the {role.replace('_', ' ')} is not a finite number"
            raise self.fault(what, "leave it empty where none was measured", at=first + int(wrong[0]))
        return numbers

    # -- the whole file -------------------------------------------------------------------------------------------

    def _settle_people(self, columns: dict[str, Any], places: Indices | None) -> tuple[str, ...]:
        """The subjects by name in order; both columns go where nobody is named."""
        return self._settle_sides(
            columns, "probe_subject", "reference_subject", self._people, places, "subject"
        )

    def _settle_sides(
        self, columns: dict[str, Any], one: str, other: str, names: Names, places: Indices | None, word: str
    ) -> tuple[str, ...]:
        sides = [columns[role] for role in (one, other) if role in columns]
        if not len(names) or not sides:
            columns.pop(one, None), columns.pop(other, None)
            return ()
        for role in (one, other):
            if role not in columns or (missing := columns[role] < 0).any():
                at = None if role not in columns else int(np.flatnonzero(missing)[0])
                at = at if at is None or places is None else int(places[at])
                what = f"`{role}` is empty while others name a {word}"
                raise self.fault(
                    what, f"name the {word} on both sides of every comparison, or of none", at=at
                )
        return names.settle(*sides)

    def _without_repeats(self, columns: dict[str, Any], places: Indices | None) -> Indices | None:
        """Places of the first of each pair of samples where some pair comes again and may be left out, else None."""
        if self._checked or "probe" not in columns or not len(self._names):
            return None
        probe, reference = columns["probe"], columns["reference"]
        if (probe < 0).any() or (reference < 0).any():
            return None  # told when the samples are settled
        firsts = first_of_each([(probe, reference)], len(self._names))
        if firsts is None:
            return None
        again = np.setdiff1d(np.arange(len(probe)), firsts)
        if REPEATED not in self._options.leave_out:
            at = int(again[0])
            before = int(np.flatnonzero((probe == probe[at]) & (reference == reference[at]))[0])
            a, b = self._names.name(int(probe[at])), self._names.name(int(reference[at]))
            place = (lambda i: i) if places is None else (lambda i: int(places[i]))
            what = (
                f"`{a}` and `{b}` are compared again, as in row {self._row_of(place(before) - self._turned)}"
            )
            remedy = (
                f"a comparison counts once; remove it, or have {REPEATED} left out and counted (`{REPEATED}`)"
            )
            raise self.fault(what, remedy, at=place(at))
        self._left_out[REPEATED] = len(again)
        return firsts

    def _settle_samples(
        self, columns: dict[str, Any], places: Indices | None
    ) -> tuple[Samples | None, Samples | None]:
        """Which samples were compared, if they are wanted."""
        names = self._settle_sides(columns, "probe", "reference", self._names, places, "sample")
        if not names or not self._samples:
            return None, None
        return Samples(names, columns["probe"]), Samples(names, columns["reference"])

    def _orient(self, scores: Floats) -> None:
        """Higher is more alike, in place; a comparison that failed has -inf."""
        if self._options.direction is Direction.DISSIMILARITY:
            np.negative(scores, out=scores)
        for start in range(0, len(scores), 1 << 22):
            part = scores[start : start + (1 << 22)]
            part[np.isnan(part)] = -np.inf

    def _both_kinds(self, mated: Flags) -> None:
        """There is no error rate without both."""
        if not len(mated):
            raise self.fault("there is no comparison", "nothing can be measured without scores")
        for kind, there in (("mated", mated.any()), ("non-mated", not mated.all())):
            if not there:
                what = f"none of the {len(mated)} comparisons is {kind}"
                raise self.fault(what, "check the labels or names; a test needs both kinds")

    def _settle_groups(self, columns: dict[str, Any], people: Sequence[str]) -> dict[str, Grouping]:
        """The groupings that the rows themselves carry."""
        groupings = {}
        for name, found in self._labels.items():
            probe, reference = columns[f"probe_{name}"], columns[f"reference_{name}"]
            wide = [side.astype(np.int32) for side in (probe, reference)]
            labels = found.settle(*wide)
            probe[:], reference[:] = wide
            grouping = Grouping(name, labels, "not stated", probe, reference)
            check_labels(self._path, grouping)
            if people:
                self._one_group_each(grouping, columns, people)
            groupings[name] = grouping
        return groupings

    def _one_group_each(self, grouping: Grouping, columns: Mapping[str, Any], people: Sequence[str]) -> None:
        """Nobody is in two groups of one grouping."""
        label = np.full(len(people), UNKNOWN, np.int16)
        for side, codes in (("probe", grouping.probe), ("reference", grouping.reference)):
            label[columns[f"{side}_subject"]] = codes
        for side, codes in (("probe", grouping.probe), ("reference", grouping.reference)):
            subjects = columns[f"{side}_subject"]
            if (wrong := np.flatnonzero(label[subjects] != codes)).size:
                at = int(wrong[0])
                pair = sorted({int(codes[at]), int(label[subjects[at]])})
                words = listed([grouping.labels[c] if c >= 0 else "(not told)" for c in pair])
                what = f"subject `{people[subjects[at]]}` has two labels of `{grouping.name}`: {words}"
                raise self.fault(what, "one person, one label of each grouping; mend the file")


def _coded(column: pa.Array) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The different words of a column, and (n,) the place of each row's word among them, -1 where there is none.

    Words are looked at once each, however often they stand in the rows.
    """
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    words = [str("" if word is None else word).strip() for word in column.dictionary.to_pylist()]
    places = np.array([*(i if word else -1 for i, word in enumerate(words)), -1])
    codes = pc.fill_null(column.indices.cast(pa.int64()), len(words)).to_numpy(zero_copy_only=False)
    return words, places[codes]


def _without_empty(column: pa.Array) -> pa.DictionaryArray:
    """The same words as a dictionary, null where there is none."""
    words, codes = _coded(column)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(words, pa.string()))


_OURS = frozenset({"subject", "quality"})


def check_labels(path: Path, grouping: Grouping) -> None:
    """A grouping tells at least two groups apart."""
    if len(grouping.labels) < 2:
        what = f"`{grouping.name}` has only one label ({listed(list(grouping.labels)) or 'none'})"
        raise fault(path, what, "a grouping tells at least two groups apart; remove the column or mend it")


def first_of_each(parts: Iterable[tuple[Indices, Indices]], names: int) -> Indices | None:
    """Places of the first of each (probe, reference); None where none comes twice.

    Dense sets of pairs are ticked off in a map of one byte a pair, others are sorted: never both in memory.
    """
    parts = list(parts)
    n = sum(len(probe) for probe, _ in parts)
    if names * names <= _LARGEST_MAP:
        seen = np.zeros(names * names, np.bool_)
        for probe, reference in parts:
            for start in range(0, len(probe), 1 << 20):
                part = slice(start, start + (1 << 20))
                seen[probe[part].astype(np.int64) * names + reference[part]] = True
        if np.count_nonzero(seen) == n:
            return None
    keys = np.empty(n, np.int64)
    filled = 0
    for probe, reference in parts:
        keys[filled : filled + len(probe)] = probe
        keys[filled : filled + len(probe)] *= names
        keys[filled : filled + len(probe)] += reference
        filled += len(probe)
    if names * names > _LARGEST_MAP:
        ordered = np.sort(keys)
        if not (ordered[1:] == ordered[:-1]).any():
            return None
        del ordered
    return np.asarray(np.sort(np.unique(keys, return_index=True)[1]))
