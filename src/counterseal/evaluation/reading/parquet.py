"""Parquet: the columns of pairs, typed, read batch by batch into columns that were allocated once.

`score` is float32 or float64 (kept as it is) or a whole number; it is null where a comparison failed, and `failure`
then tells why. `mated` is a boolean. What we wrote ourselves also carries direction, groupings and counts of failures,
and sums over pages, scores and labels, so that damage is told; the same comparisons always give the same bytes with the
same version of pyarrow.

Bounded: a file is refused before it is read if it claims more rows, row groups or unpacked bytes than are stated here.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from counterseal.evaluation.comparisons import (
    Comparisons,
    Direction,
    Floats,
    Grouping,
    Indices,
    Scores,
)
from counterseal.evaluation.reading.assemble import Assembler, Names, Options, Reading, Samples, first_of_each
from counterseal.evaluation.reading.faults import fault, listed
from counterseal.evaluation.reading.files import LARGEST_UNPACKED, must_be_file
from counterseal.evaluation.reading.pairs import chosen

MOST_ROWS = 1_000_000_000
MOST_ROW_GROUPS = 100_000
LARGEST_ROW_GROUP = 2 << 30
"""Unpacked bytes of one row group."""

_BATCH = 1 << 20
_LARGEST_FOOTER = 64 << 20
_BOUNDED: Mapping[str, Any] = {
    "pre_buffer": False,
    "buffer_size": 1 << 20,
    "page_checksum_verification": True,
    "thrift_string_size_limit": _LARGEST_FOOTER,
    "thrift_container_size_limit": _LARGEST_FOOTER,
}
_OURS, _OURS_SUM = b"counterseal", b"counterseal-crc32"
_SCHEMA = "counterseal-comparisons-1"
_SEVERAL = "one of several reasons"
_NOT_STATED = "not stated"


def read_parquet(
    path: Path, options: Options | None, *, columns: Mapping[str, str], samples: bool = False
) -> Reading:
    """The comparisons of a Parquet file; options is None where the file itself has to tell the direction."""
    with _opened(path) as file:
        ours = _ours(path, file)
        options = _directed(path, options, ours, columns)
        used = _checked(path, file, options)
        dtype = np.float32 if file.schema_arrow.field(used["score"]).type == pa.float32() else np.float64
        if not samples and {"probe", "reference"} <= used.keys() and not options.leave_out:
            _no_repeats(path, used)
            checked = True
        else:
            checked = False
        rows = Assembler(
            path,
            options,
            row_of=lambda at: at + 1,
            rows=file.metadata.num_rows,
            dtype=dtype,
            samples=samples,
            checked=checked,
        )
        for batch in _batches(path, file, used):
            rows.add(batch)
        reading = rows.done("parquet", failures=_told_failures(path, ours, rows, options))
    unused = tuple(name for name in file.schema_arrow.names if name not in used.values())
    return replace(_with_groupings(path, reading, ours), unused=unused)


def read_parquet_scores(path: Path, options: Options | None, *, columns: Mapping[str, str]) -> Scores:
    """Only the scores, in one array for both kinds: 4 bytes a comparison for float32, and nobody's name.

    Labels are not checked against subjects here, nor comparisons for repetition: `read_parquet` does that.
    """
    with _opened(path) as file:
        options = _directed(path, options, _ours(path, file), columns)
        used = _checked(path, file, options)
        if "mated" not in used:
            raise fault(path, "there is no column `mated`", "read the subjects too, or write the column")
        used = {role: name for role, name in used.items() if role in {"mated", "score", "failure"}}
        wide = np.float32 if file.schema_arrow.field(used["score"]).type == pa.float32() else np.float64
        # Mated scores fill the array from its beginning, non-mated ones from its end.
        whole = np.empty(file.metadata.num_rows, wide)
        low, high = 0, len(whole)
        at = 0
        for batch in _batches(path, file, used):
            part = Assembler(path, options, row_of=lambda i, at=at: at + i + 1, dtype=wide)  # type: ignore[misc]
            scores, mated = part.oriented(batch)
            ours, others = scores[mated], scores[~mated]
            whole[low : low + len(ours)] = ours
            low += len(ours)
            high -= len(others)
            whole[high : high + len(others)] = others
            at += len(scores)
    if not low or high == len(whole):
        kind = "non-mated" if low else "mated"
        raise fault(
            path, f"none of the {at} comparisons is {kind}", "check the labels; a test needs both kinds"
        )
    return Scores.sorted_in_place(whole[:low], whole[high:], options.direction)


def write_parquet(
    comparisons: Comparisons,
    path: Path,
    *,
    probes: Samples | None = None,
    references: Samples | None = None,
    qualities: tuple[Floats, Floats] | None = None,
) -> None:
    """Write comparisons so that `read_parquet` gives the same; people without a comparison are not written.

    probes, references: which samples were compared, both or none. qualities: (n,) of either side, NaN where it was not
    assessed, which is written as null. The score of a failed comparison is null. Its reason
    is written in its row where all failed for the same; otherwise only the counts by reason are known, and they are
    written beside the rows.
    """
    c = comparisons
    fields: list[tuple[str, pa.DataType]] = []
    if (probes is None) != (references is None):
        raise ValueError("samples are named on both sides or on none")
    sides = [(side, s) for side, s in (("probe", probes), ("reference", references)) if s is not None]
    fields += [(side, pa.dictionary(pa.int32(), pa.string())) for side, _ in sides]
    if c.probe_subject is not None:
        fields += [
            (f"{side}_subject", pa.dictionary(pa.int32(), pa.string())) for side in ("probe", "reference")
        ]
    fields += [
        ("mated", pa.bool_()),
        ("score", pa.from_numpy_dtype(c.scores.dtype)),
        ("failure", pa.string()),
    ]
    for name in c.groupings:
        fields += [
            (f"{side}_{name}", pa.dictionary(pa.int16(), pa.string())) for side in ("probe", "reference")
        ]
    meta: dict[str, Any] = {
        "schema": _SCHEMA,
        "direction": str(c.direction),
        "failures": dict(sorted(c.failures.items())),
        "groupings": [{"name": g.name, "how": g.how, "labels": list(g.labels)} for g in c.groupings.values()],
    }
    told = [(f"{side}_quality", q) for side, q in zip(("probe", "reference"), qualities or (), strict=False)]
    fields += [(name, pa.float64()) for name, _ in told]
    schema = pa.schema(fields)
    sums = _Sums()
    reason = _SEVERAL if c.failures else _NOT_STATED
    if len(c.failures) == 1 and sum(c.failures.values()) == np.count_nonzero(np.isneginf(c.scores)):
        reason = next(iter(c.failures))
    subjects = pa.array(c.subjects, pa.string())
    samples = [(s.codes, pa.array(s.names, pa.string())) for _, s in sides]
    labels = {g.name: pa.array(g.labels, pa.string()) for g in c.groupings.values()}
    with pq.ParquetWriter(
        path, schema, compression="zstd", version="2.6", write_page_checksum=True
    ) as writer:
        for start in range(0, len(c), _BATCH):
            part = slice(start, start + _BATCH)
            failed = np.isneginf(c.scores[part])
            shown = c.direction.oriented(c.scores[part])
            arrays: list[Any] = [_coded(codes[part], names) for codes, names in samples]
            if c.probe_subject is not None and c.reference_subject is not None:
                arrays += [_coded(side[part], subjects) for side in (c.probe_subject, c.reference_subject)]
            arrays += [
                pa.array(c.mated[part]),
                pa.array(shown, mask=failed),
                pc.if_else(pa.array(failed), reason, None),
            ]
            for g in c.groupings.values():
                arrays += [_coded(side[part], labels[g.name]) for side in (g.probe, g.reference)]
            arrays += [pa.array(q[part], pa.float64(), mask=np.isnan(q[part])) for _, q in told]
            batch = pa.record_batch(arrays, schema=schema)
            sums.add(batch.column("score"), batch.column("mated"))
            writer.write_batch(batch)
        ours = json.dumps({**meta, "crc32": sums.told()}, sort_keys=True, ensure_ascii=False).encode()
        writer.add_key_value_metadata({_OURS: ours, _OURS_SUM: str(zlib.crc32(ours)).encode()})


class _Sums:
    """Sums over scores and labels, whatever batches they come in."""

    def __init__(self) -> None:
        self._score = self._mated = 0

    def add(self, score: pa.Array, mated: pa.Array) -> None:
        """Add one batch; a null score counts as NaN."""
        self._score = zlib.crc32(score.to_numpy(zero_copy_only=False).view(np.uint8), self._score)
        self._mated = zlib.crc32(mated.to_numpy(zero_copy_only=False).view(np.uint8), self._mated)

    def told(self) -> dict[str, int]:
        """As they stand beside the rows."""
        return {"score": self._score, "mated": self._mated}


def _coded(codes: Any, names: pa.Array) -> pa.DictionaryArray:
    """Codes with their names; an unknown one is null."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), names)


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """The file, if it is one and is not larger than we read."""
    must_be_file(path)
    with path.open("rb") as stream:
        if stream.read(4) != b"PAR1":
            raise fault(path, "this is no Parquet file", "name the format in which it was written")
    try:
        with pq.ParquetFile(path, **_BOUNDED) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as broken:
        what = f"the file is damaged ({str(broken).splitlines()[0][:200]})"
        raise fault(path, what, "fetch or write it again") from None


