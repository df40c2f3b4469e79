"""A release is believed only where it follows from its entries; whatever was changed is found and named."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import ORIGIN, SIGNER, Log, busy_log, tiles

from counterseal.ledger.canonical import read_canonical, write_canonical
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.tiles import Reader, pack_bundle, split_bundle
from counterseal.oversight.figures import release
from counterseal.oversight.figures.errors import ReleaseUnreadableError
from counterseal.oversight.figures.rule import COUNTING, Rule
from counterseal.oversight.figures.verify_release import Verified, verify_release

Files = dict[str, bytes]


def reader(files: Files) -> Reader:
    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "it is not there", path)
        return files[path]

    return read


def verified(files: Files, **more: Any) -> Verified:
    return verify_release(reader(files), **more)


def codes(found: Verified) -> set[str]:
    return {finding.code for finding in found.findings}


def rows(found: Verified, figure: str) -> dict[str, int]:
    (one,) = [each for each in found.content["figures"] if each["id"] == figure]
    return {code: number for _, code, number in one["rows"]}


def forge(files: Files, change: Callable[[dict[str, Any]], None]) -> Files:
    """figures.json and the table, changed by somebody who does not hold the key."""
    content = read_canonical(files[release.FIGURES_FILE])
    change(content)
    return files | {release.FIGURES_FILE: write_canonical(content), release.CSV_FILE: release.table(content)}


def set_first(content: dict[str, Any], figure: str, number: int) -> None:
    (one,) = [each for each in content["figures"] if each["id"] == figure]
    one["rows"][0][2] = number


class TestSound:
    def test_every_figure_is_counted_again(self) -> None:
        found = verified(busy_log().released(), vkey=SIGNER.vkey)

        assert found.findings == ()
        assert found.counted == found.tree_size - 1
        assert found.figures > 30
        assert rows(found, "searches") == {"": 21}
        assert rows(found, "searches-by-case-type") == {"fraud": 12, "not-shown": 9}
        assert rows(found, "searches-by-subject-role") == {"suspect": 12, "not-shown": 9}
        assert rows(found, "refused-by-clause") == {"HSI-M/4A3-training": 1, "HSI-M/3-own-investigation": 1}
        assert rows(found, "leads-by-standing") == {"corroborated": 1, "closed": 1, "possible": 1}

    def test_shares_come_with_both_their_numbers(self) -> None:
        shares = {each["id"]: each["rows"] for each in verified(busy_log().released()).content["shares"]}

        assert shares["certified-share"] == [["2026", 21, 21]]
        assert shares["no-candidate-share"] == [["2026", 1, 2]]
        assert shares["none-of-these-share"] == [["2026", 1, 2]]
        assert shares["corroborated-share"] == [["2026", 1, 3]]

    def test_nothing_is_a_number_too(self) -> None:
        """That nobody opted out is said, and not left to be guessed from a missing line."""
        log = Log()
        log.add("person.admitted")
        found = verified(log.released())

        assert found.findings == ()
        assert rows(found, "searches") == rows(found, "opt-outs") == {"": 0}
        assert rows(found, "refused-by-clause") == {}
        assert {row for each in found.content["shares"] for row in map(tuple, each["rows"])} == set()

    def test_off_book_searches_are_added_up_over_reconciliations(self) -> None:
        """Maryland 2-510: unauthorised uses. Three and two are five, and a flag is no number."""
        log = busy_log()
        for theirs in (3, 2, True):
            log.add("service.reconciled", "differs", public={"service": "service-1", "theirs_only": theirs})
        found = verified(log.released())

        assert rows(found, "off-book-searches") == {"": 5}
        assert rows(found, "unknown-to-the-service") == {"": 0}
        assert rows(found, "reconciliations") == {"differs": 3}

    def test_a_use_and_a_service_change_their_standing(self) -> None:
        log = busy_log()
        log.add("service.version-changed", "suspended", public={"service": "service-1", "version": "2"})
        log.add("use.changed", "version", public={"use": "use-1", "round": 2})
        content = verified(log.released()).content

        assert [(each["version"], each["status"]) for each in content["services"]] == [("2", "suspended")]
        assert [each["status"] for each in content["uses"]] == ["under-review"]

    def test_services_show_vendor_contract_and_failed_tests(self) -> None:
        """JFL/contracts."""
        (line,) = verified(busy_log().released()).content["services"]

        assert (line["operator"], line["contract"], line["status"]) == ("vendor-a", "c-17", "approved")
        assert (line["tests_passed"], line["tests_failed"], line["searches"]) == (1, 1, 21)

    def test_young_entries_are_in_the_log_and_not_in_the_release(self) -> None:
        log = busy_log()
        old = len(log.bodies)
        young = log.search("arson", "witness")
        files = log.released(counted=old)
        found = verified(files)

        assert found.findings == ()
        assert rows(found, "searches") == {"": 21}
        assert not any(log.bodies[young] in data for data in files.values())
        assert found.tree_size == old + 2

    def test_a_log_of_many_tiles(self) -> None:
        log = Log()
        for _ in range(300):
            log.search("fraud")
            log.add("review.locked", "none-of-these", public={"turn": 1})
        found = verified(log.released(counted=590))

        assert found.findings == ()
        assert (found.counted, found.tree_size) == (590, 601)

    def test_an_older_checkpoint_is_a_prefix(self) -> None:
        log = busy_log()
        kept = log.released()["checkpoint"]
        log.search("fraud")
        found = verified(log.released(counted=20, version=2), older={"kept": kept})

        assert found.findings == ()
        assert any("entries of kept" in line for line in found.held)


class TestChangedCount:
    @pytest.mark.parametrize(
        ("figure", "number", "where"),
        [
            ("searches", 20, "searches 2026"),
            ("searches-by-case-type", 11, "searches-by-case-type 2026 fraud"),
            ("refused-by-clause", 0, "refused-by-clause 2026 HSI-M/3-own-investigation"),
            ("leads-by-standing", 0, "leads-by-standing 2026 closed"),
        ],
    )
    def test_is_found_and_named(self, figure: str, number: int, where: str) -> None:
        files = busy_log().released()
        found = verified(forge(files, lambda content: set_first(content, figure, number)))

        assert {"figure-differs", "figures-not-sealed"} <= codes(found)
        (named,) = [f for f in found.findings if f.code == "figure-differs"]
        assert named.where == where
        assert f"says {number};" in named.says

    def test_is_found_when_the_key_holder_sealed_it(self) -> None:
        """Whoever holds the key can seal a lie; the entries still give it away."""
        honest = read_canonical(busy_log().released()[release.FIGURES_FILE])
        set_first(honest, "searches", 7)
        found = verified(busy_log().released(forged={"figures": honest["figures"]}))

        assert codes(found) == {"figure-differs", "table-differs"}

    def test_a_changed_service_is_named(self) -> None:
        def change(content: dict[str, Any]) -> None:
            content["services"][0]["tests_failed"] = 0

        found = verified(forge(busy_log().released(), change))

        assert "services service-1 tests_failed" in {f.where for f in found.findings}

    def test_a_row_that_stands_twice_is_found(self) -> None:
        def change(content: dict[str, Any]) -> None:
            content["figures"][0]["rows"].insert(0, ["2026", "", 99])

        assert {"words-differ", "figures-not-sealed"} <= codes(verified(forge(busy_log().released(), change)))

    def test_a_reason_that_was_taken_out_is_found(self) -> None:
        def change(content: dict[str, Any]) -> None:
            content["not_available"].pop()

        assert "words-differ" in codes(verified(forge(busy_log().released(), change)))

    def test_a_changed_table_is_found(self) -> None:
        files = busy_log().released()
        files[release.CSV_FILE] = files[release.CSV_FILE].replace(b"searches,2026,,21", b"searches,2026,,12")

        assert codes(verified(files)) == {"table-differs"}


class TestDroppedEntry:
    def test_out_of_the_middle_is_named(self) -> None:
        log = busy_log()
        files = log.released()
        (path,) = [p for p in files if p.startswith("tile/entries/")]
        bodies = split_bundle(files[path], len(log.bodies) - 1)
        del bodies[8]
        del files[path]
        found = verified(forge(files | {f"{path.rpartition('/')[0]}/{len(bodies)}": pack_bundle(bodies)},
                               lambda content: content.update(counted=len(bodies))))  # fmt: skip

        assert {"entry-dropped", "figures-not-sealed", "figure-differs"} <= codes(found)
        assert [f.where for f in found.findings if f.code == "entry-dropped"] == ["entry 8"]

    def test_with_its_hash_does_not_lead_to_the_signed_root(self) -> None:
        log = busy_log()
        files = log.released()
        thinner = [body for index, body in enumerate(log.bodies) if index != 8]
        mended = {path: data for path, data in files.items() if not path.startswith("tile/")}
        found = verified(
            forge(
                mended | tiles([*thinner, log.bodies[-1]], len(thinner) - 1),
                lambda content: content.update(counted=len(thinner) - 1),
            )
        )

        assert "root-differs" in codes(found)

    def test_a_bundle_that_is_gone_is_named(self) -> None:
        files = busy_log().released()
        gone = next(path for path in files if path.startswith("tile/entries/"))
        found = verified({path: data for path, data in files.items() if path != gone})

        assert gone in {f.where for f in found.findings if f.code == "entries-missing"}

    def test_a_changed_entry_is_named(self) -> None:
        files = busy_log().released()
        path = next(path for path in files if path.startswith("tile/entries/"))
        files[path] = files[path].replace(b'"candidates":3', b'"candidates":0')
        found = verified(files)

        assert [f.where for f in found.findings if f.code == "entry-changed"] == ["entry 27"]

    def test_an_entry_that_was_held_back_shows_in_the_next_release(self) -> None:
        """Nobody can see that an entry kept back is young. The next release shows it."""
        log = busy_log()
        size = len(log.bodies)
        first = log.released(counted=size - 3)
        # Its words say that everything up to the last entry of all was counted.
        lie = read_canonical(first[release.FIGURES_FILE])
        lie["until"], lie["made_at"] = (
            release.written(log.entries(size)[size - 1].at + timedelta(days=more)) for more in (0, 30)
        )
        first[release.FIGURES_FILE] = write_canonical(lie)
        second = log.released(counted=size, version=2)
        found = verified(second, previous=reader(first))

        assert [f.where for f in found.findings if f.code == "held-back"] == [
            f"entry {index}" for index in range(size - 3, size)
        ]


class TestSecondHistory:
    def test_is_named_by_the_checkpoint_that_was_kept(self) -> None:
        log = busy_log()
        other = log.copy()
        log.search("fraud")
        other.add("search.refused", "refused")
        kept = log.released()["checkpoint"]
        found = verified(other.released(), older={"last year": kept})

        assert codes(found) == {"second-history"}
        assert found.findings[0].where == "last year"
        assert "one log was shown to you then, and another now" in found.findings[0].says

    def test_a_shorter_log_than_the_kept_checkpoint(self) -> None:
        log = busy_log()
        short = log.copy()
        for _ in range(5):
            log.search("fraud")
        found = verified(short.released(), older={"kept": log.released()["checkpoint"]})

        assert "second-history" in codes(found)

    def test_an_earlier_release_of_another_history(self) -> None:
        log = busy_log()
        other = log.copy()
        other.search("theft")
        log.search("fraud")
        found = verified(log.released(), previous=reader(other.released()))

        assert "second-history" in codes(found)

    def test_a_checkpoint_by_another_key(self) -> None:
        stranger = Signer.from_seed(ORIGIN, b"s" * 32)
        files = busy_log().released()
        bad = sign_checkpoint(Checkpoint(ORIGIN, 1, b"\0" * 32), stranger)

        assert "checkpoint-not-trusted" in codes(verified(files | {"checkpoint": bad}))
        assert "second-history" in codes(verified(files, older={"strange": bad}))
        assert "key-not-brought" in codes(verified(files, vkey=stranger.vkey))

    def test_another_log_under_its_own_key_is_not_the_brought_one(self) -> None:
        stranger = Signer.from_seed(ORIGIN, b"s" * 32)
        found = verified(busy_log().released(signer=stranger), vkey=SIGNER.vkey)

        assert codes(found) == {"key-not-brought"}


class TestSealed:
    @pytest.mark.parametrize(
        "gone", [release.ENTRY_FILE, release.RECEIPT_FILE, release.OPENING_FILE, release.OPENINGS_FILE]
    )
    def test_nothing_that_proves_may_be_missing(self, gone: str) -> None:
        files = busy_log().released()
        del files[gone]

        assert codes(verified(files)) & {"figures-not-sealed", "openings-unreadable"}

    def test_the_entry_of_another_release_proves_nothing(self) -> None:
        log = busy_log()
        first = log.released()
        second = log.released(version=2)
        for name in (release.ENTRY_FILE, release.RECEIPT_FILE, release.OPENING_FILE):
            second[name] = first[name]

        assert "figures-not-sealed" in codes(verified(second))

    @pytest.mark.parametrize("gone", [release.FIGURES_FILE, "keys.json", "checkpoint"])
    def test_without_these_nothing_can_be_checked(self, gone: str) -> None:
        files = busy_log().released()
        del files[gone]

        with pytest.raises(ReleaseUnreadableError, match=gone):
            verified(files)

    @pytest.mark.parametrize(
        "change",
        [
            {"counted": -1},
            {"counted": "20"},
            {"counted": True},
            {"until": "soon"},
            {"rule": {"k": 1, "delay_days": 30, "exigent_hours": 24, "counting": 1}},
            {"rule": None},
            {"corrections": [3]},
            {"previous": 7},
            {"format": "other"},
            {"made_at": "9999-12-31T23:59:59.999999-01:00"},
        ],
    )
    def test_figures_of_another_form_cannot_be_checked(self, change: dict[str, Any]) -> None:
        files = forge(busy_log().released(), lambda content: content.update(change))

        with pytest.raises(ReleaseUnreadableError):
            verified(files)

    def test_figures_of_odd_members_are_found(self) -> None:
        for part in ("figures", "shares", "services", "uses", "not_available"):
            files = busy_log().released()
            content = read_canonical(files[release.FIGURES_FILE])
            content[part] = [17, {"id": 3}, {"id": "searches", "rows": [["x"]]}]
            found = verified(files | {release.FIGURES_FILE: write_canonical(content)})

            assert "figures-not-sealed" in codes(found)
            assert codes(found) & {"figure-differs", "words-differ"}, part

    def test_more_counted_than_there_are_entries(self) -> None:
        files = forge(busy_log().released(), lambda content: content.update(counted=10**6))

        assert "more-counted-than-logged" in codes(verified(files))

    def test_a_rule_of_another_version_is_not_guessed(self) -> None:
        files = busy_log().released(rule=Rule(counting=COUNTING + 1))

        assert codes(verified(files)) == {"counting-unknown"}


class TestRule:
    def test_more_opened_than_the_rule_allows_is_named(self) -> None:
        log = busy_log()
        files = log.released()
        opened = read_canonical(files[release.OPENINGS_FILE])
        sealed = log.sealed(len(log.bodies))
        rare = next(index for index in sealed if sealed[index]["case_type"] == "homicide")
        opened[str(rare)] = [d.encoded for d in log.disclosures[rare] if d.name == "case_type"]
        found = verified(files | {release.OPENINGS_FILE: write_canonical(opened)})

        assert "rule-broken" in codes(found)
        assert any(f"entry {rare} shows what only 1 entries" in f.says for f in found.findings)

    def test_opening_who_acted_is_refused(self) -> None:
        log = busy_log()
        files = log.released()
        opened = read_canonical(files[release.OPENINGS_FILE])
        opened["6"] = opened["6"] + [d.encoded for d in log.disclosures[6] if d.name == "initiator"]
        found = verified(files | {release.OPENINGS_FILE: write_canonical(opened)})

        assert ("opening-foreign", "entry 6") in {(f.code, f.where) for f in found.findings}

    def test_a_code_of_another_entry_is_refused(self) -> None:
        files = busy_log().released()
        opened = read_canonical(files[release.OPENINGS_FILE])
        opened["6"], opened["7"] = opened["7"], opened["6"]
        found = verified(files | {release.OPENINGS_FILE: write_canonical(opened)})

        assert {"opening-foreign", "figure-differs"} <= codes(found)

    @pytest.mark.parametrize("odd", ["06", " 6", "6_0", "x", "-6"])
    def test_an_index_has_one_spelling(self, odd: str) -> None:
        files = busy_log().released()
        opened = read_canonical(files[release.OPENINGS_FILE])
        opened[odd] = opened["6"]
        found = verified(files | {release.OPENINGS_FILE: write_canonical(opened)})

        assert codes(found) & {"openings-unreadable", "opening-foreign"}

    def test_counting_within_the_delay_is_named(self) -> None:
        files = busy_log().released(rule=Rule(delay_days=0))
        found = verified(forge(files, lambda content: content["rule"].update(delay_days=30)))

        assert "rule-broken" in codes(found)

    def test_an_entry_after_the_last_instant_is_named(self) -> None:
        log = busy_log()
        early = release.written(log.entries(len(log.bodies))[30].at)
        found = verified(forge(log.released(), lambda content: content.update(until=early)))

        assert "entry 31" in {f.where for f in found.findings if f.code == "counted-too-early"}


class TestCorrections:
    def releases(self, **second: Any) -> tuple[Files, Files]:
        """A first release that said 30 searches, sealed so; and a second of the same log."""
        log = busy_log()
        size = len(log.bodies)
        content = read_canonical(log.copy().released()[release.FIGURES_FILE])
        set_first(content, "searches", 30)
        first = log.released(forged={"figures": content["figures"]})
        log.search("fraud")
        previous = {"version": 1, "counted": size, "sha256": release.digest(first[release.FIGURES_FILE])}
        return first, log.released(version=2, previous=previous, **second)

    def test_a_figure_that_changed_without_a_correction_is_named(self) -> None:
        first, second = self.releases()
        found = verified(second, previous=reader(first))

        assert codes(found) == {"correction-not-listed"}
        assert found.findings[0].where == "searches 2026 of release 1"

    def test_a_listed_correction_is_in_order(self) -> None:
        listed = {"version": 1, "where": "searches 2026", "was": "30", "now": "21", "why": "a slip"}
        first, second = self.releases(corrections=[listed])
        found = verified(second, previous=reader(first))

        assert found.findings == ()
        assert any("still follow from this log" in line for line in found.held)

    def test_another_version_of_the_earlier_release_is_named(self) -> None:
        listed = {"version": 1, "where": "searches 2026", "was": "30", "now": "21", "why": "a slip"}
        first, second = self.releases(corrections=[listed])
        swapped = forge(first, lambda content: set_first(content, "searches", 21))
        found = verified(second, previous=reader(swapped))

        assert codes(found) == {"previous-differs"}


SOUND = busy_log().released()


class TestAnyByte:
    @settings(max_examples=400, deadline=None)
    @given(st.data())
    def test_a_byte_that_was_changed_anywhere_is_found(self, data: st.DataObject) -> None:
        """One bit of one file: something does not hold, or nothing can be checked. Never sound, never a crash."""
        path = data.draw(st.sampled_from(sorted(SOUND)))
        at = data.draw(st.integers(0, len(SOUND[path]) - 1))
        bent = bytearray(SOUND[path])
        bent[at] ^= 1 << data.draw(st.integers(0, 7))

        try:
            found = verified(SOUND | {path: bytes(bent)})
        except ReleaseUnreadableError:
            assert path in (release.FIGURES_FILE, "keys.json", "checkpoint")
            return
        assert found.findings, (path, at)

    @pytest.mark.parametrize("path", sorted(SOUND))
    def test_no_file_may_be_missing_empty_or_cut(self, path: str) -> None:
        without = {name: data for name, data in SOUND.items() if name != path}
        for files in (without, without | {path: b""}, without | {path: SOUND[path][:-1]}):
            try:
                assert verified(files).findings, path
            except ReleaseUnreadableError:
                assert path in (release.FIGURES_FILE, "keys.json", "checkpoint")
