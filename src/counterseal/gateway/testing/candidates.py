"""The candidate lists of a test of identification: every search with the best of its candidates, as a file."""

from pathlib import Path

import numpy as np

from counterseal.gateway.testing.folder import write_csv
from counterseal.gateway.testing.pairs import Compared

HEADER = ("search", "search_subject", "mate_enrolled", "rank", "candidate_subject", "score")


def write_candidates(path: Path, compared: Compared, *, limit: int) -> None:
    """Each search's best `limit` references, best first, ties by the manifest's order; scores as the engine says
    them. A search whose subject has no enrolled reference is one without a mate."""
    c = compared.comparisons
    starts = np.flatnonzero(np.diff(compared.probe, prepend=-1))
    rows: list[tuple[object, ...]] = []
    for start, end in zip(starts, [*starts[1:], len(c)], strict=True):
        search = compared.images[compared.probe[start]]
        mated = str(bool(c.mated[start:end].any())).lower()
        best = start + np.argsort(-c.scores[start:end], kind="stable")[:limit]
        rows += [
            (
                search.name,
                search.subject,
                mated,
                rank,
                compared.images[compared.reference[row]].subject,
                repr(float(c.direction.shown(float(c.scores[row])))),
            )
            for rank, row in enumerate(best, start=1)
        ]
    write_csv(path, HEADER, rows)
