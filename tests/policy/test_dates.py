"""Which packs decide at an instant; nothing is loosened by a calendar."""

import copy
from datetime import datetime, timedelta

import pytest

from counterseal.policy import PackError, PolicyLibrary
from counterseal.terms.decisions import Permit, Refusal

HSI = "hsi-frs-2021"
DHS = "dhs-026-11"


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


def in_force(library: PolicyLibrary, day: str) -> dict[str, bool]:
    """The packs in force, and whether each may permit; without those that never permit anything."""
    packs = library.in_force(at(day)).packs
    return {p.source.id: p.permits for p in packs if p.source.id not in ("dhs-139-06", "beyond-the-text")}


def on(request: dict, day: str) -> dict:
    """The request, made on another day, with every date in order."""
    request = copy.deepcopy(request)
    moment = at(day)
    request["at"] = moment.isoformat()
    request["prior_means"]["latest"] = request["probe"]["captured"] = (moment - timedelta(days=1)).isoformat()
    for group, name in (("service", "approval_expires"), ("certificate", "expires")):
        request[group][name] = (moment + timedelta(days=1)).isoformat()
    request["service"]["test"]["due"] = (moment + timedelta(days=1)).isoformat()
    return request


def retire(packs, pack: str, status: str, until: str, successor: str = "") -> None:
    path = packs.folder / pack / "source.toml"
    text = path.read_text("utf-8")
    old = 'status = "unknown"' if pack == DHS else 'status = "in force"'
    heir = f'successor = "{successor}"\n' if successor else ""
    assert old in text
    path.write_text(text.replace(old, f'status = "{status}"\n{heir}in_force_until = {until}'), "utf-8")


class TestInForce:
    def test_before_every_pack_everything_is_refused_with_that_reason(self, library, search, decide) -> None:
        refusal = decide(on(search, "2020-06-01"))

        assert in_force(library, "2020-06-01") == {}
        assert refusal.clauses == ("road/pack",)
        assert refusal.unmet[0].missing == "No policy pack in force permits identification."

    def test_a_pack_counts_from_its_first_day(self, library) -> None:
        first = datetime.fromisoformat("2021-01-15T00:00:00+00:00")

        assert library.in_force(first - timedelta(microseconds=1)).packs == ()
        assert [p.source.id for p in library.in_force(first).packs] == [HSI]

    def test_between_the_two_documents_only_the_memorandum_decides(self, search, decide) -> None:
        request = on(search, "2022-06-01")
        request["service"]["test"]["status"] = "none"

        assert isinstance(decide(request), Permit)
        assert decide(on(request, "2024-06-01")).clauses == ("D-026-11/testing",)

    def test_face_analysis_was_permitted_by_nothing_before_the_directive(
        self, examples, library, decide
    ) -> None:
        analysis = copy.deepcopy(examples["permitted-analysis"]) | {"at": at("2022-06-01").isoformat()}

        assert decide(analysis).clauses == ("road/pack",)

    def test_a_status_unknown_is_in_force(self, library) -> None:
        """The directive was reported gone in 2025; that is no withdrawal."""
        assert in_force(library, "2030-01-01") == {HSI: True, DHS: True}

    def test_the_digest_says_which_packs_decided(self, library) -> None:
        digests = {library.in_force(at(day)).digest for day in ("2020-06-01", "2022-06-01", "2026-06-01")}

        assert len(digests) == 3
        assert library.in_force(at("2026-06-01")) is library.in_force(at("2027-06-01"))


