"""fsck: every way in which rows, log and export can part is found, and named."""

from dataclasses import replace

import pytest

from counterseal.ledger.checkpoint import sign_checkpoint
from counterseal.ledger.entry import Disclosure, read_entry
from counterseal.ledger.fsck import FAR, LogRow, SealedRow, fsck
from counterseal.ledger.tiles import pack_bundle, split_bundle
from counterseal.ledger.tree import Frontier, Node


class Installation:
    """What an installation stores, as lists that a test can break."""

    def __init__(self, log, sealed=()):
        self.log = log
        self.rows = [
            LogRow(index, body, tuple(each.encoded for each in log.disclosures[index]))
            for index, body in enumerate(log.bodies)
        ]
        self.nodes = [Node(level, index, value) for (level, index), value in log.nodes.items()]
        self.frontier = log.frontier
        self.checkpoint = log.checkpoint()
        self.sealed = list(sealed)
        self.files = log.files()

    def check(self, **changes):
        arguments = {
            "frontier": self.frontier,
            "checkpoint": self.checkpoint,
            "trust": self.log.keys,
            "origin": self.log.origin,
            "sealed": self.sealed,
            "read": self.files.read,
        } | changes
        return fsck(self.rows, self.nodes, **arguments)

    def found(self, **changes) -> list[tuple[str, str]]:
        return [(finding.code, finding.where) for finding in self.check(**changes).findings]

    def change_node(self, level, index, value=b"\x00" * 32):
        self.nodes = [
            replace(node, hash=value) if (node.level, node.index) == (level, index) else node
            for node in self.nodes
        ]

    def drop_node(self, level, index):
        self.nodes = [node for node in self.nodes if (node.level, node.index) != (level, index)]


@pytest.fixture
def office(new_log):
    """Two cases: one changed twice, one destroyed; a search with an outcome, one without."""
    log = new_log()
    log.seal("case.opened", rows=[("case", "1", "one-a")])  # 0
    log.seal("case.opened", rows=[("case", "2", "two-a"), ("probe", "7", "p-a")])  # 1
    log.seal("search.intent", outcome="permitted", rows=[("search_request", "r", "r-a")])  # 2
    log.seal("search.outcome", causes=[2], rows=[("search_request", "r", "r-b")])  # 3
    log.seal("case.changed", rows=[("case", "1", "one-b")])  # 4
    log.seal("record.destroyed", destroyed=[("case", "2")])  # 5
    log.seal("search.intent", outcome="refused")  # 6
    log.seal("search.intent", outcome="permitted")  # 7
    return Installation(
        log,
        [
            SealedRow("case", "1", "one-b", 4),
            SealedRow("probe", "7", "p-a", 1),
            SealedRow("search_request", "r", "r-b", 3),
        ],
    )


@pytest.fixture
def big(log):
    return Installation(log)


class TestSound:
    def test_nothing_is_found(self, office):
        steps = []
        report = office.check(progress=lambda done, total: steps.append((done, total)))

        assert report.findings == ()
        assert report.sound
        assert (report.size, report.rows, report.tiles) == (8, 3, 2)
        assert report.open_intents == (7,)
        assert steps[-1] == (8, 8)

    def test_of_several_tiles(self, big):
        assert big.check().sound

    def test_of_an_empty_log(self, new_log):
        assert Installation(new_log()).check().sound

    def test_while_the_export_lags(self, office):
        office.log.seal(rows=[("case", "3", "three")])
        grown = Installation(office.log, [*office.sealed, SealedRow("case", "3", "three", 8)])
        grown.files = office.files

        assert grown.check().sound

    def test_without_casework_and_export(self, office):
        report = office.check(sealed=None, read=None)

        assert report.sound
        assert (report.rows, report.tiles) == (0, 0)

    def test_a_row_made_again_after_its_destruction(self, office):
        office.log.seal(rows=[("case", "2", "two-b")])
        again = Installation(office.log, office.sealed)

        assert again.found() == [("row-missing", "row case 2")]
        again.sealed.append(SealedRow("case", "2", "two-b", 8))
        assert again.check().sound


