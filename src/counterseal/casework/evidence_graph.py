"""Compute what is independent of a face, on the graph of what was derived from what.

An item is *not* independent when it descends from any use of face recognition: it was derived from a
search, a candidate or a lead (or from anything that was), or it comes from somebody to whom such a thing
was shown. A line-up that showed the candidate, a second service's answer and the investigator's own look
all descend from the search, however often they are repeated.

Nor is the item that was searched with: what the result was made from cannot support the result.

Support counts only where it is independent, ties the person to the *offence* (not to the place), and, when
it is what a witness says of identity, comes from a witness who saw the offence. An open contradiction counts
against the lead, against the candidate and search it comes from, and against whatever supports it, whichever
end it was recorded from.

Reads no clock and no database: the caller brings nodes and edges.
Clauses: D-026-11/not-sole-basis, HSI-M/4D3-leads-only.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from counterseal.casework.words import FACE_DERIVED_KINDS, WITNESS_KINDS, Relation


@dataclass(frozen=True, slots=True)
class Node:
    """An item of the case. kind: of an evidence item, or `search`, `candidate`, `lead`, `step`."""

    id: str
    kind: str
    saw_offence: bool | None = None

    @property
    def is_face_recognition(self) -> bool:
        """True for the uses themselves and for kinds that rest on a face by what they are."""
        return self.kind in {"search", "candidate", "lead"} or self.kind in FACE_DERIVED_KINDS


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` stands in `relation` to `target`; `open` says whether a contradiction is unresolved."""

    source: str
    relation: str
    target: str
    open: bool = True


@dataclass(frozen=True, slots=True)
class Weighed:
    """One item of support and why it counts or does not."""

    node: str
    counts: bool
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds up a lead. The counts are numbers of items, each item once."""

    independent_for_offence: int
    independent_total: int
    from_face_recognition: int
    contradictions_open: int
    weighed: tuple[Weighed, ...]


class EvidenceGraph:
    """Nodes and edges of one case, with the question of descent answered by breadth-first search."""

    def __init__(self, nodes: Iterable[Node], edges: Iterable[Edge]) -> None:
        self.nodes = {n.id: n for n in nodes}
        self.edges = tuple(edges)
        parents: dict[str, set[str]] = defaultdict(set)
        for e in self.edges:
            if e.relation == Relation.DERIVED_FROM:
                parents[e.source].add(e.target)
            elif e.relation == Relation.SHOWN_TO:
                # What somebody says after being shown a thing descends from that thing.
                parents[e.target].add(e.source)
        self._parents = parents

    def descent(self, node: str) -> tuple[str, ...]:
        """The shortest line from `node` back to a use of face recognition, or empty where there is none.

        A node that the graph does not hold is treated as face recognition: unknown origin is not independent.
        """
        before: dict[str, str | None] = {node: None}
        queue = deque([node])
        while queue:
            here = queue.popleft()
            known = self.nodes.get(here)
            if known is None or known.is_face_recognition:
                line: list[str] = []
                step: str | None = here
                while step is not None:
                    line.append(step)
                    step = before[step]
                return tuple(reversed(line))
            for parent in sorted(self._parents.get(here, ())):
                if parent not in before:
                    before[parent] = here
                    queue.append(parent)
        return ()

    def origins(self, node: str) -> frozenset[str]:
        """Everything that `node` descends from, itself not counted unless it descends from itself."""
        seen: set[str] = set()
        queue = [node]
        while queue:
            for parent in self._parents.get(queue.pop(), ()):
                if parent not in seen:
                    seen.add(parent)
                    queue.append(parent)
        return frozenset(seen)

    def standing(self, lead: str) -> Standing:
        """Weigh everything that is said to support `lead`, and count what contradicts it."""
        origins = self.origins(lead)
        supports: dict[str, set[str]] = defaultdict(set)
        for e in self.edges:
            if e.target == lead and e.relation in (Relation.SUPPORTS_OFFENCE, Relation.SUPPORTS_PRESENCE):
                supports[e.source].add(e.relation)
        held_up_by = {lead, *origins, *supports}
        contradictions = len(
            {
                (e.source, e.target)
                for e in self.edges
                if e.relation == Relation.CONTRADICTS and e.open and {e.source, e.target} & held_up_by
            }
        )
        weighed = []
        independent = derived = for_offence = 0
        for source in sorted(supports):
            line = self.descent(source)
            if line:
                derived += 1
                weighed.append(Weighed(source, False, f"descends from face recognition: {' <- '.join(line)}"))
                continue
            if source in origins:
                derived += 1
                weighed.append(
                    Weighed(source, False, "the search was made from it: it cannot support its own result")
                )
                continue
            independent += 1
            if Relation.SUPPORTS_OFFENCE not in supports[source]:
                weighed.append(Weighed(source, False, "independent, but ties the person to the place only"))
            elif self.nodes[source].kind in WITNESS_KINDS and self.nodes[source].saw_offence is not True:
                weighed.append(
                    Weighed(source, False, "independent, but this witness did not see the offence")
                )
            else:
                for_offence += 1
                weighed.append(Weighed(source, True, "independent, and ties the person to the offence"))
        return Standing(for_offence, independent, derived, contradictions, tuple(weighed))
