"""A pack counts, or counts no more, by persons of different offices, sealed with what that changes."""

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from counterseal.gateway.change_pack import acts_on_packs, confirm_pack_change, propose_pack_change
from counterseal.oversight.models import PackChange
from counterseal.policy import PolicyError, load_policies
from counterseal.policy.decide import authorise
from counterseal.policy.facts import instant_of
from counterseal.terms.decisions import Permit, Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import SimulatedOffice, made


def propose(office: SimulatedOffice, pack: str = "us-md-2024", *, by: str = "pat", **said: str):
    arguments = {"kind": "activate", **said}
    return propose_pack_change(office.office, pack=pack, by=office.who(by), **arguments)


def confirm(office: SimulatedOffice, change: PackChange, *, by: str = "cora", confirms: bool = True):
    return confirm_pack_change(office.office, change_id=change.id, confirms=confirms, by=office.who(by))


def overlays(office: SimulatedOffice, at: datetime | None = None) -> tuple[str, ...]:
    return office.office.policies.composition(at or office.clock.now).overlays


class TestTwoOffices:
    def test_it_counts_from_the_confirmation_on_and_not_before(self, office: SimulatedOffice) -> None:
        case = office.case()
        request = made(office.request(case, office.probe(case), limit=2))
        before = office.clock.now
        proposed = made(propose(office))
        assert overlays(office) == ("beyond-the-text",)

        made(confirm(office, proposed))

        refusal = office.search(request)
        assert isinstance(refusal, Refusal)
        assert "MD/2-503-offences" in refusal.clauses
        assert overlays(office) == ("beyond-the-text", "us-md-2024")
        assert overlays(office, before) == ("beyond-the-text",)

    def test_each_decision_names_the_pack_set_that_decided(self, office: SimulatedOffice) -> None:
        first = office.searched(limit=2).permit.pack_digest
        proposed = made(propose(office, "detroit-2024"))
        made(confirm(office, proposed))

        second = office.office.policies.in_force(office.clock.now)

        assert first != second.digest
        assert "detroit-2024" in [pack.source.id for pack in second.packs]

    def test_another_process_that_is_open_already_decides_by_it_too(self, office: SimulatedOffice) -> None:
        other = load_policies(office.office.home / "policies")
        other = replace(other, acts=acts_on_packs)
        made(confirm(office, made(propose(office))))

        assert (
            other.in_force(office.clock.now).digest
            == office.office.policies.in_force(office.clock.now).digest
        )

    @pytest.mark.parametrize("by", ["pat", "sol", "admin", "aud"])
    def test_neither_the_proposer_nor_whoever_keeps_no_packs_confirms(
        self, office: SimulatedOffice, by: str
    ) -> None:
        proposed = made(propose(office))

        office.sealed_refusal(confirm(office, proposed, by=by), "packchange.refused", "road/pack")
        assert overlays(office) == ("beyond-the-text",)

    def test_nor_a_colleague_of_the_proposer_s_office(self, office: SimulatedOffice) -> None:
        proposed = made(propose(office, by="rue"))

        office.sealed_refusal(confirm(office, proposed, by="reg"), "packchange.refused", "road/pack")

    def test_a_rejection_ends_it(self, office: SimulatedOffice) -> None:
        proposed = made(propose(office))
        made(confirm(office, proposed, confirms=False))

        with pytest.raises(StaleError):
            confirm(office, proposed, by="cio")
        assert overlays(office) == ("beyond-the-text",)

    def test_three_where_the_composition_asks_for_three(self, office: SimulatedOffice) -> None:
        path = office.office.home / "policies/composition.toml"
        path.write_text(path.read_text().replace("persons = 2", "persons = 3"))
        policies = replace(load_policies(path.parent), acts=acts_on_packs)
        office.office = replace(office.office, policies=policies)
        proposed = made(propose(office))

        assert made(confirm(office, proposed)).status == "proposed"
        assert isinstance(confirm(office, proposed, by="cora"), Refusal)
        assert made(confirm(office, proposed, by="cio")).status == "in-effect"