class TestTheLog:
    def test_a_changed_body(self, big):
        big.rows[300] = replace(big.rows[300], body=big.rows[301].body, disclosures=big.rows[301].disclosures)

        assert big.found() == [("entry-changed", "entry 300")]

    def test_a_changed_leaf_hash(self, big):
        big.change_node(0, 300)

        assert big.found() == [("node-changed", "node 0/300")]

    def test_a_changed_body_and_leaf_hash(self, big):
        row = big.rows[301]
        big.rows[300] = LogRow(300, row.body, row.disclosures)
        big.change_node(0, 300, big.log.nodes[0, 301])
        found = big.found(read=None)

        assert ("root-differs", "checkpoint") in found
        assert ("node-changed", "node 1/150") in found

    def test_a_changed_body_beside_a_changed_hash(self, big):
        big.rows[300] = LogRow(300, big.rows[301].body, big.rows[301].disclosures)
        big.change_node(0, 301)

        assert ("entry-and-node-differ", "entry 300") in big.found()

    def test_a_changed_body_under_no_trusted_checkpoint(self, big):
        big.rows[300] = LogRow(300, big.rows[301].body, big.rows[301].disclosures)
        found = big.found(checkpoint=b"", read=None)

        assert ("checkpoint-not-trusted", "checkpoint") in found
        assert ("entry-and-node-differ", "entry 300") in found

    def test_a_deleted_entry(self, office):
        del office.rows[4]

        assert office.found() == [
            ("entry-missing", "entry 4"),
            ("row-not-in-entry", "row case 1"),
        ]

    def test_the_last_entry_deleted_with_its_state(self, office):
        """The signed size says how many there should be."""
        frontier = Frontier()
        for row in office.rows[:7]:
            frontier, _ = frontier.append(office.log.nodes[0, row.index])
        del office.rows[7]
        office.nodes = [node for node in office.nodes if (node.index + 1) << node.level <= 7]

        assert office.found(frontier=frontier)[:3] == [
            ("entry-missing", "entry 7"),
            ("node-missing", "node 0/7"),
            ("root-differs", "checkpoint"),
        ]

    def test_an_entry_nobody_signed_for(self, office):
        signed = office.checkpoint
        office.log.seal()
        grown = Installation(office.log, office.sealed)

        assert grown.found(checkpoint=signed, read=None) == [("size-differs", "checkpoint")]

    def test_an_index_that_stands_twice(self, office):
        office.rows.insert(3, office.rows[2])

        assert office.found() == [("entry-duplicate", "entry 2")]

    def test_an_index_far_off(self, office):
        office.rows.append(replace(office.rows[0], index=8 + FAR))

        assert office.found() == [("entry-far-off", f"entry {8 + FAR}")]

    def test_bytes_that_are_no_entry(self, office):
        office.log.append(b"no entry")
        broken = Installation(office.log, office.sealed)

        assert broken.found() == [("entry-malformed", "entry 8")]

    def test_a_cause_that_is_not_earlier(self, office):
        office.log.seal(causes=[8])
        assert Installation(office.log, office.sealed).found() == [("cause-not-earlier", "entry 8")]

    def test_a_changed_tree_state(self, office):
        other = office.log.frontier
        changed = Frontier(other.size, other.peaks, (bytes(32), *other.joined[1:]))

        assert office.found(frontier=changed) == [("frontier-differs", "tree state")]

    def test_a_checkpoint_that_another_tree_has(self, office):
        head = replace(office.log.head, root=bytes(32))
        found = office.found(checkpoint=sign_checkpoint(head, office.log.signer), read=None)

        assert found == [("root-differs", "checkpoint")]

    def test_nodes_missing_double_surplus_and_malformed(self, office):
        office.drop_node(1, 2)
        office.drop_node(0, 3)
        office.nodes += [
            Node(0, 0, bytes(32)),
            Node(0, 8, bytes(32)),
            Node(64, 0, bytes(32)),
            Node(0, -1, b""),
        ]
        found = office.found()

        assert set(found) >= {
            ("node-missing", "node 1/2"),
            ("node-missing", "node 0/3"),
            ("node-duplicate", "node 0/0"),
            ("node-surplus", "node 0/8"),
            ("node-malformed", "node 64/0"),
            ("node-malformed", "node 0/-1"),
        }

    def test_a_changed_upper_node(self, office):
        office.change_node(2, 1)
        assert office.found() == [("node-changed", "node 2/1")]

    def test_a_body_changed_where_a_neighbour_is_lost(self, office):
        office.drop_node(0, 1)
        office.rows[0] = LogRow(0, office.rows[4].body, office.rows[4].disclosures)

        assert ("entry-and-node-differ", "entry 0") in office.found()


