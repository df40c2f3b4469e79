"""Entries: what may stand in the open, what is sealed, and that there is one spelling of each."""

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from counterseal.ledger.canonical import read_canonical
from counterseal.ledger.entry import (
    KEY_ROTATED,
    MAX_DISCLOSURE,
    MAX_ENTRY,
    Disclosure,
    Reason,
    check_disclosure,
    make_entry,
    open_committed,
    read_entry,
)
from counterseal.ledger.errors import (
    EntryTooLargeError,
    ForeignDisclosureError,
    MalformedDisclosureError,
    MalformedEntryError,
    UncodedValueError,
)
from counterseal.ledger.strict import to_base64_url

PACK = "sha256:" + "0f" * 32


def salt_source():
    numbers = count()
    return lambda: next(numbers).to_bytes(16, "big")


def parts(**changes):
    return {
        "kind": "search.intent",
        "at": datetime(2026, 11, 20, 15, tzinfo=UTC),
        "outcome": "permitted",
        "reason": Reason(PACK, ("demo-7.1-no-live",), ("HSI-M/4A3-training", "D-026-11/testing")),
        "causes": [4, 2],
        "public": {"mode": "identification", "searched": 774, "exigent": False, "steps": ["a", "b"]},
        "committed": {
            "initiator": "person-4f2a",
            "action": "search",
            "target": {"request": "r-1", "case": "77b1"},
            "rows": [["casework_case", "1", "abc"]],
        },
        "salt": salt_source(),
    } | changes


def edited(**changes) -> bytes:
    content = json.loads(make_entry(**parts()).body)
    return rfc8785.dumps(content | changes)


class TestMaking:
    def test_the_bytes_are_these(self):
        """A change of these bytes is a new leaf version, not a detail."""
        sealed = make_entry(**parts(committed={"initiator": "i", "action": "a", "target": "t"}))

        assert sealed.body.decode() == (
            '{"_sd":["'
            + '","'.join(sorted(each.digest for each in sealed.disclosures))
            + '"],"_sd_alg":"sha-256","at":"2026-11-20T15:00:00.000000Z","causes":[2,4],'
            '"kind":"search.intent","outcome":"permitted","public":{"exigent":false,"mode":"identification","searched":774,'
            '"steps":["a","b"]},"reason":{"clauses":["HSI-M/4A3-training","D-026-11/testing"],"pack":"'
            + PACK
            + '","policies":["demo-7.1-no-live"]},"v":1}'
        )
        # [salt, name, value], as RFC 9901 section 4.2.1 has it.
        assert sealed.disclosures[0].encoded == to_base64_url(b'["AAAAAAAAAAAAAAAAAAAAAA","action","a"]')

    def test_what_was_made_reads_back(self):
        given_parts = parts()
        sealed = make_entry(**given_parts)
        entry = read_entry(sealed.body)

        assert (entry.kind, entry.at, entry.outcome) == ("search.intent", given_parts["at"], "permitted")
        assert entry.reason == given_parts["reason"]
        assert entry.causes == (2, 4)
        assert dict(entry.public) == given_parts["public"]
        assert open_committed(entry, sealed.disclosures) == given_parts["committed"]
        assert len(entry.digests) == 4

    def test_the_instant_is_written_in_utc(self):
        east = datetime(2026, 11, 20, 17, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))

        assert read_entry(make_entry(**parts(at=east)).body).at == east
        assert b'"2026-11-20T15:00:00.000005Z"' in make_entry(**parts(at=east)).body

    def test_an_entry_without_a_decision_has_no_pack(self):
        sealed = make_entry(**parts(reason=Reason()))

        assert read_entry(sealed.body).reason == Reason(None, (), ())

    @given(
        public=st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
            st.one_of(
                st.integers(-(2**53) + 1, 2**53 - 1),
                st.booleans(),
                st.sampled_from(["fraud", "HSI-M/2-modes", "v1.0"]),
                st.lists(st.sampled_from(["a", "b-c"]), max_size=3),
            ),
            max_size=5,
        ),
        committed=st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers(-(2**53) + 1, 2**53 - 1)
                | st.floats(-1e6, 1e6)
                | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.text("kß√", max_size=3), inner)
                ),
                max_leaves=6,
            ),
            max_size=4,
        ),
    )
    def test_any_codes_and_any_committed_json_come_back(self, public, committed):
        committed = {"initiator": "i", "action": "a", "target": "t"} | {
            name: value for name, value in committed.items() if name not in ("initiator", "action", "target")
        }
        sealed = make_entry(**parts(public=public, committed=committed))
        entry = read_entry(sealed.body)
        again = [Disclosure.parse(each.encoded) for each in sealed.disclosures]

        assert dict(entry.public) == public
        assert open_committed(entry, again) == committed
        # The quick spelling that the reader compares with is RFC 8785's.
        assert rfc8785.dumps(json.loads(sealed.body)) == sealed.body


