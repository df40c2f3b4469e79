"""A pack that cannot be trusted does not load: file, line, what is wrong and what to do."""

import re
from pathlib import Path

import pytest

from counterseal.policy import PackError, Status, UnknownClauseError, load_policies

HSI = "hsi-frs-2021"
DHS = "dhs-026-11"

# What is planted: (file, old, new, words of the error). An empty `old` appends.
FAULTS = {
    "two permits of one action": (
        f"{HSI}/rules.cedar",
        "",
        '@id("x")\n@conditions("caveat")\npermit (principal, action == Action::"disclosure", resource)\n'
        "when { context.disclosure.caveat_included };\n",
        "`disclosure` is permitted twice",
    ),
    "a permit in a pack that may not permit it": (
        f"{DHS}/rules.cedar",
        "",
        '@id("x")\n@conditions("analysis-terms")\npermit (principal, action == Action::"disclosure", resource)\n'
        "when { context.disclosure.caveat_included };\n",
        "`x` permits `disclosure`, which `permits` of source.toml does not list; a pack that may not permit",
    ),
    "a permit of everything": (
        f"{DHS}/rules.cedar",
        "",
        '@id("x")\n@conditions("analysis-terms")\npermit (principal, action, resource)\nwhen { principal.active };\n',
        "which `permits` of source.toml does not list",
    ),
    "an action that two packs permit": (
        f"{DHS}/source.toml",
        'permits = ["analysis", "verify-claim"]',
        'permits = ["analysis", "verify-claim", "disclosure"]',
        "lists `disclosure` under `permits`, and no policy permits it",
    ),
    "more names than conditions": (
        f"{HSI}/rules.cedar",
        '"discloser, disclosure-logged,',
        '"discloser, caveat, disclosure-logged,',
        "names 6 conditions and has 5",
    ),
    "a condition named twice": (
        f"{HSI}/rules.cedar",
        '"discloser, disclosure-logged,',
        '"discloser, discloser,',
        "names a condition twice",
    ),
    "a condition without words": (
        f"{HSI}/rules.cedar",
        '"discloser, disclosure-logged,',
        '"discloser, unheard-of,',
        "condition `unheard-of` is not in conditions.toml",
    ),
    "a condition that no permit names": (
        f"{HSI}/conditions.toml",
        "",
        '[idle]\nclauses = ["road/role"]\nmissing = "m"\nremedy = "r"\n',
        "no permit names the condition `idle`",
    ),
    "a condition of an unknown clause": (
        f"{HSI}/conditions.toml",
        '["HSI-M/4C4-terms"]',
        '["HSI-M/9Z"]',
        "clause `HSI-M/9Z` is not in clauses.toml",
    ),
    "a policy of a clause that cedar is not said to hold": (
        f"{DHS}/rules.cedar",
        '@clause("D-026-11/testing")',
        '@clause("D-026-11/def-fr")',
        "clause `D-026-11/def-fr` is not said to be held by cedar",
    ),
    "a clause that nobody holds": (
        f"{HSI}/clauses.toml",
        "",
        '[[clause]]\nid = "X"\nkind = "duty"\nsection = "s"\nsays = "s"\nheld_by = ["cedar"]\n',
        "clause `X` is said to be held by cedar, and no policy names it",
    ),
    "a clause listed twice": (
        f"{HSI}/clauses.toml",
        'id = "HSI-B/compare"',
        'id = "HSI-B/parameters"',
        "clause `HSI-B/parameters` is listed twice",
    ),
    "a kind of clause that there is not": (
        f"{HSI}/clauses.toml",
        'kind = "definition"',
        'kind = "wish"',
        "`wish` is no kind of clause",
    ),
    "a holder that there is not": (
        f"{HSI}/clauses.toml",
        'held_by = ["cedar", "engine"]',
        'held_by = ["hope"]',
        "`hope` holds nothing up",
    ),
    "not covered without a reason": (
        f"{DHS}/clauses.toml",
        'held_by = ["engine"]',
        'held_by = ["not covered"]',
        "needs a `reason` if, and only if",
    ),
    "a clause without words": (f"{DHS}/clauses.toml", 'says = "Estim', 'said = "Estim', "`says` is missing"),
    "an empty text": (f"{DHS}/clauses.toml", 'section = "unverified"', 'section = " "', "`section` is empty"),
    "a list that is no list of texts": (
        f"{HSI}/conditions.toml",
        'clauses = ["road/role"]',
        "clauses = [1]",
        "`clauses` must be a list of texts",
    ),
    "a list that is empty": (
        f"{HSI}/conditions.toml",
        'clauses = ["road/role"]',
        "clauses = []",
        "`clauses` must be a list of texts",
    ),
    "a list that names something twice": (
        f"{HSI}/conditions.toml",
        'clauses = ["road/role"]',
        'clauses = ["road/role", "road/role"]',
        "names something twice",
    ),
    "a table that is none": (
        f"{HSI}/conditions.toml",
        "[searcher]",
        "stray = 1\n[searcher]",
        "`.*` is not a table",
    ),
    "a field that is none": (
        f"{HSI}/conditions.toml",
        'missing = "You',
        'extra = 1\nmissing = "You',
        "`extra` is not a field",
    ),
    "TOML that is none": (f"{HSI}/conditions.toml", "[searcher]", "[searcher", "not valid TOML"),
    "an id used twice in a file": (
        f"{DHS}/rules.cedar",
        '@id("dhs-test-overdue")',
        '@id("dhs-not-tested")',
        "the id `dhs-not-tested` is used twice",
    ),
    "an id used twice in two packs": (
        f"{DHS}/rules.cedar",
        '@id("dhs-test-overdue")',
        '@id("hsi-sketch")',
        "the id `hsi-sketch` is also used in",
    ),
    "a forbid without its clause": (
        f"{DHS}/rules.cedar",
        '@clause("D-026-11/testing")\n',
        "",
        "the policy has no @clause; annotate it with @clause",
    ),
    "a forbid without a remedy": (
        f"{DHS}/rules.cedar",
        '@remedy("Have it tested again, or choose a service whose test is current.")\n',
        "",
        "the policy has no @remedy",
    ),
    "a policy without an id": (
        f"{DHS}/rules.cedar",
        '@id("dhs-test-overdue")\n',
        "",
        "the policy has no @id",
    ),
    "Cedar that is none": (
        f"{DHS}/rules.cedar",
        "context.volume.case_faces > 10",
        "context.volume.case_faces > > 10",
        "Cedar cannot read it",
    ),
    "Cedar that is none before the first id": (
        f"{DHS}/rules.cedar",
        "// The directive as policies",
        "permit (\n// The directive as policies",
        "Cedar cannot read it",
    ),
    "a broken policy that has no id": (
        f"{DHS}/rules.cedar",
        "",
        "permit (principal, action\n",
        "Cedar cannot read it",
    ),
    "a template": (
        f"{DHS}/rules.cedar",
        "",
        '@id("t")\nforbid (principal == ?principal, action, resource);\n',
        "a template",
    ),
    "an attribute that the schema does not have": (
        f"{DHS}/rules.cedar",
        "context.volume.case_faces > 10",
        "context.volume.faces > 10",
        "does not fit the schema",
    ),
    "a forbid that `has` guards": (
        f"{DHS}/rules.cedar",
        "when { context.volume.case_faces > 10 }",
        "when { context.volume has case_faces && context.volume.case_faces > 10 }",
        "uses `has`: an absent fact would pass it by",
    ),
    "a policy about one person": (
        f"{DHS}/rules.cedar",
        "",
        '@id("p")\n@clause("D-026-11/testing")\n@missing("m")\n@remedy("r")\n'
        'forbid (principal == Person::"a", action, resource);\n',
        "names one principal: a pack is about everybody",
    ),
    "a policy about things in one service": (
        f"{DHS}/rules.cedar",
        "",
        '@id("p")\n@clause("D-026-11/testing")\n@missing("m")\n@remedy("r")\n'
        'forbid (principal, action, resource is Service in Service::"a");\n',
        "names one resource",
    ),
    "an obligation that forbids": (
        f"{HSI}/obligations.cedar",
        "permit (",
        "forbid (",
        "a forbid has no place among the obligations",
    ),
    "an obligation without a time": (
        f"{HSI}/obligations.cedar",
        '@within("PT24H")',
        '@within("P0D")',
        "`P0D` is no time",
    ),
    "an obligation with a time that is none": (
        f"{HSI}/obligations.cedar",
        '@within("PT24H")',
        '@within("soon")',
        "`soon` is no time",
    ),
    "an obligation without an owner": (
        f"{HSI}/obligations.cedar",
        '@owner("supervisor")\n',
        "",
        "the policy has no @owner",
    ),
    "an attestation that no policy demands": (
        f"{HSI}/attestations.toml",
        'version = "2021-01"',
        'version = "2027-01"',
        'no policy demands `certificate.best_practice_version == "2027-01"`',
    ),
    "a policy that demands another attestation": (
        f"{HSI}/rules.cedar",
        'certificate.course_version == "2026.1"',
        'certificate.course_version == "2027.1"',
        # Two permits ask for the course: the first is changed, so the second must be too.
        "",
    ),
    "a number of words that no policy demands": (
        f"{HSI}/narrative.toml",
        "minimum_distinct_words = 8",
        "minimum_distinct_words = 3",
        "no policy demands `purpose.narrative.distinct_words >= 3`",
    ),
    "a number of words that is no number": (
        f"{HSI}/narrative.toml",
        "minimum_distinct_words = 8",
        "minimum_distinct_words = true",
        "must be a whole number",
    ),
    "a stop word in capitals": (
        f"{HSI}/narrative.toml",
        '"police"',
        '"Police"',
        "`Police` is not one word in lower case",
    ),
    "a stop word of two": (
        f"{HSI}/narrative.toml",
        '"police"',
        '"police work"',
        "is not one word in lower case",
    ),
    "somebody who may decline and is no group": (
        f"{DHS}/opt-out.toml",
        'who_may = "us-citizens"',
        'who_may = "residents"',
        "`residents` is nobody who may decline",
    ),
    "a list of choices that never runs out": (
        f"{DHS}/opt-out.toml",
        "list_valid_days = 31",
        "list_valid_days = 3100",
        "a list cannot be valid for 3100 days",
    ),
    "a list of choices that is stale when it is signed": (
        f"{DHS}/opt-out.toml",
        "list_valid_days = 31",
        "list_valid_days = 0",
        "a list cannot be valid for 0 days",
    ),
    "a status that there is not": (f"{HSI}/source.toml", '"in force"', '"fine"', "`fine` is no status"),
    "a day that is an instant": (
        f"{HSI}/source.toml",
        "= 2021-01-15",
        "= 2021-01-15T00:00:00Z",
        "`in_force_from` must be a day",
    ),
    "dates the wrong way round": (
        f"{HSI}/source.toml",
        "note =",
        "in_force_until = 2020-01-01\nnote =",
        "is not after `in_force_from`",
    ),
    "a withdrawal without a day": (
        f"{HSI}/source.toml",
        '"in force"',
        '"withdrawn"',
        "a document that is withdrawn has a last day",
    ),
    "a successor that there is not": (
        f"{HSI}/source.toml",
        "note =",
        'successor = "hsi-frs-2031"\nnote =',
        "the successor `hsi-frs-2031` is no pack",
    ),
    "a permit of an action that there is not": (
        f"{HSI}/source.toml",
        '"disclosure"',
        '"match"',
        "`match` is no action",
    ),
    "a source without a note": (f"{DHS}/source.toml", "note =", "# note =", "`note` is missing"),
    "a schema with an optional fact": (
        "schema.cedarschema",
        "  assigned: Bool,",
        "  assigned?: Bool,",
        "`assigned` is optional",
    ),
}


