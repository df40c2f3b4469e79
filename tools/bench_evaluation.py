"""Measure evaluation beside its floors and its peers, as ratios within one run: part of `make bench`.

    bench_evaluation.py [--peers PYTHON] [--size N] [--rows N] [--json]

Every piece of work runs in a process of its own, one thread, so that its peak memory is its own; ours and its floor
(what numpy does at least) alternate in one process, three times. Seconds are of the processor (of the clock for
Parquet, which is read by several threads), the ratio is of the best of each, and the ratios of all pairs follow. Peers
get the same numbers from a file. A peer that is not there says why; one that would not fit the memory gets
fewer scores, and then so do we beside it. Nothing here asserts.

scores       sort, six thresholds with both rates, DET, counts       against one float32 sort of all
groups       both rates of 50 groups at three thresholds              against one bincount of the groups
bootstrap    1,000 replicates over 1,000 subjects                     against the two matrix products it needs
parquet      a file of --rows rows (about 4.3 bytes each, in a temporary folder), read, sorted, measured
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded: what is compared is work, not how many share it

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from counterseal.evaluation.bootstrap import subject_bootstrap
from counterseal.evaluation.by_group import NonMatedRule, rates_by_group
from counterseal.evaluation.comparisons import Comparisons, Direction, Grouping, Scores
from counterseal.evaluation.plan import SmallestGroup
from counterseal.evaluation.reading import read_scores
from counterseal.evaluation.verification import measure
from peers import peak_gb

WHOLE = "sort, 6 thresholds, DET, counts"
TARGETS = [10.0**-k for k in range(1, 7)]
THRESHOLDS = [1.0, 2.0, 3.0]
MATED_SHARE = 10  # one score in ten is mated
RUNS = 3
GROUPS, PEOPLE, REPLICATES = 50, 1000, 1000
Made = dict[str, Any]
# peer -> scores, and GB for each 1e8 scores it was seen to need: with less memory it gets a tenth, and so on
PEERS = {
    "bob.measure, sorted before": (1.0, 2.8),
    "bob.measure, as documented": (0.1, 4.0),
    "scikit-learn roc_curve": (1.0, 8.0),
    "pyeer": (0.01, 18.0),
}
FAIRLEARN = "fairlearn MetricFrame"
FAIRLEARN_SHARE = 0.01  # of the scores in groups: a call of all would take minutes


def scores_of(size: int) -> tuple[Any, Any]:
    """Mated and non-mated scores, one array, float32."""
    whole = np.random.default_rng(size).standard_normal(size, dtype=np.float32)
    mated = size // MATED_SHARE
    whole[:mated] += 3
    return whole[:mated], whole[mated:]


def timed(act: Callable[[], object]) -> float:
    """Seconds of the processor that one run takes; whoever else is on the machine doesn't count."""
    start = time.process_time()
    act()
    return time.process_time() - start