class TestRefusedParts:
    @pytest.mark.parametrize("name", ["initiator", "action", "target"])
    def test_initiator_action_and_target_are_required(self, name):
        committed = parts()["committed"] | {name: None}

        with pytest.raises(MalformedEntryError, match=name):
            make_entry(**parts(committed=committed))

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            ("Maria Example", "is no code"),
            ("", "is no code"),
            ("a" * 41, "is no code"),
            ("Müller", "is no code"),
            ("someone@agency.example", "is no code"),
            ("line\n", "is no code"),
            ("ab" * 16, "looks like a digest"),
            ("abababab-abab-abab-abab-abababababab", "looks like a digest"),
            (0.5, "use codes"),
            (None, "use codes"),
            ({"a": 1}, "use codes"),
            ([["a"]], "use codes"),
            ([1], "use codes"),
            ([True], "use codes"),
            (2**53, "beyond"),
            (-(2**60), "beyond"),
        ],
    )
    def test_free_text_and_digests_stay_out_of_the_public_part(self, value, says):
        """DESIGN section 4: a leaf holds codes and salted commitments."""
        with pytest.raises(UncodedValueError, match=says):
            make_entry(**parts(public={"note": value}))

    def test_a_sha256_does_not_pass_as_a_code(self):
        for digest in (
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
        ):
            with pytest.raises(UncodedValueError):
                make_entry(**parts(public={"probe": digest}))

    @pytest.mark.parametrize("name", ["", "Name", "a b", "_sd", "x" * 41])
    def test_a_public_name_is_lower_case(self, name):
        with pytest.raises(UncodedValueError, match="lower case"):
            make_entry(**parts(public={name: 1}))

    @pytest.mark.parametrize("name", ["", "Name", "_sd", "...", "x" * 41])
    def test_a_committed_name_is_lower_case(self, name):
        with pytest.raises(MalformedDisclosureError):
            make_entry(**parts(committed=parts()["committed"] | {name: 1}))

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {1: 2}, {3}, 1e17])
    def test_what_is_no_json_cannot_be_committed_to(self, value):
        with pytest.raises(MalformedDisclosureError):
            make_entry(**parts(committed=parts()["committed"] | {"extra": value}))

    def test_a_value_inside_itself_cannot_be_committed_to(self):
        loop: list[object] = []
        loop.append(loop)
        with pytest.raises(MalformedDisclosureError):
            make_entry(**parts(committed=parts()["committed"] | {"extra": loop}))

    def test_the_instant_needs_a_time_zone(self):
        with pytest.raises(MalformedEntryError, match="time zone"):
            make_entry(**parts(at=datetime(2026, 11, 20)))  # noqa: DTZ001

    def test_salts_must_differ(self):
        with pytest.raises(MalformedDisclosureError, match="came twice"):
            make_entry(**parts(salt=lambda: bytes(16)))

    def test_salts_have_128_bits(self):
        source = salt_source()
        with pytest.raises(MalformedDisclosureError, match="15 bytes"):
            make_entry(**parts(salt=lambda: source()[1:]))

    def test_an_entry_fits_a_bundle(self):
        with pytest.raises(EntryTooLargeError, match="commit to the long parts"):
            make_entry(**parts(public={"codes": ["x" * 40] * 1600}))

    @pytest.mark.parametrize(
        "changes", [{"kind": "search"}, {"outcome": "Permitted"}, {"causes": [-1]}, {"causes": [2**53]}]
    )
    def test_other_parts_are_checked_too(self, changes):
        with pytest.raises(MalformedEntryError):
            make_entry(**parts(**changes))