class TestDisclosures:
    def test_a_lost_one(self, office):
        kept = [text for text in office.rows[0].disclosures if Disclosure.parse(text).name != "target"]
        office.rows[0] = replace(office.rows[0], disclosures=tuple(kept))

        assert office.found() == [("disclosure-missing", "entry 0")]

    def test_rows_that_cannot_be_opened(self, office):
        kept = [text for text in office.rows[4].disclosures if Disclosure.parse(text).name != "rows"]
        office.rows[4] = replace(office.rows[4], disclosures=tuple(kept))

        assert office.found() == [("disclosure-missing", "entry 4"), ("rows-not-openable", "entry 4")]

    def test_of_another_entry_malformed_and_twice(self, office):
        row = office.rows[0]
        for extra in (office.rows[1].disclosures[0], "%", row.disclosures[0]):
            office.rows[0] = replace(row, disclosures=(*row.disclosures, extra))
            assert office.found() == [("disclosure-foreign", "entry 0")]

    @pytest.mark.parametrize(
        "committed",
        [
            {"rows": "case"},
            {"rows": [["case", "1"]]},
            {"rows": [["case", 1, "digest"]]},
            {"rows": ["case"]},
            {"rows": [["case", "9", "a"], ["case", "9", "b"]]},
        ],
    )
    def test_rows_of_another_form(self, office, committed):
        from counterseal.ledger.entry import Reason, make_entry

        office.log.append_sealed(
            make_entry(
                kind="case.changed",
                at=read_entry(office.rows[0].body).at,
                outcome="done",
                reason=Reason(),
                causes=(),
                public={},
                committed={"initiator": "i", "action": "a", "target": "t"} | committed,
                salt=office.log.salt,
            )
        )
        found = Installation(office.log, office.sealed).found()
        assert found[0] == ("rows-malformed", "entry 8")


class TestCasework:
    def test_a_changed_row(self, office):
        office.sealed[0] = replace(office.sealed[0], digest="something else")
        assert office.found() == [("row-changed", "row case 1")]

    def test_a_deleted_row(self, office):
        del office.sealed[0]
        assert office.found() == [("row-missing", "row case 1")]

    def test_a_row_without_an_entry(self, office):
        office.sealed.append(SealedRow("case", "99", "x", 8))
        office.sealed.append(SealedRow("case", "98", "x", -1))
        office.sealed.append(SealedRow("case", "97", "x", 2))
        assert office.found() == [
            ("row-entry-missing", "row case 99"),
            ("row-entry-missing", "row case 98"),
            ("row-not-in-entry", "row case 97"),
        ]

    def test_a_row_put_back_to_an_earlier_state(self, office):
        """A restored backup of one table: each row was sealed once, and is not the latest."""
        office.sealed[0] = SealedRow("case", "1", "one-a", 0)
        assert office.found() == [("row-stale", "row case 1")]

    def test_a_row_that_was_destroyed(self, office):
        office.sealed.append(SealedRow("case", "2", "two-a", 1))
        report = office.check()

        assert [finding.code for finding in report.findings] == ["row-not-destroyed"]
        assert "replay the list of erasures" in report.findings[0].says

    def test_a_row_brought_twice(self, office):
        office.sealed.append(office.sealed[0])
        assert office.found() == [("row-duplicate", "row case 1")]


class TestExport:
    def test_a_changed_tile(self, big):
        big.files.flip("tile/0/001", 33)
        assert big.found() == [("tile-changed", "hash 1 of tile/0/001")]

    def test_a_changed_upper_tile(self, big):
        big.files.flip("tile/1/000.p/2", 0)
        assert big.found() == [("tile-changed", "hash 0 of tile/1/000.p/2")]

    def test_a_changed_bundle(self, big):
        bodies = split_bundle(big.files["tile/entries/001"], 256)
        bodies[9] = bodies[10]
        big.files["tile/entries/001"] = pack_bundle(bodies)
        assert big.found() == [("bundle-changed", "entry 9 of tile/entries/001")]

    def test_a_missing_tile_and_a_bundle_cut_short(self, big):
        del big.files["tile/0/000"]
        big.files["tile/entries/000"] = big.files["tile/entries/000"][:-1]
        assert big.found() == [("tile-unreadable", "tile/entries/000"), ("tile-unreadable", "tile/0/000")]

    def test_a_foreign_or_missing_checkpoint(self, office):
        office.files["checkpoint"] = b""
        assert office.found() == [("export-not-trusted", "checkpoint")]
        del office.files["checkpoint"]
        assert office.found() == [("export-not-trusted", "checkpoint")]

    def test_an_export_that_is_ahead(self, office):
        """A database restored from before the export."""
        old = Installation(office.log, office.sealed)
        office.log.seal()
        old.files = office.log.files()
        assert old.found() == [("export-ahead", "checkpoint")]

    def test_an_export_of_another_tree(self, office):
        head = replace(office.log.head, root=bytes(32))
        office.files["checkpoint"] = sign_checkpoint(head, office.log.signer)
        assert office.found() == [("export-root-differs", "checkpoint")]
