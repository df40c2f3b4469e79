"""OSCAL documents: the same every time, true to coverage and monitors, and every spoilt one is found."""

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from counterseal.cli.commands.oscal import read_gates, read_proofs
from counterseal.gateway.export_oscal import oscal_documents
from counterseal.gateway.run_monitors import run_monitors
from counterseal.oversight.monitors.monitor import Result, Violation
from counterseal.oversight.monitors.watch import Watched
from counterseal.oversight.oscal.catalog import catalog
from counterseal.oversight.oscal.check import REQUIRED, ROOTS, check
from counterseal.oversight.oscal.component import component_definition
from counterseal.oversight.oscal.errors import OscalUnreadableError
from counterseal.oversight.oscal.parts import Edition, control_id, identifier
from counterseal.oversight.oscal.results import Gate, Proved, Seen, assessment_results
from counterseal.policy import load_policies
from counterseal.policy.cases import load_cases
from counterseal.policy.coverage import Covered, coverage
from counterseal.shipped import shipped
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice

POLICIES = shipped("policies")
Json = Any


@pytest.fixture
def documents(office: SimulatedOffice) -> dict[str, Json]:
    """The three documents of a founded office, read."""
    files = oscal_documents(office.office, policies=POLICIES)
    return {name: json.loads(data) for name, data in files.items()}


@pytest.fixture
def rows(office: SimulatedOffice) -> tuple[Covered, ...]:
    library = office.office.policies
    return coverage(library, load_cases(POLICIES, shipped("examples")), at=office.clock.now)


def written(documents: dict[str, Json]) -> dict[str, bytes]:
    return {name: json.dumps(document).encode() for name, document in documents.items()}


def results_of(documents: dict[str, Json]) -> Json:
    return documents["assessment-results.json"]["assessment-results"]["results"][0]


def finding(documents: dict[str, Json], clause: str) -> Json:
    [found] = [each for each in results_of(documents)["findings"] if each["title"] == clause]
    return found


class TestWhatIsWritten:
    def test_the_same_log_gives_the_same_bytes(self, office: SimulatedOffice) -> None:
        first = oscal_documents(office.office, policies=POLICIES)
        office.clock.forward(days=3)

        assert first == oscal_documents(office.office, policies=POLICIES)
        assert check(first) == ()

    def test_another_entry_gives_other_results_and_the_same_controls(self, office: SimulatedOffice) -> None:
        first = oscal_documents(office.office, policies=POLICIES)
        office.case()
        second = oscal_documents(office.office, policies=POLICIES)

        roots = [
            json.loads(each["assessment-results.json"])["assessment-results"] for each in (first, second)
        ]
        assert roots[0]["uuid"] != roots[1]["uuid"]
        ours, theirs = (json.loads(each["component-definition.json"]) for each in (first, second))
        for document in (ours, theirs):
            document["component-definition"]["metadata"].pop("last-modified")
        assert ours == theirs

    def test_every_clause_is_a_control_a_requirement_and_a_finding(
        self, documents: dict[str, Json], rows: tuple[Covered, ...]
    ) -> None:
        groups = documents["catalog.json"]["catalog"]["groups"]
        controls = [control for group in groups for control in group["controls"]]
        component = documents["component-definition.json"]["component-definition"]["components"][0]
        requirements = component["control-implementations"][0]["implemented-requirements"]

        assert len(rows) >= 61
        assert [c["id"] for c in controls] == [control_id(row.clause.id) for row in rows]
        assert [r["control-id"] for r in requirements] == [c["id"] for c in controls]
        assert [f["title"] for f in results_of(documents)["findings"]] == [row.clause.id for row in rows]

    def test_it_claims_no_more_than_coverage_does(
        self, documents: dict[str, Json], rows: tuple[Covered, ...]
    ) -> None:
        """Not covered, not in force, only attested: never `satisfied`."""
        for row in rows:
            state = finding(documents, row.clause.id)["target"]["status"]["state"]
            held = set(map(str, row.clause.held_by))
            if "not covered" in held or not row.in_force or held == {"organisational"} or row.faults:
                assert state == "not-satisfied", row.clause.id
        states = [f["target"]["status"]["state"] for f in results_of(documents)["findings"]]
        assert states.count("satisfied") > 20

    def test_policies_tests_and_forms_are_named(
        self, documents: dict[str, Json], rows: tuple[Covered, ...]
    ) -> None:
        component = documents["component-definition.json"]["component-definition"]["components"][0]
        requirements = {
            each["control-id"]: each
            for each in component["control-implementations"][0]["implemented-requirements"]
        }
        for row in rows:
            requirement = requirements[control_id(row.clause.id)]
            values = {(p["name"], p["value"]) for p in requirement["props"]}
            assert {("policy", name) for name in row.policies} <= values
            assert {("test", name) for name in row.clause.tests} <= values
            assert row.clause.form is None or row.clause.form.what.split()[0] in requirement["description"]

    def test_the_checkpoint_is_in_it(self, office: SimulatedOffice, documents: dict[str, Json]) -> None:
        properties = {p["name"]: p["value"] for p in results_of(documents)["props"]}

        assert properties["tree-size"] == str(len(office.entries()))
        assert properties["log-origin"] == office.office.origin
        monitors = [o for o in results_of(documents)["observations"] if o["title"].startswith("Monitor ")]
        assert len(monitors) == 14