class TestStrictReading:
    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (b"", "no entry"),
            (b"\xff", "no entry"),
            ('{"é":1}'.encode(), "exactly the keys"),
            (b"{", "no entry"),
            (b"[" * 60_000, "no entry"),
            (b"1" * 5000, "no entry"),
            (b"[]", "exactly the keys"),
            (b"{}", "exactly the keys"),
            (b"null", "exactly the keys"),
            (b'{"a":1,"a":1}', "a key stands twice"),
            (b'{"b":1,"a":1}', "not canonical"),
            (b'{ "a":1}', "not canonical"),
            (b'{"a":1.0}', "not canonical"),
            (b'{"a":1e0}', "not canonical"),
            (b'{"a":"\\u0041"}', "not canonical"),
        ],
    )
    def test_other_bytes_are_refused(self, body, says):
        with pytest.raises(MalformedEntryError, match=says):
            read_entry(body)

    @pytest.mark.parametrize(
        "changes",
        [
            {"v": 2},
            {"v": True},
            {"v": "1"},
            {"kind": "search"},
            {"kind": "Search.intent"},
            {"kind": 1},
            {"at": "2026-11-20T15:00:00Z"},
            {"at": "2026-11-20T15:00:00.000000+00:00"},
            {"at": "2026-02-30T15:00:00.000000Z"},
            {"outcome": "two words"},
            {"outcome": None},
            {"reason": {}},
            {"reason": []},
            {"reason": {"pack": "sha256:00", "policies": [], "clauses": []}},
            {"reason": {"pack": None, "policies": {}, "clauses": []}},
            {"reason": {"pack": None, "policies": [], "clauses": ["a b"]}},
            {"reason": {"pack": None, "policies": [], "clauses": [1]}},
            {"causes": None},
            {"causes": [2, 2]},
            {"causes": [4, 2]},
            {"causes": [-1]},
            {"causes": [True]},
            {"causes": ["1"]},
            {"public": []},
            {"public": {"note": "free text"}},
            {"_sd": []},
            {"_sd": "abc"},
            {"_sd": ["short", "short", "short"]},
            {"_sd": [1, 2, 3]},
            {"_sd_alg": "sha-512"},
            {"extra": 1},
        ],
        ids=lambda changes: json.dumps(changes)[:40],
    )
    def test_other_contents_are_refused(self, changes):
        with pytest.raises(MalformedEntryError):
            read_entry(edited(**changes))

    def test_digests_are_sorted_and_each_once(self):
        digests = list(read_entry(make_entry(**parts()).body).digests)
        for wrong in (digests[::-1], [digests[0], *digests], digests[:2], [*digests[:-1], digests[-1] + "="]):
            with pytest.raises(MalformedEntryError):
                read_entry(edited(_sd=wrong))

    def test_an_index_beyond_what_readers_keep_exactly_is_refused(self):
        body = make_entry(**parts()).body.replace(b"[2,4]", b"[9007199254740992]")
        with pytest.raises(MalformedEntryError, match="safe integer"):
            read_entry(body)

    def test_longer_than_a_bundle_holds_is_refused(self):
        with pytest.raises(EntryTooLargeError):
            read_entry(b" " * (MAX_ENTRY + 1))

    @given(data=st.data())
    def test_one_flipped_bit_is_another_entry_or_none(self, data):
        """No two byte strings are read as one entry."""
        body = make_entry(**parts()).body
        bit = data.draw(st.integers(0, len(body) * 8 - 1))
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            entry = read_entry(bytes(changed))
        except MalformedEntryError:
            return
        assert entry != read_entry(body)

    def test_only_a_rotation_publishes_a_key(self):
        vkey = "log.example+12345678+" + "A" * 44
        sealed = make_entry(**parts(kind=KEY_ROTATED, public={"new_vkey": vkey}))

        assert read_entry(sealed.body).public["new_vkey"] == vkey
        with pytest.raises(UncodedValueError):
            make_entry(**parts(public={"new_vkey": vkey}))
        with pytest.raises(MalformedEntryError):
            make_entry(**parts(kind=KEY_ROTATED, public={"new_vkey": "a sentence"}))