class TestLeaving:
    def test_a_withdrawn_pack_leaves_on_its_day(self, packs, search, decide) -> None:
        retire(packs, DHS, "withdrawn", "2026-01-01")
        library = packs.load()
        search["service"]["test"]["status"] = "none"

        assert in_force(library, "2025-12-31") == {HSI: True, DHS: True}
        assert in_force(library, "2026-01-01") == {HSI: True}
        assert isinstance(decide(search, library=library), Permit)

    @pytest.mark.parametrize("status", ["in force", "unknown"])
    def test_a_pack_that_merely_ran_out_keeps_its_forbids_and_loses_its_permits(
        self, packs, search, decide, status: str
    ) -> None:
        retire(packs, HSI, status, "2026-01-01")
        library = packs.load()
        search["probe"]["sketch"] = True

        refusal = decide(search, library=library)

        assert in_force(library, "2026-06-01") == {HSI: False, DHS: True}
        assert refusal.clauses == ("road/pack", "HSI-M/2-probe")
        assert "ran out on 2026-01-01" in refusal.unmet[0].missing
        assert library.in_force(at("2026-06-01")).digest != library.in_force(at("2025-06-01")).digest

    def test_a_superseded_pack_leaves_only_when_its_successor_is_in_force(
        self, packs, search, decide
    ) -> None:
        retire(packs, HSI, "superseded", "2022-01-01", successor=DHS)
        library = packs.load()

        assert in_force(library, "2021-12-31") == {HSI: True}
        assert in_force(library, "2023-01-01") == {HSI: False}
        assert in_force(library, "2024-01-01") == {DHS: True}

    def test_a_successor_that_was_withdrawn_in_turn_has_taken_over(self, packs) -> None:
        retire(packs, HSI, "superseded", "2022-01-01", successor=DHS)
        retire(packs, DHS, "withdrawn", "2025-01-01")

        assert in_force(packs.load(), "2026-01-01") == {}

    def test_a_successor_that_merely_ran_out_stays_with_its_forbids(self, packs) -> None:
        retire(packs, HSI, "superseded", "2022-01-01", successor=DHS)
        retire(packs, DHS, "unknown", "2025-01-01")

        assert in_force(packs.load(), "2026-01-01") == {HSI: False, DHS: False}

    def test_two_packs_that_supersede_each_other_both_stay(self, packs) -> None:
        """A ring of successors is no takeover."""
        retire(packs, HSI, "superseded", "2024-01-01", successor=DHS)
        retire(packs, DHS, "superseded", "2025-01-01", successor=HSI)

        assert in_force(packs.load(), "2026-01-01") == {HSI: False, DHS: False}

    def test_a_superseded_pack_names_its_successor(self, packs) -> None:
        retire(packs, HSI, "superseded", "2022-01-01")

        with pytest.raises(PackError, match="a superseded document has a successor"):
            packs.load()


class TestOneAfterAnother:
    def _second(self, packs, begin: str) -> None:
        """A later pack that takes the directive's one permit over."""
        (packs.folder / "dhs-later").mkdir()
        for name in ("source.toml", "clauses.toml", "conditions.toml", "rules.cedar"):
            text = (packs.folder / DHS / name).read_text("utf-8")
            text = text.replace('@id("dhs-', '@id("later-').replace("= 2023-09-11", f"= {begin}")
            (packs.folder / "dhs-later" / name).write_text(text, "utf-8")
        packs.edit("composition.toml", '"dhs-026-11"]', '"dhs-026-11", "dhs-later"]')

    def test_two_packs_may_permit_the_same_action_on_different_days(self, packs) -> None:
        self._second(packs, "2025-01-01")
        retire(packs, DHS, "superseded", "2025-01-01", successor="dhs-later")

        library = packs.load()

        assert in_force(library, "2024-12-31") == {HSI: True, DHS: True}
        assert in_force(library, "2025-01-01") == {HSI: True, "dhs-later": True}
        assert library.in_force(at("2025-06-01")).actions["analysis"].permit == "later-analysis"
        assert library.clause("D-026-11/testing").pack == "dhs-later"

    def test_not_on_the_same_days(self, packs) -> None:
        self._second(packs, "2025-01-01")

        with pytest.raises(
            PackError, match=f"`analysis` is permitted by this pack and by `{DHS}` on the same days"
        ):
            packs.load()


def test_a_lapsed_permit_never_permits(packs, search, decide) -> None:
    retire(packs, HSI, "in force", "2026-01-01")

    assert isinstance(decide(search, library=packs.load()), Refusal)