def _batches(path: Path, file: pq.ParquetFile, used: Mapping[str, str]) -> Iterator[dict[str, pa.Array]]:
    """Batches under our names of the columns; never more rows than the file claims."""
    coded = [name for name in used.values() if _is_text(file.schema_arrow.field(name).type)]
    left = file.metadata.num_rows
    told = _ours(path, file).get("crc32") if {"score", "mated"} <= used.keys() else None
    sums = _Sums()
    # Text is kept in the dictionaries in which it is stored: a long word a million times over stays one word.
    with pq.ParquetFile(path, read_dictionary=coded, **_BOUNDED) as again:
        for batch in again.iter_batches(_BATCH, columns=list(dict.fromkeys(used.values()))):
            for column in batch.columns:
                _must_be_whole(column)
            left -= batch.num_rows
            if left < 0:
                raise fault(path, "it holds more rows than it claims", "the file is damaged; write it again")
            if told:
                sums.add(batch.column(used["score"]), batch.column(used["mated"]))
            yield {role: _plain(role, batch.column(name)) for role, name in used.items()}
    if told and told != sums.told():
        raise fault(
            path, "scores or labels are not those that were written", "the file was altered; write it again"
        )
    if left:
        raise fault(path, f"it holds {left} rows less than it claims", "the file is damaged; write it again")