class TestDifference:
    def test_activating_an_overlay_shows_a_request_that_is_newly_denied(
        self, office: SimulatedOffice
    ) -> None:
        proposed = made(propose(office, "detroit-2024"))

        entry = next(e for e in reversed(office.entries()) if e.kind == "policy.change-proposed")
        said = json.loads(office.office.vault.open(proposed.difference))
        assert (entry.public["loosens"], entry.public["equivalent"]) == (False, False)
        assert {change["action"] for change in said["changes"]} == {"request-clearance", "clear-action"}
        before = office.office.policies.in_force(office.clock.now)
        after = office.office.policies.under("detroit-2024").in_force(office.clock.now)
        for change in said["changes"]:
            at = instant_of(change["request_after"])
            assert isinstance(authorise(change["request_after"], after, at=at), Refusal)
            assert isinstance(authorise(change["request_before"], before, at=at), Permit)

    def test_withdrawing_one_shows_what_is_newly_allowed(self, office: SimulatedOffice) -> None:
        made(confirm(office, made(propose(office, "detroit-2024"))))

        proposed = made(propose(office, "detroit-2024", kind="withdraw"))

        entry = next(e for e in reversed(office.entries()) if e.kind == "policy.change-proposed")
        assert entry.public["loosens"] is True
        made(confirm(office, proposed))
        assert overlays(office) == ("beyond-the-text",)

    def test_the_end_of_a_document_in_the_world_loosens_nothing_here(self, office: SimulatedOffice) -> None:
        """The policy statement was superseded in 2025; its forbids stay until two persons take it away."""
        (statement,) = (
            pack
            for pack in office.office.policies.in_force(office.clock.now).packs
            if pack.source.id == "dhs-139-06"
        )
        assert not statement.permits
        held = office.office.policies.in_force(office.clock.now).policies
        assert "ps-protected-basis" in {policy.id for policy in held}


class TestDatedVersions:
    def _next_version(self, office: SimulatedOffice) -> None:
        """A second version of the memorandum that knows one purpose more."""
        policies = office.office.home / "policies"
        shutil.copytree(policies / "hsi-frs-2021", policies / "hsi-frs-2026")
        for file in ("rules.cedar", "obligations.cedar"):
            path = policies / "hsi-frs-2026" / file
            text = path.read_text().replace('@id("hsi-', '@id("hsi26-')
            path.write_text(
                text.replace(
                    '["suspect-lead", "victim-lead", "witness-lead"]',
                    '["suspect-lead", "victim-lead", "witness-lead", "missing-person"]',
                )
            )
        source = policies / "hsi-frs-2026/source.toml"
        source.write_text(source.read_text().replace("2021-01-15\n", "2026-01-01\n"))

    def test_the_version_in_force_at_an_instant_decides(self, office: SimulatedOffice) -> None:
        self._next_version(office)
        # Two versions that permit the same on the same days do not load together: the older must have ended.
        old = office.office.home / "policies/hsi-frs-2021/source.toml"
        old.write_text(
            old.read_text()
            .replace('status = "in force"', 'status = "superseded"\nsuccessor = "hsi-frs-2026"')
            .replace("in_force_from = 2021-01-15", "in_force_from = 2021-01-15\nin_force_until = 2026-01-01")
        )
        composed = office.office.home / "policies/composition.toml"
        composed.write_text(composed.read_text().replace('"hsi-frs-2021"', '"hsi-frs-2021", "hsi-frs-2026"'))
        library = load_policies(old.parents[1])

        def permit(day: str) -> str | None:
            at = datetime.fromisoformat(f"{day}T00:00:00+00:00")
            return library.in_force(at).actions["identification"].permit

        assert permit("2025-12-31") == "hsi-search"
        assert permit("2026-01-01") == "hsi26-search"


class TestBadInput:
    @pytest.mark.parametrize(
        ("pack", "said", "words"),
        [
            ("us-tx-2031", {}, "there is no pack `us-tx-2031`"),
            ("beyond-the-text", {}, "composed already"),
            ("us-md-2024", {"kind": "withdraw"}, "not composed"),
            ("us-md-2024", {"kind": "suspend"}, "activate or withdraw"),
            ("us-md-2024", {"replaces": "hsi-frs-2021"}, "cannot take the place"),
            ("us-md-2024", {"replaces": "us-wa-43-386"}, "cannot take the place"),
        ],
    )
    def test_is_told(self, office: SimulatedOffice, pack: str, said: dict, words: str) -> None:
        with pytest.raises(BadInputError, match=words):
            propose(office, pack, **said)

    def test_one_open_proposal_a_pack(self, office: SimulatedOffice) -> None:
        made(propose(office))
        with pytest.raises(StaleError):
            propose(office, by="cio")

    def test_files_edited_after_the_activation_decide_nothing(self, office: SimulatedOffice) -> None:
        made(confirm(office, made(propose(office))))
        rules: Path = office.office.home / "policies/us-md-2024/rules.cedar"
        rules.write_text(rules.read_text().replace('"fugitive"', '"fugitive", "none"'))
        edited = replace(load_policies(rules.parents[1]), acts=acts_on_packs)

        with pytest.raises(PolicyError, match="are not those that were activated"):
            edited.in_force(office.clock.now + timedelta(seconds=1))

    def test_a_pack_edited_between_proposal_and_confirmation(self, office: SimulatedOffice) -> None:
        proposed = made(propose(office))
        rules: Path = office.office.home / "policies/us-md-2024/rules.cedar"
        rules.write_text(rules.read_text() + "// more\n")
        edited = replace(load_policies(rules.parents[1]), acts=acts_on_packs)
        office.office = replace(office.office, policies=edited)

        with pytest.raises(BadInputError, match="no longer those that were proposed"):
            confirm(office, proposed)
