"""A bad pack is refused on load with file, line and remedy, and what was running goes on deciding."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.policy import PackError, instant_of
from counterseal.policy.together import sign_pack
from counterseal.terms.decisions import Permit, Refusal

MD, HSI, PS = "us-md-2024", "hsi-frs-2021", "dhs-139-06"
SEARCH = '[Action::"verification", Action::"two-photographs", Action::"identification"]'
NOTES = '@clause("MD/2-503-offences")\n@missing("m")\n@remedy("r")\n'


def _permit_in_an_overlay(packs) -> None:
    packs.append(
        f"{MD}/rules.cedar", '\n@id("md-open")\n@conditions("any")\npermit (principal, action, resource);\n'
    )


def _permits_listed_in_an_overlay(packs) -> None:
    packs.edit(f"{MD}/source.toml", "permits = []", 'permits = ["analysis"]')


def _zero_quorum(packs) -> None:
    packs.edit("composition.toml", "persons = 2", "persons = 0")


def _duplicate_id(packs) -> None:
    packs.edit(f"{MD}/rules.cedar", '@id("md-training")', '@id("md-offence")')


def _duplicate_clause(packs) -> None:
    packs.edit(f"{MD}/clauses.toml", 'id = "MD/2-504"', 'id = "MD/2-501"')


def _clause_nobody_holds(packs) -> None:
    packs.edit(f"{PS}/clauses.toml", 'held_by = ["transition", "register"]', "held_by = []")


def _cedar_clause_without_a_policy(packs) -> None:
    packs.edit(f"{MD}/clauses.toml", 'held_by = ["engine"]', 'held_by = ["engine", "cedar"]')


def _form_missing(packs) -> None:
    packs.edit(f"{PS}/clauses.toml", 'held_by = ["transition", "register"]', 'held_by = ["organisational"]')


def _unknown_attribute(packs) -> None:
    packs.edit(f"{MD}/rules.cedar", "context.maryland.training_due", "context.maryland.training_over")


def _policy_that_can_err(packs) -> None:
    packs.edit(
        f"{HSI}/rules.cedar", "context.volume.batch == 1", "context.volume.batch * context.volume.batch == 1"
    )


def _overlapping_dates(packs) -> None:
    import shutil

    shutil.copytree(packs.folder / HSI, packs.folder / "hsi-frs-2030")
    for name in ("rules.cedar", "obligations.cedar"):
        path = packs.folder / "hsi-frs-2030" / name
        path.write_text(path.read_text().replace('@id("hsi-', '@id("hsi30-'))


def _group_of_another_overlay(packs) -> None:
    packs.edit("us-wa-43-386/facts.cedarschema", "{ washington: Washington }", "{ maryland: Washington }")


def _group_of_the_base(packs) -> None:
    packs.edit(f"{MD}/facts.cedarschema", "{ maryland: Maryland }", "{ probe: Maryland }")


def _optional_fact(packs) -> None:
    packs.edit(f"{MD}/facts.cedarschema", "offence: String", "offence?: String")


def _fact_about_nothing(packs) -> None:
    packs.edit(f"{MD}/facts.cedarschema", '@about("case")', '@about("weather")')


def _unread_line_not_marked(packs) -> None:
    packs.edit(f"{MD}/clauses.toml", "verified = true\n", "")


def _composed_and_not_there(packs) -> None:
    packs.edit("composition.toml", '"beyond-the-text"', '"beyond-the-book"')


def _overlay_composed_as_base(packs) -> None:
    packs.edit("composition.toml", '"dhs-026-11"', '"dhs-026-11", "us-md-2024"')


def _signature_without_a_signer(packs) -> None:
    packs.append(f"{MD}/pack.sig", "AAAA\n")


FAULTS: dict[str, tuple[Callable, str, str]] = {
    "a permit in an overlay": (_permit_in_an_overlay, f"{MD}/rules.cedar", "permits"),
    "an overlay that lists permits": (_permits_listed_in_an_overlay, f"{MD}/source.toml", "an overlay permits nothing"),
    "a zero quorum": (_zero_quorum, "composition.toml", "0 persons cannot watch one another"),
    "a duplicate id": (_duplicate_id, f"{MD}/rules.cedar", "`md-offence` is used twice"),
    "a duplicate clause": (_duplicate_clause, f"{MD}/clauses.toml", "`MD/2-501` is listed twice"),
    "a clause nobody holds": (_clause_nobody_holds, f"{PS}/clauses.toml", "nobody holds clause"),
    "a clause that cedar does not hold": (
        _cedar_clause_without_a_policy, f"{MD}/clauses.toml", "no policy names it",
    ),
    "an organisational clause without a form": (_form_missing, f"{PS}/clauses.toml", "needs a `form`"),
    "an unknown attribute": (_unknown_attribute, f"{MD}/rules.cedar", "training_over"),
    "a policy that can err": (_policy_that_can_err, f"{HSI}/rules.cedar", "could end in an error by `*`"),
    "overlapping dates": (_overlapping_dates, "source.toml", "on the same days"),
    "a group that two packs bring": (_group_of_another_overlay, "us-wa-43-386", "washington"),
    "a group of the base": (_group_of_the_base, f"{MD}/facts.cedarschema", "has a group `probe` already"),
    "an optional fact": (_optional_fact, f"{MD}/facts.cedarschema", "`offence` is optional"),
    "a fact about nothing": (_fact_about_nothing, f"{MD}/facts.cedarschema", "@about"),
    "a line that is not said to be read": (_unread_line_not_marked, f"{MD}/clauses.toml", "whether its text was read"),
    "a composed pack that is not there": (_composed_and_not_there, "composition.toml", "no pack `beyond-the-book`"),
    "an overlay composed as base": (_overlay_composed_as_base, "composition.toml", "of the layer overlay"),
    "a signature that nobody may make": (_signature_without_a_signer, f"{MD}/pack.sig", "names no signer"),
}  # fmt: skip
WITHOUT_A_LINE = {"overlapping dates", "a signature that nobody may make"}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_is_refused_and_the_running_packs_stay(packs, search, decide, fault: str) -> None:
    running = packs.load()
    digest = running.in_force(instant_of(search)).digest
    spoil, file, words = FAULTS[fault]
    spoil(packs)

    with pytest.raises(PackError) as caught:
        packs.load()

    assert file in str(caught.value.file)
    assert words in caught.value.says
    assert caught.value.remedy
    assert (caught.value.line == 0) is (fault in WITHOUT_A_LINE)
    assert running.in_force(instant_of(search)).digest == digest
    assert isinstance(decide(search, library=running), Permit)
    search["probe"]["sketch"] = True
    assert isinstance(decide(search, library=running), Refusal)


class TestSignatures:
    @pytest.fixture
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    @pytest.fixture
    def signed(self, packs, key: Ed25519PrivateKey):
        for pack in packs.load().packs:
            packs.append(f"{pack.source.id}/pack.sig", sign_pack(pack, key))
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        return packs.edit("composition.toml", "signers = []", f'signers = ["{public}"]')

    def test_a_good_one_holds(self, signed) -> None:
        assert len(signed.load().packs) == 8

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda p: p.append("us-md-2024/rules.cedar", "// more\n"), "not one of these files"),
            (lambda p: p.append("us-md-2024/pack.sig", "A"), "not one of these files"),
            (lambda p: (p.folder / "us-md-2024/pack.sig").unlink(), "the file is missing"),
            (
                lambda p: (p.folder / "us-md-2024/pack.sig").write_bytes(
                    (p.folder / "us-wa-43-386/pack.sig").read_bytes()
                ),
                "not one of these files",
            ),
        ],
    )
    def test_a_bad_one_is_refused(self, signed, spoil, words: str) -> None:
        running = signed.load()
        spoil(signed)

        with pytest.raises(PackError, match=words) as caught:
            signed.load()

        assert caught.value.file.name == "pack.sig"
        assert len(running.packs) == 8

    def test_another_s_key_does_not_sign(self, signed) -> None:
        stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
        pack = signed.load().pack("us-md-2024")
        (signed.folder / "us-md-2024/pack.sig").write_text(sign_pack(pack, stranger))

        with pytest.raises(PackError, match="not one of these files"):
            signed.load()

    def test_a_key_that_is_none(self, packs) -> None:
        packs.edit("composition.toml", "signers = []", 'signers = ["abc"]')

        with pytest.raises(PackError, match="is no Ed25519 key"):
            packs.load()