def _must_be_whole(column: pa.Array) -> None:
    """A damaged page may name entries that its dictionary lacks; nobody checks that while reading."""
    if pa.types.is_dictionary(column.type):
        ends = pc.min_max(column.indices).as_py()
        if ends["max"] is not None and not 0 <= ends["min"] <= ends["max"] < len(column.dictionary):
            raise pa.ArrowInvalid("a name is not in its dictionary")
    elif _is_text(column.type):
        column.validate(full=True)


def _plain(role: str, column: pa.Array) -> pa.Array:
    """A column as the rules expect it."""
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    if role == "score" and not pa.types.is_floating(column.type):
        return column.cast(pa.float64())
    return column


def _checked(path: Path, file: pq.ParquetFile, options: Options) -> dict[str, str]:
    """Which columns are read, their types, and the size of what they unpack to."""
    meta = file.metadata
    if meta.num_rows < 1:
        raise fault(path, "there is no comparison", "nothing can be measured without scores")
    if meta.num_rows > MOST_ROWS or meta.num_row_groups > MOST_ROW_GROUPS:
        what = f"it claims {meta.num_rows} rows in {meta.num_row_groups} row groups"
        raise fault(path, what, f"at most {MOST_ROWS} rows in {MOST_ROW_GROUPS} row groups are read")
    used = chosen(path, file.schema_arrow.names, options)
    for role, name in used.items():
        kind = file.schema_arrow.field(name).type
        if not _fits(role, kind):
            raise fault(
                path, f"the column `{name}` is of type {kind}", f"`{role}` is {_WANTED.get(role, 'text')}"
            )
    total = 0
    for i in range(meta.num_row_groups):
        # The sizes of single columns are not asked for: on damaged ones pyarrow ends the whole process.
        size = meta.row_group(i).total_byte_size
        total += size
        if not 0 <= size <= LARGEST_ROW_GROUP or total > LARGEST_UNPACKED:
            what = f"row group {i + 1} unpacks to {size} bytes, and all so far to {total}"
            remedy = (
                f"write smaller row groups: at most {LARGEST_ROW_GROUP} bytes each, {LARGEST_UNPACKED} in all"
            )
            raise fault(path, what, remedy)
    return used


_WANTED = {
    "score": "float32, float64 or a whole number",
    "mated": "a boolean (or 1 and 0)",
    "probe_quality": "a number",
    "reference_quality": "a number",
}


