"""The full audit: every attack on an exported log is found, and named as what it is."""

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.ledger.audit import audit
from counterseal.ledger.checkpoint import Signer, Verifier, sign_checkpoint
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.tiles import pack_bundle, split_bundle
from counterseal.ledger.tree import hash_pairs, leaf_hash


def codes(report) -> list[str]:
    return [finding.code for finding in report.findings]


def places(report) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in report.findings]


class TestSound:
    @pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 700])
    def test_at_every_shape(self, cheap_log, size):
        log = cheap_log(size)
        report = audit(log.files().read, log.keys, origin=log.origin, decode=False)

        assert report.sound
        assert audit(log.files().read, [log.signer.verifier], decode=False) == report
        assert (report.hashed, report.decoded, report.checkpoint) == (size, 0, log.head)

    def test_with_entries_rotation_and_older_checkpoints(self, new_log):
        log = new_log()
        intents = []
        for _ in range(130):
            intents.append(log.seal("search.intent", outcome="permitted"))
            log.seal("search.outcome", causes=[intents[-1]])
        log.checkpoint()
        log.rotate(b"\x02" * 32)
        log.seal("search.intent", outcome="refused")
        unanswered = log.seal("search.intent", outcome="permitted")
        failed = log.seal("search.intent", outcome="permitted")
        log.seal("search.failed", outcome="unavailable", causes=[failed])
        files = log.files()
        files.update({f"checkpoints/{size}": note for size, note in log.checkpoints.items()})
        steps: list[tuple[int, int]] = []
        report = audit(
            files.read,
            log.keys,
            older=log.checkpoints.values(),
            progress=lambda done, total: steps.append((done, total)),
        )

        assert report.findings == ()
        assert report.open_intents == (unanswered,)
        assert report.decoded == report.hashed == log.size
        assert steps == [(256, 265), (265, 265)]

    def test_a_level_above_the_second(self, cheap_log):
        log = cheap_log(66_000)
        assert audit(log.files().read, log.keys, decode=False).sound


