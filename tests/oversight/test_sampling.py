"""The draw is fixed by seed, share and ids alone; nobody who knew one part could choose the outcome."""

import hashlib
from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.oversight.sampling import (
    SamplingError,
    commitment_of,
    count_of,
    draw,
    place_of,
    seed_of,
    share_of,
)

SECRET = bytes(range(32))
ROOT = hashlib.sha256(b"a head").digest()
IDS = st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=40)
SHARES = st.fractions(min_value=Fraction(1, 50), max_value=1, max_denominator=50)


class TestDraw:
    def test_is_what_the_page_says(self) -> None:
        """Written out, so that a change of the formula is a change of this test."""
        ids = [f"request-{n}" for n in range(25)]
        seed = b"\x07" * 32

        by_hand = sorted(ids, key=lambda i: hashlib.sha256(seed + b"\x00" + i.encode()).hexdigest())[:3]

        assert draw(ids, seed=seed, share=Fraction(1, 10)) == tuple(by_hand)

    @given(IDS, SHARES, st.binary(min_size=32, max_size=32), st.randoms())
    def test_does_not_depend_on_the_order_in_which_ids_come(
        self, ids: list[str], share: Fraction, seed: bytes, random: Random
    ) -> None:
        shuffled = list(ids)
        random.shuffle(shuffled)

        assert draw(ids, seed=seed, share=share) == draw(shuffled, seed=seed, share=share)

    @given(IDS, SHARES, st.binary(min_size=32, max_size=32))
    def test_draws_the_share_rounded_up_and_nothing_else(
        self, ids: list[str], share: Fraction, seed: bytes
    ) -> None:
        drawn = draw(ids, seed=seed, share=share)

        assert len(drawn) == count_of(len(ids), share) >= len(ids) * share
        assert set(drawn) <= set(ids)
        assert len(set(drawn)) == len(drawn)
        assert bool(drawn) == bool(ids)
        left = set(ids) - set(drawn)
        assert all(place_of(seed, one) < place_of(seed, other) for one in drawn for other in left)

    @given(IDS, SHARES, SHARES, st.binary(min_size=32, max_size=32))
    def test_a_larger_share_takes_the_smaller_in(
        self, ids: list[str], one: Fraction, other: Fraction, seed: bytes
    ) -> None:
        """Whoever is drawn at ten percent is drawn at twenty."""
        few, many = sorted((one, other))

        assert draw(ids, seed=seed, share=many)[: count_of(len(ids), few)] == draw(ids, seed=seed, share=few)

    def test_every_id_has_the_same_chance(self) -> None:
        """2,000 seeds, 20 ids, a tenth: each is expected 200 times; six standard deviations are 81."""
        ids = [f"request-{n}" for n in range(20)]
        drawn: Counter[str] = Counter()
        for n in range(2000):
            drawn.update(draw(ids, seed=hashlib.sha256(str(n).encode()).digest(), share=Fraction(1, 10)))

        assert sum(drawn.values()) == 4000
        assert all(abs(drawn[i] - 200) < 81 for i in ids), drawn

    def test_an_id_that_comes_twice_is_refused(self) -> None:
        """It would have two chances, or hide another."""
        with pytest.raises(SamplingError, match="twice"):
            draw(["a", "b", "a"], seed=bytes(32), share=Fraction(1, 10))


class TestSeed:
    @given(st.binary(min_size=32, max_size=32), st.integers(1, 2**40), st.binary(min_size=32, max_size=32))
    def test_needs_the_committed_secret(self, secret: bytes, size: int, root: bytes) -> None:
        """Another secret at the draw would be a chosen one."""
        other = bytes([secret[0] ^ 1]) + secret[1:]

        seed_of(secret, commitment=commitment_of(secret), tree_size=size, root_hash=root)
        with pytest.raises(SamplingError, match="committed"):
            seed_of(other, commitment=commitment_of(secret), tree_size=size, root_hash=root)

    def test_changes_with_every_part(self) -> None:
        """With the secret alone nobody knows the draw: the head is not known before."""
        commitment = commitment_of(SECRET)
        seeds = {
            seed_of(SECRET, commitment=commitment, tree_size=7, root_hash=ROOT),
            seed_of(SECRET, commitment=commitment, tree_size=8, root_hash=ROOT),
            seed_of(SECRET, commitment=commitment, tree_size=7, root_hash=hashlib.sha256(ROOT).digest()),
            seed_of(ROOT, commitment=commitment_of(ROOT), tree_size=7, root_hash=ROOT),
        }

        assert len(seeds) == 4
        assert SECRET not in seeds

    @pytest.mark.parametrize(("size", "root"), [(0, ROOT), (7, ROOT[:31]), (7, b"")])
    def test_needs_a_head(self, size: int, root: bytes) -> None:
        with pytest.raises(SamplingError, match="head"):
            seed_of(SECRET, commitment=commitment_of(SECRET), tree_size=size, root_hash=root)

    def test_a_short_secret_could_be_guessed(self) -> None:
        with pytest.raises(SamplingError, match="32 bytes"):
            commitment_of(b"short")


class TestShare:
    @pytest.mark.parametrize("text", ["0", "-1/10", "11/10", "ten", "1/0", "", "nan"])
    def test_is_above_nothing_and_at_most_all(self, text: str) -> None:
        with pytest.raises(SamplingError, match="share"):
            share_of(text)

    @pytest.mark.parametrize(("population", "drawn"), [(0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (100, 10)])
    def test_counts_are_rounded_up(self, population: int, drawn: int) -> None:
        assert count_of(population, share_of("1/10")) == drawn