def alternated(ours: Callable[[], float], floor: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds of both in turn, after one of each to warm up."""
    floor(), ours()
    pairs = [(floor(), ours()) for _ in range(RUNS)]
    return {"floor": [p[0] for p in pairs], "ours": [p[1] for p in pairs]}


def work_scores(size: int) -> Made:
    """Everything of one set of scores, against a sort of them; drawing the numbers isn't counted."""

    def ours() -> float:
        mated, non_mated = scores_of(size)
        return timed(lambda: measure(Scores.sorted_in_place(mated, non_mated, Direction.SIMILARITY), TARGETS))

    def floor() -> float:
        whole = scores_of(size)[0].base
        return timed(whole.sort)

    return alternated(ours, floor)


def work_memory(size: int) -> Made:
    """The same once, for the memory it takes: the numbers themselves, and all that is done with them."""
    mated, non_mated = scores_of(size)
    made = measure(Scores.sorted_in_place(mated, non_mated, Direction.SIMILARITY), TARGETS)
    return {"answer": [fnmr.value for _, _, fnmr in made.thresholds]}


def work_sorted(size: int) -> Made:
    """What is left once scores are sorted."""
    scores = Scores.sorted_in_place(*scores_of(size), Direction.SIMILARITY)
    return {"ours": [timed(lambda: measure(scores, TARGETS)) for _ in range(RUNS)]}


def in_groups(size: int, people: int) -> tuple[Comparisons, Grouping]:
    """Comparisons of people who are each in one of the groups; nobody is named where people is 0."""
    rng = np.random.default_rng(size)
    scores = np.concatenate(scores_of(size))
    mated = np.arange(size) < size // MATED_SHARE
    named = max(people, GROUPS)
    probe, reference = (rng.integers(0, named, size, dtype=np.int32) for _ in range(2))
    reference[mated] = probe[mated]
    group_of = (np.arange(named) % GROUPS).astype(np.int16)
    labels = tuple(f"g{i}" for i in range(GROUPS))
    grouping = Grouping("group", labels, "synthetic", group_of[probe], group_of[reference])
    subjects = tuple(map(str, range(people)))
    sides = (probe, reference) if people else (None, None)
    return Comparisons(scores, mated, Direction.SIMILARITY, subjects, *sides), grouping


def work_groups(size: int, people: int) -> Made:
    """Both rates of every group at three thresholds, against one bincount of the groups as whole numbers."""
    comparisons, grouping = in_groups(size, people)
    codes = grouping.probe.astype(np.intp)
    smallest = SmallestGroup()
    return alternated(
        lambda: timed(lambda: rates_by_group(comparisons, grouping, THRESHOLDS, NonMatedRule.ALL, smallest)),
        lambda: timed(lambda: np.bincount(codes)),
    )


def work_bootstrap() -> Made:
    """All pairs of 1,000 people: subject bootstrap of both rates, the products alone, and resampling rows."""
    rng = np.random.default_rng(3)
    sides = [a.ravel().astype(np.int32) for a in np.mgrid[:PEOPLE, :PEOPLE]]
    mated = sides[0] == sides[1]
    comparisons = Comparisons(
        rng.standard_normal(PEOPLE**2) + 3 * mated,
        mated,
        Direction.SIMILARITY,
        tuple(map(str, range(PEOPLE))),
        sides[0],
        sides[1],
    )
    wrong = ((comparisons.scores >= 2) & ~mated).reshape(PEOPLE, PEOPLE).astype(float)
    tried = (~mated).reshape(PEOPLE, PEOPLE).astype(float)
    weights = rng.multinomial(PEOPLE, np.full(PEOPLE, 1 / PEOPLE), size=REPLICATES).astype(float)

    def naive() -> object:
        drawn = rng.integers(0, PEOPLE, PEOPLE)
        return wrong[np.ix_(drawn, drawn)].sum() / tried[np.ix_(drawn, drawn)].sum()

    made = alternated(
        lambda: timed(lambda: subject_bootstrap(comparisons, [2.0], replicates=REPLICATES, seed=1)),
        lambda: timed(lambda: (weights @ wrong, weights @ tried)),
    )
    return {**made, "naive": [timed(naive) * REPLICATES for _ in range(RUNS)]}


def work_parquet(path: str) -> Made:
    """Read, sort, measure."""

    def ours() -> None:
        measure(read_scores(Path(path), format="parquet", direction=Direction.SIMILARITY), TARGETS)

    start = time.perf_counter()
    ours()
    return {"ours": [time.perf_counter() - start]}


WORK = {
    "scores": work_scores,
    "memory": work_memory,
    "sorted": work_sorted,
    "groups": work_groups,
    "bootstrap": work_bootstrap,
    "parquet": work_parquet,
}


def in_process(name: str, *values: int | str) -> Made:
    """One piece of our work in a process of its own."""
    return _answer([sys.executable, __file__, "--work", name, json.dumps(values)])


def peer(python: Path | None, name: str, *files: Path) -> Made:
    """A peer's work in its own environment, or why it isn't there."""
    if python is None or not python.exists():
        return {"not_there": "its environment is not built: `make peers`"}
    return _answer([str(python), str(Path(__file__).with_name("peers.py")), name, *map(str, files)])


def _answer(command: list[str]) -> Made:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"ended by signal or code {done.returncode}"]
        if command[1] == __file__:
            raise SystemExit(f"bench_evaluation: {command[3]}: {done.stderr}")
        return {"not_there": f"it failed: {last[0]}"}
    answer: Made = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def available_gb() -> float:
    """Memory that may be taken now."""
    (kb,) = re.findall(
        r"^MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE
    )
    return int(kb) / 1e6


