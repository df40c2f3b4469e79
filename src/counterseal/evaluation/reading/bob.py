"""The score files of bob.bio.base: words set apart by spaces, no heading.

Four columns: `claimed_id real_id probe_label score`; five: `claimed_id model_label real_id probe_label score`. A
comparison is mated exactly when claimed and real identity are the same. A label that is the same in every row names no
sample.
"""

from pathlib import Path

import pyarrow.compute as pc

from counterseal.evaluation.reading.assemble import Assembler, Names, Options, Reading
from counterseal.evaluation.reading.table import batches, row_of

_COLUMNS = {
    "bob4": ["claimed_id", "real_id", "probe_label", "score"],
    "bob5": ["claimed_id", "model_label", "real_id", "probe_label", "score"],
}


def read_bob(path: Path, format_: str, options: Options, *, samples: bool = False) -> Reading:
    """A file of four (`bob4`) or five (`bob5`) columns."""
    names = _COLUMNS[format_]
    rows = Assembler(
        path, options, row_of=lambda at: row_of(path, " ", at), samples=samples, same_namespace=False
    )
    labels = Names()
    for batch in batches(path, " ", names, skip_heading=False):
        column = {name: batch.column(name) for name in names}
        labels.codes(column["probe_label"])
        # One label may serve several people, so a sample is named by both.
        probe = pc.binary_join_element_wise(column["real_id"], column["probe_label"], " ")
        reference = column["claimed_id"]
        if "model_label" in column:
            reference = pc.binary_join_element_wise(reference, column["model_label"], " ")
        rows.add(
            {
                "probe_subject": column["real_id"],
                "reference_subject": column["claimed_id"],
                "probe": probe,
                "reference": reference,
                "score": column["score"],
            }
        )
    if len(labels) == 1:
        rows.forget_samples()
    return rows.done(format_)