@pytest.mark.parametrize("fault", [name for name, planted in FAULTS.items() if planted[3]])
def test_a_planted_fault_is_refused_with_its_place(packs, fault: str) -> None:
    name, old, new, words = FAULTS[fault]
    packs.edit(name, old, new) if old else packs.append(name, new)

    with pytest.raises(PackError, match=words if ".*" in words else re.escape(words)) as caught:
        packs.load()

    assert caught.value.file.suffix in (".toml", ".cedar", ".cedarschema")
    assert caught.value.remedy in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (f"{DHS}/rules.cedar", "context.volume.case_faces > 10", "context.volume.case_faces > > 10"),
        (f"{DHS}/rules.cedar", "context.volume.case_faces > 10", "context.volume.faces > 10"),
        (f"{DHS}/rules.cedar", '@id("dhs-case-volume")', '@id("dhs-person-volume")'),
    ],
)
def test_a_fault_in_a_policy_is_found_at_that_policy(packs, name: str, old: str, new: str) -> None:
    lines = (packs.folder / name).read_text("utf-8").splitlines()
    begin = lines.index('@id("dhs-case-volume")') + 1
    packs.edit(name, old, new)

    with pytest.raises(PackError) as caught:
        packs.load()

    assert begin <= caught.value.line <= begin + 4
    assert f"{name}:{caught.value.line}:" in str(caught.value)