def fitting(size: int, share: float, gb_each: float) -> int:
    """How many of the scores a peer gets: its share, and a tenth as long as they don't fit half the memory."""
    chosen = int(size * share)
    while chosen > 1000 and gb_each * chosen / 1e8 > available_gb() / 2:
        chosen //= 10
    return chosen


class Table:
    """Rows as they come, printed at once; kept for `--json`. Memory is the most that a process held, in GB."""

    def __init__(self, quiet: bool) -> None:
        """The heading."""
        self.rows: list[dict[str, Any]] = []
        self._quiet = quiet
        self._line("work", "size", "ours", "GB", "beside", "", "GB", "ratios, all", "aim")

    def floor(self, work: str, size: int, made: Made, beside: str, aim: str) -> None:
        """Ours over a floor: smaller is better."""
        pairs = sorted(ours / floor for ours, floor in zip(made["ours"], made["floor"], strict=True))
        ratios = [min(made["ours"]) / min(made["floor"]), *pairs]
        told = {"seconds": made["floor"], "peak_gb": None}
        self._add(work, size, made, beside, told, ratios, "ours takes {:.2f}x", aim)

    def peer(self, work: str, size: int, made: Made, beside: str, told: Made) -> None:
        """A peer over ours: greater is better."""
        if "not_there" in told:
            self.rows.append({"work": work, "beside": beside, "not_there": told["not_there"]})
            why = f"not installed: {told['not_there']}"
            self._line(work, f"{size:.0e}", _best(made["ours"]), _gb(made), beside, "", "", why, "")
            return
        best = min(made["ours"])
        ratios = [min(told["seconds"]) / best, *sorted(seconds / best for seconds in told["seconds"])]
        self._add(work, size, made, beside, told, ratios, "it takes {:.1f}x", "")

    def alone(self, work: str, size: int, made: Made, aim: str) -> None:
        """A row without anything beside it."""
        self.rows.append({"work": work, "size": size, "ours": made})
        self._line(work, f"{size:.0e}", _best(made["ours"]), _gb(made), "", "", "", "", aim)

    def _add(
        self,
        work: str,
        size: int,
        made: Made,
        beside: str,
        told: Made,
        ratios: list[float],
        says: str,
        aim: str,
    ) -> None:
        self.rows.append(
            {"work": work, "size": size, "ours": made, "beside": beside, "its": told, "ratios": ratios}
        )
        first, *others = ratios
        shown = says.format(first) + (f" ({', '.join(f'{r:.2f}' for r in others)})" if others else "")
        self._line(
            work,
            f"{size:.0e}",
            _best(made["ours"]),
            _gb(made),
            beside,
            _best(told["seconds"]),
            _gb(told),
            shown,
            aim,
        )

    def _line(self, *cells: str) -> None:
        if not self._quiet:
            print("{:35} {:>6} {:>9} {:>5}  {:32} {:>9} {:>5}  {:34} {}".format(*cells).rstrip(), flush=True)


def _best(seconds: list[float]) -> str:
    return f"{min(seconds):.3f} s"


def _gb(made: Made) -> str:
    return "" if made["peak_gb"] is None else f"{made['peak_gb']:.2f}"


