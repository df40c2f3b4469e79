"""Tiles and bundles as C2SP tlog-tiles lays them out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.ledger.errors import MalformedTileError
from counterseal.ledger.tiles import (
    Tile,
    TileNodes,
    check_tile,
    export,
    pack_bundle,
    split_bundle,
    tiles_of,
)
from counterseal.ledger.tree import consistency_proof, inclusion_proof

PATHS = {
    # C2SP tlog-tiles: "index 1234067 will be encoded as x001/x234/067".
    "tile/0/x001/x234/067": Tile(0, 1234067),
    "tile/0/000": Tile(0, 0),
    "tile/63/999.p/255": Tile(63, 999, 255),
    "tile/1/x001/000.p/1": Tile(1, 1000, 1),
    "tile/entries/x273/001.p/112": Tile(None, 273001, 112),
}


class TestPaths:
    @pytest.mark.parametrize("path", PATHS)
    def test_are_as_published(self, path):
        assert Tile.parse(path) == PATHS[path]
        assert PATHS[path].path == path

    @given(st.none() | st.integers(0, 63), st.integers(0, 2**62), st.integers(1, 256))
    def test_come_back(self, level, index, width):
        tile = Tile(level, index, width)
        assert Tile.parse(tile.path) == tile

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/64/000",
            "tile/99/000",
            "tile/-1/000",
            "tile/data/000",
            "tile/8/0/000",
            "tile/0/x000/001",
            "tile/0/001/x000",
            "tile/0/x01/001",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/07",
            "tile/0/000.p/",
            "tile/0/000/",
            "/tile/0/000",
            "tile/0/000\n",
            "tile/0/٠٠٠",
            "tile/0/../000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ],
    )
    def test_have_one_spelling(self, path):
        with pytest.raises(MalformedTileError):
            Tile.parse(path)


class TestWhichTiles:
    def test_the_published_example(self):
        """C2SP tlog-tiles: a tree of size 70,000."""
        tiles = [tile for tile in tiles_of(70_000) if tile.level is not None]
        counts = {(tile.level, tile.width): 0 for tile in tiles}
        for tile in tiles:
            counts[tile.level, tile.width] += 1

        assert counts == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}

    def test_256_entries_are_a_full_tile_and_one_of_width_1(self):
        assert [tile.path for tile in tiles_of(256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]

    def test_an_empty_log_has_none(self):
        assert list(tiles_of(0)) == []

    @given(st.integers(0, 3000), st.integers(0, 3000))
    def test_what_was_exported_plus_the_rest_is_the_whole(self, since, more):
        size = since + more
        whole = set(tiles_of(size))

        assert set(tiles_of(size, since=since)) | set(tiles_of(since)) >= whole
        assert set(tiles_of(size, since=since)) == whole - set(tiles_of(since))

    def test_a_log_does_not_shrink(self):
        with pytest.raises(MalformedTileError, match="does not grow"):
            list(tiles_of(3, since=4))


class TestExport:
    @pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
    def test_in_steps_it_is_the_same_as_at_once(self, cheap_log, size):
        log = cheap_log(size)
        steps: dict[str, bytes] = {}
        for since, until in ((0, size // 3), (size // 3, size)):
            steps.update(cheap_log(until).export(since=since))
        whole = log.files()

        assert whole.items() <= steps.items()
        assert list(whole)[-1] == "checkpoint"

    def test_bundles_hold_the_entries(self, log):
        files = log.files()
        bodies = [
            body
            for tile in tiles_of(log.size)
            if tile.level is None
            for body in split_bundle(files[tile.path], tile.width)
        ]
        assert bodies == log.bodies

    def test_tiles_are_enough_for_every_proof(self, cheap_log):
        log = cheap_log(66_000)
        node = TileNodes(log.files().read, log.size, keep=3)

        for index in (0, 255, 256, 65_535, 65_536, 65_999):
            assert inclusion_proof(index, log.size, node) == inclusion_proof(index, log.size, log.node)
        for old in (1, 256, 300, 65_536, 65_537):
            assert consistency_proof(old, log.size, node) == consistency_proof(old, log.size, log.node)

    def test_what_is_stored_must_fill_it(self, cheap_log):
        log = cheap_log(3)
        with pytest.raises(MalformedTileError, match="needs 3 entries, 2 are stored"):
            list(export(3, log.node, lambda first, end: log.bodies[:2], b""))
        with pytest.raises(MalformedTileError, match="32 bytes"):
            list(export(3, lambda level, index: b"", lambda first, end: log.bodies, b""))


class TestReading:
    @given(st.lists(st.binary(max_size=300), max_size=20))
    def test_a_bundle_comes_back(self, bodies):
        assert split_bundle(pack_bundle(bodies), len(bodies)) == bodies

    def test_the_longest_entry_fits(self):
        assert split_bundle(pack_bundle([b"x" * 65_535]), 1) == [b"x" * 65_535]
        with pytest.raises(MalformedTileError, match="at most 65535"):
            pack_bundle([b"x" * 65_536])

    @pytest.mark.parametrize(
        ("data", "width"), [(b"", 1), (b"\x00", 1), (b"\x00\x01", 1), (b"\x00\x00\x00", 1), (b"\x00\x00", 0)]
    )
    def test_another_length_is_refused(self, data, width):
        with pytest.raises(MalformedTileError):
            split_bundle(data, width)
        with pytest.raises(MalformedTileError):
            check_tile(data + b"x", width)
