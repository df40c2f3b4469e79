"""The tree against published vectors, against the definition in the RFC, and against changed proofs."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.ledger.errors import ProofError, TreeRangeError
from counterseal.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves, roots and proofs of the certificate-transparency test data
# (google/certificate-transparency, merkletree tests; the same numbers stand in transparency-dev/merkle,
# testonly/constants.go).
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {  # (index, size): proof
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CT_CONSISTENCY = {  # (old, new): proof
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 7): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word: the slow definition that the fast code must agree with."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(mth(leaves[:split]), mth(leaves[split:]))


class Grown:
    """A tree of n leaves with every frontier and stored node on its way."""

    def __init__(self, bodies: list[bytes]) -> None:
        self.leaves = [leaf_hash(body) for body in bodies]
        self.frontiers = [Frontier()]
        self.nodes: dict[tuple[int, int], bytes] = {}
        for leaf in self.leaves:
            frontier, nodes = self.frontiers[-1].append(leaf)
            self.frontiers.append(frontier)
            for node in nodes:
                assert (node.level, node.index) not in self.nodes, "a complete node is written once"
                self.nodes[node.level, node.index] = node.hash

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def root(self, size: int) -> bytes:
        return self.frontiers[size].root()


@pytest.fixture(scope="module")
def tree() -> Grown:
    return Grown([b"leaf %d" % index for index in range(130)])


class TestPublishedVectors:
    def test_roots(self):
        grown = Grown(CT_LEAVES)

        assert [grown.root(size).hex() for size in range(9)] == CT_ROOTS
        assert [root_hash(size, grown.node).hex() for size in range(9)] == CT_ROOTS

    @pytest.mark.parametrize(("index", "size"), CT_INCLUSION)
    def test_inclusion(self, index, size):
        grown = Grown(CT_LEAVES)
        proof = inclusion_proof(index, size, grown.node)

        assert [part.hex() for part in proof] == CT_INCLUSION[index, size]
        verify_inclusion(index, size, grown.leaves[index], proof, bytes.fromhex(CT_ROOTS[size]))

    @pytest.mark.parametrize(("old", "new"), CT_CONSISTENCY)
    def test_consistency(self, old, new):
        proof = consistency_proof(old, new, Grown(CT_LEAVES).node)

        assert [part.hex() for part in proof] == CT_CONSISTENCY[old, new]
        verify_consistency(old, new, bytes.fromhex(CT_ROOTS[old]), bytes.fromhex(CT_ROOTS[new]), proof)


class TestEverySize:
    def test_root_is_the_definition(self, tree):
        for size in range(len(tree.leaves) + 1):
            assert tree.root(size) == mth(tree.leaves[:size]) == root_hash(size, tree.node)

    def test_every_inclusion_proof_verifies(self, tree):
        seen = 0
        for size in range(1, 70):
            for index in range(size):
                proof = inclusion_proof(index, size, tree.node)
                verify_inclusion(index, size, tree.leaves[index], proof, tree.root(size))
                seen += 1
        assert seen == 69 * 70 // 2

    def test_the_last_leaf_is_proved_without_a_read(self, tree):
        for size in range(1, len(tree.leaves) + 1):
            path = tree.frontiers[size].inclusion_path_of_last()
            assert path == inclusion_proof(size - 1, size, tree.node)

    def test_every_consistency_proof_verifies(self, tree):
        seen = 0
        for new in range(70):
            for old in range(new + 1):
                proof = consistency_proof(old, new, tree.node)
                verify_consistency(old, new, tree.root(old), tree.root(new), proof)
                seen += 1
        assert seen == 70 * 71 // 2

    def test_a_stored_state_reads_back(self, tree):
        for frontier in tree.frontiers:
            assert Frontier.from_bytes(frontier.to_bytes()) == frontier


sizes = st.integers(1, 130)


class TestForgeries:
    @given(data=st.data(), size=sizes)
    def test_a_changed_inclusion_proof_is_refused(self, tree, data, size):
        """Index, leaf, root, any bit of any hash, one hash more or less."""
        index = data.draw(st.integers(0, size - 1))
        proof = list(inclusion_proof(index, size, tree.node))
        good = (index, size, tree.leaves[index], tuple(proof), tree.root(size))
        verify_inclusion(*good)
        other = data.draw(st.integers(0, size - 1).filter(lambda at: at != index)) if size > 1 else index + 1
        forged = [
            (other, *good[1:]),
            (*good[:2], bytes(32), *good[3:]),
            (*good[:4], flip(good[4], data)),
            (*good[:3], (*proof, bytes(32)), good[4]),
            (index, index, *good[2:]),
            (-1, *good[1:]),
        ]
        if proof:
            at = data.draw(st.integers(0, len(proof) - 1))
            forged += [
                (*good[:3], tuple(proof[:-1]), good[4]),
                (*good[:3], (*proof[:at], flip(proof[at], data), *proof[at + 1 :]), good[4]),
                (*good[:3], (*proof[:at], proof[at][:-1], *proof[at + 1 :]), good[4]),
            ]
        for each in forged:
            with pytest.raises(ProofError):
                verify_inclusion(*each)

    @given(data=st.data(), new=sizes)
    def test_a_changed_consistency_proof_is_refused(self, tree, data, new):
        old = data.draw(st.integers(0, new))
        proof = consistency_proof(old, new, tree.node)
        roots = (tree.root(old), tree.root(new))
        verify_consistency(old, new, *roots, proof)
        forged = [
            (old, new, flip(roots[0], data), roots[1], proof),
            (old, new, *roots, (*proof, bytes(32))),
            (new + 1, new, *roots, proof),
            (-1, new, *roots, proof),
        ]
        if old > 0:
            forged.append((old, new, roots[0], flip(roots[1], data), proof))
        if proof:
            at = data.draw(st.integers(0, len(proof) - 1))
            forged += [
                (old, new, *roots, proof[:-1]),
                (old, new, *roots, ()),
                (old, new, *roots, (*proof[:at], flip(proof[at], data), *proof[at + 1 :])),
                (old, new, *roots, (*proof[:at], b"", *proof[at + 1 :])),
            ]
        for each in forged:
            with pytest.raises(ProofError):
                verify_consistency(*each)

    def test_the_empty_tree_has_one_root(self):
        verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, ())
        with pytest.raises(ProofError):
            verify_consistency(0, 0, EMPTY_ROOT, bytes(32), ())

    @given(old_root=st.binary(min_size=32, max_size=32))
    def test_another_history_of_the_same_size_is_refused(self, tree, old_root):
        with pytest.raises(ProofError, match=r"does not extend|not consistent"):
            verify_consistency(64, 100, old_root, tree.root(100), consistency_proof(64, 100, tree.node))


class TestRanges:
    def test_what_no_tree_has_is_refused(self, tree):
        with pytest.raises(TreeRangeError, match="leaf 5 is not in a tree of size 5"):
            inclusion_proof(5, 5, tree.node)
        with pytest.raises(TreeRangeError, match="cannot extend"):
            consistency_proof(6, 5, tree.node)
        with pytest.raises(TreeRangeError, match="size -1"):
            root_hash(-1, tree.node)
        with pytest.raises(TreeRangeError, match="no last leaf"):
            Frontier().inclusion_path_of_last()
        with pytest.raises(TreeRangeError, match="32 bytes"):
            Frontier().append(b"short")

    @pytest.mark.parametrize(
        "state",
        [
            {"size": -1},
            {"size": 1 << 63, "peaks": (bytes(32),)},
            {"size": 3, "peaks": (bytes(32),)},
            {"size": 2, "peaks": (bytes(32),)},
            {"size": 1, "peaks": (bytes(31),)},
        ],
    )
    def test_a_state_that_no_tree_has_is_refused(self, state):
        with pytest.raises(TreeRangeError):
            Frontier(**state)

    @given(st.binary(max_size=80))
    def test_stored_bytes_are_a_state_or_refused(self, data):
        with suppress(TreeRangeError):
            assert Frontier.from_bytes(data).to_bytes() == data


def flip(value: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, 255))
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(32, "big")