def _fits(role: str, kind: pa.DataType) -> bool:
    """Is this type one that the role may have."""
    number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    if role == "score" or role.endswith("_quality"):
        return bool(number and kind != pa.float16())
    if role == "mated":
        return bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind) or _is_text(kind))
    return _is_text(kind) or bool(pa.types.is_null(kind))


def _is_text(kind: pa.DataType) -> bool:
    """Text, or a dictionary of texts."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _no_repeats(path: Path, used: Mapping[str, str]) -> None:
    """Refuse a comparison that comes twice, in a reading of its own: these columns are gone before the others come."""
    names = Names()
    parts: list[tuple[Indices, Indices]] = []
    sides = {role: used[role] for role in ("probe", "reference")}
    with _opened(path) as file:
        for batch in _batches(path, file, sides):
            parts.append((names.codes(batch["probe"]), names.codes(batch["reference"])))
    if not len(names):
        return
    if (firsts := first_of_each(parts, len(names))) is None:
        return
    there = np.zeros(sum(len(p) for p, _ in parts), np.bool_)
    there[firsts] = True
    at = int(np.argmin(there))
    probe, reference = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    before = int(np.flatnonzero((probe == probe[at]) & (reference == reference[at]))[0])
    a, b = names.name(int(probe[at])), names.name(int(reference[at]))
    what = f"`{a}` and `{b}` are compared again, as in row {before + 1}"
    raise fault(
        path, what, "a comparison counts once; remove it, or have it left out and counted", row=at + 1
    )


def _ours(path: Path, file: pq.ParquetFile) -> Mapping[str, Any]:
    """What we wrote beside the rows, empty for a file by others."""
    beside = file.metadata.metadata or {}
    if _OURS not in beside and _OURS_SUM not in beside:
        return {}
    raw = beside.get(_OURS, b"")
    try:
        ours = json.loads(raw)
        good = (
            beside.get(_OURS_SUM) == str(zlib.crc32(raw)).encode()
            and ours["schema"] == _SCHEMA
            and ours["crc32"].keys() == {"score", "mated"}
            and ours["direction"] in list(Direction)
            and all(isinstance(k, str) and type(v) is int and v > 0 for k, v in ours["failures"].items())
            and all(isinstance(g["name"], str) and isinstance(g["how"], str) for g in ours["groupings"])
            and all(isinstance(label, str) for g in ours["groupings"] for label in g["labels"])
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
    if not good:
        raise fault(path, "what stands beside its rows was altered", "write the file again")
    return dict(ours)


def _directed(
    path: Path, options: Options | None, ours: Mapping[str, Any], columns: Mapping[str, str]
) -> Options:
    """The caller's options, in accord with what the file says of itself."""
    if options is None:
        if not ours:
            what = "nothing tells whether a higher score is more or less alike"
            raise fault(path, what, "say similarity or dissimilarity")
        return Options(Direction(ours["direction"]), columns=dict(columns))
    if ours and ours["direction"] != options.direction:
        what = f"the file says that its scores are `{ours['direction']}`, not `{options.direction}`"
        raise fault(path, what, "believe one of them")
    return options


def _told_failures(
    path: Path, ours: Mapping[str, Any], rows: Assembler, options: Options
) -> Mapping[str, int] | None:
    """Counts by reason that stand beside the rows, if the rows cannot tell reasons apart; else None."""
    if not ours or options.leave_out:
        return None
    told = dict(ours["failures"])
    if not rows.failures.keys() <= {_SEVERAL, _NOT_STATED} and told != rows.failures:
        what = f"its rows tell the failures {dict(rows.failures)}, and what stands beside them {told}"
        raise fault(path, what, "the file was altered; write it again")
    return told


def _with_groupings(path: Path, reading: Reading, ours: Mapping[str, Any]) -> Reading:
    """The groupings with their lists of labels, and how they were obtained, as we wrote them."""
    if not ours:
        return reading
    c = reading.comparisons
    groupings: dict[str, Grouping] = {}
    for told in ours["groupings"]:
        found = c.groupings.get(told["name"])
        if found is None or not set(found.labels) <= set(told["labels"]):
            what = f"its rows and what stands beside them disagree about `{told['name']}` ({listed(told['labels'])})"
            raise fault(path, what, "the file was altered; write it again")
        place = np.array([*(told["labels"].index(label) for label in found.labels), -1], np.int16)
        groupings[found.name] = replace(
            found,
            labels=tuple(told["labels"]),
            how=told["how"],
            probe=place[found.probe],
            reference=place[found.reference],
        )
    return replace(reading, comparisons=replace(c, groupings=groupings))