def test_a_new_version_of_a_text_is_demanded_by_every_permit_or_not_at_all(packs) -> None:
    """Where one permit is forgotten, the attestation still loads by the other: the gate's cases catch it."""
    name, old, new, _ = FAULTS["a policy that demands another attestation"]

    packs.edit(name, old, new)
    packs.load()
    packs.edit(name, old, new)

    with pytest.raises(PackError, match=r"no policy demands `certificate\.course_version"):
        packs.load()


class TestFiles:
    def test_an_unknown_file_is_refused(self, packs) -> None:
        packs.append(f"{HSI}/rule.cedar", "")

        with pytest.raises(PackError, match="no file of a pack has this name"):
            packs.load()

    def test_a_missing_file_is_named(self, packs) -> None:
        (packs.folder / HSI / "rules.cedar").unlink()

        with pytest.raises(PackError, match="the file is missing") as caught:
            packs.load()
        assert caught.value.line == 0

    def test_a_file_that_is_no_text_is_named(self, packs) -> None:
        (packs.folder / HSI / "rules.cedar").write_bytes(b"\xff\xfe")

        with pytest.raises(PackError, match="the file cannot be read"):
            packs.load()

    def test_an_empty_folder_is_refused(self, packs, tmp_path: Path) -> None:
        (tmp_path / "schema.cedarschema").write_text((packs.folder / "schema.cedarschema").read_text())
        (tmp_path / "policies").rename(tmp_path.parent / f"{tmp_path.name}-away")

        with pytest.raises(PackError, match="there is no pack in this folder"):
            load_policies(tmp_path)

    def test_a_folder_without_a_schema_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(PackError, match="the schema cannot be read"):
            load_policies(tmp_path)

    def test_a_pack_may_do_without_obligations_texts_and_parameters(self, packs) -> None:
        for name in ("obligations.cedar", "attestations.toml", "narrative.toml"):
            (packs.folder / HSI / name).unlink()
        for clause in ("HSI-M/4C3-after-review", "HSI-M/4E4-supervisor-review"):
            text = (packs.folder / HSI / "clauses.toml").read_text("utf-8")
            begin = text.index(f'id = "{clause}"')
            (packs.folder / HSI / "clauses.toml").write_text(
                text[:begin] + text[begin:].replace('"cedar", ', "", 1), "utf-8"
            )

        library = packs.load()

        with pytest.raises(UnknownClauseError, match="of the kind `course`"):
            library.attestation("course")
        with pytest.raises(UnknownClauseError, match=r"no pack has a narrative\.toml"):
            _ = library.narrative


