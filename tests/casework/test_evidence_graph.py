"""What counts as independent of a face, as properties of any graph."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from counterseal.casework.evidence_graph import Edge, EvidenceGraph, Node
from counterseal.casework.words import FACE_DERIVED_KINDS, WITNESS_KINDS, NodeKind, Relation

LEAD = "lead-1"
# The skeleton that the gateway gives every lead: it comes from a candidate, that from a search, that from a still.
SKELETON_NODES = (
    Node(LEAD, "lead"),
    Node("candidate-1", "candidate"),
    Node("search-1", "search"),
    Node("still", NodeKind.FOOTAGE),
)
SKELETON = (
    Edge(LEAD, "derived-from", "candidate-1"),
    Edge("candidate-1", "derived-from", "search-1"),
    Edge("search-1", "derived-from", "still"),
)
ITEMS = [f"item-{n}" for n in range(6)]
KINDS = [*NodeKind, "step"]
nodes = st.fixed_dictionaries(
    {item: st.tuples(st.sampled_from(KINDS), st.sampled_from([True, False, None])) for item in ITEMS}
)
ends = st.sampled_from([*ITEMS, *(n.id for n in SKELETON_NODES), "nobody-knows"])
edges = st.lists(
    st.builds(Edge, ends, st.sampled_from([str(r) for r in Relation]), ends, st.booleans()), max_size=14
)


def graph(kinds: dict[str, tuple[str, bool | None]], more: list[Edge] | tuple[Edge, ...]) -> EvidenceGraph:
    """A case: the skeleton, the items, and what somebody recorded between them."""
    made = [Node(i, str(kind), saw) for i, (kind, saw) in kinds.items()]
    return EvidenceGraph([*SKELETON_NODES, *made], [*SKELETON, *more])


class TestDescent:
    @given(nodes, edges, edges)
    def test_more_edges_never_make_anything_independent(self, kinds, some, more):
        """Descent is monotone: what descends from a face keeps doing so, whatever else is recorded."""
        before, after = graph(kinds, some), graph(kinds, some + more)
        for item in ITEMS:
            assert not (before.descent(item) and not after.descent(item))

    @given(nodes, edges)
    def test_line_of_descent_is_one(self, kinds, recorded):
        """It begins at the item, ends at a face, and each step is a recorded edge."""
        g = graph(kinds, recorded)
        derived = {(e.source, e.target) for e in g.edges if e.relation == Relation.DERIVED_FROM}
        derived |= {(e.target, e.source) for e in g.edges if e.relation == Relation.SHOWN_TO}
        for item in ITEMS:
            line = g.descent(item)
            if line:
                assert line[0] == item
                assert line[-1] not in g.nodes or g.nodes[line[-1]].is_face_recognition
                assert set(itertools.pairwise(line)) <= derived
                assert len(set(line)) == len(line)

    @given(st.text(max_size=20))
    def test_unknown_node_is_never_independent(self, unknown):
        """Nobody knows where it comes from."""
        assert EvidenceGraph([], []).descent(unknown) == (unknown,)

    def test_item_derived_from_something_unknown_is_not_independent(self):
        """Nor is what descends from it."""
        g = EvidenceGraph([Node("a", NodeKind.RECORD)], [Edge("a", "derived-from", "gone")])
        assert g.descent("a") == ("a", "gone")

    def test_cycle_of_innocent_items_ends_and_is_independent(self):
        """A from B, B from A, neither from a face."""
        two = [Node("a", NodeKind.RECORD), Node("b", NodeKind.RECORD)]
        g = EvidenceGraph(two, [Edge("a", "derived-from", "b"), Edge("b", "derived-from", "a")])
        assert g.descent("a") == ()
        assert g.origins("a") == {"a", "b"}

    def test_cycle_with_a_face_in_it_ends_and_is_not(self):
        """However long the way round."""
        three = [Node("a", NodeKind.RECORD), Node("b", NodeKind.RECORD), Node("c", NodeKind.OWN_LOOK)]
        ring = [
            Edge("a", "derived-from", "b"),
            Edge("b", "derived-from", "c"),
            Edge("c", "derived-from", "a"),
        ]
        assert EvidenceGraph(three, ring).descent("a") == ("a", "b", "c")

    def test_shortest_line_is_told(self):
        """Two ways to the search: the reader sees the short one."""
        g = graph(dict.fromkeys(ITEMS, (NodeKind.RECORD, None)), [])
        g = EvidenceGraph(
            g.nodes.values(),
            [
                *SKELETON,
                Edge("item-0", "derived-from", "item-1"),
                Edge("item-1", "derived-from", "candidate-1"),
                Edge("item-0", "derived-from", "search-1"),
            ],
        )
        assert g.descent("item-0") == ("item-0", "search-1")


class TestStanding:
    @given(nodes, edges, st.randoms(use_true_random=False), st.integers(0, 3))
    def test_order_and_repetition_do_not_matter(self, kinds, recorded, random, times):
        """The same facts told in another order, or twice, weigh the same."""
        again = recorded + recorded[:times]
        random.shuffle(again)
        assert graph(kinds, recorded).standing(LEAD) == graph(kinds, again).standing(LEAD)

    @given(nodes, edges, st.sampled_from([*ITEMS, LEAD, "candidate-1", "search-1"]), st.integers(1, 5))
    def test_derived_evidence_never_raises_the_independent_count(self, kinds, recorded, origin, times):
        """Another look, another service, another line-up: repeated as often as one likes."""
        before = graph(kinds, recorded)
        more = list(recorded)
        for n in range(times):
            more += [
                Edge(f"new-{n}", "derived-from", LEAD if not before.descent(origin) else origin),
                Edge(f"new-{n}", "supports-offence", LEAD),
            ]
        made = [Node(f"new-{n}", NodeKind.WITNESS_STATEMENT, True) for n in range(times)]
        after = EvidenceGraph([*before.nodes.values(), *made], [*SKELETON, *more])

        old, new = before.standing(LEAD), after.standing(LEAD)
        assert new.independent_total == old.independent_total
        assert new.independent_for_offence == old.independent_for_offence
        assert new.from_face_recognition == old.from_face_recognition + times

    @given(nodes, edges)
    def test_counts_are_coherent(self, kinds, recorded):
        """Each item is weighed once; what counts is independent; what is open touches the lead's own ground."""
        g = graph(kinds, recorded)
        standing = g.standing(LEAD)
        assert standing.independent_for_offence <= standing.independent_total
        assert len(standing.weighed) == standing.independent_total + standing.from_face_recognition
        assert len({w.node for w in standing.weighed}) == len(standing.weighed)
        for weighed in standing.weighed:
            if weighed.counts:
                node = g.nodes[weighed.node]
                assert not g.descent(weighed.node)
                assert Edge(weighed.node, "supports-offence", LEAD, True) in g.edges or (
                    Edge(weighed.node, "supports-offence", LEAD, False) in g.edges
                )
                assert node.kind not in FACE_DERIVED_KINDS
                assert node.kind not in WITNESS_KINDS or node.saw_offence is True

    @given(nodes, edges, st.sampled_from(ITEMS))
    def test_open_contradiction_is_never_counted_away(self, kinds, recorded, item):
        """Whatever else is recorded, one more open contradiction of the lead counts."""
        plain = [e for e in recorded if e.relation != Relation.CONTRADICTS]
        for edge in (Edge(item, "contradicts", LEAD), Edge(LEAD, "contradicts", item)):
            assert graph(kinds, [*plain, edge]).standing(LEAD).contradictions_open == 1
        closed = Edge(item, "contradicts", LEAD, open=False)
        assert graph(kinds, [*plain, closed]).standing(LEAD).contradictions_open == 0

    def test_contradiction_between_strangers_to_the_lead_does_not_block(self):
        """Two items that have nothing to do with this lead."""
        kinds = dict.fromkeys(ITEMS, (NodeKind.RECORD, None))
        apart = Edge("item-0", "contradicts", "item-1")
        assert graph(kinds, [apart]).standing(LEAD).contradictions_open == 0
        support = Edge("item-1", "supports-presence", LEAD)
        assert graph(kinds, [apart, support]).standing(LEAD).contradictions_open == 1

    def test_the_still_that_was_searched_with_supports_nothing(self):
        """It would be the face once more."""
        standing = graph({}, [Edge("still", "supports-offence", LEAD)]).standing(LEAD)
        assert (standing.independent_total, standing.from_face_recognition) == (0, 1)
        assert standing.weighed[0].why.startswith("the search was made from it")

    def test_place_is_not_offence_and_both_are_one_item(self):
        """He lives there. And an item that ties him to both counts once."""
        kinds = dict.fromkeys(ITEMS, (NodeKind.RECORD, None))
        place = Edge("item-0", "supports-presence", LEAD)
        assert graph(kinds, [place]).standing(LEAD).independent_for_offence == 0
        both = graph(kinds, [place, Edge("item-0", "supports-offence", LEAD)]).standing(LEAD)
        assert (both.independent_for_offence, both.independent_total) == (1, 1)

    def test_witness_counts_who_saw_the_offence(self):
        """Not one who did not, and not one of whom nobody said."""
        for saw, counted in ((True, 1), (False, 0), (None, 0)):
            kinds = dict.fromkeys(ITEMS, (NodeKind.WITNESS_STATEMENT, saw))
            standing = graph(kinds, [Edge("item-0", "supports-offence", LEAD)]).standing(LEAD)
            assert (standing.independent_for_offence, standing.independent_total) == (counted, 1)