def beside_scores(table: Table, folder: Path, python: Path | None, size: int) -> None:
    """One set of scores: the sort of it, and four peers."""
    made = in_process("scores", size) | {"peak_gb": in_process("memory", size)["peak_gb"]}
    table.floor(WHOLE, size, made, "one float32 sort", "at most 1.3, under 1 GB")
    for name, (share, gb_each) in PEERS.items():
        fits = fitting(size, share, gb_each)
        files = [folder / "mated.npy", folder / "non_mated.npy"]
        if python is not None and python.exists():
            for file, scores in zip(files, scores_of(fits), strict=True):
                np.save(file, scores)
        before = "sorted before" in name
        made = in_process("sorted", fits) if before else in_process("scores", fits)
        work = "6 thresholds, DET of sorted scores" if before else WHOLE
        table.peer(work, fits, made, name, peer(python, name, *files))


def beside_groups(table: Table, folder: Path, python: Path | None, size: int) -> None:
    """Rates by group."""
    for people, work in ((0, "50 groups, 3 thresholds"), (10_000, "    and people counted in each")):
        made = in_process("groups", size, people)
        table.floor(work, size, made, "one bincount", "at most 3" if not people else "")
    fits = int(size * FAIRLEARN_SHARE)
    files = [folder / f"{name}.npy" for name in ("mated", "non_mated", "groups")]
    comparisons, grouping = in_groups(fits, 0)
    mated = comparisons.mated
    for file, values in zip(
        files, (comparisons.scores[mated], comparisons.scores[~mated], grouping.probe), strict=True
    ):
        np.save(file, values)
    made = in_process("groups", fits, 0)
    table.peer("50 groups, 3 thresholds", fits, made, FAIRLEARN, peer(python, FAIRLEARN, *files))


def beside_bootstrap(table: Table) -> None:
    """Subjects resampled."""
    made = in_process("bootstrap")
    table.floor("subject bootstrap, 1,000 replicates", PEOPLE, made, "its two matrix products", "at most 2")
    told = {"seconds": made["naive"], "peak_gb": made["peak_gb"]}
    table.peer("subject bootstrap, 1,000 replicates", PEOPLE, made, "resampling rows, 1,000 of it", told)


def from_a_file(table: Table, folder: Path, rows: int) -> None:
    """Parquet written as another program would, then read in a process of its own."""
    path = folder / "scores.parquet"
    schema = pa.schema([("mated", pa.bool_()), ("score", pa.float32())])
    rng = np.random.default_rng(rows)
    with pq.ParquetWriter(path, schema, compression="snappy") as writer:
        for start in range(0, rows, 1 << 20):
            n = min(1 << 20, rows - start)
            mated = rng.random(n) < 1 / MATED_SHARE
            scores = rng.standard_normal(n, dtype=np.float32) + 3 * mated
            writer.write_batch(pa.record_batch([mated, scores.astype(np.float32)], schema=schema))
    runs = [in_process("parquet", str(path)) for _ in range(RUNS)]
    made = {"ours": [run["ours"][0] for run in runs], "peak_gb": max(run["peak_gb"] for run in runs)}
    table.alone("Parquet: read, sort, measure", rows, made, "under 2 GB")


def main() -> None:
    """One piece of work, or the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--peers", type=Path, help="the interpreter of the peers' environment")
    parser.add_argument("--size", type=float, default=1e8, help="scores")
    parser.add_argument("--in-groups", type=float, default=1e7, help="scores in groups")
    parser.add_argument("--rows", type=float, default=1e8, help="rows of the Parquet file; 0 for none")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    asked = parser.parse_args()
    if asked.work:
        name, values = asked.work
        made = WORK[name](*json.loads(values))
        print(json.dumps({**made, "peak_gb": peak_gb()}))
        return
    # Not resolved: a link to an interpreter is what makes it one of an environment.
    python = asked.peers.absolute() if asked.peers else None
    table = Table(asked.json)
    with tempfile.TemporaryDirectory(prefix="counterseal-bench-") as name:
        folder = Path(name)
        beside_scores(table, folder, python, int(asked.size))
        beside_groups(table, folder, python, int(asked.in_groups))
        beside_bootstrap(table)
        if asked.rows:
            from_a_file(table, folder, int(asked.rows))
    if asked.json:
        print(json.dumps(table.rows, indent=1))


if __name__ == "__main__":
    main()