class TestLibrary:
    def test_the_road_s_own_clauses_stand_beside_those_of_the_documents(self, library) -> None:
        """Those of the documents are counted in test_coverage.py."""
        assert [clause.id for clause in library.clauses if clause.pack == "road"] == [
            "road/facts", "road/engine", "road/pack", "road/role"
        ]  # fmt: skip

    def test_a_clause_is_found_by_its_id(self, library) -> None:
        assert library.clause("HSI-M/4A3-training").section == "4.A.3"
        assert library.clause("D-026-11/testing").pack == DHS
        assert library.clause("road/facts").pack == "road"
        with pytest.raises(UnknownClauseError, match="no pack has the clause `HSI-M/9Z`"):
            library.clause("HSI-M/9Z")

    def test_a_text_to_attest_to_is_found_by_its_kind(self, library) -> None:
        texts = {kind: library.attestation(kind) for kind in ("course", "best-practice", "safeguards")}

        assert {kind: text.version for kind, text in texts.items()} == {
            "course": "2026.1", "best-practice": "2021-01", "safeguards": "2021-01"
        }  # fmt: skip
        assert texts["course"].course == "frs-investigator"

    def test_the_stop_list_has_the_words_of_life(self, library) -> None:
        assert {"investigation", "case", "police", "test"} <= library.narrative.stop_list
        assert library.narrative.minimum_distinct_words == 8

    def test_the_directive_s_status_is_said_to_be_unknown(self, library) -> None:
        (source,) = [pack.source for pack in library.packs if pack.source.id == DHS]

        assert source.status is Status.UNKNOWN
        assert "no withdrawal" in source.note

    def test_no_sentence_is_said_in_the_words_of_another(self, library) -> None:
        """Two clauses with the same text would be one clause."""
        says = [clause.says for clause in library.clauses]

        assert len(says) == len(set(says))


class TestDigest:
    def test_is_the_same_for_the_same_files(self, library, packs) -> None:
        assert packs.load().digest == library.digest
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", library.digest)

    @pytest.mark.parametrize(
        "name",
        [
            "schema.cedarschema", f"{HSI}/source.toml", f"{HSI}/clauses.toml", f"{HSI}/conditions.toml",
            f"{HSI}/rules.cedar", f"{HSI}/obligations.cedar", f"{HSI}/attestations.toml", f"{HSI}/narrative.toml",
            f"{DHS}/opt-out.toml",
        ],
    )  # fmt: skip
    def test_changes_with_each_file_that_decides(self, library, packs, name: str) -> None:
        packs.append(name, "\n")

        assert packs.load().digest != library.digest

    def test_does_not_change_with_a_case(self, library, packs) -> None:
        packs.append(f"{HSI}/cases/search.toml", "\n")

        assert packs.load().digest == library.digest


def test_the_sweep_saw_the_faults() -> None:
    """An empty sweep must fail."""
    assert len([name for name, planted in FAULTS.items() if planted[3]]) >= 50