class TestCanonical:
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(10**18), 10**18)
            | st.floats()
            | st.text('a\u007f\u0000\n"\\/é\U0001f600\ufb33'),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text("ab\n€\U0001f600\ufb33", max_size=2), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    )
    def test_accepts_what_rfc_8785_writes_and_nothing_else(self, value, sort, escape, spaced):
        """The quick comparison must not differ from the full one."""
        text = json.dumps(
            value, sort_keys=sort, ensure_ascii=escape, separators=(", ", ": ") if spaced else (",", ":")
        )
        data = text.encode()
        try:
            canonical = rfc8785.dumps(json.loads(text)) == data
        except ValueError:
            canonical = False
        if canonical:
            assert rfc8785.dumps(read_canonical(data)) == data
        else:
            with pytest.raises(ValueError):
                read_canonical(data)


class TestDisclosures:
    @pytest.fixture
    def sealed(self):
        return make_entry(**parts())

    def test_one_opens_one_digest(self, sealed):
        entry = read_entry(sealed.body)
        opened = [check_disclosure(entry, each) for each in sealed.disclosures]

        assert dict(opened) == parts()["committed"]
        assert len(opened) == 4

    def test_the_digest_is_of_the_encoded_text(self):
        """RFC 9901 section 4.2.3: the example of the specification, whose salt is not ours in length."""
        text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
        assert (
            Disclosure("family_name", "Möbius", text).digest == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
        )

    def test_a_foreign_one_is_refused(self, sealed):
        entry = read_entry(sealed.body)
        foreign = Disclosure.make("initiator", "person-4f2a", salt=b"x" * 16)

        with pytest.raises(ForeignDisclosureError, match="does not commit"):
            check_disclosure(entry, foreign)

    def test_a_name_opens_once(self, sealed):
        entry = read_entry(sealed.body)
        with pytest.raises(ForeignDisclosureError, match="twice"):
            open_committed(entry, [sealed.disclosures[0], sealed.disclosures[0]])

    def test_some_may_be_kept_back(self, sealed):
        assert open_committed(read_entry(sealed.body), sealed.disclosures[:1]) == {"action": "search"}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "=",
            "é",
            "!",
            "A",
            to_base64_url(b'["AAAAAAAAAAAAAAAAAAAAAA","action","a"]') + "=",
            to_base64_url(b'["AAAAAAAAAAAAAAAAAAAAAA", "action","a"]'),
            to_base64_url(b'["AAAAAAAAAAAAAAAAAAAAAA","Action","a"]'),
            to_base64_url(b'["AAAAAAAAAAAAAAAAAAAAAA","action"]'),
            to_base64_url(b'["AAAAAAAAAAAAAAAAAAAAAB","action","a"]'),
            to_base64_url(b'["AAAA","action","a"]'),
            to_base64_url(b'[1,"action","a"]'),
            to_base64_url(b'{"a":1}'),
            to_base64_url(b'["AAAAAAAAAAAAAAAAAAAAAA","action",{"a":1,"a":1}]'),
            to_base64_url(b'["AAAAAAAAAAAAAAAAAAAAAA","action",NaN]'),
            to_base64_url(b"\xff"),
            to_base64_url(b"[" * 50_000),
            "A" * (MAX_DISCLOSURE + 1),
        ],
        ids=lambda text: text[:30],
    )
    def test_other_text_is_refused(self, text):
        with pytest.raises(MalformedDisclosureError):
            Disclosure.parse(text)