class TestWhatSpeaksAgainst:
    """A finding follows from what was observed, and from nothing else."""

    def made(
        self, office: SimulatedOffice, rows: tuple[Covered, ...], watched: Watched, **more: object
    ) -> Json:
        edition = Edition("0", "sha256:" + "0" * 64, office.clock.now)
        checkpoint = b"".join(note for name, note in _notes() if name == "checkpoint")
        documents = {
            "catalog.json": catalog(rows, edition),
            "component-definition.json": component_definition(rows, edition),
            "assessment-results.json": assessment_results(
                Seen(rows, watched, checkpoint, **more),  # type: ignore[arg-type]
                edition,
            ),
        }
        assert check(written(documents)) == ()
        return documents

    def with_result(self, watched: Watched, rule: str, **change: object) -> Watched:
        results = [replace(r, **change) if r.rule.id == rule else r for r in watched.results]  # type: ignore[arg-type]
        return replace(watched, results=tuple(results))

    def test_a_violation(self, office: SimulatedOffice, rows: tuple[Covered, ...]) -> None:
        watched = run_monitors(office.office)
        broken = Violation(office.clock.now, (3, 5), "a lead was marked by one person")

        documents = self.made(
            office, rows, self.with_result(watched, "two-reviewers-before-lead", violations=(broken,))
        )

        status = finding(documents, "HSI-M/2-candidate-list")["target"]["status"]
        assert status == {"state": "not-satisfied", "reason": "fail"}
        [evidence] = [
            e for o in results_of(documents)["observations"] for e in o.get("relevant-evidence", [])
            if "one person" in e["description"]
        ]  # fmt: skip
        assert [p["value"] for p in evidence["props"]] == ["3", "5"]

    def test_what_could_not_be_judged_is_not_satisfied(
        self, office: SimulatedOffice, rows: tuple[Covered, ...]
    ) -> None:
        watched = run_monitors(office.office)

        documents = self.made(office, rows, self.with_result(watched, "lead-noted", closed=(4,)))

        status = finding(documents, "HSI-M/4E2-results")["target"]["status"]
        assert status == {"state": "not-satisfied", "reason": "other"}

    def test_a_property_that_is_not_proved(self, office: SimulatedOffice, rows: tuple[Covered, ...]) -> None:
        clause = "HSI-M/4A2-traditional-means"
        watched = run_monitors(office.office)
        proofs = [Proved("prior-means", "No search without them.", "refuted", (clause, "no/clause"))]

        assert finding(self.made(office, rows, watched), clause)["target"]["status"]["state"] == "satisfied"
        documents = self.made(office, rows, watched, proofs=proofs, gates=[Gate("ruff", False, "one line")])
        assert finding(documents, clause)["target"]["status"] == {"state": "not-satisfied", "reason": "fail"}
        assert any("failed: one line" in o["description"] for o in results_of(documents)["observations"])

    def test_a_result_is_a_result(self, office: SimulatedOffice) -> None:
        """The fixture above changes what monitors say; they do say it in this type."""
        assert all(isinstance(result, Result) for result in run_monitors(office.office).results)


