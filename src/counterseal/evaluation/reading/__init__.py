"""Files of scores, of whatever format, as `Comparisons`; nothing is lost without being counted.

Formats, columns and what is refused: docs/reference/score-files.md.
"""

from counterseal.evaluation.reading.assemble import Reading, Samples
from counterseal.evaluation.reading.read import Format, read, read_comparisons

__all__ = ["Format", "Reading", "Samples", "read", "read_comparisons"]