class TestTampered:
    def test_a_changed_body_under_intact_tiles(self, log):
        """Consistency proofs and tiles stay as they were: only hashing every entry finds it."""
        files = log.files()
        bodies = split_bundle(files["tile/entries/001"], 256)
        content = json.loads(bodies[44])
        bodies[44] = rfc8785.dumps(content | {"outcome": "permitted"})
        files["tile/entries/001"] = pack_bundle(bodies)
        report = audit(files.read, log.keys, older=[log.checkpoint()])

        assert places(report) == [("entry-changed", "entry 300 in tile/entries/001")]

    def test_a_changed_body_with_its_leaf_hash(self, log):
        files = log.files()
        bodies = split_bundle(files["tile/entries/001"], 256)
        bodies[44] = bodies[45]
        files["tile/entries/001"] = pack_bundle(bodies)
        tile = bytearray(files["tile/0/001"])
        tile[44 * 32 : 45 * 32] = leaf_hash(bodies[44])
        files["tile/0/001"] = bytes(tile)

        assert places(audit(files.read, log.keys)) == [
            ("tile-changed", "tile/1/000.p/2"),
            ("root-differs", "checkpoint"),
        ]

    def test_everything_rewritten_but_the_key(self, log, new_log):
        """Whoever has the whole directory but not the key."""
        other = new_log()
        other.signer = Signer.from_seed(log.origin, b"\x66" * 32)
        for body in [*log.bodies[:300], *log.bodies[301:]]:
            other.append(body)

        report = audit(other.files().read, log.keys)
        assert places(report) == [("checkpoint-not-trusted", "checkpoint")]
        assert report.checkpoint is None

    def test_a_second_history_by_the_key_itself(self, log, new_log):
        """Equivocation: sound in itself, and found by whoever kept a checkpoint."""
        other = new_log()
        for body in [*log.bodies[:300], *log.bodies[301:], log.bodies[300]]:
            other.append(body)

        assert audit(other.files().read, log.keys).sound
        report = audit(other.files().read, log.keys, older=[log.checkpoint()])
        assert places(report) == [("not-an-extension", "older checkpoint of size 700")]

    def test_a_changed_leaf_tile(self, log):
        files = log.files()
        files.flip("tile/0/002.p/188", 5 * 32)

        assert places(audit(files.read, log.keys)) == [("tile-changed", "hash 5 of tile/0/002.p/188")]

    def test_a_changed_upper_tile(self, log):
        files = log.files()
        files.flip("tile/1/000.p/2", 40)

        assert places(audit(files.read, log.keys)) == [("tile-changed", "tile/1/000.p/2")]

    def test_a_body_and_its_neighbours_hash(self, log):
        """When the hash beside it was changed too, nothing can say which of the two is sound."""
        files = log.files()
        files.flip("tile/entries/000", 40)
        files.flip("tile/0/000", 32)
        report = audit(files.read, log.keys)

        assert places(report)[0] == ("entry-and-tile-differ", "entry 0 in tile/entries/000 and tile/0/000")
        assert "root-differs" in codes(report)

    def test_a_missing_bundle(self, log):
        files = log.files()
        del files["tile/entries/001"]
        report = audit(files.read, log.keys)

        assert places(report) == [("bundle-unreadable", "tile/entries/001")]
        assert report.hashed == 700 - 256

    def test_a_missing_tile(self, log):
        files = log.files()
        del files["tile/0/001"]

        assert places(audit(files.read, log.keys)) == [("tile-unreadable", "tile/0/001")]

    def test_a_missing_bundle_with_its_tile(self, log):
        files = log.files()
        del files["tile/0/001"], files["tile/entries/001"]

        assert set(codes(audit(files.read, log.keys))) >= {
            "bundle-unreadable",
            "tile-unreadable",
            "root-differs",
        }

    def test_a_bundle_cut_short(self, log):
        files = log.files()
        files["tile/entries/001"] = files["tile/entries/001"][:-1]

        assert places(audit(files.read, log.keys)) == [("bundle-unreadable", "tile/entries/001")]

    def test_a_missing_checkpoint(self, log):
        report = audit(log_reader_without_files, log.keys)
        assert codes(report) == ["checkpoint-not-trusted"]

    def test_a_shorter_log_under_its_own_checkpoint(self, new_log):
        """Cutting the end off is found by whoever kept a later checkpoint."""
        log = new_log()
        for _ in range(5):
            log.seal()
        short = log.files()
        log.seal()
        report = audit(short.read, log.keys, older=[log.checkpoint(), b"no note"])

        assert places(report) == [
            ("log-shrank", "older checkpoint"),
            ("checkpoint-not-trusted", "older checkpoint"),
        ]

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_any_flipped_bit_of_any_file(self, data, mixed_log):
        log, files = mixed_log
        path = data.draw(st.sampled_from(sorted(path for path in files if "checkpoints" not in path)))
        bit = data.draw(st.integers(0, len(files[path]) * 8 - 1))
        changed = type(files)(files)
        changed.flip(path, bit // 8, 1 << bit % 8)

        assert not audit(changed.read, log.keys).sound


class TestEntries:
    def test_what_is_no_entry(self, new_log):
        log = new_log()
        log.seal()
        log.append(b"not JSON")

        assert places(audit(log.files().read, log.keys)) == [("entry-malformed", "entry 1")]
        assert audit(log.files().read, log.keys, decode=False).sound

    def test_a_cause_that_is_not_earlier(self, new_log):
        log = new_log()
        log.seal()
        log.seal(causes=[1])

        assert places(audit(log.files().read, log.keys)) == [("cause-not-earlier", "entry 1")]


class TestRotations:
    @pytest.fixture
    def rotated(self, new_log):
        log = new_log()
        log.seal()
        log.rotate(b"\x02" * 32)
        log.seal()
        files = log.files()
        files["checkpoints/2"] = log.checkpoints[2]
        return log, files

    def test_are_sound(self, rotated):
        log, files = rotated
        assert audit(files.read, log.keys).findings == ()

    def test_without_the_doubly_signed_checkpoint(self, rotated):
        log, files = rotated
        del files["checkpoints/2"]
        assert codes(audit(files.read, log.keys)) == ["rotation-not-logged"]

    def test_with_a_checkpoint_of_another_size(self, rotated):
        log, files = rotated
        files["checkpoints/2"] = log.checkpoint()
        assert codes(audit(files.read, log.keys)) == ["rotation-not-logged"]

    def test_that_no_entry_names(self, rotated):
        """A history file with one key more proves nothing by itself."""
        log, files = rotated
        thief = Signer.from_seed(log.origin, b"\x66" * 32)
        history = log.keys.rotated(thief.verifier, at_size=3)
        files["checkpoint"] = files["checkpoints/3"] = sign_checkpoint(log.head, log.signer, thief)
        report = audit(files.read, history)

        assert places(report) == [("rotation-not-logged", f"key {thief.verifier.key_id.hex()} from size 3")]

    def test_that_the_history_lacks(self, new_log):
        log = new_log()
        log.seal()
        old = log.signer
        log.rotate(b"\x02" * 32)
        files = log.files()
        files["checkpoint"] = sign_checkpoint(log.head, old)

        report = audit(files.read, KeyHistory.single(old.verifier))
        assert places(report) == [("rotation-unknown", "entry 1")]

    def test_later_than_the_log_do_not_matter(self, rotated):
        log, files = rotated
        history = log.keys.rotated(Verifier(log.origin, bytes(32)), at_size=9)
        assert audit(files.read, history).sound


@pytest.fixture(scope="module")
def mixed_log(cheap_log):
    log = cheap_log(0)
    for _ in range(260):
        log.seal()
    return log, log.files()


def log_reader_without_files(path: str) -> bytes:
    raise FileNotFoundError(path)


def test_an_upper_tile_is_the_hash_of_those_below(cheap_log):
    """tlog-tiles: each hash of level 1 is the root of a full tile of level 0."""
    files = cheap_log(300).files()
    hashes = files["tile/0/000"]
    while len(hashes) > 32:
        hashes = hash_pairs(hashes)
    assert files["tile/1/000.p/1"] == hashes