def _notes() -> list[tuple[str, bytes]]:
    from counterseal.gateway.run_monitors import StoredHistory

    return list(StoredHistory().notes())


SPOILT: dict[str, Callable[[dict[str, Json]], object]] = {
    "a control that is not there": lambda d: d["catalog.json"]["catalog"]["groups"][0]["controls"].pop(),
    "a requirement left out": lambda d: _requirements(d).pop(),
    "a requirement twice": lambda d: _requirements(d).append(copy.deepcopy(_requirements(d)[0])),
    "a requirement of another control": lambda d: _requirements(d)[0].update({"control-id": "nobody"}),
    "a finding left out": lambda d: results_of(d)["findings"].pop(),
    "a finding about no statement": lambda d: results_of(d)["findings"][0]["target"].update(
        {"target-id": "x"}
    ),
    "a finding on no requirement": lambda d: results_of(d)["findings"][0].update(
        {"implementation-statement-uuid": identifier("nothing")}
    ),
    "a finding on no observation": lambda d: results_of(d)["findings"][0]["related-observations"][0].update(
        {"observation-uuid": identifier("nothing")}
    ),
    "an observation of no component": lambda d: results_of(d)["observations"][0]["subjects"][0].update(
        {"subject-uuid": identifier("nothing")}
    ),
    "a link to no resource": lambda d: d["catalog.json"]["catalog"]["groups"][0]["links"][0].update(
        {"href": "#" + identifier("nothing")}
    ),
    "a source that is no resource": lambda d: d["component-definition.json"]["component-definition"][
        "back-matter"
    ].update({"resources": []}),
    "an identifier twice": lambda d: results_of(d)["findings"][0].update(
        {"uuid": results_of(d)["observations"][0]["uuid"]}
    ),
    "an identifier of another kind": lambda d: d["catalog.json"]["catalog"].update(
        {"uuid": "6ba7b811-9dad-11d1-80b4-00c04fd430c8"}
    ),
    "an id with a slash": lambda d: d["catalog.json"]["catalog"]["groups"][0].update({"id": "a/b"}),
    "an instant without a time zone": lambda d: results_of(d).update({"start": "2026-11-21T00:00:00"}),
    "no instant": lambda d: results_of(d).update({"start": "yesterday"}),
    "another version of OSCAL": lambda d: d["catalog.json"]["catalog"]["metadata"].update(
        {"oscal-version": "1.0.0"}
    ),
    "a value with a line break": lambda d: _requirements(d)[0]["props"][0].update({"value": "a\nb"}),
    "an empty list": lambda d: _requirements(d)[0].update({"props": []}),
    "a number": lambda d: _requirements(d)[0]["props"][0].update({"value": 3}),
    "no status": lambda d: results_of(d)["findings"][0]["target"].pop("status"),
}


def _requirements(documents: dict[str, Json]) -> Json:
    component = documents["component-definition.json"]["component-definition"]["components"][0]
    return component["control-implementations"][0]["implemented-requirements"]


