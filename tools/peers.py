"""One piece of work as a peer does it, in the peers' own environment (`make peers`), for tools/bench_evaluation.py.

    peers.py PEER MATED.npy NON_MATED.npy [GROUPS.npy]

Prints JSON: the processor's seconds of each of three runs after one on a few scores to warm up, the most memory it
held (GB) and what it answered, or why it is not there. Nothing of ours is imported here, and nothing of theirs there.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TARGETS = [10.0**-k for k in range(1, 7)]
RUNS = 3
LONG = 20.0  # seconds of a run after which there is no second one


def bob_sorted(mated: Any, non_mated: Any) -> Callable[[], Any]:
    """bob.measure on scores sorted before, which is not counted: six thresholds and both rates at each."""
    return _bob(sorted_double(mated), sorted_double(non_mated), True)


def bob_documented(mated: Any, non_mated: Any) -> Callable[[], Any]:
    """bob.measure as its guide calls it: scores as they come."""
    return _bob(mated.astype(float), non_mated.astype(float), False)


def _bob(mated: Any, non_mated: Any, is_sorted: bool) -> Callable[[], Any]:
    from bob.measure import far_threshold, farfrr

    def act() -> Any:
        found = [far_threshold(non_mated, mated, target, is_sorted) for target in TARGETS]
        return [farfrr(non_mated, mated, threshold)[1] for threshold in found]

    return act


def scikit_learn(mated: Any, non_mated: Any) -> Callable[[], Any]:
    """roc_curve, and the false non-match rate at each target read off it."""
    import numpy as np
    from sklearn.metrics import roc_curve

    truth = np.repeat(np.array([1, 0], np.int8), [len(mated), len(non_mated)])
    scores = np.concatenate([mated, non_mated])

    def act() -> Any:
        fmr, tmr, _ = roc_curve(truth, scores)
        return [1 - tmr[np.searchsorted(fmr, target, "right") - 1] for target in TARGETS]

    return act


def pyeer(mated: Any, non_mated: Any) -> Callable[[], Any]:
    """get_eer_stats: thresholds, curve and rates in one call."""
    from pyeer.eer_info import get_eer_stats

    def act() -> Any:
        stats = get_eer_stats(mated, non_mated)
        return [stats.fmr10, stats.fmr100, stats.fmr1000]

    return act


def fairlearn(mated: Any, non_mated: Any, groups: Any) -> Callable[[], Any]:
    """MetricFrame of both rates by group at three thresholds."""
    import numpy as np
    from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate

    truth = np.repeat(np.array([1, 0], np.int8), [len(mated), len(non_mated)])
    scores = np.concatenate([mated, non_mated])
    metrics = {"fmr": false_positive_rate, "fnmr": false_negative_rate}

    def act() -> Any:
        frames = [
            MetricFrame(
                metrics=metrics,
                y_true=truth,
                y_pred=(scores >= threshold).astype(np.int8),
                sensitive_features=groups,
            )
            for threshold in (1, 2, 3)
        ]
        return [float(frame.by_group["fnmr"].mean()) for frame in frames]

    return act


def sorted_double(scores: Any) -> Any:
    """The scores as doubles, sorted."""
    scores = scores.astype(float)
    scores.sort()
    return scores


PEERS = {
    "bob.measure, sorted before": bob_sorted,
    "bob.measure, as documented": bob_documented,
    "scikit-learn roc_curve": scikit_learn,
    "pyeer": pyeer,
    "fairlearn MetricFrame": fairlearn,
}


def peak_gb() -> float:
    """The most memory that this process held since it was started, GB (getrusage would count its parent's too)."""
    (kb,) = re.findall(
        r"^VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE
    )
    return int(kb) / 1e6


def main(arguments: list[str]) -> int:
    """Measure one peer."""
    os.environ["MPLBACKEND"] = "agg"
    name, *files = arguments
    try:
        import numpy as np

        arrays = [np.load(Path(file)) for file in files]
        PEERS[name](*(array[:200] for array in arrays[:2]), *(np.tile(a[:200], 2) for a in arrays[2:]))()
        act = PEERS[name](*arrays)
        seconds: list[float] = []
        while len(seconds) < RUNS and (not seconds or seconds[-1] < LONG):
            start = time.process_time()
            answer = act()
            seconds.append(time.process_time() - start)
    except (ImportError, MemoryError) as why:
        print(json.dumps({"not_there": f"{type(why).__name__}: {why}"}))
        return 0
    print(json.dumps({"seconds": seconds, "peak_gb": peak_gb(), "answer": [float(x) for x in answer]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
