"""Files of scores, of whatever format, as `Comparisons`; nothing is lost without being counted.

Formats, columns and what is refused: docs/reference/score-files.md.
"""

from counterseal.evaluation.reading.assemble import Reading, Samples
from counterseal.evaluation.reading.candidates import read_candidates
from counterseal.evaluation.reading.groups import Groups, read_groups, with_groups
from counterseal.evaluation.reading.parquet import write_parquet
from counterseal.evaluation.reading.read import Format, read, read_comparisons, read_scores

__all__ = [
    "Format",
    "Groups",
    "Reading",
    "Samples",
    "read",
    "read_candidates",
    "read_comparisons",
    "read_groups",
    "read_scores",
    "with_groups",
    "write_parquet",
]