class TestOurCheck:
    @pytest.mark.parametrize("name", SPOILT)
    def test_a_spoilt_document_is_found(self, name: str, documents: dict[str, Json]) -> None:
        assert check(written(documents)) == ()

        SPOILT[name](documents)

        assert check(written(documents)) != ()

    def test_every_required_member_is_missed(self, documents: dict[str, Json]) -> None:
        """Each of the table, taken out once where it first stands."""
        missed, known = 0, set()
        for file in ROOTS:
            for path, member in _objects(documents[file], ""):
                for name in sorted(REQUIRED.get(member, ())):
                    if (file, member, name) in known:
                        continue
                    known.add((file, member, name))
                    spoilt = copy.deepcopy(documents)
                    del _get(spoilt[file], path)[name]
                    faults = check(written(spoilt))
                    assert any(f"`{name}` is missing" in fault.says for fault in faults), (path, name)
                    missed += 1
        assert missed > 60

    @pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"{", b'{"catalog":', b'{"profile":{}}', b"\xff"])
    def test_no_document_is_said(self, data: bytes, documents: dict[str, Json]) -> None:
        with pytest.raises(OscalUnreadableError):
            check(written(documents) | {"catalog.json": data})

    def test_a_file_that_is_not_there_is_said(self) -> None:
        with pytest.raises(OscalUnreadableError, match="not there"):
            check({})

    @settings(max_examples=50, deadline=None)
    @example(value="0")
    @given(
        st.recursive(
            st.none() | st.text() | st.integers(),
            lambda s: (
                st.lists(s)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "uuid",
                            "id",
                            "groups",
                            "controls",
                            "parts",
                            "resources",
                            "href",
                            "props",
                            "metadata",
                            "control-id",
                        ]
                    ),
                    s,
                )
            ),
        )
    )
    def test_nonsense_is_a_fault_and_no_crash(self, value: object) -> None:  # fmt: skip
        files = {name: json.dumps({root: value}).encode() for name, root in ROOTS.items()}

        assert check(files) != ()


def _objects(value: Json, member: str, path: tuple[object, ...] = ()) -> list[tuple[tuple[object, ...], str]]:
    found: list[tuple[tuple[object, ...], str]] = []
    if isinstance(value, dict):
        found.append((path, member))
        for name, inner in value.items():
            found += _objects(inner, name, (*path, name))
    elif isinstance(value, list) and value:
        found += _objects(value[0], member, (*path, 0))
    return found


def _get(value: Json, path: tuple[object, ...]) -> Json:
    for step in path:
        value = value[step]
    return value


class TestWhatIsRead:
    def test_proofs_as_they_are_printed(self, tmp_path: Path) -> None:
        file = tmp_path / "proofs.json"
        file.write_text(
            '{"properties":[{"name":"a","says":"b","status":"proved","clauses":["c"],"over":"d"}]}'
        )

        assert read_proofs(file) == (Proved("a", "b", "proved", ("c",)),)

    @pytest.mark.parametrize("text", ["[]", "{}", '{"properties":[{}]}', '{"properties":3}', "no"])
    def test_other_proofs_are_refused(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "proofs.json").write_text(text)

        with pytest.raises(BadInputError, match=re.escape("proofs.json")):
            read_proofs(tmp_path / "proofs.json")

    @pytest.mark.parametrize("text", ["3", "{}x", '[{"name":"a"}]', '[{"name":"a","passed":"yes"}]', "[3]"])
    def test_other_gates_are_refused(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "gates.json").write_text(text)

        with pytest.raises(BadInputError, match=re.escape("gates.json")):
            read_gates(tmp_path / "gates.json")

    def test_gates(self, tmp_path: Path) -> None:
        (tmp_path / "gates.json").write_text('[{"name":"ruff","passed":true}]')

        assert read_gates(tmp_path / "gates.json") == (Gate("ruff", True),)


def test_load_policies_is_what_the_office_uses(office: SimulatedOffice) -> None:
    """The cases beside the packs are those of the packs that the office decides by."""
    at = office.clock.now - timedelta(0)

    assert load_policies(POLICIES).in_force(at).digest == office.office.policies.in_force(at).digest
